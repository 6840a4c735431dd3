//! What runs, compared with what should: images, revision, what the recipe asserts, and that a
//! plain `docker compose up -d` would change nothing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::event::{Artifact, Checked, Failure, Verdict};
use crate::host::{Compose, Containers, Database, Host, HostError, Images, Row};

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

/// A query whose rows say for themselves whether they are good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rows {
    /// For people.
    pub name: String,
    /// The query, with columns `line` and `ok`.
    pub sql: String,
    /// What to do about rows that are not `ok`.
    pub cure: String,
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
    /// Queries whose rows are shown.
    pub listings: Vec<Rows>,
    /// Whether a plain `up -d` must change nothing.
    pub settled: bool,
}

/// Characters of what was found that are shown.
const LONGEST: usize = 400;
/// Rows of a listing that are shown; more say no more.
const SHOWN: usize = 100;

impl Verify {
    pub(super) async fn run(&self, host: &impl Host) -> Result<Option<Artifact>, Failure> {
        verdict(
            self.compare(host).await?,
            "what was verified is not as it should be",
        )
    }

    /// Everything, one by one; all of it also where something is bad.
    pub(crate) async fn compare(&self, host: &impl Host) -> Result<Vec<Checked>, Failure> {
        let mut checks = Vec::new();
        for (service, image) in &self.images {
            checks.extend(image_of(host, service, image).await?);
        }
        if let Some(revisions) = &self.revisions {
            let heads = revisions.clone();
            let check = super::CheckSchema { heads }.check(host.database()).await;
            checks
                .push(check.unwrap_or_else(|failure| Checked::new("schema", false, failure.error)));
        }
        for check in &self.checks {
            let rows = host.database().rows(&check.sql).await;
            checks.push(check.judge(rows));
        }
        for listing in &self.listings {
            let rows = host.database().rows(&listing.sql).await;
            checks.extend(listing.judge(rows));
        }
        if self.settled {
            checks.push(settled(host.compose()).await?);
        }
        for check in &mut checks {
            let found = host.redactor().redact(&check.found);
            check.found = found.chars().take(LONGEST).collect();
        }
        Ok(checks)
    }
}

/// A failure that names all that is bad, else what was compared.
pub(super) fn verdict(checks: Vec<Checked>, error: &str) -> Result<Option<Artifact>, Failure> {
    let bad = checks.iter().filter(|check| check.verdict == Verdict::Bad);
    let bad: Vec<String> = bad
        .map(|check| format!("{}: {}", check.name, check.found))
        .collect();
    match bad.len() {
        0 => Ok((!checks.is_empty()).then_some(Artifact::Checks { checks })),
        1 => Err(Failure::new(format!("{error}: {}", bad[0]))),
        _ => Err(Failure::new(error).details(bad)),
    }
}

/// None where every container of the service is the one expected, or there is none.
async fn image_of(
    host: &impl Host,
    service: &str,
    image: &str,
) -> Result<Option<Checked>, Failure> {
    let wanted = host.images().id_of(image).await?;
    let containers = host.containers().of_service(service).await?;
    let Some(first) = containers.first() else {
        return Ok(None);
    };
    let other = containers
        .iter()
        .find(|container| Some(&container.image) != wanted.as_ref());
    let found = match other {
        None => format!("running {}", first.image),
        Some(other) => format!(
            "running {}, expected {}",
            other.image,
            wanted.as_deref().unwrap_or("an image that is gone")
        ),
    };
    let name = format!("service `{service}` runs the image it should");
    Ok(Some(Checked::new(name, other.is_none(), found)))
}

async fn settled(compose: &impl Compose) -> Result<Checked, Failure> {
    let again = compose.would_recreate().await?;
    let found = match again.is_empty() {
        true => "nothing would be made anew".to_owned(),
        false => format!("it would make anew: {}", again.join(", ")),
    };
    let name = "a plain `docker compose up -d` would change nothing";
    Ok(Checked::new(name, again.is_empty(), found))
}

impl Check {
    fn judge(&self, rows: Result<Vec<Row>, HostError>) -> Checked {
        let found = match rows {
            Err(error) => Failure::from(error).error,
            Ok(rows) => match rows.first().and_then(|row| row.values().next()) {
                Some(serde_json::Value::String(text)) => text.clone(),
                Some(value) => value.to_string(),
                None => "nothing".to_owned(),
            },
        };
        let good = found == self.equals;
        let told = match good {
            true => format!("found {found}"),
            false => format!("found {found}, expected {}", self.equals),
        };
        Checked::new(&self.name, good, told)
    }
}

impl Rows {
    fn judge(&self, rows: Result<Vec<Row>, HostError>) -> Vec<Checked> {
        let rows = match rows {
            Ok(rows) => rows,
            Err(error) => {
                let failed = Checked::new(&self.name, true, Failure::from(error).error);
                return vec![failed.warning("see why the query of the recipe does not work")];
            }
        };
        let left_out = rows.len().saturating_sub(SHOWN);
        let shown = rows.iter().take(SHOWN).map(|row| {
            let ok = row.get("ok").and_then(serde_json::Value::as_bool) == Some(true);
            let line = row.get("line").and_then(serde_json::Value::as_str);
            let check = Checked::new(&self.name, true, line.unwrap_or_default());
            if ok { check } else { check.warning(&self.cure) }
        });
        let mut shown: Vec<Checked> = shown.collect();
        if left_out > 0 {
            let told = format!("{left_out} more rows are not shown");
            shown.push(Checked::new(&self.name, true, told));
        }
        shown
    }
}
