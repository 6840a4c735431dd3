//! Running a service that ends by itself, the migration above all: once, followed live, its
//! exit code seen.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::POLL;
use crate::engine::{Probe, StepReport};
use crate::event::{Artifact, Checked, Failure};
use crate::host::{Compose, Container, ContainerStatus, Containers, Database, Host};

/// Log lines kept for the report of a failure.
const TAIL: usize = 12;
/// After so long without a word somebody wants to know what it waits for.
const QUIET: Duration = Duration::from_mins(1);
/// More failed starts than this, and its restart policy would go on for ever.
const RESTARTS: u64 = 5;
/// From the stop signal to the kill, for one that takes too long.
const GRACE: Duration = Duration::from_secs(10);

/// A start of a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    /// The container.
    pub id: String,
    /// When, as the engine writes it.
    pub at: String,
}

/// See the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Migrate {
    /// The service.
    pub service: String,
    /// Its start before the run, which is not ours.
    pub before: Option<Started>,
    /// Whether it changes the schema.
    pub migrates: bool,
    /// Services that must not run meanwhile.
    pub writers: Vec<String>,
    /// Services whose containers are made anew before another try, because the cause of a
    /// failure may have been mended in a file.
    pub remake: Vec<String>,
    /// Seconds it may take.
    pub limit_seconds: u64,
    /// Part of a line that it prints when it had something to do, where it has.
    pub evidence: Option<String>,
}

/// Works, with somebody watching for as long.
async fn beside<T>(work: impl Future<Output = T>, watch: impl Future<Output = Infallible>) -> T {
    tokio::select! {
        done = work => done,
        never = watch => match never {},
    }
}

/// What it has said so far.
struct Heard {
    tail: VecDeque<String>,
    last: Instant,
    evidence: bool,
}

impl Migrate {
    pub(super) fn title(&self) -> String {
        match self.migrates {
            true => format!("migrate the database ({})", self.service),
            false => format!("run {} to its end", self.service),
        }
    }

    pub(super) async fn probe(&self, containers: &impl Containers) -> Result<Probe, Failure> {
        let ours = self.ours(containers).await?;
        let ended_well = |container: &Container| {
            container.status == ContainerStatus::Exited && container.exit_code == 0
        };
        Ok(match ours.is_some_and(|container| ended_well(&container)) {
            true => Probe::AlreadyDone,
            false => Probe::Needed,
        })
    }

    pub(super) async fn run(
        &self,
        host: &impl Host,
        report: &StepReport,
    ) -> Result<Option<Artifact>, Failure> {
        let container = self.start(host).await?;
        let heard = Mutex::new(Heard {
            tail: VecDeque::new(),
            last: Instant::now(),
            evidence: false,
        });
        let limit = Duration::from_secs(self.limit_of(host));
        let follow = self.follow(host, report, &container.id, &heard);
        let watched = beside(follow, self.watch(host, report, &heard));
        let Ok(ended) = tokio::time::timeout(limit, watched).await else {
            return Err(self.took_too_long(host, &container, &heard).await?);
        };
        let ended = ended?;
        if ended.is_up() {
            host.containers()
                .stop(std::slice::from_ref(&container.id), GRACE)
                .await?;
        }
        let heard = heard.into_inner().unwrap_or_else(PoisonError::into_inner);
        match (ended.exit_code, ended.is_up()) {
            (0, false) => Ok(Some(Artifact::Ran {
                checks: self.judge_evidence(&heard).into_iter().collect(),
                tail: heard.tail.into(),
            })),
            _ => Err(self.failed(&ended).details(heard.tail.into())),
        }
    }

    /// The container, started by this run: by this process, or by one that is gone.
    async fn start(&self, host: &impl Host) -> Result<Container, Failure> {
        let containers = host.containers();
        let ours = self.ours(containers).await?;
        let again = ours.is_some();
        if let Some(running) = ours.filter(Container::is_up) {
            return Ok(running);
        }
        self.nobody_writes(containers).await?;
        host.database().end_leftovers().await?;
        if again {
            host.compose().create(&self.remake).await?;
        }
        host.compose().start(&self.service).await?;
        self.ours(containers)
            .await?
            .ok_or_else(|| Failure::new(format!("service `{}` was not started", self.service)))
    }

    /// Follows it to its end, over restarts by its policy.
    async fn follow(
        &self,
        host: &impl Host,
        report: &StepReport,
        id: &str,
        heard: &Mutex<Heard>,
    ) -> Result<Container, Failure> {
        let line = |line: &str| {
            let line = host.redactor().redact(line);
            {
                let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
                heard.last = Instant::now();
                heard.evidence |= self
                    .evidence
                    .as_ref()
                    .is_some_and(|part| line.contains(part));
                heard.tail.push_back(line.clone());
                if heard.tail.len() > TAIL {
                    heard.tail.pop_front();
                }
            }
            report.line(&self.service, line);
        };
        let mut code = 0;
        loop {
            let mut found = host.containers().follow(id, &line).await?;
            if !found.is_up() {
                return Ok(found);
            }
            // Known between two starts only.
            code = if found.exit_code == 0 {
                code
            } else {
                found.exit_code
            };
            if found.restarts > RESTARTS {
                found.exit_code = code;
                return Ok(found);
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Says what it waits for whenever it has been quiet for long.
    async fn watch(
        &self,
        host: &impl Host,
        report: &StepReport,
        heard: &Mutex<Heard>,
    ) -> Infallible {
        // With a short limit there would be nothing to see before it.
        let quiet = QUIET.min(Duration::from_secs(self.limit_of(host)) / 4);
        loop {
            let since = heard
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .last
                .elapsed();
            tokio::time::sleep(quiet.saturating_sub(since).max(POLL)).await;
            let heard_at = heard.lock().unwrap_or_else(PoisonError::into_inner).last;
            if heard_at.elapsed() < quiet {
                continue;
            }
            let seconds = heard_at.elapsed().as_secs();
            let waits = self.waits(host).await;
            let waits = match waits.is_empty() {
                true => vec!["it waits for no other session".to_owned()],
                false => waits,
            };
            report.line(
                "eneo-upgrade",
                format!("{} has said nothing for {seconds} s", self.service),
            );
            for wait in waits {
                report.line("eneo-upgrade", wait);
            }
            tokio::time::sleep(quiet).await;
        }
    }

    /// What PostgreSQL says of it; empty where it cannot be asked.
    async fn waits(&self, host: &impl Host) -> Vec<String> {
        let waits = host.database().waits().await.unwrap_or_default();
        let lines = waits.into_iter().flat_map(|wait| {
            [
                format!("`{}` waits for what another session holds:", wait.query),
                format!("  {}", wait.holder),
            ]
        });
        lines.map(|line| host.redactor().redact(&line)).collect()
    }

    async fn took_too_long(
        &self,
        host: &impl Host,
        container: &Container,
        heard: &Mutex<Heard>,
    ) -> Result<Failure, Failure> {
        let waits = self.waits(host).await;
        host.containers()
            .stop(std::slice::from_ref(&container.id), GRACE)
            .await?;
        // A statement that waits for a lock does not notice that its client is gone.
        host.database()
            .end_sessions_from(&container.addresses)
            .await?;
        let tail = &heard.lock().unwrap_or_else(PoisonError::into_inner).tail;
        let hint = match waits.is_empty() {
            true => "give it more time, as with `--migration-timeout 4h`",
            false => "end the session that holds it up, then try again",
        };
        let details = tail.iter().cloned().chain(waits).collect();
        Ok(Failure::new(format!(
            "{}did not end within {} s and was stopped",
            self.what(),
            self.limit_of(host)
        ))
        .details(details)
        .hint(hint))
    }

    fn limit_of(&self, host: &impl Host) -> u64 {
        host.limits()
            .migration_seconds
            .unwrap_or(self.limit_seconds)
    }

    fn what(&self) -> String {
        match self.migrates {
            true => format!("the migration, service `{}`, ", self.service),
            false => format!("service `{}` ", self.service),
        }
    }

    fn failed(&self, ended: &Container) -> Failure {
        let what = self.what();
        let again = match ended.restarts {
            0 => String::new(),
            n => format!(", {} times in a row", n + 1),
        };
        if ended.out_of_memory {
            return Failure::new(format!(
                "{what}was killed for want of memory (exit code {}){again}",
                ended.exit_code
            ))
            .hint(format!(
                "give service `{}` more memory (`mem_limit` in the Compose file), or the machine",
                self.service
            ));
        }
        Failure::new(format!(
            "{what}ended with exit code {}{again}",
            ended.exit_code
        ))
    }

    fn judge_evidence(&self, heard: &Heard) -> Option<Checked> {
        let evidence = self.evidence.as_ref()?;
        let name = format!("`{evidence}` in the migration's log");
        if heard.evidence {
            return Some(Checked::new(name, true, "was printed"));
        }
        let found = "was not printed, although there was something to migrate";
        Some(
            Checked::new(name, true, found).warning(
                "the schema and what the recipe asserts decide; read the log all the same",
            ),
        )
    }

    /// The container of the service, if this run has started it.
    async fn ours(&self, containers: &impl Containers) -> Result<Option<Container>, Failure> {
        let found = containers
            .of_service(&self.service)
            .await?
            .into_iter()
            .next();
        Ok(found.filter(|container| {
            let before = self.before.as_ref();
            let is_old =
                before.is_some_and(|b| b.id == container.id && b.at == container.started_at);
            !container.started_at.is_empty() && !is_old
        }))
    }

    async fn nobody_writes(&self, containers: &impl Containers) -> Result<(), Failure> {
        for service in &self.writers {
            if containers
                .of_service(service)
                .await?
                .iter()
                .any(Container::is_up)
            {
                return Err(Failure::new(format!(
                    "service `{service}` was started by somebody else while it had to be stopped"
                ))
                .hint("find out who starts it before you go on"));
            }
        }
        Ok(())
    }
}
