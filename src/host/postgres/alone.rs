//! Statements that need a database without sessions.

use std::convert::Infallible;
use std::time::Duration;

use super::{MAINTENANCE, Postgres, literal};
use crate::host::HostError;

/// How often sessions are ended while the statement waits for them to be gone.
const AGAIN: Duration = Duration::from_millis(200);

impl Postgres {
    /// Runs a statement that takes databases for itself: copies or renames them.
    ///
    /// PostgreSQL locks them first, so that no session can begin, and then waits up to five
    /// seconds for those that are there to go. They are ended just then: a client that comes back
    /// at once has to wait for the statement. Nothing is left behind when we are killed, as
    /// `ALLOW_CONNECTIONS false` would be.
    pub(super) async fn alone(&self, databases: &[&str], sql: &str) -> Result<(), HostError> {
        let names: Vec<String> = databases.iter().map(|name| literal(name)).collect();
        let theirs = format!("datname IN ({})", names.join(", "));
        let administrator = self.administrator().await?;
        let server = administrator.as_ref().unwrap_or(self);
        tokio::select! {
            done = server.execute(MAINTENANCE, sql) => done,
            never = server.keep_ending(&theirs) => match never {},
        }
    }

    async fn keep_ending(&self, condition: &str) -> Infallible {
        loop {
            // One that may not be ended keeps the statement from working, which says so.
            let _ = self.end_sessions(condition).await;
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// Changes something of the server's. A role of the app's that may not make databases gives
    /// way to the server's own administrator, where its container lets one in.
    pub(super) async fn administer(&self, sql: &str) -> Result<(), HostError> {
        let administrator = self.administrator().await?;
        let server = administrator.as_ref().unwrap_or(self);
        server.execute(MAINTENANCE, sql).await
    }
}
