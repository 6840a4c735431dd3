//! `depends_on` from list to mapping, item by item, every comment at its item.

use std::rc::Rc;

use super::depends_on::Job;
use super::expand::{Writer, word};
use super::flow;
use super::lines::{Edit, Source};
use super::locate::{Kind, Node};
use super::model::{COMPLETED, STARTED, invalid, is_service_name};
use super::refusal::{Reason, Stop};

/// `- db` becomes `db:` with its condition below, where the dash was.
pub(super) fn block_to_map(
    job: &Job<'_, '_>,
    key: &Node,
    items: &[Rc<Node>],
) -> Result<Vec<Edit>, Stop> {
    let (_, unit) = job.service_indent()?;
    let key_indent = job.source.indent_of(key)?;
    let mut edits = Vec::new();
    let mut last = None;
    for item in items {
        let written = item_text(job.source, item)?;
        let (dash, indent) = dash_before(job.source, item)?;
        // A list may stand at its key's own column; a mapping may not.
        let deeper = if indent.len() > key_indent.len() {
            indent.len()
        } else {
            key_indent.len() + unit.len()
        };
        let lead = deeper - indent.len();
        let keyed = format!("{}{written}:", " ".repeat(lead));
        edits.push(Edit::replace(dash..item.span.end, keyed));
        let condition = if item.text() == Some(job.wanted) {
            COMPLETED
        } else {
            STARTED
        };
        let line = format!("{}{unit}condition: {condition}", " ".repeat(deeper));
        edits.push(job.source.insert_below(item.span.end, &[line])?);
        last = Some((item, " ".repeat(deeper)));
    }
    let Some((last, indent)) = last else {
        return Err(invalid(key, "a block list without items"));
    };
    if !items.iter().any(|item| item.text() == Some(job.wanted)) {
        let name = format!("{indent}{}:", word(job.wanted));
        let condition = format!("{indent}{unit}condition: {COMPLETED}");
        edits.push(job.source.insert_below(last.span.end, &[name, condition])?);
    }
    refuse_repeated(items)?;
    Ok(edits)
}

/// `[db]` becomes `{db: {condition: …}}`, on the lines where it stands.
pub(super) fn flow_to_map(
    job: &Job<'_, '_>,
    key: &Node,
    list: &Node,
    items: &[Rc<Node>],
) -> Result<Vec<Edit>, Stop> {
    let writer = Writer {
        quoted: job.is_double_quoted(key),
        ..Writer::new(" ")
    };
    let completed = format!(
        "{{{}: {}}}",
        writer.word("condition"),
        writer.word(COMPLETED)
    );
    let brackets = (list.span.start, list.span.end.saturating_sub(1));
    let mut edits = vec![
        Edit::replace(brackets.0..brackets.0 + 1, "{"),
        Edit::replace(brackets.1..brackets.1 + 1, "}"),
    ];
    let mut present = false;
    for item in items {
        item_text(job.source, item)?;
        let ours = item.text() == Some(job.wanted);
        present |= ours;
        let settings = if ours {
            completed.clone()
        } else {
            writer.started()
        };
        edits.push(Edit::insert(item.span.end, format!(": {settings}")));
    }
    if !present {
        let entry = format!("{}: {completed}", writer.word(&word(job.wanted)));
        edits.extend(flow::append(job.source, list, &entry)?);
    }
    refuse_repeated(items)?;
    Ok(edits)
}

/// The item as written, if it can be a key as it is: keys are not interpolated.
fn item_text<'t>(source: Source<'t>, item: &Node) -> Result<&'t str, Stop> {
    let written = source.slice(item.span.clone());
    let refuse = |why| {
        Err(Stop::at(
            item.line,
            Reason::ListItem {
                item: written.to_owned(),
                why,
            },
        ))
    };
    match &item.kind {
        Kind::Alias(_) => refuse("is an alias"),
        Kind::Scalar { value, .. } if value.contains('$') => refuse("holds a variable"),
        _ if item.has_properties() => refuse("carries an anchor or a tag"),
        _ if written.contains('\n') => refuse("spans several lines"),
        Kind::Scalar { value, .. } if is_service_name(value) => Ok(written),
        _ => refuse("is no service name"),
    }
}

/// Where the dash of a block item stands, and the blanks before it.
fn dash_before<'t>(source: Source<'t>, item: &Node) -> Result<(usize, &'t str), Stop> {
    let line = source.line_start(item.span.start);
    let before = source.slice(line..item.span.start);
    let indent = before
        .strip_suffix(before.trim_start_matches(' '))
        .unwrap_or_default();
    if before.trim() == "-" {
        Ok((line + indent.len(), indent))
    } else {
        let reason = Reason::UnsupportedShape("a list item does not open its line");
        Err(Stop::at(item.line, reason))
    }
}

fn refuse_repeated(items: &[Rc<Node>]) -> Result<(), Stop> {
    for (index, item) in items.iter().enumerate() {
        if items
            .iter()
            .skip(index + 1)
            .any(|other| other.text() == item.text())
        {
            return Err(invalid(item, "a list item is there twice"));
        }
    }
    Ok(())
}
