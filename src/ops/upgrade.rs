//! `docker compose pull && docker compose up -d`, with a backup and a way back.

use super::begin::begin;
use super::drive::Driver;
use super::outlook::Look;
use super::project::Project;
use super::{Confirm, Ended, Question, leftovers, rehearse};
use crate::engine::Report;
use crate::event::{Failure, Live, Outcome, RunId};
use crate::host::process::Children;
use crate::plan::{Fetched, Run};
use crate::settings::{
    BackupPolicy, DoorPolicy, RehearseFlags, RunFlags, Settings, UpFlags, WaitFlags,
};

/// How long a leftover of an earlier process may go on by itself before it is ended.
pub(super) const PATIENCE: std::time::Duration = std::time::Duration::from_mins(2);

/// Upgrades a project.
pub async fn upgrade(
    settings: &Settings,
    flags: &UpFlags,
    confirm: &impl Confirm,
    report: &Report,
) -> Result<Ended, Failure> {
    let project = Project::open(settings).await?;
    report.note("looking at the project");
    let UpFlags {
        upgrade: flags,
        rehearse,
    } = flags;
    let mut outlook = match Look::new(&project, flags.to.as_deref(), false).await? {
        Look::Outlook(outlook) => outlook,
        Look::Blind(findings) => return Ok(super::plan::refused(report, findings)),
    };
    if outlook.refuses() {
        report.live(Live::Plan(Box::new(outlook.view(&[], &Fetched::default()))));
        return Ok(Ended::plain(Outcome::Refused, "nothing was touched"));
    }
    if outlook.is_unchanged() {
        let state = "everything is as the files and registries say; nothing was touched";
        return Ok(Ended::plain(Outcome::Unchanged, state));
    }
    let run = run(&project, RunId::random(), &flags.run);
    let first = outlook.fetch_plan(&run);
    let second = outlook.upgrade_plan(&Fetched::default(), &run);
    let view = outlook.view(&[&first, &second], &Fetched::default());
    report.live(Live::Plan(Box::new(view.clone())));
    report.flush().await;
    let question = Question {
        text: "Upgrade now?".to_owned(),
        default: true,
        word: None,
    };
    if !confirm.confirm(&question) {
        return Ok(Ended::plain(Outcome::Refused, "nothing was touched"));
    }
    let _lock = project.lock(&outlook.inventory).await?;
    settle(&project.children(), report).await?;
    if *rehearse {
        let flags = RehearseFlags {
            migration_timeout: flags.run.migration_timeout,
            ..RehearseFlags::default()
        };
        let refused = rehearse::before_run(&project, &mut outlook, &flags, report).await?;
        if let Some(ended) = refused {
            return Ok(ended);
        }
    }
    leftovers::clear(&project, &outlook.inventory, &run.id, report).await?;
    let to = flags.to.as_deref();
    let log = begin(
        &project,
        &outlook.inventory,
        &run,
        to,
        (&first, view),
        report,
    )
    .await?;
    Driver::new(settings, &project, outlook.inventory, run, log, &flags.run)
        .drive(confirm)
        .await
}

pub(super) fn run(project: &Project, id: RunId, flags: &RunFlags) -> Run {
    Run {
        backups: project.state.backups(&id),
        files: project.state.files(&id),
        drain_seconds: flags
            .drain
            .wait
            .timeout
            .unwrap_or(WaitFlags::DEFAULT)
            .as_secs(),
        drain_policy: flags.drain.on_timeout.unwrap_or_default(),
        migration_seconds: flags.migration_timeout.map(|limit| limit.as_secs()),
        hold_door: flags.door == DoorPolicy::Hold,
        strict: flags.backup == BackupPolicy::Strict,
        proof: flags.prove.level,
        id,
    }
}

/// No child of an earlier process may be at work beside us.
pub(super) async fn settle(children: &Children, report: &Report) -> Result<(), Failure> {
    children.settle(PATIENCE, |note| report.note(note)).await?;
    Ok(())
}
