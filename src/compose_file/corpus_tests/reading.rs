//! What a text says, read without the code under test: plain values, `<<` resolved here.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize as _;
use serde_yaml::{Mapping, Value};

use crate::compose_file::Edge;

pub(in crate::compose_file) struct Reading {
    pub(in crate::compose_file) documents: Vec<Value>,
    /// Not YAML, or a `<<` that merges no mapping.
    pub(in crate::compose_file) rejected: bool,
}

impl Reading {
    pub(in crate::compose_file) fn of(text: &str) -> Self {
        let mut documents = Vec::new();
        let mut rejected = false;
        for document in serde_yaml::Deserializer::from_str(text) {
            let Ok(value) = Value::deserialize(document) else {
                rejected = true;
                break;
            };
            documents.push(merged(&value).unwrap_or_else(|| {
                rejected = true;
                value
            }));
        }
        Self {
            documents,
            rejected,
        }
    }

    /// Names, in the order of the text.
    pub(in crate::compose_file) fn services(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for document in &self.documents {
            for (name, _) in entries(document.get("services")) {
                if !names.iter().any(|seen| seen == name) {
                    names.push(name.to_owned());
                }
            }
        }
        names
    }

    /// The bodies of a service, one for each document that has it.
    pub(in crate::compose_file) fn bodies<'r>(
        &'r self,
        service: &'r str,
    ) -> impl Iterator<Item = &'r Value> {
        let of = move |document: &'r Value| document.get("services")?.get(service);
        self.documents.iter().filter_map(of)
    }

    /// Names in the service's `depends_on`.
    pub(in crate::compose_file) fn dependencies(&self, service: &str) -> Vec<String> {
        let depends_on = self.bodies(service).filter_map(|it| it.get("depends_on"));
        depends_on.flat_map(names).collect()
    }

    /// Whether one service waits for another, over any number of others, in any of the ways that
    /// Compose knows.
    pub(in crate::compose_file) fn reaches(&self, from: &str, to: &str) -> bool {
        let waits: BTreeMap<String, Vec<String>> = self
            .services()
            .into_iter()
            .map(|name| {
                let others = self.bodies(&name).flat_map(waits_for).collect();
                (name, others)
            })
            .collect();
        let mut seen = BTreeSet::new();
        let mut next = vec![from];
        while let Some(name) = next.pop() {
            if name == to {
                return true;
            }
            if seen.insert(name) {
                next.extend(waits.get(name).into_iter().flatten().map(String::as_str));
            }
        }
        false
    }
}

fn waits_for(body: &Value) -> Vec<String> {
    let mut found: Vec<String> = body.get("depends_on").map(names).unwrap_or_default();
    for key in ["links", "volumes_from"] {
        let items = body.get(key).map(names).unwrap_or_default();
        let word = |item: String| item.split(':').next().unwrap_or_default().to_owned();
        found.extend(items.into_iter().map(word));
    }
    for key in ["network_mode", "ipc", "pid"] {
        let mode = body.get(key).and_then(Value::as_str);
        found.extend(
            mode.and_then(|it| it.strip_prefix("service:"))
                .map(str::to_owned),
        );
    }
    found
}

/// Keys of a mapping, items of a list.
pub(in crate::compose_file) fn names(value: &Value) -> Vec<String> {
    match untagged(value) {
        Value::Mapping(map) => words(map.keys()),
        Value::Sequence(items) => words(items.iter()),
        _ => Vec::new(),
    }
}

fn words<'v>(values: impl Iterator<Item = &'v Value>) -> Vec<String> {
    let word = |value: &'v Value| untagged(value).as_str().map(str::to_owned);
    values.filter_map(word).collect()
}

pub(in crate::compose_file) fn entries(
    value: Option<&Value>,
) -> impl Iterator<Item = (&str, &Value)> {
    let map = value.map(untagged).and_then(Value::as_mapping);
    let pair = |(key, value)| Some((Value::as_str(key)?, value));
    map.into_iter().flatten().filter_map(pair)
}

pub(in crate::compose_file) fn untagged(value: &Value) -> &Value {
    match value {
        Value::Tagged(tagged) => untagged(&tagged.value),
        plain => plain,
    }
}

/// None where `<<` merges something else than mappings.
fn merged(value: &Value) -> Option<Value> {
    Some(match value {
        Value::Mapping(map) => {
            let mut whole = Mapping::new();
            for (key, value) in map.iter().filter(|(key, _)| key.as_str() != Some("<<")) {
                whole.insert(key.clone(), merged(value)?);
            }
            let sources = match map.get("<<") {
                None => &[][..],
                Some(Value::Sequence(sources)) => sources,
                Some(source) => std::slice::from_ref(source),
            };
            for source in sources {
                let Value::Mapping(source) = merged(source)? else {
                    return None;
                };
                for (key, value) in source {
                    whole.entry(key).or_insert(value);
                }
            }
            Value::Mapping(whole)
        }
        Value::Sequence(items) => Value::Sequence(items.iter().map(merged).collect::<Option<_>>()?),
        Value::Tagged(tagged) => {
            let mut tagged = tagged.clone();
            tagged.value = merged(&tagged.value)?;
            Value::Tagged(tagged)
        }
        plain => plain.clone(),
    })
}

/// Whether a text says the edge, with its condition.
pub(in crate::compose_file) fn says(text: &str, edge: &Edge) -> bool {
    let reading = Reading::of(text);
    let said = |body: &Value| {
        let entry = body.get("depends_on")?.get(&edge.dependency)?;
        Some(entry.get("condition")?.as_str()? == "service_completed_successfully")
    };
    reading.bodies(&edge.service).filter_map(said).any(|it| it)
}
