//! What can go wrong outside, with what was attempted.

use std::path::PathBuf;

use thiserror::Error;

use crate::event::{Failure, FailureClass};

/// Something outside did not work.
#[derive(Debug, Error)]
pub enum HostError {
    /// The Docker engine.
    #[error("cannot {what}: {source}")]
    Docker {
        /// What was attempted.
        what: String,
        /// What the engine said.
        source: bollard::errors::Error,
    },
    /// A program ended with an error.
    #[error("`{command}` ended with {status}")]
    Program {
        /// The program and its first arguments.
        command: String,
        /// Exit code or signal.
        status: String,
        /// Its last lines.
        tail: Vec<String>,
    },
    /// A program could not be started.
    #[error("cannot start `{program}`: {source}")]
    Start {
        /// The program.
        program: String,
        /// Why not.
        source: std::io::Error,
    },
    /// A file.
    #[error("cannot {what} `{}`: {source}", path.display())]
    File {
        /// What was attempted.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The database.
    #[error("cannot {what}: {why}")]
    Database {
        /// What was attempted, with the database's name.
        what: String,
        /// What the server or the connection said.
        why: String,
    },
    /// A child of an earlier run is still at work.
    #[error("`{command}` of an earlier run is still at work (process {pid})")]
    ChildAlive {
        /// Its command line.
        command: String,
        /// Its process id.
        pid: u32,
    },
    /// An answer that makes no sense.
    #[error("{0}")]
    Unexpected(String),
}

impl From<HostError> for Failure {
    fn from(error: HostError) -> Self {
        let failure = Self::from_error(&error);
        match error {
            HostError::Program { tail, .. } => failure.details(tail),
            HostError::ChildAlive { .. } => failure
                .class(FailureClass::Busy)
                .hint("`eneo-upgrade resume` waits for it and goes on from there"),
            _ => failure,
        }
    }
}
