//! The first plan of a run: keep the old images, bring the new ones here. The app notices nothing.

use std::collections::BTreeMap;

use super::{Changes, Plan, Run, new_tag, old_tag};
use crate::event::Purpose;
use crate::inventory::{Inventory, Wanted};
use crate::steps::{AnyStep, Before, Fetch, FetchImages, Keep, ReadRevisions, ServiceBefore};

/// Plans it.
pub fn fetch(inventory: &Inventory, changes: &Changes, run: &Run) -> Plan {
    let mut plan = Plan::new(Purpose::Fetch);
    plan.push(
        AnyStep::Keep(keep(inventory, run)),
        "the way back is planned from it",
    );
    let images = fetches(inventory, changes, run);
    if images.is_empty() {
        return plan;
    }
    let revisions = read_revisions(inventory, &images);
    plan.push(
        AnyStep::FetchImages(FetchImages { images }),
        "they are not here yet, or not what the containers run",
    );
    if let Some(step) = revisions {
        plan.push(
            AnyStep::ReadRevisions(step),
            "the new image says to which revision it migrates",
        );
    }
    plan
}

fn keep(inventory: &Inventory, run: &Run) -> Keep {
    let services = inventory.services.iter().filter_map(|(name, facts)| {
        let image = facts.containers.first()?.image.clone();
        Some((
            name.clone(),
            ServiceBefore {
                image,
                up: facts.is_up(),
            },
        ))
    });
    let services: BTreeMap<String, ServiceBefore> = services.collect();
    let database = inventory.database.as_ref();
    Keep {
        tags: services
            .iter()
            .map(|(name, before)| (old_tag(&run.id, name), before.image.clone()))
            .collect(),
        before: Before {
            services,
            revisions: database.and_then(|database| database.revisions.clone()),
            system: database.map(|database| database.identity.system.clone()),
            oid: database.map(|database| database.identity.oid),
        },
    }
}

/// One fetch per image, however many services run it.
fn fetches(inventory: &Inventory, changes: &Changes, run: &Run) -> Vec<Fetch> {
    let mut images: Vec<Fetch> = Vec::new();
    for (service, facts) in &inventory.services {
        let Some(image) = facts.image.as_ref().filter(|_| changes.replaces(service)) else {
            continue;
        };
        let Wanted::Digest { repository, digest } = &image.wanted else {
            continue;
        };
        let same = |fetch: &&mut Fetch| fetch.repository == *repository && fetch.digest == *digest;
        match images.iter_mut().find(same) {
            Some(fetch) => fetch.services.push(service.clone()),
            None => images.push(Fetch {
                services: vec![service.clone()],
                repository: repository.clone(),
                digest: digest.clone(),
                tag: new_tag(&run.id, service),
                carries_release: inventory.recipe.carries_release(&image.target),
            }),
        }
    }
    images
}

fn read_revisions(inventory: &Inventory, images: &[Fetch]) -> Option<ReadRevisions> {
    let migration = inventory.recipe.roles.migration.as_ref()?;
    let folder = inventory.recipe.migration.as_ref()?.versions.clone();
    let image = images
        .iter()
        .find(|fetch| fetch.services.contains(migration))?;
    Some(ReadRevisions {
        image: image.tag.clone(),
        folder,
    })
}
