//! Stopping services so that the app can finish, and making sure that they are stopped.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::engine::Probe;
use crate::event::{Artifact, Failure};
use crate::host::{Container, Containers};

/// See the file. Services of one step are stopped side by side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    /// The services.
    pub services: Vec<String>,
    /// Seconds from the stop signal to the kill.
    pub grace_seconds: u32,
}

impl Stop {
    pub(super) async fn probe(&self, containers: &impl Containers) -> Result<Probe, Failure> {
        Ok(match self.up(containers).await?.is_empty() {
            true => Probe::NotNeeded("not running".to_owned()),
            false => Probe::Needed,
        })
    }

    pub(super) async fn run(
        &self,
        containers: &impl Containers,
    ) -> Result<Option<Artifact>, Failure> {
        let up = self.up(containers).await?;
        let ids: Vec<String> = up.into_iter().map(|container| container.id).collect();
        let grace = Duration::from_secs(u64::from(self.grace_seconds));
        containers.stop(&ids, grace).await?;
        let left = self.up(containers).await?;
        if let Some(container) = left.first() {
            return Err(Failure::new(format!(
                "service `{}` is running again after it was stopped",
                container.service
            ))
            .hint("something else starts it (a scheduler, another tool); stop that first"));
        }
        let services = self.services.clone();
        Ok(Some(Artifact::Down { services }))
    }

    async fn up(&self, containers: &impl Containers) -> Result<Vec<Container>, Failure> {
        let mut up = Vec::new();
        for service in &self.services {
            let found = containers.of_service(service).await?;
            up.extend(found.into_iter().filter(Container::is_up));
        }
        Ok(up)
    }
}
