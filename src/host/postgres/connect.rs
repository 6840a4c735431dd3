//! Sessions: who we are, with whom we talk, and what we may do.

use std::time::{Duration, Instant};

use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row as _};

use super::{Postgres, literal};
use crate::host::docker::Exec;
use crate::host::{Containers, HostError, Row, Secret, http};

/// How long a query of a recipe may take.
const STATEMENT: &str = "60s";

/// How long a dump waits for somebody who has a table for himself. What else there is to do to a
/// table waits behind him: it may be for us that he waits.
pub(super) const LOCK: &str = "60s";

/// What may have been set for the app's sessions must not end a copy or a dump.
const NO_LIMITS: &str = "SELECT set_config(name, '0', false) FROM pg_settings WHERE name IN (\
    'statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', \
    'transaction_timeout', 'idle_session_timeout')";

/// Whether a role may copy, rename and drop databases that are its own.
const MAY_CREATE: &str =
    "SELECT rolsuper OR rolcreatedb AS may FROM pg_roles WHERE rolname = current_user";

/// Whether a role may do everything.
const MAY_ALL: &str = "SELECT rolsuper AS may FROM pg_roles WHERE rolname = current_user";

/// Where the server can be reached from.
enum Way {
    /// From here.
    Address(String),
    /// From within this container only.
    Inside(String),
}

/// A server that makes its data folder is healthy for a moment, ends, and starts again.
const RESTART: Duration = Duration::from_secs(20);
const BETWEEN: Duration = Duration::from_millis(200);

/// Whether a server may take the next login although it has not taken this one.
fn is_starting(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(error) => error.kind() == std::io::ErrorKind::ConnectionRefused,
        // cannot_connect_now
        sqlx::Error::Database(error) => error.code().as_deref() == Some("57P03"),
        _ => false,
    }
}

impl Postgres {
    /// The rows of one reading statement.
    pub(super) async fn query(&self, database: &str, sql: &str) -> Result<Vec<Row>, HostError> {
        let as_json = format!("SELECT row_to_json(q)::text FROM ({sql}) q");
        let texts = match self.way().await? {
            Way::Inside(container) => {
                let copy = format!("COPY ({as_json}) TO STDOUT");
                let text = self.psql(&container, database, &copy, true).await?;
                text.lines().map(unescape_copy).collect()
            }
            Way::Address(_) => {
                let mut session = self.session(database, true).await?;
                let rows = sqlx::query(AssertSqlSafe(as_json))
                    .fetch_all(&mut session)
                    .await
                    .map_err(self.failed(database, "query"))?;
                let _ = session.close().await;
                rows.iter()
                    .map(|row| row.get::<String, _>(0))
                    .collect::<Vec<_>>()
            }
        };
        texts
            .iter()
            .map(|text| {
                serde_json::from_str(text).map_err(|error| {
                    HostError::Unexpected(format!("cannot read a row of the database: {error}"))
                })
            })
            .collect()
    }

    /// Runs statements that change something, each in a transaction of its own unless the text
    /// opens one.
    pub(super) async fn execute(&self, database: &str, sql: &str) -> Result<(), HostError> {
        match self.way().await? {
            Way::Inside(container) => self.psql(&container, database, sql, false).await.map(drop),
            Way::Address(_) => {
                let mut session = self.session(database, false).await?;
                sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
                    .execute(&mut session)
                    .await
                    .map_err(self.failed(database, "change"))?;
                let _ = session.close().await;
                Ok(())
            }
        }
    }

    /// Ends the sessions that fit `condition` and waits until they are gone.
    pub(super) async fn end_sessions(&self, condition: &str) -> Result<(), HostError> {
        let these = format!("{condition} AND pid <> pg_backend_pid()");
        // `pg_terminate_backend(pid, timeout)` waits for the end of each, in milliseconds.
        let sql = format!(
            "SELECT bool_and(pg_terminate_backend(pid, 10000)) AS gone \
             FROM pg_stat_activity WHERE {these}"
        );
        let rows = self.query(super::MAINTENANCE, &sql).await?;
        match rows.first().and_then(|row| row.get("gone")) {
            Some(serde_json::Value::Bool(false)) => Err(HostError::Unexpected(
                "sessions on the database did not end within 10 s".to_owned(),
            )),
            _ => Ok(()),
        }
    }

    /// Ends the sessions of this run, and waits until they are gone.
    pub(super) async fn end_own_sessions(&self) -> Result<(), HostError> {
        let ours = format!("application_name = {}", literal(&self.application));
        self.end_sessions(&ours).await
    }

    /// A session over the network; none where only the container's inside reaches the server.
    pub(super) async fn network_session(
        &self,
        read_only: bool,
    ) -> Result<Option<PgConnection>, HostError> {
        match self.way().await? {
            Way::Inside(_) => Ok(None),
            Way::Address(_) => self
                .session(&self.login.database, read_only)
                .await
                .map(Some),
        }
    }

    /// A container of the database service that runs.
    pub(super) async fn container(&self) -> Result<String, HostError> {
        let service = self.login.service.as_deref().ok_or_else(|| {
            HostError::Unexpected(format!(
                "the database server `{}` is not a service of this project",
                self.login.host
            ))
        })?;
        let containers = self.docker.of_service(service).await?;
        containers
            .into_iter()
            .find(crate::host::Container::is_up)
            .map(|container| container.id)
            .ok_or_else(|| HostError::Unexpected(format!("service `{service}` is not running")))
    }

    /// What a tool needs to log in, and to speak as we read it.
    pub(super) fn tool_environment(&self) -> Vec<(&'static str, Secret)> {
        let mut environment = vec![
            (
                "PGHOST",
                Secret::new(match self.login.service {
                    Some(_) => "127.0.0.1",
                    None => &self.login.host,
                }),
            ),
            ("PGPORT", Secret::new(self.login.port.to_string())),
            ("PGUSER", Secret::new(self.login.user.clone())),
            ("PGAPPNAME", Secret::new(self.application.clone())),
            ("LC_ALL", Secret::new("C")),
        ];
        if !self.trusted {
            environment.push(("PGPASSWORD", self.login.password.clone()));
        }
        environment
    }

    /// The same database seen by the server's own administrator, where the app's role may not make
    /// databases.
    pub(super) async fn administrator(&self) -> Result<Option<Self>, HostError> {
        self.administrator_unless(MAY_CREATE).await
    }

    /// The same database seen by the server's own administrator, where the app's role is no
    /// superuser.
    pub(super) async fn superuser(&self) -> Result<Option<Self>, HostError> {
        self.administrator_unless(MAY_ALL).await
    }

    /// Images of PostgreSQL trust whoever comes from within their container.
    async fn administrator_unless(&self, may: &str) -> Result<Option<Self>, HostError> {
        if self.trusted || self.login.service.is_none() {
            return Ok(None);
        }
        let may = self.query(super::MAINTENANCE, may).await?;
        if may.first().and_then(|row| row.get("may")?.as_bool()) == Some(true) {
            return Ok(None);
        }
        let mut environment = self.docker.environment_of(&self.container().await?).await?;
        let user = environment.remove("POSTGRES_USER");
        let mut seen = self.clone();
        seen.trusted = true;
        seen.login.user = user.unwrap_or_else(|| "postgres".to_owned());
        Ok(Some(seen))
    }

    async fn way(&self) -> Result<Way, HostError> {
        if self.login.service.is_none() {
            return Ok(Way::Address(self.login.host.clone()));
        }
        let container = self.container().await?;
        if self.trusted {
            return Ok(Way::Inside(container));
        }
        let Some(address) = self.docker.address_of(&container).await? else {
            return Ok(Way::Inside(container));
        };
        match http::is_reachable(&address, self.login.port).await {
            true => Ok(Way::Address(address)),
            false => Ok(Way::Inside(container)),
        }
    }

    async fn session(&self, database: &str, read_only: bool) -> Result<PgConnection, HostError> {
        let Way::Address(address) = self.way().await? else {
            return Err(HostError::Unexpected(
                "the database server cannot be reached over the network".to_owned(),
            ));
        };
        let mut options = PgConnectOptions::new_without_pgpass()
            .host(&address)
            .port(self.login.port)
            .username(&self.login.user)
            .password(self.login.password.expose())
            .database(database)
            .application_name(&self.application)
            .ssl_mode(PgSslMode::Disable)
            .disable_statement_logging();
        if read_only {
            options = options.options([
                ("default_transaction_read_only", "on"),
                ("statement_timeout", STATEMENT),
            ]);
        }
        let begun = Instant::now();
        let mut session = loop {
            match PgConnection::connect_with(&options).await {
                Err(error) if self.patient && is_starting(&error) && begun.elapsed() < RESTART => {
                    tokio::time::sleep(BETWEEN).await;
                }
                connected => break connected.map_err(self.failed(database, "log in to"))?,
            }
        };
        if !read_only {
            sqlx::raw_sql(NO_LIMITS)
                .execute(&mut session)
                .await
                .map_err(self.failed(database, "lift the limits of a session on"))?;
        }
        if let Some(expected) = &self.expected {
            let found: String =
                sqlx::query("SELECT system_identifier::text FROM pg_control_system()")
                    .fetch_one(&mut session)
                    .await
                    .map_err(self.failed(database, "identify the server of"))?
                    .get(0);
            if found != *expected {
                return Err(HostError::Unexpected(format!(
                    "the server at {address} is another one than before (system identifier \
                     {found}, not {expected})"
                )));
            }
        }
        Ok(session)
    }

    async fn psql(
        &self,
        container: &str,
        database: &str,
        sql: &str,
        read_only: bool,
    ) -> Result<String, HostError> {
        let guard = self.expected.as_deref().map(identity_guard);
        let limits = match read_only {
            true => String::new(),
            false => format!("{NO_LIMITS};"),
        };
        let argv = [
            "psql",
            "-X",
            "-q",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
            "-d",
            database,
        ];
        // By standard input: what statements hold is not for everybody who may list processes.
        let text = format!("{limits}{}\n{sql};\n", guard.unwrap_or_default());
        let mut environment = self.tool_environment();
        if read_only {
            let options =
                format!("-c default_transaction_read_only=on -c statement_timeout={STATEMENT}");
            environment.push(("PGOPTIONS", Secret::new(options)));
        }
        let exec = Exec {
            container,
            argv: &argv,
            environment,
        };
        self.docker.exec_text(&exec, Some(&text)).await
    }

    pub(super) fn failed(
        &self,
        database: &str,
        what: &str,
    ) -> impl Fn(sqlx::Error) -> HostError + use<> {
        let what = format!("{what} database `{database}` as `{}`", self.login.user);
        move |source| HostError::Database {
            what: what.clone(),
            // The driver adds the line of the server's own source.
            why: match source {
                sqlx::Error::Database(error) => error.message().to_owned(),
                other => other.to_string(),
            },
        }
    }
}

/// Fails unless the server has the data it had before.
fn identity_guard(system: &str) -> String {
    format!(
        "DO $$ BEGIN IF (SELECT system_identifier::text FROM pg_control_system()) <> {} THEN \
         RAISE 'this server is another one than before'; END IF; END $$;",
        literal(system)
    )
}

/// Undoes the escapes of COPY's text format.
fn unescape_copy(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            text.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => text.push('\n'),
            Some('r') => text.push('\r'),
            Some('t') => text.push('\t'),
            Some(other) => text.push(other),
            None => {}
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_copy_escapes_comes_back() {
        assert_eq!(unescape_copy(r#"{"a":"b\\"c\\nd"}"#), r#"{"a":"b\"c\nd"}"#);
    }
}
