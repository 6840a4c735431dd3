//! The second opinion: the same text read by another parser, as plain values.

use std::collections::BTreeMap;

use serde::Deserialize as _;
use serde_yaml::{Deserializer, Mapping, Value};

use super::refusal::{Reason, Stop};

/// Every document, aliases and `<<` resolved.
///
/// # Errors
/// Text that this parser rejects.
pub(super) fn read(text: &str) -> Result<Vec<Value>, Stop> {
    let mut documents = Vec::new();
    for document in Deserializer::from_str(text) {
        let value = Value::deserialize(document).map_err(|error| Stop {
            line: error.location().map(|location| location.line()),
            reason: Reason::Unparsable(error.to_string()),
        })?;
        documents.push(merged(value)?);
    }
    Ok(documents)
}

/// The parser bounds the depth of its values, so that recursion is bounded here.
fn merged(value: Value) -> Result<Value, Stop> {
    match value {
        Value::Mapping(map) => Ok(Value::Mapping(merged_mapping(map)?)),
        Value::Sequence(items) => items
            .into_iter()
            .map(merged)
            .collect::<Result<_, _>>()
            .map(Value::Sequence),
        Value::Tagged(mut tagged) => {
            tagged.value = merged(std::mem::take(&mut tagged.value))?;
            Ok(Value::Tagged(tagged))
        }
        plain => Ok(plain),
    }
}

fn merged_mapping(mut map: Mapping) -> Result<Mapping, Stop> {
    let sources = match map.shift_remove("<<") {
        None => Vec::new(),
        Some(Value::Sequence(sources)) => sources,
        Some(source) => vec![source],
    };
    let mut whole = Mapping::with_capacity(map.len());
    for (key, value) in map {
        whole.insert(key, merged(value)?);
    }
    for source in sources {
        let Value::Mapping(source) = merged(source)? else {
            return Err(Reason::Unparsable("`<<` merges something not a mapping".into()).into());
        };
        for (key, value) in source {
            whole.entry(key).or_insert(value);
        }
    }
    Ok(whole)
}

/// `services.<service>` in one document.
pub(super) fn service_mut<'v>(document: &'v mut Value, service: &str) -> Option<&'v mut Mapping> {
    document
        .get_mut("services")?
        .get_mut(service)?
        .as_mapping_mut()
}

/// What a document says, to be compared: much smaller than its values. Equal exactly where the
/// values are.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Said {
    /// Service by service.
    pub(super) services: BTreeMap<String, String>,
    rest: String,
}

impl Said {
    pub(super) fn of(mut document: Value) -> Self {
        let mut services = BTreeMap::new();
        if let Some(Value::Mapping(map)) = document.get_mut("services") {
            for (name, body) in std::mem::take(map) {
                let name = name.as_str().map_or_else(|| plain(&name), str::to_owned);
                services.insert(name, plain(&body));
            }
        }
        Self {
            services,
            rest: plain(&document),
        }
    }
}

/// A value as text; names and lengths keep apart what is different.
fn plain(value: &Value) -> String {
    let mut text = String::new();
    put(&mut text, value);
    text
}

fn put(text: &mut String, value: &Value) {
    match value {
        Value::Null => text.push('~'),
        Value::Bool(it) => text.push_str(if *it { "yes" } else { "no" }),
        Value::Number(it) => text.push_str(&it.to_string()),
        Value::String(it) => {
            text.push('"');
            text.push_str(&it.len().to_string());
            text.push(':');
            text.push_str(it);
        }
        Value::Sequence(items) => {
            text.push('[');
            for item in items {
                put(text, item);
                text.push(',');
            }
            text.push(']');
        }
        Value::Mapping(map) => {
            // Their order says nothing.
            let mut entries: Vec<String> = map
                .iter()
                .map(|(key, value)| plain(key) + "=" + &plain(value))
                .collect();
            entries.sort_unstable();
            text.push('{');
            for entry in entries {
                text.push_str(&entry);
                text.push(',');
            }
            text.push('}');
        }
        Value::Tagged(tagged) => {
            text.push_str(&tagged.tag.to_string());
            text.push(' ');
            put(text, &tagged.value);
        }
    }
}
