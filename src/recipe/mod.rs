//! What the tool knows about an app, as data: text in, types out.
//!
//! It must not know Docker, databases or files; it names things for those who do.

mod infer;

use std::collections::BTreeMap;

use serde::Deserialize;
use thiserror::Error;

pub use infer::{Candidate, infer};

const BUILT_IN: [&str; 1] = [include_str!("../../compose-templates/eneo/recipe.toml")];

/// A recipe could not be read.
#[derive(Debug, Error)]
pub enum RecipeError {
    /// Not TOML, or not a recipe.
    #[error("cannot read the recipe {origin}: {source}")]
    Parse {
        /// Where it came from.
        origin: String,
        /// What is wrong, with its line.
        source: Box<toml::de::Error>,
    },
    /// A query that is not one reading statement.
    #[error("recipe `{recipe}`: `{key}` must be one SELECT or WITH statement")]
    NotOneQuery {
        /// The recipe.
        recipe: String,
        /// The key.
        key: String,
    },
}

/// Everything known about one app.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Short name.
    pub name: String,
    /// Name for people.
    pub title: String,
    /// The recipe applies when a service's image has this name.
    #[serde(default)]
    pub match_image: Option<String>,
    /// Names of the images that carry the release.
    #[serde(default)]
    pub release_images: Vec<String>,
    /// Who does what.
    #[serde(default)]
    pub roles: Roles,
    /// Where the login to the database comes from.
    #[serde(default)]
    pub database: Option<DatabaseLogin>,
    /// How the schema is migrated.
    #[serde(default)]
    pub migration: Option<Migration>,
    /// How services are stopped.
    #[serde(default)]
    pub stop: Stop,
    /// What to wait for before stopping.
    #[serde(default)]
    pub drain: Option<Drain>,
    /// What must hold after an upgrade.
    #[serde(default, rename = "assertion")]
    pub assertions: Vec<Assertion>,
    /// How to ask the app whether it is well.
    #[serde(default)]
    pub health: Option<Health>,
}

/// The services of the app by what they do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Roles {
    /// Takes the requests from outside.
    pub entry: Option<String>,
    /// The database server.
    pub database: Option<String>,
    /// The queue server.
    pub queue: Option<String>,
    /// Runs once and migrates the schema.
    pub migration: Option<String>,
    /// Work in the background.
    pub worker: Vec<String>,
    /// Other services that write to the database.
    pub writers: Vec<String>,
}

/// Names of the environment variables that hold the login.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseLogin {
    /// The service whose environment is read.
    pub credentials_of: String,
    /// Variable with the host.
    pub host: String,
    /// Variable with the port; 5432 where it is not set.
    pub port: String,
    /// Variable with the user.
    pub user: String,
    /// Variable with the password.
    pub password: String,
    /// Variable with the database's name.
    pub name: String,
}

/// How the schema is migrated (Alembic).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Migration {
    /// Folder of the revisions within the image.
    pub versions: String,
    /// Whether all pending revisions run in one transaction.
    pub transactional: bool,
}

/// How services are stopped.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Stop {
    /// Seconds from the stop signal to the kill.
    pub grace_seconds: u32,
}

impl Default for Stop {
    /// Docker's own default.
    fn default() -> Self {
        Self { grace_seconds: 10 }
    }
}

/// What to wait for before the worker is stopped.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drain {
    /// A query with columns `id`, `label`, `progress`, `age`, `quiet`.
    pub active: String,
    /// Seconds of silence after which a job counts as dead.
    pub stale_seconds: u64,
    /// How to keep new jobs from being fed.
    #[serde(default)]
    pub hold: Option<Hold>,
}

/// A key in the queue server whose holder feeds jobs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hold {
    /// The key.
    pub key: String,
    /// Seconds after which our hold lapses by itself, should we die.
    pub ttl_seconds: u64,
}

/// A query whose one value must be what is said here.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assertion {
    /// For people.
    pub name: String,
    /// The query.
    pub sql: String,
    /// Its value, as text.
    pub equals: String,
    /// Applies to schemas that contain this revision; to all where it is missing.
    #[serde(default)]
    pub since: Option<String>,
}

/// An HTTP endpoint that tells whether the app is well.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Health {
    /// The service that answers.
    pub service: String,
    /// Its port within the network of the project.
    pub port: u16,
    /// The path, with its slash.
    pub path: String,
    /// JSON pointer to what must hold before the worker runs.
    pub pointer: String,
    /// The value there.
    pub equals: String,
    /// Seconds that services may take.
    pub window_seconds: u64,
}

impl Recipe {
    /// Reads a recipe; `origin` names it in errors.
    pub fn parse(text: &str, origin: &str) -> Result<Self, RecipeError> {
        let recipe: Self = toml::from_str(text).map_err(|source| RecipeError::Parse {
            origin: origin.to_owned(),
            source: Box::new(source),
        })?;
        let drain = recipe
            .drain
            .iter()
            .map(|drain| ("drain.active", &drain.active));
        let assertions = recipe.assertions.iter().map(|a| ("assertion.sql", &a.sql));
        for (key, sql) in drain.chain(assertions) {
            if !is_one_query(sql) {
                return Err(RecipeError::NotOneQuery {
                    recipe: recipe.name.clone(),
                    key: key.to_owned(),
                });
            }
        }
        Ok(recipe)
    }

    /// The built-in recipe for a project, by the images of its services.
    pub fn built_in(images: &BTreeMap<String, String>) -> Result<Option<Self>, RecipeError> {
        for text in BUILT_IN {
            let recipe = Self::parse(text, "that is built in")?;
            let wanted = recipe.match_image.as_deref();
            if wanted.is_some()
                && images
                    .values()
                    .any(|image| Some(image_name(image)) == wanted)
            {
                return Ok(Some(recipe));
            }
        }
        Ok(None)
    }

    /// Whether the image carries the app's release.
    pub fn carries_release(&self, image: &str) -> bool {
        self.release_images
            .iter()
            .any(|name| name == image_name(image))
    }
}

/// The last part of an image's repository: `eneo-backend` of `host:5000/x/eneo-backend:v1@sha…`.
pub fn image_name(image: &str) -> &str {
    let repository = image.split('@').next().unwrap_or(image);
    let last = repository.rsplit('/').next().unwrap_or(repository);
    last.split(':').next().unwrap_or(last)
}

/// A guard against mistakes, not against malice: recipe SQL is trusted like the compose file.
fn is_one_query(sql: &str) -> bool {
    let sql = sql.trim();
    let first = sql
        .split_whitespace()
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    matches!(first.as_str(), "select" | "with") && !sql.contains(';')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_recipe_reads() {
        for text in BUILT_IN {
            Recipe::parse(text, "built in").expect("reads");
        }
    }

    #[test]
    fn a_recipe_is_found_by_the_name_of_an_image() {
        let images = |image: &str| BTreeMap::from([("backend".to_owned(), image.to_owned())]);
        for image in [
            "eneo-backend",
            "host:5000/org/eneo-backend:v1.6.3@sha256:00",
        ] {
            assert!(
                Recipe::built_in(&images(image)).expect("reads").is_some(),
                "{image}"
            );
        }
        assert_eq!(
            Recipe::built_in(&images("eneo-backend-debug")).expect("reads"),
            None
        );
    }

    #[test]
    fn statements_that_are_not_one_query_are_refused() {
        for sql in ["DELETE FROM jobs", "SELECT 1; DELETE FROM jobs", ""] {
            let text = format!(
                "name = 'x'\ntitle = 'X'\n[[assertion]]\nname = 'a'\nsql = '{sql}'\nequals = '0'"
            );
            let error = Recipe::parse(&text, "of this test").expect_err("refused");
            assert!(
                matches!(error, RecipeError::NotOneQuery { .. }),
                "{sql}: {error}"
            );
        }
    }
}
