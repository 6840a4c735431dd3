//! The direction of the arrows between rooms (DESIGN.md, section 3), read from the source itself.
//!
//! Files are taken apart into words, so that paths in function bodies and macros count and those
//! in comments and strings do not.

mod words;

use std::path::{Path, PathBuf};

use words::{Word, words};

/// Room, and the rooms it may use.
const ARROWS: [(&str, &[&str]); 15] = [
    ("event", &[]),
    ("compose_file", &[]),
    ("settings", &["event"]),
    ("recipe", &["event"]),
    ("journal", &["event"]),
    ("report", &["event"]),
    ("engine", &["event", "journal"]),
    ("host", &["event"]),
    (
        "steps",
        &["engine", "event", "host", "compose_file", "recipe"],
    ),
    ("inventory", &["host", "compose_file", "recipe", "event"]),
    (
        "plan",
        &[
            "inventory",
            "steps",
            // `RunState` only.
            "engine",
            "recipe",
            "event",
            "compose_file",
            // Plain functions only: the SHA-256 of a text.
            "host",
        ],
    ),
    (
        "preflight",
        &["inventory", "plan", "host", "recipe", "event"],
    ),
    (
        "ops",
        &[
            "event",
            "compose_file",
            "settings",
            "recipe",
            "journal",
            "engine",
            "host",
            "steps",
            "inventory",
            "plan",
            "preflight",
            "report",
        ],
    ),
    ("render", &["event"]),
    (
        "cli",
        &[
            "ops", "render", "settings", "event",
            // `Report`: the command line chooses who listens to it.
            "engine", // `RunRow`: what `history` hands out.
            "journal",
        ],
    ),
];

const LONGEST_FILE: usize = 500;

/// A path that leads out of its room.
#[derive(Debug, PartialEq, Eq)]
struct Use {
    line: usize,
    room: String,
    /// Handed on under the name of the room that uses it, which hides the arrow.
    handed_on: bool,
}

#[test]
fn rooms_use_only_the_rooms_they_may() {
    let source = root().join("src");
    let mut wrong = Vec::new();
    for path in files_in(&source) {
        let module = module_of(path.strip_prefix(&source).expect("below"));
        let Some(room) = module
            .first()
            .filter(|room| *room != "lib" && *room != "main")
        else {
            continue;
        };
        let text = std::fs::read_to_string(&path).expect("readable");
        let violations = violations(room, &module, &text);
        wrong.extend(
            violations
                .iter()
                .map(|what| format!("{}:{what}", path.display())),
        );
    }
    assert!(
        wrong.is_empty(),
        "arrows that DESIGN.md does not have:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn no_file_is_longer_than_a_reader_can_hold() {
    let files = files_in(&root().join("src"))
        .into_iter()
        .chain(files_in(&root().join("tests")));
    let long: Vec<String> = files
        .filter_map(|path| {
            let lines = std::fs::read_to_string(&path)
                .expect("readable")
                .lines()
                .count();
            (lines > LONGEST_FILE).then(|| format!("{}: {lines} lines", path.display()))
        })
        .collect();
    assert!(
        long.is_empty(),
        "longer than {LONGEST_FILE} lines:\n{}",
        long.join("\n")
    );
}

#[test]
fn a_planted_violation_is_found_wherever_it_hides() {
    let found = |text: &str| violations("event", &["event".into(), "view".into()], text);
    let planted = [
        "use crate::host::Docker;",
        "use crate::{event::Event, host::{self}};",
        "use {crate::host};",
        "fn f() {\n    let x = [super::super::host::files::read()];\n}",
        "mod tests { use super::super::super::host; }",
        "fn f() { println!(\"{}\", crate::host::x()); }",
        "pub use crate::host::Secret;",
        "use super::super::*;",
        "use crate as root;",
    ];
    for text in planted {
        assert_eq!(found(text).len(), 1, "{text}: {:?}", found(text));
    }
    let innocent = [
        "use crate::event::Event; use super::Event; use std::{host, fmt};",
        "mod tests { use super::super::host; }",
        "// crate::host\nconst X: &str = \"crate::host\"; pub(crate) struct Y; pub(super) fn z() {}",
    ];
    for text in innocent {
        assert_eq!(found(text), Vec::<String>::new(), "{text}");
    }
    let text = "fn f() {\n    crate::host::x();\n}";
    assert_eq!(found(text), ["2: event -> host"]);
    let handed_on = violations("plan", &["plan".into()], "pub use crate::host::Secret;");
    assert_eq!(handed_on, ["1: plan hands on what is of host"]);
}

fn violations(room: &str, module: &[String], text: &str) -> Vec<String> {
    let known = ARROWS.iter().find(|(name, _)| *name == room);
    let Some((_, allowed)) = known else {
        return vec![format!("1: room `{room}` does not stand in the table")];
    };
    uses(&words(text), module)
        .into_iter()
        .filter(|found| found.room != room)
        .filter_map(
            |found| match (allowed.contains(&found.room.as_str()), found.handed_on) {
                (false, _) => Some(format!("{}: {room} -> {}", found.line, found.room)),
                (true, true) => Some(format!(
                    "{}: {room} hands on what is of {}",
                    found.line, found.room
                )),
                (true, false) => None,
            },
        )
        .collect()
}

/// Every path that starts at the crate or climbs up to it. `module` is the file's.
fn uses(words: &[Word<'_>], module: &[String]) -> Vec<Use> {
    let text = |at: usize| words.get(at).map_or("", |word| word.text);
    let (mut depth, mut inline) = (0, Vec::new());
    let (mut public, mut handed_on) = (false, false);
    let mut found = Vec::new();
    let mut at = 0;
    while at < words.len() {
        match text(at) {
            "{" => depth += 1,
            "}" => {
                depth -= 1;
                inline.pop_if(|(_, at): &mut (String, i32)| *at == depth);
            }
            // `super` in an inline module is this one.
            "mod" if text(at + 2) == "{" => inline.push((text(at + 1).to_owned(), depth)),
            "pub" => {
                public = true;
                if text(at + 1) == "(" {
                    at += words[at..]
                        .iter()
                        .take_while(|word| word.text != ")")
                        .count();
                }
            }
            "use" => handed_on = public,
            ";" => (public, handed_on) = (false, false),
            "crate" | "super" => {
                let here = module.iter().chain(inline.iter().map(|(name, _)| name));
                let line = words[at].line;
                let rooms = rooms(&words[at..], here.count());
                found.extend(rooms.into_iter().map(|room| Use {
                    line,
                    room,
                    handed_on,
                }));
            }
            word if word.starts_with(char::is_alphabetic) => public = false,
            _ => {}
        }
        at += 1;
    }
    found
}

/// The rooms that a path leads to, if it leads to the crate's root at all. `above` modules lie
/// between that and the place of the path.
fn rooms(words: &[Word<'_>], mut above: usize) -> Vec<String> {
    let text = |at: usize| words.get(at).map_or("", |word| word.text);
    if text(0) == "crate" && text(1) == "as" {
        return vec!["the whole crate".to_owned()];
    }
    above = if text(0) == "crate" { 0 } else { above - 1 };
    let mut at = 1;
    while text(at) == "::" && text(at + 1) == "super" {
        above -= 1;
        at += 2;
    }
    match (above, text(at), text(at + 1)) {
        (0, "::", "{") => firsts(&words[at + 2..]),
        (0, "::", "*") => vec!["the whole crate".to_owned()],
        (0, "::", room) => vec![room.to_owned()],
        _ => Vec::new(),
    }
}

/// The first word of every part of `a::b, c }`.
fn firsts(words: &[Word<'_>]) -> Vec<String> {
    let (mut depth, mut first) = (1, true);
    let mut firsts = Vec::new();
    for word in words {
        match word.text {
            "{" => depth += 1,
            "}" => depth -= 1,
            "," if depth == 1 => first = true,
            text if first => {
                firsts.push(text.to_owned());
                first = false;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    firsts
}

fn module_of(path: &Path) -> Vec<String> {
    let parts = path.with_extension("");
    let mut module: Vec<String> = parts
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    module.pop_if(|last| last == "mod");
    module
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in folder.read_dir().expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(files_in(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}
