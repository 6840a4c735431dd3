//! Everything a run can say, as plain data; depends on no other room.
//!
//! It must not know who says it (steps, planner) nor who listens (terminal, JSON, journal).

mod backup;
mod checked;
mod failure;
mod ids;
mod job;
mod live;
mod rehearsal;
mod view;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use backup::{BackupFacts, BackupRow, Proof};
pub use checked::{Checked, Verdict};
pub use failure::{Failure, FailureClass};
pub use ids::{RunId, StepId};
pub use job::{DrainPolicy, Job};
pub use live::{Live, ProgressUnit, Signal};
pub use rehearsal::{Rehearsal, RehearsalView, RehearsedBackup};
pub use view::{
    ChangeView, DatabaseView, FileView, Finding, PlanView, RoleView, Severity, StepView,
};

/// Version of the record format, the `v` of every line of JSON.
pub const FORMAT: u8 = 1;

/// What a plan is for. The order of a run is fetch, upgrade; a way back replaces what is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// Bring the new images here, under tags of our own; the app is not touched.
    Fetch,
    /// Everything from the first backup to the last check.
    Upgrade,
    /// Put back what the run has changed.
    Rollback,
    /// Make a backup what serves.
    Restore,
}

/// How a run ended. These are the only ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The new release serves, and was verified.
    Upgraded,
    /// There was nothing to do; nothing was touched.
    Unchanged,
    /// Nothing of the user's was touched.
    Refused,
    /// The old release serves, and was verified.
    RolledBack,
    /// A person has to decide; what to type was said.
    NeedsAttention,
    /// What a backup holds serves, and was verified.
    Restored,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Upgraded => "upgraded",
            Self::Unchanged => "unchanged",
            Self::Refused => "refused",
            Self::RolledBack => "rolled back",
            Self::NeedsAttention => "needs attention",
            Self::Restored => "restored",
        })
    }
}

/// A step as a plan holds it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedStep {
    /// Unique within the plan.
    pub id: StepId,
    /// What it does, for people.
    pub title: String,
    /// Why it is in the plan, for people.
    pub cause: String,
    /// Steps of one unit stand together and are done again together when a run was
    /// interrupted within it, because what they found may have changed meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The step itself; only the room `steps` reads it. Holds no secrets.
    pub spec: serde_json::Value,
}

/// What a step leaves behind for later steps and for people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Artifact {
    /// New images, here under tags of our own.
    Images {
        /// Service to local image id.
        ids: std::collections::BTreeMap<String, String>,
        /// The release that the app's image says it is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        release: Option<String>,
    },
    /// The revision graph found in the new image.
    Revisions {
        /// Revisions that no other revision builds on, sorted.
        heads: Vec<String>,
        /// Every revision id, sorted.
        known: Vec<String>,
    },
    /// A proven backup.
    Backup {
        /// The dump.
        path: std::path::PathBuf,
        /// Its size in bytes.
        bytes: u64,
        /// SHA-256 of the list of its files, hex.
        sha256: String,
        /// Number of tables whose rows were counted in the dump and compared with the database.
        tables: usize,
        /// Rows in all of them.
        rows: u64,
        /// How it was proven.
        #[serde(default)]
        proof: Proof,
    },
    /// An exact copy of the database within its server.
    Clone {
        /// Its name.
        name: String,
        /// Its object id.
        oid: u32,
    },
    /// The door was closed: requests wait.
    Door {
        /// The entry.
        service: String,
        /// The containers that are held, and the start they are held in, as the engine writes it.
        started: std::collections::BTreeMap<String, String>,
    },
    /// Services that are down from now on.
    Down {
        /// Which.
        services: Vec<String>,
    },
    /// Services that are up again.
    Up {
        /// Which.
        services: Vec<String>,
    },
    /// What became of jobs.
    Jobs {
        /// In one line.
        text: String,
        /// Which they are.
        jobs: Vec<Job>,
    },
    /// What was compared.
    Checks {
        /// One by one.
        checks: Vec<Checked>,
    },
    /// A service ran to its end.
    Ran {
        /// Its last lines.
        tail: Vec<String>,
        /// What was looked for in all of them.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        checks: Vec<Checked>,
    },
    /// Something worth a line in the report.
    Note {
        /// The line.
        text: String,
    },
}

/// What is recorded of a run, in order. The state of a run is a fold over these.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Event {
    /// A run was opened.
    RunStarted {
        /// The Compose project.
        project: String,
        /// The project folder.
        directory: std::path::PathBuf,
        /// Version of this tool.
        tool: String,
        /// Release the images run before, where they say so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        release: Option<String>,
        /// The release to go to, where one was named.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<String>,
    },
    /// A plan was made; its steps come next.
    Planned {
        /// What it is for.
        purpose: Purpose,
        /// Its steps, in order.
        steps: Vec<PlannedStep>,
    },
    /// A process took up a run that another one had left; an interrupted unit starts again.
    RunResumed,
    /// What was found and is to be done, as it was shown.
    Found {
        /// All of it.
        plan: Box<PlanView>,
    },
    /// A step is about to change something.
    StepStarted {
        /// Which.
        step: StepId,
    },
    /// A step has done its work.
    StepFinished {
        /// Which.
        step: StepId,
        /// What it left.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        artifact: Option<Artifact>,
        /// How long it took, in milliseconds.
        millis: u64,
    },
    /// A step had nothing to do.
    StepSkipped {
        /// Which.
        step: StepId,
        /// Why.
        reason: String,
    },
    /// A step did not work.
    StepFailed {
        /// Which.
        step: StepId,
        /// Why.
        failure: Failure,
    },
    /// The run was ended.
    RunEnded {
        /// How.
        outcome: Outcome,
        /// What state things are in now, and where the backups are.
        state: Vec<String>,
        /// What to type next.
        next: Vec<String>,
    },
}

/// An event with its place in the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The format, [`FORMAT`].
    pub v: u8,
    /// The run it belongs to.
    pub run: RunId,
    /// Its place in the run, from 1, without gaps.
    pub seq: u64,
    /// When it was recorded (UTC).
    pub at: jiff::Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}
