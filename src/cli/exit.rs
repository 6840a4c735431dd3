//! Exit codes.

use crate::event::{Failure, FailureClass, Outcome};
use crate::journal::RunRow;
use crate::ops::{Ended, JobList};

/// 0 upgraded or unchanged, 3 refused, 4 rolled back, 5 needs attention; 6 busy, 2 usage, else 1.
pub(super) fn code(ended: &Result<Ended, Failure>) -> u8 {
    match ended {
        Ok(ended) => match ended.outcome {
            None | Some(Outcome::Upgraded | Outcome::Unchanged) => 0,
            Some(Outcome::Refused) => 3,
            Some(Outcome::RolledBack) => 4,
            Some(Outcome::NeedsAttention) => 5,
        },
        Err(failure) => match failure.class {
            FailureClass::Failed => 1,
            FailureClass::Usage => 2,
            FailureClass::Refused => 3,
            FailureClass::Busy => 6,
        },
    }
}

/// The app's jobs as one line of JSON.
pub(super) fn jobs_as_json(list: &JobList) -> String {
    serde_json::json!({
        "v": crate::event::FORMAT,
        "kind": "job-list",
        "running": list.running,
        "queued": list.queued,
        "stuck": list.stuck,
        "done": list.done,
    })
    .to_string()
}

/// A run of the history as one line of JSON.
pub(super) fn row_as_json(row: &RunRow) -> String {
    serde_json::json!({
        "v": crate::event::FORMAT,
        "kind": "run",
        "run": row.run,
        "started_at": row.started_at,
        "outcome": row.outcome,
        "open": row.open,
    })
    .to_string()
}
