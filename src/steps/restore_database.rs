//! Putting the database back: beside the failed one first, which is kept under another name.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Manifest;
use crate::engine::Probe;
use crate::event::{Artifact, Failure};
use crate::host::Database;

/// See the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreDatabase {
    /// The app's database.
    pub database: String,
    /// The manifest of the dump.
    pub manifest: PathBuf,
    /// SHA-256 of the dump, as the journal has it.
    pub sha256: String,
    /// The name the dump is restored under first.
    pub staging: String,
    /// The name the failed database is kept under.
    pub aside: String,
}

impl RestoreDatabase {
    pub(super) async fn probe(&self, database: &impl Database) -> Result<Probe, Failure> {
        // Both names change in one transaction: if the failed one has its new name, all is done.
        Ok(match database.exists(&self.aside).await? {
            true => Probe::AlreadyDone,
            false => Probe::Needed,
        })
    }

    pub(super) async fn run(&self, database: &impl Database) -> Result<Option<Artifact>, Failure> {
        let manifest = Manifest::read(&self.manifest)?;
        if manifest.backup.sha256 != self.sha256 {
            return Err(Failure::new(format!(
                "the manifest `{}` is not the one that was recorded",
                self.manifest.display()
            )));
        }
        database.end_leftovers().await?;
        database
            .restore_into(&manifest.backup, &self.staging)
            .await?;
        database.swap(&self.staging, &self.aside).await?;
        Ok(Some(Artifact::Note {
            text: format!("the failed database is kept as `{}`", self.aside),
        }))
    }
}
