//! Taking old backups away, never the last one that is proven nor one that is needed.

use std::collections::{BTreeSet, HashSet};

use super::{Kept, kept};
use crate::engine::Report;
use crate::event::{Failure, RunId};
use crate::host::files;
use crate::ops::project::find;
use crate::ops::state_folder::{StateFolder, failure};
use crate::ops::{Confirm, Ended, Question};
use crate::settings::Settings;
use crate::steps::DumpKind;

/// Takes all but the newest `keep` backups away, once that is agreed to.
pub async fn prune_backups(
    settings: &Settings,
    keep: usize,
    confirm: &impl Confirm,
    report: &Report,
) -> Result<Ended, Failure> {
    let (located, state) = find(settings)?;
    let folder = state.all_backups();
    if !folder.is_dir() {
        return Ok(Ended::answer("this project has no backups"));
    }
    let _lock = state.lock_files(&located.args.directory.display().to_string())?;
    let needed = open_runs(&state).await?;
    let kept = kept(&folder)?;
    let surplus = surplus(&kept, keep, &needed);
    if surplus.is_empty() {
        return Ok(Ended::answer("no backup is to be taken away"));
    }
    for kept in &surplus {
        let row = kept.row();
        let told = match row.facts {
            Some(facts) => format!("{} ({} bytes)", facts.at, facts.bytes),
            None => "nothing vouches for it".to_owned(),
        };
        report.note(format!("to be taken away: {}, {told}", row.id));
    }
    report.flush().await;
    let question = Question {
        text: format!("Take {} away for good?", backups(surplus.len())),
        default: false,
        word: None,
    };
    if !confirm.confirm(&question) {
        return Ok(Ended::answer("nothing was taken away"));
    }
    for kept in &surplus {
        // Without its manifest nothing takes the rest for a backup.
        files::remove(&kept.manifest)?;
        files::remove_all(&kept.dump())?;
        let folder = state.backups(&kept.run);
        let manifest = |kind: DumpKind| folder.join(format!("{}.json", kind.name()));
        if ![DumpKind::Exact, DumpKind::Online]
            .map(manifest)
            .iter()
            .any(|path| path.exists())
        {
            files::remove_all(&folder)?;
        }
    }
    let taken = backups(surplus.len());
    Ok(Ended::answer(&format!("{taken} taken away")))
}

fn backups(number: usize) -> String {
    match number {
        1 => "1 backup".to_owned(),
        n => format!("{n} backups"),
    }
}

async fn open_runs(state: &StateFolder) -> Result<HashSet<RunId>, Failure> {
    let Some(journal) = state.journal_to_read().await? else {
        return Ok(HashSet::new());
    };
    let runs = journal.runs().await.map_err(|error| failure(&error))?;
    Ok(runs
        .into_iter()
        .filter(|row| row.open)
        .map(|row| row.run)
        .collect())
}

/// What may go of `kept`, which is sorted from the newest on. What nothing vouches for is not
/// counted among those to keep.
fn surplus<'a>(kept: &'a [Kept], keep: usize, needed: &HashSet<RunId>) -> Vec<&'a Kept> {
    let proven = |kept: &&Kept| {
        let manifest = kept.manifest();
        manifest.is_ok_and(|manifest| manifest.backup.compared)
    };
    let last = kept.iter().find(proven).map(Kept::id);
    let known = |kept: &&Kept| kept.manifest().is_ok();
    let newest: BTreeSet<String> = kept.iter().filter(known).take(keep).map(Kept::id).collect();
    kept.iter()
        .filter(|kept| {
            let id = kept.id();
            !newest.contains(&id) && !needed.contains(&kept.run) && last.as_ref() != Some(&id)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::PathBuf;

    use super::*;
    use crate::event::Proof;
    use crate::host::{Backup, DumpFormat, HostError, Locale};
    use crate::steps::{Dump, Manifest, Proving};

    fn kept(run: &str, compared: Option<bool>) -> Kept {
        let run: RunId = format!("{run:0>10}").parse().expect("an id");
        let kind = DumpKind::Exact;
        let manifest = |compared| Manifest {
            v: 2,
            at: jiff::Timestamp::UNIX_EPOCH,
            of: Dump {
                kind,
                proving: Proving::List { why: String::new() },
                source: None,
                folder: PathBuf::new(),
                run: run.clone(),
                database: String::new(),
                system: String::new(),
                server: String::new(),
                release: None,
                images: BTreeMap::new(),
                revisions: None,
                set: Vec::new(),
            },
            set: BTreeMap::new(),
            backup: Backup {
                path: PathBuf::from("exact.dump"),
                format: DumpFormat::Custom,
                bytes: 0,
                sha256: String::new(),
                files: BTreeMap::new(),
                locale: Locale::default(),
                tables: BTreeMap::new(),
                compared,
                proof: Proof::List,
                content: None,
            },
        };
        Kept {
            read: compared
                .map(manifest)
                .ok_or_else(|| HostError::Unexpected("unreadable".to_owned())),
            run,
            kind,
            manifest: PathBuf::from("exact.json"),
        }
    }

    #[test]
    fn the_last_proven_one_and_what_is_needed_stay() {
        let all = [
            kept("5", Some(false)),
            kept("4", Some(true)),
            kept("3", Some(true)),
            kept("2", Some(true)),
            kept("1", None),
        ];
        let none = HashSet::new();
        let goes = |keep, needed: &HashSet<RunId>| {
            let surplus = surplus(&all, keep, needed);
            let last = surplus.iter().map(|kept| kept.run.as_str().chars().last());
            last.flatten().collect::<String>()
        };
        assert_eq!(goes(0, &none), "5321");
        assert_eq!(goes(1, &none), "321");
        assert_eq!(goes(3, &none), "21");
        assert_eq!(goes(9, &none), "1");
        let needed = HashSet::from([all[3].run.clone(), all[4].run.clone()]);
        assert_eq!(goes(1, &needed), "3");
    }
}
