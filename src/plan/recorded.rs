//! What the records of a run say it has left: a closed door, copies, databases aside, tags.

use std::collections::BTreeMap;

use super::NoWayBack;
use super::rollback::{read, steps};
use crate::engine::{RunState, Status};
use crate::event::Artifact;
use crate::steps::AnyStep;

/// The entry, the containers of it that are held at the closed door, and the start that each is
/// held in; none where the door was not closed.
pub fn door(state: &RunState) -> Option<(&String, &BTreeMap<String, String>)> {
    let mut artifacts: Vec<&Artifact> = state.artifacts().collect();
    artifacts.reverse();
    artifacts.into_iter().find_map(|artifact| match artifact {
        Artifact::Door { service, started } => Some((service, started)),
        _ => None,
    })
}

/// The exact copy that a run has made within the server, and the database that it is a copy of.
pub fn copy(state: &RunState) -> Option<(&str, &str)> {
    let made = steps(state)
        .find(|step| matches!(step.status, Status::Finished(Some(Artifact::Clone { .. }))))?;
    let database = made.planned.spec["database"].as_str()?;
    let name = state.artifacts().find_map(|artifact| match artifact {
        Artifact::Clone { name, .. } => Some(name.as_str()),
        _ => None,
    })?;
    Some((name, database))
}

/// The name under which a run keeps the database that it has replaced, if it has.
pub(super) fn kept_aside(state: &RunState) -> Result<Option<String>, NoWayBack> {
    for step in state.plans.iter().flat_map(|plan| &plan.steps) {
        if step.touched
            && let AnyStep::RestoreDatabase(step) = read(step)?
        {
            return Ok(Some(step.aside));
        }
    }
    Ok(None)
}

/// The tags under which a run keeps images, old and new ones.
pub(super) fn keeping_tags(state: &RunState) -> Result<Vec<String>, NoWayBack> {
    let mut tags = Vec::new();
    for step in state.plans.iter().flat_map(|plan| &plan.steps) {
        match read(step)? {
            AnyStep::Keep(step) => tags.extend(step.tags.into_keys()),
            AnyStep::FetchImages(step) => tags.extend(step.images.into_iter().map(|it| it.tag)),
            _ => {}
        }
    }
    Ok(tags)
}

/// The entry at which a run may hold requests, as far as it has recorded.
pub fn held_at(state: &RunState) -> Result<Option<String>, NoWayBack> {
    let mut held = None;
    for step in state.plans.iter().flat_map(|plan| &plan.steps) {
        if step.touched {
            match read(step)? {
                AnyStep::CloseDoor(step) => held = Some(step.service),
                AnyStep::OpenDoor(_) => held = None,
                _ => {}
            }
        }
    }
    Ok(held)
}
