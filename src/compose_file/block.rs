//! Edits in block style: whole lines, at the neighbours' indentation.

use super::lines::{Edit, Source};
use super::locate::{Entry, Kind, Node};
use super::refusal::{Reason, Stop};

/// Adds lines below the last entry of a block mapping, or higher up where the last entries
/// end in a `|` text, which would swallow or lose blank lines.
///
/// # Errors
/// A layout without a line to add below or above.
pub(super) fn append(
    source: Source<'_>,
    entries: &[Entry],
    lines: &[String],
) -> Result<Edit, Stop> {
    let last = entries
        .iter()
        .rev()
        .find(|entry| !entry.value.ends_in_block_scalar());
    if let Some(entry) = last {
        return source.insert_below(end_of(entry), lines);
    }
    let Some(first) = entries.first() else {
        return Err(Reason::UnsupportedShape("an empty block mapping").into());
    };
    source.indent_of(&first.key)?;
    Ok(source.insert_above(first.key.span.start, lines))
}

fn end_of(entry: &Entry) -> usize {
    entry.value.span.end.max(entry.key.span.end)
}

/// Puts lines below a key whose value is nothing, `null` or an alias, which goes.
///
/// # Errors
/// An anchor stands at the value, or more than a comment behind it.
pub(super) fn put_value(
    source: Source<'_>,
    value: &Node,
    lines: &[String],
) -> Result<Vec<Edit>, Stop> {
    let below = source.insert_below(value.span.end, lines)?;
    Ok(vec![
        Edit::replace(without_blank_before(source, value), ""),
        below,
    ])
}

/// The value and the one blank before it, so that no trailing blank is left behind; a comment
/// further right keeps its own distance.
fn without_blank_before(source: Source<'_>, value: &Node) -> std::ops::Range<usize> {
    let blank_before = source.slice(0..value.span.start).ends_with(' ');
    let take = usize::from(blank_before && !value.span.is_empty() && value.tag.is_none());
    value.span.start - take..value.span.end
}

/// How much deeper the settings of the entries stand, where an entry shows it.
pub(super) fn inner_unit(source: Source<'_>, map: &Node) -> Option<String> {
    map.entries().iter().find_map(|entry| {
        let Kind::Map {
            flow: false,
            entries,
        } = &entry.value.kind
        else {
            return None;
        };
        let inner = source.indent_of(&entries.first()?.key).ok()?;
        let outer = source.indent_of(&entry.key).ok()?;
        let unit = inner.len().checked_sub(outer.len())?;
        (unit > 0).then(|| " ".repeat(unit))
    })
}
