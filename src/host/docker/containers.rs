//! Containers of the project: found by label, stopped so that the app can finish.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::time::Duration;

use bollard::models::{
    ContainerInspectResponse, ContainerStateStatusEnum, ContainerUpdateBody, HealthStatusEnum,
    MountPoint, RestartPolicy as EnginePolicy, RestartPolicyNameEnum,
};
use bollard::query_parameters::{
    EventsOptionsBuilder, InspectContainerOptions, ListContainersOptionsBuilder,
    LogsOptionsBuilder, StopContainerOptionsBuilder,
};
use futures_util::StreamExt;
use futures_util::future::try_join_all;

use super::scratch::SERVICE;
use super::{Docker, Exec, environment, failed, is_missing};
use crate::host::{
    Container, ContainerStatus, Containers, HostError, HttpAnswer, Mounted, RestartPolicy, http,
};

/// Sent by the shell that is already in the container, to everything but PID 1 and itself.
const TERM_INSIDE: [&str; 3] = ["/bin/sh", "-c", "kill -TERM -1"];
/// How often a container is looked at whose log has ended before it has.
const POLL: Duration = Duration::from_millis(500);
/// How long the engine may take to pass on a stop signal before the one inside goes all the same.
const SIGNAL_SEEN: Duration = Duration::from_secs(2);

impl Docker {
    /// All containers of the project and what they were made with, one-off ones left out.
    pub async fn containers(&self) -> Result<Vec<Made>, HostError> {
        let found = self.find(None).await?;
        let mut made: Vec<Made> = found.into_iter().map(made).collect();
        made.sort_by(|a, b| order(&a.container, &b.container));
        Ok(made)
    }

    /// The projects whose containers were made in a folder.
    pub async fn projects_in(&self, folder: &std::path::Path) -> Result<Vec<String>, HostError> {
        let made_in = ("com.docker.compose.project.working_dir", folder.display());
        let made = self
            .labelled(&format!("{}={}", made_in.0, made_in.1))
            .await?;
        let mut projects: Vec<String> = made
            .into_iter()
            .filter_map(|mut labels| labels.remove("com.docker.compose.project"))
            .collect();
        projects.sort();
        projects.dedup();
        Ok(projects)
    }

    /// Whether containers of a Swarm stack of this name are here.
    pub async fn has_stack(&self, name: &str) -> Result<bool, HostError> {
        let label = format!("com.docker.stack.namespace={name}");
        Ok(!self.labelled(&label).await?.is_empty())
    }

    /// The labels of all containers that have this one.
    async fn labelled(&self, label: &str) -> Result<Vec<HashMap<String, String>>, HostError> {
        let options = ListContainersOptionsBuilder::new()
            .all(true)
            .filters(&HashMap::from([("label", vec![label])]))
            .build();
        let list = self
            .client
            .list_containers(Some(options))
            .await
            .map_err(failed("list containers by their label"))?;
        Ok(list.into_iter().filter_map(|it| it.labels).collect())
    }

    async fn find(
        &self,
        service: Option<&str>,
    ) -> Result<Vec<ContainerInspectResponse>, HostError> {
        let options = ListContainersOptionsBuilder::new()
            .all(true)
            .filters(&self.filters(service))
            .build();
        let list = self
            .client
            .list_containers(Some(options))
            .await
            .map_err(failed("list the project's containers"))?;
        let ids: Vec<String> = list.into_iter().filter_map(|summary| summary.id).collect();
        let found = try_join_all(ids.iter().map(|id| self.look_at(id))).await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// None where it is gone meanwhile.
    async fn look_at(&self, id: &str) -> Result<Option<ContainerInspectResponse>, HostError> {
        match self
            .client
            .inspect_container(id, None::<InspectContainerOptions>)
            .await
        {
            Ok(found) => Ok(Some(found)),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(failed("look at a container")(error)),
        }
    }

    /// The environment a container was made with.
    pub async fn environment_of(&self, id: &str) -> Result<BTreeMap<String, String>, HostError> {
        let found = self.look_at(id).await?.and_then(|found| found.config);
        Ok(environment(
            found.and_then(|config| config.env).unwrap_or_default(),
        ))
    }

    /// An address of a container that this machine can reach, where it has one.
    pub async fn address_of(&self, id: &str) -> Result<Option<String>, HostError> {
        let found = self.look_at(id).await?.map(container);
        Ok(found.and_then(|container| container.addresses.into_iter().next()))
    }

    async fn stop_one(&self, id: &str, grace: Duration) -> Result<(), HostError> {
        let failed = failed("stop a container");
        let Some(found) = self.look_at(id).await? else {
            return Ok(());
        };
        let swallows = found.path.as_deref().is_some_and(is_shell);
        let seconds = i32::try_from(grace.as_secs()).unwrap_or(i32::MAX);
        let options = StopContainerOptionsBuilder::new().t(seconds).build();
        let stop = self.client.stop_container(id, Some(options));
        if !swallows {
            return stop.await.map_err(failed);
        }
        // Without a stop request pending, the restart policy would start it again at once: so
        // wait until the engine has sent its own signal.
        let (stopped, ()) = tokio::join!(stop, async {
            let _ = tokio::time::timeout(SIGNAL_SEEN, self.signal_sent(id)).await;
            let inside = Exec {
                container: id,
                argv: &TERM_INSIDE,
                environment: Vec::new(),
            };
            // If it cannot be delivered, the container is stopped the engine's way.
            let _ = self.exec(&inside, None, |_| Ok(())).await;
        });
        stopped.map_err(failed)
    }

    async fn must_look_at(&self, id: &str) -> Result<Container, HostError> {
        let found = self.look_at(id).await?.map(container);
        found.ok_or_else(|| HostError::Unexpected("a container was removed meanwhile".to_owned()))
    }

    /// Tells the lines of a log to its end.
    async fn log(
        &self,
        id: &str,
        since: i32,
        line: &(dyn Fn(&str) + Sync),
    ) -> Result<(), HostError> {
        let options = LogsOptionsBuilder::new()
            .follow(true)
            .stdout(true)
            .stderr(true)
            .since(since)
            .build();
        let mut log = self.client.logs(id, Some(options));
        let mut rest = String::new();
        while let Some(chunk) = log.next().await {
            let chunk = chunk.map_err(failed("follow a container's log"))?;
            rest.push_str(&String::from_utf8_lossy(&chunk.into_bytes()));
            while let Some(end) = rest.find('\n') {
                line(rest[..end].trim_end_matches('\r'));
                rest.drain(..=end);
            }
        }
        if !rest.is_empty() {
            line(&rest);
        }
        Ok(())
    }

    /// The last lines that a container has printed.
    pub async fn last_lines(&self, id: &str, count: usize) -> Result<Vec<String>, HostError> {
        let lines = std::sync::Mutex::new(std::collections::VecDeque::new());
        let line = |line: &str| {
            let mut lines = lines
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            lines.push_back(line.to_owned());
            if lines.len() > count {
                lines.pop_front();
            }
        };
        self.log(id, 0, &line).await?;
        let lines = lines.into_inner();
        Ok(lines
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .into())
    }

    async fn signal_sent(&self, id: &str) {
        let filters = HashMap::from([
            ("container".to_owned(), vec![id.to_owned()]),
            ("event".to_owned(), vec!["kill".to_owned()]),
        ]);
        // From just before now: the signal may be sent before we listen.
        let since = jiff::Timestamp::now() - jiff::SignedDuration::from_secs(1);
        let options = EventsOptionsBuilder::new()
            .since(&since.as_second().to_string())
            .filters(&filters)
            .build();
        let _ = self.client.events(Some(options)).next().await;
    }
}

impl Containers for Docker {
    async fn of_service(&self, service: &str) -> Result<Vec<Container>, HostError> {
        let found = self.find(Some(service)).await?;
        let mut containers: Vec<Container> = found.into_iter().map(container).collect();
        containers.sort_by(order);
        Ok(containers)
    }

    async fn stop(&self, ids: &[String], grace: Duration) -> Result<(), HostError> {
        try_join_all(ids.iter().map(|id| self.stop_one(id, grace))).await?;
        Ok(())
    }

    async fn pause(&self, id: &str) -> Result<(), HostError> {
        let paused = self.client.pause_container(id).await;
        paused.map_err(failed("pause a container"))
    }

    async fn unpause(&self, id: &str) -> Result<(), HostError> {
        let unpaused = self.client.unpause_container(id).await;
        unpaused.map_err(failed("let a paused container go on"))
    }

    async fn set_restart_policy(&self, id: &str, policy: &RestartPolicy) -> Result<(), HostError> {
        let failed = |why: String| {
            HostError::Unexpected(format!(
                "cannot set the restart policy of a container: {why}"
            ))
        };
        let name = policy.name.parse::<RestartPolicyNameEnum>();
        let body = ContainerUpdateBody {
            restart_policy: Some(EnginePolicy {
                name: Some(name.map_err(failed)?),
                maximum_retry_count: Some(policy.tries),
            }),
            ..ContainerUpdateBody::default()
        };
        let updated = self.client.update_container(id, body).await;
        updated.map_err(|error| failed(error.to_string()))
    }

    async fn follow(&self, id: &str, line: &(dyn Fn(&str) + Sync)) -> Result<Container, HostError> {
        let begun = self.must_look_at(id).await?;
        let since = begun.started_at.parse::<jiff::Timestamp>();
        let since = since.map_or(0, |at| i32::try_from(at.as_second()).unwrap_or(0));
        if let Err(error) = self.log(id, since, line).await {
            // The log is for people; how the container ends is told by the container.
            line(&format!("(its log cannot be read: {error})"));
        }
        loop {
            let found = self.must_look_at(id).await?;
            if found.status != ContainerStatus::Running || found.started_at != begun.started_at {
                return Ok(found);
            }
            tokio::time::sleep(POLL).await;
        }
    }

    async fn pack(
        &self,
        id: &str,
        folder: &str,
        to: &Path,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<(), HostError> {
        self.pack_folder(id, folder, to, progress).await
    }

    async fn unpack(&self, id: &str, folder: &str, from: &Path) -> Result<(), HostError> {
        self.unpack_folder(id, folder, from).await
    }

    async fn get(&self, id: &str, port: u16, path: &str) -> Result<HttpAnswer, HostError> {
        if let Some(address) = self.address_of(id).await?
            && http::is_reachable(&address, port).await
        {
            return http::get(&address, port, path).await;
        }
        let url = format!("http://127.0.0.1:{port}{path}");
        let inside = Exec {
            container: id,
            argv: &["/bin/sh", "-c", http::ASK_INSIDE, "ask", &url],
            environment: Vec::new(),
        };
        http::answered_inside(&self.exec_text(&inside, None).await?)
    }
}

/// A container and what it was made with. Its environment may be secret.
pub struct Made {
    /// The container.
    pub container: Container,
    /// Its variables.
    pub environment: BTreeMap<String, String>,
    /// Its labels.
    pub labels: HashMap<String, String>,
}

fn made(found: ContainerInspectResponse) -> Made {
    let config = found.config.clone().unwrap_or_default();
    Made {
        environment: environment(config.env.unwrap_or_default()),
        labels: config.labels.unwrap_or_default(),
        container: container(found),
    }
}

/// Where in a container something is mounted, and what.
fn mounts(found: Vec<MountPoint>) -> BTreeMap<String, Mounted> {
    let mounts = found.into_iter().map(|mount| {
        let path = mount.source.unwrap_or_default();
        // A bind has no name, or an empty one.
        let name = mount.name.filter(|name| !name.is_empty());
        let mounted = Mounted {
            anonymous: name.as_deref().is_some_and(is_random),
            source: name.unwrap_or_else(|| path.clone()),
            path: path.into(),
        };
        (mount.destination.unwrap_or_default(), mounted)
    });
    mounts.collect()
}

/// The engine names volumes that nobody has named: 64 hexadecimal digits.
fn is_random(volume: &str) -> bool {
    volume.len() == 64 && volume.chars().all(|c| c.is_ascii_hexdigit())
}

fn order(a: &Container, b: &Container) -> std::cmp::Ordering {
    a.service.cmp(&b.service).then_with(|| a.id.cmp(&b.id))
}

fn is_shell(path: &str) -> bool {
    matches!(
        path.rsplit('/').next(),
        Some("sh" | "bash" | "dash" | "ash" | "busybox")
    )
}

fn restart_policy(found: &EnginePolicy) -> RestartPolicy {
    RestartPolicy {
        name: found.name.map(|name| name.to_string()).unwrap_or_default(),
        tries: found.maximum_retry_count.unwrap_or_default(),
    }
}

fn container(found: ContainerInspectResponse) -> Container {
    let state = found.state.unwrap_or_default();
    let networks = found
        .network_settings
        .and_then(|settings| settings.networks);
    let mut addresses: Vec<String> = networks
        .unwrap_or_default()
        .into_values()
        .flat_map(|endpoint| [endpoint.ip_address, endpoint.global_ipv6_address])
        .flatten()
        .filter(|address| !address.is_empty())
        .collect();
    // Those of version 4 first.
    addresses.sort_by_key(|address| (address.contains(':'), address.clone()));
    let mut labels = found
        .config
        .and_then(|config| config.labels)
        .unwrap_or_default();
    let policy = found.host_config.and_then(|config| config.restart_policy);
    let healthy = match state.health.as_ref().and_then(|health| health.status) {
        None | Some(HealthStatusEnum::NONE | HealthStatusEnum::EMPTY) => None,
        Some(status) => Some(status == HealthStatusEnum::HEALTHY),
    };
    let never = |at: &str| at.starts_with("0001-");
    Container {
        id: found.id.unwrap_or_default(),
        name: found
            .name
            .unwrap_or_default()
            .trim_start_matches('/')
            .to_owned(),
        service: labels
            .remove("com.docker.compose.service")
            .or_else(|| labels.remove(SERVICE))
            .unwrap_or_default(),
        image: found.image.unwrap_or_default(),
        status: match state.status {
            Some(ContainerStateStatusEnum::CREATED) => ContainerStatus::Created,
            Some(ContainerStateStatusEnum::RUNNING) => ContainerStatus::Running,
            Some(ContainerStateStatusEnum::PAUSED) => ContainerStatus::Paused,
            Some(ContainerStateStatusEnum::RESTARTING) => ContainerStatus::Restarting,
            Some(ContainerStateStatusEnum::EXITED) => ContainerStatus::Exited,
            _ => ContainerStatus::Dead,
        },
        started_at: state.started_at.filter(|at| !never(at)).unwrap_or_default(),
        exit_code: state.exit_code.unwrap_or_default(),
        healthy,
        restart_policy: policy
            .as_ref()
            .map_or_else(RestartPolicy::no, restart_policy),
        restarts: found
            .restart_count
            .and_then(|n| u64::try_from(n).ok())
            .unwrap_or_default(),
        out_of_memory: state.oom_killed.unwrap_or_default(),
        addresses,
        mounts: mounts(found.mounts.unwrap_or_default()),
    }
}
