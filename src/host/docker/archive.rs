//! Folders of containers as archives, to and from a file, running or not.

use std::path::Path;

use bollard::query_parameters::{
    DownloadFromContainerOptionsBuilder, UploadToContainerOptionsBuilder,
};
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::io::AsyncReadExt;

use super::{Docker, failed};
use crate::host::{HostError, files};

/// Bytes sent at a time.
const CHUNK: usize = 64 * 1024;

impl Docker {
    /// Writes what is in `folder` of a container to a new file, as a tar.
    pub(super) async fn pack_folder(
        &self,
        id: &str,
        folder: &str,
        to: &Path,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<(), HostError> {
        let failed = failed(format!("read `{folder}` of a container"));
        let options = DownloadFromContainerOptionsBuilder::new()
            .path(&within(folder))
            .build();
        let mut archive = Box::pin(self.client.download_from_container(id, Some(options)));
        let mut file = files::create_private(to)?;
        let mut bytes = 0;
        while let Some(chunk) = archive.next().await {
            let chunk = chunk.map_err(&failed)?;
            files::append(&mut file, to, &chunk)?;
            bytes += chunk.len() as u64;
            progress(bytes);
        }
        Ok(())
    }

    /// Puts what is in the tar `from` into `folder` of a container; what is there by the same name
    /// is replaced.
    pub(super) async fn unpack_folder(
        &self,
        id: &str,
        folder: &str,
        from: &Path,
    ) -> Result<(), HostError> {
        let file = tokio::fs::File::from_std(files::open(from)?);
        let chunks = stream::try_unfold(file, |mut file| async move {
            let mut chunk = vec![0; CHUNK];
            let read = file.read(&mut chunk).await?;
            chunk.truncate(read);
            Ok::<_, std::io::Error>((read > 0).then_some((chunk, file)))
        });
        let options = UploadToContainerOptionsBuilder::new().path(folder).build();
        let body = bollard::body_try_stream(chunks.map_ok(Into::into));
        self.client
            .upload_to_container(id, Some(options), body)
            .await
            .map_err(failed(format!("write into `{folder}` of a container")))
    }
}

/// What is in a folder, without the folder itself.
fn within(folder: &str) -> String {
    format!("{}/.", folder.trim_end_matches('/'))
}
