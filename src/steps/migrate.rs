//! Running a service that ends by itself, the migration above all: once, followed live, its
//! exit code seen.

use std::collections::VecDeque;
use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use crate::engine::{Probe, StepReport};
use crate::event::{Artifact, Failure};
use crate::host::{Compose, Container, ContainerStatus, Containers, Database, Host};

/// Log lines kept for the report of a failure.
const TAIL: usize = 12;

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
        let containers = host.containers();
        let ours = self.ours(containers).await?;
        let again = ours.is_some();
        let running = ours.filter(Container::is_up);
        // One that runs was started by a process of this run that is gone.
        let container = if let Some(container) = running {
            container
        } else {
            self.nobody_writes(containers).await?;
            host.database().end_leftovers().await?;
            if again {
                host.compose().create(&self.remake).await?;
            }
            host.compose().start(&self.service).await?;
            self.ours(containers).await?.ok_or_else(|| {
                Failure::new(format!("service `{}` was not started", self.service))
            })?
        };
        let tail = Mutex::new(VecDeque::new());
        let code = containers
            .follow(&container.id, &|line| {
                let line = host.redactor().redact(line);
                if let Ok(mut tail) = tail.lock() {
                    tail.push_back(line.clone());
                    if tail.len() > TAIL {
                        tail.pop_front();
                    }
                }
                report.line(&self.service, line);
            })
            .await?;
        if code == 0 {
            return Ok(None);
        }
        let tail = tail.into_inner().unwrap_or_default();
        let what = if self.migrates { "the migration, " } else { "" };
        Err(Failure::new(format!(
            "{what}service `{}`, ended with exit code {code}",
            self.service
        ))
        .details(tail.into()))
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
