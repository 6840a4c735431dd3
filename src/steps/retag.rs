//! Moving the user's tags: from here on Compose sees other images.

use serde::{Deserialize, Serialize};

use crate::engine::Probe;
use crate::event::{Artifact, Failure};
use crate::host::Images;

/// One tag and where it goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    /// The user's tag.
    pub reference: String,
    /// The id it gets on the way back; none where it needs none.
    pub from: Option<String>,
    /// The image it will name: an id, or a tag of ours.
    pub to: String,
}

/// See the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retag {
    /// The tags.
    pub moves: Vec<Move>,
}

impl Retag {
    pub(super) fn title(&self) -> String {
        match self.moves.len() {
            1 => "move 1 tag".to_owned(),
            n => format!("move {n} tags"),
        }
    }

    pub(super) async fn probe(&self, images: &impl Images) -> Result<Probe, Failure> {
        for tag in &self.moves {
            let wanted = images.id_of(&tag.to).await?;
            if wanted.is_none() || images.id_of(&tag.reference).await? != wanted {
                return Ok(Probe::Needed);
            }
        }
        Ok(Probe::AlreadyDone)
    }

    pub(super) async fn run(&self, images: &impl Images) -> Result<Option<Artifact>, Failure> {
        for tag in &self.moves {
            images.tag(&tag.to, &tag.reference).await?;
        }
        Ok(None)
    }
}
