//! A world of its own for a rehearsal: a database server and what is run against it, in a network
//! that nothing else is in. Steps of a run work in it as they do in the project.

use super::docker::Docker;
use super::postgres::Postgres;
use super::queue::Redis;
use super::{Compose, Containers, Host, HostError, Limits, Model, OneOff, Redactor};

/// The adapters of a rehearsal.
pub struct Scratch {
    /// The engine, seen by the rehearsal.
    pub docker: Docker,
    /// The network everything is in.
    pub network: String,
    /// What can be started.
    pub one_offs: Vec<OneOff>,
    /// The database of the scratch server.
    pub database: Postgres,
    /// There is none to be reached.
    pub queue: Redis,
    /// Knows the project's secrets.
    pub redactor: Redactor,
    /// What somebody has said since the plan was made.
    pub limits: Limits,
}

impl Host for Scratch {
    type Images = Docker;
    type Containers = Docker;
    type Compose = Self;
    type Database = Postgres;
    type Queue = Redis;

    fn images(&self) -> &Docker {
        &self.docker
    }

    fn containers(&self) -> &Docker {
        &self.docker
    }

    fn compose(&self) -> &Self {
        self
    }

    fn database(&self) -> &Postgres {
        &self.database
    }

    fn queue(&self) -> &Redis {
        &self.queue
    }

    fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    fn limits(&self) -> Limits {
        self.limits
    }
}

/// What Compose does for the project, as far as there is a project here.
impl Compose for Scratch {
    async fn model(&self) -> Result<Model, HostError> {
        Ok(Model::default())
    }

    /// Containers are made when they are started.
    async fn create(&self, _services: &[String]) -> Result<(), HostError> {
        Ok(())
    }

    async fn start(&self, service: &str) -> Result<(), HostError> {
        let wanted = self.one_offs.iter().find(|one| one.service == service);
        let one = wanted.ok_or_else(|| {
            HostError::Unexpected(format!("service `{service}` has no part in a rehearsal"))
        })?;
        self.docker.start_one_off(one, &self.network).await?;
        Ok(())
    }

    async fn would_recreate(&self) -> Result<Vec<String>, HostError> {
        Ok(Vec::new())
    }
}

impl Scratch {
    /// The lines that a service has printed, secrets taken out.
    pub async fn log_of(&self, service: &str) -> Result<String, HostError> {
        let log = std::sync::Mutex::new(String::new());
        let line = |line: &str| {
            let mut log = log
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            log.push_str(&self.redactor.redact(line));
            log.push('\n');
        };
        for container in self.docker.of_service(service).await? {
            self.docker.follow(&container.id, &line).await?;
        }
        Ok(log
            .into_inner()
            .unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}
