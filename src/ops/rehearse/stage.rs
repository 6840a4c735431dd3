//! What a rehearsal does, one thing after the other: backup, restore, migration, checks. The steps are those of the upgrade's own plan.

use std::path::PathBuf;
use std::time::Instant;

use super::kept;
use super::world::Cast;
use crate::engine::{Report, Step};
use crate::event::{Artifact, Checked, Failure, Rehearsal, RehearsedBackup, Verdict};
use crate::host::postgres::{Likeness, Postgres};
use crate::host::{Machine, Scratch, files};
use crate::inventory::Inventory;
use crate::ops::project::Project;
use crate::plan::{self, Fetched, Plan, Run};
use crate::steps::{AnyStep, CheckIdentity, Dump, Known, Manifest};

/// Everything there is to rehearse with.
pub(super) struct Stage<'a> {
    pub(super) project: &'a Project,
    pub(super) inventory: &'a Inventory,
    pub(super) fetched: &'a Fetched,
    /// The upgrade's.
    pub(super) plan: &'a Plan,
    /// A run that is never begun.
    pub(super) run: &'a Run,
    pub(super) report: &'a Report,
}

/// What the migration has left.
#[derive(Default)]
struct Migrated {
    millis: u64,
    checks: Vec<Checked>,
    tail: Vec<String>,
    failure: Option<Failure>,
}

impl Stage<'_> {
    /// From a backup to a verdict. An error is what keeps one from rehearsing.
    pub(super) async fn play(&self, fresh: bool) -> Result<Rehearsal, Failure> {
        let at = jiff::Timestamp::now();
        let cast = self.cast().await?;
        let system = Some(cast.database.identity.system.clone());
        let machine = self
            .project
            .machine(self.inventory, &self.run.id, system)
            .await?;
        let (path, manifest, kept) = self.backup(&cast, &machine, fresh).await?;
        let like = self.production(&cast).likeness().await?;
        let scratch = self.scratch(&cast, &like)?;
        self.report.note(format!(
            "restoring the backup of {} into a server of its own",
            manifest.at.strftime("%Y-%m-%d %H:%M UTC")
        ));
        let restore_millis = self.restore(&cast, &scratch, &like, &manifest).await?;
        self.report
            .note(format!("migrating it ({})", cast.migrate.service));
        let log = self.folder().join(kept::LOG);
        let mut migrated = self.migrate(&cast, &scratch).await?;
        files::private_folder(&self.folder())?;
        let said = scratch.log_of(&cast.migrate.service).await?;
        files::replace(&log, said.as_bytes())?;
        if migrated.failure.is_none() {
            migrated.checks.extend(self.verify(&scratch, path).await?);
            migrated.failure = judge(&migrated.checks);
        }
        let hint = format!(
            "the whole log is `{}`; mend the cause, then rehearse again",
            log.display()
        );
        Ok(Rehearsal {
            id: self.run.id.clone(),
            at,
            project: self.inventory.model.name.clone(),
            release: self.inventory.release().map(str::to_owned),
            to: self.fetched.release.clone(),
            image: kept::image(self.inventory).unwrap_or_default(),
            backup: RehearsedBackup {
                at: manifest.at,
                bytes: manifest.backup.bytes,
                path: kept.then_some(manifest.backup.path),
            },
            from: cast.database.revisions.clone().unwrap_or_default(),
            target: self.heads(),
            restore_millis,
            migration_millis: migrated.millis,
            checks: migrated.checks,
            tail: migrated.tail,
            log,
            failure: migrated.failure.map(|failure| Failure {
                error: format!("the rehearsal failed: {}", failure.error),
                hint: failure.hint.or(Some(hint)),
                ..failure
            }),
        })
    }

    /// A backup, the path of its manifest, and whether it stays when the rehearsal is over.
    async fn backup(
        &self,
        cast: &Cast<'_>,
        machine: &Machine,
        fresh: bool,
    ) -> Result<(PathBuf, Manifest, bool), Failure> {
        if !fresh
            && let Some((path, manifest)) = kept::newest_backup(&self.project.state, cast.database)?
        {
            return Ok((path, manifest, true));
        }
        let mut steps = self.plan.steps.iter();
        // The migration is run on the database alone.
        let dump = steps.find_map(|planned| match &planned.step {
            AnyStep::Dump(step) => Some(Dump {
                set: Vec::new(),
                ..step.clone()
            }),
            _ => None,
        });
        let dump =
            dump.ok_or_else(|| Failure::new("the upgrade's plan has no backup to rehearse with"))?;
        let step = AnyStep::Dump(dump.clone());
        self.report.note(step.title());
        step.run(machine, &self.report.of(step.id())).await?;
        let path = dump.manifest();
        let manifest = Manifest::read(&path)?;
        Ok((path, manifest, false))
    }

    fn production(&self, cast: &Cast<'_>) -> Postgres {
        let docker = self
            .project
            .docker
            .clone()
            .of_project(&self.inventory.model.name);
        Postgres::new(docker, cast.login.clone(), Some(&self.run.id))
    }

    async fn restore(
        &self,
        cast: &Cast<'_>,
        scratch: &Scratch,
        like: &Likeness,
        manifest: &Manifest,
    ) -> Result<u64, Failure> {
        let begun = Instant::now();
        let docker = &scratch.docker;
        docker.make_network(&scratch.network).await?;
        let server = &scratch.one_offs[0];
        debug_assert_eq!(server.service, cast.server);
        let container = docker.start_one_off(server, &scratch.network).await?;
        scratch.database.first_start(&container).await?;
        scratch.database.fill(like, &manifest.backup).await?;
        Ok(millis(begun))
    }

    async fn migrate(&self, cast: &Cast<'_>, scratch: &Scratch) -> Result<Migrated, Failure> {
        let step = AnyStep::Migrate(cast.migrate.clone());
        let begun = Instant::now();
        let ran = step.run(scratch, &self.report.of(step.id())).await;
        let millis = millis(begun);
        Ok(match ran {
            Ok(Some(Artifact::Ran { tail, checks })) => Migrated {
                millis,
                checks,
                tail,
                failure: None,
            },
            Ok(_) => Migrated {
                millis,
                ..Migrated::default()
            },
            Err(failure) => Migrated {
                millis,
                tail: failure.details.clone(),
                failure: Some(failure),
                ..Migrated::default()
            },
        })
    }

    /// What a run verifies of the database. `backup` is the manifest of what was restored.
    async fn verify(&self, scratch: &Scratch, backup: PathBuf) -> Result<Vec<Checked>, Failure> {
        let (mut verify, _) =
            plan::verification(self.inventory, self.fetched.revisions.clone(), self.run);
        verify.settled = false;
        verify.images.clear();
        let mut checks = verify.compare(scratch).await?;
        let identity = self
            .plan
            .steps
            .iter()
            .find_map(|planned| match &planned.step {
                AnyStep::CheckIdentity(step) if step.migrated => Some(step),
                _ => None,
            });
        if let Some(step) = identity {
            let step = AnyStep::CheckIdentity(CheckIdentity {
                place: None,
                before: Some(Known::Manifest(backup)),
                ..step.clone()
            });
            match step.run(scratch, &self.report.of(step.id())).await {
                Ok(Some(Artifact::Checks { checks: found })) => checks.extend(found),
                Ok(_) => {}
                Err(failure) => checks.push(Checked::new("rows", false, failure.error)),
            }
        }
        Ok(checks)
    }

    fn heads(&self) -> Vec<String> {
        let revisions = self.fetched.revisions.as_ref();
        revisions
            .map(|(heads, _)| heads.clone())
            .unwrap_or_default()
    }

    fn folder(&self) -> PathBuf {
        self.project.state.rehearsals().join(self.run.id.as_str())
    }
}

/// Why what was compared would fail an upgrade, if it would.
fn judge(checks: &[Checked]) -> Option<Failure> {
    let bad = checks.iter().filter(|check| check.verdict == Verdict::Bad);
    let bad: Vec<String> = bad
        .map(|check| format!("{}: {}", check.name, check.found))
        .collect();
    (!bad.is_empty()).then(|| {
        Failure::new("the migration has ended, and the data is not as it should be").details(bad)
    })
}

fn millis(begun: Instant) -> u64 {
    u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX)
}
