//! The words for people, the same on a terminal and off it.

use super::{Ending, Titles};
use crate::event::{
    Artifact, Checked, Event, Failure, FileView, Finding, Job, Live, Outcome, PlanView,
    ProgressUnit, Proof, Record, Rehearsal, RehearsalView, RoleView, Severity, Verdict,
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
        Live::Findings { findings } => self::findings(findings),
        Live::Checks { checks } => self::checks(checks),
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
    let mut lines = self::checks(&other);
    lines.extend(match good.len() {
        0 => None,
        1 => Some("1 check is good".to_owned()),
        n => Some(format!("{n} checks are good")),
    });
    lines
}

/// What was compared, line by line.
pub(super) fn checks(checks: &[Checked]) -> Vec<String> {
    let lines = checks.iter().flat_map(|check| {
        let mark = match check.verdict {
            Verdict::Good => "✓",
            Verdict::Warning => "!",
            Verdict::Bad => "✗",
        };
        let line = format!("{mark} {}: {}", check.name, check.found);
        let cure = check.cure.as_ref().map(|cure| format!("  hint: {cure}"));
        std::iter::once(line).chain(cure)
    });
    lines.collect()
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

/// The first line behind the label, the others below it.
fn hanging(label: &str, lines: &[String]) -> Vec<String> {
    let indent = " ".repeat(label.chars().count());
    let all = lines.iter().flat_map(|text| text.lines());
    all.enumerate()
        .map(|(number, line)| match number {
            0 => format!("{label}{line}"),
            _ => format!("{indent}{line}"),
        })
        .collect()
}

/// A plan.
pub(super) fn plan(plan: &PlanView) -> Vec<String> {
    let release = plan
        .release
        .as_ref()
        .map_or(String::new(), |release| format!(" {release}"));
    let release = match &plan.to {
        Some(to) if plan.release.as_ref() != Some(to) => format!("{release} → {to}"),
        _ => release,
    };
    let mut lines = vec![format!(
        "{}{release}, project {} in {} (compose {})",
        plan.app,
        plan.project,
        plan.directory.display(),
        plan.compose
    )];
    if let Some(database) = &plan.database {
        let revisions = match (database.revisions.is_empty(), database.target.is_empty()) {
            (true, _) => "no schema revision".to_owned(),
            (false, true) => format!("schema {}", database.revisions.join(", ")),
            (false, false) => format!(
                "schema {} → {}",
                database.revisions.join(", "),
                database.target.join(", ")
            ),
        };
        let size = bytes(database.bytes);
        lines.push(format!("database {}: {size}, {revisions}", database.name));
    }
    lines.extend(plan.rehearsal.as_ref().map(rehearsed));
    for RoleView { role, services } in &plan.inferred {
        let services = services.join(", ");
        lines.push(format!(
            "no recipe for this app; taken for the {role}: {services}"
        ));
    }
    section(&mut lines, "jobs under way", plan.jobs.iter().map(job));
    let changes = plan.changes.iter().map(|change| match &change.image {
        Some(image) => format!("{}: {}: {image}", change.service, change.cause),
        None => format!("{}: {}", change.service, change.cause),
    });
    section(&mut lines, "what changes", changes);
    let diffs = plan
        .diffs
        .iter()
        .flat_map(|diff| diff.lines().map(str::to_owned));
    section(&mut lines, "edits of your files", diffs);
    let steps = plan.steps.iter().enumerate();
    let steps = steps.map(|(n, step)| format!("{:2}. {} ({})", n + 1, step.title, step.cause));
    section(&mut lines, "steps", steps);
    let why = plan.irreversible.iter().cloned();
    section(
        &mut lines,
        "cannot be undone, other than from the backup",
        why,
    );
    lines.extend(findings(&plan.findings));
    lines
}

/// What a plan says of its rehearsal.
fn rehearsed(view: &RehearsalView) -> String {
    let at = view.at.strftime("%Y-%m-%d %H:%M UTC");
    match &view.failure {
        None => format!(
            "rehearsed at {at}: the migration took {}; the app is down for that long, and for as \
             long as it takes to stop and to start it",
            time(view.migration_millis)
        ),
        Some(failure) => format!("rehearsed at {at}: {failure}"),
    }
}

/// A rehearsal that has come to its end, well or not.
fn rehearsal(shown: &Rehearsal) -> Vec<String> {
    let backup = &shown.backup;
    let kind = match backup.path {
        Some(_) => "the backup",
        None => "a fresh backup",
    };
    let mut lines = vec![format!(
        "restored {kind} of {} ({}) in {}",
        backup.at.strftime("%Y-%m-%d %H:%M UTC"),
        bytes(backup.bytes),
        time(shown.restore_millis)
    )];
    let way = format!("from {} to {}", schema(&shown.from), schema(&shown.target));
    let took = time(shown.migration_millis);
    lines.push(match &shown.failure {
        None => format!("the migration {way} took {took}"),
        Some(_) => format!("the migration {way} did not go well ({took})"),
    });
    lines.extend(self::checks(&shown.checks));
    lines.push(format!("its log: {}", shown.log.display()));
    lines
}

fn schema(revisions: &[String]) -> String {
    match revisions.is_empty() {
        true => "an unknown schema".to_owned(),
        false => format!("schema {}", revisions.join(", ")),
    }
}

/// What stands in the way, or is worth knowing.
pub(super) fn findings(findings: &[Finding]) -> Vec<String> {
    let mut lines = Vec::new();
    for finding in findings {
        let label = match finding.severity {
            Severity::Refusal => "error: ",
            Severity::Warning => "warning: ",
        };
        lines.push(String::new());
        lines.extend(hanging(label, std::slice::from_ref(&finding.text)));
        lines.extend(hint(&finding.cure));
    }
    lines
}

/// What to do about something.
pub(super) fn hint(text: &str) -> Vec<String> {
    hanging("hint: ", std::slice::from_ref(&text.to_owned()))
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

fn section(lines: &mut Vec<String>, title: &str, content: impl Iterator<Item = String>) {
    let mut content = content.peekable();
    if content.peek().is_some() {
        lines.push(String::new());
        lines.push(format!("{title}:"));
        lines.extend(content.map(|line| format!("  {line}")));
    }
}

/// A job that is waited for.
pub(super) fn job(job: &Job) -> String {
    let progress = match job.progress.is_empty() {
        true => String::new(),
        false => format!("{}, ", job.progress),
    };
    let life = match (job.dead, job.remaining) {
        (true, _) => format!(", no sign of life for {}", seconds(job.quiet)),
        (false, Some(left)) => format!(", about {} left", seconds(left)),
        (false, None) => String::new(),
    };
    format!(
        "{} ({progress}started {} ago{life})",
        job.label,
        seconds(job.age)
    )
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

/// How far something is.
pub(super) fn progress(done: u64, total: Option<u64>, unit: ProgressUnit) -> String {
    let amount = |n| match unit {
        ProgressUnit::Bytes => bytes(n),
        ProgressUnit::Layers => n.to_string(),
        ProgressUnit::Seconds => seconds(n),
    };
    let unit = match unit {
        ProgressUnit::Layers => " layers",
        ProgressUnit::Bytes | ProgressUnit::Seconds => "",
    };
    match total {
        Some(total) => format!("{} of {}{unit}", amount(done), amount(total)),
        None => format!("{}{unit}", amount(done)),
    }
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

fn time(millis: u64) -> String {
    match millis {
        0..=9_999 => format!("{}.{} s", millis / 1000, millis % 1000 / 100),
        _ => seconds(millis / 1000),
    }
}

fn seconds(n: u64) -> String {
    match n {
        0..=119 => format!("{n} s"),
        120..=7_199 => format!("{} min", n / 60),
        _ => format!("{} h {} min", n / 3600, n % 3600 / 60),
    }
}

pub(super) fn bytes(n: u64) -> String {
    indicatif::HumanBytes(n).to_string()
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

    #[test]
    fn times_are_short() {
        assert_eq!(time(1234), "1.2 s");
        assert_eq!(time(61_000), "61 s");
        assert_eq!(seconds(3600), "60 min");
        assert_eq!(seconds(7260), "2 h 1 min");
    }
}
