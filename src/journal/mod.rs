//! The durable record of runs: one SQLite file, appended to before anything is done.
//!
//! It must not know what the events mean, beyond which one opens and which one ends a run.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Row, SqlitePool};
use thiserror::Error;

use crate::event::{Event, Outcome, Record, RunId};

const SCHEMA: &str = include_str!("schema/0001.sql");
const SCHEMA_VERSION: i64 = 1;
/// How long to wait for another process that writes; a write takes milliseconds.
const BUSY: Duration = Duration::from_secs(10);

/// The journal could not be used.
#[derive(Debug, Error)]
pub enum JournalError {
    /// SQLite said no.
    #[error("cannot {what} in the journal `{}`: {source}", path.display())]
    Sqlite {
        /// What was attempted.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: sqlx::Error,
    },
    /// The file could not be made.
    #[error("cannot create the journal `{}`: {source}", path.display())]
    Create {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The project has a run that is not through.
    #[error("run {run} of this project is still open")]
    OpenRun {
        /// The run.
        run: RunId,
    },
    /// Something in it cannot be read.
    #[error("the journal `{}` holds something that cannot be read: {why}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What.
        why: String,
    },
}

/// SQLite's code for a file that has to be rolled back first.
const READONLY_ROLLBACK: &str = "776";

impl JournalError {
    fn is_half_written(&self) -> bool {
        let Self::Sqlite { source, .. } = self else {
            return false;
        };
        let code = source
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::code);
        code.is_some_and(|code| code == READONLY_ROLLBACK)
    }
}

/// One line of the history.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRow {
    /// The run.
    pub run: RunId,
    /// When it was opened.
    pub started_at: String,
    /// How it ended; none while it is under way.
    pub outcome: Option<Outcome>,
    /// Whether `resume` or `rollback` has to bring it to an end.
    pub open: bool,
}

/// A journal file. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Journal {
    pool: SqlitePool,
    path: PathBuf,
}

impl Journal {
    /// Opens the journal at `path`; makes it, with mode 0600, where there is none.
    pub async fn open(path: &Path) -> Result<Self, JournalError> {
        create_private(path).map_err(|source| JournalError::Create {
            path: path.to_owned(),
            source,
        })?;
        let journal = Self::connect(path, false).await?;
        journal.migrate().await?;
        Ok(journal)
    }

    /// Opens an existing journal to read it; none where there is no file.
    pub async fn open_to_read(path: &Path) -> Result<Option<Self>, JournalError> {
        if !path.exists() {
            return Ok(None);
        }
        match Self::connect(path, true).await {
            Err(error) if error.is_half_written() => {
                // Its writer was killed while it wrote. SQLite takes that back for whoever may
                // write, then it can be read.
                Self::connect(path, false).await?.pool.close().await;
                Self::connect(path, true).await.map(Some)
            }
            opened => opened.map(Some),
        }
    }

    async fn connect(path: &Path, read_only: bool) -> Result<Self, JournalError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .read_only(read_only)
            .busy_timeout(BUSY)
            .foreign_keys(true)
            // A rollback journal, not WAL: a reader then needs to write nothing.
            .journal_mode(SqliteJournalMode::Delete)
            .synchronous(SqliteSynchronous::Extra)
            .disable_statement_logging();
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_with(options)
            .await
            .map_err(|source| JournalError::Sqlite {
                what: "open a connection",
                path: path.to_owned(),
                source,
            })?;
        Ok(Self {
            pool,
            path: path.to_owned(),
        })
    }

    async fn migrate(&self) -> Result<(), JournalError> {
        let failed = self.failed("create the tables");
        let mut transaction = self
            .pool
            .begin_with("BEGIN IMMEDIATE")
            .await
            .map_err(&failed)?;
        let version: i64 = sqlx::query("PRAGMA user_version")
            .fetch_one(&mut *transaction)
            .await
            .map_err(&failed)?
            .get(0);
        match version {
            0 => {
                sqlx::raw_sql(SCHEMA)
                    .execute(&mut *transaction)
                    .await
                    .map_err(&failed)?;
                sqlx::raw_sql("PRAGMA user_version = 1")
                    .execute(&mut *transaction)
                    .await
                    .map_err(&failed)?;
            }
            SCHEMA_VERSION => {}
            newer => {
                return Err(self.unreadable(format!(
                    "it was written by a newer eneo-upgrade (schema {newer})"
                )));
            }
        }
        transaction.commit().await.map_err(&failed)
    }

    /// Appends a record; it is on disk when this returns. The first one of a run opens it.
    pub async fn append(&self, record: &Record) -> Result<(), JournalError> {
        let failed = self.failed("append a record");
        let json = serde_json::to_string(record).map_err(|e| self.unreadable(e.to_string()))?;
        let seq = i64::try_from(record.seq).map_err(|e| self.unreadable(e.to_string()))?;
        let mut transaction = self.pool.begin().await.map_err(&failed)?;
        if let Event::RunStarted { project, .. } = &record.event {
            let opened = sqlx::query("INSERT INTO run (id, project, started_at) VALUES (?, ?, ?)")
                .bind(record.run.as_str())
                .bind(project)
                .bind(record.at.to_string())
                .execute(&mut *transaction)
                .await;
            if let Err(error) = opened {
                let taken = error
                    .as_database_error()
                    .is_some_and(sqlx::error::DatabaseError::is_unique_violation);
                drop(transaction);
                return match self.open_run(project).await? {
                    Some(run) if taken => Err(JournalError::OpenRun { run }),
                    _ => Err(failed(error)),
                };
            }
        }
        sqlx::query("INSERT INTO record (run, seq, json) VALUES (?, ?, ?)")
            .bind(record.run.as_str())
            .bind(seq)
            .bind(json)
            .execute(&mut *transaction)
            .await
            .map_err(&failed)?;
        let ended = match &record.event {
            Event::RunEnded { outcome, .. } => {
                Some((Some(*outcome), *outcome == Outcome::NeedsAttention))
            }
            Event::RunResumed => Some((None, true)),
            _ => None,
        };
        if let Some((outcome, open)) = ended {
            sqlx::query("UPDATE run SET outcome = ?, open = ? WHERE id = ?")
                .bind(outcome.map(outcome_text))
                .bind(open)
                .bind(record.run.as_str())
                .execute(&mut *transaction)
                .await
                .map_err(&failed)?;
        }
        transaction.commit().await.map_err(&failed)
    }

    /// The records of a run, in order.
    pub async fn records(&self, run: &RunId) -> Result<Vec<Record>, JournalError> {
        sqlx::query("SELECT json FROM record WHERE run = ? ORDER BY seq")
            .bind(run.as_str())
            .fetch_all(&self.pool)
            .await
            .map_err(self.failed("read a run"))?
            .into_iter()
            .map(|row| {
                serde_json::from_str(row.get::<&str, _>(0))
                    .map_err(|error| self.unreadable(format!("run {run}: {error}")))
            })
            .collect()
    }

    /// The run of `project` that is not through, if any.
    pub async fn open_run(&self, project: &str) -> Result<Option<RunId>, JournalError> {
        sqlx::query("SELECT id FROM run WHERE project = ? AND open = 1")
            .bind(project)
            .fetch_optional(&self.pool)
            .await
            .map_err(self.failed("look for an open run"))?
            .map(|row| self.run_id(row.get(0)))
            .transpose()
    }

    /// All runs, newest first.
    pub async fn runs(&self) -> Result<Vec<RunRow>, JournalError> {
        sqlx::query("SELECT id, started_at, outcome, open FROM run ORDER BY started_at DESC, id")
            .fetch_all(&self.pool)
            .await
            .map_err(self.failed("list the runs"))?
            .into_iter()
            .map(|row| {
                Ok(RunRow {
                    run: self.run_id(row.get(0))?,
                    started_at: row.get(1),
                    outcome: row
                        .get::<Option<String>, _>(2)
                        .map(|text| self.outcome(&text))
                        .transpose()?,
                    open: row.get::<i64, _>(3) == 1,
                })
            })
            .collect()
    }

    fn run_id(&self, text: &str) -> Result<RunId, JournalError> {
        RunId::from_str(text).map_err(|why| self.unreadable(why))
    }

    fn outcome(&self, text: &str) -> Result<Outcome, JournalError> {
        serde_json::from_value(serde_json::Value::from(text))
            .map_err(|error| self.unreadable(error.to_string()))
    }

    fn failed(&self, what: &'static str) -> impl Fn(sqlx::Error) -> JournalError {
        let path = self.path.clone();
        move |source| JournalError::Sqlite {
            what,
            path: path.clone(),
            source,
        }
    }

    fn unreadable(&self, why: String) -> JournalError {
        JournalError::Unreadable {
            path: self.path.clone(),
            why,
        }
    }
}

fn outcome_text(outcome: Outcome) -> String {
    match serde_json::to_value(outcome) {
        Ok(serde_json::Value::String(text)) => text,
        _ => outcome.to_string(),
    }
}

fn create_private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map(drop)
}
