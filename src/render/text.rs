//! What happens, in words for people, the same on a terminal and off it.

use super::amounts::{bytes, time};
use super::items::{self, hanging, job};
use super::plan::{plan, rehearsal};
use super::{Ending, Titles};
use crate::event::{
    Artifact, Checked, Event, Failure, FileView, Job, Live, Outcome, Proof, Record, Verdict,
};

/// A record as lines, for a run that is replayed.
pub(super) fn recorded(record: &Record, titles: &Titles) -> Vec<String> {
    let at = record.at.strftime("%Y-%m-%d %H:%M:%S");
    let lines = match &record.event {
        Event::StepStarted { step } => vec![format!("▸ {}", titles.of(step))],
        Event::RunEnded {
            outcome,
            state,
            next,
        } => ending(&Ending {
            outcome: Some(*outcome),
            failure: None,
            state,
            next,
            code: 0,
        }),
        Event::StepFailed { step, failure } => {
            let mut lines = vec![format!("✗ {}", titles.of(step))];
            lines.extend(failed(failure));
            lines
        }
        _ => happened(record, titles),
    };
    lines
        .into_iter()
        .map(|line| format!("{at}  {line}"))
        .collect()
}

/// What has happened, as lines; empty for what a display shows in its own way.
pub(super) fn happened(record: &Record, titles: &Titles) -> Vec<String> {
    match &record.event {
        Event::RunStarted { .. } => vec![format!("run {} started", record.run)],
        Event::RunResumed => vec![format!("run {} taken up again", record.run)],
        Event::StepFinished {
            step,
            artifact,
            millis,
        } => {
            let mut lines = vec![format!("✓ {} ({})", titles.of(step), time(*millis))];
            let left = artifact.iter().flat_map(left);
            lines.extend(left.map(|text| format!("    {text}")));
            lines
        }
        Event::StepSkipped { step, reason } => vec![format!("· {}: {reason}", titles.of(step))],
        Event::StepFailed { step, .. } => vec![format!("✗ {}", titles.of(step))],
        Event::Planned { .. }
        | Event::Found { .. }
        | Event::StepStarted { .. }
        | Event::RunEnded { .. } => Vec::new(),
    }
}

/// What passes, as lines; empty for what a display shows in its own way.
pub(super) fn passing(live: &Live) -> Vec<String> {
    match live {
        Live::Line { source, text, .. } => vec![format!("    {source} | {text}")],
        Live::Note { text } => vec![text.clone()],
        Live::Plan(shown) => plan(shown),
        Live::Rehearsal(shown) => rehearsal(shown),
        Live::Findings { findings } => items::findings(findings),
        Live::Checks { checks } => items::checks(checks),
        Live::Jobs { .. } | Live::Progress { .. } | Live::Patch { .. } => Vec::new(),
    }
}

/// What a step has left, where it is worth a line.
fn left(artifact: &Artifact) -> Vec<String> {
    match artifact {
        Artifact::Clone { name, .. } => vec![format!("the copy is database `{name}`")],
        Artifact::Backup {
            path,
            bytes: size,
            tables,
            rows,
            proof,
            ..
        } => vec![format!(
            "{} ({}; {rows} rows in {tables} tables, {})",
            path.display(),
            bytes(*size),
            match proof {
                Proof::List => "counted and compared",
                Proof::Restore => "restored and compared",
            }
        )],
        Artifact::Revisions { heads, .. } => vec![format!("goes to {}", heads.join(", "))],
        Artifact::Note { text } => vec![text.clone()],
        Artifact::Jobs { text, jobs } => {
            let jobs = jobs.iter().map(|found| format!("  {}", job(found)));
            std::iter::once(text.clone()).chain(jobs).collect()
        }
        Artifact::Checks { checks } | Artifact::Ran { checks, .. } => not_good(checks),
        Artifact::Images { .. }
        | Artifact::Door { .. }
        | Artifact::Down { .. }
        | Artifact::Up { .. } => Vec::new(),
    }
}

/// What was compared and is worth a line; what is good is counted.
fn not_good(checks: &[Checked]) -> Vec<String> {
    let (good, other): (Vec<Checked>, Vec<Checked>) = checks
        .iter()
        .cloned()
        .partition(|check| check.verdict == Verdict::Good);
    let mut lines = items::checks(&other);
    lines.extend(match good.len() {
        0 => None,
        1 => Some("1 check is good".to_owned()),
        n => Some(format!("{n} checks are good")),
    });
    lines
}

/// The three lines after a failed run, and the one after a good one.
pub(super) fn ending(ending: &Ending<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(failure) = ending.failure {
        lines.extend(failed_without_hint(failure));
    }
    let label = match (ending.outcome, ending.failure) {
        (Some(outcome), None) => outcome.to_string(),
        _ => "state".to_owned(),
    };
    if !ending.state.is_empty() {
        lines.extend(hanging(&format!("{label}: "), ending.state));
    }
    let hint = ending.failure.and_then(|failure| failure.hint.clone());
    let next: Vec<String> = hint
        .into_iter()
        .chain(ending.next.iter().cloned())
        .collect();
    if !next.is_empty() {
        lines.extend(hanging("hint: ", &next));
    }
    if ending.failure.is_some()
        && let Some(outcome) = ending.outcome
    {
        lines.push(outcome_line(outcome));
    }
    lines
}

fn outcome_line(outcome: Outcome) -> String {
    format!("the run ended: {outcome}")
}

fn failed(failure: &Failure) -> Vec<String> {
    let mut lines = failed_without_hint(failure);
    lines.extend(failure.hint.iter().map(|hint| format!("hint: {hint}")));
    lines
}

fn failed_without_hint(failure: &Failure) -> Vec<String> {
    let mut lines = vec![format!("error: {}", failure.error)];
    lines.extend(failure.details.iter().map(|line| format!("  {line}")));
    lines
}

/// What has to change in files, as `diff -u0` shows it, on a terminal in its colours.
pub(super) fn files(files: &[FileView], colored: bool) -> Vec<String> {
    let lines = files.iter().flat_map(|file| file.diff.lines());
    let paint = |line: &str| {
        let color = match line.as_bytes() {
            _ if !colored => return line.to_owned(),
            [b'-', b'-', b'-', b' ', ..] | [b'+', b'+', b'+', b' ', ..] => "1",
            [b'+', ..] => "32",
            [b'-', ..] => "31",
            [b'@', ..] => "36",
            _ => return line.to_owned(),
        };
        format!("\u{1b}[{color}m{line}\u{1b}[0m")
    };
    lines.map(paint).collect()
}

/// Jobs by what they are doing, and what was done about them.
pub fn job_lines(groups: &[(&str, &Vec<Job>)], done: Option<&str>) -> Vec<String> {
    let mut lines: Vec<String> = done.map(str::to_owned).into_iter().collect();
    for (title, jobs) in groups {
        lines.push(format!("{title}: {}", jobs.len()));
        lines.extend(jobs.iter().map(|found| format!("  {}", job(found))));
    }
    lines
}

/// A run in a list: id, start, how it ended.
pub fn history_line(run: &str, started_at: &str, outcome: Option<Outcome>, open: bool) -> String {
    // To the second is enough for people; the journal has it all.
    let second = started_at.split('.').next().unwrap_or(started_at);
    let started_at = format!("{}Z", second.trim_end_matches('Z'));
    let outcome = outcome.map_or("under way".to_owned(), |outcome| outcome.to_string());
    let open = if open { " (open)" } else { "" };
    format!("{run}  {started_at}  {outcome}{open}")
}

/// Where a run stands: what was done, and what comes next.
pub fn status_lines(head: String, at: Option<&str>, failure: Option<&Failure>) -> Vec<String> {
    let mut lines = vec![head];
    lines.extend(at.map(|title| format!("stands at: {title}")));
    lines.extend(failure.into_iter().flat_map(failed));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_what_then_state_then_hint() {
        let failure = Failure::new("it broke")
            .details(vec!["last line".into()])
            .hint("mend it");
        let lines = ending(&Ending {
            outcome: Some(Outcome::RolledBack),
            failure: Some(&failure),
            state: &["as before".to_owned(), "backups: x".to_owned()],
            next: &[],
            code: 4,
        });
        let wanted = [
            "error: it broke",
            "  last line",
            "state: as before",
            "       backups: x",
            "hint: mend it",
            "the run ended: rolled back",
        ];
        assert_eq!(lines, wanted);
    }
}
