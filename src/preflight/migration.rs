//! The service that migrates: there, able to end, and the releases it may go between.

use super::{Case, refusal};
use crate::event::Finding;

pub(super) fn check(case: Case<'_>) -> Vec<Finding> {
    let inventory = case.inventory;
    let Some(name) = &inventory.recipe.roles.migration else {
        return Vec::new();
    };
    let Some(service) = inventory.model.services.get(name) else {
        return vec![absent(case, name)];
    };
    if !service.restarts_for_ever() {
        return Vec::new();
    }
    let restart = service.restart.as_deref().unwrap_or_default();
    vec![refusal(
        "migration-restarts",
        format!(
            "service `{name}` has `restart: {restart}`: it would be started again whenever it has \
             ended, and nothing that waits for it would ever start"
        ),
        format!("set `restart: \"no\"` for service `{name}`"),
    )]
}

fn absent(case: Case<'_>, name: &str) -> Finding {
    let title = &case.inventory.recipe.title;
    if case
        .inventory
        .ground
        .inactive
        .iter()
        .any(|service| service == name)
    {
        return refusal(
            "migration-inactive",
            format!(
                "service `{name}`, which migrates {title}, is in a profile that is not enabled"
            ),
            format!("take `profiles` out of service `{name}`, or enable it with `--profile`"),
        );
    }
    refusal(
        "migration-missing",
        format!("this project has no service `{name}`, which migrates {title}"),
        "take it over from the Compose file of the release; if it has another name here, say so in \
         a recipe of your own (`--recipe`)",
    )
}
