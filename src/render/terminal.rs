//! A terminal: finished steps stay as lines, the one under way moves below them.

use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::{Ending, Titles, amounts, items, text};
use crate::event::{Event, Live, Record};

const TICK: Duration = Duration::from_millis(120);

/// See the file.
pub struct Terminal {
    bars: MultiProgress,
    /// The step under way, and below it the jobs it waits for.
    step: Option<ProgressBar>,
    jobs: Vec<ProgressBar>,
}

impl Terminal {
    /// None where nothing would be seen.
    pub(super) fn new() -> Option<Self> {
        let bars = MultiProgress::new();
        (!bars.is_hidden()).then_some(Self {
            bars,
            step: None,
            jobs: Vec::new(),
        })
    }

    pub(super) fn record(&mut self, record: &Record, titles: &Titles) {
        self.clear();
        let Event::StepStarted { step } = &record.event else {
            self.lines(&text::happened(record, titles));
            return;
        };
        let bar = self.bars.add(ProgressBar::new_spinner());
        bar.set_style(style("{spinner} {prefix} {elapsed} {wide_msg}"));
        bar.set_prefix(titles.of(step));
        bar.enable_steady_tick(TICK);
        self.step = Some(bar);
    }

    pub(super) fn live(&mut self, live: &Live, titles: &Titles) {
        match live {
            Live::Progress {
                step,
                done,
                total,
                unit,
            } => {
                let far = amounts::progress(*done, *total, *unit);
                match &self.step {
                    Some(bar) => bar.set_message(far),
                    None => self.line(&format!("{}: {far}", titles.of(step))),
                }
            }
            Live::Jobs { jobs, .. } => {
                while self.jobs.len() < jobs.len() {
                    let bar = self.bars.add(ProgressBar::new_spinner());
                    bar.set_style(style("    {wide_msg}"));
                    self.jobs.push(bar);
                }
                for bar in self.jobs.drain(jobs.len()..) {
                    bar.finish_and_clear();
                }
                for (bar, job) in self.jobs.iter().zip(jobs) {
                    bar.set_message(items::job(job));
                }
            }
            live => self.lines(&text::passing(live)),
        }
    }

    pub(super) fn end(&mut self, ending: &Ending<'_>) {
        self.clear();
        self.lines(&text::ending(ending));
    }

    fn clear(&mut self) {
        for bar in self.jobs.drain(..).chain(self.step.take()) {
            bar.finish_and_clear();
        }
    }

    fn lines(&self, lines: &[String]) {
        for line in lines {
            self.line(line);
        }
    }

    fn line(&self, line: &str) {
        // A terminal that went away is no reason to stop.
        let _ = self.bars.println(line);
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}
