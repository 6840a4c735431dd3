//! Putting the database back: what is put back stands beside the failed one first, which is kept
//! under another name.

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
    /// The object id of the failed one.
    pub failed: u32,
    /// The name it is kept under.
    pub aside: String,
    /// What is put in its place.
    pub from: Source,
}

/// What a database is put back from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "type")]
pub enum Source {
    /// A copy within the server.
    Clone {
        /// Its name.
        name: String,
        /// Its object id.
        oid: u32,
    },
    /// A dump.
    Dump {
        /// Its manifest.
        manifest: PathBuf,
        /// SHA-256 of the dump, as the journal has it.
        sha256: String,
        /// The name it is restored under first.
        staging: String,
    },
}

impl RestoreDatabase {
    pub(super) async fn probe(&self, database: &impl Database) -> Result<Probe, Failure> {
        // Both names change in one transaction: if the failed one has its new name, all is done.
        match database.oid(&self.aside).await? {
            Some(oid) if oid == self.failed => Ok(Probe::AlreadyDone),
            Some(_) => Err(Failure::new(format!(
                "there is another database named `{}` already",
                self.aside
            ))
            .hint("rename it, and run `eneo-upgrade rollback` again")),
            None => Ok(Probe::Needed),
        }
    }

    pub(super) async fn run(&self, database: &impl Database) -> Result<Option<Artifact>, Failure> {
        database.end_leftovers().await?;
        self.must_be(database, &self.database, self.failed).await?;
        let replacement = match &self.from {
            Source::Clone { name, oid } => {
                self.must_be(database, name, *oid).await?;
                name
            }
            Source::Dump {
                manifest,
                sha256,
                staging,
            } => {
                let found = Manifest::read(manifest)?;
                if found.backup.sha256 != *sha256 {
                    return Err(Failure::new(format!(
                        "the manifest `{}` is not the one that was recorded",
                        manifest.display()
                    )));
                }
                database.restore_into(&found.backup, staging).await?;
                staging
            }
        };
        database.swap(replacement, &self.aside).await?;
        Ok(Some(Artifact::Note {
            text: format!("the failed database is kept as `{}`", self.aside),
        }))
    }

    async fn must_be(&self, database: &impl Database, name: &str, oid: u32) -> Result<(), Failure> {
        let why = match database.oid(name).await? {
            Some(found) if found == oid => return Ok(()),
            Some(_) => "is not the one it was when the run began",
            None => "is gone",
        };
        Err(
            Failure::new(format!("database `{name}` {why}; nothing was renamed"))
                .hint("find out who renames databases on this server"),
        )
    }
}
