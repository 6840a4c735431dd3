//! Whether backups still are what they were when they were proven; nothing is changed.

use super::{Kept, kept, must_fit, named};
use crate::engine::Report;
use crate::event::{Checked, Failure, Live, RunId, Verdict};
use crate::host::Machine;
use crate::ops::Ended;
use crate::ops::project::{Project, find};
use crate::settings::Settings;

/// Compares the files of backups with manifest and journal, and reads their tables of contents
/// where the database server's tools are at hand.
pub async fn verify_backups(
    settings: &Settings,
    id: Option<&str>,
    report: &Report,
) -> Result<Ended, Failure> {
    let (_, state) = find(settings)?;
    let named = named(kept(&state.all_backups())?, id)?;
    let machine = machine(settings).await;
    let mut checks = Vec::new();
    for kept in &named {
        let name = format!("files of backup {}", kept.id());
        match must_fit(&state, kept).await {
            Ok(()) => {
                checks.push(Checked::new(name, true, "as they were"));
                checks.push(contents(kept, &machine).await?);
            }
            Err(failure) => checks.push(Checked::new(name, false, failure.error)),
        }
    }
    let bad = checks.iter().filter(|check| check.verdict == Verdict::Bad);
    let told: Vec<String> = bad
        .map(|check| format!("{}: {}", check.name, check.found))
        .collect();
    report.live(Live::Checks { checks });
    match told.len() {
        0 => Ok(Ended::answer("what was looked at is as it was")),
        bad => Err(Failure::new(format!(
            "{bad} of {} backups cannot be relied on",
            named.len()
        ))
        .details(told)
        .hint("`eneo-upgrade backup` takes a new one")),
    }
}

/// What is needed to look into a dump; why not, where something is missing.
async fn machine(settings: &Settings) -> Result<Machine, String> {
    let opened = async {
        let project = Project::open(settings).await?;
        let inventory = project.look_again(None).await?;
        project.machine(&inventory, &RunId::random(), None).await
    };
    opened.await.map_err(|failure: Failure| failure.error)
}

async fn contents(kept: &Kept, machine: &Result<Machine, String>) -> Result<Checked, Failure> {
    let name = format!("table of contents of backup {}", kept.id());
    let unseen = |why: &str| {
        let cure = "start the database service, then verify again";
        Checked::new(&name, true, format!("not read: {why}")).warning(cure)
    };
    let machine = match machine {
        Ok(machine) => machine,
        Err(why) => return Ok(unseen(why)),
    };
    let Some(database) = &machine.database else {
        return Ok(unseen("nothing is known about the database of this app"));
    };
    Ok(
        match database.read_contents(&kept.manifest()?.backup).await {
            Ok(()) => Checked::new(name, true, "readable"),
            Err(error) => Checked::new(name, false, machine.redactor.redact(&error.to_string())),
        },
    )
}
