//! A proven dump now, outside any run.

use crate::engine::Report;
use crate::event::{Artifact, Failure, FailureClass, RunId, StepId};
use crate::inventory::{Inventory, Place};
use crate::ops::project::Project;
use crate::ops::{Ended, upgrade};
use crate::plan;
use crate::settings::{ProveFlags, RunFlags, Settings};

/// Backs a project up while its app is up.
pub async fn backup(
    settings: &Settings,
    flags: ProveFlags,
    report: &Report,
) -> Result<Ended, Failure> {
    let project = Project::open(settings).await?;
    report.note("looking at the project");
    let inventory = project.look_again(None).await?;
    let flags = RunFlags {
        prove: flags,
        ..RunFlags::default()
    };
    let run = upgrade::run(&project, RunId::random(), &flags);
    let dump = plan::backup(&inventory, &run).ok_or_else(|| {
        Failure::new("nothing is known about the database of this app")
            .hint("describe it in a recipe (`--recipe`, `[database]`)")
            .class(FailureClass::Refused)
    })?;
    must_have_room(&inventory)?;
    let _lock = project
        .state
        .lock(&inventory.engine.id, &inventory.model.name)
        .await?;
    upgrade::settle(&project.children(), report).await?;
    let system = Some(dump.system.clone());
    let machine = project.machine(&inventory, &run.id, system).await?;
    report.note(crate::steps::AnyStep::Dump(dump.clone()).title());
    let done = dump
        .run(&machine.database, &report.of(StepId::new("backup")))
        .await
        .map_err(|failure| Failure {
            error: machine.redactor.redact(&failure.error),
            ..failure
        })?;
    let Some(Artifact::Backup { path, proof, .. }) = done else {
        return Err(Failure::new("the backup left nothing"));
    };
    Ok(Ended::answer(&format!(
        "backup {}/{} is in `{}`, proven by {}",
        run.id,
        dump.kind.name(),
        path.display(),
        match proof {
            crate::event::Proof::List => "reading it back",
            crate::event::Proof::Restore => "a restore",
        }
    )))
}

/// A dump is taken to be as large as the tables, without their indexes.
fn must_have_room(inventory: &Inventory) -> Result<(), Failure> {
    let rooms = &inventory.ground.rooms;
    let (Some((path, room)), Some(database)) = (rooms.get(&Place::State), &inventory.database)
    else {
        return Ok(());
    };
    let mebibytes = |bytes: u64| bytes.div_ceil(1 << 20);
    match room.free >= database.identity.tables {
        true => Ok(()),
        false => Err(Failure::new(format!(
            "the file system of `{}` has {} MiB free, and the backup may need {} MiB",
            path.display(),
            mebibytes(room.free),
            mebibytes(database.identity.tables)
        ))
        .hint("make room, or put backups elsewhere with `--state-dir`")
        .class(FailureClass::Refused)),
    }
}
