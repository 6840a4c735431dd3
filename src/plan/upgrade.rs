//! The plan of an upgrade, in the order that keeps every promise.

use super::{Changes, Fetched, FileEdits, Plan, QUIESCE, Run};
use crate::event::Purpose;
use crate::inventory::Inventory;
use crate::steps::{
    AnyStep, CheckSchema, CloseDoor, Create, Drain, DumpKind, Held, HoldFeeder, HoldRestarts,
    Moment, OpenDoor, ReleaseFeeder, ReleaseRestarts, Retag, Stop,
};

/// Plans it. `edits` come from [`plan_edits`](super::plan_edits).
pub fn upgrade(
    inventory: &Inventory,
    changes: &Changes,
    edits: &[FileEdits],
    fetched: &Fetched,
    run: &Run,
) -> Plan {
    let planner = Planner {
        inventory,
        changes,
        edits,
        fetched,
        run,
    };
    let mut plan = Plan::new(Purpose::Upgrade);
    if changes.need_outage(inventory) {
        planner.quiesce(&mut plan);
        planner.change(&mut plan, &planner.all_but_entry());
        planner.start_data(&mut plan);
        planner.migrate(&mut plan);
        planner.start_app(&mut plan);
        planner.open(&mut plan);
        planner.settle(&mut plan);
    } else {
        let replaced = |service: &String| changes.replaces(service);
        let services: Vec<String> = changes
            .services
            .keys()
            .filter(|s| replaced(s))
            .cloned()
            .collect();
        planner.change(&mut plan, &services);
        planner.start_changed(&mut plan);
    }
    plan.push(
        AnyStep::Verify(planner.verify("everything", true, |_| true)),
        "the run ends `upgraded` only when this holds",
    );
    if changes.need_outage(inventory)
        && let Some(dump) = planner.dump_of_clone()
    {
        plan.push(
            AnyStep::Dump(dump),
            "the copy is on the same disk as the database",
        );
    }
    plan
}

/// What the order and the single steps are planned from.
pub(super) struct Planner<'a> {
    pub(super) inventory: &'a Inventory,
    pub(super) changes: &'a Changes,
    pub(super) edits: &'a [FileEdits],
    pub(super) fetched: &'a Fetched,
    pub(super) run: &'a Run,
}

impl Planner<'_> {
    pub(super) fn workers(&self) -> Vec<String> {
        self.existing(&self.inventory.recipe.roles.worker)
    }

    pub(super) fn writers(&self) -> Vec<String> {
        self.existing(&self.inventory.recipe.roles.writers)
    }

    fn existing(&self, services: &[String]) -> Vec<String> {
        let known = |service: &&String| self.inventory.services.contains_key(*service);
        services.iter().filter(known).cloned().collect()
    }

    fn is_entry(&self, service: &str) -> bool {
        self.inventory.recipe.roles.entry.as_deref() == Some(service)
    }

    pub(super) fn all_but_entry(&self) -> Vec<String> {
        let all = self.inventory.services.keys();
        all.filter(|service| !self.is_entry(service))
            .cloned()
            .collect()
    }

    /// From the first backup to the moment when nobody writes and an exact backup is there.
    fn quiesce(&self, plan: &mut Plan) {
        if let Some(dump) = self.dump(DumpKind::Online) {
            plan.push(AnyStep::Gather(self.gather()), "a database alone is no app");
            plan.push(
                AnyStep::Dump(dump),
                "nothing is touched without a proven backup",
            );
        }
        let unit = Some(QUIESCE);
        let drain = self.inventory.recipe.drain.as_ref();
        if let Some(drain) = drain.filter(|_| self.workers().iter().any(|s| self.has_containers(s)))
        {
            if let Some(hold) = &drain.hold {
                let step = HoldFeeder {
                    key: hold.key.clone(),
                    ttl_seconds: hold.ttl_seconds,
                    workers: self.workers(),
                };
                plan.push_in(
                    unit,
                    AnyStep::HoldFeeder(step),
                    "queued jobs wait for the new release",
                );
            }
            let step = Drain {
                query: crate::inventory::job_query(drain),
                timeout_seconds: self.run.drain_seconds,
                policy: self.run.drain_policy,
                workers: self.workers(),
                door: self.door(),
            };
            plan.push_in(
                unit,
                AnyStep::Drain(step),
                "stopping the worker would cut jobs short",
            );
        }
        let groups = [
            (self.workers(), "it must not run while the schema changes"),
            (self.writers(), "nothing may write from the exact backup on"),
        ];
        if let Some(note) = self.note_interrupted(false) {
            plan.push_in(
                unit,
                AnyStep::NoteInterrupted(note),
                "the worker may take its time to end, or not say what it has cut short",
            );
        }
        self.close(plan);
        for (number, (services, cause)) in groups.into_iter().enumerate() {
            let up: Vec<String> = services
                .into_iter()
                .filter(|service| self.has_containers(service))
                .collect();
            if !up.is_empty() {
                let step = Stop {
                    services: up,
                    grace_seconds: self.inventory.recipe.stop.grace_seconds,
                };
                plan.push_in(unit, AnyStep::Stop(step), cause);
            }
            if let Some(note) = self.note_interrupted(true).filter(|_| number == 0) {
                plan.push_in(
                    unit,
                    AnyStep::NoteInterrupted(note),
                    "what is under way now will not go on by itself",
                );
            }
        }
        self.secure(plan);
    }

    /// The entry, where it can hold requests.
    pub(super) fn door(&self) -> Option<String> {
        let entry = self.inventory.recipe.roles.entry.clone()?;
        (self.run.hold_door && self.inventory.is_up(&entry)).then_some(entry)
    }

    /// Requests wait, and nothing but we start what has to be down: not a reboot either.
    fn close(&self, plan: &mut Plan) {
        let unit = Some(QUIESCE);
        let held = self.held();
        let mut services: Vec<String> = held.into_iter().map(|held| held.service).collect();
        services.dedup();
        if !services.is_empty() {
            plan.push_in(
                unit,
                AnyStep::HoldRestarts(HoldRestarts { services }),
                "after a reboot they would write again",
            );
        }
        if let Some(step) = self.close_door(Moment::Stop) {
            plan.push_in(
                unit,
                AnyStep::CloseDoor(step),
                "requests wait until the new release is verified, and none of them fails",
            );
        }
    }

    fn close_door(&self, moment: Moment) -> Option<CloseDoor> {
        let service = self.door()?;
        Some(CloseDoor { service, moment })
    }

    /// The containers that must not be restarted by themselves, with what makes them be.
    pub(super) fn held(&self) -> Vec<Held> {
        let services = self.door().into_iter().chain(self.workers());
        let services = services.chain(self.writers());
        let containers = services.flat_map(|service| {
            let found = &self.inventory.services[&service].containers;
            let held = found.iter().map(move |container| Held {
                service: service.clone(),
                container: container.id.clone(),
                policy: container.restart_policy.clone(),
            });
            held.collect::<Vec<_>>()
        });
        containers
            .filter(|held| !matches!(held.policy.name.as_str(), "" | "no"))
            .collect()
    }

    /// The run is decided: from here on people write to the new release.
    fn open(&self, plan: &mut Plan) {
        if let Some(service) = self.door() {
            plan.push(
                AnyStep::OpenDoor(OpenDoor { service }),
                "the new release is in order: the run goes no way back by itself any more",
            );
        }
        let held = self.held();
        if !held.is_empty() {
            plan.push(
                AnyStep::ReleaseRestarts(ReleaseRestarts { held }),
                "a reboot must bring everything up again",
            );
        }
    }

    pub(super) fn has_containers(&self, service: &str) -> bool {
        self.inventory
            .services
            .get(service)
            .is_some_and(|facts| !facts.containers.is_empty())
    }

    /// Tags, files, containers: what Compose goes by.
    fn change(&self, plan: &mut Plan, services: &[String]) {
        let moves = self.moves();
        if !moves.is_empty() {
            plan.push_in(
                Some(QUIESCE),
                AnyStep::Retag(Retag { moves }),
                "from here on Compose sees the new images",
            );
        }
        for (number, file) in self.edits.iter().enumerate() {
            let last = number + 1 == self.edits.len();
            plan.push_in(
                Some(QUIESCE),
                AnyStep::EditFile(self.edit_file(number, file, last)),
                Self::edit_cause(file),
            );
        }
        if !services.is_empty() {
            let services = services.to_vec();
            plan.push(
                AnyStep::Create(Create { services }),
                "they differ from what is wanted",
            );
        }
    }

    pub(super) fn start_data(&self, plan: &mut Plan) {
        let roles = &self.inventory.recipe.roles;
        let data: Vec<String> = [&roles.database, &roles.queue]
            .into_iter()
            .flatten()
            .cloned()
            .collect();
        for service in self.existing(&data) {
            plan.push(self.start(&service), "the migration needs it");
        }
    }

    fn migrate(&self, plan: &mut Plan) {
        let Some(migration) = &self.inventory.recipe.roles.migration else {
            return;
        };
        if !self.inventory.services.contains_key(migration) {
            return;
        }
        if let Some(step) = self.check_identity(false) {
            plan.push(
                AnyStep::CheckIdentity(step),
                "a new image may look for its data elsewhere",
            );
        }
        plan.push(self.start(migration), "the new release needs its schema");
        if let Some(heads) = self.heads() {
            plan.push(
                AnyStep::CheckSchema(CheckSchema { heads }),
                "a log line is no proof of a migration",
            );
        }
        if let Some(step) = self.check_identity(true) {
            plan.push(
                AnyStep::CheckIdentity(step),
                "an empty database migrates just as well",
            );
        }
    }

    /// Everything but data, migration, worker and entry, in the order of dependencies.
    fn start_app(&self, plan: &mut Plan) {
        let roles = &self.inventory.recipe.roles;
        let done = [
            &roles.database,
            &roles.queue,
            &roles.migration,
            &roles.entry,
        ];
        let workers = self.workers();
        if let Some(step) = self.close_door(Moment::Start) {
            plan.push(
                AnyStep::CloseDoor(step),
                "nobody may write before the new release is verified",
            );
        }
        for service in self.inventory.model.start_order() {
            if done.contains(&&Some(service.clone())) || workers.contains(&service) {
                continue;
            }
            plan.push(
                self.start(&service),
                "its turn in the order of dependencies",
            );
            if let Some(health) = self.health(true).filter(|health| health.service == service) {
                plan.push(AnyStep::Health(health), "judged before the worker starts");
            }
        }
        let judged =
            |service: &str| !self.is_entry(service) && !workers.iter().any(|w| w == service);
        plan.push(
            AnyStep::Verify(self.verify("all but the worker", false, judged)),
            "the worker must not start on a schema that is not right",
        );
    }

    fn settle(&self, plan: &mut Plan) {
        if let Some(step) = self.settle_interrupted() {
            plan.push(
                AnyStep::SettleInterrupted(step),
                "nobody would take them up again",
            );
        }
        for service in self.workers() {
            plan.push(self.start(&service), "the new release is in order");
        }
        if let Some(drain) = &self.inventory.recipe.drain
            && let Some(hold) = &drain.hold
        {
            let key = hold.key.clone();
            plan.push(
                AnyStep::ReleaseFeeder(ReleaseFeeder { key }),
                "queued jobs may run again",
            );
        }
        let entry = self.inventory.recipe.roles.entry.clone();
        for service in self.existing(&entry.into_iter().collect::<Vec<_>>()) {
            if self.changes.replaces(&service) {
                let services = vec![service.clone()];
                plan.push(
                    AnyStep::Create(Create { services }),
                    "the entry changes last",
                );
            }
            plan.push(self.start(&service), "it takes requests from outside");
        }
        if let Some(health) = self.health(false) {
            plan.push(AnyStep::Health(health), "worker included");
        }
    }

    fn start_changed(&self, plan: &mut Plan) {
        for service in self.inventory.model.start_order() {
            if let Some(cause) = self
                .changes
                .services
                .get(&service)
                .and_then(super::Change::cause)
            {
                plan.push(self.start(&service), cause);
            }
        }
    }
}
