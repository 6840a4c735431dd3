//! A rehearsal: the target's migration, run on a copy of the data.

use serde::{Deserialize, Serialize};

use super::{Checked, Failure, RunId};

/// How a rehearsal went, as it is shown and kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rehearsal {
    /// Its id.
    pub id: RunId,
    /// When it was begun (UTC).
    pub at: jiff::Timestamp,
    /// The Compose project.
    pub project: String,
    /// The release that runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// The release to go to, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// The image that migrates: `repository@digest`, or the id of one from no registry.
    pub image: String,
    /// What was restored.
    pub backup: RehearsedBackup,
    /// The schema revisions before.
    pub from: Vec<String>,
    /// The heads of the new image.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub target: Vec<String>,
    /// How long the restore took, in milliseconds.
    pub restore_millis: u64,
    /// How long the migration took, in milliseconds.
    pub migration_millis: u64,
    /// What was compared afterwards.
    pub checks: Vec<Checked>,
    /// The last lines of the migration.
    pub tail: Vec<String>,
    /// The file with all of them.
    pub log: std::path::PathBuf,
    /// Why the upgrade would fail, if it would.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

/// The backup of a [`Rehearsal`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RehearsedBackup {
    /// When it was finished (UTC).
    pub at: jiff::Timestamp,
    /// Its size in bytes.
    pub bytes: u64,
    /// The dump; none where it was made for the rehearsal and is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<std::path::PathBuf>,
}

/// What a plan says of the newest rehearsal of what it would do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RehearsalView {
    /// When it was begun (UTC).
    pub at: jiff::Timestamp,
    /// How long the migration took, in milliseconds: the app is down for at least that long.
    pub migration_millis: u64,
    /// The file with all of it.
    pub report: std::path::PathBuf,
    /// Why the upgrade would fail, in one line, if it would.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}
