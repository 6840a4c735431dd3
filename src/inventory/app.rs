//! What is known about the app: a recipe, or what its Compose file lets one guess.

use crate::event::Failure;
use crate::host::{Condition, Model, Service};
use crate::recipe::{Candidate, Inferred, Recipe, infer};

/// What is known about the app.
#[derive(Debug, Clone, PartialEq)]
pub struct App {
    /// Who does what, and how.
    pub recipe: Recipe,
    /// Whether the recipe is a guess.
    pub inferred: bool,
    /// Services each of which may be the one that migrates, where that cannot be told.
    pub migrations: Vec<String>,
}

impl App {
    /// By the recipe that the user gave, a built-in one, or a guess. `migration` is the service
    /// that the user says migrates.
    pub fn of(
        given: Option<Recipe>,
        migration: Option<&str>,
        model: &Model,
    ) -> Result<Self, Failure> {
        let known = match given {
            Some(recipe) => Some(recipe),
            None => built_in(model)?,
        };
        let mut app = match known {
            Some(recipe) => Self {
                recipe,
                inferred: false,
                migrations: Vec::new(),
            },
            None => Self::inferred(model, migration),
        };
        if let Some(migration) = migration {
            app.recipe.roles.migration = Some(migration.to_owned());
            app.migrations.clear();
        }
        Ok(app)
    }

    fn inferred(model: &Model, migration: Option<&str>) -> Self {
        let Inferred { recipe, migrations } = infer(&candidates(model, migration));
        Self {
            recipe,
            inferred: true,
            migrations,
        }
    }
}

fn built_in(model: &Model) -> Result<Option<Recipe>, Failure> {
    let images = model.services.iter();
    let images = images.filter_map(|(name, service)| Some((name.clone(), service.image.clone()?)));
    Recipe::built_in(&images.collect()).map_err(|error| Failure::from_error(&error))
}

/// Where the user has said which service migrates, no other one looks like it.
fn candidates(model: &Model, migration: Option<&str>) -> Vec<Candidate> {
    let completed = |service: &Service, name: &str| {
        let edge = service.depends_on.get(name);
        edge.is_some_and(|edge| edge.condition == Condition::ServiceCompletedSuccessfully)
    };
    let candidate = |(name, service): (&String, &Service)| Candidate {
        service: name.clone(),
        image: service.image.clone().unwrap_or_default(),
        command: service.command(),
        depends_on: service.depends_on.keys().cloned().collect(),
        completed_for: model
            .services
            .iter()
            .filter(|(_, other)| completed(other, name))
            .map(|(other, _)| other.clone())
            .collect(),
        may_end: migration.map_or(service.may_end(), |migration| migration == name),
        serves: service.serves(),
    };
    model.services.iter().map(candidate).collect()
}
