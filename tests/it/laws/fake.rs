//! A host that is broken on purpose: killed at any point of any effect, or failing after it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use eneo_upgrade::host::{
    Compose, Container, ContainerStatus, Containers, Host, HostError, HttpAnswer, Images, Limits,
    Model, Queue, Redactor, Requeued, RestartPolicy, files,
};
use tokio::sync::Notify;

use super::world::{NEW, OLD, World, digest};

/// The host as one process sees it. Its end is not an error that steps could still act upon:
/// the call never returns, and whoever waits for [`Fake::killed`] drops the process.
pub(super) struct Fake {
    world: Arc<Mutex<World>>,
    folder: PathBuf,
    redactor: Redactor,
    /// Moments so far at which the process could be killed.
    pub(super) points: AtomicUsize,
    kill_at: Option<usize>,
    end: Notify,
    /// Effects so far.
    pub(super) effects: AtomicUsize,
    fail_after: Option<usize>,
}

/// A part of an effect that is there at once or not at all.
pub(super) type Part = Box<dyn FnOnce(&mut World) + Send>;

pub(super) fn part(change: impl FnOnce(&mut World) + Send + 'static) -> Part {
    Box::new(change)
}

pub(super) fn unexpected<T>(what: impl Into<String>) -> Result<T, HostError> {
    Err(HostError::Unexpected(what.into()))
}

impl Fake {
    pub(super) fn new(
        world: Arc<Mutex<World>>,
        folder: &Path,
        kill_at: Option<usize>,
        fail_after: Option<usize>,
    ) -> Self {
        Self {
            world,
            folder: folder.to_owned(),
            redactor: Redactor::default(),
            points: AtomicUsize::new(0),
            kill_at,
            end: Notify::new(),
            effects: AtomicUsize::new(0),
            fail_after,
        }
    }

    pub(super) async fn killed(&self) {
        self.end.notified().await;
    }

    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().expect("no panic before")
    }

    async fn point(&self) {
        let number = self.points.fetch_add(1, Ordering::Relaxed);
        if self.kill_at.is_some_and(|at| number >= at) {
            self.end.notify_one();
            std::future::pending::<()>().await;
        }
    }

    /// May be killed before, between the parts and after. A child that outlives us (`docker
    /// compose`) and is waited for by the next process is the same as being killed after.
    pub(super) async fn effect(&self, parts: Vec<Part>) -> Result<(), HostError> {
        self.point().await;
        for (number, part) in parts.into_iter().enumerate() {
            if number > 0 {
                self.point().await;
            }
            part(&mut self.world());
        }
        self.point().await;
        let number = self.effects.fetch_add(1, Ordering::Relaxed);
        if self.fail_after == Some(number) {
            return unexpected("failed after its effect");
        }
        Ok(())
    }

    /// Writes a file; a kill may leave half of it.
    async fn write_in_two(&self, to: &Path) -> Result<(), HostError> {
        assert!(!to.exists(), "{} is written twice", to.display());
        let write = |text: &'static str| {
            let path = to.to_owned();
            part(move |_| files::replace(&path, text.as_bytes()).expect("written"))
        };
        self.effect(vec![write("ha"), write("half and whole")])
            .await
    }

    /// Changes a container in one go.
    async fn set(
        &self,
        id: &str,
        change: impl FnOnce(&mut Container) + Send + 'static,
    ) -> Result<(), HostError> {
        let id = id.to_owned();
        self.effect(vec![part(move |world| {
            let mut made = world.containers.values_mut();
            let found = made.find(|made| made.container.id == id);
            change(&mut found.expect("a container").container);
        })])
        .await
    }

    pub(super) fn needs_database(&self) -> Result<(), HostError> {
        match self.world().is_up("db") {
            true => Ok(()),
            false => unexpected("the database does not run"),
        }
    }
}

impl Host for Fake {
    type Images = Self;
    type Containers = Self;
    type Compose = Self;
    type Database = Self;
    type Queue = Self;

    fn images(&self) -> &Self {
        self
    }
    fn containers(&self) -> &Self {
        self
    }
    fn compose(&self) -> &Self {
        self
    }
    fn database(&self) -> &Self {
        self
    }
    fn queue(&self) -> &Self {
        self
    }
    fn redactor(&self) -> &Redactor {
        &self.redactor
    }
    fn limits(&self) -> Limits {
        Limits::default()
    }
}

impl Images for Fake {
    async fn pull(
        &self,
        _repository: &str,
        wanted: &str,
        progress: &(dyn Fn(u64, u64) + Sync),
    ) -> Result<String, HostError> {
        let found = self
            .world()
            .registry
            .values()
            .find(|id| digest(id) == wanted)
            .cloned();
        let Some(id) = found else {
            return unexpected(format!("the registry does not have {wanted}"));
        };
        progress(1, 1);
        let image = id.clone();
        self.effect(vec![part(move |world| {
            world.images.insert(image);
        })])
        .await?;
        Ok(id)
    }

    async fn tag(&self, image: &str, reference: &str) -> Result<(), HostError> {
        let Some(id) = self.world().id_of(image) else {
            return unexpected(format!("there is no image {image}"));
        };
        let reference = reference.to_owned();
        self.effect(vec![part(move |world| {
            world.tags.insert(reference, id);
        })])
        .await
    }

    async fn id_of(&self, reference: &str) -> Result<Option<String>, HostError> {
        Ok(self.world().id_of(reference))
    }

    async fn release_of(&self, _image: &str) -> Result<Option<String>, HostError> {
        Ok(None)
    }

    async fn read_folder(
        &self,
        image: &str,
        _folder: &str,
    ) -> Result<Vec<(String, String)>, HostError> {
        let id = self.world().id_of(image).unwrap_or_default();
        let mut sources = vec![("a.py".to_owned(), format!("revision = '{OLD}'\n"))];
        if id.ends_with(".2") {
            let text = format!("revision = '{NEW}'\ndown_revision = '{OLD}'\n");
            sources.push(("b.py".to_owned(), text));
        }
        Ok(sources)
    }
}

impl Containers for Fake {
    async fn of_service(&self, service: &str) -> Result<Vec<Container>, HostError> {
        let world = self.world();
        Ok(world
            .containers
            .get(service)
            .map(|made| made.container.clone())
            .into_iter()
            .collect())
    }

    async fn stop(&self, ids: &[String], _grace: Duration) -> Result<(), HostError> {
        let services: Vec<String> = {
            let world = self.world();
            let made = world.containers.values().map(|made| &made.container);
            made.filter(|c| ids.contains(&c.id))
                .map(|c| c.service.clone())
                .collect()
        };
        let stop = |service: String| part(move |world| world.stop(&service));
        self.effect(services.into_iter().map(stop).collect()).await
    }

    async fn pause(&self, id: &str) -> Result<(), HostError> {
        self.set(id, |container| container.status = ContainerStatus::Paused)
            .await
    }

    async fn unpause(&self, id: &str) -> Result<(), HostError> {
        self.set(id, |container| container.status = ContainerStatus::Running)
            .await
    }

    async fn set_restart_policy(&self, id: &str, policy: &RestartPolicy) -> Result<(), HostError> {
        let policy = policy.clone();
        self.set(id, |container| container.restart_policy = policy)
            .await
    }

    async fn pack(
        &self,
        _id: &str,
        _folder: &str,
        to: &Path,
        _progress: &(dyn Fn(u64) + Sync),
    ) -> Result<(), HostError> {
        self.write_in_two(to).await
    }

    async fn unpack(&self, _id: &str, _folder: &str, _from: &Path) -> Result<(), HostError> {
        unexpected("these laws restore nothing on an empty host")
    }

    async fn follow(&self, id: &str, line: &(dyn Fn(&str) + Sync)) -> Result<Container, HostError> {
        line("migrating");
        // Goes on by itself, whatever becomes of us.
        self.effect(vec![
            part(World::migrate_schema),
            part(World::end_migration),
        ])
        .await?;
        let world = self.world();
        let made = world
            .containers
            .values()
            .find(|made| made.container.id == id);
        made.map_or_else(
            || unexpected("no such container"),
            |made| Ok(made.container.clone()),
        )
    }

    async fn get(&self, id: &str, _port: u16, _path: &str) -> Result<HttpAnswer, HostError> {
        let world = self.world();
        if !world
            .containers
            .values()
            .any(|made| made.container.id == id && made.container.is_up())
        {
            return unexpected("connection refused");
        }
        Ok(HttpAnswer {
            status: if world.is_up("worker") { 200 } else { 503 },
            body: r#"{"detail":{"backend":{"status":"HEALTHY"}}}"#.to_owned(),
        })
    }
}

impl Compose for Fake {
    async fn model(&self) -> Result<Model, HostError> {
        // Only looks, but stands between two changes of a file.
        self.point().await;
        super::scene::model(&self.folder)
    }

    async fn create(&self, services: &[String]) -> Result<(), HostError> {
        let model = super::scene::model(&self.folder)?;
        let mut parts = Vec::new();
        for service in services {
            let reference = model.services[service].image.clone().unwrap_or_default();
            let world = self.world();
            if !world.tags.contains_key(&reference) {
                return unexpected(format!("No such image: {reference}"));
            }
            if world.differs(service, &reference) {
                let (gone, made) = (service.clone(), service.clone());
                parts.push(part(move |world| world.stop_to_replace(&gone)));
                parts.push(part(move |world| world.create(&made, &reference)));
            }
        }
        self.effect(parts).await
    }

    async fn would_recreate(&self) -> Result<Vec<String>, HostError> {
        let model = super::scene::model(&self.folder)?;
        let world = self.world();
        let reference = |name: &String| model.services[name].image.clone().unwrap_or_default();
        let differing = model
            .services
            .keys()
            .filter(|name| world.differs(name, &reference(name)));
        Ok(differing.cloned().collect())
    }

    async fn start(&self, service: &str) -> Result<(), HostError> {
        if !self.world().containers.contains_key(service) {
            return unexpected(format!("service {service} has no container"));
        }
        if self.world().container(service).status == ContainerStatus::Paused {
            return unexpected("cannot start a paused container");
        }
        let service = service.to_owned();
        self.effect(vec![part(move |world| world.start(&service))])
            .await
    }
}

impl Queue for Fake {
    async fn save(&self, to: &Path) -> Result<(), HostError> {
        self.write_in_two(to).await
    }

    async fn load(&self, _from: &Path) -> Result<(), HostError> {
        unexpected("these laws restore nothing on an empty host")
    }

    async fn hold(&self, key: &str, _ttl: Duration) -> Result<(), HostError> {
        let key = key.to_owned();
        self.effect(vec![part(move |world| world.held = Some(key))])
            .await
    }

    async fn requeue(&self, job: &Requeued) -> Result<(), HostError> {
        let id = job.id.clone();
        let done = self
            .effect(vec![part(move |world| world.requeue(id))])
            .await;
        self.world().queue_refused |= done.is_err();
        done
    }

    async fn release(&self, key: &str) -> Result<(), HostError> {
        let key = key.to_owned();
        self.effect(vec![part(move |world| {
            world.held.take_if(|held| *held == key);
        })])
        .await
    }
}
