//! Nobody waits at a closed door for ever.

use std::time::{Duration, Instant};

use crate::engine::{Report, RunState};
use crate::event::Failure;
use crate::host::{Container, ContainerStatus, Containers};
use crate::plan::{self, Extent, NoWayBack};
use crate::steps::{has_stayed_closed, open};

/// How often the door is looked at.
const POLL: Duration = Duration::from_millis(500);

/// What a run keeps closed, and from whom.
#[derive(Debug, Clone)]
pub(super) struct Door {
    /// The entry.
    pub(super) service: String,
    /// Who could write to the app.
    pub(super) writers: Vec<String>,
    /// How long requests may have to wait.
    pub(super) limit: Duration,
}

impl Door {
    /// Opens the door when requests have waited for too long and nobody could write for them:
    /// they fail then instead of waiting. Returns, with the reason, when somebody could: the
    /// release that is not decided yet must not be written to.
    pub(super) async fn watch(&self, containers: &impl Containers, report: &Report) -> String {
        let mut since = None;
        loop {
            tokio::time::sleep(POLL).await;
            match self.is_closed(containers).await {
                Ok(true) => {}
                Ok(false) => {
                    since = None;
                    continue;
                }
                // The engine does not answer; the step at work tells.
                Err(_) => continue,
            }
            if since.get_or_insert_with(Instant::now).elapsed() < self.limit {
                continue;
            }
            match self.open_if_nobody_writes(containers).await {
                Ok(true) => report.note(format!(
                    "requests have waited for {} s at {}: they fail from now on, nothing can be \
                     written",
                    self.limit.as_secs(),
                    self.service
                )),
                Ok(false) => {
                    return format!(
                        "requests have waited for {} s and the new release is not verified",
                        self.limit.as_secs()
                    );
                }
                Err(_) => {}
            }
        }
    }

    /// Says whether it was opened, or was open: it stays closed while a writer is up.
    pub(super) async fn open_if_nobody_writes(
        &self,
        containers: &impl Containers,
    ) -> Result<bool, Failure> {
        if self.is_closed(containers).await? && anybody_up(containers, &self.writers).await? {
            return Ok(false);
        }
        open(containers, &self.service).await?;
        Ok(true)
    }

    async fn is_closed(&self, containers: &impl Containers) -> Result<bool, Failure> {
        let found = containers.of_service(&self.service).await?;
        Ok(found.iter().any(|it| it.status == ContainerStatus::Paused))
    }
}

/// How far a run has gone, by what it has recorded and by what is to be seen: going back loses
/// nothing as long as nobody but we have started a writer, or nobody has come in since the door
/// was closed.
pub(super) async fn extent(
    state: &RunState,
    containers: &impl Containers,
) -> Result<Extent, Failure> {
    let failed = |error: NoWayBack| Failure::from_error(&error);
    let extent = plan::extent(state).map_err(failed)?;
    if !matches!(extent, Extent::Database | Extent::Closed) {
        return Ok(extent);
    }
    let closed = match plan::door(state) {
        Some((service, started)) => has_stayed_closed(containers, service, started).await?,
        None => false,
    };
    if closed {
        return Ok(Extent::Database);
    }
    let writers = plan::writers(state).map_err(failed)?;
    Ok(match anybody_up(containers, &writers).await? {
        false if extent == Extent::Database => Extent::Database,
        _ => Extent::Serving,
    })
}

/// Whether a container of any of these services is up.
async fn anybody_up(containers: &impl Containers, services: &[String]) -> Result<bool, Failure> {
    for service in services {
        let found = containers.of_service(service).await?;
        if found.iter().any(Container::is_up) {
            return Ok(true);
        }
    }
    Ok(false)
}
