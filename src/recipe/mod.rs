//! What the tool knows about an app, as data: text in, types out.
//!
//! It must not know Docker, databases or files; it names things for those who do.

mod infer;
mod keys;
mod reference;
mod release;

use std::collections::BTreeMap;

use thiserror::Error;

pub use infer::{Candidate, Inferred, infer};
pub use keys::{
    Assertion, BackupSet, DatabaseLogin, Drain, Evidence, Format, Health, Hold, Interrupted,
    Listing, Migration, Recipe, Release, Roles, Stop, Variable,
};
pub use reference::{Reference, image_name};
pub use release::compare;

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
    /// A statement of another kind than its key takes.
    #[error("recipe `{recipe}`: `{key}` must be one {wanted} statement")]
    NotOneStatement {
        /// The recipe.
        recipe: String,
        /// The key.
        key: String,
        /// The kinds that it takes.
        wanted: String,
    },
}

impl Recipe {
    /// Reads a recipe; `origin` names it in errors.
    pub fn parse(text: &str, origin: &str) -> Result<Self, RecipeError> {
        let recipe: Self = toml::from_str(text).map_err(|source| RecipeError::Parse {
            origin: origin.to_owned(),
            source: Box::new(source),
        })?;
        let queries = recipe.queries().into_iter();
        let updates = recipe.updates().into_iter();
        for (key, sql, kinds) in queries
            .map(|(key, sql)| (key, sql, &["SELECT", "WITH"][..]))
            .chain(updates.map(|(key, sql)| (key, sql, &["UPDATE"][..])))
        {
            if !is_one_statement(sql, kinds) {
                return Err(RecipeError::NotOneStatement {
                    recipe: recipe.name.clone(),
                    key: key.to_owned(),
                    wanted: kinds.join(" or "),
                });
            }
        }
        Ok(recipe)
    }

    /// Everything that is asked of the database, by key.
    fn queries(&self) -> Vec<(&'static str, &str)> {
        let mut queries: Vec<(&'static str, &str)> = Vec::new();
        if let Some(drain) = &self.drain {
            queries.push(("drain.active", &drain.active));
            queries.extend(
                drain
                    .queued
                    .iter()
                    .map(|sql| ("drain.queued", sql.as_str())),
            );
            if let Some(interrupted) = &drain.interrupted {
                queries.push(("drain.interrupted.requeue", &interrupted.requeue));
                queries.push(("drain.interrupted.cut_short", &interrupted.cut_short));
            }
        }
        let migration = self.migration.iter().filter_map(|m| m.evidence.as_ref());
        queries.extend(migration.map(|e| ("migration.evidence.when", e.when.as_str())));
        queries.extend(
            self.assertions
                .iter()
                .map(|a| ("assertion.sql", a.sql.as_str())),
        );
        queries.extend(
            self.listings
                .iter()
                .map(|l| ("listing.sql", l.sql.as_str())),
        );
        let conditions = self.variables.iter().filter_map(|v| v.when.as_deref());
        queries.extend(conditions.map(|sql| ("variable.when", sql)));
        queries
    }

    /// Everything that changes rows, by key.
    fn updates(&self) -> Vec<(&'static str, &str)> {
        let drain = self.drain.iter();
        let interrupted = drain.filter_map(|drain| drain.interrupted.as_ref());
        interrupted
            .flat_map(|i| {
                let refresh = i.refresh_queued.as_deref();
                [
                    Some(("drain.interrupted.mark_queued", i.mark_queued.as_str())),
                    Some(("drain.interrupted.mark_failed", i.mark_failed.as_str())),
                    refresh.map(|sql| ("drain.interrupted.refresh_queued", sql)),
                ]
            })
            .flatten()
            .collect()
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

    /// Every question with the answer yes or no, each once.
    pub fn conditions(&self) -> impl Iterator<Item = &str> {
        let evidence = self.migration.iter().filter_map(|m| m.evidence.as_ref());
        let variables = self.variables.iter().filter_map(|v| v.when.as_deref());
        let all = variables.chain(evidence.map(|evidence| evidence.when.as_str()));
        all.collect::<std::collections::BTreeSet<_>>().into_iter()
    }

    /// Whether the image carries the app's release.
    pub fn carries_release(&self, image: &str) -> bool {
        self.release_images
            .iter()
            .any(|name| name == image_name(image))
    }
}

impl Roles {
    /// Every service that has a role.
    pub fn services(&self) -> impl Iterator<Item = &str> {
        let single = [&self.entry, &self.database, &self.queue, &self.migration];
        single
            .into_iter()
            .flatten()
            .chain(&self.worker)
            .chain(&self.writers)
            .map(String::as_str)
    }
}

/// A guard against mistakes, not against malice: recipe SQL is trusted like the compose file.
fn is_one_statement(sql: &str, kinds: &[&str]) -> bool {
    let sql = sql.trim();
    let first = sql.split_whitespace().next().unwrap_or_default();
    kinds.iter().any(|kind| first.eq_ignore_ascii_case(kind)) && !sql.contains(';')
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
    fn statements_of_another_kind_are_refused() {
        for sql in ["DELETE FROM jobs", "SELECT 1; DELETE FROM jobs", ""] {
            let text = format!(
                "name = 'x'\ntitle = 'X'\n[[assertion]]\nname = 'a'\nsql = '{sql}'\nequals = '0'"
            );
            let error = Recipe::parse(&text, "of this test").expect_err("refused");
            assert!(
                matches!(error, RecipeError::NotOneStatement { .. }),
                "{sql}: {error}"
            );
        }
    }
}
