//! The schema revision is the proof that a migration took place; a log line is not.

use serde::{Deserialize, Serialize};

use crate::event::{Artifact, Checked, Failure};
use crate::host::Database;

/// See the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckSchema {
    /// The revisions that the database must be at, sorted.
    pub heads: Vec<String>,
}

impl CheckSchema {
    pub(super) fn title(&self) -> String {
        match self.heads.is_empty() {
            true => "check that the schema is at the new image's head".to_owned(),
            false => format!("check that the schema is at {}", self.heads.join(", ")),
        }
    }

    pub(super) async fn run(&self, database: &impl Database) -> Result<Option<Artifact>, Failure> {
        let check = self.check(database).await?;
        super::verify::verdict(vec![check], "the schema is not what the new release needs")
    }

    pub(crate) async fn check(&self, database: &impl Database) -> Result<Checked, Failure> {
        let found = database.revisions().await?.unwrap_or_default();
        let heads = self.heads.join(", ");
        let told = match found.is_empty() {
            true => "the database has no revision at all".to_owned(),
            false => format!("the database is at {}", found.join(", ")),
        };
        let name = format!("the schema is at {heads}");
        Ok(Checked::new(name, found == self.heads, told))
    }
}
