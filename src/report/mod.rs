//! What is left to read of a run: a summary of its records, for people and for programs.
//!
//! It must not know how records come about, nor where the summary is kept.

mod markdown;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use crate::event::{
    Artifact, Checked, Event, FORMAT, Failure, Job, Outcome, PlanView, Proof, Record, RunId, StepId,
};

/// A run in short. Its JSON is described in docs/json-v1.md.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunReport {
    /// Version of the format.
    pub v: u8,
    /// Always `report`.
    pub kind: &'static str,
    /// The run.
    pub run: RunId,
    /// The Compose project.
    pub project: String,
    /// Its folder.
    pub directory: PathBuf,
    /// Version of this tool.
    pub tool: String,
    /// The release that ran before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// The release to go to, where one was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// When it was started (UTC).
    pub started_at: jiff::Timestamp,
    /// When the last thing was recorded (UTC).
    pub ended_at: jiff::Timestamp,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// Why it did not go well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// What state things were in then.
    pub state: Vec<String>,
    /// What to type.
    pub next: Vec<String>,
    /// What was found and planned, with the new images here where it came so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<Box<PlanView>>,
    /// Every step that was begun or skipped, in order.
    pub steps: Vec<StepReport>,
    /// How long services were down.
    pub downtime: Vec<Downtime>,
    /// Proven backups.
    pub backups: Vec<BackupReport>,
    /// What became of jobs.
    pub jobs: Vec<JobsReport>,
    /// What was compared; the last word where something was compared twice.
    pub checks: Vec<Checked>,
    /// The last lines of the migration.
    pub log: Vec<String>,
}

/// A step of a [`RunReport`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepReport {
    /// Its id.
    pub step: StepId,
    /// What it does.
    pub title: String,
    /// `done`, `skipped`, `failed` or `interrupted`.
    pub status: &'static str,
    /// How long it took, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub millis: Option<u64>,
    /// Why it was skipped or failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// How long a service was down, as the run has seen it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Downtime {
    /// The service.
    pub service: String,
    /// From its stop to its being up again; none where it did not come up again.
    pub millis: Option<u64>,
}

/// A backup of a [`RunReport`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BackupReport {
    /// The dump.
    pub path: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// SHA-256 of the list of its files, hex.
    pub sha256: String,
    /// How it was proven.
    pub proof: Proof,
    /// Tables whose rows were counted in it.
    pub tables: usize,
    /// Rows in all of them.
    pub rows: u64,
}

/// What became of jobs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct JobsReport {
    /// In one line.
    pub text: String,
    /// Which they are.
    pub jobs: Vec<Job>,
}

impl RunReport {
    /// Sums up the records of a run; none where they do not begin with its start.
    pub fn of(records: &[Record]) -> Option<Self> {
        let (first, last) = (records.first()?, records.last()?);
        let Event::RunStarted {
            project,
            directory,
            tool,
            release,
            to,
        } = &first.event
        else {
            return None;
        };
        let mut report = Self {
            v: FORMAT,
            kind: "report",
            run: first.run.clone(),
            project: project.clone(),
            directory: directory.clone(),
            tool: tool.clone(),
            release: release.clone(),
            to: to.clone(),
            started_at: first.at,
            ended_at: last.at,
            outcome: None,
            failure: None,
            state: Vec::new(),
            next: Vec::new(),
            found: None,
            steps: Vec::new(),
            downtime: Vec::new(),
            backups: Vec::new(),
            jobs: Vec::new(),
            checks: Vec::new(),
            log: Vec::new(),
        };
        let mut titles = BTreeMap::new();
        let mut down = BTreeMap::new();
        for record in records {
            report.add(record, &mut titles, &mut down);
        }
        let still = down.into_keys().map(|service| Downtime {
            service,
            millis: None,
        });
        report.downtime.extend(still);
        Some(report)
    }

    fn add(
        &mut self,
        record: &Record,
        titles: &mut BTreeMap<String, String>,
        down: &mut BTreeMap<String, jiff::Timestamp>,
    ) {
        match &record.event {
            Event::RunStarted { .. } | Event::RunResumed => {}
            Event::Found { plan } => self.found = Some(plan.clone()),
            Event::Planned { steps, .. } => {
                let new = steps
                    .iter()
                    .map(|step| (step.id.to_string(), step.title.clone()));
                titles.extend(new);
            }
            Event::StepStarted { step } => self.begin(step, titles, "interrupted", None),
            Event::StepSkipped { step, reason } => {
                // Started by a process that did not live to say so.
                if let Some(service) = step.to_string().strip_prefix("start:") {
                    self.up(service, record.at, down);
                }
                self.begin(step, titles, "skipped", Some(reason.clone()));
            }
            Event::StepFinished {
                step,
                artifact,
                millis,
            } => {
                if let Some(last) = self
                    .steps
                    .iter_mut()
                    .rev()
                    .find(|found| found.step == *step)
                {
                    last.status = "done";
                    last.millis = Some(*millis);
                }
                if let Some(artifact) = artifact {
                    self.keep(artifact, record.at, *millis, down);
                }
            }
            Event::StepFailed { step, failure } => {
                if let Some(last) = self
                    .steps
                    .iter_mut()
                    .rev()
                    .find(|found| found.step == *step)
                {
                    last.status = "failed";
                    last.why = Some(failure.error.clone());
                }
                // A way back may fail too; what came first is why.
                self.failure.get_or_insert_with(|| failure.clone());
            }
            Event::RunEnded {
                outcome,
                state,
                next,
            } => {
                self.outcome = Some(*outcome);
                // Its step still says so; in the end all went well.
                self.failure.take_if(|_| *outcome == Outcome::Upgraded);
                self.state.clone_from(state);
                self.next.clone_from(next);
            }
        }
    }

    fn begin(
        &mut self,
        step: &StepId,
        titles: &BTreeMap<String, String>,
        status: &'static str,
        why: Option<String>,
    ) {
        let title = titles.get(&step.to_string()).cloned();
        self.steps.push(StepReport {
            step: step.clone(),
            title: title.unwrap_or_else(|| step.to_string()),
            status,
            millis: None,
            why,
        });
    }

    fn keep(
        &mut self,
        artifact: &Artifact,
        at: jiff::Timestamp,
        millis: u64,
        down: &mut BTreeMap<String, jiff::Timestamp>,
    ) {
        match artifact {
            Artifact::Backup {
                path,
                bytes,
                sha256,
                tables,
                rows,
                proof,
            } => {
                self.backups.push(BackupReport {
                    path: path.clone(),
                    bytes: *bytes,
                    sha256: sha256.clone(),
                    tables: *tables,
                    rows: *rows,
                    proof: *proof,
                });
            }
            Artifact::Down { services } => {
                let begun = at - jiff::SignedDuration::from_millis(millis.try_into().unwrap_or(0));
                for service in services {
                    down.entry(service.clone()).or_insert(begun);
                }
            }
            Artifact::Up { services } => {
                for service in services {
                    self.up(service, at, down);
                }
            }
            Artifact::Jobs { text, jobs } => self.jobs.push(JobsReport {
                text: text.clone(),
                jobs: jobs.clone(),
            }),
            Artifact::Checks { checks } => self.compare(checks),
            Artifact::Ran { tail, checks } => {
                self.log.clone_from(tail);
                self.compare(checks);
            }
            Artifact::Images { .. }
            | Artifact::Revisions { .. }
            | Artifact::Clone { .. }
            | Artifact::Door { .. }
            | Artifact::Note { .. } => {}
        }
    }

    fn up(
        &mut self,
        service: &str,
        at: jiff::Timestamp,
        down: &mut BTreeMap<String, jiff::Timestamp>,
    ) {
        let since = down.remove(service);
        self.downtime.extend(since.map(|since| Downtime {
            service: service.to_owned(),
            millis: u64::try_from(at.duration_since(since).as_millis()).ok(),
        }));
    }

    fn compare(&mut self, checks: &[Checked]) {
        // Rows of a listing share a name, and come together.
        self.checks
            .retain(|known| !checks.iter().any(|check| check.name == known.name));
        self.checks.extend(checks.iter().cloned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(seq: u64, event: &serde_json::Value) -> Record {
        let mut record = serde_json::json!({
            "v": 1, "run": "0123456789", "seq": seq, "at": format!("2026-01-01T00:00:{seq:02}Z")});
        record
            .as_object_mut()
            .expect("an object")
            .extend(event.as_object().expect("one").clone());
        serde_json::from_value(record).expect("a record")
    }

    fn records() -> Vec<Record> {
        let step = |id: &str| serde_json::json!({"id": id, "title": format!("do {id}"), "cause": "c", "spec": {}});
        [
            serde_json::json!({"kind": "run-started", "project": "p", "directory": "/d", "tool": "1"}),
            serde_json::json!({"kind": "planned", "purpose": "upgrade", "steps": [step("stop"), step("start")]}),
            serde_json::json!({"kind": "step-started", "step": "stop"}),
            serde_json::json!({"kind": "step-finished", "step": "stop", "millis": 1000,
                "artifact": {"type": "down", "services": ["worker", "backend"]}}),
            serde_json::json!({"kind": "step-started", "step": "start"}),
            serde_json::json!({"kind": "step-finished", "step": "start", "millis": 500,
                "artifact": {"type": "up", "services": ["worker"]}}),
            serde_json::json!({"kind": "step-started", "step": "verify"}),
            serde_json::json!({"kind": "step-failed", "step": "verify",
                "failure": {"error": "it is `broken`", "class": "failed", "hint": "mend it"}}),
            serde_json::json!({"kind": "run-ended", "outcome": "needs-attention", "state": ["s"], "next": ["n"]}),
        ]
        .into_iter()
        .zip(1..)
        .map(|(event, seq)| record(seq, &event))
        .collect()
    }

    #[test]
    fn downtime_is_from_the_begin_of_the_stop_to_the_end_of_the_start() {
        let report = RunReport::of(&records()).expect("a report");
        let worker = Downtime {
            service: "worker".to_owned(),
            millis: Some(3000),
        };
        let backend = Downtime {
            service: "backend".to_owned(),
            millis: None,
        };
        assert_eq!(report.downtime, [worker, backend]);
        assert_eq!(report.steps[2].status, "failed");
    }

    #[test]
    fn people_read_what_failed_what_state_things_are_in_and_what_to_type() {
        let text = RunReport::of(&records()).expect("a report").to_markdown();
        for words in [
            "needs attention",
            "it is `broken`",
            "mend it",
            "- s",
            "    n",
            "| worker | 3.0 s |",
        ] {
            assert!(text.contains(words), "{words}:\n{text}");
        }
    }
}
