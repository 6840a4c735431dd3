//! What the steps of the first plan have left for the second one.

use std::collections::BTreeMap;

use crate::event::Artifact;

/// What the first plan has brought.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fetched {
    /// Service to the id of its new image.
    pub images: BTreeMap<String, String>,
    /// The release that the new image says it is.
    pub release: Option<String>,
    /// The heads of the new image's revision graph, and every revision in it.
    pub revisions: Option<(Vec<String>, Vec<String>)>,
}

impl Fetched {
    /// From what the steps have left.
    pub fn of<'a>(artifacts: impl Iterator<Item = &'a Artifact>) -> Self {
        let mut fetched = Self::default();
        for artifact in artifacts {
            match artifact {
                Artifact::Images { ids, release } => {
                    fetched.images.extend(ids.clone());
                    fetched.release.clone_from(release);
                }
                Artifact::Revisions { heads, known } => {
                    fetched.revisions = Some((heads.clone(), known.clone()));
                }
                _ => {}
            }
        }
        fetched
    }
}
