//! The plan of a restore: a backup becomes what serves, with the images it was taken beside.

use std::collections::BTreeMap;

use super::upgrade::Planner;
use super::{Changes, Fetched, Plan, Run, beside, new_tag};
use crate::event::Purpose;
use crate::inventory::Inventory;
use crate::recipe::Reference;
use crate::steps::{
    AnyStep, CloseDoor, Create, Fetch, FetchImages, HoldRestarts, Manifest, Moment, Move, OpenDoor,
    Part, PutBack, ReleaseRestarts, RestoreDatabase, Retag, Source, Stop, Verify,
};

/// A backup that was found to be what its manifest says.
#[derive(Debug, Clone, Copy)]
pub struct Vouched<'a> {
    /// The manifest's path.
    pub path: &'a std::path::Path,
    /// What it says.
    pub manifest: &'a Manifest,
}

/// Plans it. What is there is kept beside under another name.
pub fn restore(inventory: &Inventory, backup: Vouched<'_>, run: &Run) -> Plan {
    let planner = Planner {
        inventory,
        changes: &Changes {
            services: BTreeMap::new(),
        },
        edits: &[],
        fetched: &Fetched::default(),
        run,
    };
    let mut plan = Plan::new(Purpose::Restore);
    let images = fetches(inventory, backup.manifest, run);
    if !images.is_empty() {
        plan.push(
            AnyStep::FetchImages(FetchImages {
                images: images.clone(),
            }),
            "the data was written by these",
        );
    }
    planner.stop_all(&mut plan);
    planner.put_images(&mut plan, &images);
    let (volumes, queue) = planner.parts(backup);
    put_back(&mut plan, backup, volumes, "they belong with the database");
    planner.start_data(&mut plan);
    put_back(&mut plan, backup, queue, "what waits there is nowhere else");
    planner.put_data(&mut plan, backup);
    planner.start_all(&mut plan, backup.manifest, &images);
    plan
}

/// The images beside which the backup was taken, each once. Those that came from no registry have
/// to be here.
fn fetches(inventory: &Inventory, manifest: &Manifest, run: &Run) -> Vec<Fetch> {
    let mut fetches: Vec<Fetch> = Vec::new();
    for (service, image) in &manifest.of.images {
        if !inventory.services.contains_key(service) {
            continue;
        }
        let Some((repository, digest)) = image.split_once('@') else {
            continue;
        };
        let same = |fetch: &&mut Fetch| fetch.repository == repository && fetch.digest == digest;
        match fetches.iter_mut().find(same) {
            Some(fetch) => fetch.services.push(service.clone()),
            None => fetches.push(Fetch {
                services: vec![service.clone()],
                repository: repository.to_owned(),
                digest: digest.to_owned(),
                tag: new_tag(&run.id, service),
                carries_release: false,
            }),
        }
    }
    fetches
}

/// What a backup has besides its dump and what stays as it is: on a host that serves, volumes and
/// queue hold what is newer.
pub fn stays(inventory: &Inventory, manifest: &Manifest) -> Vec<String> {
    let parts = manifest.of.set.iter();
    let parts = parts.filter(|part| !matches!(part, Part::Project { .. }));
    parts
        .filter(|_| !inventory.is_empty_host())
        .map(Part::file)
        .collect()
}

fn put_back(plan: &mut Plan, backup: Vouched<'_>, parts: Vec<Part>, cause: &str) {
    let folder = backup.path.parent().unwrap_or(backup.path).to_owned();
    if !parts.is_empty() {
        plan.push(AnyStep::PutBack(PutBack { folder, parts }), cause);
    }
}

impl Planner<'_> {
    /// Volumes and queue that are put back: on an empty host all, as the project's files place
    /// them now.
    fn parts(&self, backup: Vouched<'_>) -> (Vec<Part>, Vec<Part>) {
        if !self.inventory.is_empty_host() {
            return (Vec::new(), Vec::new());
        }
        let set = backup.manifest.of.set.iter();
        let here = set.filter_map(|part| match part {
            Part::Project { .. } => None,
            Part::Queue { .. } => self
                .inventory
                .recipe
                .roles
                .queue
                .as_ref()
                .map(|_| part.clone()),
            Part::Volume { volume, .. } => {
                let (service, target) = self.inventory.model.mounts_of(volume).next()?;
                Some(Part::Volume {
                    volume: volume.clone(),
                    service: service.to_owned(),
                    target,
                })
            }
        });
        here.partition(|part| matches!(part, Part::Volume { .. }))
    }

    /// Nothing is written beside what is put back; on an empty host there is nothing to stop.
    fn stop_all(&self, plan: &mut Plan) {
        let held = self.held();
        let mut services: Vec<String> = held.into_iter().map(|held| held.service).collect();
        services.dedup();
        if !services.is_empty() {
            plan.push(
                AnyStep::HoldRestarts(HoldRestarts { services }),
                "after a reboot they would write again",
            );
        }
        if let Some(service) = self.door() {
            let moment = Moment::Stop;
            plan.push(
                AnyStep::CloseDoor(CloseDoor { service, moment }),
                "requests wait until what is restored is verified",
            );
        }
        let writers = [self.workers(), self.writers()].concat();
        let services: Vec<String> = writers
            .into_iter()
            .filter(|service| self.has_containers(service))
            .collect();
        if !services.is_empty() {
            let grace_seconds = self.inventory.recipe.stop.grace_seconds;
            plan.push(
                AnyStep::Stop(Stop {
                    services,
                    grace_seconds,
                }),
                "what they write now would be lost",
            );
        }
    }

    fn put_images(&self, plan: &mut Plan, images: &[Fetch]) {
        let tags = images.iter().flat_map(|fetch| {
            let tag = |service: &String| Some((self.reference(service)?, fetch.tag.clone()));
            fetch.services.iter().filter_map(tag)
        });
        let tags: BTreeMap<String, String> = tags.collect();
        let moves: Vec<Move> = tags
            .into_iter()
            .map(|(reference, to)| Move {
                reference,
                from: None,
                to,
            })
            .collect();
        if !moves.is_empty() {
            plan.push(
                AnyStep::Retag(Retag { moves }),
                "Compose must see the images of the backup",
            );
        }
        let services = self.all_but_entry();
        plan.push(
            AnyStep::Create(Create { services }),
            "they run what the backup was taken beside",
        );
    }

    /// What the files call the image of a service, where that is a tag.
    fn reference(&self, service: &str) -> Option<String> {
        let image = self.inventory.services.get(service)?.image.as_ref()?;
        let pinned = Reference::parse(&image.reference).digest.is_some();
        (!pinned).then(|| image.reference.clone())
    }

    fn put_data(&self, plan: &mut Plan, backup: Vouched<'_>) {
        let (database, run) = (&backup.manifest.of.database, self.run.id.as_str());
        plan.push(
            AnyStep::RestoreDatabase(RestoreDatabase {
                database: database.clone(),
                failed: self
                    .inventory
                    .database
                    .as_ref()
                    .map(|database| database.identity.oid),
                aside: beside(database, "failed", run),
                from: vec![Source::Dump {
                    manifest: backup.path.to_owned(),
                    sha256: backup.manifest.backup.sha256.clone(),
                    staging: beside(database, "restored", run),
                }],
            }),
            "it is restored beside what is there, compared, and put in its place",
        );
    }

    fn start_all(&self, plan: &mut Plan, manifest: &Manifest, images: &[Fetch]) {
        let roles = &self.inventory.recipe.roles;
        let done = [
            &roles.database,
            &roles.queue,
            &roles.migration,
            &roles.entry,
        ];
        // It must not run beside writers, whether or not the files make them wait for it.
        let migration = roles.migration.as_ref();
        if let Some(service) = migration.filter(|it| self.inventory.services.contains_key(*it)) {
            plan.push(
                self.start(service),
                "what was restored may be older than what its release wants",
            );
        }
        for service in self.inventory.model.start_order() {
            if !done.contains(&&Some(service.clone())) {
                plan.push(
                    self.start(&service),
                    "its turn in the order of dependencies",
                );
            }
        }
        if let Some(health) = self.health(false) {
            plan.push(AnyStep::Health(health), "worker included");
        }
        let ids = images.iter().flat_map(|fetch| {
            let services = fetch.services.iter().cloned();
            services.map(|service| (service, fetch.tag.clone()))
        });
        plan.push(
            AnyStep::Verify(Verify {
                stage: "what was restored".to_owned(),
                images: ids.collect(),
                revisions: manifest.of.revisions.clone(),
                checks: Vec::new(),
                listings: Vec::new(),
                settled: false,
            }),
            "the run ends `restored` only when this holds",
        );
        if let Some(service) = self.door() {
            plan.push(
                AnyStep::OpenDoor(OpenDoor { service }),
                "what was restored is in order",
            );
        }
        let held = self.held();
        if !held.is_empty() {
            plan.push(
                AnyStep::ReleaseRestarts(ReleaseRestarts { held }),
                "a reboot must bring everything up again",
            );
        }
        if let Some(entry) = roles.entry.clone() {
            let services = vec![entry.clone()];
            plan.push(
                AnyStep::Create(Create { services }),
                "it may not be there yet",
            );
            plan.push(self.start(&entry), "it takes requests from outside");
        }
    }
}
