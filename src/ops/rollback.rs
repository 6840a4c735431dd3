//! Going back: an open run is brought to what there was before it.

use super::drive::Driver;
use super::project::Project;
use super::{Agreed, Ended, resume, state_folder, upgrade};
use crate::engine::{Report, RunLog, RunState};
use crate::event::{Event, Failure, FailureClass};
use crate::plan::{self, Extent};
use crate::settings::{RunFlags, Settings};

/// Goes back from the open run of a project. `discard_writes` says that what people have written
/// to the new release since may be lost.
pub async fn rollback(
    settings: &Settings,
    discard_writes: bool,
    report: &Report,
) -> Result<Ended, Failure> {
    let project = Project::open(settings).await?;
    let (run, inventory) = resume::open(&project).await?;
    let _lock = project.lock(&inventory).await?;
    upgrade::settle(&project.children(), report).await?;
    let journal = project.state.journal().await?;
    // What is refused must not have touched the journal either.
    let records = journal.records(&run).await;
    let records = records.map_err(|error| state_folder::failure(&error))?;
    let state = RunState::fold(run.clone(), &records);
    let state = state.map_err(|error| Failure::from_error(&error))?;
    let failure = |error: plan::NoWayBack| Failure::from_error(&error);
    if plan::extent(&state).map_err(failure)? == Extent::Serving && !discard_writes {
        return Err(Failure::new(
            "the new release was started: what was written to it since would be lost",
        )
        .hint("`eneo-upgrade rollback --discard-writes-since` goes back all the same")
        .class(FailureClass::Refused));
    }
    plan::rollback(&state).map_err(failure)?;
    let mut log = RunLog::resume(journal, run.clone(), report.clone())
        .await
        .map_err(|error| Failure::from_error(&error))?;
    let plan = plan::rollback(log.state()).map_err(failure)?;
    let steps = plan
        .to_recorded()
        .map_err(|error| Failure::from_error(&error))?;
    log.record(Event::Planned {
        purpose: plan.purpose,
        steps,
    })
    .await
    .map_err(|error| Failure::from_error(&error))?;
    let run = upgrade::run(&project, run, &RunFlags::default());
    Driver::new(settings, &project, inventory, run, log)
        .drive(&Agreed)
        .await
}
