//! What the steps of the first plan have left for the second one.

use std::collections::BTreeMap;

use crate::event::Artifact;

/// What the first plan has brought.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fetched {
    /// Service to the id of its new image.
    pub images: BTreeMap<String, String>,
    /// The heads of the new image's revision graph, and every revision in it.
    pub revisions: Option<(Vec<String>, Vec<String>)>,
}

impl Fetched {
    /// From what the steps have left.
    pub fn of<'a>(artifacts: impl Iterator<Item = &'a Artifact>) -> Self {
        let mut fetched = Self::default();
        for artifact in artifacts {
            match artifact {
                Artifact::Images { ids } => fetched.images.extend(ids.clone()),
                Artifact::Revisions { heads, known } => {
                    fetched.revisions = Some((heads.clone(), known.clone()));
                }
                Artifact::Backup { .. } | Artifact::Note { .. } => {}
            }
        }
        fetched
    }
}
