//! The summary for people, as Markdown.

use super::RunReport;
use crate::event::{Failure, Severity, Verdict};

impl RunReport {
    /// The report for people.
    pub fn to_markdown(&self) -> String {
        let mut page = Page::default();
        self.head(&mut page);
        self.ending(&mut page);
        self.found(&mut page);
        self.changed(&mut page);
        self.measured(&mut page);
        self.verified(&mut page);
        page.0
    }

    fn head(&self, page: &mut Page) {
        let outcome = self
            .outcome
            .map_or("under way".to_owned(), |outcome| outcome.to_string());
        page.line(format!(
            "# Run {} of project {}: {outcome}",
            self.run, self.project
        ));
        let mut rows = vec![
            ("folder", self.directory.display().to_string()),
            ("started", second(self.started_at)),
            ("ended", second(self.ended_at)),
            ("eneo-upgrade", self.tool.clone()),
        ];
        if let Some(found) = &self.found {
            rows.push(("app", found.app.clone()));
            rows.push(("Compose", found.compose.clone()));
            let from = found.release.as_deref().unwrap_or("unknown");
            let to = found
                .to
                .as_deref()
                .unwrap_or("as the files and registries say");
            rows.push(("release", format!("{from} → {to}")));
        }
        page.table(
            ["", ""],
            rows.into_iter()
                .map(|(name, value)| [name.to_owned(), value]),
        );
    }

    fn ending(&self, page: &mut Page) {
        if let Some(Failure {
            error,
            details,
            hint,
            ..
        }) = &self.failure
        {
            page.title("What failed");
            page.line(error.clone());
            page.code(details);
            if let Some(hint) = hint {
                page.line(format!("Hint: {hint}"));
            }
        }
        page.title("What state things are in");
        page.list(&self.state);
        if !self.next.is_empty() {
            page.title("What to type");
            page.code(&self.next);
        }
    }

    fn found(&self, page: &mut Page) {
        let Some(found) = &self.found else { return };
        let mut lines = Vec::new();
        if let Some(database) = &found.database {
            let target = match database.target.is_empty() {
                true => String::new(),
                false => format!(" → {}", database.target.join(", ")),
            };
            lines.push(format!(
                "database `{}`, {} bytes, schema {}{target}",
                database.name,
                database.bytes,
                database.revisions.join(", ")
            ));
        }
        lines.extend(found.jobs.iter().map(|job| {
            let dead = if job.dead {
                ", without a sign of life"
            } else {
                ""
            };
            format!("job under way: {} ({}{dead})", job.label, job.progress)
        }));
        let irreversible = found.irreversible.iter();
        lines.extend(irreversible.map(|why| format!("cannot be undone: {why}")));
        lines.extend(found.findings.iter().map(|finding| {
            let grave = match finding.severity {
                Severity::Refusal => "refusal",
                Severity::Warning => "warning",
            };
            let text = finding.text.replace('\n', " ");
            format!("{grave} `{}`: {text}. To do: {}", finding.id, finding.cure)
        }));
        if !lines.is_empty() {
            page.title("What was found");
            page.list(&lines);
        }
    }

    fn changed(&self, page: &mut Page) {
        let Some(found) = &self.found else { return };
        if found.changes.is_empty() && found.diffs.is_empty() {
            return;
        }
        page.title("What was to change");
        let changes = found.changes.iter().map(|change| {
            [
                change.service.clone(),
                change.cause.clone(),
                change.image.clone().unwrap_or_default(),
            ]
        });
        page.table(["service", "why", "image"], changes);
        for diff in &found.diffs {
            page.fenced("diff", diff);
        }
    }

    fn measured(&self, page: &mut Page) {
        if !self.downtime.is_empty() {
            page.title("How long services were down");
            let rows = self.downtime.iter().map(|down| {
                let time = down
                    .millis
                    .map_or("did not come up again".to_owned(), seconds);
                [down.service.clone(), time]
            });
            page.table(["service", "time"], rows);
        }
        if !self.backups.is_empty() {
            page.title("Backups");
            let rows = self.backups.iter().map(|backup| {
                [
                    backup.path.display().to_string(),
                    backup.bytes.to_string(),
                    format!("{} in {} tables", backup.rows, backup.tables),
                    backup.sha256.clone(),
                ]
            });
            page.table(["file", "bytes", "rows", "SHA-256"], rows);
        }
        if !self.jobs.is_empty() {
            page.title("Jobs");
            for group in &self.jobs {
                page.list(std::slice::from_ref(&group.text));
                let jobs = group.jobs.iter();
                page.code(
                    &jobs
                        .map(|job| format!("{}  {}", job.id, job.label))
                        .collect::<Vec<_>>(),
                );
            }
        }
        page.title("Steps");
        let rows = self.steps.iter().map(|step| {
            let time = step.millis.map_or(String::new(), seconds);
            let status = match &step.why {
                Some(why) => format!("{}: {why}", step.status),
                None => step.status.to_owned(),
            };
            [step.title.clone(), status, time]
        });
        page.table(["step", "", "time"], rows);
    }

    fn verified(&self, page: &mut Page) {
        if !self.checks.is_empty() {
            page.title("What was verified");
            let rows = self.checks.iter().map(|check| {
                let verdict = match check.verdict {
                    Verdict::Good => "good",
                    Verdict::Warning => "warning",
                    Verdict::Bad => "bad",
                };
                let cure = check.cure.clone().unwrap_or_default();
                [
                    verdict.to_owned(),
                    check.name.clone(),
                    check.found.clone(),
                    cure,
                ]
            });
            page.table(["", "what", "found", "to do"], rows);
        }
        if !self.log.is_empty() {
            page.title("Last lines of the migration");
            page.code(&self.log);
        }
    }
}

/// A text that grows by blocks, with an empty line before each.
#[derive(Default)]
struct Page(String);

impl Page {
    fn line(&mut self, line: impl AsRef<str>) {
        if !self.0.is_empty() {
            self.0.push('\n');
        }
        self.0.push_str(line.as_ref());
        self.0.push('\n');
    }

    fn title(&mut self, title: &str) {
        self.line(format!("## {title}"));
    }

    fn list(&mut self, items: &[String]) {
        if !items.is_empty() {
            let items: Vec<String> = items.iter().map(|item| format!("- {item}")).collect();
            self.line(items.join("\n"));
        }
    }

    /// Indented: what programs print may hold backticks.
    fn code(&mut self, lines: &[String]) {
        if !lines.is_empty() {
            let lines: Vec<String> = lines.iter().map(|line| format!("    {line}")).collect();
            self.line(lines.join("\n"));
        }
    }

    fn fenced(&mut self, language: &str, text: &str) {
        self.line(format!("````{language}\n{}\n````", text.trim_end()));
    }

    fn table<const N: usize>(&mut self, head: [&str; N], rows: impl Iterator<Item = [String; N]>) {
        let row = |cells: &[String]| format!("| {} |", cells.join(" | "));
        let mut lines = vec![
            row(&head.map(str::to_owned)),
            format!("|{}", "---|".repeat(N)),
        ];
        let cell = |text: String| text.replace('\n', " ").replace('|', "\\|");
        lines.extend(rows.map(|cells| row(&cells.map(cell))));
        if lines.len() > 2 {
            self.line(lines.join("\n"));
        }
    }
}

fn second(at: jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

fn seconds(millis: u64) -> String {
    format!("{}.{} s", millis / 1000, millis % 1000 / 100)
}
