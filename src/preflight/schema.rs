//! The release and its schema: the new image must be able to take this database further.

use std::cmp::Ordering;

use super::refusal;
use crate::event::Finding;
use crate::inventory::Inventory;
use crate::plan::Fetched;
use crate::recipe::compare;

pub(super) fn check(inventory: &Inventory, fetched: &Fetched, to: Option<&str>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = skipped(inventory, fetched, to).into_iter().collect();
    let Some((heads, known)) = &fetched.revisions else {
        return findings;
    };
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

/// A release that can only be reached from a newer one than runs now.
fn skipped(inventory: &Inventory, fetched: &Fetched, to: Option<&str>) -> Option<Finding> {
    let from = inventory.release()?;
    let to = fetched.release.as_deref().or(to)?;
    let older = |minimum: &str| compare(from, minimum) == Some(Ordering::Less);
    let mut between = inventory.recipe.releases_between(from, to);
    let (release, minimum) = between.find_map(|release| {
        let minimum = release
            .minimum
            .as_deref()
            .filter(|minimum| older(minimum))?;
        Some((&release.version, minimum))
    })?;
    Some(refusal(
        "release-skipped",
        format!("{release} can be reached from {minimum} and newer, and {from} runs"),
        format!("upgrade to {minimum} first: `eneo-upgrade --to {minimum}`"),
    ))
}
