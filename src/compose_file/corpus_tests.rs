//! Real files from many projects, patched in every place that could be asked for.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::indexing_slicing,
    clippy::format_push_string
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_yaml::Value;

use super::locate::Tree;
use super::{Edge, require_edges, set_image_tag, values};

type Table = BTreeMap<String, usize>;

fn corpus() -> Vec<(String, String)> {
    #[expect(clippy::disallowed_methods, reason = "a test has no settings")]
    let folder = std::env::var_os("ENEO_UPGRADE_CORPUS");
    let folder = folder.map_or_else(|| PathBuf::from("../shared/corpus"), PathBuf::from);
    let Ok(entries) = std::fs::read_dir(&folder) else {
        return Vec::new();
    };
    let mut files: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.extension()
                .is_some_and(|it| it == "yml" || it == "yaml")
        })
        .filter_map(|path| {
            let name = path.file_name()?.to_string_lossy().into_owned();
            Some((name, std::fs::read_to_string(&path).ok()?))
        })
        .collect();
    files.sort();
    files
}

fn services(text: &str) -> Vec<String> {
    let Ok(tree) = Tree::parse(text.trim_start_matches('\u{feff}')) else {
        return Vec::new();
    };
    let maps = tree.documents.iter().filter_map(|it| it.own("services"));
    let keys = maps
        .flat_map(|map| map.value.entries())
        .filter_map(|entry| entry.key.text());
    keys.map(str::to_owned).collect()
}

/// What a service waits for, in the reading of the second parser.
fn present(text: &str, service: &str) -> Vec<String> {
    let mut documents = values::read(text).unwrap_or_default();
    let mut services = documents
        .iter_mut()
        .filter_map(|it| values::service_mut(it, service));
    let depends_on = services.find_map(|service| service.get("depends_on").cloned());
    match depends_on {
        Some(Value::Mapping(map)) => map.keys().filter_map(word).collect(),
        Some(Value::Sequence(items)) => items.iter().filter_map(word).collect(),
        _ => Vec::new(),
    }
}

fn word(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// A service waiting for the next two of the same file, and for the first that it already waits
/// for.
fn edges(text: &str) -> Vec<Edge> {
    let text = text.trim_start_matches('\u{feff}');
    let names = services(text);
    let edge = |service: &str, dependency: &str| Edge {
        service: service.to_owned(),
        dependency: dependency.to_owned(),
    };
    let mut edges = Vec::new();
    for (at, service) in names.iter().enumerate() {
        let others = names.iter().cycle().skip(at + 1).take(names.len() - 1);
        edges.extend(others.take(2).map(|other| edge(service, other)));
        edges.extend(present(text, service).first().map(|it| edge(service, it)));
    }
    if edges.is_empty() {
        let service = names.first().map_or("app", String::as_str);
        edges.push(edge(service, "migrate-made-up"));
    }
    edges
}

fn comments(text: &str) -> Vec<String> {
    let tree = Tree::parse(text.trim_start_matches('\u{feff}')).unwrap();
    tree.comments
        .into_iter()
        .map(|comment| comment.text)
        .collect()
}

fn try_edge(text: &str, edge: &Edge) -> String {
    let edges = std::slice::from_ref(edge);
    match require_edges(text, edges) {
        Err(refusal) => {
            assert!(refusal.by_hand.contains(&edge.dependency), "{refusal}");
            refusal.code().to_owned()
        }
        Ok(done) if !done.changed() => {
            assert_eq!(done.text, text);
            "(already)".to_owned()
        }
        Ok(done) => {
            assert!(
                !require_edges(&done.text, edges).unwrap().changed(),
                "{edge:?}"
            );
            assert_eq!(comments(text), comments(&done.text), "{edge:?}");
            assert_eq!(
                crlf_breaks(text) == 0,
                crlf_breaks(&done.text) == 0,
                "{edge:?}"
            );
            "(patched)".to_owned()
        }
    }
}

fn crlf_breaks(text: &str) -> usize {
    text.matches("\r\n").count()
}

fn run(form: &str, change: impl Fn(&str) -> String) -> Table {
    let mut table = Table::new();
    let mut examples: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, text) in corpus() {
        let text = change(&text);
        for edge in edges(&text) {
            let outcome = try_edge(&text, &edge);
            examples
                .entry(outcome.clone())
                .or_default()
                .insert(name.clone());
            *table.entry(outcome).or_default() += 1;
        }
    }
    eprintln!("{form}: {table:#?}");
    examples.retain(|outcome, _| !outcome.starts_with('('));
    for (code, files) in examples {
        eprintln!("  {code}: {:?}", files.iter().take(8).collect::<Vec<_>>());
    }
    assert_eq!(table.get("unproven"), None, "{form}");
    table
}

#[test]
fn corpus_edges() {
    let plain = run("as it is", str::to_owned);
    let unix = |text: &str| text.replace("\r\n", "\n");
    let crlf = run("CRLF", |text| unix(text).replace('\n', "\r\n"));
    let bom = run("BOM", |text| {
        format!("\u{feff}{}", text.trim_start_matches('\u{feff}'))
    });
    assert_eq!(plain, crlf);
    assert_eq!(plain, bom);
}

#[test]
fn corpus_images() {
    let mut table = Table::new();
    for (_, text) in corpus() {
        for service in services(&text) {
            let one = [service];
            let outcome = match set_image_tag(&text, &one, "v9.9.9") {
                Err(refusal) => refusal.code().to_owned(),
                Ok(done) => {
                    assert!(!set_image_tag(&done.text, &one, "v9.9.9").unwrap().changed());
                    assert_eq!(done.lines.len(), 1);
                    "(patched)".to_owned()
                }
            };
            *table.entry(outcome).or_default() += 1;
        }
    }
    eprintln!("images: {table:#?}");
    assert_eq!(table.get("unproven"), None);
}
