//! A copy of the database within its server: as exact as its files, and there within moments.

use super::{Postgres, identifier};
use crate::host::HostError;

impl Postgres {
    pub(super) async fn take_clone(&self, name: &str) -> Result<(), HostError> {
        let app = self.login.database.as_str();
        self.drop_database(name).await?;
        // `FILE_COPY` copies files; `WAL_LOG`, the default, writes every page to the log, too.
        let copy = format!(
            "CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY",
            identifier(name),
            identifier(app)
        );
        self.alone(&[app], &copy).await?;
        self.copy_attributes(app, name).await
    }
}
