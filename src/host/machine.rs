//! The real world: the adapters of one project, put together.

use std::collections::BTreeMap;
use std::path::Path;

use super::compose::DockerCompose;
use super::docker::Docker;
use super::postgres::Postgres;
use super::queue::Redis;
use super::{Backup, Database, Host, HostError, Limits, Redactor, Row, Wait};

/// The adapters of one project.
pub struct Machine {
    /// The engine, seen by the project.
    pub docker: Docker,
    /// Compose on the project.
    pub compose: DockerCompose,
    /// The app's database, where the login is known.
    pub database: Option<Postgres>,
    /// The app's queue.
    pub queue: Redis,
    /// Knows the project's secrets.
    pub redactor: Redactor,
    /// What somebody has said since the plan was made.
    pub limits: Limits,
}

impl Host for Machine {
    type Images = Docker;
    type Containers = Docker;
    type Compose = DockerCompose;
    type Database = Option<Postgres>;
    type Queue = Redis;

    fn images(&self) -> &Docker {
        &self.docker
    }

    fn containers(&self) -> &Docker {
        &self.docker
    }

    fn compose(&self) -> &DockerCompose {
        &self.compose
    }

    fn database(&self) -> &Option<Postgres> {
        &self.database
    }

    fn queue(&self) -> &Redis {
        &self.queue
    }

    fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    fn limits(&self) -> Limits {
        self.limits
    }
}

fn known<T>(database: Option<&T>) -> Result<&T, HostError> {
    database.ok_or_else(|| {
        HostError::Unexpected("nothing is known about the database of this app".to_owned())
    })
}

impl<T: Database> Database for Option<T> {
    async fn revisions(&self) -> Result<Option<Vec<String>>, HostError> {
        known(self.as_ref())?.revisions().await
    }

    async fn rows(&self, sql: &str) -> Result<Vec<Row>, HostError> {
        known(self.as_ref())?.rows(sql).await
    }

    async fn update(&self, sql: &str) -> Result<(), HostError> {
        known(self.as_ref())?.update(sql).await
    }

    async fn counts(
        &self,
        of: &str,
        tables: &[String],
    ) -> Result<BTreeMap<String, u64>, HostError> {
        known(self.as_ref())?.counts(of, tables).await
    }

    async fn waits(&self) -> Result<Vec<Wait>, HostError> {
        match self {
            Some(database) => database.waits().await,
            None => Ok(Vec::new()),
        }
    }

    async fn end_sessions_from(&self, addresses: &[String]) -> Result<(), HostError> {
        match self {
            Some(database) => database.end_sessions_from(addresses).await,
            None => Ok(()),
        }
    }

    async fn end_leftovers(&self) -> Result<(), HostError> {
        match self {
            Some(database) => database.end_leftovers().await,
            // What cannot be reached holds no session of ours.
            None => Ok(()),
        }
    }

    async fn dump(
        &self,
        of: &str,
        to: &Path,
        scratch: Option<&str>,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<Backup, HostError> {
        let database = known(self.as_ref())?;
        database.dump(of, to, scratch, progress).await
    }

    async fn clone_as(&self, name: &str) -> Result<(), HostError> {
        known(self.as_ref())?.clone_as(name).await
    }

    async fn restore_into(&self, backup: &Backup, name: &str) -> Result<(), HostError> {
        known(self.as_ref())?.restore_into(backup, name).await
    }

    async fn swap(&self, replacement: &str, aside: &str) -> Result<(), HostError> {
        known(self.as_ref())?.swap(replacement, aside).await
    }

    async fn oid(&self, name: &str) -> Result<Option<u32>, HostError> {
        known(self.as_ref())?.oid(name).await
    }
}
