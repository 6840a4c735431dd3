//! A proven dump now, outside any run.

use crate::engine::Report;
use crate::event::{Artifact, Failure, FailureClass, RunId, StepId};
use crate::inventory::{Inventory, Place};
use crate::ops::project::Project;
use crate::ops::{Ended, leftovers, upgrade};
use crate::settings::{ProveFlags, RunFlags, Settings};
use crate::steps::AnyStep;
use crate::{plan, preflight};

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
    let (gather, dump) =
        plan::backup(&inventory, &run).ok_or_else(|| nothing_to_back_up(&inventory))?;
    must_have_room(&inventory)?;
    let _lock = project
        .state
        .lock(&inventory.engine.id, &inventory.model.name)
        .await?;
    upgrade::settle(&project.children(), report).await?;
    let system = Some(dump.system.clone());
    let machine = project.machine(&inventory, &run.id, system).await?;
    leftovers::clear_database(&machine, &inventory).await?;
    report.note(gather.title());
    let steps = report.of(StepId::new("backup"));
    gather.run(&machine, &steps).await?;
    report.note(AnyStep::Dump(dump.clone()).title());
    let done = dump
        .run(&machine.database, &steps)
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

fn nothing_to_back_up(inventory: &Inventory) -> Failure {
    let failure = match preflight::unreachable(inventory) {
        Some(finding) => Failure::new(finding.text).hint(finding.cure),
        None => Failure::new("nothing is known about a database of this app")
            .hint("describe it in a recipe (`--recipe`, `[database]`)"),
    };
    failure.class(FailureClass::Refused)
}

/// A dump is taken to be as large as the tables, without their indexes; volumes are beside it.
fn must_have_room(inventory: &Inventory) -> Result<(), Failure> {
    let rooms = &inventory.ground.rooms;
    let (Some((path, room)), Some(database)) = (rooms.get(&Place::State), &inventory.database)
    else {
        return Ok(());
    };
    let mebibytes = |bytes: u64| bytes.div_ceil(1 << 20);
    let needed = database.identity.tables + inventory.ground.backed_up;
    match room.free >= needed {
        true => Ok(()),
        false => Err(Failure::new(format!(
            "the file system of `{}` has {} MiB free, and the backup may need {} MiB",
            path.display(),
            mebibytes(room.free),
            mebibytes(needed)
        ))
        .hint("make room, or put backups elsewhere with `--state-dir`")
        .class(FailureClass::Refused)),
    }
}
