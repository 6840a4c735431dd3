//! The verbs. Each one is a function that a command line or a server calls.
//!
//! It must not know how it was asked nor how its answer is shown.

mod backups;
mod begin;
mod door;
mod drive;
mod gc;
mod history;
mod jobs;
mod leftovers;
mod outlook;
mod patch;
mod plan;
mod project;
mod rehearse;
mod restore;
mod resume;
mod rollback;
mod state_folder;
mod stop;
mod upgrade;
mod verify;

pub use backups::{backup, backups, export_backup, prove_backups, prune_backups, verify_backups};
pub use gc::gc;
pub use history::{Status, history, logs, status};
pub use jobs::{JobList, drain, jobs};
pub use patch::{Offline, patch};
pub use plan::{check, plan};
pub use rehearse::rehearse;
pub use restore::restore;
pub use resume::resume;
pub use rollback::rollback;
pub use upgrade::upgrade;
pub use verify::verify;

use crate::event::{Failure, Outcome};

/// Answers the questions of a run. The caller decides who is asked.
pub trait Confirm {
    /// Whether to go on. Where nobody can be asked the answer is yes: whoever starts a run from a
    /// script has decided already.
    fn confirm(&self, question: &Question) -> bool;
}

/// A question with the answer yes or no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Its text.
    pub text: String,
    /// The answer of somebody who just presses return.
    pub default: bool,
    /// What has to be typed for a yes, where it has to be meant. Where nobody can be asked, the
    /// answer to such a question is no.
    pub word: Option<String>,
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
    /// Whether files have to be changed that were only to be looked at.
    pub change_needed: bool,
}

impl Ended {
    fn plain(outcome: Outcome, state: &str) -> Self {
        Self {
            outcome: Some(outcome),
            change_needed: false,
            failure: None,
            state: vec![state.to_owned()],
            next: Vec::new(),
        }
    }

    /// An answer: nothing was asked for but to look.
    fn answer(state: &str) -> Self {
        Self {
            outcome: None,
            ..Self::plain(Outcome::Unchanged, state)
        }
    }
}
