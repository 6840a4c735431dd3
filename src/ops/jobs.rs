//! The app's jobs: which there are, waiting for them, queueing stuck ones again.

use std::time::Duration;

use super::Ended;
use super::project::Project;
use super::state_folder::RunLock;
use super::stop::StopRequest;
use crate::engine::Report;
use crate::event::{DrainPolicy, Failure, FailureClass, Job, RunId, StepId};
use crate::host::jobs::{JobQuery, jobs as ask};
use crate::host::{Limits, Machine, Queue};
use crate::inventory::{Inventory, job_query};
use crate::recipe::Drain as Recipe;
use crate::settings::{Settings, WaitFlags};
use crate::steps::{Drain, settle};

/// The jobs of an app.
#[derive(Debug, Default)]
pub struct JobList {
    /// Under way.
    pub running: Vec<Job>,
    /// Waiting for their turn.
    pub queued: Vec<Job>,
    /// Under way by what the app says, and without any sign of life.
    pub stuck: Vec<Job>,
    /// What was done about the stuck ones.
    pub done: Option<String>,
}

/// A project whose jobs can be asked for.
struct Asked {
    project: Project,
    inventory: Inventory,
    machine: Machine,
    drain: Recipe,
}

impl Asked {
    async fn open(settings: &Settings) -> Result<Self, Failure> {
        let project = Project::open(settings).await?;
        let inventory = project.look_again(None).await?;
        let Some(drain) = inventory.recipe.drain.clone() else {
            return Err(Failure::new(format!(
                "nothing is known about the jobs of {}",
                inventory.recipe.title
            ))
            .hint("describe them in a recipe (`--recipe`, `[drain]`)")
            .class(FailureClass::Usage));
        };
        let system = inventory
            .database
            .as_ref()
            .map(|database| database.identity.system.clone());
        let machine = project
            .machine(&inventory, &RunId::random(), system)
            .await?;
        Ok(Self {
            project,
            inventory,
            machine,
            drain,
        })
    }

    /// Keeps runs of the project out.
    async fn lock(&self) -> Result<RunLock, Failure> {
        self.project.lock(&self.inventory).await
    }
}

/// Lists jobs. With `requeue`, stuck ones that can be are queued again first.
pub async fn jobs(settings: &Settings, requeue: bool) -> Result<JobList, Failure> {
    let asked = Asked::open(settings).await?;
    let database = &asked.machine.database;
    let mut list = list(&asked).await?;
    if !requeue || list.stuck.is_empty() {
        return Ok(list);
    }
    let Some(how) = &asked.drain.interrupted else {
        return Err(
            Failure::new("nothing says how jobs of this app are queued again")
                .hint("describe it in a recipe (`--recipe`, `[drain.interrupted]`)")
                .class(FailureClass::Usage),
        );
    };
    let _lock = asked.lock().await?;
    let settled = settle(&list.stuck, true, how, database, &asked.machine.queue).await?;
    list = self::list(&asked).await?;
    // Somebody may be at work on the others after all.
    list.done = Some(settled.text("cannot be queued again"));
    Ok(list)
}

async fn list(asked: &Asked) -> Result<JobList, Failure> {
    let database = &asked.machine.database;
    let active = ask(database, &job_query(&asked.drain)).await?;
    let (stuck, running) = active.into_iter().partition(|job| job.dead);
    let queued = match &asked.drain.queued {
        Some(sql) => {
            // What waits for its turn is quiet and well.
            let query = JobQuery {
                sql: sql.clone(),
                stale_seconds: u64::MAX,
            };
            ask(database, &query).await?
        }
        None => Vec::new(),
    };
    Ok(JobList {
        running,
        queued,
        stuck,
        done: None,
    })
}

/// Waits until no job is under way. Queued ones are held back meanwhile, and for a little while
/// after, so that the worker can be stopped.
pub async fn drain(
    settings: &Settings,
    flags: &WaitFlags,
    report: &Report,
) -> Result<Ended, Failure> {
    let asked = Asked::open(settings).await?;
    let _lock = asked.lock().await?;
    let step = Drain {
        query: job_query(&asked.drain),
        timeout_seconds: flags.timeout.unwrap_or(WaitFlags::DEFAULT).as_secs(),
        policy: DrainPolicy::Abort,
        workers: asked.inventory.recipe.roles.worker.clone(),
        door: None,
    };
    let stop = StopRequest::listen(report.clone());
    let queue = &asked.machine.queue;
    if let Some(hold) = &asked.drain.hold {
        queue
            .hold(&hold.key, Duration::from_secs(hold.ttl_seconds))
            .await?;
    }
    let step_report = report.of(StepId::new("drain"));
    let drained = tokio::select! {
        drained = step.run(
            &asked.machine.docker,
            &asked.machine.database,
            Limits::default(),
            &step_report,
        ) => drained,
        why = stop.requested() => Err(Failure::new(format!("{why} while jobs were waited for"))
            .class(FailureClass::Refused)),
    };
    match (drained, &asked.drain.hold) {
        (Ok(_), Some(hold)) => Ok(Ended::answer(&format!(
            "no job is under way; queued ones are held back for {} s more",
            hold.ttl_seconds
        ))),
        (Ok(_), None) => Ok(Ended::answer("no job is under way")),
        (Err(failure), hold) => {
            if let Some(hold) = hold {
                queue.release(&hold.key).await?;
            }
            Err(failure)
        }
    }
}
