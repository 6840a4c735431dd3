//! A plan and what was found on the way, as people and programs see them.

use serde::{Deserialize, Serialize};

use super::{Job, RehearsalView};

/// A plan as people and programs see it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PlanView {
    /// The Compose project.
    pub project: String,
    /// The project folder.
    pub directory: std::path::PathBuf,
    /// The compose plugin's version.
    pub compose: String,
    /// The app, by its recipe.
    pub app: String,
    /// Who does what, where that was guessed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inferred: Vec<RoleView>,
    /// The release that runs.
    pub release: Option<String>,
    /// The release to go to, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Why there is no way back but the backup, release by release.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub irreversible: Vec<String>,
    /// The database, its size in bytes, its revisions now and, where known, after.
    pub database: Option<DatabaseView>,
    /// Services whose containers are replaced or started, and why.
    pub changes: Vec<ChangeView>,
    /// The edits of the user's files, as unified diffs without context.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub diffs: Vec<String>,
    /// The newest rehearsal of it, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rehearsal: Option<RehearsalView>,
    /// Jobs under way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub jobs: Vec<Job>,
    /// The steps.
    pub steps: Vec<StepView>,
    /// What was found on the way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
}

/// A role of a [`PlanView`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RoleView {
    /// What is done.
    pub role: String,
    /// Who does it.
    pub services: Vec<String>,
}

/// A step of a [`PlanView`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepView {
    /// What it does.
    pub title: String,
    /// Why it is there.
    pub cause: String,
}

/// The database of a [`PlanView`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct DatabaseView {
    /// Its name.
    pub name: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its schema revisions.
    pub revisions: Vec<String>,
    /// The target's heads, where its image is here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub target: Vec<String>,
}

/// A service of a [`PlanView`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangeView {
    /// Its name.
    pub service: String,
    /// Why it changes.
    pub cause: String,
    /// The image it will run, with the start of its digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
}

/// What has to change in a file of the user's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileView {
    /// The file.
    pub path: std::path::PathBuf,
    /// Whether it is not there yet.
    pub created: bool,
    /// What changes, as a unified diff without context.
    pub diff: String,
}

/// What a preflight check or the planner found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Stable id, kebab-case.
    pub id: String,
    /// Whether it stops a run.
    pub severity: Severity,
    /// What was found, with the path or service in it.
    pub text: String,
    /// What to do about it.
    pub cure: String,
}

/// How grave a [`Finding`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The run goes on.
    Warning,
    /// The run is refused.
    Refusal,
}
