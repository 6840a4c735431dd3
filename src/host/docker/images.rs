//! Images: what a registry has, what is here, and bringing one to the other.

use std::collections::HashMap;
use std::io::Read;

use bollard::models::ContainerCreateBody;
use bollard::query_parameters::{
    CreateContainerOptions, CreateImageOptionsBuilder, DownloadFromContainerOptionsBuilder,
    TagImageOptionsBuilder,
};
use futures_util::{StreamExt, TryStreamExt};

use super::{Docker, failed, is_missing};
use crate::host::{HostError, Images};

/// Larger files in a folder of revisions are no revisions.
const LARGEST_TEXT: u64 = 1 << 20;

/// Marks a container that is there only to read files of its image.
pub(super) const READING: &str = "eneo-upgrade.reading";

/// Seconds after which nobody reads from such a container any more.
const LEFT_AFTER: i64 = 60;

/// An image that is here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalImage {
    /// Its id.
    pub id: String,
    /// `repository@digest` of every registry it is known to be in.
    pub digests: Vec<String>,
    /// The release that its label names.
    pub release: Option<String>,
    /// Its size in bytes, unpacked.
    pub size: u64,
}

/// What a registry has under a reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteImage {
    /// Its digest.
    pub digest: String,
    /// The platforms it is for, such as `linux/amd64`.
    pub platforms: Vec<String>,
}

impl Docker {
    /// What a registry has for `reference` now; nothing is pulled.
    pub async fn in_registry(&self, reference: &str) -> Result<RemoteImage, HostError> {
        let credentials = self.credentials.of(reference).await?;
        let answer = self
            .client
            .inspect_registry_image(reference, credentials)
            .await
            .map_err(failed(format!("find `{reference}` in its registry")))?;
        let digest = answer.descriptor.digest.ok_or_else(|| {
            HostError::Unexpected(format!("the registry names no digest for `{reference}`"))
        })?;
        let platforms = answer.platforms.into_iter().filter_map(|platform| {
            let (os, architecture) = (platform.os?, platform.architecture?);
            // Lists also hold attestations, for no platform.
            (os != "unknown").then(|| format!("{os}/{architecture}"))
        });
        Ok(RemoteImage {
            digest,
            platforms: platforms.collect(),
        })
    }

    /// An image by id or reference, if it is here.
    pub async fn image(&self, reference: &str) -> Result<Option<LocalImage>, HostError> {
        match self.client.inspect_image(reference).await {
            Ok(image) => Ok(Some(LocalImage {
                id: image.id.unwrap_or_default(),
                size: image
                    .size
                    .and_then(|size| u64::try_from(size).ok())
                    .unwrap_or_default(),
                digests: image.repo_digests.unwrap_or_default(),
                release: image
                    .config
                    .and_then(|config| config.labels)
                    .and_then(|mut labels| labels.remove("org.opencontainers.image.version")),
            })),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(failed(format!("look at image `{reference}`"))(error)),
        }
    }
}

impl Docker {
    /// Pulls what `reference` names.
    pub(super) async fn pull_tag(&self, reference: &str) -> Result<(), HostError> {
        let (repository, tag) = split_tag(reference);
        let options = CreateImageOptionsBuilder::new()
            .from_image(repository)
            .tag(tag)
            .build();
        let credentials = self.credentials.of(repository).await?;
        let stream = self.client.create_image(Some(options), None, credentials);
        let pulled = stream.try_for_each(|_| async { Ok(()) }).await;
        pulled.map_err(failed(format!("pull `{reference}`")))
    }

    /// Takes a tag away, and the image with it if nothing else names or runs it.
    pub async fn untag(&self, reference: &str) -> Result<(), HostError> {
        let options = None::<bollard::query_parameters::RemoveImageOptions>;
        match self.client.remove_image(reference, options, None).await {
            Err(error) if !is_missing(&error) => Err(failed("remove an image's tag")(error)),
            _ => Ok(()),
        }
    }

    /// Takes away what processes that were killed have made to read from. Somebody else may be
    /// reading just now: nothing is locked for that, and it takes a moment only.
    async fn remove_left_readers(&self) -> Result<(), HostError> {
        let now = jiff::Timestamp::now().as_second();
        for (id, created) in self.read_containers(false).await? {
            if now - created > LEFT_AFTER {
                self.remove_by_force(&id).await?;
            }
        }
        Ok(())
    }
}

impl Images for Docker {
    async fn pull(
        &self,
        repository: &str,
        digest: &str,
        progress: &(dyn Fn(u64, u64) + Sync),
    ) -> Result<String, HostError> {
        let pinned = format!("{repository}@{digest}");
        let failed = failed(format!("pull `{pinned}`"));
        let options = CreateImageOptionsBuilder::new()
            .from_image(repository)
            .tag(digest)
            .build();
        let credentials = self.credentials.of(repository).await?;
        let mut stream = self.client.create_image(Some(options), None, credentials);
        let mut layers: HashMap<String, bool> = HashMap::new();
        while let Some(info) = stream.next().await {
            let info = info.map_err(&failed)?;
            let (Some(layer), Some(status)) = (info.id, info.status) else {
                continue;
            };
            let there = matches!(status.as_str(), "Pull complete" | "Already exists");
            if there || matches!(status.as_str(), "Pulling fs layer" | "Downloading") {
                layers.insert(layer, there);
            }
            let done = layers.values().filter(|done| **done).count();
            progress(done as u64, layers.len() as u64);
        }
        match self.image(&pinned).await? {
            Some(image) => Ok(image.id),
            None => Err(HostError::Unexpected(format!(
                "`{pinned}` was pulled and is not here"
            ))),
        }
    }

    async fn tag(&self, image: &str, reference: &str) -> Result<(), HostError> {
        let (repository, tag) = split_tag(reference);
        self.client
            .tag_image(
                image,
                Some(
                    TagImageOptionsBuilder::new()
                        .repo(repository)
                        .tag(tag)
                        .build(),
                ),
            )
            .await
            .map_err(failed(format!("tag an image as `{reference}`")))
    }

    async fn id_of(&self, reference: &str) -> Result<Option<String>, HostError> {
        Ok(self.image(reference).await?.map(|image| image.id))
    }

    async fn release_of(&self, image: &str) -> Result<Option<String>, HostError> {
        Ok(self.image(image).await?.and_then(|image| image.release))
    }

    async fn read_folder(
        &self,
        image: &str,
        folder: &str,
    ) -> Result<Vec<(String, String)>, HostError> {
        let failed = failed(format!("read `{folder}` of the new image"));
        self.remove_left_readers().await?;
        let container = self
            .client
            .create_container(
                None::<CreateContainerOptions>,
                ContainerCreateBody {
                    image: Some(image.to_owned()),
                    labels: Some(HashMap::from([(READING.to_owned(), self.project.clone())])),
                    ..ContainerCreateBody::default()
                },
            )
            .await
            .map_err(&failed)?;
        let options = DownloadFromContainerOptionsBuilder::new()
            .path(folder)
            .build();
        let archive: Result<Vec<_>, _> = self
            .client
            .download_from_container(&container.id, Some(options))
            .try_collect()
            .await;
        let removed = self.remove_by_force(&container.id).await;
        let archive = match archive {
            Err(error) if is_missing(&error) => Vec::new(),
            archive => archive.map_err(&failed)?,
        };
        removed?;
        text_files(&archive.concat()).map_err(|error| {
            HostError::Unexpected(format!(
                "cannot unpack `{folder}` of the new image: {error}"
            ))
        })
    }
}

/// The text files one level down in an archive.
fn text_files(archive: &[u8]) -> std::io::Result<Vec<(String, String)>> {
    let mut files = Vec::new();
    for entry in tar::Archive::new(archive).entries()? {
        let entry = entry?;
        let path = entry.path()?.into_owned();
        let direct = path.components().count() == 2 && entry.header().entry_type().is_file();
        if !direct || entry.size() > LARGEST_TEXT {
            continue;
        }
        let mut text = String::new();
        if entry.take(LARGEST_TEXT).read_to_string(&mut text).is_ok() {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            files.push((name.into_owned(), text));
        }
    }
    Ok(files)
}

/// Repository and tag of a reference; `latest` where it has none.
pub(super) fn split_tag(reference: &str) -> (&str, &str) {
    match reference.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, tag),
        _ => (reference, "latest"),
    }
}
