//! `docs/json-v1.schema.json` against the page beside it and everything that the tool prints.
//!
//! Readers ignore fields that they do not know. What the tool itself prints has to be described,
//! so it is held against the same schema closed: there an unknown field is an error.

#![allow(
    clippy::disallowed_methods,
    reason = "tests start programs and write files"
)]

mod samples;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use eneo_upgrade::journal::Journal;
use jsonschema::Validator;
use serde_json::{Value, json};

const SCHEMA: &str = include_str!("../../docs/json-v1.schema.json");
const PAGE: &str = include_str!("../../docs/json-v1.md");

/// What others are made of: it stays open, they are closed.
const PARTS: [&str; 5] = [
    "any-line",
    "any-record",
    "backup",
    "became-of-jobs",
    "plan-view",
];

static PUBLISHED: LazyLock<Validator> = LazyLock::new(|| validator(&schema()));

/// The published form of a report.
static REPORT: LazyLock<Validator> = LazyLock::new(|| validator(&only(schema(), "report")));

/// The closed form of every kind by itself: its errors say what is wrong.
static CLOSED: LazyLock<BTreeMap<String, Validator>> = LazyLock::new(|| {
    let kinds = kinds().into_iter().chain(["report".to_owned()]);
    kinds
        .map(|kind| (kind.clone(), validator(&only(closed(schema()), &kind))))
        .collect()
});

/// Panics unless `line` is one that `--output json` may print.
pub(crate) fn validate(line: &str) {
    if let Err(error) = judge(line) {
        panic!("{error}\nin {line}");
    }
}

/// Panics unless `text` is what may stand in a run's `report.json`.
pub(crate) fn validate_report(text: &str) {
    let errors = errors("report", &parse(text));
    assert!(errors.is_empty(), "{errors}\nin {text}");
}

fn judge(line: &str) -> Result<(), String> {
    let value: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let kind = value["kind"].as_str().unwrap_or_default();
    if !kinds().contains(kind) {
        return Err(format!("`{kind}` is not a kind of line"));
    }
    let errors = errors(kind, &value);
    match (errors.is_empty(), PUBLISHED.is_valid(&value)) {
        (true, true) => Ok(()),
        (true, false) => Err(format!("{kind} is good by itself, not among all kinds")),
        (false, _) => Err(errors),
    }
}

fn errors(kind: &str, value: &Value) -> String {
    let errors = CLOSED[kind].iter_errors(value);
    let errors = errors.map(|error| format!("{}: {error}", error.instance_path()));
    errors.collect::<Vec<_>>().join("\n")
}

fn schema() -> Value {
    parse(SCHEMA)
}

fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}\nin {text}"))
}

fn validator(schema: &Value) -> Validator {
    jsonschema::draft202012::new(schema).expect("a schema")
}

/// The kinds of lines.
fn kinds() -> BTreeSet<String> {
    let schema = schema();
    let refs = schema["oneOf"].as_array().expect("the kinds").iter();
    refs.map(|found| name_of(found).expect("a $ref").to_owned())
        .collect()
}

fn name_of(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.strip_prefix("#/$defs/")
}

/// The same schema for one of its parts alone.
fn only(mut schema: Value, part: &str) -> Value {
    let object = schema.as_object_mut().expect("an object");
    object.remove("oneOf");
    object.insert("$ref".to_owned(), json!(format!("#/$defs/{part}")));
    schema
}

fn closed(mut schema: Value) -> Value {
    let defs = schema["$defs"].as_object_mut().expect("an object");
    for (name, def) in defs {
        close(def, PARTS.contains(&name.as_str()));
    }
    schema
}

fn close(schema: &mut Value, open: bool) {
    let of_part = name_of(schema).is_some_and(|name| PARTS.contains(&name));
    let Some(object) = schema.as_object_mut() else {
        return;
    };
    for (key, below) in object.iter_mut() {
        match (key.as_str(), below) {
            ("properties", Value::Object(below)) => {
                for below in below.values_mut() {
                    close(below, false);
                }
            }
            ("oneOf" | "anyOf", Value::Array(below)) => {
                for below in below {
                    close(below, false);
                }
            }
            ("items", below) => close(below, false),
            _ => {}
        }
    }
    if !open && (of_part || object.contains_key("properties")) {
        object.insert("unevaluatedProperties".to_owned(), json!(false));
    }
}

/// Every object in the page's fences that has a `kind`.
fn examples() -> Vec<Value> {
    let fences = PAGE.split("```json\n").skip(1);
    let fences = fences.map(|rest| rest.split("```").next().expect("an end"));
    let values: Vec<Value> = fences
        .flat_map(|fence| serde_json::Deserializer::from_str(fence).into_iter::<Value>())
        .map(|value| value.expect("JSON"))
        .collect();
    values
        .into_iter()
        .filter(|value| value.get("kind").is_some())
        .collect()
}

#[test]
fn the_schema_is_one() {
    jsonschema::draft202012::meta::validate(&schema()).expect("valid");
    assert_eq!(
        schema()["$schema"],
        "https://json-schema.org/draft/2020-12/schema"
    );
    assert!(PUBLISHED.is_valid(&json!({"v": 1, "kind": "note", "text": "x"})));
    assert_eq!(CLOSED.len(), kinds().len() + 1);
}

#[test]
fn every_example_of_the_page_is_valid_and_there_is_one_of_each() {
    let mut seen = BTreeSet::new();
    for example in examples() {
        let kind = example["kind"].as_str().expect("a text").to_owned();
        match kind.as_str() {
            "report" => validate_report(&example.to_string()),
            _ => validate(&example.to_string()),
        }
        let artifact = &example["artifact"]["type"];
        seen.extend(artifact.as_str().map(|name| format!("artifact {name}")));
        seen.insert(kind);
    }
    let printed = samples::lines();
    let artifacts = printed.iter().filter_map(|line| {
        let name = &parse(line)["artifact"]["type"];
        name.as_str().map(|name| format!("artifact {name}"))
    });
    let mut all: BTreeSet<String> = kinds().into_iter().chain(artifacts).collect();
    all.insert("report".to_owned());
    assert_eq!(seen, all);
}

#[test]
fn everything_that_can_be_printed_is_described_and_the_other_way_round() {
    let mut seen = BTreeSet::new();
    for line in samples::lines() {
        validate(&line);
        assert!(!line.contains(samples::OURS), "{line}");
        seen.insert(parse(&line)["kind"].as_str().expect("a text").to_owned());
    }
    // `history` is asked below.
    seen.insert("run".to_owned());
    assert_eq!(seen, kinds());
}

#[test]
fn every_report_is_described_and_is_no_line() {
    let mut statuses = BTreeSet::new();
    for text in samples::reports() {
        validate_report(&text);
        let report = parse(&text);
        assert!(!PUBLISHED.is_valid(&report));
        let steps = report["steps"].as_array().expect("steps").iter();
        statuses.extend(steps.map(|step| step["status"].to_string()));
        refuses_without_what_is_required(&REPORT, "report", &report);
    }
    assert_eq!(statuses.len(), 4, "{statuses:?}");
}

#[tokio::test]
async fn what_the_command_answers_from_a_journal_is_described() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("compose.yml"), "services: {}\n").expect("written");
    std::fs::create_dir(folder.path().join(".eneo-upgrade")).expect("made");
    let journal = Journal::open(&folder.path().join(".eneo-upgrade/journal.db")).await;
    let journal = journal.expect("a journal");
    // A second start of the same run is no run.
    for record in samples::records().iter().skip(1) {
        journal.append(record).await.expect("appended");
    }
    let answer = |words: &[&str]| {
        let mut tool = std::process::Command::new(env!("CARGO_BIN_EXE_eneo-upgrade"));
        let tool = tool.current_dir(&folder).args(words);
        let output = tool.args(["--output", "json"]).output().expect("starts");
        let text = String::from_utf8(output.stdout).expect("text");
        text.lines().for_each(validate);
        let lines = text.lines().map(parse);
        lines.collect::<Vec<_>>()
    };
    let history = answer(&["history"]);
    assert_eq!((history.len(), &history[0]["kind"]), (1, &json!("run")));
    assert_eq!(answer(&["logs"]).len(), samples::records().len() - 1);
    let unknown = answer(&["logs", "0000000000"]);
    assert_eq!(
        (&unknown[0]["kind"], &unknown[0]["exit"]),
        (&json!("ended"), &json!(2))
    );
}

#[test]
fn what_is_required_may_not_be_missing() {
    for line in samples::lines() {
        let value = parse(&line);
        let kind = value["kind"].as_str().expect("a text");
        refuses_without_what_is_required(&PUBLISHED, kind, &value);
    }
}

fn refuses_without_what_is_required(validator: &Validator, kind: &str, value: &Value) {
    let required = required(&schema()["$defs"][kind]);
    assert!(required.len() >= 2, "{required:?}");
    for field in required {
        let mut less = value.clone();
        less.as_object_mut().expect("an object").remove(&field);
        assert!(!validator.is_valid(&less), "{kind} without {field}");
    }
}

/// The fields that a part asks for, by itself and by what it is made of.
fn required(part: &Value) -> BTreeSet<String> {
    let schema = schema();
    let own = part["required"].as_array().into_iter().flatten();
    let own = own.map(|field| field.as_str().expect("a name").to_owned());
    let above = std::iter::once(part).chain(part["allOf"].as_array().into_iter().flatten());
    let above = above.filter_map(name_of);
    let above = above.flat_map(|name| required(&schema["$defs"][name]));
    own.chain(above).collect()
}

#[test]
fn a_wrong_value_does_not_pass() {
    let wrong = [
        ("/v", json!(2)),
        ("/kind", json!("unheard-of")),
        ("/kind", json!("report")),
        ("/run", json!("0123ABCXYZ")),
        ("/run", json!("0123abcxyz0")),
        ("/seq", json!(0)),
        ("/at", json!("2026-01-02T03:04:05+01:00")),
        ("/directory", json!("srv")),
        ("/step", json!("")),
        ("/millis", json!(-1)),
        ("/purpose", json!("downgrade")),
        ("/outcome", json!("rolled back")),
        ("/exit", json!(7)),
        ("/unit", json!("pages")),
        ("/open", json!("true")),
        ("/failure/class", json!("other")),
        ("/artifact/type", json!("unheard-of")),
        ("/artifact/sha256", json!("0A")),
        ("/artifact/ids/backend", json!("latest")),
        ("/artifact/services", json!("worker")),
        ("/artifact/checks/0/verdict", json!("fine")),
        ("/checks/0/verdict", json!("fine")),
        ("/findings/0/severity", json!("error")),
        ("/findings/0/id", json!("Image not found")),
        ("/plan/findings/0/severity", json!("error")),
        ("/plan/jobs/0/age", json!("2")),
        ("/database", json!([])),
        ("/running/0/age", json!(-2)),
    ];
    let mut lines: Vec<Value> = samples::lines().iter().map(|line| parse(line)).collect();
    let run = json!({"v": 1, "kind": "run", "run": samples::RUN, "open": true, "outcome": null,
        "started_at": "2026-01-02T03:04:05Z"});
    validate(&run.to_string());
    lines.push(run);
    for (place, value) in wrong {
        let mut tried = 0;
        for line in &lines {
            let mut line = line.clone();
            if let Some(found) = line.pointer_mut(place) {
                found.clone_from(&value);
                tried += 1;
                assert!(!PUBLISHED.is_valid(&line), "{place}: {line}");
            }
        }
        assert!(tried > 0, "no line has {place}");
    }
}

#[test]
fn a_field_that_a_reader_does_not_know_passes_and_one_that_we_do_not_is_found() {
    for line in samples::lines() {
        let mut line = parse(&line);
        add_a_field(&mut line);
        assert!(PUBLISHED.is_valid(&line), "{line}");
        assert!(judge(&line.to_string()).is_err(), "{line}");
    }
    for report in samples::reports() {
        let mut report = parse(&report);
        add_a_field(&mut report);
        assert!(REPORT.is_valid(&report), "{report}");
        assert!(!errors("report", &report).is_empty(), "{report}");
    }
}

/// Everywhere but in `ids`, whose fields are the user's services.
fn add_a_field(value: &mut Value) {
    match value {
        Value::Object(object) => {
            let below = object
                .iter_mut()
                .filter(|(key, _)| !["ids", "started"].contains(&key.as_str()));
            below.for_each(|(_, below)| add_a_field(below));
            object.insert("new".to_owned(), json!(1));
        }
        Value::Array(array) => array.iter_mut().for_each(add_a_field),
        _ => {}
    }
}
