//! What a process that was killed has left of its proofs, and what nobody else takes away.

use super::project::Project;
use crate::engine::Report;
use crate::event::{Failure, RunId};
use crate::host::{Database, HostError};
use crate::inventory::Inventory;
use crate::plan;

/// Ends the tools and sessions of a run, and drops the database that its dump was restored into.
/// A server that does not answer keeps that for another time.
pub(super) async fn clear(
    project: &Project,
    inventory: &Inventory,
    run: &RunId,
    report: &Report,
) -> Result<(), Failure> {
    let machine = project.machine(inventory, run, None).await?;
    machine.docker.remove_left_tools().await?;
    if let (Some(database), Some(facts)) = (&machine.database, &inventory.database) {
        let cleared: Result<(), HostError> = async {
            database.end_leftovers().await?;
            database
                .drop_database(&plan::scratch(&facts.name, run))
                .await
        }
        .await;
        if let Err(error) = cleared {
            let told = machine.redactor.redact(&error.to_string());
            report.note(format!("left for another time: {told}"));
        }
    }
    Ok(())
}
