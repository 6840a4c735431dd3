//! Whether an edit did what was asked for and nothing else, judged without the code under test.

use serde_yaml::{Mapping, Value};

use super::places::{place, split};
use super::reading::{Reading, untagged};
use crate::compose_file::{Edge, Patched};

/// # Errors
/// What is wrong with it.
pub(in crate::compose_file) fn edit(
    before: &Reading,
    text: &str,
    done: &Patched,
    edge: &Edge,
) -> Result<(), &'static str> {
    let after = Reading::of(done.text.trim_start_matches('\u{feff}'));
    meaning(before, &after, edge)?;
    if done.text == text {
        return match done.changed() {
            true => Err("counts as changed, but is not"),
            false => Ok(()),
        };
    }
    lines(text, done, edge)
}

/// Both say the same but for the edge, which the second one says.
///
/// # Errors
/// What is wrong.
pub(in crate::compose_file) fn meaning(
    before: &Reading,
    after: &Reading,
    edge: &Edge,
) -> Result<(), &'static str> {
    if after.rejected || before.rejected {
        return Err("the text is not valid YAML");
    }
    if before.documents.len() != after.documents.len() {
        return Err("another number of documents");
    }
    let path = ["services", edge.service.as_str(), "depends_on"];
    for (before, after) in before.documents.iter().zip(&after.documents) {
        if !same_but(before, after, &path) {
            return Err("something else changed");
        }
    }
    let (Some(before), Some(after)) = (
        before.bodies(&edge.service).next(),
        after.bodies(&edge.service).next(),
    ) else {
        return Err("the service is gone");
    };
    let mut wanted = long_form(before.get("depends_on"));
    let ours = wanted.entry(edge.dependency.as_str().into());
    let ours = ours.or_insert_with(|| Value::Mapping(Mapping::new()));
    if ours.is_null() {
        *ours = Value::Mapping(Mapping::new());
    }
    let Some(ours) = ours.as_mapping_mut() else {
        return Err("an entry that is no mapping was edited");
    };
    ours.insert("condition".into(), "service_completed_successfully".into());
    match long_form(after.get("depends_on")) == wanted {
        true => Ok(()),
        false => Err("`depends_on` says something else"),
    }
}

fn long_form(depends_on: Option<&Value>) -> Mapping {
    match depends_on.map(untagged) {
        Some(Value::Mapping(map)) => map.clone(),
        Some(Value::Sequence(items)) => {
            let started = || {
                let pair = ("condition".into(), "service_started".into());
                Value::Mapping([pair].into_iter().collect())
            };
            items.iter().map(|it| (it.clone(), started())).collect()
        }
        _ => Mapping::new(),
    }
}

fn same_but(a: &Value, b: &Value, path: &[&str]) -> bool {
    let [head, rest @ ..] = path else { return true };
    let (Some(a), Some(b)) = (untagged(a).as_mapping(), untagged(b).as_mapping()) else {
        return a == b;
    };
    let others = |map: &Mapping| map.len() - usize::from(map.contains_key(head));
    let same = |(key, value): (&Value, &Value)| {
        key.as_str() == Some(head) || b.get(key).is_some_and(|other| value == other)
    };
    let below = match (a.get(head), b.get(head)) {
        (Some(a), Some(b)) => same_but(a, b, rest),
        (None, Some(_)) => rest.is_empty(),
        (None, None) => true,
        (Some(_), None) => false,
    };
    others(a) == others(b) && a.iter().all(same) && below
}

/// No line changed but in the service's `depends_on`, and no comment went.
fn lines(text: &str, done: &Patched, edge: &Edge) -> Result<(), &'static str> {
    let (before, after) = (split(text), split(&done.text));
    let new = |at: &usize| done.lines.binary_search(&(at + 1)).is_ok();
    let mut rest = before.iter();
    let mut kept = (0..after.len()).filter(|at| !new(at));
    if !kept.all(|at| rest.any(|line| *line == after[at])) {
        return Err("a line changed that is not among the changed ones");
    }
    let crlf = text.matches("\r\n").count();
    let breaks = text.matches('\n').count();
    let added = done.text.matches("\r\n").count() - crlf;
    if (crlf == 0 && added > 0)
        || (crlf == breaks && done.text.matches('\n').count() > crlf + added)
    {
        return Err("another line break");
    }
    let same = |(a, b): &(&&str, &&str)| a == b;
    let head = before.iter().zip(&after).take_while(same).count();
    let backwards = before[head..].iter().rev().zip(after[head..].iter().rev());
    let tail = backwards.take_while(same).count();
    let (old, new) = (head..before.len() - tail, head..after.len() - tail);
    if comments(&before[old.clone()]) != comments(&after[new.clone()]) {
        return Err("a comment was lost or moved");
    }
    let Some(place) = place(&before, &edge.service) else {
        return match text.trim_start_matches('\u{feff}').starts_with('{') {
            true => Ok(()),
            false => Err("the service cannot be found in the lines"),
        };
    };
    // The same lines in front of and behind an insertion leave several places it may be at.
    let slides = (0..=old.start).take_while(|by| {
        (0..*by)
            .all(|step| old.is_empty() && before[old.start - 1 - step] == after[new.end - 1 - step])
    });
    let fits = |by: usize| {
        let (start, end) = (old.start - by, old.end - by);
        start > place.start && end <= place.end
            || (place.whole && start >= place.start && end <= place.end)
    };
    match slides.into_iter().any(fits) {
        true => Ok(()),
        false => Err("lines outside of the service's `depends_on` changed"),
    }
}

fn comments<'t>(lines: &[&'t str]) -> Vec<&'t str> {
    let comment = |line: &&'t str| match line.trim_start().starts_with('#') {
        true => Some(line.trim()),
        false => line.find(" #").map(|at| line[at..].trim()),
    };
    lines.iter().filter_map(comment).collect()
}
