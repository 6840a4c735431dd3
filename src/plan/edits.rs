//! Which of the user's files have to say something else, and where (rules R2 and R3).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::compose_file::{self, Reason, TagSource};
use crate::event::{Finding, Severity};
use crate::inventory::Inventory;
use crate::steps::Edit;

/// The edits of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEdits {
    /// The file.
    pub path: PathBuf,
    /// What is changed, in order.
    pub edits: Vec<Edit>,
    /// Its text now.
    pub before: String,
    /// Its text afterwards.
    pub after: String,
}

/// Plans all edits: services of the app wait for its migration, and with a release to go to the
/// tag of its images. What cannot be edited is a finding that says what to write by hand.
pub fn plan_edits(inventory: &Inventory, to: Option<&str>) -> Result<Vec<FileEdits>, Finding> {
    let mut planned: BTreeMap<PathBuf, Vec<Edit>> = BTreeMap::new();
    for (path, edit) in tags(inventory, to)?.into_iter().chain(gates(inventory)?) {
        planned.entry(path).or_default().push(edit);
    }
    let mut files = Vec::new();
    for (path, edits) in planned {
        let before = inventory.texts.get(&path).cloned().unwrap_or_default();
        let mut after = before.clone();
        for edit in &edits {
            after = edit
                .apply(&after)
                .map_err(|refusal| refused(&path, &refusal))?;
        }
        if after != before {
            files.push(FileEdits {
                path,
                edits,
                before,
                after,
            });
        }
    }
    // The file that sets variables last: Compose files may be judged by what it says.
    files.sort_by_key(|file| !inventory.args.files.contains(&file.path));
    Ok(files)
}

fn refused(path: &Path, refusal: &compose_file::Refusal) -> Finding {
    let by_hand = refusal.by_hand.trim_end();
    Finding {
        id: refusal.code().to_owned(),
        severity: Severity::Refusal,
        text: format!("`{}`: {refusal}", path.display()),
        cure: match by_hand.is_empty() {
            true => "change it by hand".to_owned(),
            false => format!("change it by hand, so that it says:\n{by_hand}"),
        },
    }
}

/// Compose files, the one that is merged last first.
fn files(inventory: &Inventory) -> impl Iterator<Item = (&PathBuf, &String)> {
    let files = inventory.args.files.iter().rev();
    files.filter_map(|path| inventory.texts.get_key_value(path))
}

fn gates(inventory: &Inventory) -> Result<Vec<(PathBuf, Edit)>, Finding> {
    let roles = &inventory.recipe.roles;
    let Some(migration) = &roles.migration else {
        return Ok(Vec::new());
    };
    let ungated = roles.writers.iter().chain(&roles.worker).filter(|service| {
        inventory.model.services.contains_key(*service)
            && !inventory.model.is_gated(service, migration)
    });
    let mut edits: BTreeMap<PathBuf, Vec<String>> = BTreeMap::new();
    for service in ungated {
        let path = file_of(inventory, service, migration)?;
        edits.entry(path).or_default().push(service.clone());
    }
    let gate = |services| Edit::Gate {
        services,
        dependency: migration.clone(),
    };
    Ok(edits
        .into_iter()
        .map(|(path, services)| (path, gate(services)))
        .collect())
}

/// The last file that describes the service.
fn file_of(inventory: &Inventory, service: &str, dependency: &str) -> Result<PathBuf, Finding> {
    let edit = Edit::Gate {
        services: vec![service.to_owned()],
        dependency: dependency.to_owned(),
    };
    let mut last = None;
    for (path, text) in files(inventory) {
        match edit.apply(text) {
            Ok(_) => return Ok(path.clone()),
            Err(refusal) => match refusal.reason {
                Reason::UnknownService(_) | Reason::NoServices => {
                    last = last.or(Some(refused(path, &refusal)));
                }
                _ => return Err(refused(path, &refusal)),
            },
        }
    }
    Err(last.unwrap_or_else(|| nowhere(service, "its `depends_on`")))
}

fn nowhere(service: &str, what: &str) -> Finding {
    Finding {
        id: "not-in-a-file".to_owned(),
        severity: Severity::Refusal,
        text: format!("none of the project's files says {what} for service `{service}`"),
        cure: "change it by hand where it is set".to_owned(),
    }
}

fn tags(inventory: &Inventory, to: Option<&str>) -> Result<Vec<(PathBuf, Edit)>, Finding> {
    let Some(to) = to else {
        return Ok(Vec::new());
    };
    let mut in_file: BTreeMap<PathBuf, Vec<String>> = BTreeMap::new();
    let mut variables: BTreeSet<(PathBuf, String)> = BTreeSet::new();
    for (service, facts) in &inventory.services {
        let carries = |image: &str| inventory.recipe.carries_release(image);
        if !facts
            .image
            .as_ref()
            .is_some_and(|image| carries(&image.reference))
        {
            continue;
        }
        match place_of_tag(inventory, service)? {
            Place::File(path) => in_file.entry(path).or_default().push(service.clone()),
            Place::Variable(path, name) => {
                variables.insert((path, name));
            }
        }
    }
    let of_files = in_file.into_iter().map(|(path, services)| {
        let tag = to.to_owned();
        (path, Edit::ImageTag { services, tag })
    });
    let of_variables = variables.into_iter().map(|(path, name)| {
        let value = to.to_owned();
        (path, Edit::Variable { name, value })
    });
    Ok(of_files.chain(of_variables).collect())
}

enum Place {
    File(PathBuf),
    Variable(PathBuf, String),
}

fn place_of_tag(inventory: &Inventory, service: &str) -> Result<Place, Finding> {
    for (path, text) in files(inventory) {
        let Ok(Some(raw)) = compose_file::image_of(text, service) else {
            continue;
        };
        return match compose_file::tag_source(&raw) {
            TagSource::Variable { name, default } => {
                let variables = inventory
                    .texts
                    .iter()
                    .filter(|(path, _)| !inventory.args.files.contains(path));
                let sets = |text: &str| compose_file::env_value(text, &name).is_some();
                match variables.into_iter().find(|(_, text)| sets(text)) {
                    Some((path, _)) => Ok(Place::Variable(path.clone(), name)),
                    None if default.is_some() => Ok(Place::File(path.clone())),
                    None => Err(nowhere(service, &format!("`{name}`, the tag of the image"))),
                }
            }
            _ => Ok(Place::File(path.clone())),
        };
    }
    Err(nowhere(service, "the image"))
}
