//! Putting a file back, if it still is what we wrote.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::EditFile;
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
    /// SHA-256 of that text; none where there was no file.
    pub before: Option<String>,
    /// SHA-256 of what we wrote.
    pub written: String,
}

impl RestoreFile {
    /// The way back from an edit.
    pub fn of(edit: &EditFile) -> Self {
        Self {
            path: edit.path.clone(),
            saved: edit.saved.clone(),
            before: edit.before.clone(),
            written: edit.after.clone(),
        }
    }

    pub(super) fn probe(&self) -> Result<Probe, Failure> {
        let found = files::read_text(&self.path)?;
        let found = found.map(|text| files::sha256(text.as_bytes()));
        if found == self.before {
            return Ok(Probe::AlreadyDone);
        }
        if found.as_deref() == Some(self.written.as_str()) {
            return Ok(Probe::Needed);
        }
        Err(Failure::new(format!(
            "`{}` was changed by somebody else since we edited it",
            self.path.display()
        ))
        .hint(match self.before {
            Some(_) => format!(
                "compare it with `{}`, put it right by hand, and run `eneo-upgrade rollback` again",
                self.saved.display()
            ),
            None => "it was not there before: move it away, and run `eneo-upgrade rollback` again"
                .to_owned(),
        }))
    }

    /// Puts it back.
    pub fn run(&self) -> Result<Option<Artifact>, Failure> {
        match self.before {
            Some(_) => files::replace(&self.path, &files::read(&self.saved)?)?,
            None => files::remove(&self.path)?,
        }
        Ok(None)
    }
}
