//! Starting one service and waiting until it is as well as it can tell by itself.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::POLL;
use crate::engine::{Probe, StepReport};
use crate::event::{Artifact, Failure, ProgressUnit};
use crate::host::{Compose, Container, ContainerStatus, Containers};

/// See the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// The service.
    pub service: String,
    /// Whether its health check is waited for, where it has one. Not for a service whose check
    /// speaks for the whole app: it turns good only after the worker was started.
    pub healthy: bool,
    /// Whether it is well, too, when it has come to a good end.
    pub may_end: bool,
    /// Seconds it may take.
    pub window_seconds: u64,
}

impl Start {
    pub(super) async fn probe(&self, containers: &impl Containers) -> Result<Probe, Failure> {
        let found = containers.of_service(&self.service).await?;
        Ok(
            match !found.is_empty() && found.iter().all(|container| self.is_well(container)) {
                true => Probe::AlreadyDone,
                false => Probe::Needed,
            },
        )
    }

    pub(super) async fn run(
        &self,
        compose: &impl Compose,
        containers: &impl Containers,
        report: &StepReport,
    ) -> Result<Option<Artifact>, Failure> {
        compose.start(&self.service).await?;
        let begun = Instant::now();
        loop {
            let found = containers.of_service(&self.service).await?;
            if found.iter().all(|container| self.is_well(container)) {
                let services = vec![self.service.clone()];
                return Ok(Some(Artifact::Up { services }));
            }
            if let Some(ended) = found.iter().find(|c| c.status == ContainerStatus::Exited) {
                return Err(Failure::new(format!(
                    "service `{}` ended with exit code {} right after it was started",
                    self.service, ended.exit_code
                ))
                .hint(format!("`docker compose logs {}` tells why", self.service)));
            }
            if begun.elapsed() >= Duration::from_secs(self.window_seconds) {
                return Err(Failure::new(format!(
                    "service `{}` was not healthy within {} s",
                    self.service, self.window_seconds
                ))
                .hint(format!("`docker compose logs {}` tells why", self.service)));
            }
            let seconds = begun.elapsed().as_secs();
            report.progress(seconds, Some(self.window_seconds), ProgressUnit::Seconds);
            tokio::time::sleep(POLL).await;
        }
    }

    fn is_well(&self, container: &Container) -> bool {
        let ended = container.status == ContainerStatus::Exited && container.exit_code == 0;
        let runs = container.status == ContainerStatus::Running
            && (!self.healthy || container.healthy != Some(false));
        runs || (self.may_end && ended)
    }
}
