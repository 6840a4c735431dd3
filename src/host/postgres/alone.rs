//! Statements that need a database without sessions.

use std::convert::Infallible;
use std::time::Duration;

use super::{MAINTENANCE, Postgres, literal};
use crate::host::HostError;

/// A session that waits to be let in is not among those that the server shows, but its lock is.
const END: &str = "\
    SELECT pg_terminate_backend(pid) AS ended FROM ( \
      SELECT pid FROM pg_stat_activity WHERE datname IN (:databases) \
      UNION SELECT l.pid FROM pg_locks l JOIN pg_database d ON d.oid = l.objid \
      WHERE l.locktype = 'object' AND l.classid = 'pg_database'::regclass AND NOT l.granted \
        AND d.datname IN (:databases) \
        AND l.pid NOT IN (SELECT pid FROM pg_stat_activity WHERE application_name = :ours) \
    ) AS sessions WHERE pid <> pg_backend_pid()";

/// How often sessions are ended while the statement waits for them to be gone.
const AGAIN: Duration = Duration::from_millis(200);

impl Postgres {
    /// Runs a statement that takes databases for itself: copies or renames them.
    ///
    /// PostgreSQL locks them first, so that no session can begin, and then waits up to five
    /// seconds for those that are there to go. They are ended just then, and so is who comes back
    /// until the statement is through. Nothing is left behind when we are killed, as
    /// `ALLOW_CONNECTIONS false` would be.
    pub(super) async fn alone(&self, databases: &[&str], sql: &str) -> Result<(), HostError> {
        let administrator = self.administrator().await?;
        let server = administrator.as_ref().unwrap_or(self);
        tokio::select! {
            done = server.execute(MAINTENANCE, sql) => done,
            never = self.keep_ending(databases) => match never {},
        }
    }

    /// Ends those that are there and those that wait to be let in: a copy may take minutes, and a
    /// health check that is given up by the engine meanwhile ends as an orphan of the server, which
    /// takes its exit code for that of a crashed process of its own and starts anew.
    async fn keep_ending(&self, databases: &[&str]) -> Infallible {
        let names: Vec<String> = databases.iter().map(|name| literal(name)).collect();
        let sql = END
            .replace(":databases", &names.join(", "))
            .replace(":ours", &literal(&self.application));
        // Nobody else may end the sessions of a superuser.
        let superuser = self.superuser().await.ok().flatten();
        loop {
            for server in superuser.iter().chain([self]) {
                // One that may not be ended keeps the statement from working, which says so.
                let _ = server.query(MAINTENANCE, &sql).await;
            }
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
