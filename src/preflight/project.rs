//! The project itself: Compose's version, the files, the services the recipe names.

use super::{refusal, warning};
use crate::event::Finding;
use crate::inventory::Inventory;

/// The first version with everything we rely on.
const OLDEST_COMPOSE: (u32, u32) = (2, 20);

pub(super) fn check(inventory: &Inventory, to: Option<&str>) -> Vec<Finding> {
    let checks = [
        compose(inventory),
        files(inventory),
        roles(inventory),
        release(inventory, to),
    ];
    checks.into_iter().flatten().collect()
}

fn compose(inventory: &Inventory) -> Option<Finding> {
    let version = &inventory.compose_version;
    let mut numbers = version
        .split(|c: char| !c.is_ascii_digit())
        .map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) if (major, minor) >= OLDEST_COMPOSE => None,
        _ => Some(refusal(
            "compose-too-old",
            format!("the Docker Compose plugin is version {version}"),
            format!(
                "install version {}.{} or newer",
                OLDEST_COMPOSE.0, OLDEST_COMPOSE.1
            ),
        )),
    }
}

fn files(inventory: &Inventory) -> Option<Finding> {
    let theirs = inventory.other_files.first()?;
    let ours: Vec<String> = inventory
        .args
        .files
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

fn roles(inventory: &Inventory) -> Option<Finding> {
    if inventory.inferred {
        return None;
    }
    let roles = &inventory.recipe.roles;
    let single = [&roles.database, &roles.queue, &roles.migration];
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
