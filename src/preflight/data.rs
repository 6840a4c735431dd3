//! Data: what cannot be backed up, or is being written by others, is not touched.

use super::{Case, refusal};
use crate::event::{Failure, Finding};
use crate::inventory::{Inventory, Session};

pub(super) fn check(case: Case<'_>) -> Vec<Finding> {
    let inventory = case.inventory;
    if inventory.is_empty_host() || !case.outage {
        return Vec::new();
    }
    let findings = [unreachable(inventory), sessions(inventory)];
    findings.into_iter().flatten().collect()
}

/// Why nothing is known about data that is there.
pub fn unreachable(inventory: &Inventory) -> Option<Finding> {
    let service = inventory.recipe.roles.database.as_ref()?;
    if inventory.database.is_some() {
        return None;
    }
    Some(if let Some(trouble) = &inventory.database_trouble {
        refusal(
            "database-unreachable",
            Failure::from_error(trouble).error,
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
    })
}

/// Sessions that are not the app's and may write: what they write after the exact backup would be
/// lost by going back, and a lock they hold would hang the migration.
fn sessions(inventory: &Inventory) -> Option<Finding> {
    let ours = |session: &&Session| {
        let client = session.client.as_ref();
        client.is_some_and(|client| {
            let mut services = inventory.services.values();
            services.any(|facts| {
                facts
                    .containers
                    .iter()
                    .any(|c| c.addresses.contains(client))
            })
        })
    };
    let sessions = &inventory.database.as_ref()?.sessions;
    let foreign: Vec<String> = sessions
        .iter()
        .filter(|session| session.writes && !ours(session))
        .map(|session| {
            let application = match session.application.as_str() {
                "" => "a program without a name",
                name => name,
            };
            format!(
                "  {application} as `{}` from {}, {}, for {} s",
                session.user,
                session
                    .client
                    .as_deref()
                    .unwrap_or("the server's own machine"),
                session.state.as_deref().unwrap_or("in no known state"),
                session.age
            )
        })
        .collect();
    (!foreign.is_empty()).then(|| {
        refusal(
            "foreign-sessions",
            format!(
                "others than the app are logged in to the database and may write to it:\n{}",
                foreign.join("\n")
            ),
            "end them (close the client, stop the job), or let them log in with a role that may \
             only read",
        )
    })
}
