//! Where things stand in a text, found by its indentation alone.

use std::ops::Range;

/// Lines without their breaks.
pub(super) fn split(text: &str) -> Vec<&str> {
    let line = |line: &'_ str| -> usize { line.strip_suffix('\r').unwrap_or(line).len() };
    text.split('\n').map(|it| &it[..line(it)]).collect()
}

/// Where an edit may be: in these lines, the first of which may itself change only if `whole`.
pub(super) struct Place {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) whole: bool,
}

/// The lines of the service's `depends_on`, or of the service where it has none.
pub(super) fn place(lines: &[&str], service: &str) -> Option<Place> {
    let Range { start: body, end } = service_lines(lines, service)?;
    let range = body + 1..end;
    let own = first_indent(lines, range.clone());
    let depends_on = own.and_then(|own| {
        range
            .clone()
            .find(|at| is_key(lines[*at], own, "depends_on"))
    });
    Some(match depends_on {
        Some(at) => Place {
            start: at,
            end: below(lines, at)?.end,
            whole: true,
        },
        None => Place {
            start: body,
            end: range.end,
            whole: lines[body].contains('{'),
        },
    })
}

/// The line of a service's name and all below it.
pub(super) fn service_lines(lines: &[&str], service: &str) -> Option<Range<usize>> {
    let services = (0..lines.len()).filter(|at| is_key(lines[*at], 0, "services"));
    let body = services
        .filter_map(|at| below(lines, at))
        .find_map(|range| {
            let indent = first_indent(lines, range.clone())?;
            range.clone().find(|at| is_key(lines[*at], indent, service))
        })?;
    below(lines, body).map(|range| body..range.end)
}

/// The lines below a key, up to the next one that is no deeper.
fn below(lines: &[&str], at: usize) -> Option<Range<usize>> {
    let indent = indent(lines[at])?;
    let ends = |line: &&str| {
        let item = line.trim_start().starts_with("- ");
        self::indent(line).is_some_and(|it| it < indent || (it == indent && !item))
    };
    let count = lines[at + 1..]
        .iter()
        .take_while(|line| !ends(line))
        .count();
    Some(at + 1..at + 1 + count)
}

/// None for blank lines and comments.
fn indent(line: &str) -> Option<usize> {
    let content = line.trim_start_matches('\u{feff}').trim_start();
    let counts = !content.is_empty() && !content.starts_with('#');
    counts.then(|| line.trim_start_matches('\u{feff}').len() - content.len())
}

fn first_indent(lines: &[&str], range: Range<usize>) -> Option<usize> {
    lines[range].iter().find_map(|line| indent(line))
}

fn is_key(line: &str, at: usize, key: &str) -> bool {
    let content = line.trim_start_matches('\u{feff}').trim_start();
    let name = [
        format!("{key}:"),
        format!("\"{key}\":"),
        format!("'{key}':"),
    ];
    indent(line) == Some(at) && name.iter().any(|name| content.starts_with(name.as_str()))
}
