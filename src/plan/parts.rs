//! The steps of an upgrade one by one: what each needs to know, taken from what there is.

use std::collections::BTreeMap;

use super::upgrade::Planner;
use super::{FileEdits, MIGRATION_LIMIT, WINDOW, new_tag};
use crate::event::DrainPolicy;
use crate::inventory::{Wanted, data_folder};
use crate::recipe::Reference;
use crate::steps::{
    AnyStep, Check, CheckIdentity, DataPlace, Dump, DumpKind, EditFile, Health, Migrate, Move,
    NoteInterrupted, Rows, SettleInterrupted, Start, Started, Verify,
};

impl Planner<'_> {
    pub(super) fn dump(&self, kind: DumpKind) -> Option<Dump> {
        let database = self.inventory.database.as_ref()?;
        let images = self.inventory.services.iter().filter_map(|(name, facts)| {
            let container = facts.containers.first()?;
            let digest = facts
                .image
                .as_ref()
                .and_then(|image| image.running_digests.first());
            Some((name.clone(), digest.unwrap_or(&container.image).clone()))
        });
        Some(Dump {
            kind,
            proving: self.proving(kind)?,
            source: None,
            folder: self.run.backups.clone(),
            run: self.run.id.clone(),
            database: database.name.clone(),
            system: database.identity.system.clone(),
            server: database.identity.version.clone(),
            release: self.inventory.release().map(str::to_owned),
            images: images.collect(),
            revisions: database.revisions.clone(),
            set: self.set(kind),
        })
    }

    /// None where there was no worker yet: an app whose tables are not there has no jobs.
    pub(super) fn note_interrupted(&self, stopped: bool) -> Option<NoteInterrupted> {
        let drain = self.inventory.recipe.drain.as_ref()?;
        let how = drain.interrupted.as_ref()?;
        self.inventory.database.as_ref()?.revisions.as_ref()?;
        self.workers()
            .iter()
            .find(|worker| self.has_containers(worker))?;
        Some(NoteInterrupted {
            stopped,
            cut_short: how.cut_short.clone(),
            query: crate::inventory::job_query(drain),
            path: self.run.interrupted(),
            workers: self.workers(),
        })
    }

    /// Somebody who did not ask for jobs to be cut short wants them to run.
    pub(super) fn settle_interrupted(&self) -> Option<SettleInterrupted> {
        self.note_interrupted(true)?;
        let drain = self.inventory.recipe.drain.as_ref()?;
        Some(SettleInterrupted {
            path: self.run.interrupted(),
            requeue: self.run.drain_policy != DrainPolicy::Continue,
            how: drain.interrupted.clone()?,
        })
    }

    /// The exact copy has the rows that must be there again.
    pub(super) fn check_identity(&self, migrated: bool) -> Option<CheckIdentity> {
        let service = self.inventory.recipe.roles.database.clone()?;
        let place = data_folder(self.inventory.services.get(&service)?);
        let login = self.inventory.recipe.database.as_ref()?;
        Some(CheckIdentity {
            database: self.inventory.database.as_ref()?.name.clone(),
            place: place.map(|mounted| DataPlace {
                service,
                source: mounted.source.clone(),
            }),
            before: self.known_rows(),
            sentinels: login.sentinels.clone(),
            migrated,
        })
    }

    pub(super) fn edit_file(&self, number: usize, file: &FileEdits, last: bool) -> EditFile {
        let targets = self.inventory.services.iter().filter_map(|(name, facts)| {
            let image = facts.image.as_ref()?;
            (image.target != image.reference).then(|| (name.clone(), image.target.clone()))
        });
        EditFile {
            images: match last {
                true => targets.collect(),
                false => BTreeMap::new(),
            },
            ..file.step(&self.run.files, number, &self.inventory.args)
        }
    }

    pub(super) fn edit_cause(file: &FileEdits) -> &'static str {
        let gates = file
            .edits
            .iter()
            .any(|edit| matches!(edit, crate::steps::Edit::Gate { .. }));
        match gates {
            true => "without it they start while the schema is being migrated",
            false => "the release to go to is set there",
        }
    }

    pub(super) fn moves(&self) -> Vec<Move> {
        let mut moves: Vec<Move> = Vec::new();
        for (service, facts) in &self.inventory.services {
            let Some(image) = facts
                .image
                .as_ref()
                .filter(|_| self.changes.replaces(service))
            else {
                continue;
            };
            let pinned = Reference::parse(&image.target).digest.is_some();
            let known = moves.iter().any(|tag| tag.reference == image.target);
            let Some(to) = self.fetched_tag(service).filter(|_| !pinned && !known) else {
                continue;
            };
            moves.push(Move {
                reference: image.target.clone(),
                from: image.way_back().map(str::to_owned),
                to,
            });
        }
        moves
    }

    /// What a service must run after the upgrade, by id where it is here already.
    pub(super) fn fetched_tag(&self, service: &str) -> Option<String> {
        let facts = self.inventory.services.get(service)?;
        let Wanted::Digest { .. } = facts.image.as_ref()?.wanted else {
            return None;
        };
        match self.fetched.images.get(service) {
            Some(id) => Some(id.clone()),
            // Before the fetch, for a plan that is only shown.
            None => Some(new_tag(&self.run.id, service)),
        }
    }

    pub(super) fn start(&self, service: &str) -> AnyStep {
        let before = self.inventory.services.get(service).and_then(|facts| {
            let container = facts.containers.first()?;
            Some(Started {
                id: container.id.clone(),
                at: container.started_at.clone(),
            })
        });
        let model = &self.inventory.model;
        let migrates = self.inventory.recipe.roles.migration.as_deref() == Some(service);
        if migrates || model.runs_to_its_end(service) {
            return AnyStep::Migrate(Migrate {
                service: service.to_owned(),
                before,
                migrates,
                writers: match migrates {
                    true => [self.workers(), self.writers()].concat(),
                    false => Vec::new(),
                },
                remake: match migrates {
                    true => self.all_but_entry(),
                    false => vec![service.to_owned()],
                },
                limit_seconds: self.limit_seconds(),
                evidence: self.evidence().filter(|_| migrates),
            });
        }
        let speaks_for_all = self
            .inventory
            .recipe
            .health
            .as_ref()
            .is_some_and(|health| health.service == service);
        AnyStep::Start(Start {
            service: service.to_owned(),
            healthy: !speaks_for_all,
            may_end: model
                .services
                .get(service)
                .is_some_and(crate::host::Service::may_end),
            window_seconds: self.window_of(service),
        })
    }

    /// A slow boot is no failure: three times what the service's own check allows, at least the
    /// window of the recipe.
    fn window_of(&self, service: &str) -> u64 {
        let service = self.inventory.model.services.get(service);
        let own = service.and_then(crate::host::Service::health_window);
        let own = own.map_or(0, |window| window.as_secs().saturating_mul(3));
        let recipe = self.inventory.recipe.health.as_ref();
        recipe
            .map_or(WINDOW, |health| health.window_seconds)
            .max(own)
    }

    fn limit_seconds(&self) -> u64 {
        let recipe = self.inventory.recipe.migration.as_ref();
        self.run
            .migration_seconds
            .or(recipe.map(|migration| migration.limit_seconds))
            .unwrap_or(MIGRATION_LIMIT)
    }

    /// The line that the migration must print, where it has something to do.
    fn evidence(&self) -> Option<String> {
        let evidence = self
            .inventory
            .recipe
            .migration
            .as_ref()?
            .evidence
            .as_ref()?;
        let (heads, known) = self.fetched.revisions.as_ref()?;
        let database = self.inventory.database.as_ref()?;
        let to_do = database.conditions.get(&evidence.when) == Some(&true)
            && known.contains(&evidence.since)
            && database.revisions.as_ref() != Some(heads);
        to_do.then(|| evidence.line.clone())
    }

    /// The heads the schema must be at: the new image's, else what it is at already.
    pub(super) fn heads(&self) -> Option<Vec<String>> {
        let roles = &self.inventory.recipe.roles;
        let migration = roles
            .migration
            .as_ref()
            .filter(|service| self.changes.replaces(service));
        match (&self.fetched.revisions, migration) {
            (Some((heads, _)), _) => Some(heads.clone()),
            // A plan that is only shown, before the new image is here.
            (None, Some(service)) if !self.fetched.images.contains_key(service) => Some(Vec::new()),
            (None, _) => self.inventory.database.as_ref()?.revisions.clone(),
        }
    }

    pub(super) fn health(&self, part: bool) -> Option<Health> {
        let health = self.inventory.recipe.health.as_ref()?;
        self.inventory.services.get(&health.service)?;
        Some(Health {
            service: health.service.clone(),
            port: health.port,
            path: health.path.clone(),
            part: part.then(|| (health.pointer.clone(), health.equals.clone())),
            window_seconds: self.window_of(&health.service),
        })
    }

    /// `settled`: all containers are there as they will stay.
    pub(super) fn verify(
        &self,
        stage: &str,
        settled: bool,
        judged: impl Fn(&str) -> bool,
    ) -> Verify {
        let images = self
            .inventory
            .services
            .keys()
            .filter(|service| judged(service));
        let images = images.filter_map(|service| {
            let wanted = match self.changes.replaces(service) {
                true => self.fetched_tag(service)?,
                false => self.inventory.services[service]
                    .containers
                    .first()?
                    .image
                    .clone(),
            };
            Some((service.clone(), wanted))
        });
        let migrated = self.fetched.revisions.as_ref().map(|(_, known)| known);
        let applies = |since: &Option<String>| match (since, migrated) {
            (None, _) => true,
            (Some(since), Some(known)) => known.contains(since),
            (Some(_), None) => false,
        };
        let known = self.inventory.recipe.database.is_some();
        let listings = &self.inventory.recipe.listings;
        let listings = listings
            .iter()
            .filter(|listing| settled && known && applies(&listing.since))
            .map(|listing| Rows {
                name: listing.name.clone(),
                sql: listing.sql.clone(),
                cure: listing.cure.clone(),
            });
        let assertions = &self.inventory.recipe.assertions;
        let checks = assertions
            .iter()
            .filter(|a| applies(&a.since))
            .map(|assertion| Check {
                name: assertion.name.clone(),
                sql: assertion.sql.clone(),
                equals: assertion.equals.clone(),
            });
        Verify {
            stage: stage.to_owned(),
            images: images.collect(),
            revisions: self.heads(),
            checks: match known {
                true => checks.collect(),
                false => Vec::new(),
            },
            listings: listings.collect(),
            settled,
        }
    }
}
