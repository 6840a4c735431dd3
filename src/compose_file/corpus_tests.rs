//! Real files from many projects, patched in every place that could be asked for.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::indexing_slicing,
    clippy::format_push_string
)]

pub(super) mod check;
pub(super) mod corpus;
mod judge_tests;
pub(super) mod justify;
mod places;
pub(super) mod reading;

use std::collections::BTreeMap;

use self::corpus::{File, corpus, on_all_cores};
use self::reading::Reading;
use super::{Edge, Patched, Refusal, require_edges, set_image_tag};

type Table = BTreeMap<String, usize>;

/// What became of the edges of a file.
#[derive(Default)]
struct Tried {
    table: Table,
    /// By reason: file and edge.
    refused: BTreeMap<&'static str, Vec<String>>,
    failures: Vec<String>,
}

impl Tried {
    fn count(&mut self, outcome: &str) {
        *self.table.entry(outcome.to_owned()).or_default() += 1;
    }

    fn sum(all: Vec<Self>) -> Self {
        let mut sum = Self::default();
        for tried in all {
            sum.failures.extend(tried.failures);
            for (code, edges) in tried.refused {
                sum.refused.entry(code).or_default().extend(edges);
            }
            for (outcome, count) in tried.table {
                *sum.table.entry(outcome).or_default() += count;
            }
        }
        sum
    }

    fn show(&self, title: &str) {
        eprintln!("{title}");
        for (outcome, count) in &self.table {
            eprintln!("  {count:6}  {outcome}");
        }
        for (code, edges) in &self.refused {
            let mut shown = edges.clone();
            shown.sort();
            shown.truncate(40);
            eprintln!("{code}:\n  {}", shown.join("\n  "));
        }
    }
}

/// A service waiting for the next two of the same file, and for the first that it already waits
/// for.
fn edges(reading: &Reading) -> Vec<Edge> {
    let edge = |service: &str, dependency: &str| Edge {
        service: service.to_owned(),
        dependency: dependency.to_owned(),
    };
    let names = reading.services();
    let mut edges = Vec::new();
    for (at, service) in names.iter().enumerate() {
        let others = names.iter().cycle().skip(at + 1).take(names.len() - 1);
        edges.extend(others.take(2).map(|other| edge(service, other)));
        let present = reading.dependencies(service).into_iter().next();
        edges.extend(present.map(|it| edge(service, &it)));
    }
    if edges.is_empty() {
        let service = names.first().map_or("app", String::as_str);
        edges.push(edge(service, "migrate-made-up"));
    }
    edges
}

/// The same edge in the text as it is, with a byte order mark, and with CRLF.
fn try_edge(tried: &mut Tried, file: &File, reading: &Reading, crlf: Option<&str>, edge: &Edge) {
    let edges = std::slice::from_ref(edge);
    let result = require_edges(&file.text, edges);
    let outcome = outcome(&result);
    tried.count(outcome);
    let place = format!("{} {}:{}", file.name, edge.service, edge.dependency);
    if result.is_err() {
        let refused = tried.refused.entry(outcome).or_default();
        refused.push(place.clone());
    }
    let mut fail = |what: &str| tried.failures.push(format!("{place}: {what}"));
    match &result {
        Err(refusal) => {
            if !justify::justified(&file.text, edge, refusal, file.row) {
                fail(&format!("refused without a reason: {refusal}"));
            }
            if !reading::says(&refusal.by_hand, edge) {
                fail(&format!("the text by hand is no help: {}", refusal.by_hand));
            }
        }
        Ok(done) => {
            if let Err(wrong) = check::edit(reading, &file.text, done, edge) {
                fail(&format!("{wrong}\n{}", done.text));
            }
            let again = require_edges(&done.text, edges);
            if again.is_ok_and(|again| again.changed() || again.text != done.text) {
                fail("a second run edits again");
            }
        }
    }
    for (form, other) in [
        ("BOM", Some(format!("\u{feff}{}", file.unmarked()))),
        ("CRLF", crlf.map(str::to_owned)),
    ] {
        let Some(other) = other else { continue };
        let found = require_edges(&other, edges);
        let other_outcome = self::outcome(&found);
        if other_outcome != outcome {
            fail(&format!("as {form}: {other_outcome} instead of {outcome}"));
        }
        if let (Ok(done), Ok(found)) = (&result, found) {
            if plain(&found.text) != plain(&done.text) {
                fail(&format!("another edit as {form}"));
            }
            if form == "CRLF" && found.text.replace("\r\n", "").contains('\n') {
                fail("mixed line breaks");
            }
        }
    }
}

fn outcome(result: &Result<Patched, Refusal>) -> &'static str {
    match result {
        Err(refusal) => refusal.code(),
        Ok(done) if done.changed() => "(patched)",
        Ok(_) => "(already)",
    }
}

fn plain(text: &str) -> String {
    text.trim_start_matches('\u{feff}').replace("\r\n", "\n")
}

fn try_file(file: &File) -> Tried {
    let reading = Reading::of(file.unmarked());
    let crlf = plain(&file.text).replace('\n', "\r\n");
    let crlf = (!file.text.starts_with('\u{feff}')).then_some(crlf);
    let mut tried = Tried::default();
    for edge in edges(&reading) {
        try_edge(&mut tried, file, &reading, crlf.as_deref(), &edge);
    }
    if reading.rejected && tried.table.keys().any(|outcome| outcome.starts_with('(')) {
        let failure = format!("{}: edited, though it is not valid YAML", file.name);
        tried.failures.push(failure);
    }
    tried
}

#[test]
fn corpus_edges() {
    let files = corpus();
    let tried = Tried::sum(on_all_cores(&files, try_file));
    tried.show(&format!("edges of {} files", files.len()));
    let shown = tried.failures.get(..20).unwrap_or(&tried.failures);
    assert!(
        tried.failures.is_empty(),
        "{} failures:\n{}",
        tried.failures.len(),
        shown.join("\n")
    );
}

fn try_images(file: &File) -> Tried {
    let mut tried = Tried::default();
    for service in Reading::of(file.unmarked()).services() {
        let one = [service];
        match set_image_tag(&file.text, &one, "v9.9.9") {
            Err(refusal) => {
                if refusal.code() == "unproven" {
                    tried.failures.push(format!("{}: {refusal}", file.name));
                }
                tried.count(refusal.code());
            }
            Ok(done) => {
                assert!(!set_image_tag(&done.text, &one, "v9.9.9").unwrap().changed());
                assert_eq!(done.lines.len(), 1);
                tried.count("(patched)");
            }
        }
    }
    tried
}

#[test]
fn corpus_images() {
    let files = corpus();
    let tried = Tried::sum(on_all_cores(&files, try_images));
    tried.show(&format!("images of {} files", files.len()));
    assert!(tried.failures.is_empty(), "{:#?}", tried.failures);
}
