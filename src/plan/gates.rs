//! Which services have to wait for the migration, and which of the user's files has to say so
//! (rules R2 to R6).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::edits::{self, FileEdits, refusal};
use crate::compose_file::{self, Edge, Mention, Reason, Refusal};
use crate::event::Finding;
use crate::host::compose::ProjectArgs;
use crate::host::{Condition, Dependency, Model};
use crate::inventory::Sources;
use crate::recipe::Roles;
use crate::steps::Edit;

/// A project as far as its files say.
#[derive(Clone, Copy)]
pub struct Project<'a> {
    /// How Compose is told about it.
    pub args: &'a ProjectArgs,
    /// What its files say.
    pub sources: &'a Sources,
    /// What Compose makes of that.
    pub model: &'a Model,
    /// Services that Compose leaves out because of their profile.
    pub inactive: &'a [String],
}

/// The edges that the app needs: whoever uses the database waits for the migration.
pub fn wanted(roles: &Roles, model: &Model) -> Vec<Edge> {
    let known = |service: &&String| model.services.contains_key(*service);
    let Some(migration) = roles.migration.as_ref().filter(known) else {
        return Vec::new();
    };
    let services = roles.writers.iter().chain(&roles.worker).filter(known);
    let edge = |service: &String| Edge {
        service: service.clone(),
        dependency: migration.clone(),
    };
    services.map(edge).collect()
}

/// Plans what is missing of the edges, file by file.
pub fn gate(project: &Project<'_>, wanted: &[Edge]) -> Result<Vec<FileEdits>, Vec<Finding>> {
    let edits = edits(project, wanted)?;
    edits::by_file(project.sources, edits).map_err(|finding| vec![finding])
}

/// The edits that make all edges hold, with the file of each; every refusal, if there is one.
pub(super) fn edits(
    project: &Project<'_>,
    wanted: &[Edge],
) -> Result<Vec<(PathBuf, Edit)>, Vec<Finding>> {
    let missing = wanted
        .iter()
        .filter(|edge| !project.model.is_gated(&edge.service, &edge.dependency));
    let ahead = with_edges(project.model, wanted);
    let mut planned: BTreeMap<(PathBuf, bool, &str), Vec<String>> = BTreeMap::new();
    let mut findings = Vec::new();
    for edge in missing {
        let place = impossible(project, &ahead, edge).map_or_else(|| place(project, edge), Err);
        match place {
            Ok(Place { path, over }) => {
                let key = (path, over, edge.dependency.as_str());
                planned.entry(key).or_default().push(edge.service.clone());
            }
            Err(finding) => findings.push(finding),
        }
    }
    if !findings.is_empty() {
        return Err(findings);
    }
    let edits = planned
        .into_iter()
        .map(|((path, over, dependency), services)| {
            let dependency = dependency.to_owned();
            let edit = Edit::Gate {
                services,
                dependency,
                over,
            };
            (path, edit)
        });
    Ok(edits.collect())
}

/// The model with all edges in it: they may close a cycle together.
fn with_edges(model: &Model, edges: &[Edge]) -> Model {
    let mut ahead = model.clone();
    for edge in edges {
        if let Some(service) = ahead.services.get_mut(&edge.service) {
            let dependency = Dependency {
                condition: Condition::ServiceCompletedSuccessfully,
                required: true,
            };
            service
                .depends_on
                .insert(edge.dependency.clone(), dependency);
        }
    }
    ahead
}

/// Why no edit of any file could make the edge hold.
fn impossible(project: &Project<'_>, ahead: &Model, edge: &Edge) -> Option<Finding> {
    let Edge {
        service,
        dependency,
    } = edge;
    let model = project.model;
    for name in [service, dependency] {
        if model.services.contains_key(name) {
            continue;
        }
        let taken_back = (name == service).then(|| taken_back(project, edge));
        if let Some(finding) = taken_back.flatten() {
            return Some(finding);
        }
        return Some(match project.inactive.contains(name) {
            true => refusal(
                "inactive-service",
                format!("service `{name}` is in a profile that is not enabled"),
                format!("take `profiles` out of service `{name}`, or enable it with `--profile`"),
            ),
            false => refusal(
                "unknown-service",
                format!("the project has no service `{name}`"),
                "`docker compose config --services` shows those it has".to_owned(),
            ),
        });
    }
    if service == dependency {
        return Some(refusal(
            "cycle",
            format!("service `{service}` cannot wait for itself"),
            "name two services: `--edge SERVICE:DEPENDENCY`".to_owned(),
        ));
    }
    if ahead.waits_for(dependency, service) {
        return Some(refusal(
            "cycle",
            format!(
                "cannot make `{service}` wait for `{dependency}`: `{dependency}` waits for \
                 `{service}` itself, directly or through others"
            ),
            format!(
                "take `{service}` out of what `{dependency}` depends on, if the migration does not \
                 need it"
            ),
        ));
    }
    let present = model.services.get(service)?.depends_on.get(dependency)?;
    (!present.required && !is_stated(project, edge)).then(|| {
        refusal(
            "required-false",
            format!(
                "service `{service}` depends on `{dependency}` with `required: false` in a file \
                 that is not the project's own: it would start after a failure"
            ),
            "take `required: false` out there, or include a copy of the file".to_owned(),
        )
    })
}

/// Whether a file names the very dependency.
fn is_stated(project: &Project<'_>, edge: &Edge) -> bool {
    let found = mentions(project, edge);
    found
        .iter()
        .any(|(_, mention)| *mention == Mention::Dependency)
}

/// What every file says about an edge, the one that is merged last first. Ends where a file takes
/// back what those before it say.
fn mentions<'a>(project: &Project<'a>, edge: &Edge) -> Vec<(&'a Path, Mention)> {
    let sources = project.sources;
    let mut found = Vec::new();
    for path in sources.compose.iter().rev() {
        let (mention, alone) = match compose_file::said(sources.text(path), edge) {
            Ok(None) => continue,
            Ok(Some(said)) => (said.most, said.alone),
            // What cannot be read is refused where it is to be edited.
            Err(_) => (Mention::Service, false),
        };
        found.push((path.as_path(), mention));
        if alone {
            break;
        }
    }
    found
}

/// Where an edge is written.
struct Place {
    path: PathBuf,
    /// Over what other files say of the service.
    over: bool,
}

fn place(project: &Project<'_>, edge: &Edge) -> Result<Place, Finding> {
    let found = mentions(project, edge);
    // Of those that say most, the one that is merged last.
    let best = found.iter().rev().max_by_key(|(_, mention)| *mention);
    let Some((path, _)) = best else {
        return elsewhere(project, edge, None);
    };
    let text = project.sources.text(path);
    let refused = match compose_file::require_edges(text, std::slice::from_ref(edge)) {
        Ok(patched) if patched.changed() => {
            if let Some(finding) = not_required(project, edge, path, &patched.text) {
                return Err(finding);
            }
            return Ok(Place {
                path: (*path).to_owned(),
                over: false,
            });
        }
        Ok(_) => {
            let known = not_required(project, edge, path, text);
            let known = known.or_else(|| taken_back(project, edge));
            return Err(known.unwrap_or_else(|| overruled(path, edge)));
        }
        Err(refused) => refused,
    };
    if !can_be_said_elsewhere(&refused) {
        return Err(edits::refused(path, &refused));
    }
    // A file of the user's that is merged later and knows the service will do.
    let later = found.iter().take_while(|(other, _)| other != path);
    for (later, _) in later {
        let text = project.sources.text(later);
        if compose_file::require_edges(text, std::slice::from_ref(edge)).is_ok() {
            return Ok(Place {
                path: (*later).to_owned(),
                over: false,
            });
        }
    }
    elsewhere(project, edge, Some((path, &refused)))
}

/// `required: false` in another file than that of the edge, which holds `text` then. What is merged
/// over it does not take it away unless it says so.
fn not_required(project: &Project<'_>, edge: &Edge, target: &Path, text: &str) -> Option<Finding> {
    for path in project.sources.compose.iter().rev() {
        let text = match path == target {
            true => text,
            false => project.sources.text(path),
        };
        // What cannot be read is refused where it is to be edited.
        let Ok(Some(said)) = compose_file::said(text, edge) else {
            continue;
        };
        if let Some(required) = said.required {
            let refused = compose_file::require_edges(text, std::slice::from_ref(edge)).err();
            return refused
                .filter(|_| !required)
                .map(|refused| edits::refused(path, &refused));
        }
        if said.alone {
            return None;
        }
    }
    None
}

/// `!reset` in one of the files.
fn taken_back(project: &Project<'_>, edge: &Edge) -> Option<Finding> {
    project.sources.compose.iter().rev().find_map(|path| {
        let text = project.sources.text(path);
        let refused = compose_file::require_edges(text, std::slice::from_ref(edge)).err()?;
        matches!(refused.reason, Reason::ResetTag).then(|| edits::refused(path, &refused))
    })
}

/// It says so itself, and Compose sees something else.
fn overruled(path: &Path, edge: &Edge) -> Finding {
    let Edge {
        service,
        dependency,
    } = edge;
    refusal(
        "overruled",
        format!(
            "`{}` says that `{service}` waits for the end of `{dependency}`, and Compose reads the \
             project otherwise",
            path.display()
        ),
        format!("`docker compose config {service}` shows what it reads"),
    )
}

/// Whether the file is right as it is, only not one that can be edited in that place.
fn can_be_said_elsewhere(refused: &Refusal) -> bool {
    matches!(
        refused.reason,
        Reason::ListItem { .. }
            | Reason::SharedAnchor(_)
            | Reason::UnsupportedShape(_)
            | Reason::SeveralDocuments(_)
            | Reason::Unproven(_)
    )
}

/// The override file, the one there is or a new one, if the user leaves it to Compose which files
/// there are.
fn elsewhere(
    project: &Project<'_>,
    edge: &Edge,
    refused: Option<(&Path, &Refusal)>,
) -> Result<Place, Finding> {
    let why = match refused {
        Some((path, refusal)) => edits::refused(path, refusal),
        None => refusal(
            "not-in-a-file",
            format!(
                "service `{}` is not described in the project's own files",
                edge.service
            ),
            String::new(),
        ),
    };
    let Some(beside) = &project.args.beside else {
        let alone = compose_file::edges_alone(std::slice::from_ref(edge));
        let first = project.args.files.first();
        let new = first.map(|file| file.with_file_name("eneo-upgrade.override.yml"));
        let new = new.unwrap_or_default();
        return Err(Finding {
            cure: format!(
                "put this into a file of its own, for example `{}`, and name it after all others \
                 (`-f`, or at the end of `COMPOSE_FILE`):\n{}",
                new.display(),
                alone.trim_end()
            ),
            ..why
        });
    };
    let text = project.sources.text(beside);
    match compose_file::declare_edges(text, std::slice::from_ref(edge)) {
        Ok(_) => Ok(Place {
            path: beside.clone(),
            over: true,
        }),
        Err(refused) => Err(edits::refused(beside, &refused)),
    }
}
