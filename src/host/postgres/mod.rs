//! PostgreSQL: over a connection where its address can be reached, else through `psql` in its
//! container; dumps and restores by the container's own tools.

mod connect;
mod count;
mod dump;
mod likeness;
mod restore;

use std::collections::BTreeMap;
use std::path::Path;

use super::docker::Docker;
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
    /// The size of its tables without their indexes: as much as a dump may take.
    pub tables: u64,
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
        }
    }

    /// The same, refusing any server with other data than this.
    #[must_use]
    pub fn expecting(mut self, system: Option<String>) -> Self {
        self.expected = system;
        self
    }

    /// Which database it is.
    pub async fn identity(&self) -> Result<Identity, HostError> {
        let rows = self
            .rows(
                "SELECT (SELECT system_identifier::text FROM pg_control_system()) AS system, \
                 current_setting('server_version') AS version, \
                 pg_database_size(current_database())::text AS size, \
                 (SELECT coalesce(sum(pg_table_size(oid)), 0)::text FROM pg_class \
                  WHERE relkind IN ('r', 'm')) AS tables",
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

    async fn counts(&self, tables: &[String]) -> Result<BTreeMap<String, u64>, HostError> {
        let names: Vec<String> = tables.iter().map(|table| literal(table)).collect();
        let there = format!(
            "SELECT name FROM unnest(ARRAY[{}]::text[]) AS name WHERE to_regclass(name) IS NOT NULL",
            names.join(", ")
        );
        let name = |row: &Row| row.get("name")?.as_str().map(str::to_owned);
        let there: Vec<String> = self.rows(&there).await?.iter().filter_map(name).collect();
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
        let rows = self.rows(&counts.join(" UNION ALL ")).await?;
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
        self.end_sessions(&format!(
            "application_name = {}",
            literal(&self.application)
        ))
        .await
    }

    async fn dump(&self, to: &Path, progress: &(dyn Fn(u64) + Sync)) -> Result<Backup, HostError> {
        self.take_dump(to, progress).await
    }

    async fn restore_into(&self, backup: &Backup, name: &str) -> Result<(), HostError> {
        self.take_restore(backup, name).await
    }

    async fn swap(&self, replacement: &str, aside: &str) -> Result<(), HostError> {
        self.take_swap(replacement, aside).await
    }

    async fn exists(&self, name: &str) -> Result<bool, HostError> {
        let sql = format!(
            "SELECT 1 AS one FROM pg_database WHERE datname = {}",
            literal(name)
        );
        Ok(!self.query(MAINTENANCE, &sql).await?.is_empty())
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
