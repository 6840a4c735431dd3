//! Exit codes.

use crate::event::{Failure, FailureClass, Outcome};
use crate::journal::RunRow;
use crate::ops::{Ended, JobList};

/// Nothing was touched, because something stood in the way.
pub(super) const REFUSED: u8 = 3;

/// 0 upgraded, unchanged or restored, 3 refused, 4 rolled back, 5 needs attention; 6 busy, 2 usage, 10 a
/// change is needed, else 1.
pub(super) fn code(ended: &Result<Ended, Failure>) -> u8 {
    match ended {
        Ok(ended) => match ended.outcome {
            _ if ended.change_needed => 10,
            None => ended
                .failure
                .as_ref()
                .map_or(0, |failure| of(failure.class)),
            Some(Outcome::Upgraded | Outcome::Unchanged | Outcome::Restored) => 0,
            Some(Outcome::Refused) => REFUSED,
            Some(Outcome::RolledBack) => 4,
            Some(Outcome::NeedsAttention) => 5,
        },
        Err(failure) => of(failure.class),
    }
}

fn of(class: FailureClass) -> u8 {
    match class {
        FailureClass::Failed => 1,
        FailureClass::Usage => 2,
        FailureClass::Refused => REFUSED,
        FailureClass::Busy => 6,
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
