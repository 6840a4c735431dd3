//! A project of Eneo's shape in a folder of its own, with a journal, and what can be done to it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use eneo_upgrade::host::{ContainerStatus, HostError, Model, RestartPolicy, files};
use eneo_upgrade::recipe::image_name;

use super::world::{DATABASE, Data, Made, OLD, World, id};

const COMPOSE: &str = "name: eneo
services:
  traefik: {image: 'r.test/traefik:v3', restart: always}
  frontend:
    image: r.test/eneo-frontend:${FRONTEND_TAG}   # by hand
    restart: always
    depends_on: [backend]
  backend:
    image: r.test/eneo-backend:TAG
    restart: always
    depends_on:
      - db
      - redis
  worker:
    image: r.test/eneo-backend:TAG
    restart: always
    depends_on:
      backend:
        condition: service_started
  db: {image: 'r.test/pgvector:pg17', restart: always}
  redis: {image: 'r.test/redis:8', restart: always}
  db-init:
    image: r.test/eneo-backend:TAG
    restart: 'no'
    depends_on: [db]
";
const APP: [&str; 2] = ["eneo-backend", "eneo-frontend"];

/// What is upgraded, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Case {
    /// Tags that move on, all of them; the entry too.
    Latest,
    /// The same, and the user has pulled before: the tags here have moved already. The exact
    /// backup is a dump.
    Pulled,
    /// Pinned tags, in the file and in `.env`, with a release to go to. The door stays open.
    Pinned,
    /// Nothing is there yet.
    Install,
}

pub(super) struct Scene {
    pub(super) case: Case,
    folder: tempfile::TempDir,
    pub(super) world: Arc<Mutex<World>>,
    /// A restored scene has a journal of another name: the one before may still be closing.
    journal: PathBuf,
    journals: usize,
}

/// What a container does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Does {
    Work,
    Wait,
    Nothing,
}

/// What users and their tools see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Served {
    /// Image, reference, whether it works, is held or is down, and what starts it again.
    services: BTreeMap<String, (String, String, Does, RestartPolicy)>,
    /// What the references of the files name.
    tags: BTreeMap<String, Option<String>>,
    files: Vec<Vec<u8>>,
    databases: BTreeMap<String, Data>,
    held: Option<String>,
    job_lives: bool,
}

impl Served {
    /// What people have written meanwhile must be there too.
    pub(super) fn with_rows_written(mut self, written: u64) -> Self {
        if let Some(data) = self.databases.get_mut(DATABASE) {
            data.rows
                .entry("users".to_owned())
                .and_modify(|rows| *rows += written);
        }
        self
    }

    /// Where the user has pulled before, going back may leave the tags at what runs: nothing is
    /// made anew by a plain `up` then.
    pub(super) fn went_back_to(&self, before: &Self, case: Case) -> bool {
        let runs = |reference: &String| {
            let mut services = before.services.values();
            services
                .find(|(_, of, ..)| of == reference)
                .map(|(image, ..)| image.clone())
        };
        let mut wanted = before.clone();
        if case == Case::Pulled && self.tags != before.tags {
            wanted.tags = before
                .tags
                .keys()
                .map(|name| (name.clone(), runs(name)))
                .collect();
        }
        *self == wanted
    }
}

/// Everything there is.
pub(super) struct Snapshot {
    world: World,
    files: BTreeMap<PathBuf, Vec<u8>>,
    journal: Vec<u8>,
}

/// Services with their images, as Compose understands the files in `folder`.
pub(super) fn model(folder: &Path) -> Result<Model, HostError> {
    let mut text = String::from_utf8_lossy(&files::read(&folder.join("compose.yml"))?).into_owned();
    let env = String::from_utf8_lossy(&files::read(&folder.join(".env"))?).into_owned();
    for (name, value) in env.lines().filter_map(|line| line.split_once('=')) {
        text = text.replace(&format!("${{{name}}}"), value);
    }
    let mut model: serde_json::Value =
        serde_yaml::from_str(&text).map_err(|e| HostError::Unexpected(e.to_string()))?;
    let services = model["services"].as_object_mut().expect("services");
    for service in services.values_mut() {
        if let Some(list) = service["depends_on"].as_array() {
            let started = || serde_json::json!({"condition": "service_started"});
            let edges = list
                .iter()
                .map(|name| (name.as_str().expect("text").to_owned(), started()));
            service["depends_on"] = serde_json::Value::Object(edges.collect());
        } else if service["depends_on"].is_null() {
            service["depends_on"] = serde_json::json!({});
        }
    }
    serde_json::from_value(model).map_err(|e| HostError::Unexpected(e.to_string()))
}

impl Scene {
    pub(super) fn new(case: Case) -> Self {
        // In memory where that is possible: every record is synced.
        let memory = Path::new("/dev/shm");
        let folder = match memory.is_dir() {
            true => tempfile::tempdir_in(memory),
            false => tempfile::tempdir(),
        }
        .expect("a folder");
        let tag = if case == Case::Pinned { "v1" } else { "latest" };
        let write = |name: &str, text: &str| {
            files::replace(&folder.path().join(name), text.as_bytes()).expect("written");
        };
        write(
            "compose.yml",
            &COMPOSE.replace("TAG\n", &format!("{tag}\n")),
        );
        write(".env", &format!("# tags\nFRONTEND_TAG={tag}\n"));
        let scene = Self {
            case,
            world: Arc::default(),
            journal: folder.path().join("journal.db"),
            journals: 0,
            folder,
        };
        scene.found();
        scene
    }

    /// Fills the world with what there is before anything is done.
    fn found(&self) {
        let mut world = self.world();
        let release = if self.case == Case::Pinned { 1 } else { 2 };
        for name in ["traefik", "pgvector", "redis"] {
            let reference = self.reference(name);
            world.registry.insert(reference, id(name, release));
        }
        for name in APP {
            let newest = if self.case == Case::Pinned {
                "v2"
            } else {
                "latest"
            };
            world
                .registry
                .insert(format!("r.test/{name}:{newest}"), id(name, 2));
        }
        if self.case == Case::Install {
            return;
        }
        for (service, reference) in self.references() {
            let old = id(image_name(&reference), 1);
            world.images.insert(old.clone());
            world.tags.insert(reference.clone(), old);
            world.create(&service, &reference);
        }
        let data = Data {
            oid: world.new_oid(),
            revision: Some(OLD.to_owned()),
            rows: BTreeMap::from([("users".to_owned(), 7), ("global_models".to_owned(), 3)]),
            complete: true,
            job: "in progress".to_owned(),
        };
        world.working = true;
        world.databases.insert(DATABASE.to_owned(), data);
        for service in [
            "db", "redis", "db-init", "backend", "frontend", "worker", "traefik",
        ] {
            if service == "db-init" {
                let container = world.container(service);
                "t0".clone_into(&mut container.started_at);
                container.status = eneo_upgrade::host::ContainerStatus::Exited;
            } else {
                world.start(service);
            }
        }
        if self.case == Case::Pulled {
            let newest = world.registry.clone();
            world.images.extend(newest.values().cloned());
            world.tags.extend(newest);
        }
    }

    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().expect("no panic before")
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn journal(&self) -> &Path {
        &self.journal
    }

    pub(super) fn to(&self) -> Option<&'static str> {
        (self.case == Case::Pinned).then_some("v2")
    }

    pub(super) fn references(&self) -> BTreeMap<String, String> {
        let services = model(self.folder()).expect("a model").services.into_iter();
        services
            .filter_map(|(name, service)| Some((name, service.image?)))
            .collect()
    }

    fn reference(&self, name: &str) -> String {
        let mut references = self.references().into_values();
        references
            .find(|reference| image_name(reference) == name)
            .expect("in the file")
    }

    pub(super) fn served(&self) -> Served {
        let world = self.world();
        let seen = |made: &Made| {
            let container = &made.container;
            (
                container.image.clone(),
                made.reference.clone(),
                match container.status {
                    ContainerStatus::Paused => Does::Wait,
                    _ if container.is_up() => Does::Work,
                    _ => Does::Nothing,
                },
                container.restart_policy.clone(),
            )
        };
        let references = self.references().into_values();
        // Kept aside on purpose.
        let kept = |name: &&String| !name.contains("_failed_") && !name.contains("_before_");
        let names = world.databases.keys().filter(kept);
        Served {
            services: world
                .containers
                .iter()
                .map(|(name, made)| (name.clone(), seen(made)))
                .collect(),
            tags: references
                .map(|name| (name.clone(), world.tags.get(&name).cloned()))
                .collect(),
            files: ["compose.yml", ".env"]
                .map(|name| files::read(&self.folder().join(name)).expect("there"))
                .into(),
            databases: names
                .map(|name| {
                    // What became of the job is told by itself; ids are new after every copy.
                    let (job, oid) = (String::new(), 0);
                    let data = Data {
                        oid,
                        job,
                        ..world.databases[name].clone()
                    };
                    (name.clone(), data)
                })
                .collect(),
            held: world.held.clone(),
            job_lives: world.job_lives(),
        }
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        let mut found = BTreeMap::new();
        read_all(self.folder(), &mut found);
        found.retain(|path, _| !is_journal(path));
        Snapshot {
            world: self.world().clone(),
            files: found,
            journal: files::read(&self.journal).expect("there"),
        }
    }

    pub(super) fn restore(&mut self, snapshot: &Snapshot) {
        let mut found = BTreeMap::new();
        read_all(self.folder(), &mut found);
        for path in found.keys().filter(|path| !is_journal(path)) {
            files::remove(path).expect("removed");
        }
        for (path, bytes) in &snapshot.files {
            files::replace(path, bytes).expect("written");
        }
        self.journals += 1;
        self.journal = self.folder().join(format!("journal-{}.db", self.journals));
        files::replace(&self.journal, &snapshot.journal).expect("written");
        *self.world() = snapshot.world.clone();
    }
}

fn is_journal(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|name| name.to_string_lossy().starts_with("journal"))
}

fn read_all(folder: &Path, found: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in folder.read_dir().expect("a folder") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => read_all(&path, found),
            // A journal of before may be going away just now.
            false => {
                if let Ok(bytes) = files::read(&path) {
                    found.insert(path, bytes);
                }
            }
        }
    }
}
