//! What the project stands on: networks, volumes, other projects in its folder, room on disk.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::host::compose::{DockerCompose, ProjectArgs};
use crate::host::docker::{Docker, EngineFacts, Made, VolumeFacts};
use crate::host::files::{self, Room};
use crate::host::{Compose, HostError, Model};
use crate::recipe::Roles;

/// What the project stands on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ground {
    /// The networks of the engine.
    pub networks: Vec<String>,
    /// The volumes of the engine, by name.
    pub volumes: BTreeMap<String, VolumeFacts>,
    /// Other projects whose containers were made in the same folder.
    pub other_projects: Vec<String>,
    /// The lists of files with which the project's containers were made, where they differ from
    /// ours.
    pub other_files: Vec<String>,
    /// Services of the recipe that are in a profile which is not enabled.
    pub inactive: Vec<String>,
    /// Why Compose could not say what it would make anew.
    pub dry_run_trouble: Option<String>,
    /// What a run writes to, and the room there. Only what is on this machine.
    pub rooms: BTreeMap<Place, (PathBuf, Room)>,
}

/// What a run writes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Backups and journal.
    State,
    /// Images and containers.
    Images,
    /// The database's files.
    Database,
}

/// The containers that Compose would make anew, and why it could not say so where it could not.
pub(super) async fn diverged(compose: &DockerCompose) -> (Vec<String>, Option<String>) {
    match compose.would_recreate().await {
        Ok(names) => (names, None),
        Err(HostError::Program { tail, .. }) if !tail.is_empty() => {
            (Vec::new(), Some(tail.join("\n")))
        }
        Err(error) => (Vec::new(), Some(error.to_string())),
    }
}

/// Services that the recipe names and Compose leaves out, because of their profile.
pub(super) async fn inactive(
    compose: &DockerCompose,
    model: &Model,
    roles: &Roles,
) -> Result<Vec<String>, HostError> {
    let mut missing = roles
        .services()
        .filter(|name| !model.services.contains_key(*name));
    if missing.next().is_none() {
        return Ok(Vec::new());
    }
    let mut all = compose.services_of_all_profiles().await?;
    all.retain(|name| {
        !model.services.contains_key(name) && roles.services().any(|role| role == name)
    });
    Ok(all)
}

pub(super) async fn other_projects(
    docker: &Docker,
    folder: &Path,
    ours: &str,
) -> Result<Vec<String>, HostError> {
    let mut projects = docker.projects_in(folder).await?;
    projects.retain(|project| project != ours);
    Ok(projects)
}

pub(super) fn other_files(made: &[Made], args: &ProjectArgs) -> Vec<String> {
    let ours: Vec<String> = args
        .files
        .iter()
        .map(|file| file.display().to_string())
        .collect();
    let labels = made
        .iter()
        .filter_map(|made| made.labels.get("com.docker.compose.project.config_files"));
    let mut others: Vec<String> = labels
        .filter(|theirs| **theirs != ours.join(","))
        .cloned()
        .collect();
    others.sort();
    others.dedup();
    others
}

/// The room at every place that is on this machine. The engine may be on another one.
pub(super) fn rooms(
    state: &Path,
    engine: &EngineFacts,
    database: Option<&Path>,
) -> BTreeMap<Place, (PathBuf, Room)> {
    let local = |path: &Path| path.exists().then(|| path.to_owned());
    let places = [
        (Place::State, Some(state.to_owned())),
        (Place::Images, local(&engine.folder)),
        (Place::Database, database.and_then(local)),
    ];
    places
        .into_iter()
        .filter_map(|(place, path)| {
            let path = path?;
            let room = files::room(&path)?;
            Some((place, (path, room)))
        })
        .collect()
}
