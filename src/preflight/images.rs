//! Images: every one that is wanted must be in its registry, and for this engine.

use std::collections::BTreeSet;

use super::refusal;
use crate::event::Finding;
use crate::inventory::{ImageFacts, Inventory, Wanted};

pub(super) fn check(inventory: &Inventory) -> Vec<Finding> {
    let mut seen = BTreeSet::new();
    let images = inventory.services.iter().filter_map(|(name, facts)| {
        let image = facts.image.as_ref()?;
        let pinned = inventory.model.services.get(name)?.platform.is_some();
        seen.insert(&image.target).then_some((image, pinned))
    });
    let findings = images.filter_map(|(image, pinned)| match &image.wanted {
        Wanted::Unknown(why) => Some(refusal(
            "image-not-found",
            why,
            format!(
                "check the name `{}`, the network, and `docker login` for its registry",
                image.target
            ),
        )),
        // Who names a platform has thought about it.
        Wanted::Digest { .. } if pinned => None,
        Wanted::Digest { .. } => platform(image, &inventory.engine.platform),
    });
    findings.collect()
}

fn platform(image: &ImageFacts, engine: &str) -> Option<Finding> {
    if image.platforms.is_empty() || image.platforms.iter().any(|platform| platform == engine) {
        return None;
    }
    Some(refusal(
        "image-other-platform",
        format!(
            "`{}` is for {}, and this engine runs {engine}",
            image.target,
            image.platforms.join(", ")
        ),
        "ask the release's makers for an image for your platform, or set `platform` for the service \
         if the engine can emulate it",
    ))
}
