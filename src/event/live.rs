//! What passes: shown while it happens, on its way to a display, never recorded.

use serde::Serialize;

use super::{Checked, FileView, Finding, Job, PlanView, Record, Rehearsal, StepId};

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
    /// What has to change in the user's files, where that is all that was asked for.
    Patch {
        /// File by file.
        files: Vec<FileView>,
    },
    /// What was compared, where no run records it.
    Checks {
        /// One by one.
        checks: Vec<Checked>,
    },
    /// How a rehearsal went.
    Rehearsal(Box<Rehearsal>),
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
