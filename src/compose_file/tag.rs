//! The tag inside the text of an image reference.

use std::ops::Range;

/// What decides the tag of an image, judged by its text alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TagSource {
    /// `repo:v1`
    Literal(String),
    /// `repo:${NAME}`, `repo:$NAME`, `repo:${NAME:-v1}`, `repo:${NAME-v1}`, `repo:${NAME:?…}`
    Variable {
        /// The variable.
        name: String,
        /// Its default, if the text gives one.
        default: Option<String>,
    },
    /// `repo`
    Untagged,
    /// `repo@sha256:…`, with or without a tag.
    Digest,
    /// Several variables, a variable beside text, a variable that holds the whole image.
    Other,
}

/// How the tag of a raw image text is determined.
#[must_use]
pub fn tag_source(raw: &str) -> TagSource {
    let marks = marks_outside_braces(raw);
    if raw.is_empty() || raw.contains("$$") {
        return TagSource::Other;
    }
    if marks.digest {
        return TagSource::Digest;
    }
    let Some(colon) = marks.colon else {
        let last = raw.get(marks.slash..).unwrap_or_default();
        return if last.contains('$') {
            TagSource::Other
        } else {
            TagSource::Untagged
        };
    };
    let tag = raw.get(colon + 1..).unwrap_or_default();
    if is_tag(tag) {
        TagSource::Literal(tag.to_owned())
    } else {
        variable(tag)
    }
}

/// The image without tag and digest.
pub(super) fn name(raw: &str) -> &str {
    let raw = raw.split('@').next().unwrap_or_default();
    let colon = marks_outside_braces(raw).colon;
    colon.and_then(|colon| raw.get(..colon)).unwrap_or(raw)
}

/// The same image with another tag; None where [`set_image_tag`](super::set_image_tag) refuses.
pub(super) fn retag(raw: &str, new_tag: &str) -> Option<String> {
    let at = rewritable(raw)?;
    Some(format!(
        "{}{new_tag}{}",
        raw.get(..at.start)?,
        raw.get(at.end..)?
    ))
}

/// Where the literal tag, or the literal default of the variable, stands.
fn rewritable(raw: &str) -> Option<Range<usize>> {
    match tag_source(raw) {
        TagSource::Literal(tag) => Some(raw.len() - tag.len()..raw.len()),
        TagSource::Variable {
            default: Some(default),
            ..
        } => {
            let end = raw.len().checked_sub(1)?;
            Some(end.checked_sub(default.len())?..end)
        }
        _ => None,
    }
}

/// What Docker accepts as a tag.
pub(super) fn is_tag(tag: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let first = tag.bytes().next().is_some_and(word);
    first && tag.len() <= 128 && tag.bytes().all(|byte| word(byte) || b".-".contains(&byte))
}

pub(super) fn is_variable_name(name: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    name.bytes().all(word)
        && name
            .bytes()
            .next()
            .is_some_and(|byte| !byte.is_ascii_digit())
}

struct Marks {
    /// Behind the last slash.
    slash: usize,
    /// The first colon behind that slash.
    colon: Option<usize>,
    digest: bool,
}

/// Only what stands outside `${…}` separates the parts of an image.
fn marks_outside_braces(raw: &str) -> Marks {
    let mut marks = Marks {
        slash: 0,
        colon: None,
        digest: false,
    };
    let mut depth = 0_u32;
    for (at, byte) in raw.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth = depth.saturating_sub(1),
            _ if depth > 0 => {}
            b'/' => (marks.slash, marks.colon) = (at + 1, None),
            b'@' => marks.digest = true,
            b':' => marks.colon = marks.colon.or(Some(at)),
            _ => {}
        }
    }
    marks
}

fn variable(tag: &str) -> TagSource {
    let Some(rest) = tag.strip_prefix('$') else {
        return TagSource::Other;
    };
    if is_variable_name(rest) {
        return TagSource::Variable {
            name: rest.to_owned(),
            default: None,
        };
    }
    let Some(inner) = rest
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'))
    else {
        return TagSource::Other;
    };
    let end = inner.find([':', '-', '?', '+']).unwrap_or(inner.len());
    let (name, rule) = (
        inner.get(..end).unwrap_or_default(),
        inner.get(end..).unwrap_or_default(),
    );
    if !is_variable_name(name) {
        return TagSource::Other;
    }
    let rule = rule.strip_prefix(':').unwrap_or(rule);
    let default = match rule.split_at_checked(1) {
        Some(("-", default)) if is_tag(default) => Some(default.to_owned()),
        Some(("?", message)) if !message.contains(['$', '}']) => None,
        None if end == inner.len() => None,
        _ => return TagSource::Other,
    };
    TagSource::Variable {
        name: name.to_owned(),
        default,
    }
}
