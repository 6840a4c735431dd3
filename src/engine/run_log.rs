//! Record first, show second: the journal, the fold and the display in one place.

use thiserror::Error;

use super::{IllegalEvent, Report, RunState};
use crate::event::{Event, FORMAT, Record, RunId};
use crate::journal::{Journal, JournalError};

/// A run could not be recorded or read back.
#[derive(Debug, Error)]
pub enum LogError {
    /// The journal failed.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// What is recorded makes no sense.
    #[error(transparent)]
    Illegal(#[from] IllegalEvent),
}

/// The log of one open run. Whatever it accepts is on disk, then in the state, then shown.
#[derive(Debug)]
pub struct RunLog {
    journal: Journal,
    state: RunState,
    report: Report,
}

impl RunLog {
    /// Opens a new run. Fails when the project has an open one.
    pub async fn begin(
        journal: Journal,
        run: RunId,
        started: Event,
        report: Report,
    ) -> Result<Self, LogError> {
        let mut log = Self {
            journal,
            state: RunState::new(run),
            report,
        };
        log.record(started).await?;
        Ok(log)
    }

    /// Takes up a run that is in the journal.
    pub async fn resume(journal: Journal, run: RunId, report: Report) -> Result<Self, LogError> {
        let records = journal.records(&run).await?;
        let state = RunState::fold(run, &records)?;
        for record in records {
            report.earlier(record).await;
        }
        let mut log = Self {
            journal,
            state,
            report,
        };
        log.record(Event::RunResumed).await?;
        Ok(log)
    }

    /// Where the run stands.
    pub fn state(&self) -> &RunState {
        &self.state
    }

    /// Everything recorded of the run so far.
    pub async fn records(&self) -> Result<Vec<Record>, LogError> {
        Ok(self.journal.records(&self.state.run).await?)
    }

    /// The display.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// Records an event. An event that does not fit is refused before it is written.
    pub async fn record(&mut self, event: Event) -> Result<(), LogError> {
        let record = Record {
            v: FORMAT,
            run: self.state.run.clone(),
            seq: self.state.next_seq(),
            at: jiff::Timestamp::now(),
            event,
        };
        let mut after = self.state.clone();
        after.apply(&record)?;
        self.journal.append(&record).await?;
        self.state = after;
        self.report.recorded(record).await;
        Ok(())
    }
}
