//! What is kept of runs that have ended, and when it may go.

use std::time::Duration;

use jiff::Timestamp;

use super::NoWayBack;
use super::recorded::{copy, keeping_tags, kept_aside};
use crate::engine::RunState;
use crate::event::{Artifact, Event, Outcome, Record, RunId};

/// How long a way back is kept after it may no longer be needed, where nobody says otherwise.
pub const KEPT: Duration = Duration::from_hours(7 * 24);

/// A run that has ended, and what it has left.
#[derive(Debug, Clone, PartialEq)]
pub struct Past {
    /// The run.
    pub run: RunId,
    /// How it ended; none while it is open.
    outcome: Option<Outcome>,
    /// When the last thing was recorded.
    at: Timestamp,
    /// The copy of the database within the server.
    copy: Option<String>,
    /// Whether a dump of that copy was proven.
    durable: bool,
    /// The database that was put aside.
    aside: Option<String>,
    /// Tags that keep images.
    tags: Vec<String>,
}

/// Something that is not needed any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expired {
    /// A database beside the app's.
    Database(String),
    /// The dumps of a run.
    Dumps(RunId),
    /// A tag of ours, and the image if nothing else names it.
    Tag(String),
}

impl Past {
    /// What a run has left, by its records.
    pub fn of(run: RunId, records: &[Record]) -> Result<Option<Self>, NoWayBack> {
        let Ok(state) = RunState::fold(run.clone(), records) else {
            return Ok(None);
        };
        let Some(last) = records.last() else {
            return Ok(None);
        };
        let copy = copy(&state).map(|(name, _)| name.to_owned());
        // The exact dump of a run that has a copy is one of that copy.
        let durable = records.iter().any(|record| {
            matches!(&record.event, Event::StepFinished { step, artifact: Some(Artifact::Backup { .. }), .. }
                if step.to_string() == "dump:exact")
        });
        Ok(Some(Self {
            outcome: state.outcome,
            at: last.at,
            durable,
            aside: kept_aside(&state)?,
            tags: keeping_tags(&state)?,
            copy,
            run,
        }))
    }

    fn is_decided(&self) -> bool {
        !matches!(self.outcome, None | Some(Outcome::NeedsAttention))
    }
}

/// What may go, of runs from the newest on. A copy goes when its run was decided before `limit`, if
/// it is not the only exact backup of an upgrade; a database put aside when its run was over before
/// it; dumps and old images when the next upgrade that ended well was.
pub fn expired(runs: &[Past], limit: Timestamp) -> Vec<Expired> {
    let is_old = |at: Timestamp| at <= limit;
    let mut expired = Vec::new();
    let mut upgraded_since = false;
    for past in runs {
        if past.is_decided() && is_old(past.at) {
            let needed = past.outcome == Some(Outcome::Upgraded) && !past.durable;
            expired.extend(past.copy.clone().filter(|_| !needed).map(Expired::Database));
            expired.extend(past.aside.clone().map(Expired::Database));
        }
        if past.is_decided() && upgraded_since {
            expired.push(Expired::Dumps(past.run.clone()));
            expired.extend(past.tags.iter().cloned().map(Expired::Tag));
        }
        upgraded_since |= past.outcome == Some(Outcome::Upgraded) && is_old(past.at);
    }
    expired
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn past(run: &str, outcome: Outcome, days: i64, durable: bool) -> Past {
        Past {
            run: format!("{run:0>10}").parse().expect("an id"),
            outcome: Some(outcome),
            at: Timestamp::UNIX_EPOCH - SignedDuration::from_hours(24 * days),
            copy: Some(format!("copy{run}")),
            durable,
            aside: Some(format!("failed{run}")),
            tags: vec![format!("tag{run}")],
        }
    }

    fn told(runs: &[Past]) -> String {
        let expired = expired(runs, Timestamp::UNIX_EPOCH - KEPT).into_iter();
        let told = expired.map(|expired| match expired {
            Expired::Database(name) | Expired::Tag(name) => name,
            Expired::Dumps(run) => format!("dumps{}", run.as_str().trim_start_matches('0')),
        });
        told.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn nothing_goes_that_somebody_may_need() {
        use Outcome::{NeedsAttention, RolledBack, Upgraded};
        assert_eq!(told(&[past("2", Upgraded, 6, true)]), "");
        assert_eq!(told(&[past("2", Upgraded, 7, true)]), "copy2 failed2");
        // The only exact backup there is.
        assert_eq!(told(&[past("2", Upgraded, 99, false)]), "failed2");
        assert_eq!(told(&[past("2", NeedsAttention, 99, true)]), "");
        let runs = [past("2", Upgraded, 6, true), past("1", Upgraded, 99, true)];
        assert_eq!(told(&runs), "copy1 failed1");
        let runs = [
            past("2", Upgraded, 7, true),
            past("1", RolledBack, 99, false),
        ];
        assert_eq!(told(&runs), "copy2 failed2 copy1 failed1 dumps1 tag1");
    }
}
