//! The service that migrates: known, there, able to end.

use super::refusal;
use crate::event::Finding;
use crate::host::Model;
use crate::recipe::Recipe;

/// Judges what is known of it. `candidates` are services each of which may be it, where that
/// cannot be told; `inactive` those that Compose leaves out because of their profile.
pub fn migration(
    recipe: &Recipe,
    candidates: &[String],
    model: &Model,
    inactive: &[String],
) -> Option<Finding> {
    let Some(name) = &recipe.roles.migration else {
        return ambiguous(candidates);
    };
    let Some(service) = model.services.get(name) else {
        return Some(absent(&recipe.title, name, inactive));
    };
    service
        .restarts_for_ever()
        .then(|| restarts(name, service.restart_policy()))
}

/// It never ends, as far as Compose can see.
pub fn restarts(service: &str, policy: &str) -> Finding {
    refusal(
        "migration-restarts",
        format!(
            "service `{service}` has `restart: {policy}`: it would be started again whenever it \
             has ended, and nothing that waits for it would ever start"
        ),
        format!(
            "set `restart: \"no\"` for service `{service}`, and take `restart_policy` out of its \
             `deploy`, if there is one"
        ),
    )
}

/// A wrong guess would make services wait for the wrong one, or migrate while the app runs.
fn ambiguous(candidates: &[String]) -> Option<Finding> {
    (candidates.len() > 1).then(|| {
        refusal(
            "migration-ambiguous",
            format!(
                "any of these services may be the one that migrates the database: `{}`",
                candidates.join("`, `")
            ),
            "say which one it is: `--migration SERVICE`",
        )
    })
}

fn absent(title: &str, name: &str, inactive: &[String]) -> Finding {
    if inactive.iter().any(|service| service == name) {
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
        "take it over from the Compose file of the release; if it has another name here, say so: \
         `--migration SERVICE`",
    )
}
