//! A plan and a rehearsal, as they are shown.

use super::amounts::{bytes, time};
use super::items::{checks, findings, job};
use crate::event::{PlanView, Rehearsal, RehearsalView, RoleView};

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
pub(super) fn rehearsal(shown: &Rehearsal) -> Vec<String> {
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
    lines.extend(checks(&shown.checks));
    lines.push(format!("its log: {}", shown.log.display()));
    lines
}

fn schema(revisions: &[String]) -> String {
    match revisions.is_empty() {
        true => "an unknown schema".to_owned(),
        false => format!("schema {}", revisions.join(", ")),
    }
}

fn section(lines: &mut Vec<String>, title: &str, content: impl Iterator<Item = String>) {
    let mut content = content.peekable();
    if content.peek().is_some() {
        lines.push(String::new());
        lines.push(format!("{title}:"));
        lines.extend(content.map(|line| format!("  {line}")));
    }
}
