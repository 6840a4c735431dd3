//! One JSON object per line: a frozen form, described in docs/json-v1.md. Not a dump of our types.

use serde::Serialize;

use super::{Ending, print_line};
use crate::event::{BackupRow, Event, FORMAT, Failure, Live, Outcome, Purpose, Record};

/// A plan without what only this tool reads.
#[derive(Serialize)]
struct Planned<'a> {
    v: u8,
    run: &'a str,
    seq: u64,
    at: jiff::Timestamp,
    kind: &'static str,
    purpose: Purpose,
    steps: Vec<Step<'a>>,
}

#[derive(Serialize)]
struct Step<'a> {
    id: String,
    title: &'a str,
    cause: &'a str,
}

#[derive(Serialize)]
struct Passing<'a> {
    v: u8,
    #[serde(flatten)]
    live: &'a Live,
}

#[derive(Serialize)]
struct Last<'a> {
    v: u8,
    kind: &'static str,
    outcome: Option<Outcome>,
    exit: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<&'a Failure>,
    state: &'a [String],
    next: &'a [String],
}

#[derive(Serialize)]
struct Kept<'a> {
    v: u8,
    kind: &'static str,
    #[serde(flatten)]
    row: &'a BackupRow,
}

pub(super) fn show(line: Option<String>) {
    if let Some(line) = line {
        print_line(&line);
    }
}

/// A record as one line of JSON.
pub fn record_line(record: &Record) -> Option<String> {
    let Event::Planned { purpose, steps } = &record.event else {
        return line(record);
    };
    line(&Planned {
        v: record.v,
        run: record.run.as_str(),
        seq: record.seq,
        at: record.at,
        kind: "planned",
        purpose: *purpose,
        steps: steps
            .iter()
            .map(|step| Step {
                id: step.id.to_string(),
                title: &step.title,
                cause: &step.cause,
            })
            .collect(),
    })
}

/// What passes as one line of JSON.
pub fn live_line(live: &Live) -> Option<String> {
    line(&Passing { v: FORMAT, live })
}

/// How it ended as one line of JSON.
pub fn end_line(ending: &Ending<'_>) -> Option<String> {
    line(&Last {
        v: FORMAT,
        kind: "ended",
        outcome: ending.outcome,
        exit: ending.code,
        failure: ending.failure,
        state: ending.state,
        next: ending.next,
    })
}

/// A backup that is kept as one line of JSON.
pub fn backup_line(row: &BackupRow) -> Option<String> {
    let kind = "kept-backup";
    line(&Kept {
        v: FORMAT,
        kind,
        row,
    })
}

fn line(object: &impl Serialize) -> Option<String> {
    // Every type here is plain data with text keys, which serialises.
    serde_json::to_string(object).ok()
}
