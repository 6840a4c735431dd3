//! The keys of a recipe. docs/reference/recipe.md explains each one.

use serde::{Deserialize, Serialize};

use crate::event::Severity;

/// Everything known about one app.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Short name.
    pub name: String,
    /// Name for people.
    pub title: String,
    /// The recipe applies when a service's image has this name.
    #[serde(default)]
    pub match_image: Option<String>,
    /// Names of the images that carry the release.
    #[serde(default)]
    pub release_images: Vec<String>,
    /// Who does what.
    #[serde(default)]
    pub roles: Roles,
    /// Where the login to the database comes from.
    #[serde(default)]
    pub database: Option<DatabaseLogin>,
    /// How the schema is migrated.
    #[serde(default)]
    pub migration: Option<Migration>,
    /// How services are stopped.
    #[serde(default)]
    pub stop: Stop,
    /// What is backed up besides the database.
    #[serde(default)]
    pub backup: BackupSet,
    /// What to wait for before stopping.
    #[serde(default)]
    pub drain: Option<Drain>,
    /// What the environment must say before an upgrade.
    #[serde(default, rename = "variable")]
    pub variables: Vec<Variable>,
    /// What must hold after an upgrade.
    #[serde(default, rename = "assertion")]
    pub assertions: Vec<Assertion>,
    /// What to look at after an upgrade, row by row.
    #[serde(default, rename = "listing")]
    pub listings: Vec<Listing>,
    /// What single releases bring with them.
    #[serde(default, rename = "release")]
    pub releases: Vec<Release>,
    /// How to ask the app whether it is well.
    #[serde(default)]
    pub health: Option<Health>,
}

/// The services of the app by what they do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Roles {
    /// Takes the requests from outside.
    pub entry: Option<String>,
    /// The database server.
    pub database: Option<String>,
    /// The queue server.
    pub queue: Option<String>,
    /// Runs once and migrates the schema.
    pub migration: Option<String>,
    /// Work in the background.
    pub worker: Vec<String>,
    /// Other services that write to the database.
    pub writers: Vec<String>,
}

/// Names of the environment variables that hold the login.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseLogin {
    /// The service whose environment is read.
    pub credentials_of: String,
    /// Variable with the host.
    pub host: String,
    /// Variable with the port; 5432 where it is not set.
    pub port: String,
    /// Variable with the user.
    pub user: String,
    /// Variable with the password.
    pub password: String,
    /// Variable with the database's name.
    pub name: String,
    /// Tables in which no migration adds or removes a row.
    #[serde(default)]
    pub sentinels: Vec<String>,
    /// An image with `pg_dump` and `pg_restore`, for a server that is no service of the project;
    /// `{major}` stands for the server's major version.
    #[serde(default = "postgres")]
    pub tools_image: String,
}

fn postgres() -> String {
    "postgres:{major}".to_owned()
}

/// How the schema is migrated (Alembic).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Migration {
    /// Folder of the revisions within the image.
    pub versions: String,
    /// Whether all pending revisions run in one transaction.
    pub transactional: bool,
    /// Seconds it may take.
    #[serde(default = "two_hours")]
    pub limit_seconds: u64,
    /// What it prints when it had something to do.
    #[serde(default)]
    pub evidence: Option<Evidence>,
}

fn two_hours() -> u64 {
    7200
}

/// A line that the migration prints, though not always.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// Part of the line.
    pub line: String,
    /// A query with one value: whether it is to be printed. Asked before the migration.
    pub when: String,
    /// The schema revision that prints it.
    pub since: String,
}

/// How services are stopped.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Stop {
    /// Seconds from the stop signal to the kill.
    pub grace_seconds: u32,
}

impl Default for Stop {
    /// Docker's own default.
    fn default() -> Self {
        Self { grace_seconds: 10 }
    }
}

/// What is backed up besides the database and the project's files.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BackupSet {
    /// Volumes, by their keys in the Compose file.
    pub volumes: Vec<String>,
    /// Whether the queue holds what is nowhere else.
    pub queue: bool,
}

/// What to wait for before the worker is stopped.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drain {
    /// A query with columns `id`, `label`, `progress`, `age`, `quiet`.
    pub active: String,
    /// Seconds of silence after which a job counts as dead.
    pub stale_seconds: u64,
    /// A query with the columns of `active`, for jobs that wait for their turn.
    #[serde(default)]
    pub queued: Option<String>,
    /// How to keep new jobs from being fed.
    #[serde(default)]
    pub hold: Option<Hold>,
    /// What to do with jobs that were cut short.
    #[serde(default)]
    pub interrupted: Option<Interrupted>,
}

/// What to do with jobs that were cut short. `:ids` stands for an array of their ids as text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interrupted {
    /// A query with columns `id`, `list` and `payload`, a row per job that can be queued again:
    /// the Redis list it waits in, and the element it is there.
    pub requeue: String,
    /// A query with the columns of `active`, for those of the jobs that have not come to a good
    /// end.
    pub cut_short: String,
    /// An UPDATE that says that they are queued.
    pub mark_queued: String,
    /// An UPDATE that keeps jobs that were held back from being given up for their age.
    #[serde(default)]
    pub refresh_queued: Option<String>,
    /// An UPDATE that says that they have failed.
    pub mark_failed: String,
    /// Redis keys that the cut has left; `{id}` stands for the job's id.
    #[serde(default)]
    pub forget: Vec<String>,
    /// Redis sorted sets of which the id may be a member.
    #[serde(default)]
    pub forget_in: Vec<String>,
}

/// A key in the queue server whose holder feeds jobs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hold {
    /// The key.
    pub key: String,
    /// Seconds after which our hold lapses by itself, should we die.
    pub ttl_seconds: u64,
}

/// A query whose one value must be what is said here.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assertion {
    /// For people.
    pub name: String,
    /// The query.
    pub sql: String,
    /// Its value, as text.
    pub equals: String,
    /// Applies to schemas that contain this revision; to all where it is missing.
    #[serde(default)]
    pub since: Option<String>,
}

/// An HTTP endpoint that tells whether the app is well.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Health {
    /// The service that answers.
    pub service: String,
    /// Its port within the network of the project.
    pub port: u16,
    /// The path, with its slash.
    pub path: String,
    /// JSON pointer to what must hold before the worker runs.
    pub pointer: String,
    /// The value there.
    pub equals: String,
    /// Seconds that services may take.
    pub window_seconds: u64,
}

/// A variable of a service's environment.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variable {
    /// The service.
    pub service: String,
    /// The variable.
    pub name: String,
    /// What it is for and what goes wrong, for people.
    pub why: String,
    /// How grave it is that it is missing or empty; it may be where nothing is said.
    #[serde(default)]
    pub missing: Option<Severity>,
    /// A query with one value: whether the variable matters.
    #[serde(default)]
    pub when: Option<String>,
    /// What it must look like.
    #[serde(default)]
    pub format: Option<Format>,
    /// Another service in whose environment it must have the same value.
    #[serde(default)]
    pub same_in: Option<String>,
    /// Values that stand in templates, whatever their case; `x*` is every value that begins so.
    #[serde(default)]
    pub templates: Vec<String>,
}

/// What a variable must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// 32 bytes in url-safe base64.
    FernetKey,
}

/// A query whose rows are shown.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listing {
    /// For people.
    pub name: String,
    /// The query, with columns `line` (text) and `ok` (boolean).
    pub sql: String,
    /// What to do about rows that are not `ok`.
    pub cure: String,
    /// Applies to schemas that contain this revision; to all where it is missing.
    #[serde(default)]
    pub since: Option<String>,
}

/// What a release brings with it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// Its version, as its images say it.
    pub version: String,
    /// Why its migration cannot be taken back, where it cannot.
    #[serde(default)]
    pub irreversible: Option<String>,
    /// The oldest release from which one can go to it.
    #[serde(default)]
    pub minimum: Option<String>,
}
