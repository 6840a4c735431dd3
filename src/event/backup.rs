//! Backups, as people and programs see them.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// How a backup is proven.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Proof {
    /// It is read back in full, its rows are counted and compared.
    #[default]
    List,
    /// It is restored beside the database, and every table compared.
    Restore,
}

/// A backup that is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BackupRow {
    /// Its id: run and kind, as in `w5i08uc505/exact`.
    pub id: String,
    /// The dump.
    pub path: PathBuf,
    /// What its manifest says; none where that cannot be read.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub facts: Option<BackupFacts>,
    /// Why nothing is known of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

/// What the manifest of a backup says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BackupFacts {
    /// When it was finished (UTC).
    pub at: jiff::Timestamp,
    /// Whether nothing was written any more when it was taken.
    pub exact: bool,
    /// The release that ran.
    pub release: Option<String>,
    /// Its size in bytes.
    pub bytes: u64,
    /// How it was proven.
    pub proof: Proof,
    /// Its tables.
    pub tables: usize,
    /// Rows in all of them.
    pub rows: u64,
}
