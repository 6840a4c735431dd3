//! What is there now: project, images, containers, database, jobs. Reads only.
//!
//! It must not know what will be done about it.

mod app;
mod database;
mod files;
mod ground;
mod images;
mod sources;

use std::collections::BTreeMap;
use std::path::Path;

use crate::event::{Failure, Job};
use crate::host::compose::{DockerCompose, ProjectArgs};
use crate::host::docker::{Docker, EngineFacts, Made};
use crate::host::jobs::{JobQuery, jobs};
use crate::host::postgres::{Login, Postgres};
use crate::host::process::Children;
use crate::host::{Compose, Container, HostError, Model, Mounted, Redactor};
use crate::recipe::{Drain, Recipe};

pub use app::App;
pub use database::{DatabaseFacts, Session, login};
pub use files::{Located, Named, locate};
use ground::Diverged;
pub use ground::{Ground, Place};
pub use images::{ImageFacts, Wanted};
pub use sources::Sources;

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
    /// Services each of which may be the one that migrates, where that cannot be told.
    pub migrations: Vec<String>,
    /// Every service of the model.
    pub services: BTreeMap<String, ServiceFacts>,
    /// The database, where it could be asked.
    pub database: Option<DatabaseFacts>,
    /// Why the database could not be asked although it should be there.
    pub database_trouble: Option<HostError>,
    /// Whether the project has data already: a volume of its model is there.
    pub has_volumes: bool,
    /// What the project stands on.
    pub ground: Ground,
    /// Jobs under way.
    pub jobs: Vec<Job>,
    /// What its files say.
    pub sources: Sources,
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
    /// `PGDATA` of its container: where a PostgreSQL server keeps its files.
    pub data: Option<String>,
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
    /// The service that migrates, where the user has said so.
    pub migration: Option<&'a str>,
    /// The release to go to.
    pub to: Option<&'a str>,
    /// Where backups and journal go.
    pub state: &'a Path,
}

/// Why there is no inventory.
#[derive(Debug)]
pub enum Blind {
    /// The Compose plugin is not there, or does not work.
    NoCompose,
    /// Engine or Compose are not what can be worked with; nothing else was looked at.
    Tools {
        /// The engine.
        engine: EngineFacts,
        /// The version of the Compose plugin.
        compose: String,
    },
    /// Compose cannot read the project.
    NoModel(HostError),
    /// Anything else.
    Other(Failure),
}

impl<T: Into<Failure>> From<T> for Blind {
    fn from(error: T) -> Self {
        Self::Other(error.into())
    }
}

impl Inventory {
    /// Looks at a project. `usable` says whether engine and Compose can be worked with.
    pub async fn look(
        looking: Looking<'_>,
        usable: impl Fn(&EngineFacts, &str) -> bool,
    ) -> Result<Self, Blind> {
        let Located { mut args, sources } = looking.located;
        let reading = |args: &ProjectArgs| {
            let (command, children) = (looking.docker_command.to_owned(), Children::reading());
            DockerCompose::new(command, args.clone(), children)
        };
        let compose = reading(&args);
        let (compose_version, model, engine) =
            tokio::join!(compose.version(), compose.model(), looking.docker.facts());
        let compose_version = compose_version.map_err(|_| Blind::NoCompose)?;
        let engine = engine?;
        if !usable(&engine, &compose_version) {
            let compose = compose_version;
            return Err(Blind::Tools { engine, compose });
        }
        let model = model.map_err(Blind::NoModel)?;
        args.name = Some(model.name.clone());
        let compose = reading(&args);
        let docker = looking.docker.clone().of_project(&model.name);
        let App {
            mut recipe,
            inferred,
            migrations,
        } = App::of(looking.recipe, looking.migration, &model)?;
        let (diverged, made, volumes, networks, other_projects, stack, inactive) = tokio::try_join!(
            async { Ok(ground::diverged(&compose, &docker, &model).await) },
            docker.containers(),
            docker.volumes(),
            docker.networks(),
            ground::other_projects(&docker, &args.directory, &model.name),
            docker.has_stack(&model.name),
            ground::inactive(&compose, &model, &recipe.roles),
        )?;
        let running = made
            .iter()
            .map(|made| (&made.container.service, &made.container.image));
        let running: BTreeMap<&str, &str> = running
            .map(|(service, image)| (service.as_str(), image.as_str()))
            .collect();
        let login = login(&docker, &recipe, &model).await?;
        if login.as_ref().is_some_and(|login| login.service.is_none()) {
            // The server is elsewhere, whatever the recipe calls it.
            let known = |role: &mut String| !model.services.contains_key(role);
            recipe.roles.database.take_if(known);
        }
        let redactor = redactor(&model, &made);
        let other_files = ground::other_files(&made, &args);
        let images = images::look(&docker, &model, &recipe, &running, looking.to);
        let data = look_at_data(&docker, &recipe, login, &made);
        let (images, data) = tokio::join!(images, data);
        let services = services(&model, &made, &diverged, images?);
        let Data {
            database,
            trouble,
            jobs,
        } = data?;
        let folder = recipe
            .roles
            .database
            .as_ref()
            .and_then(|role| data_folder(services.get(role)?));
        let rooms = ground::rooms(
            looking.state,
            &engine,
            folder.map(|mounted| mounted.path.as_path()),
        );
        let backed_up = ground::size_of(&recipe.backup.volumes, &model, &made);
        Ok(Self {
            has_volumes: model
                .volumes
                .values()
                .any(|volume| volumes.contains_key(&volume.name)),
            ground: Ground {
                networks,
                volumes,
                other_projects,
                stack,
                other_files,
                inactive,
                dry_run_trouble: diverged.trouble,
                backed_up,
                rooms,
            },
            args,
            model,
            compose_version,
            engine,
            recipe,
            inferred,
            migrations,
            services,
            database,
            database_trouble: trouble,
            jobs,
            sources,
            redactor,
        })
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

    /// The release that runs, where it can be told.
    pub fn release(&self) -> Option<&str> {
        let image = |service: &String| self.services.get(service)?.image.as_ref();
        let images = self.recipe.roles.writers.iter().filter_map(image);
        images.into_iter().find_map(ImageFacts::release)
    }
}

/// Where a database server keeps its files: the mount that holds them. None where they are in
/// the container itself, or where it is not known where they are.
pub fn data_folder(facts: &ServiceFacts) -> Option<&Mounted> {
    let folder = Path::new(facts.data.as_ref()?);
    let mounts = facts
        .containers
        .first()?
        .mounts
        .iter()
        .filter(|(target, _)| folder.starts_with(target));
    mounts
        .max_by_key(|(target, _)| target.len())
        .map(|(_, mounted)| mounted)
}

/// What the database says.
#[derive(Default)]
struct Data {
    database: Option<DatabaseFacts>,
    trouble: Option<HostError>,
    jobs: Vec<Job>,
}

async fn look_at_data(
    docker: &Docker,
    recipe: &Recipe,
    login: Option<Login>,
    made: &[Made],
) -> Result<Data, Failure> {
    let mut data = Data::default();
    let Some(login) = login else {
        return Ok(data);
    };
    let up = |service: &str| {
        let mut of_service = made.iter().filter(|made| made.container.service == service);
        of_service.any(|made| made.container.is_up())
    };
    if !recipe.roles.database.as_deref().is_none_or(up) {
        return Ok(data);
    }
    match database::look(docker, &login, recipe).await {
        Ok(facts) => data.database = Some(facts),
        Err(trouble) => {
            data.trouble = Some(trouble);
            return Ok(data);
        }
    }
    if let Some(drain) = &recipe.drain
        && recipe.roles.worker.iter().any(|worker| up(worker))
    {
        let database = Postgres::new(docker.clone(), login, None);
        // An app whose tables are not there yet has no jobs.
        data.jobs = jobs(&database, &job_query(drain)).await.unwrap_or_default();
    }
    Ok(data)
}

/// How to ask the app's database for its jobs.
pub fn job_query(drain: &Drain) -> JobQuery {
    JobQuery {
        sql: drain.active.clone(),
        stale_seconds: drain.stale_seconds,
    }
}

fn services(
    model: &Model,
    made: &[Made],
    diverged: &Diverged,
    mut images: BTreeMap<String, ImageFacts>,
) -> BTreeMap<String, ServiceFacts> {
    let services = model.services.keys().map(|name| {
        let mut facts = ServiceFacts {
            containers: Vec::new(),
            diverged: diverged.services.contains(name),
            image: images.remove(name),
            data: None,
        };
        for made in made.iter().filter(|made| made.container.service == *name) {
            facts.diverged |= diverged.containers.contains(&made.container.name);
            facts.containers.push(made.container.clone());
            facts.data = made.environment.get("PGDATA").cloned();
        }
        (name.clone(), facts)
    });
    services.collect()
}

/// Knows the secrets of the files and of the containers: they may differ.
pub fn redactor(model: &Model, made: &[Made]) -> Redactor {
    let of_containers = made.iter().flat_map(|made| &made.environment);
    let of_files: Vec<(&str, String)> = model
        .services
        .values()
        .flat_map(crate::host::Service::environment)
        .collect();
    let of_containers = of_containers.map(|(name, value)| (name.as_str(), value.as_str()));
    let of_files = of_files.iter().map(|(name, value)| (*name, value.as_str()));
    Redactor::new(of_containers.chain(of_files))
}
