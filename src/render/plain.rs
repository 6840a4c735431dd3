//! Plain lines, for logs and pipes: nothing is drawn over, nothing repeats without news.

use std::time::{Duration, Instant};

use super::{Ending, Titles, amounts, items, say, say_all, text};
use crate::event::{Event, Live, Record};

/// How often something that goes on is mentioned.
const EVERY: Duration = Duration::from_secs(30);

/// See the file.
#[derive(Debug, Default)]
pub struct Plain {
    mentioned: Option<Instant>,
    jobs: Vec<String>,
}

impl Plain {
    pub(super) fn record(&mut self, record: &Record, titles: &Titles) {
        match &record.event {
            Event::StepStarted { step } => {
                self.mentioned = Some(Instant::now());
                self.jobs.clear();
                say(&format!("▸ {}", titles.of(step)));
            }
            _ => say_all(&text::happened(record, titles)),
        }
    }

    pub(super) fn live(&mut self, live: &Live, titles: &Titles) {
        match live {
            Live::Jobs { jobs, .. } => {
                let ids: Vec<String> = jobs.iter().map(|job| job.id.clone()).collect();
                if self.due() || ids != self.jobs {
                    self.jobs = ids;
                    for job in jobs {
                        say(&format!("    {}", items::job(job)));
                    }
                }
            }
            Live::Progress {
                step,
                done,
                total,
                unit,
            } => {
                if self.due() {
                    let far = amounts::progress(*done, *total, *unit);
                    say(&format!("    {}: {far}", titles.of(step)));
                }
            }
            live => say_all(&text::passing(live)),
        }
    }

    pub(super) fn end(ending: &Ending<'_>) {
        say_all(&text::ending(ending));
    }

    fn due(&mut self) -> bool {
        let due = self.mentioned.is_none_or(|last| last.elapsed() >= EVERY);
        if due {
            self.mentioned = Some(Instant::now());
        }
        due
    }
}
