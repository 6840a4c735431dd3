//! A rehearsal: the target's migration on a copy of the data, with nothing of the project touched.

mod kept;
mod stage;
mod world;

use super::outlook::{Look, Outlook};
use super::project::Project;
use super::stop::StopRequest;
use super::{Ended, state_folder};
use crate::engine::Report;
use crate::event::{Failure, FailureClass, Live, Outcome, Rehearsal, RunId};
use crate::host::{Database, files};
use crate::inventory::Inventory;
use crate::plan::{Fetched, Run};
use crate::preflight;
use crate::settings::{RehearseFlags, RunFlags, Settings};
use stage::Stage;

pub(super) use kept::newest;

/// Runs the migration of what an upgrade would go to, on a copy of the data.
pub async fn rehearse(
    settings: &Settings,
    flags: &RehearseFlags,
    report: &Report,
) -> Result<Ended, Failure> {
    let project = Project::open(settings).await?;
    report.note("looking at the project");
    let mut outlook = match Look::new(&project, flags.to.as_deref(), false).await? {
        Look::Outlook(outlook) => outlook,
        Look::Blind(findings) => return Ok(super::plan::refused(report, findings)),
    };
    if outlook.refuses() {
        let findings = outlook.view(&[], &Fetched::default()).findings;
        return Ok(super::plan::refused(report, findings));
    }
    if outlook.is_unchanged() {
        let state = "everything is as the files and registries say: there is nothing to rehearse";
        return Ok(Ended::plain(Outcome::Unchanged, state));
    }
    let _lock = project.lock(&outlook.inventory).await?;
    no_open_run(&project, &outlook.inventory.model.name).await?;
    let rehearsal = perform(&project, &mut outlook, flags, report).await?;
    let kept = project.state.rehearsals().join(rehearsal.id.as_str());
    let kept = format!("report: {}", kept.join(kept::REPORT).display());
    let state = match rehearsal.failure {
        None => "the upgrade would work on this data; nothing of yours was touched",
        Some(_) => "nothing of yours was touched",
    };
    Ok(Ended {
        failure: rehearsal.failure,
        state: vec![state.to_owned(), kept],
        ..Ended::answer(state)
    })
}

/// The same before a run, which only one that went well may begin.
pub(super) async fn before_run(
    project: &Project,
    outlook: &mut Outlook,
    flags: &RehearseFlags,
    report: &Report,
) -> Result<Option<Ended>, Failure> {
    no_open_run(project, &outlook.inventory.model.name).await?;
    let rehearsal = perform(project, outlook, flags, report).await?;
    let Some(failure) = rehearsal.failure else {
        report.note("the rehearsal went well; the upgrade begins");
        return Ok(None);
    };
    Ok(Some(Ended {
        failure: Some(failure),
        ..Ended::plain(Outcome::Refused, "nothing of yours was touched")
    }))
}

/// Somebody may have begun one between the look and the lock.
async fn no_open_run(project: &Project, name: &str) -> Result<(), Failure> {
    let Some(journal) = project.state.journal_to_read().await? else {
        return Ok(());
    };
    let open = journal.open_run(name).await;
    match open.map_err(|error| state_folder::failure(&error))? {
        None => Ok(()),
        Some(run) => Err(state_folder::open_run(format!(
            "run {run} of this project is still open"
        ))),
    }
}

/// Rehearses; the project is locked. Whatever happens, nothing but the report is left.
async fn perform(
    project: &Project,
    outlook: &mut Outlook,
    flags: &RehearseFlags,
    report: &Report,
) -> Result<Rehearsal, Failure> {
    let id = RunId::random();
    let limits = RunFlags {
        migration_timeout: flags.migration_timeout,
        ..RunFlags::default()
    };
    let folder = project.state.rehearsals().join(id.as_str());
    let run = Run {
        backups: folder.join(kept::DUMP),
        ..super::upgrade::run(project, id, &limits)
    };
    let stop = StopRequest::listen(report.clone());
    let played = tokio::select! {
        played = play(project, outlook, flags.fresh, &run, report) => played,
        why = stop.requested() => Err(Failure::new(format!("{why} in a rehearsal"))
            .class(FailureClass::Refused)),
    };
    let cleared = clear(project, &outlook.inventory).await;
    let redactor = &outlook.inventory.redactor;
    let rehearsal = played.map_err(|failure| crate::steps::redacted(failure, redactor))?;
    cleared?;
    kept::keep(&folder, &rehearsal)?;
    // The migration's lines may be on their way still, and this must not be dropped.
    report.flush().await;
    report.live(Live::Rehearsal(Box::new(rehearsal.clone())));
    Ok(rehearsal)
}

async fn play(
    project: &Project,
    outlook: &mut Outlook,
    fresh: bool,
    run: &Run,
    report: &Report,
) -> Result<Rehearsal, Failure> {
    report.note("fetching what is to be rehearsed");
    let name = &outlook.inventory.model.name;
    let docker = project.docker.clone().of_project(name);
    let fetched = super::plan::pull_and_read(&docker, &outlook.fetch_plan(run)).await?;
    outlook.judge_fetched(&fetched);
    outlook
        .findings
        .extend(preflight::room_to_rehearse(&outlook.inventory));
    if outlook.refuses() {
        return Err(refusal(outlook));
    }
    let plan = outlook.upgrade_plan(&fetched, run);
    let stage = Stage {
        project,
        inventory: &outlook.inventory,
        fetched: &fetched,
        plan: &plan,
        run,
        report,
    };
    // Many things one after the other: too large for the stack of everything that rehearses.
    Box::pin(stage.play(fresh)).await
}

fn refusal(outlook: &Outlook) -> Failure {
    let refuses =
        |finding: &&crate::event::Finding| finding.severity == crate::event::Severity::Refusal;
    let findings: Vec<_> = outlook.findings.iter().filter(refuses).collect();
    let failure = Failure::new("this cannot be rehearsed")
        .details(
            findings
                .iter()
                .map(|finding| finding.text.clone())
                .collect(),
        )
        .class(FailureClass::Refused);
    match findings.first() {
        Some(finding) => failure.hint(&finding.cure),
        None => failure,
    }
}

/// Takes away what rehearsals have left, but for their reports. The project is locked, so that
/// none is under way.
pub(super) async fn clear(project: &Project, inventory: &Inventory) -> Result<(), Failure> {
    let docker = project.docker.clone().of_project(&inventory.model.name);
    docker.remove_rehearsals().await?;
    for folder in files::list(&project.state.rehearsals())? {
        let dump = folder.join(kept::DUMP);
        if !dump.exists() {
            continue;
        }
        // A dump goes on without the process that has begun it, and holds tables that a migration
        // has to change.
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        if let (Ok(id), Some(_)) = (name.parse::<RunId>(), &inventory.database) {
            let machine = project.machine(inventory, &id, None).await?;
            machine.database.end_leftovers().await?;
        }
        files::remove_all(&dump)?;
    }
    Ok(())
}
