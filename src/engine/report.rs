//! The way out for what a run has to say.

use tokio::sync::{mpsc, oneshot};

use crate::event::{Job, Live, ProgressUnit, Record, Signal, StepId};

/// Room for this many signals before a slow display makes live ones drop.
const BACKLOG: usize = 1024;

/// Sends to one display. Cheap to clone; a closed display is no error.
#[derive(Debug, Clone)]
pub struct Report(mpsc::Sender<Signal>);

impl Report {
    /// A report and the end that a display reads.
    pub fn channel() -> (Self, mpsc::Receiver<Signal>) {
        let (sender, receiver) = mpsc::channel(BACKLOG);
        (Self(sender), receiver)
    }

    /// Shows a record. Waits for a slow display: a record must not be lost on the way.
    pub async fn recorded(&self, record: Record) {
        // The display is gone when its terminal is; the run goes on without it.
        let _ = self.0.send(Signal::Recorded(Box::new(record))).await;
    }

    /// Makes a record known that an earlier process has shown.
    pub async fn earlier(&self, record: Record) {
        let _ = self.0.send(Signal::Earlier(Box::new(record))).await;
    }

    /// Shows something in passing; dropped when the display is behind.
    pub fn live(&self, live: Live) {
        let _ = self.0.try_send(Signal::Live(live));
    }

    /// Waits until everything so far is shown.
    pub async fn flush(&self) {
        let (sender, receiver) = oneshot::channel();
        if self.0.send(Signal::Flush(sender)).await.is_ok() {
            let _ = receiver.await;
        }
    }

    /// Shows a line outside any step.
    pub fn note(&self, text: impl Into<String>) {
        self.live(Live::Note { text: text.into() });
    }

    /// The same way out, for one step.
    pub fn of(&self, step: StepId) -> StepReport {
        StepReport {
            report: self.clone(),
            step,
        }
    }
}

/// The way out for one step.
#[derive(Debug, Clone)]
pub struct StepReport {
    report: Report,
    step: StepId,
}

impl StepReport {
    /// How far the step is.
    pub fn progress(&self, done: u64, total: Option<u64>, unit: ProgressUnit) {
        self.report.live(Live::Progress {
            step: self.step.clone(),
            done,
            total,
            unit,
        });
    }

    /// A line that `source` printed; secrets must have been taken out.
    pub fn line(&self, source: &str, text: impl Into<String>) {
        self.report.live(Live::Line {
            step: self.step.clone(),
            source: source.to_owned(),
            text: text.into(),
        });
    }

    /// The jobs that the step waits for.
    pub fn jobs(&self, jobs: Vec<Job>) {
        self.report.live(Live::Jobs {
            step: self.step.clone(),
            jobs,
        });
    }

    /// A line of the step's own.
    pub fn note(&self, text: impl Into<String>) {
        self.report.note(text);
    }
}
