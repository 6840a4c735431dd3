//! Single things that are told in a line or two: a check, a finding, a job.

use super::amounts::seconds;
use crate::event::{Checked, Finding, Job, Severity, Verdict};

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

/// The first line behind the label, the others below it.
pub(super) fn hanging(label: &str, lines: &[String]) -> Vec<String> {
    let indent = " ".repeat(label.chars().count());
    let all = lines.iter().flat_map(|text| text.lines());
    all.enumerate()
        .map(|(number, line)| match number {
            0 => format!("{label}{line}"),
            _ => format!("{indent}{line}"),
        })
        .collect()
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
