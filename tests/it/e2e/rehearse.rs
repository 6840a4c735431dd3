//! A rehearsal tells how the migration would go, and production does not notice.

use std::collections::BTreeMap;

use super::stack::{Compose, Stack, wait};

/// Everything of the project that a rehearsal must leave alone.
#[derive(Debug, PartialEq)]
struct Seen {
    containers: BTreeMap<String, String>,
    starts: Vec<String>,
    tags: BTreeMap<String, String>,
    compose_file: String,
    redis: String,
    revision: String,
}

impl Seen {
    fn of(stack: &Stack) -> Self {
        let containers = stack.containers();
        let starts = containers.values().map(|id| {
            let format = "{{.State.StartedAt}} {{.RestartCount}} {{.State.Status}}";
            stack.docker(&["inspect", "--format", format, id])
        });
        Self {
            starts: starts.collect(),
            tags: stack.tags(),
            compose_file: stack.compose_file(),
            redis: redis(stack),
            revision: stack.psql("SELECT string_agg(version_num, ' ') FROM alembic_version"),
            containers,
        }
    }
}

/// The queue's keys and their values, those that live on their own left out.
fn redis(stack: &Stack) -> String {
    let script =
        "for _, k in ipairs(redis.call('KEYS', 'kept:*')) do return k .. redis.call('GET', k) end";
    let cli = ["compose", "exec", "-T", "redis", "redis-cli"];
    stack.docker(&[&cli[..], &["SET", "kept:1", "as it was", "NX"]].concat());
    let writes = stack.docker(&[&cli[..], &["EVAL", script, "0"]].concat());
    let keys = stack.docker(&[&cli[..], &["EXISTS", "rehearsed"]].concat());
    format!("{writes}{keys}")
}

/// What a rehearsal has made and not taken away.
fn left(stack: &Stack) -> String {
    let filter = format!("label=eneo-upgrade.rehearsal={}", stack.name);
    let mut all = stack.docker(&["ps", "-aq", "--filter", &filter]);
    all += &stack.docker(&["network", "ls", "-q", "--filter", &filter]);
    let names = stack.docker(&["network", "ls", "--format", "{{.Name}}"]);
    let names = names
        .lines()
        .filter(|name| name.contains(&format!("{}_rehearsal", stack.name)));
    all += &names.collect::<String>();
    all
}

/// The volumes of the rehearsal that is under way.
fn its_volumes(stack: &Stack) -> Vec<String> {
    let filter = format!("label=eneo-upgrade.rehearsal={}", stack.name);
    let ids = stack.docker(&["ps", "-aq", "--filter", &filter]);
    let format = "{{range .Mounts}}{{.Name}} {{end}}";
    let volumes = ids
        .lines()
        .map(|id| stack.docker(&["inspect", "--format", format, id]));
    let volumes: Vec<String> = volumes.collect();
    volumes
        .iter()
        .flat_map(|names| names.split_whitespace())
        .map(str::to_owned)
        .collect()
}

/// The reports, each as docs/json-v1.md says.
fn reports(stack: &Stack) -> Vec<serde_json::Value> {
    let folders = std::fs::read_dir(stack.path().join(".eneo-upgrade/rehearsals"));
    let reports = folders
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|folder| {
            use std::os::unix::fs::PermissionsExt;
            let path = folder.path().join("report.json");
            let text = std::fs::read_to_string(&path).ok()?;
            let mode = |path: &std::path::Path| {
                path.metadata().expect("there").permissions().mode() & 0o777
            };
            assert_eq!((mode(&folder.path()), mode(&path)), (0o700, 0o600));
            assert_eq!(mode(&folder.path().join("migration.log")), 0o600);
            assert!(!folder.path().join("dump").exists());
            crate::schema::validate(&text);
            Some(serde_json::from_str(&text).expect("JSON"))
        });
    reports.collect()
}

/// From here on the server writes down whoever waits longer than 100 ms for a lock.
fn watch_locks(stack: &Stack) {
    for setting in ["log_lock_waits = on", "deadlock_timeout = '100ms'"] {
        stack.psql(&format!("ALTER SYSTEM SET {setting}"));
    }
    stack.psql("SELECT pg_reload_conf()");
}

fn lock_waits(stack: &Stack) -> String {
    let log = stack
        .command("docker")
        .args(["logs", &format!("{}_db", stack.name)])
        .output();
    let log = log.expect("starts").stderr;
    let log = String::from_utf8_lossy(&log).into_owned();
    let waits = log
        .lines()
        .filter(|line| line.contains("still waiting for"));
    waits.collect::<Vec<_>>().join("\n")
}

/// Writes to tables that the migration changes, until told to end: whoever holds them up is found.
fn busy<T>(stack: &Stack, meanwhile: impl FnOnce() -> T) -> T {
    use std::sync::atomic::{AtomicBool, Ordering};
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut writes = 0;
            while !over.load(Ordering::Relaxed) {
                stack.psql(
                    "BEGIN; LOCK TABLE completion_models IN ROW EXCLUSIVE MODE; \
                     UPDATE jobs SET updated_at = updated_at; COMMIT",
                );
                writes += 1;
            }
            writes
        });
        let done = meanwhile();
        over.store(true, Ordering::Relaxed);
        assert!(writer.join().expect("goes on") > 1);
        done
    })
}

#[test]
fn a_migration_that_would_fail_is_told_and_production_does_not_notice() {
    let stack = Stack::new(Compose::Newest, &["--set", "TESTBED_MIGRATION_FAIL=phase2"]);
    stack.up();
    stack.seed();
    stack.publish("v1.7.0", &["latest"]);
    let before = Seen::of(&stack);
    watch_locks(&stack);
    let ran = busy(&stack, || stack.tool(&["rehearse"])).expect(1, "told to fail in phase2");
    for words in [
        "error: the rehearsal failed: the migration, service `db-init`, ended with exit code 1",
        "state: nothing of yours was touched",
        "hint: ",
        "db-init | ",
    ] {
        assert!(
            ran.text.contains(words),
            "`{words}` is not in:\n{}",
            ran.text
        );
    }
    assert_eq!(Seen::of(&stack), before);
    assert_eq!(lock_waits(&stack), "");
    assert_eq!(left(&stack), "");
    stack
        .tool(&["plan"])
        .expect(0, ": the rehearsal failed: the migration");

    // The same before a run: it is not begun.
    stack
        .tool(&["--rehearse"])
        .expect(3, "the run ended: refused");
    assert_eq!(Seen::of(&stack), before);
    assert_eq!(left(&stack), "");
    assert!(!stack.path().join(".eneo-upgrade/journal.db").exists());

    stack.set("TESTBED_MIGRATION_FAIL", "");
    let ran = stack
        .tool(&["--rehearse", "--output", "json"])
        .expect(0, "\"upgraded\"");
    assert!(ran.text.contains("\"kind\":\"rehearsal\""), "{}", ran.text);
    assert!(stack.get("/api/version").1.contains("v1.7.0"));
    assert_eq!(left(&stack), "");
    assert_eq!(reports(&stack).len(), 3);
}

#[test]
fn a_migration_that_works_predicts_how_long_the_real_one_takes() {
    let options = ["--set", "TESTBED_MIGRATION_SECONDS=3"];
    let stack = Stack::new(Compose::Floor, &options);
    stack.up();
    stack.seed();
    stack.publish("v1.7.0", &["latest"]);
    let before = Seen::of(&stack);
    let ran = stack
        .tool(&["rehearse", "--output", "json"])
        .expect(0, "add_integration_wrappers");
    assert!(ran.text.contains("as many rows as before"), "{}", ran.text);
    assert_eq!(Seen::of(&stack), before);
    assert_eq!(left(&stack), "");
    let rehearsed = reports(&stack)[0]["migration_millis"]
        .as_u64()
        .expect("a number");
    assert!(rehearsed >= 3000, "{rehearsed}");
    stack.tool(&["plan"]).expect(0, "rehearsed at ");
    stack.tool(&[]).expect(0, "upgraded");
    stack.tool(&["rehearse"]).expect(0, "nothing to rehearse");
}

#[test]
fn what_a_killed_rehearsal_leaves_is_taken_away_by_the_next_start() {
    let options = ["--set", "TESTBED_MIGRATION_SECONDS=20"];
    let stack = Stack::new(Compose::Newest, &options);
    stack.up();
    stack.seed();
    stack.publish("v1.7.0", &["latest"]);
    let before = Seen::of(&stack);
    let nexts = [
        (
            &["rehearse", "--migration-timeout", "1s"][..],
            1,
            "did not end within 1 s",
        ),
        (&["drain"], 0, "no job is under way"),
    ];
    for (next, code, words) in nexts {
        let mut first = stack.spawn(&["rehearse"]);
        let filter = format!("label=eneo-upgrade.rehearsal={}", stack.name);
        wait("the migration to be rehearsed", || {
            let format = "{{.Names}}";
            let names = stack.docker(&["ps", "--filter", &filter, "--format", format]);
            names.contains("_db-init")
        });
        let volumes = its_volumes(&stack);
        assert!(!volumes.is_empty());
        stack
            .tool(&["rehearse"])
            .expect(6, "another eneo-upgrade is at work");
        first.kill().expect("killed");
        first.wait().expect("ended");
        assert!(!left(&stack).is_empty());
        stack.tool(next).expect(code, words);
        assert_eq!(left(&stack), "");
        let there = stack.docker(&["volume", "ls", "-q"]);
        assert!(
            !there
                .lines()
                .any(|name| volumes.iter().any(|its| its == name))
        );
    }
    assert_eq!(Seen::of(&stack), before);
}
