//! Runs any list of steps so that it can be stopped anywhere and taken up again.
//!
//! It must not know any step of ours, nor what they touch: it knows the [`Step`] contract, the
//! journal and the fold over recorded events that is the state of a run.

mod execute;
mod report;
mod run_log;
mod run_state;

use std::future::Future;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use execute::{Interrupt, execute};
pub use report::{Report, StepReport};
pub use run_log::{LogError, RunLog};
pub use run_state::{IllegalEvent, PlanState, RunState, Status, StepState};

use crate::event::{Artifact, Failure};

/// One thing a run does to the world `W`.
///
/// A step is data: its fields are all its choices, made by the planner, stored in the journal
/// and read back after a crash.
pub trait Step<W>: Serialize + DeserializeOwned {
    /// Looks; changes nothing.
    fn probe(&self, world: &W) -> impl Future<Output = Result<Probe, Failure>> + Send;

    /// Does it. Running twice must leave the world as running once does.
    fn run(
        &self,
        world: &W,
        report: &StepReport,
    ) -> impl Future<Output = Result<Option<Artifact>, Failure>> + Send;

    /// Whether a request to stop has to wait until the step is through, because what it does
    /// cannot be left half done.
    fn one_way(&self) -> bool;
}

/// What a step found when it looked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe {
    /// There is work to do.
    Needed,
    /// The world is already as the step would leave it.
    AlreadyDone,
    /// The step does not apply, and why.
    NotNeeded(String),
}
