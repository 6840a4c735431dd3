//! The revision graph of the new image, read from its Alembic files without running anything.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::event::{Artifact, Failure};
use crate::host::Images;

/// See the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadRevisions {
    /// The image, by our tag.
    pub image: String,
    /// The folder of its revisions.
    pub folder: String,
}

impl ReadRevisions {
    pub(crate) async fn run(&self, images: &impl Images) -> Result<Option<Artifact>, Failure> {
        let files = images.read_folder(&self.image, &self.folder).await?;
        let sources = files.iter().filter(|(name, _)| has_extension(name, "py"));
        let (mut known, mut built_on) = (BTreeSet::new(), BTreeSet::new());
        for (_, text) in sources {
            if let Some(id) = strings_assigned(text, "revision").into_iter().next() {
                known.insert(id);
                built_on.extend(strings_assigned(text, "down_revision"));
            }
        }
        if known.is_empty() {
            return Err(Failure::new(format!(
                "there are no schema revisions in `{}` of the new image",
                self.folder
            ))
            .hint("correct `versions` under `[migration]` in the recipe"));
        }
        Ok(Some(Artifact::Revisions {
            heads: known.difference(&built_on).cloned().collect(),
            known: known.into_iter().collect(),
        }))
    }
}

fn has_extension(name: &str, extension: &str) -> bool {
    std::path::Path::new(name)
        .extension()
        .is_some_and(|found| found == extension)
}

/// The string literals of a module-level assignment, also over several lines:
/// `down_revision: Union[str, None] = ("a", "b")`.
fn strings_assigned(source: &str, name: &str) -> Vec<String> {
    let mut lines = source.lines();
    let Some(value) = lines.find_map(|line| value_of(line, name)) else {
        return Vec::new();
    };
    let mut text = value.to_owned();
    while text.matches('(').count() > text.matches(')').count() {
        let Some(next) = lines.next() else { break };
        text.push(' ');
        text.push_str(next);
    }
    literals(&text)
}

fn value_of<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let rest = line.strip_prefix(name)?;
    let (annotation, value) = rest.split_once('=')?;
    let annotation = annotation.trim();
    (annotation.is_empty() || annotation.starts_with(':')).then_some(value)
}

fn literals(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(['"', '\'', '#']) {
        let quote = rest[start..].chars().next().unwrap_or('"');
        let inner = &rest[start + 1..];
        // What follows a comment sign on the line is no value.
        let Some(end) = inner.find(quote).filter(|_| quote != '#') else {
            break;
        };
        found.push(inner[..end].to_owned());
        rest = &inner[end + 1..];
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assignments_are_read_as_alembic_writes_them() {
        let cases: [(&str, &[&str]); 8] = [
            ("down_revision = 'a'", &["a"]),
            ("down_revision: Union[str, None] = \"a\"  # was 'b'", &["a"]),
            ("down_revision = None", &[]),
            ("down_revision = ('a', \"b\")", &["a", "b"]),
            (
                "down_revision = (\n    'a',\n    'b',\n)\nx = 'c'",
                &["a", "b"],
            ),
            ("    down_revision = 'indented'", &[]),
            ("down_revision_of = 'other'", &[]),
            ("\"\"\"Revises: x\"\"\"\ndown_revision='a'", &["a"]),
        ];
        for (source, wanted) in cases {
            assert_eq!(
                strings_assigned(source, "down_revision"),
                wanted,
                "{source}"
            );
        }
    }
}
