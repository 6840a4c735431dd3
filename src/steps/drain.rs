//! Waiting until no job is under way that stopping the worker would cut short.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::POLL;
use crate::engine::{Probe, StepReport};
use crate::event::{Artifact, Failure, FailureClass, Job};
use crate::host::jobs::{JobQuery, active_jobs};
use crate::host::{Container, Containers, Database};

/// See the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drain {
    /// How to ask for jobs.
    pub query: JobQuery,
    /// Seconds to wait at most.
    pub timeout_seconds: u64,
    /// The services that work.
    pub workers: Vec<String>,
}

/// A job needs a worker: while none is up nothing is under way.
pub(super) async fn needed_while_up(
    containers: &impl Containers,
    workers: &[String],
) -> Result<Probe, Failure> {
    for worker in workers {
        if containers
            .of_service(worker)
            .await?
            .iter()
            .any(Container::is_up)
        {
            return Ok(Probe::Needed);
        }
    }
    Ok(Probe::NotNeeded("no worker is running".to_owned()))
}

impl Drain {
    pub(super) async fn probe(&self, containers: &impl Containers) -> Result<Probe, Failure> {
        needed_while_up(containers, &self.workers).await
    }

    pub(super) async fn run(
        &self,
        database: &impl Database,
        report: &StepReport,
    ) -> Result<Option<Artifact>, Failure> {
        let begun = Instant::now();
        let limit = Duration::from_secs(self.timeout_seconds);
        let mut most = 0;
        loop {
            let jobs = active_jobs(database, &self.query).await?;
            most = most.max(jobs.len());
            if jobs.is_empty() {
                return Ok((most > 0).then(|| Artifact::Note {
                    text: format!(
                        "waited {} s for {} to finish",
                        begun.elapsed().as_secs(),
                        count(most)
                    ),
                }));
            }
            if begun.elapsed() >= limit {
                return Err(too_long(&jobs, limit));
            }
            report.jobs(jobs);
            tokio::time::sleep(POLL).await;
        }
    }
}

fn count(jobs: usize) -> String {
    match jobs {
        1 => "1 job".to_owned(),
        n => format!("{n} jobs"),
    }
}

fn too_long(jobs: &[Job], limit: Duration) -> Failure {
    let lines = jobs
        .iter()
        .map(|job| {
            format!(
                "{} ({}, started {} s ago)",
                job.label, job.progress, job.age
            )
        })
        .collect();
    let verb = if jobs.len() == 1 { "was" } else { "were" };
    Failure::new(format!(
        "{} {verb} still running after {} s",
        count(jobs.len()),
        limit.as_secs()
    ))
    .details(lines)
    .hint("wait longer, for example with `--drain-timeout 2h`")
    .class(FailureClass::Refused)
}
