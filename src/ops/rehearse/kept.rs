//! What rehearsals have left: reports, and backups to rehearse with.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::event::{FORMAT, Failure, Live, Rehearsal, RehearsalView};
use crate::host::files;
use crate::inventory::{DatabaseFacts, Inventory, Wanted};
use crate::ops::state_folder::StateFolder;
use crate::steps::Manifest;

/// The report, in the folder of its rehearsal.
pub(super) const REPORT: &str = "report.json";
/// The log of the migration, beside it.
pub(super) const LOG: &str = "migration.log";
/// The folder of a backup that was made for the rehearsal; it does not stay.
pub(super) const DUMP: &str = "dump";

/// As `--output json` prints it.
#[derive(Serialize)]
struct Line<'a> {
    v: u8,
    #[serde(flatten)]
    live: &'a Live,
}

/// Writes the report of a rehearsal into its folder.
pub(super) fn keep(folder: &Path, rehearsal: &Rehearsal) -> Result<(), Failure> {
    let line = Line {
        v: FORMAT,
        live: &Live::Rehearsal(Box::new(rehearsal.clone())),
    };
    let text = serde_json::to_vec_pretty(&line).map_err(|error| Failure::from_error(&error))?;
    files::private_folder(folder)?;
    files::replace(&folder.join(REPORT), &text)?;
    Ok(())
}

/// The newest rehearsal of the image that would migrate, on the schema that is there now.
pub(in crate::ops) fn newest(
    state: &StateFolder,
    inventory: &Inventory,
) -> Result<Option<RehearsalView>, Failure> {
    let (Some(image), Some(database)) = (image(inventory), &inventory.database) else {
        return Ok(None);
    };
    let from = database.revisions.clone().unwrap_or_default();
    let mut found: Vec<(Rehearsal, PathBuf)> = Vec::new();
    for folder in files::list(&state.rehearsals())? {
        let path = folder.join(REPORT);
        let Some(text) = files::read_text(&path)? else {
            continue;
        };
        // One that cannot be read was written by another version of this tool, and helps nobody.
        let read = serde_json::from_str(&text).ok();
        found.extend(read.map(|rehearsal| (rehearsal, path)));
    }
    let ours = found.into_iter().filter(|(rehearsal, _)| {
        rehearsal.project == inventory.model.name
            && rehearsal.image == image
            && rehearsal.from == from
    });
    let newest = ours.max_by_key(|(rehearsal, _)| rehearsal.at);
    Ok(newest.map(|(rehearsal, report)| RehearsalView {
        at: rehearsal.at,
        migration_millis: rehearsal.migration_millis,
        failure: rehearsal.failure.map(|failure| failure.error),
        report,
    }))
}

/// The image that would migrate, by its digest where a registry has it.
pub(super) fn image(inventory: &Inventory) -> Option<String> {
    let service = inventory.recipe.roles.migration.as_ref()?;
    let facts = inventory.services.get(service)?;
    match facts.image.as_ref().map(|image| &image.wanted) {
        Some(Wanted::Digest { repository, digest }) => Some(format!("{repository}@{digest}")),
        _ => Some(facts.containers.first()?.image.clone()),
    }
}

/// The newest backup of the database as it is: one of an older schema would show another
/// migration. With the path of its manifest.
pub(super) fn newest_backup(
    state: &StateFolder,
    database: &DatabaseFacts,
) -> Result<Option<(PathBuf, Manifest)>, Failure> {
    let mut found = Vec::new();
    for folder in files::list(&state.all_backups())? {
        for name in ["online.json", "exact.json"] {
            let path = folder.join(name);
            // What cannot be read vouches for nothing.
            let read = Manifest::read(&path).ok();
            found.extend(read.map(|manifest| (path, manifest)));
        }
    }
    let fits = found.into_iter().filter(|(_, manifest)| {
        manifest.of.system == database.identity.system
            && manifest.of.database == database.name
            && manifest.of.revisions == database.revisions
            && manifest.backup.path.exists()
    });
    Ok(fits.max_by_key(|(_, manifest)| manifest.at))
}
