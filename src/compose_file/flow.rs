//! Edits in flow style, `{…}` and `[…]`, on one line or on several.

use super::lines::{Edit, Source};
use super::locate::{Kind, Node};
use super::refusal::{Reason, Stop};

/// Adds one entry at the end of a flow collection.
///
/// # Errors
/// Not a flow collection.
pub(super) fn append(
    source: Source<'_>,
    collection: &Node,
    entry: &str,
) -> Result<Vec<Edit>, Stop> {
    let Some((start, end)) = last_child(collection) else {
        return Ok(vec![Edit::insert(opening(source, collection)?, entry)]);
    };
    let line = source.line_start(start);
    let indent = source.slice(line..start);
    let rest = source.rest_of_line(end).trim();
    let after_comma = rest.strip_prefix(',').map(str::trim_start);
    let tail = after_comma.unwrap_or(rest);
    // Alone on its line: so is ours. A comment there stays with the entry it belongs to.
    if indent.trim().is_empty() && (tail.is_empty() || tail.starts_with('#')) {
        let comma = if after_comma.is_some() { "," } else { "" };
        let mut edits = Vec::new();
        if after_comma.is_none() {
            edits.push(Edit::insert(end, ","));
        }
        let at = source.slice(0..end).len() + rest_before_comment(source, end);
        edits.push(source.insert_below(at, &[format!("{indent}{entry}{comma}")])?);
        return Ok(edits);
    }
    if tail.starts_with('#') {
        // A comment behind the last entry: ours goes to the front, where none is in the way.
        return Ok(vec![Edit::insert(
            opening(source, collection)?,
            format!("{entry}, "),
        )]);
    }
    Ok(vec![Edit::insert(end, format!(", {entry}"))])
}

/// Bytes from `end` to what follows the comma behind it, if there is one.
fn rest_before_comment(source: Source<'_>, end: usize) -> usize {
    let rest = source.rest_of_line(end);
    let blanks = rest.len() - rest.trim_start().len();
    if rest.trim_start().starts_with(',') {
        blanks + 1
    } else {
        0
    }
}

/// Just behind the opening bracket, past the blanks on its line unless the collection is empty.
fn opening(source: Source<'_>, collection: &Node) -> Result<usize, Stop> {
    let at = collection.span.start + 1;
    if !source
        .slice(collection.span.clone())
        .starts_with(['{', '['])
    {
        let reason = Reason::UnsupportedShape("a flow collection without its bracket");
        return Err(Stop::at(collection.line, reason));
    }
    Ok(last_child(collection).map_or(at, |_| first_child(collection).unwrap_or(at)))
}

fn first_child(collection: &Node) -> Option<usize> {
    match &collection.kind {
        Kind::Seq { items, .. } => items.first().map(|item| item.span.start),
        _ => collection
            .entries()
            .first()
            .map(|entry| entry.key.span.start),
    }
}

fn last_child(collection: &Node) -> Option<(usize, usize)> {
    match &collection.kind {
        Kind::Seq { items, .. } => items.last().map(|item| (item.span.start, item.span.end)),
        _ => collection.entries().last().map(|entry| {
            (
                entry.key.span.start,
                entry.value.span.end.max(entry.key.span.end),
            )
        }),
    }
}

/// Puts a flow text where nothing, `null` or an alias stands behind a colon.
pub(super) fn put_value(source: Source<'_>, value: &Node, text: &str) -> Edit {
    let before = source.slice(0..value.span.start);
    let space = if before.ends_with(' ') { "" } else { " " };
    let after = source.rest_of_line(value.span.end);
    // `a: {}b` would not parse; `a: {} # c` must keep its blank.
    let end = if after.starts_with('#') { " " } else { "" };
    // Blanks between an absent value and its comma go.
    let blanks = after.len() - after.trim_start().len();
    let closed = after.trim_start().starts_with([',', '}']);
    let take = if closed && value.span.is_empty() {
        blanks
    } else {
        0
    };
    let at = value.span.start..value.span.end + take;
    Edit::replace(at, format!("{space}{text}{end}"))
}
