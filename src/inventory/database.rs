//! The database: how to log in, which one it is, how large, at which revision.

use std::collections::BTreeMap;

use serde::Deserialize;

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
    /// Sessions on it that have been there for a while and are not ours.
    pub sessions: Vec<Session>,
    /// The bytes of other databases of the server, by name.
    pub beside: BTreeMap<String, u64>,
    /// What the recipe's conditions say, by query; those that the database could not answer are
    /// left out.
    pub conditions: BTreeMap<String, bool>,
}

/// A session on the database.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Session {
    /// Who.
    pub user: String,
    /// What it says it is.
    pub application: String,
    /// Its address; none for one from the server's own machine.
    pub client: Option<String>,
    /// Its state, in PostgreSQL's words.
    pub state: Option<String>,
    /// Seconds since it began.
    pub age: i64,
    /// Whether it may change rows of any table.
    pub writes: bool,
}

/// Sessions of others. A login that may not see them all sees those of its own role.
const SESSIONS: &str = "\
    SELECT a.usename AS \"user\", coalesce(a.application_name, '') AS application, \
      host(a.client_addr) AS client, a.state AS state, \
      extract(epoch FROM now() - a.backend_start)::bigint AS age, \
      (r.rolsuper OR EXISTS (SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
        WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema') \
        AND has_table_privilege(a.usesysid, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE'))) AS writes \
    FROM pg_stat_activity a JOIN pg_roles r ON r.oid = a.usesysid \
    WHERE a.datname = current_database() AND a.backend_type = 'client backend' \
      AND a.pid <> pg_backend_pid() AND a.application_name NOT LIKE 'eneo-upgrade%' \
      AND a.query <> '<insufficient privilege>' AND a.backend_start < now() - interval '2 seconds'";

/// Those that the login may look into.
const BESIDE: &str = "\
    SELECT datname AS name, pg_database_size(oid) AS size FROM pg_database \
    WHERE datallowconn AND datname <> current_database() \
      AND has_database_privilege(oid, 'CONNECT')";

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
        service: model.service_called(&host).map(str::to_owned),
        host,
        port,
        user: text(needed(&names.user)?),
        password: needed(&names.password)?,
        database: text(needed(&names.name)?),
        tools_image: names.tools_image.clone(),
    }))
}

pub(super) async fn look(
    docker: &Docker,
    login: &Login,
    recipe: &Recipe,
) -> Result<DatabaseFacts, HostError> {
    let database = Postgres::new(docker.clone(), login.clone(), None);
    let identity = database.identity().await?;
    let (revisions, sessions, beside, conditions) = tokio::try_join!(
        database.revisions(),
        database.rows(SESSIONS),
        database.rows(BESIDE),
        async { Ok(conditions(&database, recipe).await) },
    )?;
    let beside = beside.iter().filter_map(|row| {
        let name = row.get("name")?.as_str()?.to_owned();
        Some((name, row.get("size")?.as_u64()?))
    });
    let sessions = sessions
        .into_iter()
        .filter_map(|row| serde_json::from_value(serde_json::Value::Object(row)).ok());
    Ok(DatabaseFacts {
        name: login.database.clone(),
        identity,
        revisions,
        sessions: sessions.collect(),
        beside: beside.collect(),
        conditions,
    })
}

/// Asks every condition of the recipe. One that fails is about a schema that is not there.
async fn conditions(database: &Postgres, recipe: &Recipe) -> BTreeMap<String, bool> {
    let mut answers = BTreeMap::new();
    for sql in recipe.conditions() {
        let rows = database.rows(sql).await.unwrap_or_default();
        let value = rows.first().and_then(|row| row.values().next()?.as_bool());
        answers.extend(value.map(|value| (sql.to_owned(), value)));
    }
    answers
}
