//! An exact copy of the database within its server, taken when nobody writes any more.

use serde::{Deserialize, Serialize};

use crate::event::{Artifact, Failure};
use crate::host::{Database, HostError};

/// See the file. Half a copy is thrown away; a whole one that an interrupted run has left, too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CloneDatabase {
    /// The app's database.
    pub database: String,
    /// The copy's name.
    pub name: String,
}

impl CloneDatabase {
    pub(super) async fn run(&self, database: &impl Database) -> Result<Option<Artifact>, Failure> {
        database.end_leftovers().await?;
        database.clone_as(&self.name).await?;
        let oid = database.oid(&self.name).await?.ok_or_else(|| {
            HostError::Unexpected(format!(
                "database `{}` is not there right after it was made",
                self.name
            ))
        })?;
        let name = self.name.clone();
        Ok(Some(Artifact::Clone { name, oid }))
    }
}
