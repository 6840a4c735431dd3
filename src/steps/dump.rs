//! A dump of the database, proven before anything is done that needs it, and its manifest.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::engine::StepReport;
use crate::event::{Artifact, Checked, Failure, ProgressUnit, RunId};
use crate::host::{Backup, Database, HostError, files};

/// Version of the manifest's format.
const FORMAT: u8 = 1;

/// What a dump is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DumpKind {
    /// Taken while the app was up: consistent, but writes go on.
    Online,
    /// Taken after the last writer has stopped: nothing is missing.
    Exact,
}

impl DumpKind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Exact => "exact",
        }
    }
}

/// See the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dump {
    /// What it is worth.
    pub kind: DumpKind,
    /// The copy of the database that is dumped; none for the database itself. The copy stays
    /// until there is a durable dump, so one that fails is no reason to end the run otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The folder it goes to.
    pub folder: PathBuf,
    /// The run.
    pub run: RunId,
    /// The database.
    pub database: String,
    /// The server's system identifier.
    pub system: String,
    /// The server's version.
    pub server: String,
    /// The release that runs.
    pub release: Option<String>,
    /// Service to the image that runs: `repository@digest`, or the id of one from no registry.
    pub images: BTreeMap<String, String>,
    /// The schema revisions.
    pub revisions: Option<Vec<String>>,
}

/// What stands beside a dump.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of this format.
    pub v: u8,
    /// When it was finished (UTC).
    pub at: jiff::Timestamp,
    /// Of what, and from where.
    pub of: Dump,
    /// The dump itself and what was proven of it.
    pub backup: Backup,
}

impl Manifest {
    /// Reads the manifest at `path`.
    pub fn read(path: &Path) -> Result<Self, HostError> {
        serde_json::from_slice(&files::read(path)?).map_err(|error| {
            HostError::Unexpected(format!(
                "cannot read the backup manifest `{}`: {error}",
                path.display()
            ))
        })
    }
}

impl Dump {
    pub(super) fn title(&self) -> String {
        match self.kind {
            DumpKind::Online => format!("back up database `{}` while the app is up", self.database),
            DumpKind::Exact => match &self.source {
                Some(_) => format!("make a durable dump of the copy of `{}`", self.database),
                None => format!("back up database `{}` exactly", self.database),
            },
        }
    }

    /// The manifest's path.
    pub fn manifest(&self) -> PathBuf {
        self.folder.join(format!("{}.json", self.kind.name()))
    }

    pub(super) async fn run(
        &self,
        database: &impl Database,
        report: &StepReport,
    ) -> Result<Option<Artifact>, Failure> {
        match (self.take(database, report).await, &self.source) {
            (Err(failure), Some(source)) => Ok(Some(Artifact::Checks {
                checks: vec![
                    Checked::new("the exact backup is durable", true, failure.error).warning(
                        format!(
                            "the copy `{source}` in the server is kept; cure what kept it from \
                             being dumped, then `eneo-upgrade backup`"
                        ),
                    ),
                ],
            })),
            (taken, _) => taken,
        }
    }

    async fn take(
        &self,
        database: &impl Database,
        report: &StepReport,
    ) -> Result<Option<Artifact>, Failure> {
        files::private_folder(&self.folder)?;
        let path = self.folder.join(format!("{}.dump", self.kind.name()));
        // Left by an attempt that was interrupted: nothing has vouched for them.
        files::remove(&self.manifest())?;
        files::remove(&path)?;
        database.end_leftovers().await?;
        let progress = |bytes| report.progress(bytes, None, ProgressUnit::Bytes);
        let of = self.source.as_ref().unwrap_or(&self.database);
        let backup = database.dump(of, &path, &progress).await?;
        let manifest = Manifest {
            v: FORMAT,
            at: jiff::Timestamp::now(),
            of: self.clone(),
            backup,
        };
        let text = serde_json::to_vec_pretty(&manifest)
            .map_err(|error| Failure::new(format!("cannot write the backup manifest: {error}")))?;
        files::replace(&self.manifest(), &text)?;
        Ok(Some(Artifact::Backup {
            bytes: manifest.backup.bytes,
            sha256: manifest.backup.sha256,
            tables: manifest.backup.tables.len(),
            rows: manifest.backup.tables.values().sum(),
            path,
        }))
    }
}
