//! Which image each service runs, and which one its registry has for it now.

use std::collections::BTreeMap;

use futures_util::future::try_join_all;

use crate::host::docker::{Docker, RemoteImage};
use crate::host::{HostError, Images, Model};
use crate::recipe::{Recipe, Reference, compare};

/// The image of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageFacts {
    /// As the model says.
    pub reference: String,
    /// As it will be said after the upgrade; differs with a release to go to.
    pub target: String,
    /// The id of the image that its containers run.
    pub running: Option<String>,
    /// The release that image names.
    pub running_release: Option<String>,
    /// `repository@digest` of every registry that image is known to be in.
    pub running_digests: Vec<String>,
    /// The size of that image in bytes, unpacked.
    pub running_size: u64,
    /// The id that `target` names here.
    pub tagged: Option<String>,
    /// The platforms that the registry has it for; empty where that is not known.
    pub platforms: Vec<String>,
    /// What the registry has.
    pub wanted: Wanted,
}

/// What a registry has for a reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// This.
    Digest {
        /// The repository.
        repository: String,
        /// The digest, with its algorithm.
        digest: String,
    },
    /// It could not be asked, or does not have it; why.
    Unknown(String),
}

impl ImageFacts {
    /// The id that `target` has to name for what runs now to be made anew. That is what runs,
    /// also where a pull has moved the tag on: a plain `up` would then start the new release.
    pub fn way_back(&self) -> Option<&str> {
        let running = self
            .running
            .as_ref()
            .filter(|_| self.target == self.reference);
        running.or(self.tagged.as_ref()).map(String::as_str)
    }

    /// The release that runs: what its image says, else its tag where that has numbers.
    pub fn release(&self) -> Option<&str> {
        self.running.as_ref()?;
        let tag = Reference::parse(&self.reference).tag;
        let tag = tag.filter(|tag| compare(tag, tag).is_some());
        self.running_release.as_deref().or(tag)
    }

    /// Whether the containers of the service have to be replaced for the image's sake.
    pub fn is_new(&self) -> bool {
        match &self.wanted {
            Wanted::Digest { repository, digest } => {
                let wanted = format!("{repository}@{digest}");
                !self
                    .running_digests
                    .iter()
                    .any(|known| same_repository(known, &wanted))
            }
            Wanted::Unknown(_) => false,
        }
    }
}

/// The engine writes `docker.io/library/redis` as `redis`.
fn same_repository(known: &str, wanted: &str) -> bool {
    let short = |name: &str| {
        let name = name.strip_prefix("docker.io/").unwrap_or(name);
        name.strip_prefix("library/").unwrap_or(name).to_owned()
    };
    short(known) == short(wanted)
}

pub(super) async fn look(
    docker: &Docker,
    model: &Model,
    recipe: &Recipe,
    running: &BTreeMap<&str, &str>,
    to: Option<&str>,
) -> Result<BTreeMap<String, ImageFacts>, HostError> {
    let looks = model.services.iter().filter_map(|(name, service)| {
        let reference = service.image.clone()?;
        // What is built here comes from no registry.
        if service.build.is_some() {
            return None;
        }
        let running = running.get(name.as_str()).map(|id| (*id).to_owned());
        let target = match to {
            Some(to) if recipe.carries_release(&reference) => {
                format!("{}:{to}", Reference::parse(&reference).repository)
            }
            _ => reference.clone(),
        };
        Some(async move {
            let facts = look_at(docker, reference, target, running).await?;
            Ok::<_, HostError>((name.clone(), facts))
        })
    });
    Ok(try_join_all(looks).await?.into_iter().collect())
}

async fn look_at(
    docker: &Docker,
    reference: String,
    target: String,
    running: Option<String>,
) -> Result<ImageFacts, HostError> {
    let image = match &running {
        Some(id) => docker.image(id).await?,
        None => None,
    };
    let Reference {
        repository, digest, ..
    } = Reference::parse(&target);
    let (tagged, wanted) = match (docker.id_of(&target).await, digest) {
        // Not the name of an image, for example because a variable is empty.
        (Err(error), _) => (None, Err(error)),
        // A digest in the file is what is wanted; no registry can say otherwise.
        (Ok(tagged), Some(digest)) => {
            let (digest, platforms) = (digest.to_owned(), Vec::new());
            (tagged, Ok(RemoteImage { digest, platforms }))
        }
        (Ok(tagged), None) => (tagged, docker.in_registry(&target).await),
    };
    let (wanted, platforms) = match wanted {
        Ok(RemoteImage { digest, platforms }) => {
            let repository = repository.to_owned();
            (Wanted::Digest { repository, digest }, platforms)
        }
        Err(error) => {
            let why = crate::event::Failure::from_error(&error).error;
            (Wanted::Unknown(why), Vec::new())
        }
    };
    Ok(ImageFacts {
        wanted,
        platforms,
        running_size: image.as_ref().map_or(0, |image| image.size),
        running_release: image.as_ref().and_then(|image| image.release.clone()),
        running_digests: image.map(|image| image.digests).unwrap_or_default(),
        reference,
        target,
        running,
        tagged,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_new_unless_a_digest_of_its_repository_is_the_wanted_one() {
        let facts = |running: &str, repository: &str| ImageFacts {
            reference: String::new(),
            target: String::new(),
            running: None,
            running_release: None,
            running_digests: vec![running.to_owned()],
            running_size: 0,
            tagged: None,
            platforms: Vec::new(),
            wanted: Wanted::Digest {
                repository: repository.to_owned(),
                digest: "sha256:1".to_owned(),
            },
        };
        assert!(!facts("redis@sha256:1", "docker.io/library/redis").is_new());
        assert!(facts("redis@sha256:2", "redis").is_new());
        assert!(facts("other@sha256:1", "redis").is_new());
    }
}
