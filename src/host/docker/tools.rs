//! A container that is there for its image's tools only: beside a container that runs, with one
//! folder of ours in it. What the tools write goes to disk without passing through us.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use bollard::models::{
    ContainerCreateBody, ContainerSummary, HealthConfig, HostConfig, Mount, MountType,
    RestartPolicy, RestartPolicyNameEnum,
};
use bollard::query_parameters::{
    CreateContainerOptions, InspectContainerOptions, ListContainersOptionsBuilder,
    RemoveContainerOptionsBuilder, StartContainerOptions,
};

use super::images::READING;
use super::{Docker, Exec, failed, is_missing};
use crate::host::{HostError, files};

/// The run a container was made for.
pub(super) const RUN: &str = "eneo-upgrade.run";
/// Where the folder is in it.
const FOLDER: &str = "/eneo-upgrade";
/// Waits; what counts is started beside it.
const WAITS: [&str; 3] = ["tail", "-f", "/dev/null"];
/// Reads a file that we have written, and writes one that we can read.
const PROBE: &str = "umask 077; cat \"$1\" && cat \"$1\" > \"$1.back\"";
/// What a program writes is private from birth.
const PRIVATE: [&str; 4] = ["sh", "-c", "umask 077; exec \"$@\"", "sh"];

/// A running container with the tools of a server.
#[derive(Clone)]
pub struct ToolContainer {
    /// Its id.
    pub id: String,
    /// The folder that is in it.
    folder: PathBuf,
}

impl ToolContainer {
    /// Where it sees a file of the folder; none for one from elsewhere.
    pub fn path(&self, path: &Path) -> Option<String> {
        let below = path.strip_prefix(&self.folder).ok()?;
        Some(format!("{FOLDER}/{}", below.display()))
    }

    /// The words that start a program in it.
    pub fn argv<'a>(words: &[&'a str]) -> Vec<&'a str> {
        [&PRIVATE[..], words].concat()
    }
}

impl Docker {
    /// Starts a container of the image that `beside` runs, in its network, with `folder` in it.
    /// Fails where the engine's machine does not have the folder that we have.
    pub async fn start_tools_beside(
        &self,
        beside: &str,
        folder: &Path,
        run: &str,
    ) -> Result<ToolContainer, HostError> {
        let found = self
            .client
            .inspect_container(beside, None::<InspectContainerOptions>)
            .await
            .map_err(failed("look for the database's tools"))?;
        let image = found.image.unwrap_or_default();
        let network = format!("container:{beside}");
        self.start_tools(&image, network, folder, run).await
    }

    /// The same with an image, which is pulled where it is not here, in the machine's own network.
    pub async fn start_tools_of(
        &self,
        image: &str,
        folder: &Path,
        run: &str,
    ) -> Result<ToolContainer, HostError> {
        if self.image(image).await?.is_none() {
            self.pull_tag(image).await?;
        }
        let network = "host".to_owned();
        self.start_tools(image, network, folder, run).await
    }

    async fn start_tools(
        &self,
        image: &str,
        network: String,
        folder: &Path,
        run: &str,
    ) -> Result<ToolContainer, HostError> {
        let failed = failed("start a container for the database's tools");
        let made = self
            .client
            .create_container(
                None::<CreateContainerOptions>,
                self.tools(image, network, folder, run),
            )
            .await
            .map_err(&failed)?;
        let tools = ToolContainer {
            id: made.id,
            folder: folder.to_owned(),
        };
        let started = async {
            self.client
                .start_container(&tools.id, None::<StartContainerOptions>)
                .await
                .map_err(&failed)?;
            self.same_folder(&tools).await
        }
        .await;
        match started {
            Ok(()) => Ok(tools),
            Err(error) => {
                self.remove_tools(&tools).await?;
                Err(error)
            }
        }
    }

    fn tools(&self, image: &str, network: String, folder: &Path, run: &str) -> ContainerCreateBody {
        let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
        let labels = [(RUN, run), (READING, self.project.as_str())];
        let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned()));
        ContainerCreateBody {
            image: Some(image.to_owned()),
            entrypoint: Some(WAITS.map(str::to_owned).to_vec()),
            cmd: Some(Vec::new()),
            // Its files must be ours.
            user: Some(format!("{}:{}", user.as_raw(), group.as_raw())),
            working_dir: Some("/".to_owned()),
            labels: Some(labels.into()),
            healthcheck: Some(HealthConfig {
                test: Some(vec!["NONE".to_owned()]),
                ..HealthConfig::default()
            }),
            host_config: Some(HostConfig {
                auto_remove: Some(true),
                network_mode: Some(network),
                // A bind by name would make the folder where there is none.
                mounts: Some(vec![Mount {
                    target: Some(FOLDER.to_owned()),
                    source: Some(folder.display().to_string()),
                    typ: Some(MountType::BIND),
                    ..Mount::default()
                }]),
                restart_policy: Some(RestartPolicy {
                    name: Some(RestartPolicyNameEnum::NO),
                    ..RestartPolicy::default()
                }),
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        }
    }

    /// An engine elsewhere binds a folder of its own machine under that name.
    async fn same_folder(&self, tools: &ToolContainer) -> Result<(), HostError> {
        let name = format!(".probe-{}", tools.id.get(..12).unwrap_or(&tools.id));
        let (ours, back) = (
            tools.folder.join(&name),
            tools.folder.join(format!("{name}.back")),
        );
        let word = format!("{:016x}", fastrand::u64(..));
        files::replace(&ours, word.as_bytes())?;
        let path = format!("{FOLDER}/{name}");
        let probe = Exec {
            container: &tools.id,
            argv: &["sh", "-c", PROBE, "sh", &path],
            environment: Vec::new(),
        };
        let read = self.exec_text(&probe, None).await;
        let written = files::read_text(&back);
        files::remove(&ours)?;
        files::remove(&back)?;
        match read? == word && written?.as_deref() == Some(&word) {
            true => Ok(()),
            false => Err(HostError::Unexpected(format!(
                "the engine does not have our folder `{}`",
                tools.folder.display()
            ))),
        }
    }

    /// Takes a container away, and what still runs in it.
    pub async fn remove_tools(&self, tools: &ToolContainer) -> Result<(), HostError> {
        self.remove_by_force(&tools.id).await
    }

    /// Takes away what processes that were killed have left of the kind.
    pub async fn remove_left_tools(&self) -> Result<(), HostError> {
        for (id, _) in self.read_containers(true).await? {
            self.remove_by_force(&id).await?;
        }
        Ok(())
    }

    /// The project's containers that are there for their image only, those with tools in them or
    /// the others: id, and when it was made in seconds since 1970.
    pub(super) async fn read_containers(
        &self,
        tools: bool,
    ) -> Result<Vec<(String, i64)>, HostError> {
        let label = format!("{READING}={}", self.project);
        let options = ListContainersOptionsBuilder::new()
            .all(true)
            .filters(&HashMap::from([("label", vec![label])]))
            .build();
        let found = self.client.list_containers(Some(options)).await;
        let found = found.map_err(failed("list the containers that are there to be read"))?;
        let wanted = found.into_iter().filter(|container| {
            let labels = container.labels.as_ref();
            labels.is_some_and(|labels| labels.contains_key(RUN)) == tools
        });
        let made = |container: ContainerSummary| {
            Some((container.id?, container.created.unwrap_or_default()))
        };
        Ok(wanted.filter_map(made).collect())
    }

    pub(super) async fn remove_by_force(&self, id: &str) -> Result<(), HostError> {
        let options = RemoveContainerOptionsBuilder::new()
            .force(true)
            .v(true)
            .build();
        match self.client.remove_container(id, Some(options)).await {
            // Also by the engine, as soon as it has ended.
            Err(error) if is_missing(&error) || is_under_way(&error) => Ok(()),
            removed => removed.map_err(failed("remove a container of ours")),
        }
    }
}

/// Whether somebody else removes it just now.
fn is_under_way(error: &bollard::errors::Error) -> bool {
    matches!(
        error,
        bollard::errors::Error::DockerResponseServerError {
            status_code: 409,
            message,
        } if message.contains("already in progress")
    )
}
