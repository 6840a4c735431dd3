//! What has to change, service by service, and whether that needs an outage.

use std::collections::BTreeMap;

use crate::host::{Container, ContainerStatus};
use crate::inventory::{Inventory, ServiceFacts};

/// What happens to a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Nothing.
    Keep,
    /// Its containers are there and have to be started; why.
    Start(&'static str),
    /// Its containers have to be made anew; why.
    Replace(&'static str),
}

impl Change {
    /// Why, unless nothing happens.
    pub fn cause(&self) -> Option<&'static str> {
        match self {
            Self::Keep => None,
            Self::Start(cause) | Self::Replace(cause) => Some(cause),
        }
    }
}

/// What happens to every service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// By service.
    pub services: BTreeMap<String, Change>,
}

impl Changes {
    /// Compares what there is with what is wanted.
    pub fn of(inventory: &Inventory) -> Self {
        let services = inventory
            .services
            .iter()
            .map(|(name, facts)| (name.clone(), change(inventory, name, facts)))
            .collect();
        Self { services }
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.services.values().all(|change| *change == Change::Keep)
    }

    /// Whether the containers of a service are made anew.
    pub fn replaces(&self, service: &str) -> bool {
        matches!(self.services.get(service), Some(Change::Replace(_)))
    }

    /// Whether the app has to stop: something that holds or writes data is replaced.
    pub fn need_outage(&self, inventory: &Inventory) -> bool {
        let roles = &inventory.recipe.roles;
        let single = [&roles.database, &roles.queue, &roles.migration];
        single
            .into_iter()
            .flatten()
            .chain(&roles.worker)
            .chain(&roles.writers)
            .any(|service| self.replaces(service))
    }
}

fn change(inventory: &Inventory, name: &str, facts: &ServiceFacts) -> Change {
    let may_end = inventory
        .model
        .services
        .get(name)
        .is_some_and(crate::host::Service::may_end);
    let ended = |container: &Container| {
        container.status == ContainerStatus::Exited && container.exit_code == 0
    };
    // What others wait for is run when they are made anew, not by itself.
    let awaited = inventory.model.runs_to_its_end(name)
        || inventory.recipe.roles.migration.as_deref() == Some(name);
    let through = may_end && (awaited || facts.containers.iter().all(ended));
    let new_image = facts
        .image
        .as_ref()
        .is_some_and(crate::inventory::ImageFacts::is_new);
    if facts.containers.is_empty() {
        return Change::Replace("it has no container yet");
    }
    if new_image {
        return Change::Replace("there is a new image");
    }
    if facts
        .image
        .as_ref()
        .is_some_and(|image| image.target != image.reference)
    {
        return Change::Replace("its release changes");
    }
    if facts.diverged {
        return Change::Replace("its configuration has changed");
    }
    if !through && !facts.is_up() {
        return Change::Start("it is not running");
    }
    Change::Keep
}
