//! What a text says, for those who have to choose among several.

use super::Edge;
use super::locate::{Kind, Node, Tree};
use super::model::Model;
use super::refusal::Stop;

/// How much a text says about an edge, from least to most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mention {
    /// The service is in it.
    Service,
    /// It says what the service is made from: `image`, `build` or `extends`.
    Origin,
    /// It says what the service waits for.
    DependsOn,
    /// It names the very dependency.
    Dependency,
}

/// What a text says about an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Said {
    /// How much.
    pub most: Mention,
    /// Whether what texts before it say is taken back: `!override` or `!reset`.
    pub alone: bool,
    /// Whether the dependency has to succeed; none where the text leaves that to others. A list
    /// says so, too.
    pub required: Option<bool>,
}

pub(super) fn said(text: &str, edge: &Edge) -> Result<Option<Said>, Stop> {
    let tree = Tree::parse(text)?;
    let model = Model::new(&tree)?;
    let mut said: Option<Said> = None;
    for body in model.bodies_of(&edge.service) {
        let here = Said {
            most: of_body(&model, body, &edge.dependency)?,
            alone: takes_back(body)
                || body
                    .own("depends_on")
                    .is_some_and(|own| takes_back(&own.value)),
            required: required(&model, body, &edge.dependency)?,
        };
        said = Some(match said {
            Some(said) => Said {
                most: said.most.max(here.most),
                alone: said.alone || here.alone,
                required: here.required.or(said.required),
            },
            None => here,
        });
    }
    Ok(said)
}

fn takes_back(node: &Node) -> bool {
    matches!(node.tag.as_deref(), Some("!override" | "!reset"))
}

fn of_body<'t>(model: &Model<'t>, body: &'t Node, dependency: &str) -> Result<Mention, Stop> {
    let body = model.follow(body)?;
    if let Some(found) = model.get(body, "depends_on")? {
        let named = model.dependencies(&found.entry.value)?;
        return Ok(match named.iter().any(|it| it.name == dependency) {
            true => Mention::Dependency,
            false => Mention::DependsOn,
        });
    }
    for key in ["image", "build", "extends"] {
        if model.get(body, key)?.is_some() {
            return Ok(Mention::Origin);
        }
    }
    Ok(Mention::Service)
}

fn required<'t>(model: &Model<'t>, body: &'t Node, dependency: &str) -> Result<Option<bool>, Stop> {
    let body = model.follow(body)?;
    let Some(found) = model.get(body, "depends_on")? else {
        return Ok(None);
    };
    let named = model.dependencies(&found.entry.value)?;
    let Some(ours) = named.iter().find(|it| it.name == dependency) else {
        return Ok(None);
    };
    let Some(settings) = ours.settings else {
        return Ok(Some(true));
    };
    let Some(found) = model.get(settings, "required")? else {
        return Ok(None);
    };
    let value = model.follow(&found.entry.value)?.text();
    Ok(Some(
        value.is_some_and(|value| value.eq_ignore_ascii_case("true")),
    ))
}

/// Other files that a text includes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Include {
    /// As written, the later ones merged over the earlier.
    pub paths: Vec<String>,
    /// The folder that its paths are relative to, where it is not that of the first.
    pub project_directory: Option<String>,
    /// Where its variables are set, where it is not `.env` in that folder.
    pub env_files: Vec<String>,
}

pub(super) fn includes(text: &str) -> Result<Vec<Include>, Stop> {
    let tree = Tree::parse(text)?;
    let model = Model::new(&tree)?;
    let mut found = Vec::new();
    for document in &tree.documents {
        let Some(entry) = document.own("include") else {
            continue;
        };
        if let Kind::Seq { items, .. } = &model.follow(&entry.value)?.kind {
            for item in items {
                found.push(include(&model, item)?);
            }
        }
    }
    Ok(found)
}

fn include<'t>(model: &Model<'t>, item: &'t Node) -> Result<Include, Stop> {
    let item = model.follow(item)?;
    if let Some(path) = item.text() {
        return Ok(Include {
            paths: vec![path.to_owned()],
            ..Include::default()
        });
    }
    Ok(Include {
        paths: texts(model, item, "path")?,
        project_directory: texts(model, item, "project_directory")?.pop(),
        env_files: texts(model, item, "env_file")?,
    })
}

/// One text or a list of them.
fn texts<'t>(model: &Model<'t>, map: &'t Node, key: &str) -> Result<Vec<String>, Stop> {
    let Some(found) = model.get(map, key)? else {
        return Ok(Vec::new());
    };
    let value = model.follow(&found.entry.value)?;
    let items = match &value.kind {
        Kind::Seq { items, .. } => items.iter().map(|item| &**item).collect(),
        _ => vec![value],
    };
    let text = |item| Ok(model.follow(item)?.text().map(str::to_owned));
    let texts: Result<Vec<Option<String>>, Stop> = items.into_iter().map(text).collect();
    Ok(texts?.into_iter().flatten().collect())
}

/// Where a service has the rest of its description from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extends {
    /// As written; the same file where there is none.
    pub file: Option<String>,
    /// The service there.
    pub service: String,
}

pub(super) fn extends(text: &str, service: &str) -> Result<Option<Extends>, Stop> {
    let tree = Tree::parse(text)?;
    let model = Model::new(&tree)?;
    let service = model.service(service)?;
    extends_of(&model, service.body)
}

/// What every service of the text extends.
pub(super) fn all_extends(text: &str) -> Result<Vec<Extends>, Stop> {
    let tree = Tree::parse(text)?;
    let model = Model::new(&tree)?;
    let mut found = Vec::new();
    for (_, bodies) in model.bodies() {
        for body in bodies {
            model.refuel();
            found.extend(extends_of(&model, model.follow(body)?)?);
        }
    }
    Ok(found)
}

fn extends_of<'t>(model: &Model<'t>, body: &'t Node) -> Result<Option<Extends>, Stop> {
    let Some(found) = model.get(body, "extends")? else {
        return Ok(None);
    };
    let value = model.follow(&found.entry.value)?;
    let file = texts(model, value, "file")?.pop();
    let service = match value.text() {
        Some(service) => Some(service.to_owned()),
        None => texts(model, value, "service")?.pop(),
    };
    Ok(service.map(|service| Extends { file, service }))
}
