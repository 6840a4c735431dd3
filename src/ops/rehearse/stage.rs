//! What a rehearsal does, one thing after the other: backup, scratch server, restore, migration,
//! checks. The steps are those of the upgrade's own plan.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Instant;

use super::kept;
use crate::engine::{Report, Step};
use crate::event::{Artifact, Checked, Failure, FailureClass, Rehearsal, RehearsedBackup, Verdict};
use crate::host::postgres::{Likeness, Login, Postgres};
use crate::host::queue::Redis;
use crate::host::{Limits, Machine, OneOff, Scratch, Secret, files};
use crate::inventory::{DatabaseFacts, Inventory, login};
use crate::ops::project::Project;
use crate::plan::{self, Fetched, Plan, Run};
use crate::steps::{AnyStep, CheckIdentity, Known, Manifest, Migrate};

/// Variables of the database's service that decide how its data folder is made.
const OF_DATA_FOLDER: [&str; 4] = ["POSTGRES_INITDB_ARGS", "LANG", "LC_ALL", "TZ"];

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

/// The services that take part.
struct Cast<'a> {
    database: &'a DatabaseFacts,
    login: Login,
    server: String,
    migrate: &'a Migrate,
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

    async fn cast(&self) -> Result<Cast<'_>, Failure> {
        let cannot = |why: &str, hint: &str| {
            Failure::new(format!("this cannot be rehearsed: {why}"))
                .hint(hint)
                .class(FailureClass::Refused)
        };
        let recipe = &self.inventory.recipe;
        let Some(migrate) = self
            .plan
            .steps
            .iter()
            .find_map(|planned| match &planned.step {
                AnyStep::Migrate(step) if step.migrates => Some(step),
                _ => None,
            })
        else {
            return Err(cannot(
                "the upgrade would run no migration",
                "`--migration SERVICE` says which service migrates the database",
            ));
        };
        let docker = self
            .project
            .docker
            .clone()
            .of_project(&self.inventory.model.name);
        let login = login(&docker, recipe, &self.inventory.model).await?;
        let (Some(database), Some(login)) = (&self.inventory.database, login) else {
            return Err(cannot(
                "the database cannot be asked",
                "start the app, so that there is something to copy",
            ));
        };
        let Some(server) = login.service.clone() else {
            return Err(cannot(
                &format!(
                    "its database server `{}` is not a service of the project",
                    login.host
                ),
                "try the migration on a copy of that server by hand",
            ));
        };
        Ok(Cast {
            database,
            login,
            server,
            migrate,
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
        let dump = steps.find_map(|planned| match &planned.step {
            AnyStep::Dump(step) => Some(step),
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

    /// A world with what is to be run in it; nothing of it runs yet.
    fn scratch(&self, cast: &Cast<'_>, like: &Likeness) -> Result<Scratch, Failure> {
        let name = &self.inventory.model.name;
        let docker = self.project.docker.clone().of_rehearsal(name);
        Ok(Scratch {
            network: format!("{name}_rehearsal_{}", self.run.id),
            one_offs: vec![self.server(cast, like)?, self.migration(cast)?],
            database: Postgres::new(docker.clone(), cast.login.clone(), Some(&self.run.id)),
            queue: Redis::new(docker.clone(), None, &self.run.id),
            redactor: self.inventory.redactor.clone(),
            limits: Limits::default(),
            docker,
        })
    }

    /// A server like the project's, under every name by which the migration may ask for it.
    fn server(&self, cast: &Cast<'_>, like: &Likeness) -> Result<OneOff, Failure> {
        let service = &self.inventory.model.services[&cast.server];
        let mut one = OneOff::as_large_as(&cast.server, service, &self.image_of(&cast.server)?);
        one.command = Some(like.command());
        let Login {
            user,
            password,
            database,
            ..
        } = &cast.login;
        let carried = OF_DATA_FOLDER.into_iter();
        one.environment = carried
            .filter_map(|name| Some((name.to_owned(), service.variable(name)?)))
            .chain([
                ("POSTGRES_USER".to_owned(), Secret::new(user)),
                ("POSTGRES_PASSWORD".to_owned(), password.clone()),
                ("POSTGRES_DB".to_owned(), Secret::new(database)),
            ])
            .collect();
        let names = self.inventory.recipe.database.as_ref();
        let migration = self.inventory.model.services.get(&cast.migrate.service);
        let asked = names.and_then(|names| migration?.variable(&names.host));
        let asked = asked.map(|host| host.expose().to_owned());
        let aliases: BTreeSet<String> = [cast.login.host.clone(), cast.server.clone()]
            .into_iter()
            .chain(asked)
            .collect();
        one.aliases = aliases.into_iter().collect();
        Ok(one)
    }

    fn migration(&self, cast: &Cast<'_>) -> Result<OneOff, Failure> {
        let name = &cast.migrate.service;
        let service = &self.inventory.model.services[name];
        Ok(OneOff::of(name, service, &self.image_of(name)?))
    }

    /// The image that a service runs after the upgrade.
    fn image_of(&self, service: &str) -> Result<String, Failure> {
        let running = || {
            let container = self.inventory.services.get(service)?.containers.first()?;
            Some(container.image.clone())
        };
        let image = self.fetched.images.get(service).cloned().or_else(running);
        image.ok_or_else(|| Failure::new(format!("there is no image of service `{service}` here")))
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
