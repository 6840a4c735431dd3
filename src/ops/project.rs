//! Opening a project: files, engine, recipe, state folder.

use std::path::PathBuf;

use super::state_folder::{RunLock, StateFolder};
use crate::event::{Failure, FailureClass, RunId};
use crate::host::compose::DockerCompose;
use crate::host::docker::{Docker, Endpoint};
use crate::host::postgres::Postgres;
use crate::host::process::Children;
use crate::host::queue::Redis;
use crate::host::{Limits, Machine, files};
use crate::inventory::{Blind, Inventory, Located, Looking, Named, locate, login};
use crate::preflight;
use crate::recipe::Recipe;
use crate::settings::Settings;

/// A project that was found, before anything of it was looked at.
pub(super) struct Project {
    pub(super) located: Located,
    pub(super) state: StateFolder,
    pub(super) docker: Docker,
    docker_command: PathBuf,
    recipe: Option<Recipe>,
    migration: Option<String>,
}

/// Where a project's files and state are; needs no engine.
pub(super) fn find(settings: &Settings) -> Result<(Located, StateFolder), Failure> {
    let located = locate(&Named {
        here: &settings.here,
        files: &settings.files,
        directory: settings.project_directory.as_deref(),
        name: settings.project_name.as_deref(),
        env_files: &settings.env_files,
        profiles: &settings.profiles,
        separator: settings.path_separator.as_deref(),
    })?;
    let state = match &settings.state_dir {
        Some(path) => settings.here.join(path),
        None => located.args.directory.join(".eneo-upgrade"),
    };
    Ok((
        located,
        StateFolder::new(state, settings.machine_dir.clone()),
    ))
}

impl Project {
    pub(super) async fn open(settings: &Settings) -> Result<Self, Failure> {
        let (located, state) = find(settings)?;
        let recipe = recipe(settings)?;
        let docker_command = docker_command()?;
        let docker = Docker::connect(&Endpoint {
            host: settings.docker_host.clone(),
            docker: docker_command.clone(),
            config: settings.docker_config.clone(),
        })
        .await
        .map_err(|error| {
            Failure::from(error)
                .hint("is Docker running, and may you use it?")
                .class(FailureClass::Refused)
        })?;
        Ok(Self {
            located,
            state,
            docker,
            docker_command,
            recipe,
            migration: settings.migration.clone(),
        })
    }

    pub(super) async fn look(&self, to: Option<&str>) -> Result<Inventory, Blind> {
        let looking = Looking {
            docker: &self.docker,
            docker_command: &self.docker_command,
            located: self.located.clone(),
            recipe: self.recipe.clone(),
            migration: self.migration.as_deref(),
            to,
            state: self.state.path(),
        };
        // Many things side by side: too large for the stack of everything that looks.
        Box::pin(Inventory::look(looking, preflight::usable)).await
    }

    /// The same for a run that has begun: what keeps us from looking is a failure.
    pub(super) async fn look_again(&self, to: Option<&str>) -> Result<Inventory, Failure> {
        self.look(to).await.map_err(|blind| {
            let findings = match preflight::blind(blind) {
                Ok(findings) => findings,
                Err(failure) => return failure,
            };
            let (text, cure) = match findings.into_iter().next() {
                Some(finding) => (finding.text, finding.cure),
                None => return Failure::new("cannot look at the project"),
            };
            Failure::new(text).hint(cure).class(FailureClass::Refused)
        })
    }

    /// The adapters for a run. The database is the one that was looked at, and no other.
    pub(super) async fn machine(
        &self,
        inventory: &Inventory,
        run: &RunId,
        system: Option<String>,
    ) -> Result<Machine, Failure> {
        let docker = self.docker.clone().of_project(&inventory.model.name);
        let login = login(&docker, &inventory.recipe, &inventory.model).await?;
        let children = self.children();
        Ok(Machine {
            compose: DockerCompose::new(
                self.docker_command.clone(),
                inventory.args.clone(),
                children.clone(),
            ),
            database: login.map(|login| {
                Postgres::new(docker.clone(), login, Some(run))
                    .expecting(system)
                    .with_tools(children)
            }),
            queue: Redis::new(docker.clone(), inventory.recipe.roles.queue.clone(), run),
            redactor: inventory.redactor.clone(),
            limits: Limits::default(),
            docker,
        })
    }

    /// Takes the project for this process, and takes away what a rehearsal has left that was
    /// killed: nobody else can be at one now.
    pub(super) async fn lock(&self, inventory: &Inventory) -> Result<RunLock, Failure> {
        let (engine, name) = (&inventory.engine.id, &inventory.model.name);
        let lock = self.state.lock(engine, name).await?;
        super::rehearse::clear(self, inventory).await?;
        Ok(lock)
    }

    pub(super) fn children(&self) -> Children {
        Children::locking(self.state.child_lock())
    }
}

pub(super) fn docker_command() -> Result<PathBuf, Failure> {
    which::which("docker").map_err(|_| {
        Failure::new("cannot find the `docker` command")
            .hint("install Docker and its Compose plugin")
            .class(FailureClass::Refused)
    })
}

/// The recipe that the user gave.
pub(super) fn recipe(settings: &Settings) -> Result<Option<Recipe>, Failure> {
    let Some(path) = &settings.recipe else {
        return Ok(None);
    };
    let path = settings.here.join(path);
    let text = files::read_text(&path)?.ok_or_else(|| {
        Failure::new(format!("there is no recipe `{}`", path.display())).class(FailureClass::Usage)
    })?;
    Recipe::parse(&text, &format!("`{}`", path.display()))
        .map(Some)
        .map_err(|error| Failure::from_error(&error).class(FailureClass::Usage))
}
