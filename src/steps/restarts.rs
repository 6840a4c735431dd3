//! Keeping the engine from starting what has to be down: after a reboot the old release would
//! write again, and what it writes then would be in no backup.

use serde::{Deserialize, Serialize};

use crate::engine::Probe;
use crate::event::{Artifact, Failure};
use crate::host::{Containers, RestartPolicy};

/// Nothing starts these services but somebody who means to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldRestarts {
    /// The services.
    pub services: Vec<String>,
}

/// Containers that are still the ones they were get their restart policy back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseRestarts {
    /// Those that had one.
    pub held: Vec<Held>,
}

/// A container, and its restart policy before the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Its service.
    pub service: String,
    /// Its id.
    pub container: String,
    /// The policy.
    pub policy: RestartPolicy,
}

impl HoldRestarts {
    pub(super) async fn run(
        &self,
        containers: &impl Containers,
    ) -> Result<Option<Artifact>, Failure> {
        let no = RestartPolicy::no();
        for service in &self.services {
            for container in containers.of_service(service).await? {
                if container.restart_policy != no {
                    containers.set_restart_policy(&container.id, &no).await?;
                }
            }
        }
        Ok(None)
    }
}

impl ReleaseRestarts {
    pub(super) async fn probe(&self, containers: &impl Containers) -> Result<Probe, Failure> {
        Ok(match self.differing(containers).await?.is_empty() {
            true => Probe::NotNeeded("every container was made anew".to_owned()),
            false => Probe::Needed,
        })
    }

    pub(super) async fn run(
        &self,
        containers: &impl Containers,
    ) -> Result<Option<Artifact>, Failure> {
        for held in self.differing(containers).await? {
            containers
                .set_restart_policy(&held.container, &held.policy)
                .await?;
        }
        Ok(None)
    }

    async fn differing(&self, containers: &impl Containers) -> Result<Vec<&Held>, Failure> {
        let mut differing = Vec::new();
        for held in &self.held {
            let found = containers.of_service(&held.service).await?;
            let differs = found.iter().any(|container| {
                container.id == held.container && container.restart_policy != held.policy
            });
            differing.extend(differs.then_some(held));
        }
        Ok(differing)
    }
}
