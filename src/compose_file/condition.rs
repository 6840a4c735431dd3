//! The condition of a dependency that `depends_on` already names.

use super::block;
use super::depends_on::Job;
use super::expand::{self, Writer};
use super::flow;
use super::lines::Edit;
use super::locate::{Entry, Kind, Node};
use super::model::{COMPLETED, Dependency, invalid, refuse_reset};
use super::refusal::Stop;

/// Makes an entry of the service's own mapping wait for completion; all else in it stays.
pub(super) fn require<'t>(
    job: &Job<'t, '_>,
    depends_on: &Node,
    entry: &'t Entry,
) -> Result<Vec<Edit>, Stop> {
    let value = &entry.value;
    refuse_reset(value)?;
    let in_flow = matches!(depends_on.kind, Kind::Map { flow: true, .. });
    let writer = Writer {
        quoted: in_flow && job.is_double_quoted(&entry.key),
        ..Writer::new(" ")
    };
    let pair = format!("{}: {}", writer.word("condition"), writer.word(COMPLETED));
    match &value.kind {
        Kind::Map { flow, .. } => match value.own("condition") {
            Some(condition) => Ok(vec![replace_scalar(job, &condition.value)?]),
            None if *flow => flow::append(job.source, value, &pair),
            None => insert_first(job, value),
        },
        Kind::Alias(_) => {
            let settings = job.model.follow(value)?;
            let name = entry.key.text().unwrap_or_default();
            let dependency = Dependency {
                name,
                key: &entry.key,
                settings: Some(settings),
            };
            let copied = expand::one(job.model, job.source, &dependency)?;
            let ours = expand::with_edge(vec![copied], name);
            let text = ours
                .first()
                .map(|ours| writer.settings(ours))
                .unwrap_or_default();
            Ok(vec![flow::put_value(job.source, value, &text)])
        }
        _ if value.is_null() && in_flow => {
            let text = format!("{{{pair}}}");
            Ok(vec![flow::put_value(job.source, value, &text)])
        }
        _ if value.is_null() => below_key(job, depends_on, entry),
        _ => Err(invalid(value, "an entry is no mapping")),
    }
}

/// Replaces the text of the condition and keeps its quotes.
fn replace_scalar(job: &Job<'_, '_>, condition: &Node) -> Result<Edit, Stop> {
    let written = job.source.slice(condition.span.clone());
    let quote = written
        .chars()
        .next()
        .filter(|first| "\"'".contains(*first));
    let text = match (&condition.kind, quote) {
        (Kind::Scalar { .. }, Some(quote)) => format!("{quote}{COMPLETED}{quote}"),
        (Kind::Scalar { .. }, None) if condition.span.is_empty() => {
            return Ok(flow::put_value(job.source, condition, COMPLETED));
        }
        (Kind::Scalar { .. } | Kind::Alias(_), _) => COMPLETED.to_owned(),
        _ => return Err(invalid(condition, "a condition is no scalar")),
    };
    Ok(Edit::replace(condition.span.clone(), text))
}

fn insert_first(job: &Job<'_, '_>, settings: &Node) -> Result<Vec<Edit>, Stop> {
    let Some(first) = settings.entries().first() else {
        return Err(invalid(settings, "a block mapping without entries"));
    };
    let indent = job.source.indent_of(&first.key)?;
    let line = format!("{indent}condition: {COMPLETED}");
    Ok(vec![job.source.insert_above(first.key.span.start, &[line])])
}

fn below_key(job: &Job<'_, '_>, depends_on: &Node, entry: &Entry) -> Result<Vec<Edit>, Stop> {
    let indent = job.source.indent_of(&entry.key)?;
    let unit = block::inner_unit(job.source, depends_on).unwrap_or(job.service_indent()?.1);
    let line = format!("{indent}{unit}condition: {COMPLETED}");
    block::put_value(job.source, &entry.value, &[line])
}
