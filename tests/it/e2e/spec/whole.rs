//! What must be true of every project that `patch` changes.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::project::{NEWEST, OLDEST, Project, Tree};
use super::{EDGE, assert_gated};

/// A file and its lines in the diff, those that went with `-`, new ones with `+`.
pub(super) type Lines<'a> = (&'a str, &'a str);

impl Project<'_> {
    /// `backend` waits for `init` afterwards, with just these lines changed.
    #[track_caller]
    pub(super) fn gates(&self, lines: &[Lines<'_>]) {
        self.gates_with(&EDGE, &[("backend", "init")], lines);
    }

    /// What is shown is what is written, with each version of Compose; both of them see the edges
    /// and nothing else changed; a second run has nothing to do.
    #[track_caller]
    pub(super) fn gates_with(&self, args: &[&str], edges: &[(&str, &str)], lines: &[Lines<'_>]) {
        let (files, before) = (self.files(), self.configs());
        let shown = self.patch(NEWEST, &[&["--check", "--output", "json"], args].concat());
        let shown = diffs(&shown.expect(10, "a change is needed").text);
        assert_eq!(self.tree(), files, "looking changed something");
        assert_eq!(changed_lines(self, &shown), owned(lines));
        for version in [OLDEST, NEWEST] {
            self.restore(&files);
            self.patch(version, args).expect(0, "was changed");
            self.assert_written(&files, &shown);
        }
        assert_gated(&before, &self.configs(), edges);
        let all = self.tree();
        let again = self.patch(NEWEST, &[&["--check"], args].concat());
        again.expect(0, "unchanged");
        assert_eq!(self.tree(), all, "a second run changed something");
        self.restore(&files);
    }

    /// The files that were shown are as shown, every other one as it was; no file has another
    /// mode, owner or link.
    #[track_caller]
    fn assert_written(&self, before: &Tree, shown: &[(String, String)]) {
        let mut wanted = before.clone();
        let mut written = self.files();
        for (path, text) in apply(self, before, shown) {
            if let Some(file) = wanted.get_mut(&path) {
                file.0 = text.into_bytes();
                continue;
            }
            let new = written.remove(&path).expect("is there");
            assert_eq!(String::from_utf8_lossy(&new.0), text, "{}", path.display());
        }
        assert_eq!(
            written, wanted,
            "another change than the one that was shown"
        );
    }

    /// Nothing is to be done, and nothing is.
    #[track_caller]
    pub(super) fn is_right(&self) {
        let files = self.tree();
        for version in [OLDEST, NEWEST] {
            self.patch(version, &EDGE).expect(0, "unchanged");
            assert_eq!(self.tree(), files);
        }
    }
}

fn owned(lines: &[Lines<'_>]) -> Vec<(String, String)> {
    let owned = |(name, text): &Lines<'_>| ((*name).to_owned(), (*text).to_owned());
    lines.iter().map(owned).collect()
}

/// Path to diff, of what `--output json` says.
fn diffs(text: &str) -> Vec<(String, String)> {
    let values = text.lines().map(serde_json::from_str::<Value>);
    let values = values.filter_map(Result::ok);
    let files = values.filter_map(|value| value["files"].as_array().cloned());
    let diff = |file: Value| {
        let text = |key: &str| file[key].as_str().expect("a text").to_owned();
        (text("path"), text("diff"))
    };
    files.flatten().map(diff).collect()
}

fn changed_lines(project: &Project<'_>, shown: &[(String, String)]) -> Vec<(String, String)> {
    let lines = |diff: &String| {
        let lines = diff.split_inclusive('\n').skip(2);
        lines.filter(|line| line.starts_with(['-', '+'])).collect()
    };
    let name = |path: &String| {
        let path = Path::new(path).strip_prefix(project.path(""));
        path.expect("of the project").display().to_string()
    };
    shown
        .iter()
        .map(|(path, diff)| (name(path), lines(diff)))
        .collect()
}

/// The files as the diffs say, all lines that are in none of them as they were.
fn apply(
    project: &Project<'_>,
    before: &Tree,
    shown: &[(String, String)],
) -> Vec<(PathBuf, String)> {
    let root = project.path("");
    let file = |(path, diff): &(String, String)| {
        let path = Path::new(path).strip_prefix(&root).expect("of the project");
        let text = before.get(path).map(|it| it.0.clone()).unwrap_or_default();
        let text = String::from_utf8(text).expect("UTF-8");
        (path.to_owned(), applied(&text, diff))
    };
    shown.iter().map(file).collect()
}

fn applied(text: &str, diff: &str) -> String {
    let mut old = text.split_inclusive('\n').enumerate().peekable();
    let (mut new, mut come_last) = (String::new(), false);
    for line in diff.split_inclusive('\n').skip(2) {
        match line.split_at_checked(1) {
            Some(("@", _)) => {
                // `@@ -7 +7,2 @@`, or `-7,0` where nothing goes and lines come behind it.
                let place = line.split([' ', '-']).nth(2).expect("a place");
                let (first, count) = place.split_once(',').unwrap_or((place, "1"));
                let first: usize = first.parse().expect("a number");
                let kept = if count == "0" { first } else { first - 1 };
                while let Some((_, line)) = old.next_if(|(index, _)| *index < kept) {
                    new.push_str(line);
                }
            }
            Some(("-", gone)) => {
                let (_, line) = old.next().expect("a line");
                assert_eq!(line.trim_end_matches('\n'), gone.trim_end_matches('\n'));
            }
            Some(("+", come)) => new.push_str(come),
            // `\ No newline at end of file`, of the line before.
            _ if come_last => drop(new.pop()),
            _ => {}
        }
        come_last = line.starts_with('+');
    }
    old.for_each(|(_, line)| new.push_str(line));
    new
}
