//! The folder that holds journal, backups and locks, and the one run it allows at a time.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use crate::event::{Failure, FailureClass, RunId};
use crate::host::{HostError, files};
use crate::journal::{Journal, JournalError};

/// A project's state folder; made when the first run is opened.
#[derive(Debug, Clone)]
pub(super) struct StateFolder {
    path: PathBuf,
    machine: PathBuf,
}

/// Held while a process works on a project; the kernel lets go of it when the process ends.
#[derive(Debug)]
pub(super) struct RunLock {
    _project: File,
    _machine: File,
}

impl StateFolder {
    pub(super) fn new(path: PathBuf, machine: PathBuf) -> Self {
        Self { path, machine }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn child_lock(&self) -> PathBuf {
        self.path.join("child.lock")
    }

    pub(super) fn backups(&self, run: &RunId) -> PathBuf {
        self.all_backups().join(run.as_str())
    }

    /// What is kept of a run besides the journal.
    pub(super) fn run(&self, run: &RunId) -> PathBuf {
        self.path.join("runs").join(run.as_str())
    }

    pub(super) fn files(&self, run: &RunId) -> PathBuf {
        self.run(run).join("files")
    }

    /// The backups of every run.
    pub(super) fn all_backups(&self) -> PathBuf {
        self.path.join("backups")
    }

    /// What is kept of every rehearsal.
    pub(super) fn rehearsals(&self) -> PathBuf {
        self.path.join("rehearsals")
    }

    /// What is kept of files that were changed outside a run.
    pub(super) fn patches(&self, id: &RunId) -> PathBuf {
        self.path.join("patches").join(id.as_str())
    }

    /// The journal, made with its folder where there is none.
    pub(super) async fn journal(&self) -> Result<Journal, Failure> {
        Journal::open(&self.path.join("journal.db"))
            .await
            .map_err(|error| failure(&error))
    }

    /// The journal to read; none where no run was ever opened.
    pub(super) async fn journal_to_read(&self) -> Result<Option<Journal>, Failure> {
        Journal::open_to_read(&self.path.join("journal.db"))
            .await
            .map_err(|error| failure(&error))
    }

    /// Makes the folder and takes the project for this process.
    ///
    /// The second lock is the machine's: another state folder must not open a second run on the
    /// same containers. It also says where the first state folder is.
    pub(super) async fn lock(&self, engine: &str, project: &str) -> Result<RunLock, Failure> {
        let ours = self.lock_files(project)?;
        let busy = |path: &Path| busy(project, path);
        files::private_folder(&self.machine)?;
        let key = files::sha256(format!("{engine} {project}").as_bytes());
        let path = self
            .machine
            .join(format!("eneo-upgrade-{}.lock", &key[..16]));
        let mut machine = files::lock_file(&path)?;
        machine.try_lock().map_err(|_| busy(&path))?;
        self.no_run_elsewhere(&mut machine, &path, project).await?;
        Ok(RunLock {
            _project: ours,
            _machine: machine,
        })
    }

    /// Makes the folder and takes the project's files for this process.
    pub(super) fn lock_files(&self, project: &str) -> Result<File, Failure> {
        files::private_folder(&self.path)?;
        let ignore = self.path.join(".gitignore");
        if !ignore.exists() {
            files::replace(&ignore, b"*\n")?;
        }
        let path = self.path.join("lock");
        let lock = files::lock_file(&path)?;
        lock.try_lock().map_err(|_| busy(project, &path))?;
        Ok(lock)
    }

    async fn no_run_elsewhere(
        &self,
        machine: &mut File,
        path: &Path,
        project: &str,
    ) -> Result<(), Failure> {
        let failed = |source| HostError::File {
            what: "use the lock",
            path: path.to_owned(),
            source,
        };
        let mut other = String::new();
        machine.read_to_string(&mut other).map_err(failed)?;
        let other = PathBuf::from(other.trim());
        if other != self.path
            && let Some(journal) = Journal::open_to_read(&other.join("journal.db"))
                .await
                .map_err(|error| failure(&error))?
            && let Some(run) = journal
                .open_run(project)
                .await
                .map_err(|error| failure(&error))?
        {
            return Err(Failure::new(format!(
                "run {run} of project `{project}` is still open in `{}`",
                other.display()
            ))
            .hint(format!(
                "`eneo-upgrade --state-dir {} resume`",
                other.display()
            ))
            .class(FailureClass::Refused));
        }
        machine.set_len(0).map_err(failed)?;
        machine.rewind().map_err(failed)?;
        machine
            .write_all(self.path.display().to_string().as_bytes())
            .map_err(failed)?;
        machine.sync_all().map_err(failed)?;
        Ok(())
    }
}

fn busy(project: &str, path: &Path) -> Failure {
    Failure::new(format!(
        "another eneo-upgrade is at work on project `{project}`"
    ))
    .details(vec![format!("it holds `{}`", path.display())])
    .hint("`eneo-upgrade status` shows what it does")
    .class(FailureClass::Busy)
}

pub(super) fn failure(error: &JournalError) -> Failure {
    let failure = Failure::from_error(error);
    match error {
        JournalError::OpenRun { .. } => open_run(failure.error),
        _ => failure,
    }
}

/// What to say of a run that is not through.
pub(super) fn open_run(error: String) -> Failure {
    Failure::new(error)
        .hint(
            "`eneo-upgrade status` shows where it stands; `eneo-upgrade resume` goes on, \
             `eneo-upgrade rollback` goes back",
        )
        .class(FailureClass::Refused)
}
