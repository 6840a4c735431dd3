//! What changed, for people.

use similar::{ChangeTag, TextDiff};

/// A unified diff under the given name; empty when equal. Without context: the lines around a
/// change may hold secrets.
#[must_use]
pub fn diff(before: &str, after: &str, name: &str) -> String {
    let diff = TextDiff::from_lines(before, after);
    diff.unified_diff()
        .context_radius(0)
        .header(name, name)
        .to_string()
}

/// One-based numbers, in `after`, of the lines that `before` does not have there.
pub(super) fn changed_lines(before: &str, after: &str) -> Vec<usize> {
    let diff = TextDiff::from_lines(before, after);
    let new = diff
        .iter_all_changes()
        .filter(|change| change.tag() == ChangeTag::Insert);
    new.filter_map(|change| change.new_index())
        .map(|index| index + 1)
        .collect()
}
