//! Holding the feeder of queued jobs, so that "wait until nothing runs" can come true.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::engine::Probe;
use crate::event::{Artifact, Failure};
use crate::host::{Containers, Queue};

/// Takes the feeder's place. Our hold lapses by itself when we die.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldFeeder {
    /// The key in the queue server.
    pub key: String,
    /// Seconds until the hold lapses.
    pub ttl_seconds: u64,
    /// The services that feed and work.
    pub workers: Vec<String>,
}

impl HoldFeeder {
    pub(super) async fn probe(&self, containers: &impl Containers) -> Result<Probe, Failure> {
        super::drain::needed_while_up(containers, &self.workers).await
    }

    pub(super) async fn run(&self, queue: &impl Queue) -> Result<Option<Artifact>, Failure> {
        queue
            .hold(&self.key, Duration::from_secs(self.ttl_seconds))
            .await?;
        Ok(None)
    }
}

/// Gives the feeder's place back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseFeeder {
    /// The key in the queue server.
    pub key: String,
}

impl ReleaseFeeder {
    pub(super) async fn run(&self, queue: &impl Queue) -> Result<Option<Artifact>, Failure> {
        queue.release(&self.key).await?;
        Ok(None)
    }
}
