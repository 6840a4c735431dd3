//! Reasons not to start. All findings at once, each with what to do about it.
//!
//! It must not change anything, nor decide what a run does.

mod data;
mod images;
mod project;
mod schema;

use crate::event::{Finding, Severity};
use crate::inventory::Inventory;
use crate::plan::{Changes, Fetched};

/// The checks that do not need the new image.
pub fn before_fetch(inventory: &Inventory, changes: &Changes, to: Option<&str>) -> Vec<Finding> {
    [
        project::check(inventory, to),
        images::check(inventory),
        data::check(inventory, changes),
    ]
    .concat()
}

/// The checks that need the new image.
pub fn after_fetch(inventory: &Inventory, fetched: &Fetched) -> Vec<Finding> {
    schema::check(inventory, fetched)
}

/// Whether a run must not go on.
pub fn refuses(findings: &[Finding]) -> bool {
    findings
        .iter()
        .any(|finding| finding.severity == Severity::Refusal)
}

fn refusal(id: &str, text: impl Into<String>, cure: impl Into<String>) -> Finding {
    Finding {
        id: id.to_owned(),
        severity: Severity::Refusal,
        text: text.into(),
        cure: cure.into(),
    }
}

fn warning(id: &str, text: impl Into<String>, cure: impl Into<String>) -> Finding {
    Finding {
        severity: Severity::Warning,
        ..refusal(id, text, cure)
    }
}
