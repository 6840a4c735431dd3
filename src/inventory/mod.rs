//! What is there now: project, images, containers, database, jobs. Reads only.
//!
//! It must not know what will be done about it.

mod database;
mod files;
mod images;

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::event::{Failure, Job};
use crate::host::compose::{DockerCompose, ProjectArgs};
use crate::host::docker::{Docker, EngineFacts};
use crate::host::jobs::{JobQuery, active_jobs};
use crate::host::process::Children;
use crate::host::{Compose, Condition, Container, HostError, Model, Redactor};
use crate::recipe::{Candidate, Drain, Recipe, infer};

pub use database::{DatabaseFacts, login};
pub use files::{Located, Named, locate};
pub use images::{ImageFacts, Wanted, split_reference};

/// A project as it is.
pub struct Inventory {
    /// How Compose is told about it.
    pub args: ProjectArgs,
    /// The project as Compose understands it.
    pub model: Model,
    /// The version of the compose plugin.
    pub compose_version: String,
    /// The engine.
    pub engine: EngineFacts,
    /// What is known about the app.
    pub recipe: Recipe,
    /// Whether the recipe is a guess.
    pub inferred: bool,
    /// Every service of the model.
    pub services: BTreeMap<String, ServiceFacts>,
    /// The database, where it could be asked.
    pub database: Option<DatabaseFacts>,
    /// Why the database could not be asked although it should be there.
    pub database_trouble: Option<HostError>,
    /// Whether the project has data already: a volume of its model is there.
    pub has_volumes: bool,
    /// Jobs under way.
    pub jobs: Vec<Job>,
    /// The files that an edit may touch, with their text: Compose files and `.env`.
    pub texts: BTreeMap<PathBuf, String>,
    /// The lists of files with which the project's containers were made, where they differ from
    /// ours.
    pub other_files: Vec<String>,
    /// Knows the secrets of the project.
    pub redactor: Redactor,
}

/// A service as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceFacts {
    /// Its containers.
    pub containers: Vec<Container>,
    /// Whether Compose would make its containers anew as things are.
    pub diverged: bool,
    /// Its image; none where it is built here.
    pub image: Option<ImageFacts>,
}

impl ServiceFacts {
    /// Whether any container of it is up.
    pub fn is_up(&self) -> bool {
        self.containers.iter().any(Container::is_up)
    }
}

/// What the caller has already settled.
pub struct Looking<'a> {
    /// The engine.
    pub docker: &'a Docker,
    /// The path of the `docker` command.
    pub docker_command: &'a std::path::Path,
    /// How Compose is told about the project.
    pub located: Located,
    /// A recipe that the user gave.
    pub recipe: Option<Recipe>,
    /// The release to go to.
    pub to: Option<&'a str>,
}

impl Inventory {
    /// Looks at a project.
    pub async fn look(looking: Looking<'_>) -> Result<Self, Failure> {
        let Located { mut args, texts } = looking.located;
        let compose = |args: &ProjectArgs| {
            DockerCompose::new(
                looking.docker_command.to_owned(),
                args.clone(),
                Children::reading(),
            )
        };
        let (compose_version, model, engine) = tokio::try_join!(
            async { compose(&args).version().await },
            async { compose(&args).model().await },
            looking.docker.facts(),
        )?;
        args.name = Some(model.name.clone());
        let docker = looking.docker.clone().of_project(&model.name);
        let (diverged, containers, volumes) = tokio::try_join!(
            async { compose(&args).would_recreate().await },
            docker.containers(),
            docker.volumes(),
        )?;
        let (recipe, inferred) = recipe_for(looking.recipe, &model)?;
        let images = images::look(&docker, &model, &recipe, &containers, looking.to).await?;
        let redactor = redactor(&docker, &model, &containers).await?;
        let other_files = other_files(&docker, &containers, &args).await?;
        let services = services(&model, containers, &diverged, images);
        let mut inventory = Self {
            has_volumes: model
                .volumes
                .values()
                .any(|volume| volumes.contains(&volume.name)),
            args,
            model,
            compose_version,
            engine,
            recipe,
            inferred,
            services,
            database: None,
            database_trouble: None,
            jobs: Vec::new(),
            texts,
            other_files,
            redactor,
        };
        inventory.look_at_database(&docker).await?;
        Ok(inventory)
    }

    async fn look_at_database(&mut self, docker: &Docker) -> Result<(), Failure> {
        let role = self.recipe.roles.database.clone();
        let up = role
            .as_ref()
            .is_none_or(|role| self.services.get(role).is_some_and(ServiceFacts::is_up));
        let Some(login) = login(docker, &self.recipe, &self.model).await? else {
            return Ok(());
        };
        if !up {
            return Ok(());
        }
        match database::look(docker, &login).await {
            Ok(facts) => self.database = Some(facts),
            Err(trouble) => {
                self.database_trouble = Some(trouble);
                return Ok(());
            }
        }
        let worker_up = self
            .recipe
            .roles
            .worker
            .iter()
            .any(|worker| self.is_up(worker));
        if let (Some(drain), true) = (&self.recipe.drain, worker_up) {
            let query = job_query(drain);
            let database = crate::host::postgres::Postgres::new(docker.clone(), login, None);
            // An app whose tables are not there yet has no jobs.
            self.jobs = active_jobs(&database, &query).await.unwrap_or_default();
        }
        Ok(())
    }

    /// Whether any container of a service is up.
    pub fn is_up(&self, service: &str) -> bool {
        self.services.get(service).is_some_and(ServiceFacts::is_up)
    }

    /// Whether nothing of the project is there yet.
    pub fn is_empty_host(&self) -> bool {
        !self.has_volumes
            && self
                .services
                .values()
                .all(|service| service.containers.is_empty())
    }

    /// The release that runs, where its image says so.
    pub fn release(&self) -> Option<&str> {
        let image = |service: &String| self.services.get(service)?.image.as_ref();
        self.recipe
            .roles
            .writers
            .iter()
            .filter_map(image)
            .find_map(|image| image.running_release.as_deref())
    }
}

fn recipe_for(given: Option<Recipe>, model: &Model) -> Result<(Recipe, bool), Failure> {
    if let Some(recipe) = given {
        return Ok((recipe, false));
    }
    let images = model
        .services
        .iter()
        .filter_map(|(name, service)| Some((name.clone(), service.image.clone()?)))
        .collect();
    let built_in = Recipe::built_in(&images).map_err(|error| Failure::from_error(&error))?;
    Ok(match built_in {
        Some(recipe) => (recipe, false),
        None => (infer(&candidates(model)), true),
    })
}

/// How to ask the app's database for its jobs.
pub fn job_query(drain: &Drain) -> JobQuery {
    JobQuery {
        sql: drain.active.clone(),
        stale_seconds: drain.stale_seconds,
    }
}

fn candidates(model: &Model) -> Vec<Candidate> {
    model
        .services
        .iter()
        .map(|(name, service)| Candidate {
            service: name.clone(),
            image: service.image.clone().unwrap_or_default(),
            depends_on: service.depends_on.keys().cloned().collect(),
            completed_for: model
                .services
                .iter()
                .filter(|(_, other)| {
                    other.depends_on.get(name).is_some_and(|edge| {
                        edge.condition == Condition::ServiceCompletedSuccessfully
                    })
                })
                .map(|(other, _)| other.clone())
                .collect(),
            one_shot: service.is_one_shot(),
        })
        .collect()
}

fn services(
    model: &Model,
    containers: Vec<Container>,
    diverged: &[String],
    mut images: BTreeMap<String, ImageFacts>,
) -> BTreeMap<String, ServiceFacts> {
    let mut services: BTreeMap<String, ServiceFacts> = model
        .services
        .keys()
        .map(|name| {
            let facts = ServiceFacts {
                containers: Vec::new(),
                diverged: false,
                image: images.remove(name),
            };
            (name.clone(), facts)
        })
        .collect();
    for container in containers {
        if let Some(service) = services.get_mut(&container.service) {
            service.diverged |= diverged.contains(&container.name);
            service.containers.push(container);
        }
    }
    services
}

/// Secrets of the files and of the containers: they may differ.
async fn redactor(
    docker: &Docker,
    model: &Model,
    containers: &[Container],
) -> Result<Redactor, HostError> {
    let mut environments = Vec::new();
    for container in containers {
        environments.push(docker.environment_of(&container.id).await?);
    }
    let of_containers = environments
        .iter()
        .flat_map(|environment| environment.iter().map(|(k, v)| (k.as_str(), v.as_str())));
    let of_files = model
        .services
        .values()
        .flat_map(crate::host::Service::environment);
    Ok(Redactor::new(of_containers.chain(of_files)))
}

async fn other_files(
    docker: &Docker,
    containers: &[Container],
    args: &ProjectArgs,
) -> Result<Vec<String>, HostError> {
    let ours: Vec<String> = args
        .files
        .iter()
        .map(|file| file.display().to_string())
        .collect();
    let mut others = Vec::new();
    for container in containers {
        let labels = docker.labels_of(&container.id).await?;
        if let Some(theirs) = labels.get("com.docker.compose.project.config_files")
            && *theirs != ours.join(",")
        {
            others.push(theirs.clone());
        }
    }
    others.sort();
    others.dedup();
    Ok(others)
}
