//! Freeing what runs have kept for a way back that nobody needs any more.

use std::time::Duration;

use super::project::Project;
use super::state_folder::{StateFolder, failure};
use super::{Confirm, Ended, Question};
use crate::engine::Report;
use crate::event::Failure;
use crate::host::{HostError, Machine, files};
use crate::inventory::Inventory;
use crate::plan::{Expired, KEPT, Past, expired};
use crate::settings::{GcFlags, Settings};

/// Shows what may go and frees it, once that is agreed to.
pub async fn gc(
    settings: &Settings,
    flags: &GcFlags,
    confirm: &impl Confirm,
    report: &Report,
) -> Result<Ended, Failure> {
    let project = Project::open(settings).await?;
    let inventory = project.look_again(None).await?;
    let run = crate::event::RunId::random();
    let machine = project.machine(&inventory, &run, None).await?;
    let _lock = project.lock(&inventory).await?;
    let kept = flags.older_than.unwrap_or(KEPT);
    let found = there(&project.state, &machine, kept).await?;
    if found.is_empty() {
        return Ok(Ended::answer("nothing may go yet"));
    }
    for (_, told) in &found {
        report.note(format!("may go: {told}"));
    }
    report.flush().await;
    let question = Question {
        text: "Free it?".to_owned(),
        default: true,
        word: None,
    };
    if !confirm.confirm(&question) {
        return Ok(Ended::answer("nothing was freed"));
    }
    let number = found.len();
    for (expired, _) in found {
        free(&project.state, &machine, &expired).await?;
    }
    Ok(Ended::answer(&format!("{number} freed")))
}

/// The same at the end of a run that went well, where nobody is asked. What does not work is left
/// for another time.
pub(super) async fn after_a_run(state: &StateFolder, machine: &Machine, report: &Report) {
    let Ok(found) = there(state, machine, KEPT).await else {
        return;
    };
    for (expired, told) in found {
        if free(state, machine, &expired).await.is_ok() {
            report.note(format!("no longer needed, freed: {told}"));
        }
    }
}

/// The bytes on the database's file system and on that of the backups that could be freed.
pub(super) async fn could_free(state: &StateFolder, inventory: &Inventory) -> Result<u64, Failure> {
    let beside = inventory.database.as_ref().map(|database| &database.beside);
    let mut bytes = 0;
    for expired in all_expired(state, KEPT).await? {
        bytes += match &expired {
            Expired::Database(name) => beside.and_then(|sizes| sizes.get(name)).copied(),
            Expired::Dumps(run) => Some(files::size_below(&state.backups(run))),
            Expired::Tag(_) => None,
        }
        .unwrap_or_default();
    }
    Ok(bytes)
}

/// What may go and is there, each with a line about it.
async fn there(
    state: &StateFolder,
    machine: &Machine,
    kept: Duration,
) -> Result<Vec<(Expired, String)>, Failure> {
    let mut found = Vec::new();
    for expired in all_expired(state, kept).await? {
        let told = tell(state, machine, &expired).await?;
        found.extend(told.map(|told| (expired, told)));
    }
    Ok(found)
}

/// What may go, be it there or not.
async fn all_expired(state: &StateFolder, kept: Duration) -> Result<Vec<Expired>, Failure> {
    let Some(journal) = state.journal_to_read().await? else {
        return Ok(Vec::new());
    };
    let mut runs = Vec::new();
    for row in journal.runs().await.map_err(|error| failure(&error))? {
        let records = journal.records(&row.run).await;
        let records = records.map_err(|error| failure(&error))?;
        let past = Past::of(row.run, &records);
        runs.extend(past.map_err(|error| Failure::from_error(&error))?);
    }
    let limit = jiff::Timestamp::now().saturating_sub(kept);
    Ok(expired(&runs, limit.unwrap_or(jiff::Timestamp::MIN)))
}

/// None where it is gone.
async fn tell(
    state: &StateFolder,
    machine: &Machine,
    expired: &Expired,
) -> Result<Option<String>, HostError> {
    let mib = |bytes: u64| format!("{} MiB", bytes.div_ceil(1 << 20));
    Ok(match expired {
        Expired::Database(name) => match &machine.database {
            Some(database) => {
                let size = database.size_of(name).await?;
                size.map(|bytes| format!("database `{name}` ({})", mib(bytes)))
            }
            None => None,
        },
        Expired::Dumps(run) => {
            let folder = state.backups(run);
            let bytes = files::size_below(&folder);
            folder
                .is_dir()
                .then(|| format!("dumps in `{}` ({})", folder.display(), mib(bytes)))
        }
        Expired::Tag(tag) => {
            let image = machine.docker.image(tag).await?;
            image.map(|_| format!("image `{tag}`"))
        }
    })
}

async fn free(state: &StateFolder, machine: &Machine, expired: &Expired) -> Result<(), HostError> {
    match expired {
        Expired::Database(name) => match &machine.database {
            Some(database) => database.drop_database(name).await,
            None => Ok(()),
        },
        Expired::Dumps(run) => files::remove_all(&state.backups(run)),
        Expired::Tag(tag) => machine.docker.untag(tag).await,
    }
}
