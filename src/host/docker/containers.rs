//! Containers of the project: found by label, stopped so that the app can finish.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use bollard::models::{ContainerInspectResponse, ContainerStateStatusEnum, HealthStatusEnum};
use bollard::query_parameters::{
    EventsOptionsBuilder, InspectContainerOptions, ListContainersOptionsBuilder,
    LogsOptionsBuilder, StopContainerOptionsBuilder, WaitContainerOptions,
};
use futures_util::future::try_join_all;
use futures_util::{StreamExt, TryStreamExt};

use super::{Docker, Exec, environment, failed, is_missing};
use crate::host::{Container, ContainerStatus, Containers, HostError, HttpAnswer, http};

/// Sent by the shell that is already in the container, to everything but PID 1 and itself.
const TERM_INSIDE: [&str; 3] = ["/bin/sh", "-c", "kill -TERM -1"];
/// How long the engine may take to pass on a stop signal before the one inside goes all the same.
const SIGNAL_SEEN: Duration = Duration::from_secs(2);

impl Docker {
    /// All containers of the project, one-off ones left out.
    pub async fn containers(&self) -> Result<Vec<Container>, HostError> {
        self.find(None).await
    }

    async fn find(&self, service: Option<&str>) -> Result<Vec<Container>, HostError> {
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
        let mut containers: Vec<Container> = found.into_iter().flatten().map(container).collect();
        containers.sort_by(|a, b| a.service.cmp(&b.service).then_with(|| a.id.cmp(&b.id)));
        Ok(containers)
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

    /// The labels of a container.
    pub async fn labels_of(&self, id: &str) -> Result<HashMap<String, String>, HostError> {
        let found = self.look_at(id).await?.and_then(|found| found.config);
        Ok(found.and_then(|config| config.labels).unwrap_or_default())
    }

    /// An address of a container that this machine can reach, where it has one.
    pub async fn address_of(&self, id: &str) -> Result<Option<String>, HostError> {
        let networks = self
            .look_at(id)
            .await?
            .and_then(|found| found.network_settings)
            .and_then(|settings| settings.networks)
            .unwrap_or_default();
        let mut addresses: Vec<String> = networks
            .into_values()
            .filter_map(|endpoint| endpoint.ip_address)
            .filter(|address| !address.is_empty())
            .collect();
        addresses.sort();
        Ok(addresses.into_iter().next())
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
        self.find(Some(service)).await
    }

    async fn stop(&self, ids: &[String], grace: Duration) -> Result<(), HostError> {
        try_join_all(ids.iter().map(|id| self.stop_one(id, grace))).await?;
        Ok(())
    }

    async fn follow(&self, id: &str, line: &(dyn Fn(&str) + Sync)) -> Result<i64, HostError> {
        let failed = failed("follow a container's log");
        let started = self
            .look_at(id)
            .await?
            .and_then(|found| found.state?.started_at);
        let since = started
            .and_then(|text| text.parse::<jiff::Timestamp>().ok())
            .map_or(0, |at| i32::try_from(at.as_second()).unwrap_or(0));
        let options = LogsOptionsBuilder::new()
            .follow(true)
            .stdout(true)
            .stderr(true)
            .since(since)
            .build();
        let mut log = self.client.logs(id, Some(options));
        let mut rest = String::new();
        while let Some(chunk) = log.next().await {
            rest.push_str(&String::from_utf8_lossy(
                &chunk.map_err(&failed)?.into_bytes(),
            ));
            while let Some(end) = rest.find('\n') {
                line(rest[..end].trim_end_matches('\r'));
                rest.drain(..=end);
            }
        }
        if !rest.is_empty() {
            line(&rest);
        }
        // The end of a log is not the end of the container.
        let mut wait = self.client.wait_container(id, None::<WaitContainerOptions>);
        match wait.try_next().await {
            Ok(Some(ended)) => Ok(ended.status_code),
            // The client reports an exit code other than 0 as an error.
            Err(bollard::errors::Error::DockerContainerWaitError { code, .. }) => Ok(code),
            Err(error) => Err(failed(error)),
            Ok(None) => Err(HostError::Unexpected(
                "the engine did not say how a container ended".to_owned(),
            )),
        }
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
        http::answered_inside(&self.exec_text(&inside).await?)
    }
}

fn is_shell(path: &str) -> bool {
    matches!(
        path.rsplit('/').next(),
        Some("sh" | "bash" | "dash" | "ash" | "busybox")
    )
}

fn container(found: ContainerInspectResponse) -> Container {
    let state = found.state.unwrap_or_default();
    let mut labels = found
        .config
        .and_then(|config| config.labels)
        .unwrap_or_default();
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
    }
}
