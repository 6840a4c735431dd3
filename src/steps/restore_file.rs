//! Putting a file back, if it still is what we wrote.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::engine::Probe;
use crate::event::{Artifact, Failure};
use crate::host::files;

/// See the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreFile {
    /// The file.
    pub path: PathBuf,
    /// Where its text before the edit is kept.
    pub saved: PathBuf,
    /// SHA-256 of that text.
    pub before: String,
    /// SHA-256 of what we wrote.
    pub written: String,
}

impl RestoreFile {
    pub(super) fn probe(&self) -> Result<Probe, Failure> {
        let found = files::sha256(&files::read(&self.path)?);
        if found == self.before {
            return Ok(Probe::AlreadyDone);
        }
        if found == self.written {
            return Ok(Probe::Needed);
        }
        Err(Failure::new(format!(
            "`{}` was changed by somebody else since we edited it",
            self.path.display()
        ))
        .hint(format!(
            "compare it with `{}`, put it right by hand, and run `eneo-upgrade rollback` again",
            self.saved.display()
        )))
    }

    pub(super) fn run(&self) -> Result<Option<Artifact>, Failure> {
        files::replace(&self.path, &files::read(&self.saved)?)?;
        Ok(None)
    }
}
