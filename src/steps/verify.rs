//! What runs, compared with what should: images, revision, and what the recipe asserts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::event::{Artifact, Failure};
use crate::host::{Containers, Database, Host, Images};

/// A query and the one value it must give.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// For people.
    pub name: String,
    /// The query.
    pub sql: String,
    /// Its value, as text.
    pub equals: String,
}

/// See the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verify {
    /// What is verified, for people.
    pub stage: String,
    /// Service to the image it must run: an id, or a tag of ours.
    pub images: BTreeMap<String, String>,
    /// The revisions the database must be at, sorted; none where they are not known.
    pub revisions: Option<Vec<String>>,
    /// Queries.
    pub checks: Vec<Check>,
}

impl Verify {
    pub(super) async fn run(&self, host: &impl Host) -> Result<Option<Artifact>, Failure> {
        for (service, image) in &self.images {
            let wanted = host.images().id_of(image).await?;
            for container in host.containers().of_service(service).await? {
                if Some(&container.image) != wanted.as_ref() {
                    return Err(Failure::new(format!(
                        "service `{service}` does not run the image it should"
                    ))
                    .details(vec![format!(
                        "running {}, expected {}",
                        container.image,
                        wanted.as_deref().unwrap_or("an image that is gone")
                    )]));
                }
            }
        }
        if let Some(revisions) = &self.revisions {
            let heads = revisions.clone();
            super::CheckSchema { heads }.run(host.database()).await?;
        }
        for check in &self.checks {
            check.run(host.database()).await?;
        }
        Ok(None)
    }
}

impl Check {
    async fn run(&self, database: &impl Database) -> Result<(), Failure> {
        let rows = database.rows(&self.sql).await?;
        let value = rows.first().and_then(|row| row.values().next());
        let found = match value {
            Some(serde_json::Value::String(text)) => text.clone(),
            Some(value) => value.to_string(),
            None => "nothing".to_owned(),
        };
        if found == self.equals {
            return Ok(());
        }
        Err(Failure::new(format!(
            "the check \"{}\" failed: found {found}, expected {}",
            self.name, self.equals
        )))
    }
}
