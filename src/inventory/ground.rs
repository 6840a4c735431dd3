//! What the project stands on: networks, volumes, other projects in its folder, room on disk.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::host::compose::{DockerCompose, ProjectArgs};
use crate::host::docker::{Docker, EngineFacts, Made, VolumeFacts};
use crate::host::files::{self, Room};
use crate::host::{Compose, HostError, Images, Model};
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
    /// Whether a Swarm stack has the project's name.
    pub stack: bool,
    /// The lists of files with which the project's containers were made, where they differ from
    /// ours.
    pub other_files: Vec<String>,
    /// Services of the recipe that are in a profile which is not enabled.
    pub inactive: Vec<String>,
    /// Why Compose could not say what it would make anew.
    pub dry_run_trouble: Option<String>,
    /// Bytes in the volumes that are backed up, as far as they can be seen from here.
    pub backed_up: u64,
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

/// What Compose would make anew.
#[derive(Debug, Default)]
pub(super) struct Diverged {
    /// Containers, by name.
    pub(super) containers: Vec<String>,
    /// Services whose image is not here yet, where Compose could not judge them.
    pub(super) services: Vec<String>,
    /// Why Compose could not say so.
    pub(super) trouble: Option<String>,
}

/// Asks Compose what it would make anew. Newer versions (2.40) stop at the first image that is
/// not here yet; they are asked again about the services whose image is.
pub(super) async fn diverged(compose: &DockerCompose, docker: &Docker, model: &Model) -> Diverged {
    let mut diverged = Diverged::default();
    let mut answer = compose
        .would_recreate()
        .await
        .map_err(|error| trouble(&error));
    if answer.as_ref().is_err_and(|told| is_about_an_image(told)) {
        let (here, absent) = by_image(docker, model).await;
        answer = compose
            .would_recreate_of(&here)
            .await
            .map_err(|error| trouble(&error));
        diverged.services = absent;
    }
    match answer {
        Ok(names) => diverged.containers = names,
        Err(told) => diverged.trouble = Some(told),
    }
    diverged
}

fn is_about_an_image(told: &str) -> bool {
    told.to_ascii_lowercase().contains("no such image")
}

/// What Compose said last, without what it did before that.
fn trouble(error: &HostError) -> String {
    let said = match error {
        HostError::Program { tail, .. } => tail.as_slice(),
        _ => &[],
    };
    let lines: Vec<&str> = said
        .iter()
        .map(|line| line.trim())
        .filter(|line| !line.starts_with("DRY-RUN MODE"))
        .collect();
    match lines.is_empty() {
        true => error.to_string(),
        false => lines.join("\n"),
    }
}

/// The services whose image is here or made here, and the others.
async fn by_image(docker: &Docker, model: &Model) -> (Vec<String>, Vec<String>) {
    let (mut here, mut absent) = (Vec::new(), Vec::new());
    for (name, service) in &model.services {
        let there = match service.image.as_ref().filter(|_| service.build.is_none()) {
            // What is no name of an image is none that is here.
            Some(image) => matches!(docker.id_of(image).await, Ok(Some(_))),
            None => true,
        };
        let list = if there { &mut here } else { &mut absent };
        list.push(name.clone());
    }
    (here, absent)
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
    // A profile that cannot be read is no reason to read no further.
    let mut all = compose.services_of_all_profiles().await.unwrap_or_default();
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
    let joined = |files: &[PathBuf]| {
        let files: Vec<String> = files
            .iter()
            .map(|file| file.display().to_string())
            .collect();
        files.join(",")
    };
    // An override file may come or go; whoever leaves it to Compose which files there are wants
    // it that way.
    let mut ours = vec![joined(&args.merged())];
    if let Some(beside) = &args.beside {
        ours.push(joined(&args.files));
        let files = args.files.iter().chain([beside]);
        ours.push(joined(&files.cloned().collect::<Vec<_>>()));
    }
    let labels = made
        .iter()
        .filter_map(|made| made.labels.get("com.docker.compose.project.config_files"));
    let mut others: Vec<String> = labels
        .filter(|theirs| !ours.contains(theirs))
        .cloned()
        .collect();
    others.sort();
    others.dedup();
    others
}

/// Bytes in the volumes of these keys.
pub(super) fn size_of(keys: &[String], model: &Model, made: &[Made]) -> u64 {
    let volumes = keys.iter().filter_map(|key| model.volumes.get(key));
    let paths = volumes.filter_map(|volume| {
        let mut mounts = made.iter().flat_map(|made| made.container.mounts.values());
        let mounted = mounts.find(|mounted| mounted.source == volume.name)?;
        Some(files::size_below(&mounted.path))
    });
    paths.sum()
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
