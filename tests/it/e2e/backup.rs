//! Backups: taken, looked after, and never believed once they are not what they were.

mod broken;
mod odd;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use super::failure::SmallDisk;
use super::stack::{Compose, Ran, Stack, wait};

/// The folder of the only backup, or of the newest one.
fn newest(stack: &Stack) -> PathBuf {
    let list = stack.tool(&["backups", "list", "--output", "json"]);
    let first = list.text.lines().next().expect("a backup").to_owned();
    let row: serde_json::Value = serde_json::from_str(&first).expect("JSON");
    PathBuf::from(row["path"].as_str().expect("a path"))
}

/// What the proofs of this stack have left: containers and databases.
fn left(stack: &Stack) -> String {
    let filter = format!("label=eneo-upgrade.reading={}", stack.name);
    let containers = stack.docker(&["ps", "-aq", "--filter", &filter]);
    let databases = stack.psql("SELECT datname FROM pg_database WHERE datname LIKE '%proof%'");
    format!("{containers}{databases}")
}

/// Everything below is readable by its owner only.
fn assert_private(folder: &Path) {
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let mode = entry.metadata().expect("there").permissions().mode();
        assert_eq!(mode & 0o077, 0, "{} has {mode:o}", entry.path().display());
        if entry.path().is_dir() {
            assert_private(&entry.path());
        }
    }
}

/// By the server's own tools, vectors in the form in which the server has them.
fn restores_without_us(stack: &Stack, dump: &Path) {
    let container = format!("{}_db", stack.name);
    let inside = format!("{container}:/tmp/dump");
    stack.docker(&["cp", &dump.display().to_string(), &inside]);
    let run = |words: &str| {
        let words: Vec<&str> = words.split(' ').collect();
        stack.docker(&[&["exec", &container][..], &words].concat())
    };
    run("createdb -U postgres -T template0 plain");
    run("pg_restore -U postgres --exit-on-error -j 2 -d plain /tmp/dump");
    let (before, restored) = (odd::told(stack, "eneo"), odd::told(stack, "plain"));
    let vectors = |table: &String| table.starts_with("Vectors \"v\".x|3002|");
    assert!(before.iter().any(vectors), "{before:?}");
    assert_eq!(restored, before);
    run("dropdb -U postgres plain");
    let data = std::fs::read_dir(dump).expect("a folder").flatten();
    let plain = data.filter(|file| file.path().extension().is_some_and(|name| name == "dat"));
    // Beside the table of contents: ours, and Eneo's pieces of texts.
    assert_eq!(plain.count(), 3);
}

#[test]
fn a_backup_of_odd_things_is_proven_by_a_restore_and_looked_after() {
    let stack = Stack::new(Compose::Newest, &[]);
    stack.up();
    stack.seed();
    odd::add_to(&stack);
    stack.tool(&["backups", "list"]).expect(0, "has no backups");
    // Left by a backup that was killed while it was proven.
    stack.psql("CREATE DATABASE eneo_proof_0000000000");
    stack.tool(&["backup"]).expect(0, "proven by a restore");
    assert_eq!(left(&stack), "");
    assert_private(&stack.path().join(".eneo-upgrade"));
    let dump = newest(&stack);
    restores_without_us(&stack, &dump);
    stack.tool(&["backups", "list"]).expect(0, "a restore");
    stack
        .tool(&["backups", "verify"])
        .expect(0, "table of contents of backup");
    stack
        .tool(&["backup", "--prove", "list"])
        .expect(0, "proven by reading it back");
    let second = newest(&stack);
    assert_ne!(dump, second);
    stack
        .tool(&["backups", "list"])
        .expect(0, "reading it back");
    stack
        .tool(&["backups", "prove"])
        .expect(0, "restored and compared");
    let list = stack.tool(&["backups", "list"]).text;
    assert!(!list.contains("reading it back"), "{list}");
    stack
        .tool(&["backups", "prune", "--keep", "1"])
        .expect(0, "1 backup taken away");
    assert!(second.exists() && !dump.exists() && !dump.parent().expect("a run").exists());
    stack
        .tool(&["backups", "prune", "--keep", "0", "--yes"])
        .expect(0, "no backup is to be taken away");
    stack
        .tool(&["backups", "verify", "0000000000"])
        .expect(2, "no backup `0000000000`");
    assert_eq!(left(&stack), "");
}

#[test]
fn a_login_that_may_not_make_databases_has_its_backups_read_back() {
    let stack = Stack::new(Compose::Newest, &[]);
    stack.up();
    stack.seed();
    let env = std::fs::read_to_string(stack.path().join("env_backend.env")).expect("there");
    let password = env
        .lines()
        .find_map(|line| line.strip_prefix("POSTGRES_PASSWORD="))
        .and_then(|value| value.split(" #").next())
        .expect("set");
    // A member of the owner may do with its tables what it likes, and make no databases.
    stack.psql(&format!(
        "CREATE ROLE keeper LOGIN PASSWORD '{}' IN ROLE postgres",
        password.trim()
    ));
    stack.set("POSTGRES_USER", "keeper");
    stack.up();
    stack
        .tool(&["backup"])
        .expect(0, "may not create a database to restore it into");
    stack.tool(&["backups", "prove"]).expect(0, "");
    stack.tool(&["backups", "verify"]).expect(0, "readable");
    assert_eq!(left(&stack), "");
}

/// Holds a table that every dump needs until it is let go. Its size is asked for by nobody: it
/// is one of partitions, and has none.
struct Held(Child);

impl Held {
    fn new(stack: &Stack) -> Self {
        stack.psql("CREATE TABLE held (day date) PARTITION BY RANGE (day)");
        // One who may write would be found before the run.
        stack.psql("CREATE ROLE holder LOGIN");
        stack.psql("GRANT MAINTAIN ON held TO holder");
        let sql = "BEGIN; LOCK TABLE held IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(600)";
        let container = format!("{}_db", stack.name);
        let mut psql = stack.command("docker");
        psql.args(["exec", &container, "psql", "-U", "holder", "-d", "eneo"]);
        psql.args(["-c", sql])
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let held = Self(psql.spawn().expect("starts"));
        wait("the table to be held", || {
            stack.psql(
                "SELECT count(*) FROM pg_locks WHERE relation = 'held'::regclass \
                 AND mode = 'AccessExclusiveLock' AND granted",
            ) == "1"
        });
        held
    }

    fn let_go(mut self, stack: &Stack) {
        stack.psql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE query LIKE 'BEGIN; LOCK TABLE held%'",
        );
        let _ = self.0.wait();
    }
}

fn wait_for_dump(stack: &Stack) {
    wait("the dump to wait for the table", || {
        stack.psql(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' \
             AND query LIKE 'LOCK TABLE%'",
        ) != "0"
    });
}

#[test]
fn a_dump_that_dies_is_noticed_and_nothing_is_touched() {
    let stack = Stack::new(Compose::Newest, &["--variant", "started"]);
    stack.up();
    stack.seed();
    stack.publish("v1.7.0", &["latest"]);
    let before = (stack.containers(), stack.compose_file());
    let held = Held::new(&stack);
    let ran = std::thread::scope(|scope| {
        let run = scope.spawn(|| stack.tool(&[]));
        wait_for_dump(&stack);
        let filter = format!("label=eneo-upgrade.reading={}", stack.name);
        let container = stack.docker(&["ps", "-q", "--filter", &filter]);
        let kill = "for p in /proc/[0-9]*; do case $(cat $p/comm) in pg_dump*) \
                    kill -9 ${p#/proc/};; esac; done";
        stack.docker(&["exec", container.trim(), "sh", "-c", kill]);
        run.join().expect("ends")
    });
    held.let_go(&stack);
    ran.expect(3, "exit code 137");
    assert_eq!((stack.containers(), stack.compose_file()), before);
    assert_eq!(left(&stack), "");
    assert_eq!(stack.get("/api/healthz").0, 200);
    assert_eq!(stack.tool(&["backups", "list"]).code, Some(0));
    stack.tool(&[]).expect(0, "upgraded");
}

/// It waits for the dump, which must not wait for it.
#[test]
fn a_change_of_a_table_that_comes_in_between_does_not_hold_a_dump_up() {
    let stack = Stack::new(Compose::Newest, &[]);
    stack.up();
    stack.seed();
    let held = Held::new(&stack);
    let mut backup = stack.spawn(&["backup", "--prove", "list"]);
    wait_for_dump(&stack);
    let sql = "ALTER TABLE info_blobs ADD COLUMN more integer";
    let container = format!("{}_db", stack.name);
    let mut alter = stack.command("docker");
    alter.args(["exec", &container, "psql", "-U", "postgres", "-d", "eneo"]);
    let mut alter = alter.args(["-c", sql]).spawn().expect("starts");
    wait("the change to wait", || {
        stack.psql(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' \
             AND query LIKE 'ALTER TABLE info_blobs%'",
        ) == "1"
    });
    held.let_go(&stack);
    let mut ended = None;
    wait("the backup to end", || {
        ended = backup.try_wait().expect("looked");
        ended.is_some()
    });
    assert!(ended.expect("ended").success());
    assert!(alter.wait().expect("ended").success());
    assert!(newest(&stack).join("toc.dat").exists());
}

/// As on an engine of another machine: what is there under the folder's name is another folder.
#[test]
fn a_dump_passes_through_us_where_the_engine_does_not_see_the_folder() {
    let stack = Stack::new(Compose::Newest, &[]);
    stack.up();
    stack.seed();
    std::fs::create_dir(stack.path().join("state")).expect("made");
    let tool = format!("{} --state-dir state", env!("CARGO_BIN_EXE_eneo-upgrade"));
    let script = format!(
        "mount -t tmpfs none state && {tool} backup && {tool} backups verify && \
         {tool} backups prove && head -c 5 state/backups/*/online.dump"
    );
    let mut alone = stack.command("unshare");
    let output = alone.args(["--mount", "sh", "-c", &script]).output();
    let ran = Ran::of(&output.expect("starts"));
    for words in ["proven by a restore", "readable", "restored and compared"] {
        assert!(ran.text.contains(words), "`{words}`: {}", ran.text);
    }
    ran.expect(0, "PGDMP");
    assert_eq!(left(&stack), "");
}

#[test]
fn what_a_killed_backup_leaves_goes_with_the_next_run() {
    let stack = Stack::new(Compose::Newest, &["--variant", "started"]);
    stack.up();
    stack.seed();
    stack.publish("v1.7.0", &["latest"]);
    let before = (stack.containers(), stack.compose_file());
    let held = Held::new(&stack);
    let mut run = stack.spawn(&[]);
    wait_for_dump(&stack);
    run.kill().expect("killed");
    run.wait().expect("ended");
    assert_ne!(left(&stack), "");
    held.let_go(&stack);
    stack
        .tool(&["rollback"])
        .expect(3, "nothing of yours was touched");
    assert_eq!(left(&stack), "");
    assert_eq!((stack.containers(), stack.compose_file()), before);
    let sessions = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'eneo-up%'";
    assert_eq!(stack.psql(sessions), "0");
}

#[test]
fn a_disk_that_fills_up_in_mid_dump_leaves_the_app_as_it_was() {
    let stack = Stack::new(Compose::Newest, &["--variant", "started"]);
    stack.up();
    stack.seed();
    stack.publish("v1.7.0", &["latest"]);
    let before = (stack.containers(), stack.compose_file());
    let disk = SmallDisk::new(64 * 1024);
    let state = disk.0.path().join("state").display().to_string();
    let held = Held::new(&stack);
    let ran = std::thread::scope(|scope| {
        let run = scope.spawn(|| stack.tool(&["--state-dir", &state]));
        wait_for_dump(&stack);
        disk.fill_but(64);
        held.let_go(&stack);
        run.join().expect("ends")
    });
    ran.expect(3, "No space left on device");
    assert_eq!((stack.containers(), stack.compose_file()), before);
    assert_eq!(left(&stack), "");
    assert_eq!(stack.get("/api/healthz").0, 200);
}
