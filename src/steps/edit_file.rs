//! Editing a file of the user's: only the planned lines, proven, as a whole or not at all.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::compose_file::{self, Edge, Refusal};
use crate::engine::Probe;
use crate::event::{Artifact, Failure};
use crate::host::{Compose, HostError, files};

/// One change of a file's text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "edit", rename_all = "kebab-case")]
pub enum Edit {
    /// Services wait until another one has completed successfully.
    Gate {
        /// The services.
        services: Vec<String>,
        /// What they wait for.
        dependency: String,
        /// Whether the file may not know the services: it is merged over others that do.
        #[serde(default)]
        over: bool,
    },
    /// The image of services gets another tag.
    ImageTag {
        /// The services in whose description it stands.
        services: Vec<String>,
        /// The tag.
        tag: String,
        /// The services that run it; they may extend the others.
        #[serde(default)]
        of: Vec<String>,
    },
    /// A variable gets another value.
    Variable {
        /// Its name.
        name: String,
        /// Its value.
        value: String,
    },
}

impl Edit {
    /// The text with the change made.
    pub fn apply(&self, text: &str) -> Result<String, Refusal> {
        let patched = match self {
            Self::Gate { over: false, .. } => compose_file::require_edges(text, &self.edges()),
            Self::Gate { over: true, .. } => compose_file::declare_edges(text, &self.edges()),
            Self::ImageTag { services, tag, .. } => {
                compose_file::set_image_tag(text, services, tag)
            }
            Self::Variable { name, value } => compose_file::set_env_value(text, name, value),
        };
        patched.map(|patched| patched.text)
    }

    /// The edges that it makes.
    pub fn edges(&self) -> Vec<Edge> {
        match self {
            Self::Gate {
                services,
                dependency,
                ..
            } => services
                .iter()
                .map(|service| Edge {
                    service: service.clone(),
                    dependency: dependency.clone(),
                })
                .collect(),
            _ => Vec::new(),
        }
    }

    /// Whether the edit may change more of a service than the edges it names.
    fn may_change(&self, service: &str) -> bool {
        match self {
            Self::Gate { .. } => false,
            Self::ImageTag { services, of, .. } => {
                services.iter().chain(of).any(|name| name == service)
            }
            // A variable may stand anywhere.
            Self::Variable { .. } => true,
        }
    }

    fn title(&self) -> String {
        match self {
            Self::Gate {
                services,
                dependency,
                ..
            } => format!("make {} wait for {dependency}", services.join(", ")),
            Self::ImageTag { services, tag, .. } => {
                format!("set the tag of {} to {tag}", services.join(", "))
            }
            Self::Variable { name, value } => format!("set {name} to {value}"),
        }
    }
}

/// See the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EditFile {
    /// The file.
    pub path: PathBuf,
    /// The changes, in order.
    pub edits: Vec<Edit>,
    /// SHA-256 of the text that was planned with; none where there is no file yet.
    pub before: Option<String>,
    /// SHA-256 of the text with all changes made.
    pub after: String,
    /// Where the text before is kept.
    pub saved: PathBuf,
    /// The file whose mode and owner a new one gets.
    pub like: PathBuf,
    /// Edges that the edits of other files make: a service that extends one of ours may get its
    /// own with this edit.
    pub others: Vec<(String, String)>,
    /// Service to the image that Compose must see after this edit.
    pub images: BTreeMap<String, String>,
}

impl EditFile {
    pub(super) fn title(&self) -> String {
        let edits: Vec<String> = self.edits.iter().map(Edit::title).collect();
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let verb = match self.before {
            Some(_) => "edit",
            None => "write",
        };
        format!("{verb} {name}: {}", edits.join("; "))
    }

    pub(super) fn probe(&self) -> Result<Probe, Failure> {
        let found = files::read_text(&self.path)?;
        // Somebody may have changed other places meanwhile; ours may be right all the same.
        let text = found.as_deref().unwrap_or_default();
        if found.is_some() && self.edited(text).is_ok_and(|edited| edited == text) {
            return Ok(Probe::AlreadyDone);
        }
        if found.map(|text| files::sha256(text.as_bytes())) == self.before {
            return Ok(Probe::Needed);
        }
        Err(Failure::new(format!(
            "`{}` was changed by somebody else since the plan was made",
            self.path.display()
        ))
        .hint("`eneo-upgrade rollback`, then start again with the file as it is now"))
    }

    fn edited(&self, text: &str) -> Result<String, Refusal> {
        self.edits
            .iter()
            .try_fold(text.to_owned(), |text, edit| edit.apply(&text))
    }

    /// Makes the changes and has Compose prove them; a file that it does not prove is put back.
    pub async fn run(&self, compose: &impl Compose) -> Result<Option<Artifact>, Failure> {
        let found = files::read_text(&self.path)?;
        let text = found.as_deref().unwrap_or_default();
        let edited = self.edited(text).map_err(|refusal| {
            Failure::from_error(&refusal).hint(format!(
                "make the change in `{}` by hand",
                self.path.display()
            ))
        })?;
        if let (Some(folder), Some(text)) = (self.saved.parent(), &found) {
            files::private_folder(folder)?;
            files::replace(&self.saved, text.as_bytes())?;
        }
        let before = compose.model().await?;
        match found {
            Some(_) => files::replace(&self.path, edited.as_bytes())?,
            None => files::create_like(&self.path, edited.as_bytes(), &self.like)?,
        }
        // The file is ours to put back at once if Compose does not agree.
        let disagreement = match compose.model().await {
            Err(error) => Some(Failure::from(error)),
            Ok(after) => self.disagreement(&before, &after),
        };
        if let Some(failure) = disagreement {
            self.put_back(found.as_deref())?;
            return Err(failure.hint(format!(
                "`{}` was put back; make the change by hand and start again",
                self.path.display()
            )));
        }
        Ok(None)
    }

    fn put_back(&self, text: Option<&str>) -> Result<(), HostError> {
        match text {
            Some(text) => files::replace(&self.path, text.as_bytes()),
            None => files::remove(&self.path),
        }
    }

    /// The proof by Compose itself: what was planned came true, and nothing else changed.
    fn disagreement(
        &self,
        before: &crate::host::Model,
        after: &crate::host::Model,
    ) -> Option<Failure> {
        let edges = self.edits.iter().flat_map(Edit::edges);
        let edges: Vec<(String, String)> =
            edges.map(|edge| (edge.service, edge.dependency)).collect();
        let ungated = edges
            .iter()
            .find(|(service, on)| !after.is_gated(service, on));
        if let Some((service, dependency)) = ungated {
            return Some(Failure::new(format!(
                "after the edit of `{}` service `{service}` still does not wait for \
                 `{dependency}`: another file says otherwise",
                self.path.display()
            )));
        }
        for (service, wanted) in &self.images {
            let image = after
                .services
                .get(service)
                .and_then(|service| service.image.as_ref());
            if image != Some(wanted) {
                return Some(Failure::new(format!(
                    "after the edit of `{}` the image of service `{service}` is `{}`, not \
                     `{wanted}`: something else sets it",
                    self.path.display(),
                    image.map_or("not set", String::as_str)
                )));
            }
        }
        let expected = [edges, self.others.clone()].concat();
        let stray = before
            .differences(after, &expected)
            .into_iter()
            .find(|service| !self.edits.iter().any(|edit| edit.may_change(service)))?;
        Some(Failure::new(format!(
            "the edit of `{}` would also change service `{stray}`",
            self.path.display()
        )))
    }
}
