//! Opening a run: what it starts from and its first plan are recorded before anything is done.

use super::project::Project;
use super::state_folder;
use crate::engine::{LogError, Report, RunLog};
use crate::event::{Event, Failure, PlanView};
use crate::inventory::Inventory;
use crate::plan::{Plan, Run};

/// Opens it. `to` is the release to go to, where one was named.
pub(super) async fn begin(
    project: &Project,
    inventory: &Inventory,
    run: &Run,
    to: Option<&str>,
    (plan, view): (&Plan, PlanView),
    report: &Report,
) -> Result<RunLog, Failure> {
    let started = Event::RunStarted {
        project: inventory.model.name.clone(),
        directory: inventory.args.directory.clone(),
        tool: env!("CARGO_PKG_VERSION").to_owned(),
        release: inventory.release().map(str::to_owned),
        to: to.map(str::to_owned),
    };
    let failed = |error: LogError| match error {
        LogError::Journal(error) => state_folder::failure(&error),
        LogError::Illegal(error) => Failure::from_error(&error),
    };
    let journal = project.state.journal().await?;
    let log = RunLog::begin(journal, run.id.clone(), started, report.clone()).await;
    let mut log = log.map_err(failed)?;
    let steps = plan
        .to_recorded()
        .map_err(|error| Failure::from_error(&error))?;
    let found = Event::Found {
        plan: Box::new(view),
    };
    let planned = Event::Planned {
        purpose: plan.purpose,
        steps,
    };
    for event in [found, planned] {
        log.record(event).await.map_err(failed)?;
    }
    Ok(log)
}
