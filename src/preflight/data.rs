//! Data: what cannot be backed up is not touched.

use super::refusal;
use crate::event::Finding;
use crate::inventory::Inventory;
use crate::plan::Changes;

pub(super) fn check(inventory: &Inventory, changes: &Changes) -> Vec<Finding> {
    let first_installation = inventory.is_empty_host();
    if first_installation || inventory.database.is_some() || !changes.need_outage(inventory) {
        return Vec::new();
    }
    let Some(service) = &inventory.recipe.roles.database else {
        return Vec::new();
    };
    vec![if let Some(trouble) = &inventory.database_trouble {
        refusal(
            "database-unreachable",
            crate::event::Failure::from_error(trouble).error,
            format!(
                "check that service `{service}` is healthy and that the login in the environment \
                 of the app is right"
            ),
        )
    } else if inventory.recipe.database.is_none() {
        refusal(
            "database-login-unknown",
            format!("service `{service}` holds data, and nothing says how to log in to back it up"),
            "describe the app in a recipe (`--recipe`); docs/reference/recipe.md shows how",
        )
    } else {
        refusal(
            "database-not-running",
            format!("service `{service}` is not running, so its data cannot be backed up"),
            format!("start it: `docker compose up -d {service}`"),
        )
    }]
}
