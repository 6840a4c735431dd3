//! Images: every one that is wanted must be in its registry.

use super::refusal;
use crate::event::Finding;
use crate::inventory::{Inventory, Wanted};

pub(super) fn check(inventory: &Inventory) -> Vec<Finding> {
    let mut seen = std::collections::BTreeSet::new();
    let images = inventory
        .services
        .values()
        .filter_map(|facts| facts.image.as_ref());
    images
        .filter_map(|image| match &image.wanted {
            Wanted::Unknown(why) if seen.insert(&image.target) => Some(refusal(
                "image-not-found",
                why,
                format!(
                    "check the name `{}`, the network, and `docker login` for its registry",
                    image.target
                ),
            )),
            _ => None,
        })
        .collect()
}
