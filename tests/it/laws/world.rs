//! What the processes of a run share: images, containers, databases, the feeder's key.

use std::collections::{BTreeMap, BTreeSet};

use eneo_upgrade::host::{Container, ContainerStatus, RestartPolicy};
use serde::{Deserialize, Serialize};

/// The schema revision of the release before.
pub(super) const OLD: &str = "first";
/// The one of the new release; the recipe asserts something from it on.
pub(super) const NEW: &str = "add_integration_wrappers";
pub(super) const DATABASE: &str = "eneo";
const WRITERS: [&str; 2] = ["backend", "worker"];
const MIGRATION: &str = "db-init";

#[derive(Debug, Clone, Default)]
pub(super) struct World {
    /// Reference to the id of the image that the registry has under it.
    pub(super) registry: BTreeMap<String, String>,
    /// Images here, by id.
    pub(super) images: BTreeSet<String>,
    /// Reference to id, here.
    pub(super) tags: BTreeMap<String, String>,
    pub(super) containers: BTreeMap<String, Made>,
    pub(super) databases: BTreeMap<String, Data>,
    /// The key that keeps the feeder from feeding.
    pub(super) held: Option<String>,
    /// Sessions that dead processes of ours have left.
    pub(super) leftovers: usize,
    /// What the last exact copy or dump holds.
    pub(super) secured: Option<Data>,
    oids: u32,
    /// What the migration ends with.
    pub(super) exit: i64,
    /// Whether the worker is at work on the job.
    pub(super) working: bool,
    /// Jobs that wait for their turn.
    pub(super) pending: Vec<String>,
    /// Whether the queue has said no.
    pub(super) queue_refused: bool,
    /// Rows that people have written meanwhile.
    pub(super) written: u64,
    /// What must never have happened, whatever was killed when.
    pub(super) wrong: Vec<String>,
    clock: u64,
}

/// A container, and the reference it was made by.
#[derive(Debug, Clone)]
pub(super) struct Made {
    pub(super) container: Container,
    pub(super) reference: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Data {
    pub(super) oid: u32,
    pub(super) revision: Option<String>,
    pub(super) rows: BTreeMap<String, u64>,
    /// Not in the middle of being restored.
    pub(super) complete: bool,
    /// What the app says of its one job.
    pub(super) job: String,
}

/// The id of the app's one job.
pub(super) const JOB: &str = "crawl";

fn always() -> RestartPolicy {
    RestartPolicy {
        name: "always".to_owned(),
        tries: 0,
    }
}

/// The id of release `n` of an image.
pub(super) fn id(name: &str, release: u8) -> String {
    format!("sha256:{name}.{release}")
}

/// The digest under which a registry knows an image.
pub(super) fn digest(id: &str) -> String {
    id.replace("sha256:", "sha256:d-")
}

/// The schema that an image of the app is made for.
fn schema_of(image: &str) -> &'static str {
    if image.ends_with(".2") { NEW } else { OLD }
}

/// The rows that people have written.
fn users(data: Option<&Data>) -> Option<&u64> {
    data?.rows.get("users")
}

impl World {
    pub(super) fn id_of(&self, reference: &str) -> Option<String> {
        let image = self.images.get(reference);
        image.or_else(|| self.tags.get(reference)).cloned()
    }

    /// An id that no database has had before.
    pub(super) fn new_oid(&mut self) -> u32 {
        self.oids += 1;
        self.oids
    }

    pub(super) fn is_up(&self, service: &str) -> bool {
        self.containers
            .get(service)
            .is_some_and(|made| made.container.is_up())
    }

    /// Whether Compose would make the container of a service anew.
    pub(super) fn differs(&self, service: &str, reference: &str) -> bool {
        self.containers.get(service).is_none_or(|made| {
            made.reference != reference || Some(&made.container.image) != self.tags.get(reference)
        })
    }

    pub(super) fn create(&mut self, service: &str, reference: &str) {
        self.clock += 1;
        let container = Container {
            id: format!("container-{}", self.clock),
            name: format!("eneo_{service}"),
            service: service.to_owned(),
            image: self.tags[reference].clone(),
            restart_policy: match service {
                MIGRATION => RestartPolicy::no(),
                _ => always(),
            },
            ..Container::default()
        };
        let reference = reference.to_owned();
        self.containers.insert(
            service.to_owned(),
            Made {
                container,
                reference,
            },
        );
    }

    pub(super) fn start(&mut self, service: &str) {
        if self.is_up(service) {
            return;
        }
        self.judge_start(service);
        if service == "db" {
            let oid = self.new_oid();
            self.databases
                .entry(DATABASE.to_owned())
                .or_insert_with(|| Data {
                    complete: true,
                    oid,
                    ..Data::default()
                });
        }
        let at = jiff::Timestamp::now().to_string();
        let container = self.container(service);
        container.status = ContainerStatus::Running;
        container.healthy = matches!(service, "db" | "redis").then_some(true);
        container.started_at = at;
    }

    fn judge_start(&mut self, service: &str) {
        let mut wrong = Vec::new();
        if WRITERS.contains(&service) {
            let data = self.databases.get(DATABASE).filter(|data| data.complete);
            let revision = data.and_then(|data| data.revision.as_deref());
            let image = &self.containers[service].container.image;
            if revision != Some(schema_of(image)) {
                wrong.push(format!(
                    "{service} ({image}) started on schema {revision:?}"
                ));
            }
            if self.is_up(MIGRATION) {
                wrong.push(format!("{service} started beside the migration"));
            }
        }
        if service == MIGRATION {
            let writing = WRITERS.iter().filter(|writer| self.is_up(writer));
            wrong.extend(writing.map(|writer| format!("the migration started beside {writer}")));
            if users(self.databases.get(DATABASE)) != users(self.secured.as_ref()) {
                wrong.push("the migration started without an exact backup".to_owned());
            }
            if self.leftovers > 0 {
                wrong.push("the migration started beside sessions of ours".to_owned());
            }
        }
        self.wrong.extend(wrong);
    }

    pub(super) fn stop(&mut self, service: &str) {
        self.end(service, 0);
    }

    /// Compose stops what it replaces, but with its own grace, not the app's.
    pub(super) fn stop_to_replace(&mut self, service: &str) {
        if self.is_up(service) && (WRITERS.contains(&service) || service == MIGRATION) {
            self.wrong
                .push(format!("{service} was replaced while it ran"));
        }
        if self.is_up(service) {
            self.stop(service);
        }
    }

    /// The power was cut: what was started once runs again, if its restart policy says so, the
    /// worker takes up its job again, and people write if they come in.
    pub(super) fn reboot(&mut self) {
        self.leftovers = 0;
        let working = std::mem::take(&mut self.working);
        let services: Vec<String> = self.containers.keys().cloned().collect();
        for service in &services {
            self.end(service, 137);
        }
        for service in &services {
            let container = self.container(service);
            let started = !container.started_at.is_empty();
            if started && container.restart_policy.name == "always" {
                self.start(service);
            }
        }
        self.working = working && self.is_up("worker");
        if self.is_up("traefik") && self.is_up("backend") {
            let data = self.databases.get_mut(DATABASE).expect("a database");
            *data.rows.entry("users".to_owned()).or_default() += 1;
            self.written += 1;
        }
    }

    /// Nobody may write what the copy would not have.
    pub(super) fn judge_copy(&mut self) {
        let writing = WRITERS.iter().filter(|writer| self.is_up(writer));
        let writing = writing.map(|writer| format!("an exact copy was made beside {writer}"));
        let wrong: Vec<String> = writing.collect();
        self.wrong.extend(wrong);
    }

    pub(super) fn requeue(&mut self, id: String) {
        self.pending.retain(|waiting| *waiting != id);
        self.pending.push(id);
    }

    pub(super) fn settle_job(&mut self) {
        let data = self.databases.get_mut(DATABASE).expect("a database");
        "queued".clone_into(&mut data.job);
    }

    /// Somebody works on the job, or it will be its turn, once.
    pub(super) fn job_lives(&self) -> bool {
        let said = self.databases.get(DATABASE).map(|data| data.job.as_str());
        match said {
            Some("in progress") => self.working && self.pending.is_empty(),
            Some("queued") => self.pending == [JOB],
            Some("failed") => false,
            _ => self.pending.is_empty(),
        }
    }

    pub(super) fn end(&mut self, service: &str, code: i64) {
        if service == "worker" && std::mem::take(&mut self.working) {
            // Told to end, the app says itself that the job has failed.
            let data = self.databases.get_mut(DATABASE).expect("a database");
            "failed".clone_into(&mut data.job);
        }
        let container = self.container(service);
        if container.is_up() {
            container.status = ContainerStatus::Exited;
            container.exit_code = code;
        }
    }

    pub(super) fn container(&mut self, service: &str) -> &mut Container {
        &mut self
            .containers
            .get_mut(service)
            .expect("a container")
            .container
    }

    pub(super) fn is_migrating(&self) -> bool {
        self.is_up(MIGRATION)
    }

    /// The schema is changed in one transaction; what the app adds afterwards is not in it.
    pub(super) fn migrate_schema(&mut self) {
        if !self.is_migrating() {
            return;
        }
        let image = &self.containers[MIGRATION].container.image;
        let revision = Some(schema_of(image).to_owned());
        let data = self.databases.get_mut(DATABASE).expect("a database");
        data.revision = revision;
        data.rows.insert("global_models".to_owned(), 0);
    }

    pub(super) fn end_migration(&mut self) {
        self.migrate_schema();
        if self.is_migrating() && self.exit == 0 {
            let data = self.databases.get_mut(DATABASE).expect("a database");
            data.rows.insert("seeded".to_owned(), 1);
        }
        self.end(MIGRATION, self.exit);
    }

    /// The engine or the machine has ended it half way.
    pub(super) fn break_migration(&mut self) {
        self.migrate_schema();
        self.end(MIGRATION, 137);
    }
}
