//! A backup as one file: away from this host, and back.

use std::path::{Path, PathBuf};

use super::{kept, must_fit, named, of};
use crate::engine::Report;
use crate::event::{Failure, FailureClass};
use crate::host::{files, seal};
use crate::ops::Ended;
use crate::ops::project::find;
use crate::ops::state_folder::StateFolder;
use crate::settings::{ExportFlags, Settings};

/// Writes a backup that is what it was when it was proven, and all that belongs with it, to a file.
pub async fn export_backup(
    settings: &Settings,
    flags: &ExportFlags,
    report: &Report,
) -> Result<Ended, Failure> {
    let (_, state) = find(settings)?;
    let kept = match &flags.id {
        Some(id) => of(&state, &settings.here, id)?,
        None => named(kept(&state.all_backups())?, None)?.swap_remove(0),
    };
    let to = settings.here.join(&flags.to);
    if to.exists() {
        return Err(
            Failure::new(format!("there is something at `{}` already", to.display()))
                .hint("name a file that is not there yet")
                .class(FailureClass::Usage),
        );
    }
    report.note(format!("checking backup {}", kept.id()));
    must_fit(&state, &kept).await?;
    report.note(format!("writing it to `{}`", to.display()));
    let manifest = kept.manifest()?;
    let parts = [kept.manifest.clone(), kept.dump()];
    let parts = parts.iter().filter_map(|path| path.file_name());
    let names = parts.map(|name| name.to_string_lossy().into_owned());
    let names: Vec<String> = names.chain(manifest.set.keys().cloned()).collect();
    let (folder, file) = (kept.folder().to_owned(), to.clone());
    let recipients = flags.encrypt_to.clone();
    tokio::task::spawn_blocking(move || seal::pack(&folder, &names, &file, &recipients))
        .await
        .map_err(|error| Failure::new(format!("cannot write the backup: {error}")))??;
    Ok(Ended::answer(&format!(
        "backup {} is in `{}` ({} bytes, {})",
        kept.id(),
        to.display(),
        files::size_so_far(&to),
        match flags.encrypt_to.len() {
            0 => "not encrypted".to_owned(),
            1 => "encrypted".to_owned(),
            n => format!("encrypted to {n} recipients"),
        }
    )))
}

/// What `text` names as a backup: a file that holds one is unpacked among the project's own first.
pub(in crate::ops) async fn unpacked(
    state: &StateFolder,
    here: &Path,
    text: &str,
    identity: Option<&Path>,
) -> Result<String, Failure> {
    let file: PathBuf = here.join(text);
    if !file.is_file() {
        return Ok(text.to_owned());
    }
    let (into, identity) = (state.all_backups(), identity.map(|path| here.join(path)));
    let unpacked =
        tokio::task::spawn_blocking(move || seal::unpack(&file, identity.as_deref(), &into))
            .await
            .map_err(|error| Failure::new(format!("cannot unpack the backup: {error}")))??;
    Ok(unpacked.display().to_string())
}
