//! The database: how to log in, which one it is, how large, at which revision.

use crate::event::Failure;
use crate::host::docker::Docker;
use crate::host::postgres::{Identity, Login, Postgres};
use crate::host::{Containers, Database, HostError, Model, Secret};
use crate::recipe::Recipe;

const DEFAULT_PORT: u16 = 5432;

/// A database as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseFacts {
    /// Its name.
    pub name: String,
    /// Which one it is.
    pub identity: Identity,
    /// The schema revisions recorded in it; none where it has no such table.
    pub revisions: Option<Vec<String>>,
}

/// The login the app itself uses: from its container, on a first installation from the files.
/// None where the recipe does not say where it stands.
pub async fn login(
    docker: &Docker,
    recipe: &Recipe,
    model: &Model,
) -> Result<Option<Login>, Failure> {
    let Some(names) = &recipe.database else {
        return Ok(None);
    };
    let containers = docker.of_service(&names.credentials_of).await?;
    let environment = match containers.first() {
        Some(container) => Some(docker.environment_of(&container.id).await?),
        None => None,
    };
    let service = model.services.get(&names.credentials_of);
    let variable = |name: &str| match &environment {
        Some(environment) => environment.get(name).map(Secret::new),
        None => service.and_then(|service| service.variable(name)),
    };
    let needed =
        |name: &str| {
            variable(name)
                .filter(|value| !value.expose().is_empty())
                .ok_or_else(|| {
                    Failure::new(format!(
                "service `{}` has no `{name}` in its environment, so there is no login to its \
                 database",
                names.credentials_of
            ))
            .hint(format!("set `{name}` in the service's env file, or correct the recipe"))
                })
        };
    let text = |secret: Secret| secret.expose().to_owned();
    let host = text(needed(&names.host)?);
    let port = match variable(&names.port)
        .map(text)
        .filter(|port| !port.is_empty())
    {
        None => DEFAULT_PORT,
        Some(port) => port.parse().map_err(|_| {
            Failure::new(format!(
                "`{}` of service `{}` is not a port",
                names.port, names.credentials_of
            ))
        })?,
    };
    Ok(Some(Login {
        service: model.services.contains_key(&host).then(|| host.clone()),
        host,
        port,
        user: text(needed(&names.user)?),
        password: needed(&names.password)?,
        database: text(needed(&names.name)?),
    }))
}

pub(super) async fn look(docker: &Docker, login: &Login) -> Result<DatabaseFacts, HostError> {
    let database = Postgres::new(docker.clone(), login.clone(), None);
    let identity = database.identity().await?;
    let revisions = database.revisions().await?;
    Ok(DatabaseFacts {
        name: login.database.clone(),
        identity,
        revisions,
    })
}
