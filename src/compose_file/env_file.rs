//! One variable in the text of a `.env` file, read and set by place.

use std::ops::Range;

use super::Patched;
use super::lines::{Edit, Source};
use super::refusal::{Reason, Refusal, Stop};
use super::tag::is_variable_name;

/// `KEY=value`, with the place of the value, quotes included.
#[derive(Debug)]
struct Assignment<'t> {
    key: &'t str,
    value: Range<usize>,
    line: usize,
    /// Runs over several lines, or its quote never ends.
    open: bool,
}

/// The value a key has, its last assignment winning; `${…}` in it is not resolved.
#[must_use]
pub fn env_value(text: &str, key: &str) -> Option<String> {
    let last = assignments(text).into_iter().rfind(|it| it.key == key)?;
    Some(unquoted(text.get(last.value)?))
}

/// Sets a key where it was last assigned, else on a new last line.
///
/// Quotes, `export`, inline comments, line breaks and a missing last one stay as they are;
/// quotes are added or changed only if the value needs it.
///
/// # Errors
/// [`Refusal`]; the text is then to be left as it is.
pub fn set_env_value(text: &str, key: &str, value: &str) -> Result<Patched, Refusal> {
    let edited = set(text, key, value)
        .map_err(|stop| stop.refusal(format!("set `{key}`"), format!("{key}={value}")))?;
    Ok(Patched::new(text, edited))
}

fn set(text: &str, key: &str, value: &str) -> Result<String, Stop> {
    if !is_variable_name(key) {
        return Err(Reason::InvalidKey(key.to_owned()).into());
    }
    if value.chars().any(char::is_control) {
        return Err(Reason::InvalidValue.into());
    }
    let source = Source { text };
    let all = assignments(text);
    // Behind a quote that never ends nothing can be told apart.
    let endless = |it: &&Assignment<'_>| it.open && (it.key == key || it.value.end == text.len());
    if let Some(open) = all.iter().find(endless) {
        return Err(Stop::at(open.line, Reason::OpenQuote));
    }
    let edit = match all.iter().rfind(|it| it.key == key) {
        Some(found) => {
            let written = source.slice(found.value.clone());
            if unquoted(written) == value {
                return Ok(text.to_owned());
            }
            Edit::replace(found.value.clone(), quoted(value, written.chars().next())?)
        }
        None => append(source, &format!("{key}={}", quoted(value, None)?))?,
    };
    let edited = source
        .apply(vec![edit])
        .ok_or(Reason::Unproven("edits overlap"))?;
    prove(text, &edited, key, value)?;
    Ok(edited)
}

fn append(source: Source<'_>, line: &str) -> Result<Edit, Stop> {
    let end = source.text.len();
    if source.text.is_empty() {
        return Ok(Edit::insert(0, format!("{line}\n")));
    }
    if source.text.ends_with('\n') {
        return Ok(source.insert_above(end, &[line.to_owned()]));
    }
    source.insert_below(end, &[line.to_owned()])
}

/// The value in the quotes that were there, or in those it needs.
fn quoted(value: &str, old: Option<char>) -> Result<String, Stop> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_./:@%+,=-".contains(&byte);
    // Compose looks for a quote without a backslash before it, in both kinds of quotes;
    // `$` is a variable everywhere but in single quotes.
    let single = !value.contains('\'') && !value.ends_with('\\');
    let double = !value.contains(['$', '\\']);
    match old {
        Some('"') if double => Ok(in_double_quotes(value)),
        Some('"' | '\'') if single => Ok(format!("'{value}'")),
        _ if !value.is_empty() && value.bytes().all(plain) => Ok(value.to_owned()),
        _ if single => Ok(format!("'{value}'")),
        _ if double => Ok(in_double_quotes(value)),
        _ => Err(Reason::InvalidValue.into()),
    }
}

fn in_double_quotes(value: &str) -> String {
    format!("\"{}\"", value.replace('"', "\\\""))
}

fn unquoted(written: &str) -> String {
    let inner = |quote| {
        written
            .strip_prefix(quote)
            .and_then(|rest| rest.strip_suffix(quote))
    };
    if let Some(inner) = inner('\'') {
        return inner.to_owned();
    }
    let Some(inner) = inner('"') else {
        return written.to_owned();
    };
    let mut plain = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            plain.push(character);
            continue;
        }
        match characters.next() {
            Some('n') => plain.push('\n'),
            Some('r') => plain.push('\r'),
            Some('t') => plain.push('\t'),
            Some(escaped @ ('"' | '\\' | '$')) => plain.push(escaped),
            Some(other) => plain.extend(['\\', other]),
            None => plain.push('\\'),
        }
    }
    plain
}

fn prove(before: &str, after: &str, key: &str, value: &str) -> Result<(), Stop> {
    let others = |text: &str| -> Vec<(String, String)> {
        let all = assignments(text).into_iter().filter(|it| it.key != key);
        all.map(|it| {
            (
                it.key.to_owned(),
                text.get(it.value).unwrap_or_default().to_owned(),
            )
        })
        .collect()
    };
    if env_value(after, key).as_deref() == Some(value) && others(before) == others(after) {
        Ok(())
    } else {
        Err(Reason::Unproven("another variable changed too").into())
    }
}

/// As Compose reads them: `export` allowed, `=` or `:`, quotes over lines.
fn assignments(text: &str) -> Vec<Assignment<'_>> {
    let source = Source { text };
    let mut found = Vec::new();
    let mut at = if text.starts_with('\u{feff}') {
        '\u{feff}'.len_utf8()
    } else {
        0
    };
    let mut line = 1;
    while at < text.len() {
        let mut next = at;
        if let Some(assignment) = assignment(source, at, line) {
            next = assignment.value.end;
            found.push(assignment);
        }
        let end = next + source.rest_of_line(next).len();
        let newline = source
            .slice(end..text.len())
            .find('\n')
            .map_or(text.len(), |it| end + it + 1);
        line += source.slice(at..newline).matches('\n').count();
        at = newline;
    }
    found
}

fn assignment(source: Source<'_>, at: usize, line: usize) -> Option<Assignment<'_>> {
    let blank = [' ', '\t'];
    let written = source.rest_of_line(at);
    let mut rest = written.trim_start_matches(blank);
    if let Some(exported) = rest
        .strip_prefix("export")
        .filter(|rest| rest.starts_with(blank))
    {
        rest = exported.trim_start_matches(blank);
    }
    let (key, value) = rest
        .split_once(['=', ':'])
        .filter(|_| !rest.starts_with('#'))?;
    let key = key.trim_end();
    let behind = at + written.len() - value.len();
    let value = value.trim_start_matches(blank);
    let start = at + written.len() - value.len();
    let quote = value.chars().next().filter(|first| "\"'".contains(*first));
    let range = match quote {
        Some(quote) => {
            let end = closing(source, start + 1, quote);
            let open = end.is_none_or(|end| source.slice(start..end).contains('\n'));
            let value = start..end.map_or(source.text.len(), |end| end + 1);
            return Some(Assignment {
                key,
                value,
                line,
                open,
            });
        }
        // Only a comment follows: the value is empty, right behind the `=`.
        None if start > behind && value.starts_with('#') => behind..behind,
        None if value.is_empty() => behind..behind,
        None => {
            start
                ..start
                    + value
                        .split(" #")
                        .next()
                        .unwrap_or_default()
                        .trim_end()
                        .len()
        }
    };
    Some(Assignment {
        key,
        value: range,
        line,
        open: false,
    })
}

/// The next quote without a backslash before it.
fn closing(source: Source<'_>, from: usize, quote: char) -> Option<usize> {
    let rest = source.slice(from..source.text.len());
    let mut escaped = false;
    for (at, character) in rest.char_indices() {
        if character == quote && !escaped {
            return Some(from + at);
        }
        escaped = character == '\\';
    }
    None
}
