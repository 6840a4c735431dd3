//! The door: while nobody may write, the entry's container is paused. What is sent to its port
//! waits in the kernel instead of failing, and nobody writes to a release that may be taken back.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::engine::Probe;
use crate::event::{Artifact, Failure};
use crate::host::{Container, ContainerStatus, Containers};

/// When the door is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Moment {
    /// Before the first writer is stopped.
    Stop,
    /// Before the first writer of the new release is started: it may have had to be opened in
    /// between.
    Start,
}

/// Closes the door.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CloseDoor {
    /// The entry.
    pub service: String,
    /// When.
    pub moment: Moment,
}

/// Opens the door.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenDoor {
    /// The entry.
    pub service: String,
}

impl Moment {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Start => "start",
        }
    }
}

impl CloseDoor {
    pub(super) async fn probe(&self, containers: &impl Containers) -> Result<Probe, Failure> {
        let found = containers.of_service(&self.service).await?;
        Ok(match found.iter().any(Container::is_up) {
            true => Probe::Needed,
            false => Probe::NotNeeded("it is not running".to_owned()),
        })
    }

    /// Needed also where it is closed already: what is found is the evidence for later.
    pub(super) async fn run(
        &self,
        containers: &impl Containers,
    ) -> Result<Option<Artifact>, Failure> {
        for container in containers.of_service(&self.service).await? {
            if container.status == ContainerStatus::Running {
                let paused = containers.pause(&container.id).await;
                paused.map_err(|error| {
                    Failure::from(error)
                        .hint("`--door open` upgrades without holding requests back")
                })?;
            }
        }
        let found = containers.of_service(&self.service).await?;
        let up = found.into_iter().filter(Container::is_up);
        Ok(Some(Artifact::Door {
            service: self.service.clone(),
            started: up.map(|it| (it.id, it.started_at)).collect(),
        }))
    }
}

impl OpenDoor {
    pub(super) async fn probe(&self, containers: &impl Containers) -> Result<Probe, Failure> {
        let found = containers.of_service(&self.service).await?;
        Ok(match found.iter().any(is_paused) {
            true => Probe::Needed,
            false => Probe::NotNeeded("it is not closed".to_owned()),
        })
    }

    pub(super) async fn run(
        &self,
        containers: &impl Containers,
    ) -> Result<Option<Artifact>, Failure> {
        open(containers, &self.service).await?;
        Ok(None)
    }
}

fn is_paused(container: &Container) -> bool {
    container.status == ContainerStatus::Paused
}

/// Lets the entry's containers go on; says whether any was held.
pub async fn open(containers: &impl Containers, service: &str) -> Result<bool, Failure> {
    let found = containers.of_service(service).await?;
    for container in found.iter().filter(|container| is_paused(container)) {
        containers.unpause(&container.id).await?;
    }
    Ok(found.iter().any(is_paused))
}

/// Whether nobody has come in since the door was closed: the containers are those that were held
/// then (`started`: id to the start they were held in), and none of them works.
pub async fn has_stayed_closed(
    containers: &impl Containers,
    service: &str,
    started: &BTreeMap<String, String>,
) -> Result<bool, Failure> {
    let found = containers.of_service(service).await?;
    let held = |container: &Container| {
        started.get(&container.id) == Some(&container.started_at)
            && (is_paused(container) || !container.is_up())
    };
    Ok(!started.is_empty() && found.iter().all(held))
}
