//! The world that a rehearsal makes for itself: which services take part, and how each is run.

use std::collections::BTreeSet;

use super::stage::Stage;
use crate::event::{Failure, FailureClass};
use crate::host::postgres::{Likeness, Login, Postgres};
use crate::host::queue::Redis;
use crate::host::{Limits, OneOff, Scratch, Secret};
use crate::inventory::{DatabaseFacts, login};
use crate::steps::{AnyStep, Migrate};

/// Variables of the database's service that decide how its data folder is made.
const OF_DATA_FOLDER: [&str; 4] = ["POSTGRES_INITDB_ARGS", "LANG", "LC_ALL", "TZ"];

/// The services that take part.
pub(super) struct Cast<'a> {
    pub(super) database: &'a DatabaseFacts,
    pub(super) login: Login,
    pub(super) server: String,
    pub(super) migrate: &'a Migrate,
}

impl Stage<'_> {
    /// Who plays, or why nobody can.
    pub(super) async fn cast(&self) -> Result<Cast<'_>, Failure> {
        let cannot = |why: &str, hint: &str| {
            Failure::new(format!("this cannot be rehearsed: {why}"))
                .hint(hint)
                .class(FailureClass::Refused)
        };
        let recipe = &self.inventory.recipe;
        let Some(migrate) = self
            .plan
            .steps
            .iter()
            .find_map(|planned| match &planned.step {
                AnyStep::Migrate(step) if step.migrates => Some(step),
                _ => None,
            })
        else {
            return Err(cannot(
                "the upgrade would run no migration",
                "`--migration SERVICE` says which service migrates the database",
            ));
        };
        let docker = self
            .project
            .docker
            .clone()
            .of_project(&self.inventory.model.name);
        let login = login(&docker, recipe, &self.inventory.model).await?;
        let (Some(database), Some(login)) = (&self.inventory.database, login) else {
            return Err(cannot(
                "the database cannot be asked",
                "start the app, so that there is something to copy",
            ));
        };
        let Some(server) = login.service.clone() else {
            return Err(cannot(
                &format!(
                    "its database server `{}` is not a service of the project",
                    login.host
                ),
                "try the migration on a copy of that server by hand",
            ));
        };
        Ok(Cast {
            database,
            login,
            server,
            migrate,
        })
    }

    /// A world with what is to be run in it; nothing of it runs yet.
    pub(super) fn scratch(&self, cast: &Cast<'_>, like: &Likeness) -> Result<Scratch, Failure> {
        let name = &self.inventory.model.name;
        let docker = self.project.docker.clone().of_rehearsal(name);
        Ok(Scratch {
            network: format!("{name}_rehearsal_{}", self.run.id),
            one_offs: vec![self.server(cast, like)?, self.migration(cast)?],
            database: Postgres::new(docker.clone(), cast.login.clone(), Some(&self.run.id)),
            queue: Redis::new(docker.clone(), None, &self.run.id),
            redactor: self.inventory.redactor.clone(),
            limits: Limits::default(),
            docker,
        })
    }

    /// A server like the project's, under every name by which the migration may ask for it.
    fn server(&self, cast: &Cast<'_>, like: &Likeness) -> Result<OneOff, Failure> {
        let service = &self.inventory.model.services[&cast.server];
        let mut one = OneOff::as_large_as(&cast.server, service, &self.image_of(&cast.server)?);
        one.command = Some(like.command());
        let Login {
            user,
            password,
            database,
            ..
        } = &cast.login;
        let carried = OF_DATA_FOLDER.into_iter();
        one.environment = carried
            .filter_map(|name| Some((name.to_owned(), service.variable(name)?)))
            .chain([
                ("POSTGRES_USER".to_owned(), Secret::new(user)),
                ("POSTGRES_PASSWORD".to_owned(), password.clone()),
                ("POSTGRES_DB".to_owned(), Secret::new(database)),
            ])
            .collect();
        let names = self.inventory.recipe.database.as_ref();
        let migration = self.inventory.model.services.get(&cast.migrate.service);
        let asked = names.and_then(|names| migration?.variable(&names.host));
        let asked = asked.map(|host| host.expose().to_owned());
        let aliases: BTreeSet<String> = [cast.login.host.clone(), cast.server.clone()]
            .into_iter()
            .chain(asked)
            .collect();
        one.aliases = aliases.into_iter().collect();
        Ok(one)
    }

    fn migration(&self, cast: &Cast<'_>) -> Result<OneOff, Failure> {
        let name = &cast.migrate.service;
        let service = &self.inventory.model.services[name];
        Ok(OneOff::of(name, service, &self.image_of(name)?))
    }

    /// The image that a service runs after the upgrade.
    fn image_of(&self, service: &str) -> Result<String, Failure> {
        let running = || {
            let container = self.inventory.services.get(service)?.containers.first()?;
            Some(container.image.clone())
        };
        let image = self.fetched.images.get(service).cloned().or_else(running);
        image.ok_or_else(|| Failure::new(format!("there is no image of service `{service}` here")))
    }
}
