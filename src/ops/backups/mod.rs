//! Backups outside a run: taking one, and looking after those that are kept.

mod export;
mod prove;
mod prune;
mod take;
mod verify;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::project::find;
use super::state_folder::{StateFolder, failure};
use crate::event::{Artifact, BackupFacts, BackupRow, Event, Failure, FailureClass, Record, RunId};
use crate::host::{HostError, files};
use crate::settings::Settings;
use crate::steps::{DumpKind, Manifest};

pub use export::export_backup;
pub(super) use export::unpacked;
pub use prove::prove_backups;
pub use prune::prune_backups;
pub use take::backup;
pub use verify::verify_backups;

/// A backup that is kept, and what its manifest says.
pub(super) struct Kept {
    run: RunId,
    kind: DumpKind,
    pub(super) manifest: PathBuf,
    read: Result<Manifest, HostError>,
}

impl Kept {
    pub(super) fn id(&self) -> String {
        format!("{}/{}", self.run, self.kind.name())
    }

    /// Where everything of it is.
    pub(super) fn folder(&self) -> &Path {
        self.manifest.parent().unwrap_or(&self.manifest)
    }

    fn dump(&self) -> PathBuf {
        self.manifest.with_extension("dump")
    }

    /// What its manifest says, if it is the one of this place.
    pub(super) fn manifest(&self) -> Result<&Manifest, Failure> {
        let manifest = self.read.as_ref().map_err(|error| {
            Failure::new(error.to_string())
                .hint("`eneo-upgrade backups list` shows those that can be relied on")
        })?;
        match (&manifest.of.run, manifest.of.kind) == (&self.run, self.kind) {
            true => Ok(manifest),
            false => Err(Failure::new(format!(
                "the manifest of backup {} is that of {}/{}",
                self.id(),
                manifest.of.run,
                manifest.of.kind.name()
            ))),
        }
    }

    fn row(&self) -> BackupRow {
        let read = self.manifest();
        let facts = |manifest: &Manifest| BackupFacts {
            at: manifest.at,
            exact: manifest.of.kind == DumpKind::Exact,
            release: manifest.of.release.clone(),
            bytes: manifest.bytes(),
            proof: manifest.backup.proof,
            tables: manifest.backup.tables.len(),
            rows: manifest.backup.rows(),
        };
        BackupRow {
            id: self.id(),
            path: self.dump(),
            facts: read.as_ref().ok().map(|manifest| facts(manifest)),
            trouble: read.err().map(|failure| failure.error),
        }
    }
}

/// The backups of a project, newest first.
pub fn backups(settings: &Settings) -> Result<Vec<BackupRow>, Failure> {
    let kept = kept(&find(settings)?.1.all_backups())?;
    Ok(kept.iter().map(Kept::row).collect())
}

/// Those in a folder, newest first; those of which nothing is known come last.
fn kept(folder: &Path) -> Result<Vec<Kept>, Failure> {
    let mut kept = Vec::new();
    for folder in files::list(folder)? {
        let name = folder.file_name().and_then(|name| name.to_str());
        let Some(Ok(run)) = name.map(str::parse::<RunId>) else {
            continue;
        };
        for kind in [DumpKind::Exact, DumpKind::Online] {
            let manifest = folder.join(format!("{}.json", kind.name()));
            if manifest.exists() || manifest.with_extension("dump").exists() {
                kept.push(Kept {
                    run: run.clone(),
                    kind,
                    read: Manifest::read(&manifest),
                    manifest,
                });
            }
        }
    }
    let age = |kept: &Kept| kept.read.as_ref().ok().map(|manifest| manifest.at);
    kept.sort_by_key(|kept| std::cmp::Reverse(age(kept)));
    Ok(kept)
}

/// Those that `id` names: one, or all of a run; without an id, all.
fn named(kept: Vec<Kept>, id: Option<&str>) -> Result<Vec<Kept>, Failure> {
    let fits = |kept: &Kept| id.is_none_or(|id| id == kept.id() || id == kept.run.as_str());
    let named: Vec<Kept> = kept.into_iter().filter(fits).collect();
    if named.is_empty() {
        let what = match id {
            Some(id) => format!("this project has no backup `{id}`"),
            None => "this project has no backups".to_owned(),
        };
        return Err(Failure::new(what)
            .hint("`eneo-upgrade backups list` lists them, `eneo-upgrade backup` takes one")
            .class(FailureClass::Usage));
    }
    Ok(named)
}

/// The one that `text` names: by its id, or by the path of its folder, which may have come from
/// another host. Of a run that has several the exact one.
pub(super) fn of(state: &StateFolder, here: &Path, text: &str) -> Result<Kept, Failure> {
    let path = here.join(text);
    let (folder, id) = match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) if path.is_dir() => {
            (parent.to_owned(), name.to_string_lossy().into_owned())
        }
        _ => (state.all_backups(), text.to_owned()),
    };
    let mut found = named(kept(&folder)?, Some(&id))?;
    found.sort_by_key(|kept| kept.kind == DumpKind::Online);
    Ok(found.swap_remove(0))
}

/// Digests of a run's backups as the journal has them, by the name of the dump. None of a run
/// that the journal does not know.
async fn recorded(state: &StateFolder, run: &RunId) -> Result<BTreeMap<String, String>, Failure> {
    let Some(journal) = state.journal_to_read().await? else {
        return Ok(BTreeMap::new());
    };
    let records = journal
        .records(run)
        .await
        .map_err(|error| failure(&error))?;
    let artifact = |record: Record| match record.event {
        Event::StepFinished {
            artifact: Some(Artifact::Backup { path, sha256, .. }),
            ..
        } => Some((path.file_name()?.to_string_lossy().into_owned(), sha256)),
        _ => None,
    };
    Ok(records.into_iter().filter_map(artifact).collect())
}

/// The files must be what the manifest says, and the manifest what the journal says.
pub(super) async fn must_fit(state: &StateFolder, kept: &Kept) -> Result<(), Failure> {
    let manifest = kept.manifest()?;
    let name = kept.dump();
    let name = name.file_name().unwrap_or_default().to_string_lossy();
    let recorded = recorded(state, &kept.run).await?;
    if recorded
        .get(name.as_ref())
        .is_some_and(|sha256| *sha256 != manifest.backup.sha256)
    {
        return Err(Failure::new(format!(
            "the manifest of backup {} is not the one that was recorded",
            kept.id()
        )));
    }
    let (manifest, folder) = (manifest.clone(), kept.folder().to_owned());
    tokio::task::spawn_blocking(move || {
        manifest.backup.check_files()?;
        manifest.check_set(&folder)
    })
    .await
    .map_err(|error| Failure::new(format!("cannot read the backup: {error}")))??;
    Ok(())
}
