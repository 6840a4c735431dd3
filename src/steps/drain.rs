//! Waiting until no job is under way that stopping the worker would cut short.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::POLL;
use crate::engine::{Probe, StepReport};
use crate::event::{Artifact, DrainPolicy, Failure, FailureClass, Job};
use crate::host::jobs::{JobQuery, jobs};
use crate::host::{Container, Containers, Database, Limits};

/// See the file. Jobs that give no sign of life are shown and not waited for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drain {
    /// How to ask for jobs.
    pub query: JobQuery,
    /// Seconds to wait at most.
    pub timeout_seconds: u64,
    /// What to do then.
    pub policy: DrainPolicy,
    /// The services that work.
    pub workers: Vec<String>,
    /// The entry: requests must not wait for as long as jobs take, at a door that an earlier
    /// process has closed.
    pub door: Option<String>,
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

    pub(crate) async fn run(
        &self,
        containers: &impl Containers,
        database: &impl Database,
        limits: Limits,
        report: &StepReport,
    ) -> Result<Option<Artifact>, Failure> {
        if let Some(door) = &self.door {
            super::door::open(containers, door).await?;
        }
        let begun = Instant::now();
        let limit = Duration::from_secs(limits.drain_seconds.unwrap_or(self.timeout_seconds));
        let mut waited_for = std::collections::BTreeSet::new();
        loop {
            let found = jobs(database, &self.query).await?;
            let (dead, alive): (Vec<Job>, Vec<Job>) = found.into_iter().partition(|job| job.dead);
            waited_for.extend(alive.iter().map(|job| job.id.clone()));
            if alive.is_empty() {
                return Ok(drained(waited_for.len(), begun.elapsed(), dead));
            }
            if begun.elapsed() >= limit {
                return match limits.drain_policy.unwrap_or(self.policy) {
                    DrainPolicy::Abort => Err(too_long(&alive, limit)),
                    DrainPolicy::Continue | DrainPolicy::Requeue => Ok(Some(Artifact::Jobs {
                        text: format!("{} after {} s", still_running(&alive), limit.as_secs()),
                        jobs: alive,
                    })),
                };
            }
            report.jobs([alive, dead].concat());
            tokio::time::sleep(POLL).await;
        }
    }
}

fn drained(waited_for: usize, waited: Duration, dead: Vec<Job>) -> Option<Artifact> {
    let mut parts = Vec::new();
    if waited_for > 0 {
        parts.push(format!(
            "waited {} s for {} to finish",
            waited.as_secs(),
            count(waited_for)
        ));
    }
    if !dead.is_empty() {
        parts.push(format!(
            "not waited for: {} without a sign of life",
            count(dead.len())
        ));
    }
    (!parts.is_empty()).then(|| Artifact::Jobs {
        text: parts.join("; "),
        jobs: dead,
    })
}

/// A number of jobs, in words.
pub(super) fn count(jobs: usize) -> String {
    match jobs {
        1 => "1 job".to_owned(),
        n => format!("{n} jobs"),
    }
}

fn still_running(jobs: &[Job]) -> String {
    let verb = if jobs.len() == 1 { "was" } else { "were" };
    format!("{} {verb} still running", count(jobs.len()))
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
    Failure::new(format!(
        "{} after {} s",
        still_running(jobs),
        limit.as_secs()
    ))
    .details(lines)
    .hint(
        "wait longer, for example with `--drain-timeout 2h`, or interrupt and queue them again \
             with `--on-drain-timeout requeue`",
    )
    .class(FailureClass::Refused)
}
