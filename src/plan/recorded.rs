//! What the records of a run say: its steps, what there was before it, and what it has left (a
//! closed door, copies, databases aside, tags).

use std::collections::BTreeMap;

use thiserror::Error;

use crate::engine::{RunState, Status, StepState};
use crate::event::{Artifact, Purpose};
use crate::steps::{AnyStep, Before, CheckIdentity, Keep, Migrate};

/// There is no way back to plan.
#[derive(Debug, Error)]
pub enum NoWayBack {
    /// A step cannot be read.
    #[error("cannot read a step of the run back: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// The database may have been changed, and there is no exact backup of it.
    #[error("the database may have been changed, and the run has no exact backup of it")]
    NoBackup,
}

/// A step that was begun, and what became of it.
pub(super) struct Touched {
    pub(super) step: AnyStep,
    pub(super) artifact: Option<Artifact>,
}

pub(super) fn steps(state: &RunState) -> impl Iterator<Item = &StepState> {
    let upgrades = state
        .plans
        .iter()
        .filter(|plan| plan.purpose == Purpose::Upgrade);
    upgrades.flat_map(|plan| &plan.steps)
}

pub(super) fn read(state: &StepState) -> Result<AnyStep, NoWayBack> {
    Ok(serde_json::from_value(state.planned.spec.clone())?)
}

pub(super) fn touched(state: &RunState) -> Result<Vec<Touched>, NoWayBack> {
    steps(state)
        .filter(|step| step.touched)
        .map(|step| {
            Ok(Touched {
                step: read(step)?,
                artifact: match &step.status {
                    Status::Finished(artifact) => artifact.clone(),
                    _ => None,
                },
            })
        })
        .collect()
}

pub(super) fn migrations(touched: &[Touched]) -> impl Iterator<Item = &Migrate> {
    touched.iter().filter_map(|touched| match &touched.step {
        AnyStep::Migrate(step) if step.migrates => Some(step),
        _ => None,
    })
}

/// What there was before a run, as its first step has it.
pub fn before(state: &RunState) -> Result<Before, NoWayBack> {
    let fetches = state
        .plans
        .iter()
        .filter(|plan| plan.purpose == Purpose::Fetch);
    for step in fetches.flat_map(|plan| &plan.steps) {
        if let AnyStep::Keep(Keep { before, .. }) = read(step)? {
            return Ok(before);
        }
    }
    Ok(Before::default())
}

/// How a run makes sure that the database is the one it was, where it does.
pub fn identity(state: &RunState) -> Result<Option<CheckIdentity>, NoWayBack> {
    for step in steps(state) {
        if let AnyStep::CheckIdentity(step) = read(step)? {
            return Ok(Some(step));
        }
    }
    Ok(None)
}

/// The services that the plan of the upgrade keeps down while the schema changes.
pub fn writers(state: &RunState) -> Result<Vec<String>, NoWayBack> {
    for step in steps(state) {
        if let AnyStep::Migrate(Migrate {
            writers,
            migrates: true,
            ..
        }) = read(step)?
        {
            return Ok(writers);
        }
    }
    Ok(Vec::new())
}

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
