//! Is it the database it was? The same server's data, in the same place, with the rows that no
//! migration touches.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Manifest;
use crate::event::{Artifact, Checked, Failure};
use crate::host::{Containers, Database, Host};

/// See the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckIdentity {
    /// The database's service, where in it the data is, and what was mounted there.
    pub place: Option<DataPlace>,
    /// The app's database.
    pub database: String,
    /// Where its rows are as they were before.
    pub before: Option<Known>,
    /// Tables in which no migration adds or removes a row.
    pub sentinels: Vec<String>,
    /// Whether the migration has been.
    pub migrated: bool,
}

/// Where the rows of a database are known from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Known {
    /// A copy within the server, by name.
    Clone(String),
    /// The manifest of a dump.
    Manifest(PathBuf),
}

/// Where a database server's files are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataPlace {
    /// The service.
    pub service: String,
    /// The volume's name, or the path that is bound.
    pub source: String,
}

impl CheckIdentity {
    pub(super) fn moment(&self) -> &'static str {
        match self.migrated {
            true => "after",
            false => "before",
        }
    }

    pub(super) async fn run(&self, host: &impl Host) -> Result<Option<Artifact>, Failure> {
        let mut checks = Vec::new();
        if let Some(place) = &self.place {
            checks.push(place.check(host.containers()).await?);
        }
        // Every session is refused by a server with another system identifier.
        host.database().revisions().await?;
        if let Some(before) = &self.before {
            checks.extend(self.rows(host.database(), before).await?);
        }
        super::verify::verdict(checks, "this is not the database that was there before")
    }

    /// Tables that were not there are left out.
    async fn rows(
        &self,
        database: &impl Database,
        before: &Known,
    ) -> Result<Vec<Checked>, Failure> {
        let tables = self.sentinels.iter().map(|table| format!("public.{table}"));
        let tables: Vec<String> = tables.collect();
        let before = match before {
            Known::Clone(name) => database.counts(name, &tables).await?,
            Known::Manifest(path) => Manifest::read(path)?.backup.tables,
        };
        let known = |table: &String| before.contains_key(table);
        let tables: Vec<String> = tables.into_iter().filter(known).collect();
        let found = database.counts(&self.database, &tables).await?;
        let check = |table: &String| {
            let (before, found) = (before.get(table), found.get(table));
            let told = match (before, found) {
                (_, None) => "no such table".to_owned(),
                (Some(before), Some(found)) if before != found => {
                    format!("{found} rows, not {before}")
                }
                (_, Some(found)) => format!("{found} rows"),
            };
            let name = format!("`{table}` has as many rows as before");
            Checked::new(name, before == found, told)
        };
        Ok(tables.iter().map(check).collect())
    }
}

impl DataPlace {
    pub(crate) async fn check(&self, containers: &impl Containers) -> Result<Checked, Failure> {
        let found = containers.of_service(&self.service).await?;
        let there = found.iter().all(|container| {
            let mut mounts = container.mounts.values();
            mounts.any(|mounted| mounted.source == self.source)
        });
        Ok(Checked::new(
            format!(
                "service `{}` has its data in `{}`",
                self.service, self.source
            ),
            there,
            if there { "it has" } else { "it has not" },
        ))
    }
}
