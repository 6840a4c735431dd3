//! Making the containers as the files say now; none is started.

use serde::{Deserialize, Serialize};

use crate::event::{Artifact, Failure};
use crate::host::Compose;

/// See the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Create {
    /// The services.
    pub services: Vec<String>,
}

impl Create {
    pub(super) async fn run(&self, compose: &impl Compose) -> Result<Option<Artifact>, Failure> {
        compose.create(&self.services).await?;
        Ok(None)
    }
}
