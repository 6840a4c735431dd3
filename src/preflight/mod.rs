//! Reasons not to start. All findings at once, each with what to do about it.
//!
//! It must not change anything, nor decide what a run does.

mod data;
mod disk;
mod environment;
mod images;
mod migration;
mod project;
mod schema;
mod storage;
mod tools;

use crate::event::{Finding, Severity};
use crate::inventory::Inventory;
use crate::plan::{Changes, Fetched};

pub use data::unreachable;
pub use disk::room_to_rehearse;
pub use migration::{migration, restarts};
pub use tools::{blind, compose, usable};

/// What is to be judged.
#[derive(Clone, Copy)]
pub struct Case<'a> {
    /// What there is.
    pub inventory: &'a Inventory,
    /// What would change.
    pub changes: &'a Changes,
    /// The release to go to, where one was named.
    pub to: Option<&'a str>,
    /// Whether the app will stop, or is to be judged as if it would.
    pub outage: bool,
}

/// The checks that do not need the new image.
pub fn before_fetch(case: Case<'_>) -> Vec<Finding> {
    [
        project::check(case),
        found_migration(case.inventory),
        storage::check(case),
        environment::check(case.inventory),
        images::check(case.inventory),
        data::check(case),
        disk::check(case),
    ]
    .concat()
}

fn found_migration(inventory: &Inventory) -> Vec<Finding> {
    let Inventory {
        recipe,
        migrations,
        model,
        ground,
        ..
    } = inventory;
    let finding = migration(recipe, migrations, model, &ground.inactive);
    finding.into_iter().collect()
}

/// The checks that need the new image.
pub fn after_fetch(inventory: &Inventory, fetched: &Fetched, to: Option<&str>) -> Vec<Finding> {
    schema::check(inventory, fetched, to)
}

/// A run that was left open keeps another one from beginning.
pub fn open_run(run: &crate::event::RunId) -> Finding {
    refusal(
        "run-open",
        format!("run {run} of this project is still open"),
        "`eneo-upgrade status` shows where it stands; `eneo-upgrade resume` goes on, \
         `eneo-upgrade rollback` goes back",
    )
}

/// Copies and dumps that nobody needs any more take room that an upgrade may need.
pub fn say_what_gc_frees(findings: &mut [Finding], bytes: u64) {
    let small = findings
        .iter_mut()
        .filter(|finding| finding.id == disk::TOO_SMALL);
    for finding in small.filter(|_| bytes > 0) {
        let frees = disk::mebibytes(bytes);
        finding.cure = format!(
            "`eneo-upgrade gc` frees {frees} that earlier runs have left; else {}",
            finding.cure
        );
    }
}

/// A file that has to be changed, and may not be.
pub fn not_writable(path: &std::path::Path) -> Finding {
    refusal(
        "not-writable",
        format!("`{}` has to be changed, and may not be", path.display()),
        "check the rights of the file and of its folder, or become a user who may",
    )
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_needs_any_more_is_named_where_room_is_short() {
        let mut findings = [
            refusal(disk::TOO_SMALL, "", "make room"),
            refusal("x", "", "y"),
        ];
        let before = findings.clone();
        say_what_gc_frees(&mut findings, 0);
        assert_eq!(findings, before);
        say_what_gc_frees(&mut findings, 5 << 20);
        assert_eq!(
            findings[0].cure,
            "`eneo-upgrade gc` frees 5 MiB that earlier runs have left; else make room"
        );
        assert_eq!(findings[1], before[1]);
    }
}
