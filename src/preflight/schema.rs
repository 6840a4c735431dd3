//! The schema: the new image must be able to take this database further.

use super::refusal;
use crate::event::Finding;
use crate::inventory::Inventory;
use crate::plan::Fetched;

pub(super) fn check(inventory: &Inventory, fetched: &Fetched) -> Vec<Finding> {
    let Some((heads, known)) = &fetched.revisions else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    if heads.len() > 1 {
        findings.push(refusal(
            "several-heads",
            format!(
                "the new image's schema has several heads: {}",
                heads.join(", ")
            ),
            "this release is broken; ask its makers for one with a merge revision",
        ));
    }
    let database = inventory.database.as_ref();
    let revisions = database.and_then(|database| database.revisions.as_ref());
    let unknown: Vec<&str> = revisions
        .into_iter()
        .flatten()
        .filter(|revision| !known.contains(revision))
        .map(String::as_str)
        .collect();
    if !unknown.is_empty() {
        findings.push(refusal(
            "database-ahead",
            format!(
                "the database is at {}, which the new image does not know",
                unknown.join(", ")
            ),
            "the release to go to is older than the database; choose a newer one",
        ));
    }
    findings
}
