//! From events to people and programs: one stream, three displays.
//!
//! It must not know where events come from, nor decide anything.

mod amounts;
mod backups;
mod items;
mod json;
mod plain;
mod plan;
mod terminal;
mod text;

use std::collections::HashMap;
use std::io::{IsTerminal, Write};

use tokio::sync::mpsc;

use crate::event::{Event, Failure, Finding, Live, Outcome, Record, Severity, Signal, StepId};

pub use backups::backup_lines;
pub use json::{backup_line, end_line, live_line, record_line};
pub use text::{history_line, job_lines, status_lines};

/// Where a run's words go.
pub enum Display {
    /// A terminal: progress bars, on standard error.
    Terminal(terminal::Terminal),
    /// Plain lines, on standard error.
    Plain(plain::Plain),
    /// One JSON object per line, on standard output.
    Json,
}

/// How something ended, for the last lines.
#[derive(Debug, Clone)]
pub struct Ending<'a> {
    /// The state; none where the failure came before any run.
    pub outcome: Option<Outcome>,
    /// What went wrong.
    pub failure: Option<&'a Failure>,
    /// What state things are in.
    pub state: &'a [String],
    /// What to type next.
    pub next: &'a [String],
    /// The exit code.
    pub code: u8,
}

impl Display {
    /// For people: a terminal where there is one that can show progress, else plain lines.
    pub fn text() -> Self {
        match terminal::Terminal::new() {
            Some(terminal) => Self::Terminal(terminal),
            None => Self::Plain(plain::Plain::default()),
        }
    }

    /// For programs.
    pub fn json() -> Self {
        Self::Json
    }

    /// Shows signals until nobody sends any more.
    pub async fn show(mut self, mut signals: mpsc::Receiver<Signal>) -> Self {
        let mut titles = Titles::default();
        while let Some(signal) = signals.recv().await {
            match signal {
                Signal::Recorded(record) => {
                    titles.learn(&record.event);
                    self.record(&record, &titles);
                }
                Signal::Earlier(record) => titles.learn(&record.event),
                Signal::Live(live) => self.live(&live, &titles),
                Signal::Flush(done) => {
                    let _ = done.send(());
                }
            }
        }
        self
    }

    fn record(&mut self, record: &Record, titles: &Titles) {
        match self {
            Self::Terminal(display) => display.record(record, titles),
            Self::Plain(display) => display.record(record, titles),
            Self::Json => json::show(json::record_line(record)),
        }
    }

    fn live(&mut self, live: &Live, titles: &Titles) {
        match self {
            Self::Terminal(_) | Self::Plain(_) if let Live::Patch { files } = live => {
                self.answer(&text::files(files, std::io::stdout().is_terminal()));
            }
            Self::Terminal(display) => display.live(live, titles),
            Self::Plain(display) => display.live(live, titles),
            Self::Json => json::show(json::live_line(live)),
        }
    }

    /// Shows how it ended.
    pub fn end(&mut self, ending: &Ending<'_>) {
        match self {
            Self::Terminal(display) => display.end(ending),
            Self::Plain(_) => plain::Plain::end(ending),
            Self::Json => json::show(json::end_line(ending)),
        }
    }

    /// Shows lines that are the answer to a question, on standard output.
    pub fn answer(&mut self, lines: &[String]) {
        for line in lines {
            print_line(line);
        }
    }

    /// Shows a recorded run again.
    pub fn replay(&mut self, records: &[Record]) {
        let mut titles = Titles::default();
        for record in records {
            titles.learn(&record.event);
            match self {
                Self::Json => json::show(json::record_line(record)),
                _ => self.answer(&text::recorded(record, &titles)),
            }
        }
    }
}

/// What the steps of a run do, by id.
#[derive(Debug, Default)]
pub struct Titles(HashMap<StepId, String>);

impl Titles {
    fn learn(&mut self, event: &Event) {
        if let Event::Planned { steps, .. } = event {
            self.0.extend(
                steps
                    .iter()
                    .map(|step| (step.id.clone(), step.title.clone())),
            );
        }
    }

    fn of(&self, step: &StepId) -> String {
        self.0
            .get(step)
            .cloned()
            .unwrap_or_else(|| step.to_string())
    }
}

/// Prints a text as it is.
pub fn print_text(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Prints what was found, a refusal as `code: text`, and below it what to do.
pub fn print_finding(finding: &Finding) {
    let label = match finding.severity {
        Severity::Refusal => finding.id.as_str(),
        Severity::Warning => "warning",
    };
    say(&format!("{label}: {}", finding.text));
    say_all(&items::hint(&finding.cure));
}

/// A reader that went away is no reason to stop.
fn print_line(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn say_all(lines: &[String]) {
    for line in lines {
        say(line);
    }
}
