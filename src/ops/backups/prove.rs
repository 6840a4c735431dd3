//! Proving backups that were taken before, by a restore.

use super::{Kept, kept, must_fit, named};
use crate::engine::Report;
use crate::event::{Checked, Failure, FailureClass, Live, Proof, RunId};
use crate::host::Machine;
use crate::ops::project::Project;
use crate::ops::{Ended, leftovers, upgrade};
use crate::plan;
use crate::settings::Settings;

/// Restores backups beside the database one by one, compares every table with the manifest, and
/// writes down there how they are proven now. Without an id: the newest.
pub async fn prove_backups(
    settings: &Settings,
    id: Option<&str>,
    report: &Report,
) -> Result<Ended, Failure> {
    let project = Project::open(settings).await?;
    let mut kept = named(kept(&project.state.all_backups())?, id)?;
    if id.is_none() {
        kept.truncate(1);
    }
    let inventory = project.look_again(None).await?;
    let facts = inventory.database.as_ref().ok_or_else(|| {
        Failure::new("there is no database server to restore a backup into")
            .class(FailureClass::Refused)
    })?;
    let _lock = project
        .state
        .lock(&inventory.engine.id, &inventory.model.name)
        .await?;
    upgrade::settle(&project.children(), report).await?;
    let run = RunId::random();
    let scratch = plan::scratch(&facts.name, &run);
    let system = Some(facts.identity.system.clone());
    let machine = project.machine(&inventory, &run, system).await?;
    leftovers::clear_database(&machine, &inventory).await?;
    for kept in &kept {
        must_fit(&project.state, kept).await?;
        report.note(format!("restoring backup {} as `{scratch}`", kept.id()));
        prove(kept, &machine, &scratch).await?;
    }
    let checks = kept.iter().map(|kept| {
        let name = format!("backup {}", kept.id());
        Checked::new(name, true, "restored and compared")
    });
    report.live(Live::Checks {
        checks: checks.collect(),
    });
    Ok(Ended::answer("proven by a restore"))
}

async fn prove(kept: &Kept, machine: &Machine, scratch: &str) -> Result<(), Failure> {
    let Some(database) = &machine.database else {
        return Err(Failure::new(
            "nothing is known about the database of this app",
        ));
    };
    let mut manifest = kept.manifest()?.clone();
    let proven = database.prove_again(&manifest.backup, scratch).await;
    proven.map_err(|error| {
        let failure = Failure::from(error);
        Failure {
            error: format!(
                "backup {} is not proven: {}",
                kept.id(),
                machine.redactor.redact(&failure.error)
            ),
            ..failure
        }
    })?;
    manifest.backup.proof = Proof::Restore;
    manifest.write(&kept.manifest)
}
