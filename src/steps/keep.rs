//! Old images get a tag of ours, so that no prune takes them away, and what there was is
//! written down: the way back is planned from it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::event::{Artifact, Failure};
use crate::host::Images;

/// What there was before the run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Before {
    /// Every service that had containers.
    pub services: BTreeMap<String, ServiceBefore>,
    /// The schema revisions of the database.
    pub revisions: Option<Vec<String>>,
    /// The server's system identifier.
    pub system: Option<String>,
    /// The object id of the database.
    #[serde(default)]
    pub oid: Option<u32>,
}

/// What a service was before the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceBefore {
    /// The id of its image.
    pub image: String,
    /// Whether it ran.
    pub up: bool,
}

/// See the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keep {
    /// What there was.
    pub before: Before,
    /// Keeping tag to image id.
    pub tags: BTreeMap<String, String>,
}

impl Keep {
    pub(super) fn title(&self) -> String {
        match self.tags.len() {
            0 => "note what there is before the run".to_owned(),
            n => format!("keep {n} old images"),
        }
    }

    pub(super) async fn run(&self, images: &impl Images) -> Result<Option<Artifact>, Failure> {
        for (tag, id) in &self.tags {
            images.tag(id, tag).await?;
        }
        Ok(None)
    }
}
