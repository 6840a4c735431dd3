//! What must be true of every refusal, and what its cure is worth.

use serde_json::Value;

use super::project::{NEWEST, OLDEST, Project};
use super::{EDGE, assert_gated};

/// A finding in which the tool says no.
pub(super) struct Refused {
    pub(super) text: String,
    pub(super) cure: String,
}

impl Project<'_> {
    /// `backend` is not made to wait for `init`, for this reason.
    #[track_caller]
    pub(super) fn refuses(&self, id: &str, words: &[&str]) -> Refused {
        self.refuses_with(&EDGE, id, words)
    }

    /// With each version of Compose: one finding with this id, all these words in it, a cure, and
    /// nothing touched, not even by the look before.
    #[track_caller]
    pub(super) fn refuses_with(&self, args: &[&str], id: &str, words: &[&str]) -> Refused {
        let tree = self.tree();
        let mut last = None;
        for (version, form) in [(OLDEST, &[][..]), (NEWEST, &["--check"]), (NEWEST, &[])] {
            let ran = self.patch(version, &[form, &["--output", "json"], args].concat());
            let ran = ran.expect(3, "nothing was touched");
            let findings = findings(&ran.text);
            let [finding] = findings.as_slice() else {
                panic!("not one finding:\n{}", ran.text);
            };
            let of = |key: &str| finding[key].as_str().unwrap_or_default().to_owned();
            let refused = Refused {
                text: of("text"),
                cure: of("cure"),
            };
            let all = format!("{}\n{}", refused.text, refused.cure);
            assert_eq!(of("id"), id, "{all}");
            assert!(!refused.cure.is_empty(), "no cure: {all}");
            for word in words {
                assert!(all.contains(word), "`{word}` is not in: {all}");
            }
            assert_eq!(self.tree(), tree, "a refusal changed something");
            last = Some(refused);
        }
        last.expect("it was tried")
    }

    /// With each version of Compose: the tool ends so, with a hint, and nothing is touched.
    #[track_caller]
    pub(super) fn ends(&self, code: i32, words: &[&str]) {
        let tree = self.tree();
        for version in [OLDEST, NEWEST] {
            let ran = self.patch(version, &EDGE).expect(code, "error: ");
            for word in words {
                assert!(ran.text.contains(word), "`{word}` is not in: {}", ran.text);
            }
            assert_eq!(self.tree(), tree, "a refusal changed something");
        }
    }

    /// Writes by hand what the cure says into this file: `backend` waits for `init` then.
    #[track_caller]
    pub(super) fn follow_by_hand(&self, refused: &Refused, file: &str) {
        assert!(refused.text.contains(file), "{}", refused.text);
        let before = self.configs();
        let mut wanted: Value = by_hand(&refused.cure);
        let text = self
            .read(file)
            .replace("!reset", "")
            .replace("!override", "");
        let mut said: Value = serde_yaml::from_str(&text).expect("YAML");
        let ours = wanted["services"]["backend"]["depends_on"].take();
        assert!(ours.is_object(), "{}", refused.cure);
        said["services"]["backend"]["depends_on"] = ours;
        self.write(file, said.to_string());
        assert_gated(&before, &self.configs(), &[("backend", "init")]);
        self.is_right();
    }

    /// Writes what the cure says to where it says, and names the file behind the others.
    #[track_caller]
    pub(super) fn follow_to_a_new_file(self, refused: &Refused, flags: &[&str]) {
        let name = "eneo-upgrade.override.yml";
        let (path, before) = (self.path(name), self.configs());
        assert!(refused.cure.contains(&format!("`{}`", path.display())));
        let (_, text) = refused.cure.split_once(":\n").expect("a text");
        self.write(name, text);
        let flags = [flags, &["-f", name]].concat();
        let project = self.flags(&flags);
        assert_gated(&before, &project.configs(), &[("backend", "init")]);
        project.is_right();
    }
}

/// The text below the words of a cure.
fn by_hand(cure: &str) -> Value {
    let (_, text) = cure.split_once(":\n").expect("a text");
    serde_yaml::from_str(text).expect("YAML")
}

fn findings(text: &str) -> Vec<Value> {
    let values = text.lines().map(serde_json::from_str::<Value>);
    let values = values.filter_map(Result::ok);
    let findings = values.filter(|value| value["kind"] == "findings");
    let findings = findings.filter_map(|value| value["findings"].as_array().cloned());
    findings.flatten().collect()
}
