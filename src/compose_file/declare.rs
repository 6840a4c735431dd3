//! Edges of services that a text does not have: it is merged over others that do.

use super::Edge;
use super::block;
use super::depends_on::{self, Added};
use super::expand::{self, Expanded, Writer};
use super::flow;
use super::lines::{Edit, Source};
use super::locate::{Entry, Kind, Node, Tree};
use super::model::{Model, refuse_reset};
use super::refusal::{Reason, Stop};

/// One level, where the text shows none.
const UNIT: &str = "  ";

/// Adds all edges, and services that the text does not have.
///
/// # Errors
/// The first edge that cannot be added.
pub(super) fn add_all(text: &str, edges: &[Edge]) -> Result<Added, (Stop, Option<Edge>)> {
    let whole = |stop| (stop, None);
    let tree = Tree::parse(text).map_err(whole)?;
    let model = Model::new(&tree).map_err(whole)?;
    let absent = |edge: &&Edge| model.bodies_of(&edge.service).next().is_none();
    let absent: Vec<Edge> = edges.iter().filter(absent).cloned().collect();
    if absent.is_empty() {
        return depends_on::add_all(text, edges);
    }
    let declared = add(text, &tree, &absent).map_err(whole)?;
    let added = depends_on::add_all(&declared, edges)?;
    Ok(Added {
        comments: tree.comments,
        ..added
    })
}

/// Adds services that the text does not have, with nothing but their edges.
///
/// # Errors
/// Several documents, or a layout without a place for a service.
fn add(text: &str, tree: &Tree, edges: &[Edge]) -> Result<String, Stop> {
    let source = Source { text };
    let services = services(edges);
    let edits = match tree.documents.as_slice() {
        [] => vec![at_end(source, &section(&services))],
        [root] if root.is_null() => vec![at_end(source, &section(&services))],
        [root] => below_root(source, root, &services)?,
        _ => {
            let reason = Reason::UnsupportedShape("it holds several YAML documents");
            return Err(reason.into());
        }
    };
    let edited = source.apply(edits);
    edited.ok_or_else(|| Reason::Unproven("edits overlap").into())
}

/// What a text of nothing but these edges says.
pub(super) fn whole(edges: &[Edge]) -> String {
    let mut text = section(&services(edges)).join("\n");
    text.push('\n');
    text
}

type Service<'e> = (&'e str, Vec<Expanded>);

fn services(edges: &[Edge]) -> Vec<Service<'_>> {
    let mut services: Vec<Service<'_>> = Vec::new();
    for edge in edges {
        let known = services.iter_mut().find(|(name, _)| *name == edge.service);
        match known {
            Some((_, wanted)) => {
                *wanted = expand::with_edge(std::mem::take(wanted), &edge.dependency);
            }
            None => services.push((
                &edge.service,
                expand::with_edge(Vec::new(), &edge.dependency),
            )),
        }
    }
    services
}

fn section(services: &[Service<'_>]) -> Vec<String> {
    let mut lines = vec!["services:".to_owned()];
    lines.extend(block_lines(services, UNIT, UNIT));
    lines
}

fn block_lines(services: &[Service<'_>], indent: &str, unit: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, wanted) in services {
        lines.push(format!("{indent}{}:", expand::word(name)));
        lines.push(format!("{indent}{unit}depends_on:"));
        lines.extend(Writer::new(unit).block(wanted, &format!("{indent}{unit}{unit}")));
    }
    lines
}

fn at_end(source: Source<'_>, lines: &[String]) -> Edit {
    let end = source.text.len();
    let eol = source.eol();
    let lines = lines.join(eol);
    let separator = match source.text {
        "" => "",
        text if text.ends_with('\n') => "",
        _ => eol,
    };
    Edit::insert(end, format!("{separator}{lines}{eol}"))
}

fn below_root(
    source: Source<'_>,
    root: &Node,
    services: &[Service<'_>],
) -> Result<Vec<Edit>, Stop> {
    let Kind::Map { flow, entries } = &root.kind else {
        return Err(Stop::at(root.line, Reason::NoServices));
    };
    match root.own("services") {
        None if *flow => {
            let writer = writer_beside(source, entries);
            let text = format!(
                "{}: {{{}}}",
                writer.word("services"),
                flow_text(services, &writer)
            );
            flow::append(source, root, &text)
        }
        None => Ok(vec![block::append(source, entries, &section(services))?]),
        Some(found) => below_services(source, found, services, *flow),
    }
}

fn below_services(
    source: Source<'_>,
    found: &Entry,
    services: &[Service<'_>],
    in_flow: bool,
) -> Result<Vec<Edit>, Stop> {
    let value = &found.value;
    refuse_reset(value)?;
    match &value.kind {
        Kind::Map {
            flow: true,
            entries,
        } => {
            let writer = writer_beside(source, entries);
            flow::append(source, value, &flow_text(services, &writer))
        }
        Kind::Map { entries, .. } => {
            let first = entries.first().ok_or(Reason::NoServices)?;
            let indent = source.indent_of(&first.key)?;
            let outer = source.indent_of(&found.key)?;
            let unit = " ".repeat(indent.len().saturating_sub(outer.len()).max(1));
            let lines = block_lines(services, indent, &unit);
            Ok(vec![block::append(source, entries, &lines)?])
        }
        _ if value.is_null() && !in_flow => {
            block::put_value(source, value, &block_lines(services, UNIT, UNIT))
        }
        _ => Err(Stop::at(value.line, Reason::NoServices)),
    }
}

fn writer_beside(source: Source<'_>, entries: &[Entry]) -> Writer {
    let quoted = entries
        .first()
        .is_some_and(|entry| source.slice(entry.key.span.clone()).starts_with('"'));
    Writer {
        quoted,
        ..Writer::new(" ")
    }
}

fn flow_text(services: &[Service<'_>], writer: &Writer) -> String {
    let service = |(name, wanted): &Service<'_>| {
        let (name, key) = (writer.word(&expand::word(name)), writer.word("depends_on"));
        format!("{name}: {{{key}: {}}}", writer.flow(wanted))
    };
    services.iter().map(service).collect::<Vec<_>>().join(", ")
}
