//! Everything that stands in the way of an upgrade, on projects that are really broken so.

mod data;
mod files;
mod release;
mod tools;
mod watch;

use std::path::PathBuf;

use serde_json::Value;

use super::stack::{Ran, Stack};

const COMPOSE: &str = "docker-compose.yml";
const BACKEND: &str = "env_backend.env";
const FRONTEND: &str = "env_frontend.env";

/// What must be nowhere in what is printed.
const CANARY: &str = "hunter2canary";

/// A file, what it says, what it says instead.
type Change<'a> = (&'a str, &'a str, &'a str);

/// What a finding must be: a refusal or a warning, its id, words of its text or cure.
type Wanted<'a> = (Severity, &'a str, &'a str);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Severity {
    Refusal,
    Warning,
}
use Severity::{Refusal, Warning};

/// A way to break a project, and all that must be found then.
struct Case<'a> {
    edits: &'a [Change<'a>],
    args: &'a [&'a str],
    wanted: &'a [Wanted<'a>],
}

/// Tries one way after the other, with `check` and, where that must be refused, with a run; the
/// project is as it was afterwards.
#[track_caller]
fn expect_all(stack: &Stack, cases: &[Case<'_>]) {
    for case in cases {
        let _edited = Edited::new(stack, case.edits);
        expect(stack, case.args, case.wanted);
        if refused(case.wanted) {
            stack.tool(case.args).expect(3, "nothing was touched");
        }
    }
}

/// `check` must find exactly this, and its exit code must say whether it stands in the way.
#[track_caller]
fn expect(stack: &Stack, args: &[&str], wanted: &[Wanted<'_>]) -> Ran {
    let ran = check(stack, args, &[]);
    assert_found(&ran, wanted);
    ran
}

/// `check` with these variables set.
fn check(stack: &Stack, args: &[&str], variables: &[(&str, &str)]) -> Ran {
    let mut command = stack.tool_command(&["check", "--output", "json"]);
    command.args(args).envs(variables.iter().copied());
    let output = command.output().expect("starts");
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    lines.lines().for_each(crate::schema::validate);
    Ran::of(&output)
}

#[track_caller]
fn assert_found(ran: &Ran, wanted: &[Wanted<'_>]) {
    let found = findings(&ran.text);
    let is = |finding: &Value, (severity, id, words): &Wanted<'_>| {
        let text = |name: &str| finding[name].as_str().unwrap_or_default().to_owned();
        let severity = format!("{severity:?}").to_lowercase();
        (text("severity"), text("id")) == (severity, (*id).to_owned())
            && (text("text") + &text("cure")).contains(words)
            && !text("cure").is_empty()
    };
    assert!(
        found.len() == wanted.len()
            && wanted
                .iter()
                .all(|wanted| found.iter().any(|finding| is(finding, wanted)))
            && ran.code == Some(if refused(wanted) { 3 } else { 0 }),
        "wanted {wanted:?}, got exit code {:?} and\n{}",
        ran.code,
        ran.text
    );
    assert!(!ran.text.contains(CANARY), "{}", ran.text);
}

fn refused(wanted: &[Wanted<'_>]) -> bool {
    wanted.iter().any(|(severity, ..)| *severity == Refusal)
}

/// The findings among lines of JSON.
fn findings(text: &str) -> Vec<Value> {
    let lines = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines
        .filter(|line| line["kind"] == "findings")
        .filter_map(|line| line["findings"].as_array().cloned())
        .flatten()
        .collect()
}

/// Files that say something else until this is dropped.
struct Edited {
    before: Vec<(PathBuf, String)>,
}

impl Edited {
    #[track_caller]
    fn new(stack: &Stack, edits: &[Change<'_>]) -> Self {
        let mut before = Vec::new();
        for (file, old, new) in edits {
            let path = stack.path().join(file);
            let text = std::fs::read_to_string(&path).expect("is there");
            assert!(text.contains(old), "`{old}` is not in {file}");
            std::fs::write(&path, text.replace(old, new)).expect("written");
            before.push((path, text));
        }
        Self { before }
    }
}

impl Drop for Edited {
    fn drop(&mut self) {
        for (path, text) in self.before.iter().rev() {
            std::fs::write(path, text).expect("written");
        }
    }
}
