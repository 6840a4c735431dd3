//! The Docker engine, through its API.

mod containers;
mod credentials;
mod exec;
mod images;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::HostError;
use super::process::{Children, Program};

pub use credentials::Credentials;
pub use exec::{Exec, ExecOutput};

/// Longer than any grace period: a stop request is answered when the container has stopped.
const TIMEOUT: Duration = Duration::from_mins(10);

/// The engine, seen by one project.
#[derive(Clone)]
pub struct Docker {
    client: bollard::Docker,
    project: String,
    credentials: Credentials,
}

/// Facts of the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineFacts {
    /// Unique to the engine.
    pub id: String,
    /// Its version.
    pub version: String,
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
        let info = self
            .client
            .info()
            .await
            .map_err(failed("ask the engine about itself"))?;
        Ok(EngineFacts {
            id: info.id.unwrap_or_default(),
            version: info.server_version.unwrap_or_default(),
        })
    }

    /// The names of the volumes that are there.
    pub async fn volumes(&self) -> Result<Vec<String>, HostError> {
        let list = self
            .client
            .list_volumes(None::<bollard::query_parameters::ListVolumesOptions>)
            .await
            .map_err(failed("list the volumes"))?;
        Ok(list
            .volumes
            .unwrap_or_default()
            .into_iter()
            .map(|v| v.name)
            .collect())
    }

    fn filters(&self, service: Option<&str>) -> std::collections::HashMap<String, Vec<String>> {
        let mut labels = vec![
            format!("com.docker.compose.project={}", self.project),
            "com.docker.compose.oneoff=False".to_owned(),
        ];
        labels.extend(service.map(|name| format!("com.docker.compose.service={name}")));
        std::collections::HashMap::from([("label".to_owned(), labels)])
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
