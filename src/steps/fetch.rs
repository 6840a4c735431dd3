//! New images come here by digest, under tags of ours; the user's tags stay where they are.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::engine::StepReport;
use crate::event::{Artifact, Failure, ProgressUnit};
use crate::host::Images;

/// One image to bring here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fetch {
    /// The services it is for.
    pub services: Vec<String>,
    /// Where it is.
    pub repository: String,
    /// Which one, exactly.
    pub digest: String,
    /// The tag it gets here.
    pub tag: String,
    /// Whether its label is the app's release.
    pub carries_release: bool,
}

/// See the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchImages {
    /// The images.
    pub images: Vec<Fetch>,
}

impl FetchImages {
    pub(super) fn title(&self) -> String {
        let services: Vec<&str> = self
            .images
            .iter()
            .flat_map(|fetch| fetch.services.iter().map(String::as_str))
            .collect();
        format!("fetch new images of {}", services.join(", "))
    }

    pub(super) async fn run(
        &self,
        images: &impl Images,
        report: &StepReport,
    ) -> Result<Option<Artifact>, Failure> {
        let (mut ids, mut release) = (BTreeMap::new(), None);
        for fetch in &self.images {
            let progress = |done, total| {
                if total > 0 {
                    report.progress(done, Some(total), ProgressUnit::Layers);
                }
            };
            let id = images
                .pull(&fetch.repository, &fetch.digest, &progress)
                .await?;
            images.tag(&id, &fetch.tag).await?;
            if fetch.carries_release && release.is_none() {
                release = images.release_of(&id).await?;
            }
            ids.extend(
                fetch
                    .services
                    .iter()
                    .map(|service| (service.clone(), id.clone())),
            );
        }
        Ok(Some(Artifact::Images { ids, release }))
    }
}
