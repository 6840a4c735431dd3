//! Who waits for whom, as far as one text says so.

use std::collections::{HashMap, HashSet};

use super::Edge;
use super::locate::{Kind, Node};
use super::model::Model;

/// The first of these edges with which somebody would wait for himself. Where it only closes a
/// cycle together with others of them, the first of those.
pub(super) fn closes_a_cycle<'e>(model: &Model<'_>, edges: &[&'e Edge]) -> Option<&'e Edge> {
    if edges.is_empty() {
        return None;
    }
    let mut waits: HashMap<&str, Vec<&str>> = HashMap::new();
    for (name, bodies) in model.bodies() {
        for body in bodies {
            waits.entry(name).or_default().extend(named(model, body));
        }
    }
    for edge in edges {
        let of_service = waits.entry(&edge.service).or_default();
        of_service.push(&edge.dependency);
    }
    let on_cycle = on_cycles(&waits, edges);
    edges
        .iter()
        .find(|edge| on_cycle.contains(edge.service.as_str()) && reaches(&waits, edge))
        .copied()
}

/// Services that may lie on a cycle: what is left when all that waits for nobody is taken away,
/// again and again.
fn on_cycles<'a>(waits: &HashMap<&'a str, Vec<&'a str>>, edges: &[&'a Edge]) -> HashSet<&'a str> {
    let mut left: HashMap<&str, usize> = HashMap::new();
    let mut waited_for_by: HashMap<&str, Vec<&str>> = HashMap::new();
    for (name, others) in waits {
        left.insert(name, others.len());
        for other in others {
            waited_for_by.entry(other).or_default().push(name);
        }
    }
    let mut free: Vec<&str> = waited_for_by
        .keys()
        .chain(left.keys())
        .filter(|name| left.get(**name).copied().unwrap_or_default() == 0)
        .copied()
        .collect();
    free.sort_unstable();
    free.dedup();
    while let Some(name) = free.pop() {
        for waiting in waited_for_by.remove(name).unwrap_or_default() {
            if let Some(count) = left.get_mut(waiting) {
                *count -= 1;
                if *count == 0 {
                    free.push(waiting);
                }
            }
        }
    }
    edges
        .iter()
        .map(|edge| edge.service.as_str())
        .filter(|name| left.get(name).is_some_and(|count| *count > 0))
        .collect()
}

/// Whether what the edge waits for waits for the edge's service.
fn reaches(waits: &HashMap<&str, Vec<&str>>, edge: &Edge) -> bool {
    let mut seen = HashSet::from([edge.dependency.as_str()]);
    let mut next = vec![edge.dependency.as_str()];
    while let Some(name) = next.pop() {
        if name == edge.service {
            return true;
        }
        let others = waits.get(name).into_iter().flatten();
        next.extend(others.filter(|other| seen.insert(**other)));
    }
    false
}

/// Names only; a service whose `depends_on` makes no sense waits for nobody here.
fn named<'t>(model: &Model<'t>, body: &'t Node) -> Vec<&'t str> {
    model.refuel();
    let Ok(body) = model.follow(body) else {
        return Vec::new();
    };
    let value = |key| Some(&*model.get(body, key).ok()??.entry.value);
    let text = |key| model.follow(value(key)?).ok()?.text();
    let mut names = Vec::new();
    if let Some(dependencies) = value("depends_on").and_then(|it| model.dependencies(it).ok()) {
        names.extend(dependencies.iter().map(|dependency| dependency.name));
    }
    // What Compose reads as a dependency, too.
    for key in ["links", "volumes_from"] {
        let items = value(key).and_then(|it| model.follow(it).ok());
        if let Some(Kind::Seq { items, .. }) = items.map(|it| &it.kind) {
            let words = items
                .iter()
                .filter_map(|item| item.text()?.split(':').next());
            names.extend(words);
        }
    }
    for key in ["network_mode", "ipc", "pid"] {
        names.extend(text(key).and_then(|mode| mode.strip_prefix("service:")));
    }
    names
}
