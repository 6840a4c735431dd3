//! One edge, by the shape that `depends_on` has: picks the edits, applies none.

use std::collections::{BTreeSet, HashSet};

use super::block;
use super::expand::{self, Expanded, Writer};
use super::flow;
use super::lines::{Edit, Source};
use super::locate::{Comment, Kind, Node, Tree};
use super::model::{
    COMPLETED, Dependency, Model, Service, Standing, invalid, is_service_name, refuse_reset,
};
use super::refusal::{Reason, Stop};
use super::{Edge, list, waits};

/// A text with edges in it, before it is proven.
pub(super) struct Added {
    pub(super) text: String,
    /// The comments that the text had.
    pub(super) comments: Vec<Comment>,
    /// Dependencies that it has no service for.
    pub(super) undefined: Vec<String>,
}

/// Adds all edges: those of different services side by side, further ones of a service on a
/// fresh parse.
///
/// # Errors
/// The first edge that cannot be added.
pub(super) fn add_all(text: &str, edges: &[Edge]) -> Result<Added, (Stop, Option<Edge>)> {
    let mut added = Added {
        text: text.to_owned(),
        comments: Vec::new(),
        undefined: Vec::new(),
    };
    let mut left: Vec<&Edge> = edges.iter().collect();
    let mut first = true;
    while !left.is_empty() {
        let tree = Tree::parse(&added.text).map_err(|stop| (stop, None))?;
        if first {
            added.undefined = undefined(&tree, edges).map_err(|stop| (stop, None))?;
        }
        let edits = add_some(&added.text, &tree, &mut left)?;
        if first {
            added.comments = tree.comments;
        }
        first = false;
        if !edits.is_empty() {
            let edited = Source { text: &added.text }.apply(edits);
            added.text = edited.ok_or_else(|| (Reason::Unproven("edits overlap").into(), None))?;
        }
    }
    Ok(added)
}

fn undefined(tree: &Tree, edges: &[Edge]) -> Result<Vec<String>, Stop> {
    let model = Model::new(tree)?;
    let absent = |name: &&str| model.bodies_of(name).next().is_none();
    let named: BTreeSet<&str> = edges.iter().map(|edge| &*edge.dependency).collect();
    Ok(named
        .into_iter()
        .filter(absent)
        .map(str::to_owned)
        .collect())
}

/// Whether a text states all edges.
pub(super) fn has_all(text: &str, tree: &Tree, edges: &[Edge]) -> Result<bool, Stop> {
    let model = Model::new(tree)?;
    for edge in edges {
        model.refuel();
        if !edits_for(Source { text }, &model, edge)?.is_empty() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Takes one edge of every service from those that are left. What may come from another service
/// comes later: that one may get the same edge.
fn add_some(
    text: &str,
    tree: &Tree,
    left: &mut Vec<&Edge>,
) -> Result<Vec<Edit>, (Stop, Option<Edge>)> {
    let first = left.first().map(|edge| (*edge).clone());
    let model = Model::new(tree).map_err(|stop| (stop, first))?;
    let (shared, own): (Vec<&Edge>, Vec<&Edge>) =
        left.iter().partition(|edge| model.may_share(&edge.service));
    let (now, rest) = if own.is_empty() {
        (shared, own)
    } else {
        (own, shared)
    };
    let mut services = HashSet::new();
    let (now, later): (Vec<&Edge>, Vec<&Edge>) = now
        .into_iter()
        .partition(|edge| services.insert(edge.service.as_str()));
    *left = later.into_iter().chain(rest).collect();
    let mut edits = Vec::new();
    let mut new = Vec::new();
    for edge in now {
        model.refuel();
        let wanted = edits_for(Source { text }, &model, edge);
        let wanted = wanted.map_err(|stop| (stop, Some(edge.clone())))?;
        if !wanted.is_empty() {
            edits.extend(wanted);
            new.push(edge);
        }
    }
    match waits::closes_a_cycle(&model, &new) {
        Some(edge) => {
            let line = model.service(&edge.service).ok();
            let stop = Stop {
                line: line.map(|service| service.name.line),
                reason: Reason::Cycle {
                    service: edge.service.clone(),
                    dependency: edge.dependency.clone(),
                },
            };
            Err((stop, Some(edge.clone())))
        }
        None => Ok(edits),
    }
}

/// The `depends_on` of every service to write by hand: what is there, as far as it can be
/// copied, and the edges. Also valid as a file of its own to merge over the text.
pub(super) fn by_hand(text: &str, edges: &[Edge]) -> String {
    let mut services: Vec<&str> = Vec::new();
    for edge in edges {
        if !services.contains(&edge.service.as_str()) {
            services.push(&edge.service);
        }
    }
    let mut lines = vec!["services:".to_owned()];
    for service in services {
        let mut wanted = present(text, service).unwrap_or_default();
        for edge in edges.iter().filter(|edge| edge.service == service) {
            wanted = expand::with_edge(wanted, &edge.dependency);
        }
        lines.push(format!("  {}:\n    depends_on:", expand::word(service)));
        lines.extend(Writer::new("  ").block(&wanted, "      "));
    }
    lines.join("\n")
}

fn present(text: &str, service: &str) -> Result<Vec<Expanded>, Stop> {
    let tree = Tree::parse(text)?;
    let model = Model::new(&tree)?;
    let service = model.service(service)?;
    match model.get(service.body, "depends_on")? {
        Some(found) => expand::read(&model, Source { text }, &found.entry.value),
        None => Ok(Vec::new()),
    }
}

fn edits_for<'t>(source: Source<'t>, model: &Model<'t>, edge: &'t Edge) -> Result<Vec<Edit>, Stop> {
    for name in [&edge.service, &edge.dependency] {
        if !is_service_name(name) {
            return Err(Reason::InvalidName(name.clone()).into());
        }
    }
    let job = Job {
        source,
        model,
        service: model.service(&edge.service)?,
        wanted: &edge.dependency,
    };
    job.edits()
}

/// Everything an edit of one service needs to know.
pub(super) struct Job<'t, 'm> {
    pub(super) source: Source<'t>,
    pub(super) model: &'m Model<'t>,
    pub(super) service: Service<'t>,
    pub(super) wanted: &'t str,
}

impl<'t> Job<'t, '_> {
    fn edits(&self) -> Result<Vec<Edit>, Stop> {
        let Some(found) = self.model.get(self.service.body, "depends_on")? else {
            return self.add_key(Vec::new());
        };
        let value = &found.entry.value;
        refuse_reset(value)?;
        let present = self.model.dependencies(value)?;
        let ours = present
            .iter()
            .find(|dependency| dependency.name == self.wanted);
        if let Some(ours) = ours
            && self.model.standing(ours)? == Standing::Satisfied
        {
            return Ok(Vec::new());
        }
        if found.merged {
            if value.tag.is_some() {
                let reason = Reason::UnsupportedShape("a merged `depends_on` carries a tag");
                return Err(Stop::at(value.line, reason));
            }
            return self.add_key(expand::read(self.model, self.source, value)?);
        }
        self.change(&found.entry.key, value, ours)
    }

    /// By the shape of the service's own `depends_on`.
    fn change(
        &self,
        key: &'t Node,
        value: &'t Node,
        ours: Option<&Dependency<'t>>,
    ) -> Result<Vec<Edit>, Stop> {
        match &value.kind {
            Kind::Alias(_) => self.fill(key, value, expand::read(self.model, self.source, value)?),
            _ if value.is_null() => self.fill(key, value, Vec::new()),
            Kind::Seq { flow: false, items } => list::block_to_map(self, key, items),
            Kind::Seq { flow: true, items } => list::flow_to_map(self, key, value, items),
            Kind::Map { .. } => match value.own(self.wanted) {
                Some(entry) => super::condition::require(self, value, entry),
                None => self.add_entry(key, value, ours),
            },
            Kind::Scalar { .. } => Err(invalid(value, "it is neither a list nor a mapping")),
        }
    }

    /// Adds `depends_on` to a service that has none of its own.
    fn add_key(&self, present: Vec<Expanded>) -> Result<Vec<Edit>, Stop> {
        let body = self.service.body;
        let wanted = expand::with_edge(present, self.wanted);
        if let Kind::Map {
            flow: true,
            entries,
        } = &body.kind
        {
            let quoted = entries
                .first()
                .is_some_and(|entry| self.is_double_quoted(&entry.key));
            let writer = Writer {
                quoted,
                ..Writer::new(" ")
            };
            let text = format!("{}: {}", writer.word("depends_on"), writer.flow(&wanted));
            return flow::append(self.source, body, &text);
        }
        let (indent, unit) = self.service_indent()?;
        let mut lines = vec![format!("{indent}depends_on:")];
        lines.extend(Writer::new(&unit).block(&wanted, &format!("{indent}{unit}")));
        Ok(vec![block::append(self.source, body.entries(), &lines)?])
    }

    /// Puts entries where nothing, `null` or an alias stands.
    fn fill(&self, key: &Node, value: &Node, present: Vec<Expanded>) -> Result<Vec<Edit>, Stop> {
        let wanted = expand::with_edge(present, self.wanted);
        if self.in_flow() {
            let writer = Writer {
                quoted: self.is_double_quoted(key),
                ..Writer::new(" ")
            };
            return Ok(vec![flow::put_value(
                self.source,
                value,
                &writer.flow(&wanted),
            )]);
        }
        let (indent, unit) = self.service_indent()?;
        let lines = Writer::new(&unit).block(&wanted, &format!("{indent}{unit}"));
        block::put_value(self.source, value, &lines)
    }

    /// Adds our dependency to a mapping that does not name it itself. `merged` is what `<<`
    /// says about it, which an entry of our own would hide.
    fn add_entry(
        &self,
        key: &Node,
        value: &'t Node,
        merged: Option<&Dependency<'t>>,
    ) -> Result<Vec<Edit>, Stop> {
        let merged = merged
            .map(|it| expand::one(self.model, self.source, it))
            .transpose()?;
        let wanted = expand::with_edge(merged.into_iter().collect(), self.wanted);
        if let Kind::Map { flow: true, .. } = value.kind {
            let writer = Writer {
                quoted: self.is_double_quoted(key),
                ..Writer::new(" ")
            };
            return flow::append(self.source, value, &writer.entries(&wanted));
        }
        let Some(first) = value.entries().first() else {
            return Err(invalid(value, "a block mapping without entries"));
        };
        let indent = self.source.indent_of(&first.key)?;
        let unit = block::inner_unit(self.source, value).unwrap_or(self.service_indent()?.1);
        let lines = Writer::new(&unit).block(&wanted, indent);
        Ok(vec![block::append(self.source, value.entries(), &lines)?])
    }

    pub(super) fn in_flow(&self) -> bool {
        matches!(self.service.body.kind, Kind::Map { flow: true, .. })
    }

    pub(super) fn is_double_quoted(&self, node: &Node) -> bool {
        self.source.slice(node.span.clone()).starts_with('"')
    }

    /// Indentation of the service's keys, and of what stands below them relative to that.
    pub(super) fn service_indent(&self) -> Result<(String, String), Stop> {
        let Some(first) = self.service.body.entries().first() else {
            let reason = Reason::UnsupportedShape("the service is empty");
            return Err(Stop::at(self.service.body.line, reason));
        };
        let indent = self.source.indent_of(&first.key)?;
        let outer = self.source.indent_of(self.service.name)?;
        let unit = indent.len().saturating_sub(outer.len()).max(1);
        Ok((indent.to_owned(), " ".repeat(unit)))
    }
}

/// The condition, as the edge wants it.
pub(super) fn completed() -> (String, String) {
    ("condition".to_owned(), COMPLETED.to_owned())
}
