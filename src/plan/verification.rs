//! What is verified of an app as it is, without any run.

use std::collections::BTreeMap;

use super::upgrade::Planner;
use super::{Changes, Fetched, Run};
use crate::inventory::Inventory;
use crate::steps::{Health, Verify};

/// What must hold now, and whom to ask. `revisions` are those of the image that runs.
pub fn verification(
    inventory: &Inventory,
    revisions: Option<(Vec<String>, Vec<String>)>,
    run: &Run,
) -> (Verify, Option<Health>) {
    let fetched = Fetched {
        revisions,
        ..Fetched::default()
    };
    let changes = Changes {
        services: BTreeMap::new(),
    };
    let planner = Planner {
        inventory,
        changes: &changes,
        edits: &[],
        fetched: &fetched,
        run,
    };
    let mut verify = planner.verify("what runs", true, |_| false);
    // What the database is at says nothing about where it should be.
    verify.revisions = fetched.revisions.as_ref().map(|(heads, _)| heads.clone());
    (verify, planner.health(false))
}
