//! The project itself: whose containers these are, its services, the release to go to.

use super::{Case, refusal, warning};
use crate::event::Finding;
use crate::inventory::Inventory;

pub(super) fn check(case: Case<'_>) -> Vec<Finding> {
    let Case { inventory, to, .. } = case;
    let checks = [
        files(inventory),
        other_project(inventory),
        stack(inventory),
        roles(inventory),
        release(inventory, to),
        dry_run(inventory),
    ];
    checks.into_iter().flatten().collect()
}

fn files(inventory: &Inventory) -> Option<Finding> {
    let theirs = inventory.ground.other_files.first()?;
    let ours: Vec<String> = inventory
        .args
        .merged()
        .iter()
        .map(|file| file.display().to_string())
        .collect();
    Some(refusal(
        "other-files",
        format!(
            "project `{}` was brought up from other files:\n  running: {theirs}\n  here:    {}",
            inventory.model.name,
            ours.join(",")
        ),
        "name the files it was brought up from with `-f`, or another project with `-p`; to keep \
         these files for good, run `docker compose up -d` with them once",
    ))
}

/// The same folder under another name would become a second, empty installation.
fn other_project(inventory: &Inventory) -> Option<Finding> {
    let ours = inventory.services.values();
    if ours.into_iter().any(|facts| !facts.containers.is_empty()) {
        return None;
    }
    let theirs = inventory.ground.other_projects.first()?;
    let name = &inventory.model.name;
    Some(refusal(
        "other-project",
        format!(
            "this folder runs as project `{theirs}`, not as `{name}`: `{name}` would begin with \
             empty volumes"
        ),
        format!(
            "go on with `-p {theirs}`, or put `name: {theirs}` back into the Compose file; for a \
             second installation on purpose, bring it up with `docker compose -p {name} up -d` once"
        ),
    ))
}

/// Swarm starts services without regard to `depends_on`.
fn stack(inventory: &Inventory) -> Option<Finding> {
    let name = &inventory.model.name;
    inventory.ground.stack.then(|| {
        refusal(
            "stack-deployed",
            format!("`{name}` runs as a Swarm stack: it is not Compose that starts its services"),
            format!(
                "go on with `docker stack deploy`; if the stack is another app, give this project \
                 another name than `{name}` (`-p`)"
            ),
        )
    })
}

/// What Compose says against the project, where no other check explains it.
fn dry_run(inventory: &Inventory) -> Option<Finding> {
    let trouble = inventory.ground.dry_run_trouble.as_ref()?;
    if !super::storage::missing(inventory).is_empty() {
        return None;
    }
    Some(refusal(
        "compose-refuses",
        format!("`docker compose create` would fail:\n{trouble}"),
        "mend what Compose complains about; `docker compose --dry-run create` shows it",
    ))
}

fn roles(inventory: &Inventory) -> Option<Finding> {
    if inventory.inferred {
        return None;
    }
    let roles = &inventory.recipe.roles;
    // What the migration's absence means is judged elsewhere.
    let single = [&roles.database, &roles.queue];
    let missing: Vec<&str> = single
        .into_iter()
        .flatten()
        .chain(&roles.worker)
        .chain(&roles.writers)
        .filter(|service| !inventory.services.contains_key(*service))
        .map(String::as_str)
        .collect();
    (!missing.is_empty()).then(|| {
        warning(
            "service-missing",
            format!(
                "the recipe of {} names services that this project does not have: {}",
                inventory.recipe.title,
                missing.join(", ")
            ),
            "if they have other names here, say so in a recipe of your own (`--recipe`)",
        )
    })
}

fn release(inventory: &Inventory, to: Option<&str>) -> Option<Finding> {
    let to = to?;
    let images = inventory
        .services
        .values()
        .filter_map(|facts| facts.image.as_ref());
    let any = images
        .into_iter()
        .any(|image| inventory.recipe.carries_release(&image.reference));
    (!any).then(|| {
        refusal(
            "no-release-image",
            format!("no image of this project is known to carry a release `{to}`"),
            "leave out `--to`, or name the images in a recipe (`release_images`)",
        )
    })
}
