//! Jobs of the app, and what to do with those that take too long.

use serde::{Deserialize, Serialize};

/// A job of the app that somebody may be waiting for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// The app's own id.
    pub id: String,
    /// What it works on, for a crawl its URL.
    pub label: String,
    /// How far it is, for example `412 pages`.
    pub progress: String,
    /// Seconds since it was created.
    pub age: u64,
    /// Seconds since it last gave a sign of life.
    pub quiet: u64,
    /// Seconds it will still take, where the app can tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remaining: Option<u64>,
    /// Whether it has been quiet for so long that nobody is at work on it any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dead: bool,
}

/// What to do with jobs that are still running when there is no time left.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DrainPolicy {
    /// Do not upgrade.
    #[default]
    Abort,
    /// Interrupt them; they are listed and marked failed.
    Continue,
    /// Interrupt them; they are queued again.
    Requeue,
}
