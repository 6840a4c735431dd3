//! The outside world, one file per system: Docker, Compose, PostgreSQL, Redis, HTTP, files.
//!
//! It must not know plans, steps or runs; it does one thing at a time when told so. What steps
//! need of it stands in [`ports`], so that the laws of the engine can be tested over a world
//! that is broken on purpose.

mod backup;
pub mod compose;
pub mod docker;
mod error;
pub mod files;
pub mod http;
pub mod jobs;
mod machine;
mod model;
mod one_off;
pub mod ports;
pub mod postgres;
pub mod process;
pub mod queue;
mod scratch;
pub mod seal;
mod secret;

pub use backup::{Backup, Content, DumpFile, DumpFormat, Locale, TableContent, digest};
pub use error::HostError;
pub use machine::Machine;
pub use model::{Condition, Dependency, Model, Mount, Named, Service};
pub use one_off::OneOff;
pub use ports::{
    Compose, Container, ContainerStatus, Containers, Database, Host, HttpAnswer, Images, Limits,
    Mounted, Queue, Requeued, RestartPolicy, Row, Wait,
};
pub use scratch::Scratch;
pub use secret::{Redactor, Secret};
