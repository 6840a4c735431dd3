//! Containers and networks of a rehearsal. They have no label of Compose's, so that nobody takes
//! them for the project's, and one of ours, so that they are found again after a kill.

use std::collections::HashMap;

use bollard::models::{
    ContainerCreateBody, EndpointSettings, HostConfig, NetworkCreateRequest, NetworkingConfig,
    RestartPolicy, RestartPolicyNameEnum,
};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, ListContainersOptionsBuilder, ListNetworksOptionsBuilder,
    RemoveContainerOptionsBuilder, StartContainerOptions,
};

use super::{Docker, failed, is_missing};
use crate::host::{HostError, OneOff};

/// Marks what belongs to a rehearsal of a project.
pub(super) const REHEARSAL: &str = "eneo-upgrade.rehearsal";
/// The service that a container of a rehearsal stands for.
pub(super) const SERVICE: &str = "eneo-upgrade.service";

/// Where the machine runs out of memory, the kernel ends the rehearsal, not the app.
const FIRST_TO_GO: i64 = 1000;

impl Docker {
    /// The same engine, seen by the rehearsal of a project: its containers are all there are.
    #[must_use]
    pub fn of_rehearsal(mut self, project: &str) -> Self {
        project.clone_into(&mut self.project);
        self.rehearses = true;
        self
    }

    /// Makes a network from which nothing outside it can be reached.
    pub async fn make_network(&self, name: &str) -> Result<(), HostError> {
        let request = NetworkCreateRequest {
            name: name.to_owned(),
            internal: Some(true),
            labels: Some(self.labels(None)),
            ..NetworkCreateRequest::default()
        };
        let made = self.client.create_network(request).await;
        made.map_err(failed(format!("make the network `{name}`")))?;
        Ok(())
    }

    /// Makes a container in a network and nowhere else, and starts it; returns its id.
    pub async fn start_one_off(&self, one: &OneOff, network: &str) -> Result<String, HostError> {
        let name = format!("{network}_{}", one.service);
        let failed = failed(format!("start the container `{name}`"));
        let options = CreateContainerOptionsBuilder::new().name(&name).build();
        let labels = self.labels(Some(&one.service));
        let made = self
            .client
            .create_container(Some(options), body(one, network, labels))
            .await
            .map_err(&failed)?;
        self.client
            .start_container(&made.id, None::<StartContainerOptions>)
            .await
            .map_err(&failed)?;
        Ok(made.id)
    }

    /// Takes away everything of rehearsals of this project: containers with their volumes, then
    /// networks. Returns how many there were.
    pub async fn remove_rehearsals(&self) -> Result<usize, HostError> {
        let failed = failed("remove what a rehearsal has left");
        let filters = HashMap::from([("label", vec![format!("{REHEARSAL}={}", self.project)])]);
        let options = ListContainersOptionsBuilder::new()
            .all(true)
            .filters(&filters)
            .build();
        let containers = self.client.list_containers(Some(options)).await;
        let containers = containers.map_err(&failed)?.into_iter();
        let mut removed = 0;
        for id in containers.filter_map(|container| container.id) {
            let options = RemoveContainerOptionsBuilder::new()
                .force(true)
                .v(true)
                .build();
            match self.client.remove_container(&id, Some(options)).await {
                Err(error) if !is_missing(&error) => return Err(failed(error)),
                _ => removed += 1,
            }
        }
        let options = ListNetworksOptionsBuilder::new().filters(&filters).build();
        let networks = self.client.list_networks(Some(options)).await;
        let networks = networks.map_err(&failed)?.into_iter();
        for id in networks.filter_map(|network| network.id) {
            match self.client.remove_network(&id).await {
                Err(error) if !is_missing(&error) => return Err(failed(error)),
                _ => removed += 1,
            }
        }
        Ok(removed)
    }

    fn labels(&self, service: Option<&str>) -> HashMap<String, String> {
        let mut labels = HashMap::from([(REHEARSAL.to_owned(), self.project.clone())]);
        labels.extend(service.map(|service| (SERVICE.to_owned(), service.to_owned())));
        labels
    }
}

fn body(one: &OneOff, network: &str, labels: HashMap<String, String>) -> ContainerCreateBody {
    let variables = one.environment.iter();
    let endpoint = EndpointSettings {
        aliases: Some(one.aliases.clone()),
        ..EndpointSettings::default()
    };
    ContainerCreateBody {
        image: Some(one.image.clone()),
        env: Some(
            variables
                .map(|(name, value)| format!("{name}={}", value.expose()))
                .collect(),
        ),
        entrypoint: one.entrypoint.clone(),
        cmd: one.command.clone(),
        user: one.user.clone(),
        working_dir: one.working_dir.clone(),
        labels: Some(labels),
        host_config: Some(HostConfig {
            memory: one.memory,
            memory_swap: one.memory_and_swap,
            shm_size: one.shared_memory,
            nano_cpus: one.nano_processors,
            init: one.init,
            oom_score_adj: Some(FIRST_TO_GO),
            network_mode: Some(network.to_owned()),
            restart_policy: Some(RestartPolicy {
                name: Some(RestartPolicyNameEnum::NO),
                maximum_retry_count: None,
            }),
            ..HostConfig::default()
        }),
        networking_config: Some(NetworkingConfig {
            endpoints_config: Some(HashMap::from([(network.to_owned(), endpoint)])),
        }),
        ..ContainerCreateBody::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Secret;

    #[test]
    fn nothing_of_the_project_s_is_reached_from_it() {
        let one = OneOff {
            service: "db-init".to_owned(),
            image: "sha256:1".to_owned(),
            environment: [("POSTGRES_PASSWORD".to_owned(), Secret::new("a"))].into(),
            aliases: vec!["db".to_owned()],
            memory: Some(7),
            ..OneOff::default()
        };
        let body = body(&one, "eneo_rehearsal_0", HashMap::new());
        assert_eq!(body.env, Some(vec!["POSTGRES_PASSWORD=a".to_owned()]));
        let host = body.host_config.expect("there");
        assert_eq!(host.network_mode.as_deref(), Some("eneo_rehearsal_0"));
        assert_eq!(host.memory, Some(7));
        let policy = host.restart_policy.and_then(|policy| policy.name);
        assert_eq!(policy, Some(RestartPolicyNameEnum::NO));
        assert!(host.binds.is_none() && host.mounts.is_none() && host.port_bindings.is_none());
        let networks = body.networking_config.and_then(|it| it.endpoints_config);
        let networks = networks.expect("there");
        assert_eq!(networks.len(), 1);
        assert_eq!(
            networks["eneo_rehearsal_0"].aliases,
            Some(vec!["db".to_owned()])
        );
    }
}
