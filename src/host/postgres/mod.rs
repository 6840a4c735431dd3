//! PostgreSQL: over a connection where its address can be reached, else through `psql` in its
//! container; dumps and restores by the server's own tools.

mod alone;
mod attributes;
mod binary;
mod clone;
mod connect;
mod content;
mod count;
mod dump;
mod likeness;
mod prove;
mod restore;
mod schema;
mod toc;
mod tools;

use std::collections::BTreeMap;
use std::path::Path;

use super::docker::Docker;
use super::process::Children;
use super::{Backup, Database, HostError, Row, Secret, Wait};
use crate::event::RunId;

pub use likeness::Likeness;

/// The database every server has; names are swapped from there.
const MAINTENANCE: &str = "postgres";
const REVISIONS: &str = "SELECT version_num AS revision FROM alembic_version ORDER BY 1";
const HAS_REVISIONS: &str = "SELECT to_regclass('alembic_version') IS NOT NULL AS there";

/// Who waits for whom. Statements are cut, their literals left out, and their spaces made one.
const WAITS: &str = "\
    SELECT left(regexp_replace(regexp_replace(w.query, '''[^'']*''', '''…''', 'g'), '\\s+', ' ', 'g'), 120) AS query, \
      format('%s (process %s, user %s, from %s), %s since %s s: %s', \
        coalesce(nullif(h.application_name, ''), 'a program without a name'), h.pid, h.usename, \
        coalesce(host(h.client_addr), 'the server''s own machine'), coalesce(h.state, 'in no known state'), \
        coalesce(extract(epoch FROM now() - h.state_change)::bigint, 0), \
        left(regexp_replace(regexp_replace(h.query, '''[^'']*''', '''…''', 'g'), '\\s+', ' ', 'g'), 120)) AS holder \
    FROM pg_stat_activity w \
    CROSS JOIN LATERAL unnest(pg_blocking_pids(w.pid)) AS b(pid) \
    JOIN pg_stat_activity h ON h.pid = b.pid \
    WHERE w.datname = current_database() ORDER BY w.pid";

/// How to log in.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The service of the project that is the server; none for a server elsewhere.
    pub service: Option<String>,
    /// Its host, as the app names it.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The user.
    pub user: String,
    /// The password.
    pub password: Secret,
    /// The database.
    pub database: String,
    /// An image with the tools of a server that is no service of the project, `{major}` for its
    /// major version.
    pub tools_image: String,
}

/// Which database it is. Addresses are used again; these are not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Of the server's data.
    pub system: String,
    /// The server's version, such as `17.5`.
    pub version: String,
    /// The database's size in bytes.
    pub size: u64,
    /// The size of its tables without their indexes, of which the catalogue is believed: as much as
    /// a dump may take. Asking for a table's size would wait for whoever holds it.
    pub tables: u64,
    /// The object id of the database.
    pub oid: u32,
    /// Whether the app's role may make databases.
    pub may_create: bool,
    /// Whether the system sorts otherwise than when the database was made: PostgreSQL makes no
    /// copy of it then.
    pub collation_moved: bool,
}

/// The database of an app.
#[derive(Clone)]
pub struct Postgres {
    docker: Docker,
    login: Login,
    /// `application_name` of every session of ours.
    application: String,
    /// The system identifier that each new connection must show.
    expected: Option<String>,
    /// Whether to come in as the server's own machine does, which needs no password.
    trusted: bool,
    /// Whether a server that is just starting is waited for: a run has started it itself.
    patient: bool,
    /// Runs the tools of this machine, where the server is elsewhere.
    children: Children,
}

impl Postgres {
    /// A database seen by a run, or by nobody in particular while looking.
    pub fn new(docker: Docker, login: Login, run: Option<&RunId>) -> Self {
        Self {
            docker,
            login,
            application: match run {
                Some(run) => format!("eneo-upgrade:{run}"),
                None => "eneo-upgrade".to_owned(),
            },
            expected: None,
            trusted: false,
            patient: run.is_some(),
            children: Children::reading(),
        }
    }

    /// The same, whose tools on this machine are children that a later process finds.
    #[must_use]
    pub fn with_tools(mut self, children: Children) -> Self {
        self.children = children;
        self
    }

    /// The same server, another database of it.
    fn of(&self, database: &str) -> Self {
        let mut other = self.clone();
        database.clone_into(&mut other.login.database);
        other
    }

    /// The same, refusing any server with other data than this.
    #[must_use]
    pub fn expecting(mut self, system: Option<String>) -> Self {
        self.expected = system;
        self
    }

    /// The bytes of the database of this name, if there is one.
    pub async fn size_of(&self, name: &str) -> Result<Option<u64>, HostError> {
        let sql = format!(
            "SELECT pg_database_size(oid) AS size FROM pg_database WHERE datname = {}",
            literal(name)
        );
        let rows = self.query(MAINTENANCE, &sql).await?;
        Ok(rows.first().and_then(|row| row.get("size")?.as_u64()))
    }

    /// The rows of every ordinary table of database `of`.
    pub async fn all_counts(&self, of: &str) -> Result<BTreeMap<String, u64>, HostError> {
        let tables = format!(
            "SELECT format('%I.%I', n.nspname, c.relname) AS name FROM pg_class c \
             JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {}",
            schema::TABLES
        );
        let rows = self.query(of, &tables).await?;
        let name = |row: &Row| row.get("name")?.as_str().map(str::to_owned);
        let tables: Vec<String> = rows.iter().filter_map(name).collect();
        self.counts(of, &tables).await
    }

    /// Which database it is.
    pub async fn identity(&self) -> Result<Identity, HostError> {
        let rows = self
            .rows(
                "SELECT (SELECT system_identifier::text FROM pg_control_system()) AS system, \
                 current_setting('server_version') AS version, \
                 pg_database_size(current_database())::text AS size, \
                 (SELECT greatest(0, pg_database_size(current_database()) - coalesce(sum( \
                  relpages::bigint), 0) * current_setting('block_size')::bigint)::text \
                  FROM pg_class WHERE relkind = 'i' AND relpages > 0) AS tables, \
                 (SELECT oid::text FROM pg_database WHERE datname = current_database()) AS oid, \
                 (SELECT (rolsuper OR rolcreatedb)::text FROM pg_roles \
                  WHERE rolname = current_user) AS creates, \
                 (SELECT coalesce(datcollversion <> pg_database_collation_actual_version(oid), \
                  false)::text FROM pg_database WHERE datname = current_database()) AS moved",
            )
            .await?;
        let text = |column: &str| {
            rows.first()
                .and_then(|row| row.get(column))
                .and_then(|value| value.as_str())
                .unwrap_or_default()
                .to_owned()
        };
        Ok(Identity {
            system: text("system"),
            version: text("version"),
            size: text("size").parse().unwrap_or_default(),
            tables: text("tables").parse().unwrap_or_default(),
            oid: text("oid").parse().unwrap_or_default(),
            may_create: text("creates") == "true",
            collation_moved: text("moved") == "true",
        })
    }
}

impl Database for Postgres {
    async fn revisions(&self) -> Result<Option<Vec<String>>, HostError> {
        let there = self.rows(HAS_REVISIONS).await?;
        if there.first().and_then(|row| row.get("there")) != Some(&serde_json::Value::Bool(true)) {
            return Ok(None);
        }
        let rows = self.rows(REVISIONS).await?;
        let text = |row: &Row| row.get("revision")?.as_str().map(str::to_owned);
        Ok(Some(rows.iter().filter_map(text).collect()))
    }

    async fn rows(&self, sql: &str) -> Result<Vec<Row>, HostError> {
        self.query(&self.login.database, sql).await
    }

    async fn update(&self, sql: &str) -> Result<(), HostError> {
        let limited = format!("SET lock_timeout = '30s'; SET statement_timeout = '60s'; {sql}");
        self.execute(&self.login.database, &limited).await
    }

    async fn counts(
        &self,
        of: &str,
        tables: &[String],
    ) -> Result<BTreeMap<String, u64>, HostError> {
        let names: Vec<String> = tables.iter().map(|table| literal(table)).collect();
        let there = format!(
            "SELECT name FROM unnest(ARRAY[{}]::text[]) AS name WHERE to_regclass(name) IS NOT NULL",
            names.join(", ")
        );
        let name = |row: &Row| row.get("name")?.as_str().map(str::to_owned);
        let there: Vec<String> = self
            .query(of, &there)
            .await?
            .iter()
            .filter_map(name)
            .collect();
        if there.is_empty() {
            return Ok(BTreeMap::new());
        }
        let count = |table: &String| {
            format!(
                "SELECT {} AS name, count(*) AS n FROM {table}",
                literal(table)
            )
        };
        let counts: Vec<String> = there.iter().map(count).collect();
        let rows = self.query(of, &counts.join(" UNION ALL ")).await?;
        let counts = rows
            .iter()
            .filter_map(|row| Some((name(row)?, row.get("n")?.as_u64()?)));
        Ok(counts.collect())
    }

    async fn waits(&self) -> Result<Vec<Wait>, HostError> {
        let rows = self.rows(WAITS).await?;
        let text = |row: &Row, column: &str| {
            let value = row.get(column).and_then(serde_json::Value::as_str);
            value.unwrap_or_default().to_owned()
        };
        let waits = rows.iter().map(|row| Wait {
            query: text(row, "query"),
            holder: text(row, "holder"),
        });
        Ok(waits.collect())
    }

    async fn end_sessions_from(&self, addresses: &[String]) -> Result<(), HostError> {
        if addresses.is_empty() {
            return Ok(());
        }
        let addresses: Vec<String> = addresses.iter().map(|address| literal(address)).collect();
        self.end_sessions(&format!(
            "datname = {} AND host(client_addr) IN ({})",
            literal(&self.login.database),
            addresses.join(", ")
        ))
        .await
    }

    async fn end_leftovers(&self) -> Result<(), HostError> {
        self.docker.remove_left_tools().await?;
        self.end_own_sessions().await
    }

    async fn dump(
        &self,
        of: &str,
        to: &Path,
        scratch: Option<&str>,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<Backup, HostError> {
        self.of(of).take_dump(to, scratch, progress).await
    }

    async fn clone_as(&self, name: &str) -> Result<(), HostError> {
        self.take_clone(name).await
    }

    async fn restore_into(&self, backup: &Backup, name: &str) -> Result<(), HostError> {
        self.take_restore(backup, name).await
    }

    async fn swap(&self, replacement: &str, aside: &str) -> Result<(), HostError> {
        self.take_swap(replacement, aside).await
    }

    async fn oid(&self, name: &str) -> Result<Option<u32>, HostError> {
        let sql = format!(
            "SELECT oid::bigint AS oid FROM pg_database WHERE datname = {}",
            literal(name)
        );
        let rows = self.query(MAINTENANCE, &sql).await?;
        let oid = rows.first().and_then(|row| row.get("oid")?.as_u64());
        Ok(oid.and_then(|oid| u32::try_from(oid).ok()))
    }
}

/// A string literal.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A quoted identifier.
fn identifier(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}
