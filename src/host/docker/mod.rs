//! The Docker engine, through its API.

mod archive;
mod containers;
mod credentials;
mod exec;
mod images;
mod scratch;
mod tools;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::HostError;
use super::process::{Children, Program};

pub use containers::Made;
pub use credentials::Credentials;
pub use exec::{Exec, ExecOutput};
pub use images::RemoteImage;
pub use tools::ToolContainer;

/// Longer than any grace period: a stop request is answered when the container has stopped.
const TIMEOUT: Duration = Duration::from_mins(10);

/// The engine, seen by one project.
#[derive(Clone)]
pub struct Docker {
    client: bollard::Docker,
    project: String,
    /// Whether the containers are those of a rehearsal of the project.
    rehearses: bool,
    credentials: Credentials,
}

/// Facts of the engine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EngineFacts {
    /// Unique to the engine.
    pub id: String,
    /// Its version.
    pub version: String,
    /// Whether it is Podman behind Docker's interface.
    pub podman: bool,
    /// What its containers run on, such as `linux/amd64`.
    pub platform: String,
    /// Where it keeps images, on its own machine.
    pub folder: PathBuf,
}

/// A volume that is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VolumeFacts {
    /// Its driver.
    pub driver: String,
    /// The driver's options.
    pub options: BTreeMap<String, String>,
    /// Where it is, on the engine's machine.
    pub path: PathBuf,
}

/// How to reach an engine.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// `DOCKER_HOST`, where set.
    pub host: Option<String>,
    /// The path of the `docker` command.
    pub docker: PathBuf,
    /// The user's Docker configuration folder.
    pub config: PathBuf,
}

impl Docker {
    /// Connects to the engine that the `docker` command would use.
    pub async fn connect(endpoint: &Endpoint) -> Result<Self, HostError> {
        let host = match &endpoint.host {
            Some(host) => host.clone(),
            None => context_host(endpoint).await?,
        };
        let unreachable = |source| HostError::Docker {
            what: format!("reach the Docker engine at `{host}`"),
            source,
        };
        let client = bollard::Docker::connect_with_host(&host)
            .map_err(&unreachable)?
            .with_timeout(TIMEOUT)
            .negotiate_version()
            .await
            .map_err(&unreachable)?;
        Ok(Self {
            client,
            project: String::new(),
            rehearses: false,
            credentials: Credentials::new(endpoint.config.clone()),
        })
    }

    /// The same engine, seen by a project.
    #[must_use]
    pub fn of_project(mut self, project: &str) -> Self {
        project.clone_into(&mut self.project);
        self
    }

    /// Facts of the engine.
    pub async fn facts(&self) -> Result<EngineFacts, HostError> {
        let failed = failed("ask the engine about itself");
        let (info, version) =
            tokio::try_join!(self.client.info(), self.client.version()).map_err(failed)?;
        let components = version.components.unwrap_or_default();
        Ok(EngineFacts {
            id: info.id.unwrap_or_default(),
            version: info.server_version.unwrap_or_default(),
            podman: components.iter().any(|part| part.name.contains("Podman")),
            platform: format!(
                "{}/{}",
                info.os_type.unwrap_or_default(),
                architecture(&info.architecture.unwrap_or_default())
            ),
            folder: info.docker_root_dir.unwrap_or_default().into(),
        })
    }

    /// The volumes that are there, by name.
    pub async fn volumes(&self) -> Result<BTreeMap<String, VolumeFacts>, HostError> {
        let list = self
            .client
            .list_volumes(None::<bollard::query_parameters::ListVolumesOptions>)
            .await
            .map_err(failed("list the volumes"))?;
        let volumes = list.volumes.unwrap_or_default().into_iter().map(|volume| {
            let facts = VolumeFacts {
                driver: volume.driver,
                options: volume.options.into_iter().collect(),
                path: volume.mountpoint.into(),
            };
            (volume.name, facts)
        });
        Ok(volumes.collect())
    }

    /// The names of the networks that are there.
    pub async fn networks(&self) -> Result<Vec<String>, HostError> {
        let list = self
            .client
            .list_networks(None::<bollard::query_parameters::ListNetworksOptions>)
            .await
            .map_err(failed("list the networks"))?;
        Ok(list
            .into_iter()
            .filter_map(|network| network.name)
            .collect())
    }

    fn filters(&self, service: Option<&str>) -> std::collections::HashMap<String, Vec<String>> {
        let (mut labels, of_service) = match self.rehearses {
            true => (
                vec![format!("{}={}", scratch::REHEARSAL, self.project)],
                scratch::SERVICE,
            ),
            false => (
                vec![
                    format!("com.docker.compose.project={}", self.project),
                    "com.docker.compose.oneoff=False".to_owned(),
                ],
                "com.docker.compose.service",
            ),
        };
        labels.extend(service.map(|name| format!("{of_service}={name}")));
        std::collections::HashMap::from([("label".to_owned(), labels)])
    }
}

/// The kernel's name of a processor, as images have it.
fn architecture(machine: &str) -> &str {
    match machine {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "armv7l" | "armv6l" => "arm",
        other => other,
    }
}

/// The address in the user's current Docker context.
async fn context_host(endpoint: &Endpoint) -> Result<String, HostError> {
    let program = Program {
        path: endpoint.docker.clone(),
        args: [
            "context",
            "inspect",
            "--format",
            "{{.Endpoints.docker.Host}}",
        ]
        .map(str::to_owned)
        .to_vec(),
        folder: PathBuf::from("/"),
        set: Vec::new(),
        unset: &[],
    };
    let printed = Children::reading().run(&program).await?;
    Ok(printed.output.trim().to_owned())
}

/// Turns an error of the engine into one that says what was attempted.
fn failed(what: impl Into<String>) -> impl Fn(bollard::errors::Error) -> HostError {
    let what = what.into();
    move |source| HostError::Docker {
        what: what.clone(),
        source,
    }
}

fn is_missing(error: &bollard::errors::Error) -> bool {
    matches!(
        error,
        bollard::errors::Error::DockerResponseServerError {
            status_code: 404,
            ..
        }
    )
}

/// `KEY=value` lines as a map.
fn environment(lines: Vec<String>) -> BTreeMap<String, String> {
    lines
        .into_iter()
        .filter_map(|line| {
            line.split_once('=')
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
        })
        .collect()
}
