//! Everything a run can do to the world, one step per file.
//!
//! It must not know why a step is in a plan, nor in which order steps stand. The one match below
//! hands each step the adapters it needs; nobody else sees them all.

mod backup_set;
mod clone_database;
mod create;
mod door;
mod drain;
mod dump;
mod edit_file;
mod feeder;
mod fetch;
mod health;
mod identity;
mod interrupted;
mod keep;
mod migrate;
mod restarts;
mod restore_database;
mod restore_file;
mod retag;
mod revisions;
mod schema;
mod start;
mod stop;
mod verify;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use backup_set::{Gather, Part, PutBack};
pub use clone_database::CloneDatabase;
pub use create::Create;
pub use door::{CloseDoor, Moment, OpenDoor, has_stayed_closed, open};
pub use drain::Drain;
pub use dump::{Dump, DumpKind, Manifest, Proving};
pub use edit_file::{Edit, EditFile};
pub use feeder::{HoldFeeder, ReleaseFeeder};
pub use fetch::{Fetch, FetchImages};
pub use health::Health;
pub use identity::{CheckIdentity, DataPlace, Known};
pub(crate) use interrupted::settle;
pub use interrupted::{NoteInterrupted, SettleInterrupted};
pub use keep::{Before, Keep, ServiceBefore};
pub use migrate::{Migrate, Started};
pub use restarts::{Held, HoldRestarts, ReleaseRestarts};
pub use restore_database::{RestoreDatabase, Source};
pub use restore_file::RestoreFile;
pub use retag::{Move, Retag};
pub use revisions::ReadRevisions;
pub use schema::CheckSchema;
pub use start::Start;
pub use stop::Stop;
pub use verify::{Check, Rows, Verify};

use crate::engine::{Probe, Step, StepReport};
use crate::event::{Artifact, Failure, StepId};
use crate::host::{Host, Redactor};

/// How often something outside that cannot be awaited is looked at.
const POLL: Duration = Duration::from_millis(500);

/// Any step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
pub enum AnyStep {
    /// Give the old images a keeping tag, and write down what there was.
    Keep(Keep),
    /// Bring the new images here.
    FetchImages(FetchImages),
    /// Read the revision graph of the new image.
    ReadRevisions(ReadRevisions),
    /// Back up what belongs with a dump.
    Gather(Gather),
    /// Dump the database and prove the dump.
    Dump(Dump),
    /// Copy the database within its server.
    CloneDatabase(CloneDatabase),
    /// Hold requests at the entry.
    CloseDoor(CloseDoor),
    /// Let requests in.
    OpenDoor(OpenDoor),
    /// Keep the engine from starting what has to be down.
    HoldRestarts(HoldRestarts),
    /// Put restart policies back.
    ReleaseRestarts(ReleaseRestarts),
    /// Keep queued jobs from being fed to the worker.
    HoldFeeder(HoldFeeder),
    /// Wait for active jobs.
    Drain(Drain),
    /// Note the jobs that were cut short.
    NoteInterrupted(NoteInterrupted),
    /// Queue them again, or say that they have failed.
    SettleInterrupted(SettleInterrupted),
    /// Stop services.
    Stop(Stop),
    /// Move tags.
    Retag(Retag),
    /// Edit a file of the user's.
    EditFile(EditFile),
    /// Make containers.
    Create(Create),
    /// Start a service.
    Start(Start),
    /// Run the migration.
    Migrate(Migrate),
    /// Compare the schema revision.
    CheckSchema(CheckSchema),
    /// Make sure that it is the database it was.
    CheckIdentity(CheckIdentity),
    /// Ask the app whether it is well.
    Health(Health),
    /// Compare what runs with what should.
    Verify(Verify),
    /// Let queued jobs be fed again.
    ReleaseFeeder(ReleaseFeeder),
    /// Put a file back.
    RestoreFile(RestoreFile),
    /// Put the database back.
    RestoreDatabase(RestoreDatabase),
    /// Put volumes or the queue back.
    PutBack(PutBack),
}

impl AnyStep {
    /// Its name within a plan.
    pub fn id(&self) -> StepId {
        match self {
            Self::Keep(_) => StepId::new("keep"),
            Self::FetchImages(_) => StepId::new("fetch-images"),
            Self::ReadRevisions(_) => StepId::new("read-revisions"),
            Self::Gather(step) => StepId::of("gather", &step.id()),
            Self::Dump(step) => StepId::of("dump", step.kind.name()),
            Self::CloneDatabase(_) => StepId::new("clone-database"),
            Self::CloseDoor(step) => StepId::of("close-door", step.moment.name()),
            Self::OpenDoor(_) => StepId::new("open-door"),
            Self::HoldRestarts(_) => StepId::new("hold-restarts"),
            Self::ReleaseRestarts(_) => StepId::new("release-restarts"),
            Self::HoldFeeder(_) => StepId::new("hold-feeder"),
            Self::Drain(_) => StepId::new("drain"),
            Self::NoteInterrupted(step) => StepId::of("note-interrupted", step.moment()),
            Self::SettleInterrupted(_) => StepId::new("settle-interrupted"),
            Self::Stop(step) => StepId::of("stop", &step.services.join("+")),
            Self::Retag(_) => StepId::new("retag"),
            Self::EditFile(step) => StepId::of("edit-file", &step.path.display().to_string()),
            Self::Create(step) => StepId::of("create", &step.services.join("+")),
            Self::Start(step) => StepId::of("start", &step.service),
            Self::Migrate(step) => StepId::of("run", &step.service),
            Self::CheckSchema(_) => StepId::new("check-schema"),
            Self::CheckIdentity(step) => StepId::of("check-identity", step.moment()),
            Self::Health(step) => StepId::of("health", step.id()),
            Self::Verify(step) => StepId::of("verify", &step.stage),
            Self::ReleaseFeeder(_) => StepId::new("release-feeder"),
            Self::RestoreFile(step) => StepId::of("restore-file", &step.path.display().to_string()),
            Self::RestoreDatabase(_) => StepId::new("restore-database"),
            Self::PutBack(step) => StepId::of("put-back", &step.id()),
        }
    }

    /// What it does, for people.
    pub fn title(&self) -> String {
        match self {
            Self::Keep(step) => step.title(),
            Self::FetchImages(step) => step.title(),
            Self::ReadRevisions(_) => "read the new image's schema revisions".to_owned(),
            Self::Gather(step) => step.title(),
            Self::Dump(step) => step.title(),
            Self::CloneDatabase(step) => {
                format!("copy database `{}` within its server", step.database)
            }
            Self::CloseDoor(step) => format!("hold requests at {}", step.service),
            Self::OpenDoor(step) => format!("let requests in at {}", step.service),
            Self::HoldRestarts(step) => {
                format!("keep {} from being restarted", step.services.join(", "))
            }
            Self::ReleaseRestarts(_) => "put restart policies back".to_owned(),
            Self::HoldFeeder(_) => "hold the feeder of queued jobs".to_owned(),
            Self::Drain(_) => "wait for active jobs".to_owned(),
            Self::NoteInterrupted(step) => match step.stopped {
                true => "note jobs that were cut short".to_owned(),
                false => "note jobs that are under way".to_owned(),
            },
            Self::SettleInterrupted(step) => match step.requeue {
                true => "queue jobs that were cut short again".to_owned(),
                false => "mark jobs that were cut short as failed".to_owned(),
            },
            Self::Stop(step) => format!("stop {}", step.services.join(", ")),
            Self::Retag(step) => step.title(),
            Self::EditFile(step) => step.title(),
            Self::Create(step) => format!("create containers of {}", step.services.join(", ")),
            Self::Start(step) => format!("start {}", step.service),
            Self::Migrate(step) => step.title(),
            Self::CheckSchema(step) => step.title(),
            Self::CheckIdentity(step) => {
                format!(
                    "check {} the migration that it is the same database",
                    step.moment()
                )
            }
            Self::Health(step) => step.title(),
            Self::Verify(step) => format!("verify {}", step.stage),
            Self::ReleaseFeeder(_) => "let the feeder of queued jobs go on".to_owned(),
            Self::RestoreFile(step) => format!("put `{}` back", step.path.display()),
            Self::RestoreDatabase(step) => format!("put database `{}` back", step.database),
            Self::PutBack(step) => step.title(),
        }
    }
}

impl<H: Host> Step<H> for AnyStep {
    async fn probe(&self, host: &H) -> Result<Probe, Failure> {
        let probe = self.probe_unredacted(host).await;
        probe.map_err(|failure| redacted(failure, host.redactor()))
    }

    async fn run(&self, host: &H, report: &StepReport) -> Result<Option<Artifact>, Failure> {
        let done = self.run_unredacted(host, report).await;
        done.map_err(|failure| redacted(failure, host.redactor()))
    }

    fn one_way(&self) -> bool {
        // Made containers and a half-run migration are what a plain `up` would go on from.
        matches!(
            self,
            Self::Create(_) | Self::Migrate(_) | Self::RestoreDatabase(_)
        )
    }
}

/// What programs print when they fail may hold what they were given.
pub(crate) fn redacted(failure: Failure, redactor: &Redactor) -> Failure {
    let lines = failure
        .details
        .iter()
        .map(|line| redactor.redact(line))
        .collect();
    Failure {
        error: redactor.redact(&failure.error),
        details: lines,
        ..failure
    }
}

impl AnyStep {
    async fn probe_unredacted(&self, host: &impl Host) -> Result<Probe, Failure> {
        match self {
            Self::CloseDoor(step) => step.probe(host.containers()).await,
            Self::OpenDoor(step) => step.probe(host.containers()).await,
            Self::ReleaseRestarts(step) => step.probe(host.containers()).await,
            Self::HoldFeeder(step) => step.probe(host.containers()).await,
            Self::Drain(step) => step.probe(host.containers()).await,
            Self::SettleInterrupted(step) => step.probe(),
            Self::Stop(step) => step.probe(host.containers()).await,
            Self::Retag(step) => step.probe(host.images()).await,
            Self::EditFile(step) => step.probe(),
            Self::Start(step) => step.probe(host.containers()).await,
            Self::Migrate(step) => step.probe(host.containers()).await,
            Self::RestoreFile(step) => step.probe(),
            Self::RestoreDatabase(step) => step.probe(host.database()).await,
            // Looking again is all these do, or doing it again is how they find out.
            Self::Keep(_)
            | Self::FetchImages(_)
            | Self::ReadRevisions(_)
            | Self::Gather(_)
            | Self::PutBack(_)
            | Self::Dump(_)
            | Self::CloneDatabase(_)
            | Self::HoldRestarts(_)
            | Self::Create(_)
            | Self::NoteInterrupted(_)
            | Self::CheckSchema(_)
            | Self::CheckIdentity(_)
            | Self::Health(_)
            | Self::Verify(_)
            | Self::ReleaseFeeder(_) => Ok(Probe::Needed),
        }
    }

    async fn run_unredacted(
        &self,
        host: &impl Host,
        report: &StepReport,
    ) -> Result<Option<Artifact>, Failure> {
        match self {
            Self::Keep(step) => step.run(host.images()).await,
            Self::FetchImages(step) => step.run(host.images(), report).await,
            Self::ReadRevisions(step) => step.run(host.images()).await,
            Self::Gather(step) => step.run(host, report).await,
            Self::Dump(step) => step.run(host.database(), report).await,
            Self::CloneDatabase(step) => step.run(host.database()).await,
            Self::CloseDoor(step) => step.run(host.containers()).await,
            Self::OpenDoor(step) => step.run(host.containers()).await,
            Self::HoldRestarts(step) => step.run(host.containers()).await,
            Self::ReleaseRestarts(step) => step.run(host.containers()).await,
            Self::HoldFeeder(step) => step.run(host.queue()).await,
            Self::Drain(step) => {
                let (containers, database) = (host.containers(), host.database());
                step.run(containers, database, host.limits(), report).await
            }
            Self::NoteInterrupted(step) => step.run(host.containers(), host.database()).await,
            Self::SettleInterrupted(step) => {
                step.run(host.database(), host.queue(), host.limits()).await
            }
            Self::Stop(step) => step.run(host.containers()).await,
            Self::Retag(step) => step.run(host.images()).await,
            Self::EditFile(step) => step.run(host.compose()).await,
            Self::Create(step) => step.run(host.compose()).await,
            Self::Start(step) => step.run(host.compose(), host.containers(), report).await,
            Self::Migrate(step) => step.run(host, report).await,
            Self::CheckSchema(step) => step.run(host.database()).await,
            Self::CheckIdentity(step) => step.run(host).await,
            Self::Health(step) => step.run(host.containers(), report).await,
            Self::Verify(step) => step.run(host).await,
            Self::ReleaseFeeder(step) => step.run(host.queue()).await,
            Self::RestoreFile(step) => step.run(),
            Self::RestoreDatabase(step) => step.run(host.database()).await,
            Self::PutBack(step) => step.run(host).await,
        }
    }
}
