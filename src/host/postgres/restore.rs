//! The way back: into a new database first, then both names in one transaction.

use super::dump::same_counts;
use super::{Postgres, count, identifier};
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
        self.drop_database(name).await?;
        let quoted = identifier(name);
        self.administer(&format!("CREATE DATABASE {quoted} TEMPLATE template0"))
            .await?;
        self.copy_attributes(&self.login.database, name).await?;
        let argv = ["pg_restore", "--exit-on-error", "-d", name];
        let administrator = self.administrator().await?;
        let restorer = administrator.as_ref().unwrap_or(self);
        restorer
            .read_dump(&container, &argv, &backup.path, |_| {})
            .await?;
        self.same_rows(name, backup).await
    }

    /// Every table of the backup must be there again, with as many rows.
    async fn same_rows(&self, name: &str, backup: &Backup) -> Result<(), HostError> {
        let Some(mut session) = self.on(name).network_session(true).await? else {
            return Ok(());
        };
        let counts = count::in_database(&mut session)
            .await
            .map_err(self.failed(name, "count the rows of"))?;
        same_counts(&backup.tables, &counts)
    }

    pub(super) async fn take_swap(&self, replacement: &str, aside: &str) -> Result<(), HostError> {
        let app = &self.login.database;
        let rename = |from: &str, to: &str| {
            let (from, to) = (identifier(from), identifier(to));
            format!("ALTER DATABASE {from} RENAME TO {to}")
        };
        let swap = [rename(app, aside), rename(replacement, app)].join("; ");
        self.alone(&[app, replacement], &format!("BEGIN; {swap}; COMMIT"))
            .await
    }
}
