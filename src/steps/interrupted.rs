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

/// Notes the jobs that are under way although nobody works on them: they were cut short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoteInterrupted {
    /// How to ask for jobs.
    pub query: JobQuery,
    /// Where they are noted.
    pub path: PathBuf,
    /// The services that work.
    pub workers: Vec<String>,
}

impl NoteInterrupted {
    pub(super) async fn run(
        &self,
        containers: &impl Containers,
        database: &impl Database,
    ) -> Result<Option<Artifact>, Failure> {
        let uptime = self.uptime(containers).await?;
        let before = noted(&self.path)?;
        let mut found = jobs(database, &self.query).await?;
        // Those that were dead before are not ours. One that was noted may look dead by now.
        found.retain(|job| {
            let noted = before.iter().any(|noted| noted.id == job.id);
            noted || (!job.dead && uptime.is_none_or(|uptime| job.quiet > uptime))
        });
        write(&self.path, &found)?;
        let text = format!("{} cut short", count(found.len()));
        Ok((!found.is_empty()).then_some(Artifact::Jobs { text, jobs: found }))
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
        Ok(match noted(&self.path)?.is_empty() {
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
        settle(&jobs, requeue, &self.how, database, queue).await
    }
}

/// Queues jobs again where that is asked for and can be done; the others are marked failed.
pub(crate) async fn settle(
    jobs: &[Job],
    requeue: bool,
    how: &Interrupted,
    database: &impl Database,
    queue: &impl Queue,
) -> Result<Option<Artifact>, Failure> {
    let ids: Vec<&str> = jobs.iter().map(|job| job.id.as_str()).collect();
    let mut queued = Vec::new();
    if requeue {
        for row in database.rows(&with_ids(&how.requeue, &ids)).await? {
            let text = |column: &str| {
                let value = row.get(column).and_then(serde_json::Value::as_str);
                value.map(str::to_owned).ok_or_else(|| {
                    Failure::new(format!("`requeue` of the recipe gives no text `{column}`"))
                })
            };
            let id = text("id")?;
            let keys = |keys: &[String]| keys.iter().map(|key| key.replace("{id}", &id)).collect();
            queue
                .requeue(&Requeued {
                    list: text("list")?,
                    payload: text("payload")?,
                    forget: keys(&how.forget),
                    forget_in: how.forget_in.clone(),
                    id: id.clone(),
                })
                .await?;
            queued.push(id);
        }
    }
    let again: Vec<&str> = queued.iter().map(String::as_str).collect();
    let failed: Vec<&str> = ids.into_iter().filter(|id| !again.contains(id)).collect();
    for (statement, ids) in [(&how.mark_queued, &again), (&how.mark_failed, &failed)] {
        if !ids.is_empty() {
            database.update(&with_ids(statement, ids)).await?;
        }
    }
    let parts = [
        ("queued again", again.len()),
        ("marked failed", failed.len()),
    ];
    let parts = parts.into_iter().filter(|(_, n)| *n > 0);
    let parts: Vec<String> = parts
        .map(|(what, n)| format!("{} {what}", count(n)))
        .collect();
    Ok((!parts.is_empty()).then(|| Artifact::Jobs {
        text: parts.join(", "),
        jobs: jobs.to_vec(),
    }))
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
