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
    /// The object id of the failed one; none on a host where there was no server to ask yet.
    pub failed: Option<u32>,
    /// The name it is kept under.
    pub aside: String,
    /// What is put in its place: the first of these that is there.
    pub from: Vec<Source>,
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
            Some(oid) if self.failed.is_none_or(|failed| failed == oid) => Ok(Probe::AlreadyDone),
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
        if let Some(failed) = self.failed {
            must_be(database, &self.database, failed).await?;
        }
        let replacement = self.replacement(database).await?;
        database.swap(replacement, &self.aside).await?;
        Ok(Some(Artifact::Note {
            text: format!("what was there is kept as database `{}`", self.aside),
        }))
    }

    async fn replacement(&self, database: &impl Database) -> Result<&str, Failure> {
        let mut failure = Failure::new("the run has nothing to put back");
        for source in &self.from {
            match source.ready(database).await {
                Ok(name) => return Ok(name),
                Err(why) => failure = why,
            }
        }
        Err(failure)
    }
}

impl Source {
    /// The name of a database that is whole and can be put in the failed one's place.
    async fn ready(&self, database: &impl Database) -> Result<&str, Failure> {
        match self {
            Self::Clone { name, oid } => {
                must_be(database, name, *oid).await?;
                Ok(name)
            }
            Self::Dump {
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
                Ok(staging)
            }
        }
    }
}

async fn must_be(database: &impl Database, name: &str, oid: u32) -> Result<(), Failure> {
    let why = match database.oid(name).await? {
        Some(found) if found == oid => return Ok(()),
        Some(_) => "is not the one it was when the run began",
        None => "is gone",
    };
    let error = format!("database `{name}` {why}; nothing was renamed");
    Err(Failure::new(error).hint("find out who renames databases on this server"))
}
