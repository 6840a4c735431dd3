//! Real files from many projects, before and after an edit, in the reading of Compose itself.

#![allow(clippy::print_stderr, reason = "what was left out, and the table")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use eneo_upgrade::compose_file::{Edge, require_edges};
use serde_json::{Value, json};

use super::stack::{Compose, docker_config};

/// Of the ordinary run; all of them where `ENEO_UPGRADE_FULL` is set.
const EVERY: usize = 12;

/// What Compose made of the files.
#[derive(Default)]
struct Table {
    counts: BTreeMap<&'static str, usize>,
    failures: Vec<String>,
}

impl Table {
    fn count(&mut self, what: &'static str, by: usize) {
        *self.counts.entry(what).or_default() += by;
    }

    fn add(&mut self, other: Self) {
        other
            .counts
            .into_iter()
            .for_each(|(what, by)| self.count(what, by));
        self.failures.extend(other.failures);
    }
}

struct Project {
    folder: tempfile::TempDir,
    docker_config: PathBuf,
    variables: BTreeSet<String>,
    /// What every variable holds.
    value: &'static str,
}

/// Harmless values, of which most files take one: numbers, paths, addresses, names, switches.
const VALUES: [&str; 5] = ["1", "./x1", "127.0.0.1", "x1", "true"];

impl Project {
    /// What Compose reads in a text with the first value that it takes.
    fn settle(&mut self, text: &str) -> Result<Value, String> {
        let mut rejected = String::new();
        for value in VALUES {
            self.value = value;
            match self.read(text) {
                Ok(read) => return Ok(read),
                Err(why) => rejected = why,
            }
            if self.variables.is_empty() {
                break;
            }
        }
        Err(rejected)
    }

    /// What Compose reads in a text, or what it says against it.
    fn read(&self, text: &str) -> Result<Value, String> {
        let file = self.folder.path().join("compose.yml");
        std::fs::write(&file, text).expect("written");
        let mut command = Command::new("docker");
        command
            .args(["compose", "-f", "compose.yml", "--profile", "*", "config"])
            .args(["--format", "json"])
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        command.envs(self.variables.iter().map(|name| (name, self.value)));
        command.env("DOCKER_CONFIG", &self.docker_config);
        let output = command.output().expect("starts");
        match output.status.success() {
            true => Ok(serde_json::from_slice(&output.stdout).expect("JSON")),
            false => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        }
    }
}

/// The names of the variables that a text mentions, but for those that a program needs to run.
fn variables(text: &str) -> BTreeSet<String> {
    let name = |part: &str| {
        let part = part.strip_prefix('{').unwrap_or(part);
        let end = part.find(|it: char| !it.is_ascii_alphanumeric() && it != '_');
        part[..end.unwrap_or(part.len())].to_owned()
    };
    let needed = |name: &String| {
        matches!(name.as_str(), "PATH" | "HOME")
            || name.starts_with("DOCKER_")
            || name.starts_with("COMPOSE_")
    };
    let names = text.split('$').skip(1).map(name);
    names
        .filter(|name| name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_'))
        .filter(|name| !needed(name))
        .collect()
}

/// One edge of every service that takes one beside those of the others. What others extend is
/// left alone: they would wait, too.
fn edges(text: &str, services: &[String], extended: &BTreeSet<String>) -> Vec<Edge> {
    let mut edges = Vec::new();
    for (at, service) in services.iter().enumerate() {
        if extended.contains(service) {
            continue;
        }
        for step in [1, services.len() / 2] {
            let dependency = &services[(at + step) % services.len()];
            if dependency == service {
                continue;
            }
            edges.push(Edge {
                service: service.clone(),
                dependency: dependency.clone(),
            });
            match require_edges(text, &edges) {
                Ok(_) => break,
                Err(_) => edges.pop(),
            };
        }
    }
    edges
}

fn extended(text: &str) -> BTreeSet<String> {
    let Ok(mut text) =
        serde_yaml::from_str::<serde_yaml::Value>(text.trim_start_matches('\u{feff}'))
    else {
        return BTreeSet::new();
    };
    let _ = text.apply_merge();
    let services = text.get("services").and_then(serde_yaml::Value::as_mapping);
    let base = |body: &serde_yaml::Value| {
        let extends = body.get("extends")?;
        let name = extends
            .as_str()
            .or_else(|| extends.get("service")?.as_str())?;
        Some(name.to_owned())
    };
    services
        .into_iter()
        .flat_map(|it| it.values())
        .filter_map(base)
        .collect()
}

/// Takes the edges out of both readings; what is left must be the same.
fn difference(mut before: Value, mut after: Value, edges: &[Edge]) -> Option<String> {
    for Edge {
        service,
        dependency,
    } in edges
    {
        let entry = &after["services"][service]["depends_on"][dependency];
        if entry["condition"] != "service_completed_successfully"
            || entry["required"] != json!(true)
        {
            return Some(format!("{service}:{dependency} is {entry}"));
        }
        for model in [&mut before, &mut after] {
            let Some(body) = model["services"][service].as_object_mut() else {
                return Some(format!("`{service}` is gone"));
            };
            let Some(others) = body.get_mut("depends_on").and_then(Value::as_object_mut) else {
                continue;
            };
            others.remove(dependency);
            if others.is_empty() {
                body.remove("depends_on");
            }
        }
    }
    (before != after).then(|| differs("", &before, &after))
}

/// The first place that differs.
fn differs(path: &str, before: &Value, after: &Value) -> String {
    if let (Some(a), Some(b)) = (before.as_object(), after.as_object()) {
        for key in a.keys().chain(b.keys()) {
            if a.get(key) != b.get(key) {
                return differs(&format!("{path}/{key}"), &before[key], &after[key]);
            }
        }
    }
    format!("{path}: {before} has become {after}")
}

fn try_file(name: &str, text: &str, configs: &[(&'static str, PathBuf)]) -> Table {
    let mut table = Table::default();
    table.count("files", 1);
    let mut chosen: Option<(Vec<Edge>, String)> = None;
    for (compose, docker_config) in configs {
        let mut project = Project {
            folder: tempfile::Builder::new()
                .prefix("corpus")
                .tempdir()
                .expect("a folder"),
            docker_config: docker_config.clone(),
            variables: variables(text),
            value: "",
        };
        let before = match project.settle(text) {
            Ok(before) => before,
            Err(why) => {
                eprintln!(
                    "skipped ({compose}): {name}: {}",
                    why.lines().last().unwrap_or_default()
                );
                table.count("skipped, rejected before", 1);
                continue;
            }
        };
        // Both versions are asked about the same edit.
        let (edges, after) = chosen.get_or_insert_with(|| {
            let services = before["services"].as_object().expect("services");
            let services: Vec<String> = services.keys().cloned().collect();
            let edges = edges(text, &services, &extended(text));
            let patched = require_edges(text, &edges).map(|it| it.text);
            (edges, patched.unwrap_or_default())
        });
        if edges.is_empty() {
            table.count("without an edge to add", 1);
            continue;
        }
        let wrong = match project.read(after) {
            // The folder's name is the project's and the same for both.
            Ok(after) => difference(before, after, edges),
            Err(why) => Some(why),
        };
        match wrong {
            None => {
                table.count("readings compared", 1);
                table.count("edges compared", edges.len());
            }
            Some(wrong) => table
                .failures
                .push(format!("{name} ({compose}): {wrong}\n{edges:?}")),
        }
    }
    table
}

/// Name and text of every file that Compose takes in full.
fn corpus() -> Vec<(String, String)> {
    let folder = std::env::var_os("ENEO_UPGRADE_CORPUS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus"),
        PathBuf::from,
    );
    let Ok(manifest) = std::fs::read_to_string(folder.join("manifest.tsv")) else {
        eprintln!("there is no corpus in `{}`", folder.display());
        return Vec::new();
    };
    let mut rows = manifest
        .lines()
        .map(|row| row.split('\t').collect::<Vec<_>>());
    let heads = rows.next().unwrap_or_default();
    let full = heads.iter().position(|head| *head == "full_config_2403");
    let full = full.expect("the manifest says what Compose takes");
    rows.filter(|row| row[full] == "1")
        .filter_map(|row| {
            let text = std::fs::read_to_string(folder.join(row[0])).ok()?;
            Some((row[0].to_owned(), text))
        })
        .collect()
}

#[test]
fn compose_reads_the_edges_and_nothing_else() {
    let all = corpus();
    let every = match std::env::var_os("ENEO_UPGRADE_FULL") {
        Some(_) => 1,
        None => EVERY,
    };
    let files: Vec<_> = all.iter().step_by(every).collect();
    if files.is_empty() {
        return;
    }
    let folders = [
        ("newest", docker_config(Compose::Newest)),
        ("floor", docker_config(Compose::Floor)),
    ];
    let configs: Vec<_> = folders
        .iter()
        .map(|(name, it)| (*name, it.path().to_owned()))
        .collect();
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut table = Table::default();
        while let Some((name, text)) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            table.add(try_file(name, text, &configs));
        }
        table
    };
    let mut table = Table::default();
    std::thread::scope(|scope| {
        let workers = [scope.spawn(worker), scope.spawn(worker)];
        for worker in workers {
            table.add(worker.join().expect("no panic"));
        }
    });
    eprintln!(
        "Compose on {} of {} files: {:#?}",
        files.len(),
        all.len(),
        table.counts
    );
    assert!(table.failures.is_empty(), "{}", table.failures.join("\n"));
    assert!(table.counts.contains_key("readings compared"));
}
