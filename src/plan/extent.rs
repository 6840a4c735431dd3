//! How far a run has gone, from its records.

use super::recorded::{NoWayBack, door, migrations, touched, writers};
use crate::engine::RunState;
use crate::steps::{AnyStep, Migrate};

/// How far a run has gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Extent {
    /// Nothing of the user's was touched.
    Nothing,
    /// Services were stopped, tags, files or containers changed; the database was not.
    Stack,
    /// The database may have been changed; nobody could write to it since.
    Database,
    /// The new release was started behind the closed door: nobody has written to it, if the door
    /// has stayed closed.
    Closed,
    /// The new release was started: people may have written since.
    Serving,
}

/// How far a run has gone.
pub fn extent(state: &RunState) -> Result<Extent, NoWayBack> {
    let touched = touched(state)?;
    let migrations: Vec<&Migrate> = migrations(&touched).collect();
    let writers = writers(state)?;
    let started = match door(state) {
        Some(_) => Extent::Closed,
        None => Extent::Serving,
    };
    let extents = touched.iter().map(|touched| match &touched.step {
        AnyStep::Migrate(step) if step.migrates => Extent::Database,
        AnyStep::Start(step) if !migrations.is_empty() && writers.contains(&step.service) => {
            started
        }
        AnyStep::Stop(_)
        | AnyStep::Retag(_)
        | AnyStep::EditFile(_)
        | AnyStep::Create(_)
        | AnyStep::HoldRestarts(_)
        | AnyStep::CloseDoor(_)
        | AnyStep::Start(_)
        | AnyStep::Migrate(_) => Extent::Stack,
        AnyStep::OpenDoor(_) => Extent::Serving,
        _ => Extent::Nothing,
    });
    Ok(extents.max().unwrap_or(Extent::Nothing))
}
