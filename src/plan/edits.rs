//! The edits of the user's files, file by file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::gates::{self, Project};
use super::tags;
use crate::compose_file::{self, Edge, Reason, Refusal};
use crate::event::{Failure, FailureClass, Finding, Severity};
use crate::host::compose::ProjectArgs;
use crate::host::files;
use crate::inventory::{Inventory, Sources};
use crate::steps::{Edit, EditFile};

/// The edits of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEdits {
    /// The file.
    pub path: PathBuf,
    /// What is changed, in order.
    pub edits: Vec<Edit>,
    /// Its text now; none where it is a new file.
    pub before: Option<String>,
    /// Its text afterwards.
    pub after: String,
    /// Services that the edits of other files make wait, and for what.
    pub others: Vec<Edge>,
}

impl FileEdits {
    /// What changes, as a unified diff without context.
    pub fn diff(&self) -> String {
        let before = self.before.as_deref().unwrap_or_default();
        compose_file::diff(before, &self.after, &self.path.display().to_string())
    }

    /// Makes sure that the file still says what the edits were planned for.
    pub fn unchanged(&self) -> Result<(), Failure> {
        if files::read_text(&self.path)? == self.before {
            return Ok(());
        }
        Err(Failure::new(format!(
            "`{}` was changed by somebody else meanwhile; nothing was touched",
            self.path.display()
        ))
        .hint("start again with the file as it is now")
        .class(FailureClass::Refused))
    }

    /// The step that makes them; the text before is kept in `folder`.
    pub fn step(&self, folder: &Path, number: usize, args: &ProjectArgs) -> EditFile {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let sha256 = |text: &String| files::sha256(text.as_bytes());
        EditFile {
            path: self.path.clone(),
            edits: self.edits.clone(),
            before: self.before.as_ref().map(sha256),
            after: sha256(&self.after),
            saved: folder.join(format!("{number}-{name}")),
            like: args.files.first().unwrap_or(&self.path).clone(),
            others: self.others.iter().map(pair).collect(),
            images: BTreeMap::new(),
        }
    }
}

/// Plans all edits: services of the app wait for its migration, and with a release to go to the
/// tag of its images. What cannot be edited is a finding that says what to write by hand.
pub fn plan_edits(inventory: &Inventory, to: Option<&str>) -> Result<Vec<FileEdits>, Vec<Finding>> {
    let project = Project {
        args: &inventory.args,
        sources: &inventory.sources,
        model: &inventory.model,
        inactive: &inventory.ground.inactive,
    };
    let tags = tags::edits(inventory, to).map_err(|finding| vec![finding])?;
    let wanted = gates::wanted(&inventory.recipe.roles, &inventory.model);
    let gates = gates::edits(&project, &wanted)?;
    by_file(&inventory.sources, tags.into_iter().chain(gates)).map_err(|finding| vec![finding])
}

fn pair(edge: &Edge) -> (String, String) {
    (edge.service.clone(), edge.dependency.clone())
}

/// Puts the edits of one file together, and makes them on its text.
pub(super) fn by_file(
    sources: &Sources,
    edits: impl IntoIterator<Item = (PathBuf, Edit)>,
) -> Result<Vec<FileEdits>, Finding> {
    let mut planned: BTreeMap<PathBuf, Vec<Edit>> = BTreeMap::new();
    for (path, edit) in edits {
        planned.entry(path).or_default().push(edit);
    }
    let all: Vec<Edge> = planned.values().flatten().flat_map(Edit::edges).collect();
    let mut changed = Vec::new();
    for (path, edits) in planned {
        let before = sources.texts.get(&path).cloned();
        let text = before.clone().unwrap_or_default();
        let after = edits
            .iter()
            .try_fold(text.clone(), |text, edit| edit.apply(&text))
            .map_err(|refusal| refused(&path, &refusal))?;
        if after != text {
            changed.push(FileEdits {
                path,
                edits,
                before,
                after,
                others: all.clone(),
            });
        }
    }
    // Files that set variables last: Compose files may be judged by what they say.
    changed.sort_by_key(|file| sources.variables.contains(&file.path));
    Ok(changed)
}

/// Why a file is not edited, with what to write by hand.
pub fn refused(path: &Path, refusal: &Refusal) -> Finding {
    let by_hand = refusal.by_hand.trim_end();
    Finding {
        id: refusal.code().to_owned(),
        severity: Severity::Refusal,
        text: format!("`{}`: {refusal}", path.display()),
        cure: match &refusal.reason {
            Reason::Cycle {
                service,
                dependency,
            } => format!("take `{service}` out of what `{dependency}` waits for"),
            _ if by_hand.is_empty() => "change it by hand".to_owned(),
            _ => format!("change it by hand, so that it says:\n{by_hand}"),
        },
    }
}

pub(super) fn refusal(id: &str, text: String, cure: String) -> Finding {
    Finding {
        id: id.to_owned(),
        severity: Severity::Refusal,
        text,
        cure,
    }
}
