//! Where the release of the app's images is set.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::edits::refusal;
use crate::compose_file::{self, TagSource};
use crate::event::Finding;
use crate::inventory::{Inventory, Sources};
use crate::recipe::Reference;
use crate::steps::Edit;

/// The edits after which the app's images carry another release.
pub(super) fn edits(
    inventory: &Inventory,
    to: Option<&str>,
) -> Result<Vec<(PathBuf, Edit)>, Finding> {
    let Some(to) = to else {
        return Ok(Vec::new());
    };
    let mut in_file: BTreeMap<PathBuf, (BTreeSet<String>, Vec<String>)> = BTreeMap::new();
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
            Place::File(path, base) => {
                let (set_in, of) = in_file.entry(path).or_default();
                set_in.insert(base);
                of.push(service.clone());
            }
            Place::Variable(path, name) => {
                variables.insert((path, name));
            }
        }
    }
    let of_files = in_file.into_iter().map(|(path, (set_in, of))| {
        let (services, tag) = (set_in.into_iter().collect(), to.to_owned());
        (path, Edit::ImageTag { services, tag, of })
    });
    let of_variables = variables.into_iter().map(|(path, name)| {
        let value = to.to_owned();
        (path, Edit::Variable { name, value })
    });
    Ok(of_files.chain(of_variables).collect())
}

enum Place {
    /// The file, and the service in it: the one itself, or one that it extends.
    File(PathBuf, String),
    /// The file, and the variable.
    Variable(PathBuf, String),
}

/// The last Compose file that sets the image, or the file that sets the variable in its tag.
fn place_of_tag(inventory: &Inventory, service: &str) -> Result<Place, Finding> {
    let sources = &inventory.sources;
    let mut files = sources.compose.iter().rev();
    let found = files.find_map(|path| set_in(sources, path.clone(), service.to_owned()));
    let Some((path, base, raw)) = found else {
        return Err(nowhere(service, "the image"));
    };
    let TagSource::Variable { name, default } = compose_file::tag_source(&raw) else {
        return Ok(Place::File(path, base));
    };
    let sets = |path: &&PathBuf| compose_file::env_value(sources.text(path), &name).is_some();
    match sources.variables.iter().find(sets) {
        Some(path) => of_variable(inventory, service, path, name),
        None if default.is_some() => Ok(Place::File(path, base)),
        None => Err(nowhere(service, &format!("`{name}`, the tag of the image"))),
    }
}

/// Where a file sets the image of a service, itself or through what it extends, and what it says.
fn set_in(
    sources: &Sources,
    mut path: PathBuf,
    mut service: String,
) -> Option<(PathBuf, String, String)> {
    let mut seen = BTreeSet::new();
    while seen.insert((path.clone(), service.clone())) {
        if let Some(raw) = compose_file::image_of(sources.text(&path), &service).ok()? {
            return Some((path, service, raw));
        }
        (path, service) = sources.base_of(&path, &service)?;
    }
    None
}

/// The environment's word counts before that of any file.
fn of_variable(
    inventory: &Inventory,
    service: &str,
    path: &Path,
    name: String,
) -> Result<Place, Finding> {
    let said = compose_file::env_value(inventory.sources.text(path), &name).unwrap_or_default();
    let image = inventory
        .services
        .get(service)
        .and_then(|facts| facts.image.as_ref());
    let read = image.and_then(|image| Reference::parse(&image.reference).tag);
    match read {
        // Nothing, or another variable: that is for Compose to fill in.
        Some(read) if read != said && !said.is_empty() && !said.contains('$') => Err(refusal(
            "overruled",
            format!(
                "`{}` sets `{name}` to `{said}`, and Compose takes the tag of service `{service}` \
                 to be `{read}`",
                path.display()
            ),
            format!("`{name}` is set in the environment, too: unset it there"),
        )),
        _ => Ok(Place::Variable(path.to_owned(), name)),
    }
}

fn nowhere(service: &str, what: &str) -> Finding {
    refusal(
        "not-in-a-file",
        format!("none of the project's files says {what} for service `{service}`"),
        "change it by hand where it is set".to_owned(),
    )
}
