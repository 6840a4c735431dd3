//! Decides what a run does: pure functions from what there is to a list of steps with causes.
//!
//! It must not act, wait or ask; everything it needs is handed to it.

mod backup;
mod changes;
mod edits;
mod extent;
mod fetch;
mod fetched;
mod gates;
mod parts;
mod recorded;
mod restore;
mod retention;
mod rollback;
mod secure;
mod tags;
mod upgrade;
mod verification;
mod view;

use std::path::PathBuf;

pub use backup::{backup, is_scratch, scratch};
pub use changes::{Change, Changes};
pub use edits::{FileEdits, plan_edits, refused};
pub use extent::{Extent, extent};
pub use fetch::fetch;
pub use fetched::Fetched;
pub use gates::{Project, gate, wanted};
pub use recorded::{NoWayBack, before, copy, door, held_at, identity, writers};
pub use restore::{Vouched, restore, stays};
pub use retention::{Expired, KEPT, Past, expired};
pub use rollback::rollback;
pub use upgrade::upgrade;
pub use verification::verification;
pub use view::{irreversible, outline, view};

use crate::event::{DrainPolicy, PlannedStep, Proof, Purpose, RunId};
use crate::steps::AnyStep;

/// A list of steps.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// What it is for.
    pub purpose: Purpose,
    /// Its steps, in order.
    pub steps: Vec<Planned>,
}

/// A step and why it is there.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// The step.
    pub step: AnyStep,
    /// Why.
    pub cause: String,
    /// Steps of one unit are done again together after an interruption within it.
    pub unit: Option<&'static str>,
}

/// What a plan needs to know about the run it is for.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// The folder for its backups.
    pub backups: PathBuf,
    /// The folder for the files it edits, as they were.
    pub files: PathBuf,
    /// Seconds to wait for active jobs.
    pub drain_seconds: u64,
    /// What to do with jobs that are still running then.
    pub drain_policy: DrainPolicy,
    /// Seconds the migration may take, where somebody has said so.
    pub migration_seconds: Option<u64>,
    /// Whether requests are held at the entry, where there is one.
    pub hold_door: bool,
    /// Whether the exact backup has to be a dump.
    pub strict: bool,
    /// How backups are proven, where somebody has said so.
    pub proof: Option<Proof>,
}

impl Run {
    /// Where the jobs are noted that stopping the worker has cut short.
    fn interrupted(&self) -> PathBuf {
        self.files.join("interrupted.json")
    }
}

impl Plan {
    fn new(purpose: Purpose) -> Self {
        Self {
            purpose,
            steps: Vec::new(),
        }
    }

    fn push(&mut self, step: AnyStep, cause: impl Into<String>) {
        self.push_in(None, step, cause);
    }

    fn push_in(&mut self, unit: Option<&'static str>, step: AnyStep, cause: impl Into<String>) {
        self.steps.push(Planned {
            step,
            cause: cause.into(),
            unit,
        });
    }

    /// The steps as the journal keeps them.
    pub fn to_recorded(&self) -> Result<Vec<PlannedStep>, serde_json::Error> {
        self.steps
            .iter()
            .map(|planned| {
                Ok(PlannedStep {
                    id: planned.step.id(),
                    title: planned.step.title(),
                    cause: planned.cause.clone(),
                    unit: planned.unit.map(str::to_owned),
                    spec: serde_json::to_value(&planned.step)?,
                })
            })
            .collect()
    }
}

/// The tag of ours under which a run brings a new image here.
fn new_tag(run: &RunId, service: &str) -> String {
    format!("eneo-upgrade/{run}/new:{service}")
}

/// The tag of ours that keeps an old image.
fn old_tag(run: &RunId, service: &str) -> String {
    format!("eneo-upgrade/{run}/old:{service}")
}

/// What is done again together when a run is interrupted before the first container is replaced:
/// what it found out (no job active, nobody writing) may not be true any more.
const QUIESCE: &str = "quiesce";

/// PostgreSQL cuts names at 63 bytes without an error.
const LONGEST_NAME: usize = 63;

/// `<database>_<what>_<run>`; the database's part is shortened where that is too long. The run's
/// id keeps it unique.
fn beside(database: &str, what: &str, run: &str) -> String {
    let suffix = format!("_{what}_{run}");
    let mut room = LONGEST_NAME
        .saturating_sub(suffix.len())
        .min(database.len());
    while !database.is_char_boundary(room) {
        room -= 1;
    }
    format!("{}{suffix}", &database[..room])
}

/// Seconds that a service may take to get healthy, where no recipe says.
const WINDOW: u64 = 300;

/// Seconds that a service which ends by itself may take, where no recipe says.
const MIGRATION_LIMIT: u64 = 7200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_beside_a_database_fit_into_63_bytes() {
        assert_eq!(
            beside("eneo", "failed", "0123456789"),
            "eneo_failed_0123456789"
        );
        let name = beside(&"å".repeat(40), "failed", "0123456789");
        assert!(
            name.len() <= LONGEST_NAME && name.ends_with("_failed_0123456789"),
            "{name}"
        );
    }
}
