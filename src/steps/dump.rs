//! A dump of the database, proven before anything is done that needs it, and its manifest.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Part;
use crate::engine::StepReport;
use crate::event::{Artifact, Checked, Failure, ProgressUnit, RunId};
use crate::host::{Backup, Database, DumpFile, HostError, files};

/// Version of the manifest's format.
const FORMAT: u8 = 2;

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
    /// Its name in files and commands.
    pub fn name(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Exact => "exact",
        }
    }
}

/// How a dump is proven.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Proving {
    /// By restoring it as this database, which is there only meanwhile.
    Restore {
        /// Its name.
        scratch: String,
    },
    /// By reading it back.
    List {
        /// Why it is not restored.
        why: String,
    },
}

/// See the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dump {
    /// What it is worth.
    pub kind: DumpKind,
    /// How it is proven.
    pub proving: Proving,
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
    /// What belongs with it; the files are in the folder when the dump is taken.
    #[serde(default)]
    pub set: Vec<Part>,
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
    /// The files beside it that belong with it, by name.
    #[serde(default)]
    pub set: BTreeMap<String, DumpFile>,
}

impl Manifest {
    /// Reads the manifest at `path`. The dump is beside it, wherever both were moved together.
    pub fn read(path: &Path) -> Result<Self, HostError> {
        let unreadable = |why: String| {
            HostError::Unexpected(format!(
                "cannot read the backup manifest `{}`: {why}",
                path.display()
            ))
        };
        let bytes = files::read(path)?;
        let value: serde_json::Value =
            serde_json::from_slice(&bytes).map_err(|error| unreadable(error.to_string()))?;
        if value["v"] != FORMAT {
            return Err(unreadable(format!(
                "it has format {}, and this release knows format {FORMAT}",
                value["v"]
            )));
        }
        let mut manifest: Self =
            serde_json::from_value(value).map_err(|error| unreadable(error.to_string()))?;
        let name = manifest.backup.path.file_name().map(PathBuf::from);
        let name = name.ok_or_else(|| unreadable("it names no dump".to_owned()))?;
        manifest.backup.path = path.with_file_name(name);
        Ok(manifest)
    }

    /// The size of everything in bytes.
    pub fn bytes(&self) -> u64 {
        let set = self.set.values().map(|file| file.bytes);
        self.backup.bytes + set.sum::<u64>()
    }

    /// Fails unless what belongs with the dump is what it was; `folder` has both.
    pub fn check_set(&self, folder: &Path) -> Result<(), HostError> {
        for (name, file) in &self.set {
            let path = folder.join(name);
            let (sha256, bytes) = files::sha256_of(&path)?;
            if (sha256, bytes) != (file.sha256.clone(), file.bytes) {
                return Err(HostError::Unexpected(format!(
                    "`{}` is not what was recorded",
                    path.display()
                )));
            }
        }
        Ok(())
    }

    /// Writes it beside its dump.
    pub fn write(&self, path: &Path) -> Result<(), Failure> {
        let text = serde_json::to_vec_pretty(self)
            .map_err(|error| Failure::new(format!("cannot write the backup manifest: {error}")))?;
        files::replace(path, &text)?;
        Ok(())
    }
}

impl Dump {
    pub(super) fn title(&self) -> String {
        let what = match self.kind {
            DumpKind::Online => format!("back up database `{}` while the app is up", self.database),
            DumpKind::Exact => match &self.source {
                Some(_) => format!("make a durable dump of the copy of `{}`", self.database),
                None => format!("back up database `{}` exactly", self.database),
            },
        };
        match &self.proving {
            Proving::Restore { .. } => format!("{what}, and prove it by a restore"),
            Proving::List { why } => format!("{what}, and read it back ({why})"),
        }
    }

    /// The manifest's path.
    pub fn manifest(&self) -> PathBuf {
        self.folder.join(format!("{}.json", self.kind.name()))
    }

    /// Takes the dump, proves it and writes its manifest.
    pub async fn run(
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

    /// Users wait for an exact dump: what was read for the first one is not read again.
    fn read_set(&self) -> Result<BTreeMap<String, DumpFile>, HostError> {
        let first = self
            .folder
            .join(format!("{}.json", DumpKind::Online.name()));
        let known = Manifest::read(&first).map_or_else(|_| BTreeMap::new(), |first| first.set);
        let files = self.set.iter().map(Part::file);
        files
            .map(|name| {
                if let Some(file) = known.get(&name) {
                    return Ok((name, file.clone()));
                }
                let (sha256, bytes) = files::sha256_of(&self.folder.join(&name))?;
                Ok((name, DumpFile { bytes, sha256 }))
            })
            .collect()
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
        files::remove_all(&path)?;
        database.end_leftovers().await?;
        let progress = |bytes| report.progress(bytes, None, ProgressUnit::Bytes);
        let of = self.source.as_ref().unwrap_or(&self.database);
        let scratch = match &self.proving {
            Proving::Restore { scratch } => Some(scratch.as_str()),
            Proving::List { .. } => None,
        };
        let backup = database.dump(of, &path, scratch, &progress).await?;
        let manifest = Manifest {
            set: self.read_set()?,
            v: FORMAT,
            at: jiff::Timestamp::now(),
            of: self.clone(),
            backup,
        };
        manifest.write(&self.manifest())?;
        let rows = manifest.backup.rows();
        Ok(Some(Artifact::Backup {
            bytes: manifest.backup.bytes,
            sha256: manifest.backup.sha256,
            tables: manifest.backup.tables.len(),
            rows,
            proof: manifest.backup.proof,
            path,
        }))
    }
}
