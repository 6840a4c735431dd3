//! Jobs of the app, as a query tells them.

use serde::{Deserialize, Serialize};

use super::{Database, HostError, Row};
use crate::event::Job;

/// How to ask for jobs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobQuery {
    /// The query.
    pub sql: String,
    /// Seconds of silence after which a job counts as dead.
    pub stale_seconds: u64,
}

/// The jobs that a query tells.
pub async fn jobs(database: &impl Database, query: &JobQuery) -> Result<Vec<Job>, HostError> {
    let rows = database.rows(&query.sql).await?;
    Ok(rows
        .iter()
        .map(|row| job(row, query.stale_seconds))
        .collect())
}

fn job(row: &Row, stale_seconds: u64) -> Job {
    let text = |column: &str| match row.get(column) {
        Some(serde_json::Value::String(text)) => text.clone(),
        None | Some(serde_json::Value::Null) => String::new(),
        Some(other) => other.to_string(),
    };
    let seconds = |column: &str| row.get(column).and_then(serde_json::Value::as_u64);
    let quiet = seconds("quiet").unwrap_or(0);
    Job {
        id: text("id"),
        label: text("label"),
        progress: text("progress"),
        age: seconds("age").unwrap_or(0),
        quiet,
        remaining: seconds("remaining"),
        dead: quiet >= stale_seconds,
    }
}
