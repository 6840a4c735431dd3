//! What the journal knows: where a run stands, which runs there were, what one has said.

use super::project::find;
use super::state_folder::{StateFolder, failure};
use crate::engine::RunState;
use crate::event::{Event, Failure, FailureClass, Record, RunId};
use crate::journal::{Journal, RunRow};
use crate::plan;
use crate::settings::Settings;

/// Where the newest run stands.
#[derive(Debug)]
pub struct Status {
    /// Its line in the history.
    pub row: RunRow,
    /// Its state.
    pub state: RunState,
    /// Its records.
    pub records: Vec<Record>,
    /// The entry at which requests may be waiting, if it was left closed.
    pub held_at: Option<String>,
}

/// Where the newest run stands; none where there never was one.
pub async fn status(settings: &Settings) -> Result<Option<Status>, Failure> {
    let Some(journal) = journal(settings).await? else {
        return Ok(None);
    };
    let runs = journal.runs().await.map_err(|error| failure(&error))?;
    let Some(row) = runs.into_iter().next() else {
        return Ok(None);
    };
    let records = records(&journal, &row.run).await?;
    let state = fold(&row.run, &records)?;
    let held_at = match row.open && row.outcome.is_none() {
        true => plan::held_at(&state).map_err(|error| Failure::from_error(&error))?,
        false => None,
    };
    Ok(Some(Status {
        row,
        state,
        records,
        held_at,
    }))
}

/// The state of the newest run of a project; none where there never was one.
pub(super) async fn newest(
    folder: &StateFolder,
    project: &str,
) -> Result<Option<RunState>, Failure> {
    let Some(journal) = folder.journal_to_read().await? else {
        return Ok(None);
    };
    for row in journal.runs().await.map_err(|error| failure(&error))? {
        let records = records(&journal, &row.run).await?;
        let ours = records.first().is_some_and(
            |record| matches!(&record.event, Event::RunStarted { project: p, .. } if p == project),
        );
        if ours {
            return fold(&row.run, &records).map(Some);
        }
    }
    Ok(None)
}

/// All runs, newest first.
pub async fn history(settings: &Settings) -> Result<Vec<RunRow>, Failure> {
    match journal(settings).await? {
        Some(journal) => journal.runs().await.map_err(|error| failure(&error)),
        None => Ok(Vec::new()),
    }
}

/// The records of a run, or of the newest one.
pub async fn logs(settings: &Settings, run: Option<&RunId>) -> Result<Vec<Record>, Failure> {
    let unknown = |what: String| {
        Failure::new(what)
            .hint("`eneo-upgrade history` lists the runs")
            .class(FailureClass::Usage)
    };
    let Some(journal) = journal(settings).await? else {
        return Err(unknown("this project has no runs".to_owned()));
    };
    let runs = journal.runs().await.map_err(|error| failure(&error))?;
    let wanted = |row: &&RunRow| run.is_none_or(|run| row.run == *run);
    let Some(row) = runs.iter().find(wanted) else {
        return Err(unknown(match run {
            Some(run) => format!("this project has no run {run}"),
            None => "this project has no runs".to_owned(),
        }));
    };
    records(&journal, &row.run).await
}

async fn records(journal: &Journal, run: &RunId) -> Result<Vec<Record>, Failure> {
    journal.records(run).await.map_err(|error| failure(&error))
}

fn fold(run: &RunId, records: &[Record]) -> Result<RunState, Failure> {
    RunState::fold(run.clone(), records).map_err(|error| Failure::from_error(&error))
}

async fn journal(settings: &Settings) -> Result<Option<Journal>, Failure> {
    find(settings)?.1.journal_to_read().await
}
