//! Redis, asked through its own command-line client in its container.

use std::sync::Mutex;
use std::time::Duration;

use tokio::task::AbortHandle;

use super::docker::{Docker, Exec};
use super::{Containers, HostError, Queue};
use crate::event::RunId;

/// Sets the key to our name if nobody or we ourselves hold it, and says who holds it then.
const TAKE: &str = "local holder = redis.call('GET', KEYS[1]) \
    if not holder or holder == ARGV[1] then \
    redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2]) return ARGV[1] end return holder";
const GIVE_BACK: &str = "if redis.call('GET', KEYS[1]) == ARGV[1] then \
    return redis.call('DEL', KEYS[1]) end return 0";

/// The queue server of a project.
pub struct Redis {
    docker: Docker,
    service: Option<String>,
    name: String,
    renewing: Mutex<Option<AbortHandle>>,
}

impl Redis {
    /// `service` is the queue's; our name in it is that of the run.
    pub fn new(docker: Docker, service: Option<String>, run: &RunId) -> Self {
        Self {
            docker,
            service,
            name: format!("eneo-upgrade:{run}"),
            renewing: Mutex::new(None),
        }
    }

    fn stop_renewing(&self, next: Option<AbortHandle>) {
        let mut renewing = self
            .renewing
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(before) = std::mem::replace(&mut *renewing, next) {
            before.abort();
        }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.stop_renewing(None);
    }
}

/// Runs one script in the queue's container; none where no container of it runs.
async fn script(
    docker: &Docker,
    service: Option<&str>,
    script: &str,
    key: &str,
    args: &[&str],
) -> Result<Option<String>, HostError> {
    let Some(service) = service else {
        return Ok(None);
    };
    let containers = docker.of_service(service).await?;
    let Some(container) = containers.iter().find(|container| container.is_up()) else {
        return Ok(None);
    };
    let mut argv = vec!["redis-cli", "--raw", "EVAL", script, "1", key];
    argv.extend(args);
    let exec = Exec {
        container: &container.id,
        argv: &argv,
        environment: Vec::new(),
    };
    let answer = docker.exec_text(&exec).await?;
    Ok(Some(answer.trim().to_owned()))
}

impl Queue for Redis {
    async fn hold(&self, key: &str, ttl: Duration) -> Result<(), HostError> {
        let seconds = ttl.as_secs().max(1).to_string();
        // The feeder renews its own key for as long as it leads; it has to let go once. So take
        // the key over, whoever holds it: its owner sees that it is not its own any more.
        let take_over = "redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2]) return ARGV[1]";
        let args = [self.name.as_str(), seconds.as_str()];
        script(&self.docker, self.service.as_deref(), take_over, key, &args).await?;
        let (docker, service) = (self.docker.clone(), self.service.clone());
        let (name, key) = (self.name.clone(), key.to_owned());
        let renewing = tokio::spawn(async move {
            let mut every = tokio::time::interval(ttl / 3);
            loop {
                every.tick().await;
                let args = [name.as_str(), seconds.as_str()];
                // A renewal that fails is tried again; the key outlives two missed ones.
                let _ = script(&docker, service.as_deref(), TAKE, &key, &args).await;
            }
        });
        self.stop_renewing(Some(renewing.abort_handle()));
        Ok(())
    }

    async fn release(&self, key: &str) -> Result<(), HostError> {
        self.stop_renewing(None);
        let args = [self.name.as_str()];
        script(&self.docker, self.service.as_deref(), GIVE_BACK, key, &args).await?;
        Ok(())
    }
}
