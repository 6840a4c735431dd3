//! What steps need of the outside world, narrow enough to be given piece by piece.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Backup, HostError, Model, Redactor};
use crate::event::DrainPolicy;

/// The adapters of one project on one machine.
pub trait Host: Sync {
    /// Images.
    type Images: Images;
    /// Containers.
    type Containers: Containers;
    /// Compose.
    type Compose: Compose;
    /// The database.
    type Database: Database;
    /// The queue.
    type Queue: Queue;

    /// The images of the engine and its registries.
    fn images(&self) -> &Self::Images;
    /// The containers of the project.
    fn containers(&self) -> &Self::Containers;
    /// `docker compose` on the project.
    fn compose(&self) -> &Self::Compose;
    /// The database of the app.
    fn database(&self) -> &Self::Database;
    /// The queue server of the app.
    fn queue(&self) -> &Self::Queue;
    /// Knows the secrets of the project.
    fn redactor(&self) -> &Redactor;
    /// What somebody has said since the plan was made.
    fn limits(&self) -> Limits;
}

/// What somebody has said since the plan was made, when a run is gone on with. What is missing is
/// as planned.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Seconds to wait for active jobs.
    pub drain_seconds: Option<u64>,
    /// What to do with those that are still running then.
    pub drain_policy: Option<DrainPolicy>,
    /// Seconds the migration may take.
    pub migration_seconds: Option<u64>,
}

/// The images of an engine, and the registries behind it.
pub trait Images: Sync {
    /// Pulls `repository@digest`; tells layers done and layers in all. Returns the local id.
    fn pull(
        &self,
        repository: &str,
        digest: &str,
        progress: &(dyn Fn(u64, u64) + Sync),
    ) -> impl Future<Output = Result<String, HostError>> + Send;

    /// Makes `reference` (`repository:tag`) name the image.
    fn tag(
        &self,
        image: &str,
        reference: &str,
    ) -> impl Future<Output = Result<(), HostError>> + Send;

    /// The id that `reference` names, if it is here.
    fn id_of(
        &self,
        reference: &str,
    ) -> impl Future<Output = Result<Option<String>, HostError>> + Send;

    /// The release that an image says it is.
    fn release_of(
        &self,
        image: &str,
    ) -> impl Future<Output = Result<Option<String>, HostError>> + Send;

    /// The text files directly in `folder` of the image: name and content. Made with a
    /// container that is created, never started, and removed again.
    fn read_folder(
        &self,
        image: &str,
        folder: &str,
    ) -> impl Future<Output = Result<Vec<(String, String)>, HostError>> + Send;
}

/// State of a container, in the engine's words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ContainerStatus {
    /// Made, never started.
    #[default]
    Created,
    /// Runs.
    Running,
    /// Held by `docker pause`.
    Paused,
    /// Between two starts by its restart policy.
    Restarting,
    /// Ended.
    Exited,
    /// Being removed, or beyond repair.
    Dead,
}

/// What the engine does when a container ends, or when the engine itself starts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestartPolicy {
    /// `always`, `unless-stopped`, `on-failure`; `no` or empty: nothing.
    pub name: String,
    /// How often `on-failure` tries; 0 for as often as it takes.
    pub tries: i64,
}

impl RestartPolicy {
    /// Nothing starts it but somebody who means to.
    pub fn no() -> Self {
        Self {
            name: "no".to_owned(),
            tries: 0,
        }
    }
}

/// A container of the project.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Container {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its service.
    pub service: String,
    /// The id of its image.
    pub image: String,
    /// Its state.
    pub status: ContainerStatus,
    /// When it was last started, as the engine writes it; empty if never.
    pub started_at: String,
    /// The code it ended with.
    pub exit_code: i64,
    /// The verdict of its health check; none where there is no check.
    pub healthy: Option<bool>,
    /// What the engine does when it ends.
    pub restart_policy: RestartPolicy,
    /// How often its restart policy has started it again.
    pub restarts: u64,
    /// Whether it was killed for want of memory.
    pub out_of_memory: bool,
    /// Its addresses.
    pub addresses: Vec<String>,
    /// Where in it something is mounted, and what.
    pub mounts: BTreeMap<String, Mounted>,
}

/// What is mounted into a container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mounted {
    /// The volume's name, or the path that is bound.
    pub source: String,
    /// Whether it is a volume that nobody has named.
    pub anonymous: bool,
    /// Where it is, on the engine's machine.
    pub path: PathBuf,
}

impl Container {
    /// Whether processes of it are there, working or held.
    pub fn is_up(&self) -> bool {
        matches!(
            self.status,
            ContainerStatus::Running | ContainerStatus::Paused | ContainerStatus::Restarting
        )
    }
}

/// An answer over HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpAnswer {
    /// The status code.
    pub status: u16,
    /// The body, as text.
    pub body: String,
}

/// The containers of a project.
pub trait Containers: Sync {
    /// Those of a service, found by label, one-off containers left out.
    fn of_service(
        &self,
        service: &str,
    ) -> impl Future<Output = Result<Vec<Container>, HostError>> + Send;

    /// Stops containers side by side; each has `grace` from the signal to the kill. The signal
    /// reaches the processes inside also where PID 1 is a shell that swallows it.
    fn stop(
        &self,
        ids: &[String],
        grace: Duration,
    ) -> impl Future<Output = Result<(), HostError>> + Send;

    /// Holds all processes of a container; what is sent to its ports waits in the kernel.
    fn pause(&self, id: &str) -> impl Future<Output = Result<(), HostError>> + Send;

    /// Lets them go on.
    fn unpause(&self, id: &str) -> impl Future<Output = Result<(), HostError>> + Send;

    /// Sets what the engine does when a container ends; it is neither stopped nor made anew.
    fn set_restart_policy(
        &self,
        id: &str,
        policy: &RestartPolicy,
    ) -> impl Future<Output = Result<(), HostError>> + Send;

    /// Tells every line of the current start of a container, until it ends or is started again;
    /// returns it as it is then.
    fn follow(
        &self,
        id: &str,
        line: &(dyn Fn(&str) + Sync),
    ) -> impl Future<Output = Result<Container, HostError>> + Send;

    /// Writes what is in `folder` of a container to the new file `to`, as a tar, be it up or not;
    /// tells bytes.
    fn pack(
        &self,
        id: &str,
        folder: &str,
        to: &Path,
        progress: &(dyn Fn(u64) + Sync),
    ) -> impl Future<Output = Result<(), HostError>> + Send;

    /// Puts what is in the tar `from` into `folder` of a container, be it up or not.
    fn unpack(
        &self,
        id: &str,
        folder: &str,
        from: &Path,
    ) -> impl Future<Output = Result<(), HostError>> + Send;

    /// Asks a container over the project's network.
    fn get(
        &self,
        id: &str,
        port: u16,
        path: &str,
    ) -> impl Future<Output = Result<HttpAnswer, HostError>> + Send;
}

/// `docker compose` on one project.
pub trait Compose: Sync {
    /// The project as Compose understands it now.
    fn model(&self) -> impl Future<Output = Result<Model, HostError>> + Send;

    /// Makes the containers of these services as the files say, replacing those that differ;
    /// starts none.
    fn create(&self, services: &[String]) -> impl Future<Output = Result<(), HostError>> + Send;

    /// Starts a service whose containers exist; nothing else is started or made anew.
    fn start(&self, service: &str) -> impl Future<Output = Result<(), HostError>> + Send;

    /// The names of the containers that a plain `up` would make anew now.
    fn would_recreate(&self) -> impl Future<Output = Result<Vec<String>, HostError>> + Send;
}

/// A row of a query: column to value.
pub type Row = serde_json::Map<String, serde_json::Value>;

/// A session that waits for what another one holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// The statement that waits.
    pub query: String,
    /// Who holds what it waits for: program, user, address, state, and its last statement.
    pub holder: String,
}

/// A job that is to be queued again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requeued {
    /// The app's id of it.
    pub id: String,
    /// The Redis list it waits in.
    pub list: String,
    /// The element it is there.
    pub payload: String,
    /// Keys to remove first.
    pub forget: Vec<String>,
    /// Sorted sets to take the id out of first.
    pub forget_in: Vec<String>,
}

/// The database of the app.
pub trait Database: Sync {
    /// The schema revisions recorded in it, sorted; none where there is no such table.
    fn revisions(&self) -> impl Future<Output = Result<Option<Vec<String>>, HostError>> + Send;

    /// The rows of one reading statement, in a read-only transaction with a time limit.
    fn rows(&self, sql: &str) -> impl Future<Output = Result<Vec<Row>, HostError>> + Send;

    /// Runs one changing statement.
    fn update(&self, sql: &str) -> impl Future<Output = Result<(), HostError>> + Send;

    /// The rows of tables of database `of`, by their names as `pg_dump` writes them; those that
    /// are not there are left out.
    fn counts(
        &self,
        of: &str,
        tables: &[String],
    ) -> impl Future<Output = Result<BTreeMap<String, u64>, HostError>> + Send;

    /// Sessions on it that wait for others.
    fn waits(&self) -> impl Future<Output = Result<Vec<Wait>, HostError>> + Send;

    /// Ends the sessions of clients at these addresses, and waits until they are gone.
    fn end_sessions_from(
        &self,
        addresses: &[String],
    ) -> impl Future<Output = Result<(), HostError>> + Send;

    /// Ends sessions and tools that an earlier process of this run has left, and waits until they
    /// are gone.
    fn end_leftovers(&self) -> impl Future<Output = Result<(), HostError>> + Send;

    /// Dumps database `of` to `to`, which must not exist, and proves the dump: by restoring it
    /// as database `scratch`, which is there only meanwhile, or without a name by reading it
    /// back. Tells bytes written.
    fn dump(
        &self,
        of: &str,
        to: &Path,
        scratch: Option<&str>,
        progress: &(dyn Fn(u64) + Sync),
    ) -> impl Future<Output = Result<Backup, HostError>> + Send;

    /// Copies the app's database to a new one `name` within the server, exactly, replacing a half
    /// one of that name. Sessions on it are ended, and none can begin meanwhile.
    fn clone_as(&self, name: &str) -> impl Future<Output = Result<(), HostError>> + Send;

    /// Restores a dump into a new database `name`, replacing a half one of that name, and compares
    /// the two.
    fn restore_into(
        &self,
        backup: &Backup,
        name: &str,
    ) -> impl Future<Output = Result<(), HostError>> + Send;

    /// Gives the app's name to database `replacement` and the name `aside` to what is there, in
    /// one transaction.
    fn swap(
        &self,
        replacement: &str,
        aside: &str,
    ) -> impl Future<Output = Result<(), HostError>> + Send;

    /// The object id of the database of this name, if there is one: a name is given anew, an id
    /// is not.
    fn oid(&self, name: &str) -> impl Future<Output = Result<Option<u32>, HostError>> + Send;
}

/// The queue server of the app.
pub trait Queue: Sync {
    /// Takes the feeder's place: sets `key` to our name and renews it until released, or until
    /// this process ends and `ttl` has passed.
    fn hold(&self, key: &str, ttl: Duration) -> impl Future<Output = Result<(), HostError>> + Send;

    /// Queues a job again as the last one, once, however often this is done.
    fn requeue(&self, job: &Requeued) -> impl Future<Output = Result<(), HostError>> + Send;

    /// Writes everything the queue holds to the new file `to`, as it is at one moment.
    fn save(&self, to: &Path) -> impl Future<Output = Result<(), HostError>> + Send;

    /// Makes the queue hold what `from` holds, and nothing else.
    fn load(&self, from: &Path) -> impl Future<Output = Result<(), HostError>> + Send;

    /// Gives the feeder's place back, if it is ours.
    fn release(&self, key: &str) -> impl Future<Output = Result<(), HostError>> + Send;
}
