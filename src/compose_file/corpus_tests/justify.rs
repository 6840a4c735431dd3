//! Whether a refusal is right, judged by the text and not by the code that refused.

use serde_yaml::Value;

use super::corpus::Row;
use super::places::{service_lines, split};
use super::reading::{Reading, entries, untagged};
use crate::compose_file::{Edge, Refusal};

/// Whether the text shows the reason given, or Compose rejects the file as well.
pub(in crate::compose_file) fn justified(
    text: &str,
    edge: &Edge,
    refusal: &Refusal,
    row: Option<Row>,
) -> bool {
    let reading = Reading::of(text.trim_start_matches('\u{feff}'));
    let rejected = row.is_some_and(|row| !row.valid);
    let case = Case {
        text,
        edge,
        reading: &reading,
    };
    match refusal.code() {
        "unparsable" => rejected || reading.rejected,
        "duplicate-key" => rejected && reading.rejected,
        "tab-indentation" => {
            rejected
                && text
                    .lines()
                    .any(|it| it.trim_start_matches(' ').starts_with('\t'))
        }
        "template-markers" => ["{{", "{%"].iter().any(|mark| text.contains(mark)) && rejected,
        "no-services" => case.no_services(),
        "unknown-service" => reading.bodies(&edge.service).next().is_none(),
        "several-documents" => reading.bodies(&edge.service).count() > 1,
        "invalid-name" => [&edge.service, &edge.dependency]
            .iter()
            .any(|it| !is_name(it)),
        "invalid-depends-on" => rejected && case.invalid_depends_on(),
        "cycle" => reading.reaches(&edge.dependency, &edge.service),
        "required-false" => case.of_entry("required", |it| it.as_bool() != Some(true)),
        "interpolated-condition" => case.of_entry("condition", |it| {
            it.as_str().is_some_and(|it| it.contains('$'))
        }),
        "reset-tag" => case.reset(),
        "list-item" => case.unfit_item(),
        "shared-anchor" => case.shared(),
        "unsupported-shape" => case.no_mapping(),
        _ => false,
    }
}

struct Case<'c> {
    text: &'c str,
    edge: &'c Edge,
    reading: &'c Reading,
}

impl Case<'_> {
    fn bodies(&self) -> impl Iterator<Item = &Value> {
        self.reading.bodies(&self.edge.service)
    }

    fn depends_on(&self) -> impl Iterator<Item = &Value> {
        self.bodies().filter_map(|body| body.get("depends_on"))
    }

    fn no_services(&self) -> bool {
        let services = |document: &Value| document.get("services").map(untagged).cloned();
        let mut found = self.reading.documents.iter().filter_map(services);
        !found.any(|it| it.is_mapping())
    }

    fn of_entry(&self, key: &str, says: impl Fn(&Value) -> bool) -> bool {
        self.depends_on()
            .filter_map(|it| it.get(&self.edge.dependency)?.get(key))
            .any(says)
    }

    fn reset(&self) -> bool {
        let is_reset = |value: &Value| matches!(value, Value::Tagged(it) if it.tag == "!reset");
        let mut services = self.reading.documents.iter();
        services.any(|it| it.get("services").is_some_and(is_reset))
            || self.bodies().any(is_reset)
            || self.depends_on().any(is_reset)
            || self
                .depends_on()
                .any(|it| entries(Some(it)).any(|(_, value)| is_reset(value)))
    }

    fn invalid_depends_on(&self) -> bool {
        self.depends_on().any(|it| match untagged(it) {
            Value::Sequence(items) => {
                let twice =
                    |at: usize| items.get(at + 1..).unwrap_or_default().contains(&items[at]);
                items.iter().any(|item| !item.is_string()) || (0..items.len()).any(twice)
            }
            Value::Mapping(_) => entries(Some(it)).any(|(_, value)| !untagged(value).is_mapping()),
            other => !other.is_null(),
        })
    }

    /// A list whose items cannot all be keys as they are.
    fn unfit_item(&self) -> bool {
        self.depends_on().any(|it| match untagged(it) {
            Value::Sequence(items) => items.iter().any(|item| {
                let name = item.as_str();
                name.is_none_or(|name| {
                    let tied = ["&", "*", "!"].iter().any(|mark| {
                        let lines = self.text.lines().map(str::trim);
                        lines
                            .filter_map(|line| line.strip_prefix("- "))
                            .any(|line| line.starts_with(mark) && line.contains(name))
                    });
                    !is_name(name) || tied
                })
            }),
            _ => false,
        })
    }

    /// What the service says is anchored and used by another one, which says nothing of its own.
    fn shared(&self) -> bool {
        let lines = split(self.text);
        let own = service_lines(&lines, &self.edge.service).unwrap_or_default();
        let anchors = lines[own].iter().flat_map(|line| words_after(line, '&'));
        let uses = |name: &str| {
            let lines = self.text.lines();
            let all = lines.flat_map(|line| words_after(line, '*'));
            all.filter(|used| *used == name).count()
        };
        let mut anchors = anchors.filter(|name| uses(name) > 0);
        let others = self.reading.services().into_iter();
        let same = |other: &str| {
            let (mut ours, mut theirs) = (self.depends_on(), self.reading.bodies(other));
            theirs
                .next()
                .is_some_and(|it| it.get("depends_on") == ours.next())
        };
        anchors.next().is_some()
            && others
                .filter(|other| *other != self.edge.service)
                .any(|other| same(&other))
    }

    /// The service stands there as nothing, or as an alias.
    fn no_mapping(&self) -> bool {
        let alias = format!("{}: *", self.edge.service);
        self.bodies().any(|body| !untagged(body).is_mapping())
            || self
                .text
                .lines()
                .any(|line| line.trim_start().starts_with(&alias))
    }
}

fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    !name.is_empty() && name.bytes().all(allowed)
}

/// The names of anchors (`&`) or aliases (`*`) in a line.
fn words_after(line: &str, mark: char) -> impl Iterator<Item = &str> {
    let code = line.split(" #").next().unwrap_or_default();
    code.split([' ', ',', '[', ']', '{', '}'])
        .filter_map(move |word| word.strip_prefix(mark))
        .filter(|name| !name.is_empty())
}
