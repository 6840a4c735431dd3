//! Taking up a run that another process has left.

use super::drive::Driver;
use super::project::Project;
use super::{Confirm, Ended, leftovers, upgrade};
use crate::engine::{Report, RunLog};
use crate::event::{Failure, FailureClass, RunId};
use crate::host::Limits;
use crate::inventory::Inventory;
use crate::settings::{RunFlags, Settings};

/// Goes on with the open run of a project.
pub async fn resume(
    settings: &Settings,
    flags: &RunFlags,
    confirm: &impl Confirm,
    report: &Report,
) -> Result<Ended, Failure> {
    let project = Project::open(settings).await?;
    let (run, inventory) = open(&project).await?;
    let _lock = project.lock(&inventory).await?;
    upgrade::settle(&project.children(), report).await?;
    leftovers::clear(&project, &inventory, &run, report).await?;
    let journal = project.state.journal().await?;
    let log = RunLog::resume(journal, run.clone(), report.clone())
        .await
        .map_err(|error| Failure::from_error(&error))?;
    let run = upgrade::run(&project, run, flags);
    let limits = Limits {
        drain_seconds: flags.drain.wait.timeout.map(|limit| limit.as_secs()),
        drain_policy: flags.drain.on_timeout,
        migration_seconds: flags.migration_timeout.map(|limit| limit.as_secs()),
    };
    Driver::new(settings, &project, inventory, run, log, flags)
        .with(limits)
        .drive(confirm)
        .await
}

/// The open run of a project, and the project as it is now.
pub(super) async fn open(project: &Project) -> Result<(RunId, Inventory), Failure> {
    let none = || {
        Failure::new("no run of this project is open")
            .hint("`eneo-upgrade` starts one; `eneo-upgrade history` lists those that have ended")
            .class(FailureClass::Refused)
    };
    let journal = project.state.journal_to_read().await?.ok_or_else(none)?;
    let inventory = project.look_again(None).await?;
    let run = journal
        .open_run(&inventory.model.name)
        .await
        .map_err(|error| super::state_folder::failure(&error))?
        .ok_or_else(none)?;
    Ok((run, inventory))
}
