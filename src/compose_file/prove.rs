//! Proof of an edit: read again by both parsers, nothing differs but what was meant to.

use serde_yaml::value::TaggedValue;
use serde_yaml::{Mapping, Value};

use super::Edge;
use super::locate::{Comment, Tree};
use super::model::{COMPLETED, STARTED};
use super::refusal::{Reason, Stop};
use super::tag::retag;
use super::values::{self, Said};

/// What a text has to say once every edge is in it. Services that are not there are there then if
/// `declare`.
///
/// # Errors
/// The second parser rejects the text.
pub(super) fn wanted(before: &str, edges: &[Edge], declare: bool) -> Result<Vec<Said>, Stop> {
    let mut documents = values::read(before)?;
    if declare && documents.is_empty() {
        documents.push(Value::Null);
    }
    for edge in edges {
        for document in &mut documents {
            if declare {
                let services = mapping_at(document, "services");
                services.and_then(|services| mapping_at(services, &edge.service));
            }
            want(document, edge);
        }
    }
    Ok(documents.into_iter().map(Said::of).collect())
}

/// What an edited text says, the short form of `depends_on` read as the long one.
///
/// # Errors
/// The second parser rejects the text.
pub(super) fn got(after: &str, edges: &[Edge]) -> Result<Vec<Said>, Stop> {
    let mut documents = reread(after)?;
    for edge in edges {
        for document in &mut documents {
            if let Some(service) = values::service_mut(document, &edge.service) {
                normalise(service);
            }
        }
    }
    Ok(documents.into_iter().map(Said::of).collect())
}

/// `after` says what `before` said, but for the tag of the services' images and of the
/// `x-` templates they come from.
///
/// # Errors
/// As [`same`].
pub(super) fn images(
    before: &str,
    after: &str,
    services: &[String],
    new_tag: &str,
) -> Result<(), Stop> {
    let mut wanted = values::read(before)?;
    let got = reread(after)?;
    let mut rewritten = Vec::new();
    for document in &mut wanted {
        for service in services {
            let image = values::service_mut(document, service).and_then(|it| it.get_mut("image"));
            if let Some(Value::String(image)) = image
                && let Some(new) = retag(image, new_tag)
            {
                rewritten.push((std::mem::replace(image, new.clone()), new));
            }
        }
    }
    for (wanted, got) in wanted.iter_mut().zip(&got) {
        if let (Some(wanted), Some(got)) = (wanted.as_mapping_mut(), got.as_mapping()) {
            for (key, value) in wanted {
                if key.as_str().is_some_and(|key| key.starts_with("x-")) {
                    accept(value, got.get(key), &rewritten);
                }
            }
        }
    }
    let said = |documents: Vec<Value>| documents.into_iter().map(Said::of).collect::<Vec<_>>();
    same(&said(wanted), &said(got))
}

fn reread(after: &str) -> Result<Vec<Value>, Stop> {
    values::read(after).map_err(|_| unproven("the second parser rejects it"))
}

fn unproven(what: &'static str) -> Stop {
    Reason::Unproven(what).into()
}

/// Takes over a rewritten image where the template now holds exactly that.
fn accept(wanted: &mut Value, got: Option<&Value>, rewritten: &[(String, String)]) {
    match (wanted, got) {
        (Value::String(wanted), Some(Value::String(got)))
            if rewritten
                .iter()
                .any(|(old, new)| old == wanted && new == got) =>
        {
            wanted.clone_from(got);
        }
        (Value::Mapping(wanted), Some(Value::Mapping(got))) => {
            for (key, value) in wanted {
                accept(value, got.get(key), rewritten);
            }
        }
        (Value::Sequence(wanted), Some(Value::Sequence(got))) => {
            for (value, got) in wanted.iter_mut().zip(got) {
                accept(value, Some(got), rewritten);
            }
        }
        _ => {}
    }
}

/// Rewrites the value tree of `before` into the one the edge asks for.
fn want(document: &mut Value, edge: &Edge) {
    let Some(service) = values::service_mut(document, &edge.service) else {
        return;
    };
    normalise(service);
    let depends_on = service.entry("depends_on".into()).or_insert(Value::Null);
    if let Some(entry) = mapping_at(depends_on, &edge.dependency)
        && let Some(entry) = entry.as_mapping_mut()
    {
        entry.insert("condition".into(), COMPLETED.into());
    }
}

/// The mapping below a key, made where there is none; none where something else is in its place.
fn mapping_at<'v>(value: &'v mut Value, key: &str) -> Option<&'v mut Value> {
    let value = untagged(value);
    if value.is_null() {
        *value = Value::Mapping(Mapping::new());
    }
    let below = value.as_mapping_mut()?.entry(key.into());
    let below = untagged(below.or_insert(Value::Null));
    if below.is_null() {
        *below = Value::Mapping(Mapping::new());
    }
    Some(below)
}

fn untagged(mut value: &mut Value) -> &mut Value {
    while let Value::Tagged(tagged) = value {
        let TaggedValue { value: inner, .. } = &mut **tagged;
        value = inner;
    }
    value
}

/// The short form of `depends_on` as the long form that Compose makes of it.
fn normalise(service: &mut Mapping) {
    let Some(depends_on) = service.get_mut("depends_on") else {
        return;
    };
    let depends_on = untagged(depends_on);
    let Value::Sequence(items) = depends_on else {
        return;
    };
    let started = || {
        let pair = (Value::from("condition"), Value::from(STARTED));
        Value::Mapping([pair].into_iter().collect())
    };
    let entries = items.drain(..).map(|item| (item, started()));
    *depends_on = Value::Mapping(entries.collect());
}

/// Both texts say the same.
///
/// # Errors
/// [`Reason::SharedAnchor`] if a service differs, else [`Reason::Unproven`].
pub(super) fn same(wanted: &[Said], got: &[Said]) -> Result<(), Stop> {
    if wanted == got {
        return Ok(());
    }
    let mut others = Vec::new();
    for (wanted, got) in wanted.iter().zip(got) {
        let differs = |(name, body): &(&String, &String)| got.services.get(*name) != Some(*body);
        let differing = wanted.services.iter().filter(differs);
        others.extend(differing.map(|(name, _)| format!("`{name}`")));
    }
    if others.is_empty() {
        return Err(unproven("something else changed too"));
    }
    Err(Reason::SharedAnchor(others).into())
}

/// Every comment of `before` is in `after`, in the same order.
///
/// # Errors
/// [`Reason::Unproven`].
pub(super) fn comments(before: &[Comment], after: &[Comment]) -> Result<(), Stop> {
    let texts = before.iter().map(|comment| &comment.text);
    match texts.eq(after.iter().map(|comment| &comment.text)) {
        true => Ok(()),
        false => Err(unproven("a comment was lost or moved")),
    }
}

/// The first parser's reading of an edited text.
pub(super) fn tree(after: &str) -> Result<Tree, Stop> {
    Tree::parse(after).map_err(|_| unproven("the first parser rejects it"))
}
