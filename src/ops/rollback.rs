//! Going back by hand: from an open run, or from the newest one although it was decided.

use super::door::extent;
use super::drive::Driver;
use super::project::Project;
use super::{Confirm, Ended, Question, history, leftovers, state_folder, upgrade};
use crate::engine::{Report, RunLog, RunState};
use crate::event::{Event, Failure, FailureClass, Live, Outcome, RunId};
use crate::host::Machine;
use crate::inventory::Inventory;
use crate::plan::{self, Extent, NoWayBack};
use crate::settings::{RollbackFlags, RunFlags, Settings};

/// Goes back to what there was before a run: the open one, or the newest one.
pub async fn rollback(
    settings: &Settings,
    flags: &RollbackFlags,
    confirm: &impl Confirm,
    report: &Report,
) -> Result<Ended, Failure> {
    let project = Project::open(settings).await?;
    let inventory = project.look_again(None).await?;
    let run = which(&project, &inventory, flags.run.as_ref()).await?;
    let _lock = project.lock(&inventory).await?;
    upgrade::settle(&project.children(), report).await?;
    let journal = project.state.journal().await?;
    // What is refused must not have touched the journal either.
    let records = journal.records(&run).await;
    let records = records.map_err(|error| state_folder::failure(&error))?;
    let state = RunState::fold(run.clone(), &records);
    let state = state.map_err(|error| Failure::from_error(&error))?;
    let no_way = |error: NoWayBack| Failure::from_error(&error);
    let plan = plan::rollback(&state).map_err(no_way)?;
    let what = format!("back from run {run} of {}", inventory.recipe.title);
    report.live(Live::Plan(Box::new(plan::outline(&inventory, what, &plan))));
    let before = plan::before(&state).map_err(no_way)?;
    let machine = project.machine(&inventory, &run, before.system).await?;
    let lossy = extent(&state, &machine.docker).await? == Extent::Serving;
    if lossy && !flags.discard_writes_since {
        for line in written_since(&state, &machine).await {
            report.note(line);
        }
    }
    report.flush().await;
    let agreed = match (lossy, flags.discard_writes_since) {
        (true, false) => confirm.confirm(&Question {
            text: format!(
                "What was written since is kept in the failed database, and the app goes on \
                 without it. Go back to what there was before run {run}?"
            ),
            default: false,
            word: Some(inventory.model.name.clone()),
        }),
        (true, true) => true,
        (false, _) => confirm.confirm(&Question {
            text: "Go back now? Nothing is lost.".to_owned(),
            default: true,
            word: None,
        }),
    };
    if !agreed {
        return Err(Failure::new(match lossy {
            true => "the new release was started: what was written to it since would be lost",
            false => "going back was not wanted; nothing was changed",
        })
        .hint("`eneo-upgrade rollback --discard-writes-since` goes back all the same")
        .class(FailureClass::Refused));
    }
    leftovers::clear(&project, &inventory, &run, report).await?;
    let mut log = RunLog::resume(journal, run.clone(), report.clone())
        .await
        .map_err(|error| Failure::from_error(&error))?;
    let plan = plan::rollback(log.state()).map_err(no_way)?;
    let steps = plan
        .to_recorded()
        .map_err(|error| Failure::from_error(&error))?;
    log.record(Event::Planned {
        purpose: plan.purpose,
        steps,
    })
    .await
    .map_err(|error| Failure::from_error(&error))?;
    let flags = RunFlags::default();
    let run = upgrade::run(&project, run, &flags);
    Driver::new(settings, &project, inventory, run, log, &flags)
        .drive(confirm)
        .await
}

/// The open run; else the newest one, if it ended well: what came before it is not what runs.
async fn which(
    project: &Project,
    inventory: &Inventory,
    wanted: Option<&RunId>,
) -> Result<RunId, Failure> {
    let refused = |error: String| {
        Failure::new(error)
            .hint("`eneo-upgrade history` lists the runs")
            .class(FailureClass::Refused)
    };
    let newest = history::newest(&project.state, &inventory.model.name).await?;
    let newest = newest.ok_or_else(|| refused("this project has no runs".to_owned()))?;
    if let Some(wanted) = wanted.filter(|run| **run != newest.run) {
        return Err(refused(format!(
            "run {wanted} is not the newest one of this project, which is {}: only from that one \
             can be gone back",
            newest.run
        )));
    }
    match newest.outcome {
        None | Some(Outcome::NeedsAttention | Outcome::Upgraded) => Ok(newest.run),
        Some(outcome) => Err(refused(format!(
            "the newest run, {}, ended `{outcome}`: there is nothing to go back from",
            newest.run
        ))),
    }
}

/// Tables with other numbers of rows than in the copy. The migration has its share in that.
async fn written_since(state: &RunState, machine: &Machine) -> Vec<String> {
    let unknown = || vec!["how much was written since cannot be told".to_owned()];
    let (Some(database), Some((copy, app))) = (&machine.database, plan::copy(state)) else {
        return unknown();
    };
    let (Ok(before), Ok(now)) = tokio::join!(database.all_counts(copy), database.all_counts(app))
    else {
        return unknown();
    };
    let rows = |counts: Option<&u64>| counts.map_or("gone".to_owned(), u64::to_string);
    let tables: std::collections::BTreeSet<&String> = before.keys().chain(now.keys()).collect();
    let differing = tables
        .into_iter()
        .filter(|table| before.get(*table) != now.get(*table));
    let lines: Vec<String> = differing
        .map(|table| match before.get(table) {
            Some(rows_before) => {
                format!(
                    "  {table}: {rows_before} rows then, {} now",
                    rows(now.get(table))
                )
            }
            None => format!("  {table}: new, {} rows", rows(now.get(table))),
        })
        .collect();
    match lines.is_empty() {
        true => vec!["every table has as many rows as before the run".to_owned()],
        false => [
            vec!["rows since the run began, by the migration and by people:".to_owned()],
            lines,
        ]
        .concat(),
    }
}
