//! A process that upgrades, resumes or rolls back, as `ops::drive` does it, until it is killed.

use std::sync::atomic::Ordering;

use eneo_upgrade::engine::{Interrupt, LogError, Report, RunLog, execute};
use eneo_upgrade::event::{DrainPolicy, Event, Outcome, Purpose, RunId};
use eneo_upgrade::journal::Journal;
use eneo_upgrade::plan::{self, Changes, Extent, Fetched, Plan, Run};
use eneo_upgrade::steps::{AnyStep, has_stayed_closed};
use sqlx::{Connection, SqliteConnection};

use super::fake::Fake;
use super::scene::{Case, Scene};

pub(super) const PROJECT: &str = "eneo";
const RUN: &str = "0123456789";

/// What was typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Upgrade,
    Resume,
    Rollback,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    Nothing,
    /// Killed at this point of the host's effects.
    KilledAt(usize),
    /// Killed when this many records are in the journal and one more is to be written.
    KilledAtRecord(usize),
    /// An error after this effect; the process is killed when the failure is recorded.
    FailsAfter(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Came {
    Killed,
    Ended(Outcome),
    /// There was no open run.
    Idle,
}

/// How a process ended, and what it went through.
#[derive(Debug)]
pub(super) struct Passed {
    pub(super) came: Came,
    pub(super) points: usize,
    pub(super) effects: usize,
    /// Records in the journal.
    pub(super) records: usize,
}

/// Runs a process.
pub(super) async fn process(scene: &Scene, verb: Verb, trouble: Trouble) -> Passed {
    let (kill_at, fail_after) = match trouble {
        Trouble::KilledAt(point) => (Some(point), None),
        Trouble::FailsAfter(effect) => (None, Some(effect)),
        _ => (None, None),
    };
    let fake = Fake::new(scene.world.clone(), scene.folder(), kill_at, fail_after);
    let journal = Journal::open(scene.journal()).await.expect("a journal");
    let mut sql = connect(scene).await;
    if let Trouble::KilledAtRecord(records) = trouble {
        let trigger = format!(
            "CREATE TRIGGER killed BEFORE INSERT ON record \
             WHEN (SELECT count(*) FROM record) = {records} \
             BEGIN SELECT RAISE(ABORT, 'killed'); END"
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(trigger))
            .execute(&mut sql)
            .await
            .expect("a trigger");
    }
    let alone = fail_after.is_some();
    let process = Process {
        scene,
        fake: &fake,
        alone,
    };
    let came = tokio::select! {
        came = process.act(verb, journal) => came,
        () = fake.killed() => Ok(Came::Killed),
    };
    let came = came.unwrap_or_else(|error| match trouble {
        Trouble::KilledAtRecord(_) if error.to_string().contains("append a record") => Came::Killed,
        _ => panic!("{verb:?} with {trouble:?}: {error}"),
    });
    sqlx::raw_sql("DROP TRIGGER IF EXISTS killed")
        .execute(&mut sql)
        .await
        .expect("dropped");
    let records: i64 = sqlx::query_scalar("SELECT count(*) FROM record")
        .fetch_one(&mut sql)
        .await
        .expect("counted");
    sql.close().await.expect("closed");
    Passed {
        came,
        points: fake.points.load(Ordering::Relaxed),
        effects: fake.effects.load(Ordering::Relaxed),
        records: usize::try_from(records).expect("few"),
    }
}

async fn connect(scene: &Scene) -> SqliteConnection {
    let address = format!("sqlite://{}", scene.journal().display());
    SqliteConnection::connect(&address)
        .await
        .expect("the journal")
}

struct Process<'a> {
    scene: &'a Scene,
    fake: &'a Fake,
    /// Ends at the first failure, as if killed then.
    alone: bool,
}

impl Process<'_> {
    async fn act(&self, verb: Verb, journal: Journal) -> Result<Came, LogError> {
        let (report, _) = Report::channel();
        let open = journal.open_run(PROJECT).await?;
        let mut log = match (verb, open) {
            (Verb::Upgrade, _) => {
                let id: RunId = RUN.parse().expect("an id");
                // A run that was refused may be followed by another one.
                let id = match journal.runs().await?.is_empty() {
                    true => id,
                    false => RunId::random(),
                };
                let mut log = RunLog::begin(journal, id, self.started(), report).await?;
                let inventory = self.scene.inventory();
                let run = self.run(&log);
                plan_made(
                    &mut log,
                    &plan::fetch(&inventory, &Changes::of(&inventory), &run),
                )
                .await?;
                log
            }
            (_, None) => return Ok(Came::Idle),
            (_, Some(id)) => RunLog::resume(journal, id, report).await?,
        };
        if verb == Verb::Rollback {
            let plan = plan::rollback(log.state()).expect("a way back");
            plan_made(&mut log, &plan).await?;
        }
        self.drive(&mut log).await
    }

    async fn drive(&self, log: &mut RunLog) -> Result<Came, LogError> {
        loop {
            if log.state().next_step().is_some() {
                let done =
                    execute::<AnyStep, _, _>(log, self.fake, std::future::pending::<String>).await;
                match done {
                    Ok(()) => {}
                    Err(Interrupt::Log(error)) => return Err(error),
                    Err(Interrupt::Step { .. }) if self.alone => return Ok(Came::Killed),
                    Err(Interrupt::Step { .. }) => {
                        if let Some(came) = self.failed(log).await? {
                            return Ok(came);
                        }
                    }
                }
                continue;
            }
            match log.state().current().map(|plan| plan.purpose) {
                None => return end(log, Outcome::Refused).await,
                Some(Purpose::Fetch) => self.plan_upgrade(log).await?,
                Some(Purpose::Upgrade) => return end(log, Outcome::Upgraded).await,
                Some(Purpose::Rollback) => return end(log, Outcome::RolledBack).await,
                Some(Purpose::Restore) => return end(log, Outcome::Restored).await,
            }
        }
    }

    async fn plan_upgrade(&self, log: &mut RunLog) -> Result<(), LogError> {
        let inventory = self.scene.inventory();
        let edits = plan::plan_edits(&inventory, self.scene.to()).expect("edits");
        let fetched = Fetched::of(log.state().artifacts());
        let run = self.run(log);
        let plan = plan::upgrade(&inventory, &Changes::of(&inventory), &edits, &fetched, &run);
        plan_made(log, &plan).await
    }

    async fn failed(&self, log: &mut RunLog) -> Result<Option<Came>, LogError> {
        let purpose = log.state().current().map(|plan| plan.purpose);
        let extent = plan::extent(log.state()).expect("readable");
        match (purpose, extent) {
            (Some(Purpose::Fetch), _) => end(log, Outcome::Refused).await.map(Some),
            (Some(Purpose::Upgrade), extent) if self.loses_nothing(log, extent).await => {
                let plan = plan::rollback(log.state()).expect("a way back");
                plan_made(log, &plan).await?;
                Ok(None)
            }
            _ => end(log, Outcome::NeedsAttention).await.map(Some),
        }
    }

    async fn loses_nothing(&self, log: &RunLog, extent: Extent) -> bool {
        match (extent, plan::door(log.state())) {
            (Extent::Serving, _) => false,
            (Extent::Closed, Some((service, started))) => {
                let closed = has_stayed_closed(self.fake, service, started).await;
                closed.expect("can be looked at")
            }
            _ => true,
        }
    }

    fn started(&self) -> Event {
        Event::RunStarted {
            project: PROJECT.to_owned(),
            directory: self.scene.folder().to_owned(),
            tool: "test".to_owned(),
            release: None,
            to: self.scene.to().map(str::to_owned),
        }
    }

    fn run(&self, log: &RunLog) -> Run {
        let id = log.state().run.clone();
        let folder = |name: &str| self.scene.folder().join(name).join(id.as_str());
        Run {
            backups: folder("backups"),
            files: folder("runs"),
            drain_seconds: 0,
            drain_policy: DrainPolicy::Requeue,
            migration_seconds: None,
            hold_door: self.scene.case != Case::Pinned,
            strict: self.scene.case == Case::Pulled,
            proof: None,
            id,
        }
    }
}

async fn plan_made(log: &mut RunLog, plan: &Plan) -> Result<(), LogError> {
    let steps = plan.to_recorded().expect("JSON");
    log.record(Event::Planned {
        purpose: plan.purpose,
        steps,
    })
    .await
}

async fn end(log: &mut RunLog, outcome: Outcome) -> Result<Came, LogError> {
    let (state, next) = (Vec::new(), Vec::new());
    log.record(Event::RunEnded {
        outcome,
        state,
        next,
    })
    .await?;
    Ok(Came::Ended(outcome))
}
