//! One of everything that can be printed, with all that may be missing and without it.

use eneo_upgrade::event::{
    Artifact, BackupFacts, BackupRow, ChangeView, Checked, DatabaseView, Event, FORMAT, Failure,
    FailureClass, FileView, Finding, Job, Live, Outcome, PlanView, PlannedStep, ProgressUnit,
    Proof, Purpose, Record, Rehearsal, RehearsalView, RehearsedBackup, RoleView, Severity, StepId,
    StepView, Verdict,
};
use eneo_upgrade::ops::JobList;
use eneo_upgrade::render::{Ending, backup_line, end_line, live_line, record_line};
use eneo_upgrade::report::RunReport;
use serde_json::json;

pub(super) const RUN: &str = "0123abcxyz";

/// What is in a step for this tool only.
pub(super) const OURS: &str = "for this tool only";

/// The samples of an enum, variant by variant: one that is missing does not compile.
macro_rules! every {
    ($kind:ident { $($variant:ident => $samples:expr),+ $(,)? }) => {{
        let name = |sample: &$kind| match sample {
            $($kind::$variant { .. } => stringify!($variant),)+
        };
        let mut all: Vec<$kind> = Vec::new();
        $(
            let samples: Vec<$kind> = $samples.into();
            assert!(!samples.is_empty(), "no sample of {}", stringify!($variant));
            assert!(samples.iter().all(|sample| name(sample) == stringify!($variant)));
            all.extend(samples);
        )+
        all
    }};
    ($kind:ident: $($variant:ident),+) => {
        every!($kind { $($variant => [$kind::$variant]),+ })
    };
}

/// Every line of a run, of what passes, and of the answers to questions.
pub(super) fn lines() -> Vec<String> {
    let (records, live) = (records(), live());
    let lines = records.iter().map(record_line);
    let lines = lines.chain(live.iter().map(live_line)).chain(endings());
    let lines = lines.map(|line| line.expect("it serialises"));
    lines.chain([job_list()]).chain(backups()).collect()
}

pub(super) fn records() -> Vec<Record> {
    events().into_iter().zip(1..).map(record).collect()
}

/// A report with everything, and one of a run that has just been opened.
pub(super) fn reports() -> [String; 2] {
    let records = records();
    [&records[..], &records[1..2]].map(|records| {
        let report = RunReport::of(records).expect("a report");
        serde_json::to_string_pretty(&report).expect("it serialises")
    })
}

fn record((event, seq): (Event, u64)) -> Record {
    Record {
        v: FORMAT,
        run: RUN.parse().expect("a run id"),
        seq,
        at: "2026-01-02T03:04:05.678Z".parse().expect("a time"),
        event,
    }
}

fn events() -> Vec<Event> {
    every!(Event {
        RunStarted => [Some(text("v1")), None].map(|release| Event::RunStarted {
            project: text("eneo"),
            directory: "/srv/eneo".into(),
            tool: text("0.1.0"),
            to: release.clone(),
            release,
        }),
        Found => [bare_plan(), plan_in_full()].map(|plan| Event::Found { plan: Box::new(plan) }),
        Planned => purposes().into_iter().map(planned).collect::<Vec<_>>(),
        RunResumed => [Event::RunResumed],
        StepStarted => ["keep", "begun", "broken"].map(|step| Event::StepStarted {
            step: StepId::new(step),
        }),
        StepFinished => artifacts().into_iter().map(Some).chain([None]).map(finished)
            .collect::<Vec<_>>(),
        StepSkipped => [Event::StepSkipped {
            step: StepId::of("start", "db"),
            reason: text("already done"),
        }],
        StepFailed => failures().into_iter().map(|failure| Event::StepFailed {
            step: StepId::new("broken"),
            failure,
        }).collect::<Vec<_>>(),
        RunEnded => outcomes().into_iter().map(|outcome| Event::RunEnded {
            outcome,
            state: vec![text("the new release serves")],
            next: vec![text("eneo-upgrade resume")],
        }).collect::<Vec<_>>(),
    })
}

fn planned(purpose: Purpose) -> Event {
    let step = |unit| PlannedStep {
        id: StepId::of("edit-file", "/srv/eneo/docker-compose.yml"),
        title: text("edit"),
        cause: text("it is needed"),
        unit,
        spec: json!({ "text": OURS }),
    };
    Event::Planned {
        purpose,
        steps: vec![step(None), step(Some(text(OURS)))],
    }
}

fn finished(artifact: Option<Artifact>) -> Event {
    Event::StepFinished {
        step: StepId::new("keep"),
        artifact,
        millis: 7,
    }
}

fn artifacts() -> Vec<Artifact> {
    let id = format!("sha256:{}", "0a".repeat(32));
    every!(Artifact {
        Images => [None, Some(text("v1"))].map(|release| Artifact::Images {
            ids: [(text("backend"), id.clone())].into(),
            release,
        }),
        Revisions => [Artifact::Revisions {
            heads: vec![text("b")],
            known: vec![text("a"), text("b")],
        }],
        Backup => [Artifact::Backup {
            path: "/srv/eneo/.eneo-upgrade/backups/x/exact.dump".into(),
            bytes: u64::MAX,
            sha256: "0a".repeat(32),
            tables: 26,
            rows: 253,
            proof: Proof::Restore,
        }],
        Clone => [Artifact::Clone { name: text("eneo_before_w5i08uc505"), oid: u32::MAX }],
        Door => [Artifact::Door {
            service: text("traefik"),
            started: [("0a".repeat(32), text("2026-11-21T10:04:55.900926249Z"))].into(),
        }],
        Down => [Artifact::Down { services: vec![text("worker"), text("backend")] }],
        Up => [Artifact::Up { services: vec![text("worker")] }],
        Jobs => [Artifact::Jobs { text: text("1 job cut short"), jobs: jobs() }],
        Checks => [Artifact::Checks { checks: checks() }],
        Ran => [checks(), vec![]].map(|checks| Artifact::Ran {
            tail: vec![text("done"), String::new()],
            checks,
        }),
        Note => [Artifact::Note { text: text("kept") }],
    })
}

fn live() -> Vec<Live> {
    let step = StepId::new("drain");
    every!(Live {
        Progress => units().into_iter().zip([None, Some(0), Some(9)]).map(|(unit, total)| {
            Live::Progress { step: step.clone(), done: 0, total, unit }
        }).collect::<Vec<_>>(),
        Line => [Live::Line {
            step: step.clone(),
            source: text("db-init"),
            text: String::new(),
        }],
        Jobs => [jobs(), vec![]].map(|jobs| Live::Jobs { step: step.clone(), jobs }),
        Note => [Live::Note { text: text("looking at the project") }],
        Plan => [plan_in_full(), bare_plan()].map(|plan| Live::Plan(Box::new(plan))),
        Checks => [checks(), vec![]].map(|checks| Live::Checks { checks }),
        Findings => [findings(), vec![]].map(|findings| Live::Findings { findings }),
        Rehearsal => [rehearsal_in_full(), bare_rehearsal()]
            .map(|rehearsal| Live::Rehearsal(Box::new(rehearsal))),
        Patch => [true, false].map(|created| Live::Patch {
            files: vec![FileView {
                path: "/srv/eneo/docker-compose.yml".into(),
                created,
                diff: text("@@ -1 +1 @@\n-a\n+b\n"),
            }],
        }),
    })
}

fn endings() -> Vec<Option<String>> {
    let outcomes = outcomes().into_iter().map(Some).chain([None]);
    let failures = failures().into_iter().map(Some).chain([None]);
    let pairs = outcomes.flat_map(|outcome| {
        let failures = failures.clone();
        failures.map(move |failure| (outcome, failure))
    });
    let line = |((outcome, failure), code): ((_, Option<Failure>), _)| {
        end_line(&Ending {
            outcome,
            failure: failure.as_ref(),
            state: &[text("nothing was touched")],
            next: &[],
            code,
        })
    };
    pairs.zip((0..=6).cycle()).map(line).collect()
}

/// As `cli` does it, where it cannot be reached from here.
/// With a manifest and without.
fn backups() -> Vec<String> {
    let facts = BackupFacts {
        at: jiff::Timestamp::UNIX_EPOCH,
        exact: true,
        release: Some(text("v1")),
        bytes: 5,
        proof: Proof::List,
        tables: 2,
        rows: 3,
    };
    let trouble = text("its manifest cannot be read");
    let known = BackupFacts {
        release: None,
        ..facts.clone()
    };
    let rows = [
        (Some(facts), None),
        (Some(known), None),
        (None, Some(trouble)),
    ];
    let rows = rows.map(|(facts, trouble)| BackupRow {
        id: format!("{RUN}/exact"),
        path: "/srv/eneo/.eneo-upgrade/backups/x/exact.dump".into(),
        facts,
        trouble,
    });
    rows.iter().filter_map(backup_line).collect()
}

fn job_list() -> String {
    let JobList {
        running,
        queued,
        stuck,
        done,
    } = JobList {
        running: jobs(),
        queued: jobs(),
        stuck: vec![],
        done: Some(text("1 job queued again")),
    };
    json!({
        "v": FORMAT,
        "kind": "job-list",
        "running": running,
        "queued": queued,
        "stuck": stuck,
        "done": done,
    })
    .to_string()
}

fn rehearsal_in_full() -> Rehearsal {
    let at = "2026-01-02T03:04:05.678Z".parse().expect("a time");
    Rehearsal {
        id: RUN.parse().expect("an id"),
        at,
        project: text("eneo"),
        release: Some(text("v1")),
        to: Some(text("v2")),
        image: text("ghcr.io/eneo-ai/eneo-backend@sha256:0a"),
        backup: RehearsedBackup {
            at,
            bytes: 9,
            path: Some("/srv/eneo/.eneo-upgrade/backups/x/exact.dump".into()),
        },
        from: vec![text("a")],
        target: vec![text("b")],
        restore_millis: 7,
        migration_millis: 9,
        checks: checks(),
        tail: vec![text("done"), String::new()],
        log: "/srv/eneo/.eneo-upgrade/rehearsals/x/migration.log".into(),
        failure: failures().into_iter().next(),
    }
}

fn bare_rehearsal() -> Rehearsal {
    let full = rehearsal_in_full();
    Rehearsal {
        release: None,
        to: None,
        backup: RehearsedBackup {
            path: None,
            ..full.backup.clone()
        },
        from: vec![],
        target: vec![],
        checks: vec![],
        tail: vec![],
        failure: None,
        ..full
    }
}

fn plan_in_full() -> PlanView {
    PlanView {
        project: text("eneo"),
        directory: "/srv/eneo".into(),
        compose: text("2.40.3"),
        app: text("Eneo"),
        inferred: vec![RoleView {
            role: text("worker"),
            services: vec![text("worker")],
        }],
        release: Some(text("v1")),
        to: Some(text("v2")),
        irreversible: vec![text("v2: there is no way back")],
        database: Some(DatabaseView {
            name: text("eneo"),
            bytes: 1,
            revisions: vec![text("a")],
            target: vec![text("b")],
        }),
        changes: [None, Some(text("ghcr.io/eneo-ai/eneo-backend:latest"))]
            .map(|image| ChangeView {
                service: text("backend"),
                cause: text("there is a new image"),
                image,
            })
            .into(),
        diffs: vec![text("--- a\n+++ b\n")],
        rehearsal: Some(RehearsalView {
            at: "2026-01-02T03:04:05Z".parse().expect("a time"),
            migration_millis: 9,
            report: "/srv/eneo/.eneo-upgrade/rehearsals/x/report.json".into(),
            failure: Some(text("it broke")),
        }),
        jobs: jobs(),
        steps: vec![StepView {
            title: text("stop worker"),
            cause: text("it must not run"),
        }],
        findings: findings(),
    }
}

fn bare_plan() -> PlanView {
    PlanView {
        inferred: vec![],
        release: None,
        to: None,
        irreversible: vec![],
        database: None,
        changes: vec![],
        diffs: vec![],
        rehearsal: None,
        jobs: vec![],
        steps: vec![],
        findings: vec![],
        ..plan_in_full()
    }
}

fn jobs() -> Vec<Job> {
    let job = |remaining, dead| Job {
        id: text("a8190eef"),
        label: text("https://example.org"),
        progress: String::new(),
        age: 2,
        quiet: 0,
        remaining,
        dead,
    };
    vec![job(None, false), job(Some(9), true)]
}

fn checks() -> Vec<Checked> {
    let verdicts = every!(Verdict: Good, Warning, Bad);
    let cures = [None, Some(text("look into it")), None];
    let checks = verdicts.into_iter().zip(cures);
    checks
        .map(|(verdict, cure)| Checked {
            name: format!("{verdict:?}"),
            verdict,
            found: text("it is"),
            cure,
        })
        .collect()
}

fn findings() -> Vec<Finding> {
    let severities = every!(Severity: Warning, Refusal).into_iter();
    severities
        .map(|severity| Finding {
            id: text("image-not-found"),
            severity,
            text: text("cannot find it"),
            cure: text("check the name"),
        })
        .collect()
}

fn failures() -> Vec<Failure> {
    let classes = every!(FailureClass: Failed, Refused, Busy, Usage);
    let bare = classes
        .into_iter()
        .map(|class| Failure::new("it broke").class(class));
    let full = Failure::new("it broke")
        .hint("mend it")
        .details(vec![String::new()]);
    std::iter::once(full).chain(bare).collect()
}

fn outcomes() -> Vec<Outcome> {
    every!(Outcome: Upgraded, Unchanged, Refused, RolledBack, NeedsAttention, Restored)
}

fn purposes() -> Vec<Purpose> {
    every!(Purpose: Fetch, Upgrade, Rollback, Restore)
}

fn units() -> Vec<ProgressUnit> {
    every!(ProgressUnit: Bytes, Layers, Seconds)
}

fn text(text: &str) -> String {
    text.to_owned()
}
