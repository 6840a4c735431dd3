//! Everything a run can say, as plain data; depends on no other room.
//!
//! It must not know who says it (steps, planner) nor who listens (terminal, JSON, journal).

mod failure;
mod view;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use failure::{Failure, FailureClass};
pub use view::{ChangeView, DatabaseView, Finding, PlanView, RoleView, Severity, StepView};

/// Version of the record format, the `v` of every line of JSON.
pub const FORMAT: u8 = 1;

/// Names one run: ten characters of `[0-9a-z]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunId(String);

impl RunId {
    /// A new random id.
    pub fn random() -> Self {
        const ALPHABET: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";
        Self(
            (0..10)
                .map(|_| char::from(ALPHABET[fastrand::usize(..ALPHABET.len())]))
                .collect(),
        )
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for RunId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let fits = |c: char| c.is_ascii_digit() || c.is_ascii_lowercase();
        if text.len() == 10 && text.chars().all(fits) {
            Ok(Self(text))
        } else {
            Err(format!(
                "`{text}` is not a run id (ten characters of 0-9 and a-z)"
            ))
        }
    }
}

impl std::str::FromStr for RunId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::try_from(text.to_owned())
    }
}

impl From<RunId> for String {
    fn from(id: RunId) -> Self {
        id.0
    }
}

/// Names a step within its plan, for example `stop:worker`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepId(String);

impl StepId {
    /// A step of which there is one in a plan.
    pub fn new(kind: &str) -> Self {
        Self(kind.to_owned())
    }

    /// A step of which there is one per `subject` (a service, a file).
    pub fn of(kind: &str, subject: &str) -> Self {
        Self(format!("{kind}:{subject}"))
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

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
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Upgraded => "upgraded",
            Self::Unchanged => "unchanged",
            Self::Refused => "refused",
            Self::RolledBack => "rolled back",
            Self::NeedsAttention => "needs attention",
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
        /// Its folder.
        path: std::path::PathBuf,
        /// Size of the dump in bytes.
        bytes: u64,
        /// SHA-256 of the dump, hex.
        sha256: String,
        /// Number of tables whose rows were counted in the dump and compared with the database.
        tables: usize,
        /// Rows in all of them.
        rows: u64,
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

/// What to do with jobs that are still running when there is no time left.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DrainPolicy {
    /// Do not upgrade.
    #[default]
    Abort,
    /// Interrupt them; they are listed and marked failed.
    Continue,
    /// Interrupt them; they are queued again.
    Requeue,
}

/// Something that was compared with what it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    /// What.
    pub name: String,
    /// How it came out.
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cure: Option<String>,
}

impl Checked {
    /// Good or bad, as was found.
    pub fn new(name: impl Into<String>, good: bool, found: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            verdict: if good { Verdict::Good } else { Verdict::Bad },
            found: found.into(),
            cure: None,
        }
    }

    /// A warning where it would be good, with what to do about it.
    #[must_use]
    pub fn warning(mut self, cure: impl Into<String>) -> Self {
        self.verdict = Verdict::Warning;
        self.cure = Some(cure.into());
        self
    }
}

/// How a comparison came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// As it should be.
    Good,
    /// Something to look at; the run is good all the same.
    Warning,
    /// Not as it should be.
    Bad,
}

/// A job of the app that somebody may be waiting for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// The app's own id.
    pub id: String,
    /// What it works on, for a crawl its URL.
    pub label: String,
    /// How far it is, for example `412 pages`.
    pub progress: String,
    /// Seconds since it was created.
    pub age: u64,
    /// Seconds since it last gave a sign of life.
    pub quiet: u64,
    /// Seconds it will still take, where the app can tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remaining: Option<u64>,
    /// Whether it has been quiet for so long that nobody is at work on it any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dead: bool,
}

/// What is shown while it happens and never recorded; it may be dropped when the display is slow.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Live {
    /// How far a step is.
    Progress {
        /// Which.
        step: StepId,
        /// Units done.
        done: u64,
        /// Units in all, where known.
        total: Option<u64>,
        /// What is counted.
        unit: ProgressUnit,
    },
    /// A line that a program printed.
    Line {
        /// The step that follows it.
        step: StepId,
        /// The service or program.
        source: String,
        /// The line, secrets taken out.
        text: String,
    },
    /// The jobs that a step waits for.
    Jobs {
        /// Which step.
        step: StepId,
        /// Those still running.
        jobs: Vec<Job>,
    },
    /// Something worth knowing, outside any step too.
    Note {
        /// The line.
        text: String,
    },
    /// What would happen, or is about to.
    Plan(Box<PlanView>),
    /// What was compared, where no run records it.
    Checks {
        /// One by one.
        checks: Vec<Checked>,
    },
    /// What was found where there is no plan to show it in.
    Findings {
        /// All of it.
        findings: Vec<Finding>,
    },
}

/// What a [`Live::Progress`] counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProgressUnit {
    /// Bytes.
    Bytes,
    /// Image layers.
    Layers,
    /// Seconds waited.
    Seconds,
}

/// What reaches a display: what was recorded, and what passes.
#[derive(Debug)]
pub enum Signal {
    /// Committed to the journal before it was sent.
    Recorded(Box<Record>),
    /// Recorded by an earlier process of the run: worth knowing, not shown again.
    Earlier(Box<Record>),
    /// Shown once.
    Live(Live),
    /// Answered when everything before it is shown.
    Flush(tokio::sync::oneshot::Sender<()>),
}
