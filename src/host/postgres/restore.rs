//! The way back: into a new database first, then both names in one transaction.

use super::dump::same_counts;
use super::{MAINTENANCE, Postgres, count, identifier, literal};
use crate::host::{Backup, HostError, files};

impl Postgres {
    pub(super) async fn take_restore(&self, backup: &Backup, name: &str) -> Result<(), HostError> {
        let (sha256, _) = files::sha256_of(&backup.path)?;
        if sha256 != backup.sha256 {
            return Err(HostError::Unexpected(format!(
                "the backup `{}` is not what was recorded (SHA-256 differs)",
                backup.path.display()
            )));
        }
        let container = self.container().await?;
        let quoted = identifier(name);
        self.execute(
            MAINTENANCE,
            &format!("DROP DATABASE IF EXISTS {quoted} WITH (FORCE)"),
        )
        .await?;
        self.execute(
            MAINTENANCE,
            &format!("CREATE DATABASE {quoted} TEMPLATE template0"),
        )
        .await?;
        let argv = ["pg_restore", "--exit-on-error", "-d", name];
        self.read_dump(&container, &argv, &backup.path, |_| {})
            .await?;
        self.same_rows(name, backup).await
    }

    /// Every table of the backup must be there again, with as many rows.
    async fn same_rows(&self, name: &str, backup: &Backup) -> Result<(), HostError> {
        let mut restored = self.clone();
        name.clone_into(&mut restored.login.database);
        let Some(mut session) = restored.network_session(true).await? else {
            return Ok(());
        };
        let counts = count::in_database(&mut session)
            .await
            .map_err(self.failed(name, "count the rows of"))?;
        same_counts(&backup.tables, &counts)
    }

    pub(super) async fn take_swap(&self, replacement: &str, aside: &str) -> Result<(), HostError> {
        let app = &self.login.database;
        let names = format!("datname IN ({}, {})", literal(app), literal(replacement));
        self.end_sessions(&names).await?;
        self.execute(
            MAINTENANCE,
            &format!(
                "BEGIN; ALTER DATABASE {app} RENAME TO {aside}; \
                 ALTER DATABASE {replacement} RENAME TO {app}; COMMIT",
                app = identifier(app),
                aside = identifier(aside),
                replacement = identifier(replacement),
            ),
        )
        .await
    }
}
