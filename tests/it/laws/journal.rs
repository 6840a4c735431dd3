//! The journal and the fold over it, by themselves.

use eneo_upgrade::engine::{LogError, Report, RunLog, RunState};
use eneo_upgrade::event::{Artifact, Event, Purpose, RunId, StepId, Verdict};
use eneo_upgrade::host::files;
use eneo_upgrade::journal::{Journal, JournalError};
use eneo_upgrade::plan::{self, Extent};

use super::process::PROJECT;
use super::scene::Scene;

async fn state(scene: &Scene) -> RunState {
    let journal = Journal::open_to_read(scene.journal())
        .await
        .expect("opens")
        .expect("is there");
    let run = journal
        .open_run(PROJECT)
        .await
        .expect("read")
        .expect("an open run");
    let records = journal.records(&run).await.expect("read");
    RunState::fold(run, &records).expect("legal")
}

/// Whether the newest run has warned of something that it compared.
pub(super) async fn has_warned(scene: &Scene) -> bool {
    let journal = Journal::open_to_read(scene.journal())
        .await
        .expect("opens")
        .expect("is there");
    let run = journal.runs().await.expect("read").remove(0).run;
    let records = journal.records(&run).await.expect("read");
    records.into_iter().any(|record| match record.event {
        Event::StepFinished {
            artifact: Some(Artifact::Checks { checks }),
            ..
        } => checks.iter().any(|check| check.verdict == Verdict::Warning),
        _ => false,
    })
}

pub(super) async fn records(scene: &Scene) -> usize {
    usize::try_from(state(scene).await.next_seq() - 1).expect("few")
}

pub(super) async fn is_going_back(scene: &Scene) -> bool {
    state(scene)
        .await
        .current()
        .is_some_and(|plan| plan.purpose == Purpose::Rollback)
}

/// Whether the run is past its first backup, and nobody writes to the new release yet.
pub(super) async fn is_undecided(scene: &Scene) -> bool {
    let journal = Journal::open_to_read(scene.journal())
        .await
        .expect("opens")
        .expect("is there");
    if journal.open_run(PROJECT).await.expect("read").is_none() {
        return false;
    }
    let state = state(scene).await;
    let steps = state.current().map_or(&[][..], |plan| &plan.steps);
    let begun = steps
        .iter()
        .any(|step| step.planned.unit.is_some() && step.touched);
    begun && plan::extent(&state).expect("readable") < Extent::Serving
}

fn started(project: &str) -> Event {
    Event::RunStarted {
        project: project.to_owned(),
        directory: "/srv/eneo".into(),
        tool: "test".to_owned(),
        release: None,
        to: None,
    }
}

async fn begin(folder: &tempfile::TempDir, run: &str, project: &str) -> Result<RunLog, LogError> {
    let journal = Journal::open(&folder.path().join("journal.db")).await?;
    let run: RunId = run.parse().expect("an id");
    RunLog::begin(journal, run, started(project), Report::channel().0).await
}

#[tokio::test]
async fn an_illegal_event_names_run_and_place_and_is_not_recorded() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut log = begin(&folder, "aaaaaaaaaa", PROJECT).await.expect("begun");
    let step = StepId::new("keep");
    let error = log
        .record(Event::StepStarted { step })
        .await
        .expect_err("refused")
        .to_string();
    assert!(error.contains("run aaaaaaaaaa: record 2 "), "{error}");
    let error = log
        .record(started(PROJECT))
        .await
        .expect_err("refused")
        .to_string();
    assert!(error.contains("run aaaaaaaaaa: record 2 "), "{error}");
    let purpose = Purpose::Fetch;
    log.record(Event::Planned {
        purpose,
        steps: vec![],
    })
    .await
    .expect("the place is still free");
}

#[tokio::test]
async fn a_project_has_one_open_run() {
    let folder = tempfile::tempdir().expect("a folder");
    begin(&folder, "aaaaaaaaaa", PROJECT).await.expect("begun");
    let error = begin(&folder, "bbbbbbbbbb", PROJECT)
        .await
        .expect_err("refused");
    let taken = matches!(&error, LogError::Journal(JournalError::OpenRun { run }) if run.as_str() == "aaaaaaaaaa");
    assert!(taken, "{error}");
    begin(&folder, "cccccccccc", "another")
        .await
        .expect("another project is free");
}

#[tokio::test]
async fn a_reader_makes_no_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("journal.db");
    assert!(
        Journal::open_to_read(&path)
            .await
            .expect("no error")
            .is_none()
    );
    assert_eq!(folder.path().read_dir().expect("a folder").count(), 0);
    drop(begin(&folder, "aaaaaaaaaa", PROJECT).await.expect("begun"));
    let journal = Journal::open_to_read(&path)
        .await
        .expect("no error")
        .expect("there");
    assert_eq!(journal.runs().await.expect("read").len(), 1);
}

#[tokio::test]
async fn a_journal_whose_writer_was_killed_while_it_wrote_can_be_read() {
    use sqlx::{Connection, Executor};
    let folder = tempfile::tempdir().expect("a folder");
    drop(begin(&folder, "aaaaaaaaaa", PROJECT).await.expect("begun"));
    let address = format!("sqlite://{}", folder.path().join("journal.db").display());
    let mut writer = sqlx::SqliteConnection::connect(&address)
        .await
        .expect("opens");
    // More than fits into its memory, so that it writes before it is through.
    for statement in [
        "PRAGMA cache_size = 1",
        "BEGIN IMMEDIATE",
        "CREATE TABLE half (x)",
        "INSERT INTO half WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n \
         WHERE i < 100) SELECT randomblob(9000) FROM n",
    ] {
        writer.execute(statement).await.expect("done");
    }
    // What a kill would leave: the files as they are now.
    let left = tempfile::tempdir().expect("a folder");
    for entry in folder.path().read_dir().expect("a folder").flatten() {
        let text = files::read(&entry.path()).expect("read");
        files::replace(&left.path().join(entry.file_name()), &text).expect("written");
    }
    assert!(left.path().join("journal.db-journal").exists());
    let journal = Journal::open_to_read(&left.path().join("journal.db"))
        .await
        .expect("opens")
        .expect("there");
    assert_eq!(journal.runs().await.expect("read").len(), 1);
}
