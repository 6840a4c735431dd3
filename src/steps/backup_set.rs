//! What belongs with a dump: the project's files, volumes, and what the queue holds.

use std::fs::File;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::engine::StepReport;
use crate::event::{Artifact, Failure, ProgressUnit};
use crate::host::{Containers, Host, HostError, Queue, files};

/// A part of a backup besides the dump. Each is one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "part", rename_all = "kebab-case")]
pub enum Part {
    /// Compose and env files and what they name, as they lie in the project's folder; a tar.
    Project {
        /// The project's folder.
        directory: PathBuf,
        /// Files in it.
        files: Vec<PathBuf>,
    },
    /// What is in a volume; a tar.
    Volume {
        /// Its key in the Compose file.
        volume: String,
        /// A service that has it.
        service: String,
        /// Where.
        target: String,
    },
    /// What the queue holds; in Redis' own format.
    Queue {
        /// Its file, of which there may be one per dump.
        file: String,
    },
}

impl Part {
    /// The name of its file.
    pub fn file(&self) -> String {
        match self {
            Self::Project { .. } => "project.tar".to_owned(),
            Self::Volume { volume, .. } => format!("volume-{volume}.tar"),
            Self::Queue { file } => file.clone(),
        }
    }

    fn title(&self) -> String {
        match self {
            Self::Project { .. } => "the project's files".to_owned(),
            Self::Volume { volume, .. } => format!("volume `{volume}`"),
            Self::Queue { .. } => "what the queue holds".to_owned(),
        }
    }
}

fn names(parts: &[Part]) -> String {
    let names: Vec<String> = parts.iter().map(Part::file).collect();
    names.join("+")
}

fn titles(parts: &[Part]) -> String {
    let titles: Vec<String> = parts.iter().map(Part::title).collect();
    titles.join(", ")
}

/// Writes parts beside the dump they belong to, anew each time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gather {
    /// The folder of the backups of the run.
    pub folder: PathBuf,
    /// What is written.
    pub parts: Vec<Part>,
}

impl Gather {
    pub(super) fn id(&self) -> String {
        names(&self.parts)
    }

    /// What it does, for people.
    pub fn title(&self) -> String {
        format!("back up {}", titles(&self.parts))
    }

    /// Writes them.
    pub async fn run(
        &self,
        host: &impl Host,
        report: &StepReport,
    ) -> Result<Option<Artifact>, Failure> {
        files::private_folder(&self.folder)?;
        let progress = |bytes| report.progress(bytes, None, ProgressUnit::Bytes);
        for part in &self.parts {
            let path = self.folder.join(part.file());
            files::remove(&path)?;
            let partial = path.with_extension("partial");
            files::remove(&partial)?;
            let written = match part {
                Part::Project { directory, files } => pack_files(directory, files, &partial),
                Part::Volume {
                    service, target, ..
                } => {
                    let id = container_of(host.containers(), service).await?;
                    let containers = host.containers();
                    containers.pack(&id, target, &partial, &progress).await
                }
                Part::Queue { .. } => host.queue().save(&partial).await,
            };
            if written.is_err() {
                // A full disk must not keep the run from recording what went wrong.
                files::remove(&partial)?;
            }
            written?;
            files::publish(&partial, &path)?;
        }
        Ok(None)
    }
}

/// Puts parts of a backup where they were, on a host that has nothing there yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutBack {
    /// Where the backup is.
    pub folder: PathBuf,
    /// Its parts: volumes, or the queue.
    pub parts: Vec<Part>,
}

impl PutBack {
    pub(super) fn id(&self) -> String {
        names(&self.parts)
    }

    pub(super) fn title(&self) -> String {
        format!("put {} back", titles(&self.parts))
    }

    pub(super) async fn run(&self, host: &impl Host) -> Result<Option<Artifact>, Failure> {
        for part in &self.parts {
            let path = self.folder.join(part.file());
            match part {
                Part::Project { .. } => {}
                Part::Volume {
                    service, target, ..
                } => {
                    let id = container_of(host.containers(), service).await?;
                    host.containers().unpack(&id, target, &path).await?;
                }
                Part::Queue { .. } => host.queue().load(&path).await?,
            }
        }
        Ok(None)
    }
}

async fn container_of(containers: &impl Containers, service: &str) -> Result<String, HostError> {
    let found = containers.of_service(service).await?.into_iter().next();
    found.map(|container| container.id).ok_or_else(|| {
        HostError::Unexpected(format!(
            "service `{service}` has no container through which its volume can be seen"
        ))
    })
}

/// Files that are gone meanwhile are left out; the folder's own names are kept.
fn pack_files(directory: &Path, paths: &[PathBuf], to: &Path) -> Result<(), HostError> {
    let mut archive = tar::Builder::new(files::create_private(to)?);
    let mut pack = || -> std::io::Result<()> {
        for path in paths {
            let Ok(name) = path.strip_prefix(directory) else {
                continue;
            };
            match File::open(path) {
                Ok(mut file) => archive.append_file(name, &mut file)?,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        archive.finish()
    };
    pack().map_err(|source| HostError::File {
        what: "write the project's files to",
        path: to.to_owned(),
        source,
    })
}
