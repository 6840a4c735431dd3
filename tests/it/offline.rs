//! `patch --offline`, as a script calls it: one file, no Docker.

#![allow(
    clippy::disallowed_methods,
    reason = "it calls the command as its users do"
)]

use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// A file to patch, and what a call left.
struct File {
    folder: tempfile::TempDir,
}

#[derive(Debug, PartialEq)]
struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

const LIST: &str =
    "services:\r\n  api:\r\n    depends_on:\r\n      - db # first\r\n  db: {}\r\n  init: {}\r\n";
const PATCHED: &str = "services:\r\n  api:\r\n    depends_on:\r\n      db: # first\r\n        \
                       condition: service_started\r\n      init:\r\n        condition: \
                       service_completed_successfully\r\n  db: {}\r\n  init: {}\r\n";

impl File {
    fn new(text: impl AsRef<[u8]>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("c.yml"), text).expect("written");
        Self { folder }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("c.yml")
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_eneo-upgrade"));
        // Nothing that could be Docker is found.
        command.env("PATH", self.folder.path());
        command.current_dir(self.folder.path());
        command
            .args(["patch", "--offline", "-f", "c.yml"])
            .args(args);
        command.stdin(Stdio::null());
        command
    }

    fn run(&self, args: &[&str]) -> Ran {
        let before = std::fs::read(self.path()).ok();
        let output = self.command(args).output().expect("starts");
        assert_eq!(std::fs::read(self.path()).ok(), before, "it was written to");
        Ran {
            code: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    fn print(&self) -> Ran {
        self.run(&["--edge", "api:init", "--stdout"])
    }
}

#[test]
fn the_patched_file_is_printed_and_nothing_else() {
    let ran = File::new(LIST).print();
    assert_eq!(
        (ran.code, ran.out.as_str(), ran.err.as_str()),
        (Some(0), PATCHED, "")
    );
    let ran = File::new(PATCHED).print();
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), PATCHED));
}

#[test]
fn a_refusal_is_a_code_and_a_text_and_nothing_is_printed() {
    for (text, code) in [
        (
            "services:\n  api:\n    depends_on: [$DB]\n  init: {}\n",
            "list-item: ",
        ),
        (
            "services:\n  api: {}\n  init:\n    depends_on: [api]\n",
            "cycle: ",
        ),
        ("services:\n\tapi: {}\n", "tab-indentation: "),
        ("services: {db: {}}\n", "unknown-service: "),
        ("", "no-services: "),
    ] {
        let ran = File::new(text).print();
        assert_eq!(
            (ran.code, ran.out.as_str()),
            (Some(3), ""),
            "{text}: {ran:?}"
        );
        assert!(ran.err.starts_with(code), "{text}: {ran:?}");
        assert!(ran.err.contains("c.yml"), "{text}: {ran:?}");
    }
    let ran = File::new([0xff, 0xfe, b'a']).print();
    assert_eq!(ran.code, Some(3));
    assert!(ran.err.starts_with("not-utf8: "), "{ran:?}");
}

#[test]
fn a_dependency_that_is_not_in_the_file_is_warned_of() {
    let ran = File::new("services:\n  api: {}\n").print();
    let patched =
        "services:\n  api: {depends_on: {init: {condition: service_completed_successfully}}}\n";
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), patched));
    assert!(
        ran.err
            .starts_with("warning: the file has no service `init`"),
        "{ran:?}"
    );
}

#[test]
fn a_check_tells_by_its_exit_code() {
    let edge = ["--edge", "api:init"];
    for (text, form, code) in [
        (LIST, "--check", 10),
        (PATCHED, "--check", 0),
        (LIST, "--diff", 0),
        ("a", "--check", 3),
    ] {
        let ran = File::new(text).run(&[&edge[..], &[form]].concat());
        assert_eq!(ran.code, Some(code), "{form} {ran:?}");
        let shown = ran.out.contains("+      init:");
        assert_eq!(shown, text == LIST, "{form} {ran:?}");
    }
}

#[test]
fn a_line_that_cannot_be_meant_is_refused_with_what_to_write() {
    let file = File::new(LIST);
    for (args, words) in [
        (&["--stdout"][..], "--edge"),
        (&["--edge", "api:init"], "--check"),
        (&["--edge", "api", "--stdout"], "backend:db-init"),
        (
            &["--edge", "a:b", "--stdout", "--check"],
            "cannot be used with",
        ),
        (
            &["--edge", "a:b", "--stdout", "-f", "d.yml"],
            "exactly one file",
        ),
        (
            &["--edge", "a:b", "--stdout", "--output", "json"],
            "not JSON",
        ),
    ] {
        let ran = file.run(args);
        assert_eq!(ran.code, Some(2), "{args:?} {ran:?}");
        assert!((ran.out + &ran.err).contains(words), "{args:?}");
    }
    std::fs::remove_file(file.path()).expect("removed");
    let ran = file.print();
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.err.contains("c.yml"), "{ran:?}");
}

/// `… | head -1`
#[test]
fn a_reader_that_goes_away_is_no_reason_to_panic() {
    let services: Vec<String> = (0..20_000).map(|n| format!("  s{n}: {{}}")).collect();
    let services = services.join("\n");
    let file = File::new(format!("services:\n  init: {{}}\n{services}\n"));
    let edges: Vec<String> = (0..2_000).map(|n| format!("s{n}:init")).collect();
    for form in ["--diff", "--stdout"] {
        let mut args = vec![form];
        args.extend(edges.iter().flat_map(|edge| ["--edge", edge.as_str()]));
        let mut command = file.command(&args);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("starts");
        drop(child.stdout.take());
        let mut told = String::new();
        let errors = child.stderr.as_mut().expect("piped");
        errors.read_to_string(&mut told).expect("read");
        child.wait().expect("ends");
        assert!(!told.contains("panicked"), "{form}: {told}");
    }
}
