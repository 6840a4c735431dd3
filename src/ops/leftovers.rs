//! What a process that was killed has left of its proofs, and what nobody else takes away.

use super::project::Project;
use crate::engine::Report;
use crate::event::{Failure, RunId};
use crate::host::{Database, HostError, Machine};
use crate::inventory::Inventory;
use crate::plan;

/// Ends the tools and sessions of a run, and drops what dumps were restored into to prove them. A
/// server that does not answer keeps that for another time.
pub(super) async fn clear(
    project: &Project,
    inventory: &Inventory,
    run: &RunId,
    report: &Report,
) -> Result<(), Failure> {
    let machine = project.machine(inventory, run, None).await?;
    machine.docker.remove_left_tools().await?;
    if let Err(error) = clear_database(&machine, inventory).await {
        let told = machine.redactor.redact(&error.to_string());
        report.note(format!("left for another time: {told}"));
    }
    Ok(())
}

/// The same within the server. Whoever calls it has the project to itself.
pub(super) async fn clear_database(
    machine: &Machine,
    inventory: &Inventory,
) -> Result<(), HostError> {
    let (Some(database), Some(facts)) = (&machine.database, &inventory.database) else {
        return Ok(());
    };
    database.end_leftovers().await?;
    for name in facts.beside.keys() {
        if plan::is_scratch(&facts.name, name) {
            database.drop_database(name).await?;
        }
    }
    Ok(())
}
