//! Jobs that stopping the worker has cut short: noted while it is down, settled before it works
//! again.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::drain::count;
use crate::engine::Probe;
use crate::event::{Artifact, DrainPolicy, Failure, Job};
use crate::host::jobs::{JobQuery, jobs};
use crate::host::{Containers, Database, HostError, Limits, Queue, Requeued, files};
use crate::recipe::Interrupted;

/// Notes the jobs that stopping the worker cuts short: those under way before it is stopped, and
/// what became of them after. A worker that is told to end may mark its jobs failed itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoteInterrupted {
    /// Whether the worker was stopped.
    pub stopped: bool,
    /// How to ask for jobs under way.
    pub query: JobQuery,
    /// How to ask which of some jobs have not come to a good end.
    pub cut_short: String,
    /// Where they are noted.
    pub path: PathBuf,
    /// The services that work.
    pub workers: Vec<String>,
}

impl NoteInterrupted {
    pub(super) fn moment(&self) -> &'static str {
        match self.stopped {
            true => "after",
            false => "before",
        }
    }

    pub(super) async fn run(
        &self,
        containers: &impl Containers,
        database: &impl Database,
    ) -> Result<Option<Artifact>, Failure> {
        let uptime = self.uptime(containers).await?;
        let active = jobs(database, &self.query).await?;
        let works = |job: &Job| uptime.is_some_and(|uptime| job.quiet <= uptime);
        let mut found = self.noted_and_unfinished(database).await?;
        if self.stopped {
            // One that a worker which runs again has taken up is well.
            found.retain(|job| !active.iter().any(|a| a.id == job.id && works(a)));
        }
        let wanted = active
            .into_iter()
            // Those that were dead before are not ours.
            .filter(|job| !job.dead && (!self.stopped || !works(job)));
        for job in wanted {
            if !found.iter().any(|known| known.id == job.id) {
                found.push(job);
            }
        }
        write(&self.path, &found)?;
        let text = format!("{} cut short", count(found.len()));
        Ok((self.stopped && !found.is_empty()).then_some(Artifact::Jobs { text, jobs: found }))
    }

    async fn noted_and_unfinished(&self, database: &impl Database) -> Result<Vec<Job>, Failure> {
        let before = noted(&self.path)?;
        if before.is_empty() {
            return Ok(before);
        }
        let ids: Vec<&str> = before.iter().map(|job| job.id.as_str()).collect();
        let query = JobQuery {
            sql: with_ids(&self.cut_short, &ids),
            stale_seconds: u64::MAX,
        };
        Ok(jobs(database, &query).await?)
    }

    /// Seconds since the first of the workers was started that are up now, by a reboot for
    /// example; what was under way before that was cut short all the same.
    async fn uptime(&self, containers: &impl Containers) -> Result<Option<u64>, Failure> {
        let mut longest = None;
        for worker in &self.workers {
            let found = containers.of_service(worker).await?;
            for container in found.iter().filter(|container| container.is_up()) {
                let since = container.started_at.parse::<jiff::Timestamp>();
                let uptime = since.map_or(0, |at| (jiff::Timestamp::now() - at).get_seconds());
                longest = longest.max(Some(u64::try_from(uptime).unwrap_or(0)));
            }
        }
        Ok(longest)
    }
}

/// Queues them again, or says that they have failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettleInterrupted {
    /// Where they are noted.
    pub path: PathBuf,
    /// Whether those that can be are queued again.
    pub requeue: bool,
    /// How.
    pub how: Interrupted,
}

impl SettleInterrupted {
    pub(super) fn probe(&self) -> Result<Probe, Failure> {
        let nothing = noted(&self.path)?.is_empty() && self.how.refresh_queued.is_none();
        Ok(match nothing {
            true => Probe::NotNeeded("no job was cut short".to_owned()),
            false => Probe::Needed,
        })
    }

    pub(super) async fn run(
        &self,
        database: &impl Database,
        queue: &impl Queue,
        limits: Limits,
    ) -> Result<Option<Artifact>, Failure> {
        let jobs = noted(&self.path)?;
        let policy = limits
            .drain_policy
            .map(|policy| policy != DrainPolicy::Continue);
        let requeue = policy.unwrap_or(self.requeue);
        if let Some(refresh) = &self.how.refresh_queued {
            database.update(refresh).await?;
        }
        let settled = settle(&jobs, requeue, &self.how, database, queue).await?;
        // No worker is up: nobody works on the others any more.
        if !settled.left.is_empty() {
            let left: Vec<&str> = settled.left.iter().map(String::as_str).collect();
            database
                .update(&with_ids(&self.how.mark_failed, &left))
                .await?;
        }
        Ok((!jobs.is_empty()).then(|| Artifact::Jobs {
            text: settled.text("marked failed"),
            jobs,
        }))
    }
}

/// What became of jobs.
#[derive(Debug, Default)]
pub(crate) struct Settled {
    queued: usize,
    /// The ids of those that were not queued again.
    left: Vec<String>,
    trouble: Option<String>,
}

impl Settled {
    /// In one line; `rest` says what became of the others.
    pub(crate) fn text(&self, rest: &str) -> String {
        let parts = [("queued again", self.queued), (rest, self.left.len())];
        let parts = parts.into_iter().filter(|(_, n)| *n > 0);
        let parts = parts.map(|(what, n)| format!("{} {what}", count(n)));
        parts
            .chain(self.trouble.clone())
            .collect::<Vec<_>>()
            .join(", ")
    }
}

/// Queues jobs again where that is asked for and can be done. What the app says of a job changes
/// before the job is in its list: a worker takes only what is queued. An unwilling queue is no
/// reason to keep the app down.
pub(crate) async fn settle(
    jobs: &[Job],
    requeue: bool,
    how: &Interrupted,
    database: &impl Database,
    queue: &impl Queue,
) -> Result<Settled, Failure> {
    let ids: Vec<&str> = jobs.iter().map(|job| job.id.as_str()).collect();
    let mut settled = Settled::default();
    let mut queued = Vec::new();
    if requeue && !ids.is_empty() {
        for row in database.rows(&with_ids(&how.requeue, &ids)).await? {
            let job = requeued(&row, how)?;
            database
                .update(&with_ids(&how.mark_queued, &[&job.id]))
                .await?;
            match queue.requeue(&job).await {
                Ok(()) => queued.push(job.id),
                Err(error) => {
                    database
                        .update(&with_ids(&how.mark_failed, &[&job.id]))
                        .await?;
                    settled.trouble = Some(Failure::from(error).error);
                }
            }
        }
    }
    settled.queued = queued.len();
    let left = ids
        .into_iter()
        .filter(|id| !queued.iter().any(|done| done == id));
    settled.left = left.map(str::to_owned).collect();
    Ok(settled)
}

fn requeued(row: &crate::host::Row, how: &Interrupted) -> Result<Requeued, Failure> {
    let text = |column: &str| {
        let value = row.get(column).and_then(serde_json::Value::as_str);
        value.map(str::to_owned).ok_or_else(|| {
            Failure::new(format!("`requeue` of the recipe gives no text `{column}`"))
        })
    };
    let id = text("id")?;
    Ok(Requeued {
        list: text("list")?,
        payload: text("payload")?,
        forget: how
            .forget
            .iter()
            .map(|key| key.replace("{id}", &id))
            .collect(),
        forget_in: how.forget_in.clone(),
        id,
    })
}

/// The statement with an array of ids in the place of `:ids`.
fn with_ids(sql: &str, ids: &[&str]) -> String {
    let ids: Vec<String> = ids
        .iter()
        .map(|id| format!("'{}'", id.replace('\'', "''")))
        .collect();
    sql.replace(":ids", &format!("ARRAY[{}]::text[]", ids.join(", ")))
}

fn noted(path: &Path) -> Result<Vec<Job>, Failure> {
    let Some(text) = files::read_text(path)? else {
        return Ok(Vec::new());
    };
    serde_json::from_str(&text).map_err(|error| {
        HostError::Unexpected(format!(
            "cannot read the interrupted jobs in `{}`: {error}",
            path.display()
        ))
        .into()
    })
}

fn write(path: &Path, jobs: &[Job]) -> Result<(), Failure> {
    if let Some(folder) = path.parent() {
        files::private_folder(folder)?;
    }
    let text = serde_json::to_vec_pretty(jobs)
        .map_err(|error| Failure::new(format!("cannot note the interrupted jobs: {error}")))?;
    Ok(files::replace(path, &text)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_quoted() {
        assert_eq!(
            with_ids("… = ANY (:ids)", &["a", "b'c"]),
            "… = ANY (ARRAY['a', 'b''c']::text[])"
        );
    }
}
