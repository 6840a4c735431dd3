//! Redis, asked through its own command-line client in its container.

use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use tokio::task::AbortHandle;

use super::docker::{Docker, Exec};
use super::{Containers, HostError, Queue, Requeued, files};
use crate::event::RunId;

/// Sets the key to our name if nobody or we ourselves hold it, and says who holds it then.
const TAKE: &str = "local holder = redis.call('GET', KEYS[1]) \
    if not holder or holder == ARGV[1] then \
    redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2]) return ARGV[1] end return holder";
const GIVE_BACK: &str = "if redis.call('GET', KEYS[1]) == ARGV[1] then \
    return redis.call('DEL', KEYS[1]) end return 0";
/// Keys: the list, those to remove, the sets. Arguments: the id, how many to remove, the element.
const REQUEUE: &str = "local n = tonumber(ARGV[2]) \
    for i = 2, 1 + n do redis.call('DEL', KEYS[i]) end \
    for i = 2 + n, #KEYS do redis.call('ZREM', KEYS[i], ARGV[1]) end \
    redis.call('LREM', KEYS[1], 0, ARGV[3]) redis.call('RPUSH', KEYS[1], ARGV[3]) return 1";

/// A server that waits for more followers before it tells the first one what it holds, five seconds
/// by itself, does not wait meanwhile.
const SAVE: &str = "\
    key=repl-diskless-sync-delay; before=$(redis-cli --raw config get $key 2>/dev/null | tail -n 1); \
    wait_for() { case $1 in ''|*[!0-9]*) ;; *) redis-cli config set $key \"$1\" >/dev/null ;; esac; }; \
    trap 'wait_for \"$before\"' EXIT; \
    case $before in ''|*[!0-9]*) ;; *) wait_for 0 ;; esac; \
    redis-cli --rdb -";

/// A second server, which reads the file as its own, is followed once: that works however the
/// first one keeps its data, and replaces whatever it holds.
const LOAD: &str = "\
    set -e; folder=$(mktemp -d); port=16379; \
    trap 'redis-cli -p $port shutdown nosave >/dev/null 2>&1 || :; \
          redis-cli replicaof no one >/dev/null 2>&1 || :; rm -rf \"$folder\"' EXIT; \
    cat >\"$folder/dump.rdb\"; \
    redis-server --bind 127.0.0.1 --port $port --dir \"$folder\" --dbfilename dump.rdb \
      --save '' --appendonly no --repl-diskless-sync-delay 0 --daemonize yes --logfile \"$folder/log\"; \
    patiently() { tries=0; until \"$@\"; do tries=$((tries + 1)); \
      if [ $tries -gt 600 ]; then tail -n 3 \"$folder/log\" >&2; exit 1; fi; sleep 0.1; done; }; \
    answers() { redis-cli -p $port ping 2>/dev/null | grep -q PONG; }; \
    follows() { redis-cli info replication | grep -q 'master_link_status:up'; }; \
    patiently answers; redis-cli replicaof 127.0.0.1 $port >/dev/null; patiently follows";

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

    async fn must_run(&self, what: &str) -> Result<String, HostError> {
        let containers = match &self.service {
            Some(service) => self.docker.of_service(service).await?,
            None => Vec::new(),
        };
        let up = containers.into_iter().find(super::Container::is_up);
        up.map(|container| container.id).ok_or_else(|| {
            HostError::Unexpected(format!("cannot {what}: the queue's service is not running"))
        })
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

/// Runs one script in the queue's container; none where no container of it runs. `last`, if
/// given, is the last argument; it travels on standard input, where no list of processes shows it.
async fn script(
    docker: &Docker,
    service: Option<&str>,
    script: &str,
    keys: &[&str],
    args: &[&str],
    last: Option<&str>,
) -> Result<Option<String>, HostError> {
    let Some(service) = service else {
        return Ok(None);
    };
    let containers = docker.of_service(service).await?;
    let Some(container) = containers.iter().find(|container| container.is_up()) else {
        return Ok(None);
    };
    let number = keys.len().to_string();
    let mut argv = vec!["redis-cli", "--raw"];
    argv.extend(last.map(|_| "-x"));
    argv.extend(["EVAL", script, &number]);
    argv.extend(keys);
    argv.extend(args);
    let exec = Exec {
        container: &container.id,
        argv: &argv,
        environment: Vec::new(),
    };
    let answer = docker.exec_text(&exec, last).await?;
    Ok(Some(answer.trim().to_owned()))
}

impl Queue for Redis {
    async fn hold(&self, key: &str, ttl: Duration) -> Result<(), HostError> {
        let seconds = ttl.as_secs().max(1).to_string();
        // The feeder renews its own key for as long as it leads; it has to let go once. So take
        // the key over, whoever holds it: its owner sees that it is not its own any more.
        let take_over = "redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2]) return ARGV[1]";
        let args = [self.name.as_str(), seconds.as_str()];
        let holder = script(
            &self.docker,
            self.service.as_deref(),
            take_over,
            &[key],
            &args,
            None,
        )
        .await?;
        // The client ends well also where the server has said no.
        if let Some(answer) = holder.filter(|holder| *holder != self.name) {
            return Err(HostError::Unexpected(format!(
                "cannot hold the feeder of queued jobs: {answer}"
            )));
        }
        let (docker, service) = (self.docker.clone(), self.service.clone());
        let (name, key) = (self.name.clone(), key.to_owned());
        let renewing = tokio::spawn(async move {
            let mut every = tokio::time::interval(ttl / 3);
            loop {
                every.tick().await;
                let args = [name.as_str(), seconds.as_str()];
                // A renewal that fails is tried again; the key outlives two missed ones.
                let _ = script(&docker, service.as_deref(), TAKE, &[&key], &args, None).await;
            }
        });
        self.stop_renewing(Some(renewing.abort_handle()));
        Ok(())
    }

    async fn requeue(&self, job: &Requeued) -> Result<(), HostError> {
        let mut keys = vec![job.list.as_str()];
        keys.extend(job.forget.iter().chain(&job.forget_in).map(String::as_str));
        let forgotten = job.forget.len().to_string();
        let args = [job.id.as_str(), forgotten.as_str()];
        let (service, payload) = (self.service.as_deref(), Some(job.payload.as_str()));
        let done = script(&self.docker, service, REQUEUE, &keys, &args, payload).await?;
        match done.as_deref() {
            Some("1") => Ok(()),
            Some(answer) => Err(HostError::Unexpected(format!(
                "cannot queue job {} again: {answer}",
                job.id
            ))),
            None => Err(HostError::Unexpected(format!(
                "cannot queue job {} again: the queue's service is not running",
                job.id
            ))),
        }
    }

    async fn save(&self, to: &Path) -> Result<(), HostError> {
        let container = self.must_run("save what the queue holds").await?;
        let exec = Exec {
            container: &container,
            argv: &["sh", "-c", SAVE],
            environment: Vec::new(),
        };
        self.docker.exec_to_file(&exec, to).await?;
        // The client ends well also where the server has said no.
        match files::begins_with(to, b"REDIS")? {
            true => Ok(()),
            false => Err(HostError::Unexpected(
                "the queue server has not said what it holds".to_owned(),
            )),
        }
    }

    async fn load(&self, from: &Path) -> Result<(), HostError> {
        let container = self.must_run("load what the queue held").await?;
        let exec = Exec {
            container: &container,
            argv: &["sh", "-c", LOAD],
            environment: Vec::new(),
        };
        self.docker.exec_from_file(&exec, from, |_| {}).await
    }

    async fn release(&self, key: &str) -> Result<(), HostError> {
        self.stop_renewing(None);
        let args = [self.name.as_str()];
        script(
            &self.docker,
            self.service.as_deref(),
            GIVE_BACK,
            &[key],
            &args,
            None,
        )
        .await?;
        Ok(())
    }
}
