//! Volumes and networks: the data must be where it was.

use super::{Case, refusal};
use crate::event::Finding;
use crate::host::{Mounted, Named, Service};
use crate::inventory::{Inventory, ServiceFacts, data_folder};
use crate::recipe::{Reference, image_name};

pub(super) fn check(case: Case<'_>) -> Vec<Finding> {
    let inventory = case.inventory;
    let mut findings = missing(inventory);
    findings.extend(changed_volumes(inventory));
    findings.extend(moved_data(inventory));
    findings.extend(unnamed_data(inventory));
    findings.extend(postgres_major(inventory));
    findings
}

/// External networks and volumes that are not there.
pub(super) fn missing(inventory: &Inventory) -> Vec<Finding> {
    let model = &inventory.model;
    let external = |named: &&Named| named.external;
    let networks = model.networks.values().filter(external);
    let networks = networks
        .filter(|network| !inventory.ground.networks.contains(&network.name))
        .map(|network| ("network", &network.name));
    let volumes = model.volumes.values().filter(external);
    let volumes = volumes
        .filter(|volume| !inventory.ground.volumes.contains_key(&volume.name))
        .map(|volume| ("volume", &volume.name));
    networks
        .chain(volumes)
        .map(|(kind, name)| {
            refusal(
                &format!("{kind}-missing"),
                format!("the external {kind} `{name}` is not there"),
                match kind {
                    "network" => format!("make it: `docker network create {name}`"),
                    _ => format!(
                        "find out where it went before you make an empty one: it may hold data \
                         (`docker volume ls`); then `docker volume create {name}`"
                    ),
                },
            )
        })
        .collect()
}

/// Compose offers to make a volume anew whose definition has changed, and what it holds is lost.
fn changed_volumes(inventory: &Inventory) -> Vec<Finding> {
    let ours = inventory
        .model
        .volumes
        .values()
        .filter(|volume| !volume.external);
    ours.filter_map(|volume| {
        let there = inventory.ground.volumes.get(&volume.name)?;
        let driver = volume.driver.as_deref().unwrap_or("local");
        if there.driver == driver && there.options == volume.driver_opts {
            return None;
        }
        Some(refusal(
            "volume-changed",
            format!(
                "the Compose file describes volume `{}` otherwise than it was made (driver or its \
                 options); Compose would have to make it anew, empty",
                volume.name
            ),
            "put its definition back; to move the data, copy it to a new volume by hand first",
        ))
    })
    .collect()
}

/// A mount of a service that holds data, from another volume than now: it would come up empty.
fn moved_data(inventory: &Inventory) -> Vec<Finding> {
    let roles = &inventory.recipe.roles;
    let holders = [&roles.database, &roles.queue].into_iter().flatten();
    holders
        .filter_map(|name| {
            let (facts, service) = (
                inventory.services.get(name)?,
                inventory.model.services.get(name)?,
            );
            let (target, was, will) = moved_mount(inventory, facts, service)?;
            Some(refusal(
                "data-moved",
                format!(
                    "service `{name}` has `{was}` at `{target}` now, and would get {will}: it \
                     would come up without its data"
                ),
                "put the mount back as it was; to move the data, copy it by hand first",
            ))
        })
        .collect()
}

/// Target, source now, and what would be there. Only what holds data is judged: of a PostgreSQL
/// server where its files are, of others what is on a volume.
fn moved_mount(
    inventory: &Inventory,
    facts: &ServiceFacts,
    service: &Service,
) -> Option<(String, String, String)> {
    let data = data_folder(facts);
    let judged = |mounted: &Mounted| match data {
        Some(data) => data == mounted,
        None => !mounted.source.contains('/') && !mounted.source.is_empty(),
    };
    let mounts = &facts.containers.first()?.mounts;
    for (target, mounted) in mounts.iter().filter(|(_, m)| !m.anonymous && judged(m)) {
        let mut all = service.mounts();
        let wanted = all.find(|mount| mount.target.trim_end_matches('/') == target);
        let source = wanted.and_then(|mount| mount.source);
        let source = source.map(|source| match inventory.model.volumes.get(&source) {
            Some(volume) => volume.name.clone(),
            None if source.len() > 1 => source.trim_end_matches('/').to_owned(),
            None => source,
        });
        match source {
            Some(source) if source == mounted.source => {}
            source => {
                let will = source.map_or("nothing".to_owned(), |source| format!("`{source}`"));
                return Some((target.clone(), mounted.source.clone(), will));
            }
        }
    }
    None
}

fn unnamed_data(inventory: &Inventory) -> Option<Finding> {
    let name = inventory.recipe.roles.database.as_ref()?;
    let facts = inventory.services.get(name)?;
    let folder = facts.data.as_ref()?;
    let what = match data_folder(facts) {
        Some(mounted) if mounted.anonymous => "in a volume without a name",
        Some(_) => return None,
        None => "in its container, on no volume",
    };
    Some(refusal(
        "data-unnamed",
        format!(
            "service `{name}` keeps its data (`{folder}`) {what}: `docker compose down` or a new \
             container loses it"
        ),
        format!(
            "give it a named volume: dump the database, add `volumes: [\"{name}_data:{folder}\"]` and \
             the volume, bring it up, and restore the dump"
        ),
    ))
}

/// A server does not start on the files of another major version.
fn postgres_major(inventory: &Inventory) -> Option<Finding> {
    let name = inventory.recipe.roles.database.as_ref()?;
    let version = &inventory.database.as_ref()?.identity.version;
    let now = version.split('.').next()?;
    let image = inventory.services.get(name)?.image.as_ref()?;
    let wanted = major_of(&image.target)?;
    (wanted != now).then(|| {
        refusal(
            "postgres-major",
            format!(
                "the database server is PostgreSQL {version}, and image `{}` is version {wanted}, \
                 which cannot read its files",
                image.target
            ),
            format!(
                "keep the image at version {now} for this upgrade; to change it, dump and restore \
                 into a new volume"
            ),
        )
    })
}

/// The version that a tag says: `17` of `postgres:17.5-alpine` and of `pgvector:0.8-pg17`. Other
/// images count their versions otherwise.
fn major_of(image: &str) -> Option<String> {
    let (name, tag) = (image_name(image), Reference::parse(image).tag?);
    let digits = |text: &str| -> Option<String> {
        let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
        (!digits.is_empty()).then_some(digits)
    };
    match tag.find("pg") {
        Some(at) => digits(&tag[at + 2..]),
        None => digits(tag).filter(|_| ["postgres", "postgresql", "postgis"].contains(&name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_may_say_the_major_version() {
        for (image, major) in [
            ("postgres:17", Some("17")),
            ("postgres:16.4-alpine", Some("16")),
            ("host:5000/pgvector/pgvector:pg17", Some("17")),
            ("pgvector:0.8.0-pg18-trixie@sha256:00", Some("18")),
            ("pgvector:0.8.0", None),
            ("postgres:latest", None),
            ("postgres", None),
        ] {
            assert_eq!(major_of(image).as_deref(), major, "{image}");
        }
    }
}
