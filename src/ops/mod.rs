//! The verbs. Each one is a function that a command line or a server calls.
//!
//! It must not know how it was asked nor how its answer is shown.

mod drive;
mod history;
mod outlook;
mod project;
mod resume;
mod rollback;
mod state_folder;
mod stop;
mod upgrade;

pub use history::{Status, history, logs, status};
pub use outlook::plan;
pub use resume::resume;
pub use rollback::rollback;
pub use upgrade::upgrade;

use crate::event::{Failure, Outcome};

/// Answers the questions of a run. The caller decides who is asked.
pub trait Confirm {
    /// Whether to go on; `default` is the answer of somebody who just presses return.
    fn confirm(&self, question: &str, default: bool) -> bool;
}

/// How a verb that may open a run ended.
#[derive(Debug)]
pub struct Ended {
    /// The state things are in; none where only a plan was shown.
    pub outcome: Option<Outcome>,
    /// What went wrong, if anything did.
    pub failure: Option<Failure>,
    /// What state things are in.
    pub state: Vec<String>,
    /// What to type next.
    pub next: Vec<String>,
}

impl Ended {
    fn plain(outcome: Outcome, state: &str) -> Self {
        Self {
            outcome: Some(outcome),
            failure: None,
            state: vec![state.to_owned()],
            next: Vec::new(),
        }
    }
}
