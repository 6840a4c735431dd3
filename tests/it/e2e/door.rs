//! A client who writes through the entry all the time: what was acknowledged stays, and while
//! requests are held none of them fails.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use super::stack::{Compose, Stack, wait};

/// What became of numbered writes.
#[derive(Default)]
struct Written {
    acknowledged: Mutex<Vec<u32>>,
    failed: Mutex<Vec<String>>,
    next: AtomicU32,
    enough: AtomicBool,
}

/// Ends the client also where something else has failed.
struct Until<'a>(&'a AtomicBool);

impl Drop for Until<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Written {
    /// A client with 60 s of patience for each request.
    fn write(&self, url: &str) {
        while !self.enough.load(Ordering::Relaxed) {
            let n = self.next.fetch_add(1, Ordering::Relaxed);
            let body = format!("{{\"n\": {n}}}");
            let output = Command::new("curl")
                .args([
                    "-s",
                    "-S",
                    "-m",
                    "60",
                    "-o",
                    "/dev/null",
                    "-w",
                    "%{http_code}",
                ])
                .args(["-H", "content-type: application/json", "-d", &body, url])
                .output()
                .expect("starts");
            match output.stdout.as_slice() {
                b"201" => self.acknowledged.lock().expect("no panic").push(n),
                status => {
                    let status = String::from_utf8_lossy(status);
                    let errors = String::from_utf8_lossy(&output.stderr);
                    let said = format!("{n}: {status} {errors}");
                    self.failed.lock().expect("no panic").push(said);
                }
            }
        }
    }

    /// The client at work while something else is done.
    fn beside<T>(&self, stack: &Stack, work: impl FnOnce() -> T) -> T {
        let address = stack.docker(&["compose", "port", "traefik", "80"]);
        let url = format!("http://{}/api/notes", address.trim());
        self.enough.store(false, Ordering::Relaxed);
        std::thread::scope(|scope| {
            let _until = Until(&self.enough);
            scope.spawn(|| self.write(&url));
            work()
        })
    }

    #[track_caller]
    fn assert_nothing_lost(&self, stack: &Stack) {
        let found = stack.psql("SELECT n FROM notes ORDER BY n");
        let found: Vec<u32> = found
            .lines()
            .map(|n| n.parse().expect("a number"))
            .collect();
        let acknowledged = self.acknowledged.lock().expect("no panic");
        assert!(!acknowledged.is_empty());
        let lost: Vec<&u32> = acknowledged.iter().filter(|n| !found.contains(n)).collect();
        assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    }
}

/// A copy of the database takes long where the database is large. It does here because somebody
/// holds a lock that it needs, until the server's health was checked some times.
fn while_the_copy_takes_long<T>(stack: &Stack, work: impl FnOnce() -> T) -> T {
    const MAINTENANCE: [&str; 6] = ["exec", "-T", "db", "psql", "-U", "postgres"];
    const HELD: &str = "BEGIN; COMMENT ON DATABASE eneo IS 'held';\n";
    const WAITS: &str = "SELECT count(*) FROM pg_locks WHERE NOT granted \
                         AND locktype = 'object' AND mode = 'ShareLock'";
    let mut holder = stack
        .command("docker")
        .arg("compose")
        .args(MAINTENANCE)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("starts");
    let mut input = holder.stdin.take().expect("piped");
    input.write_all(HELD.as_bytes()).expect("taken");
    let checks = || {
        let container = format!("{}_db", stack.name);
        let log = stack.docker(&[
            "inspect",
            "--format",
            "{{range .State.Health.Log}}{{.Start}} {{.ExitCode}}\n{{end}}",
            &container,
        ]);
        log.lines().map(str::to_owned).collect::<Vec<String>>()
    };
    std::thread::scope(|scope| {
        let hold = scope.spawn(|| {
            let ask = [&["compose"], &MAINTENANCE[..], &["-Atc", WAITS]].concat();
            wait("the copy", || stack.docker(&ask).trim() != "0");
            let before = checks();
            let mut since = Vec::new();
            wait("checks of the server's health", || {
                since = checks();
                since.retain(|check| !check.is_empty() && !before.contains(check));
                since.len() > 3
            });
            drop(input);
            holder.wait().expect("ended");
            since
        });
        let done = work();
        let checks = hold.join().expect("no panic");
        assert!(
            checks.iter().all(|check| check.ends_with(" 0")),
            "{checks:?}"
        );
        done
    })
}

fn queued_in_redis(stack: &Stack) -> String {
    let keys = [
        "compose",
        "exec",
        "-T",
        "redis",
        "redis-cli",
        "GET",
        "kept:upload",
    ];
    stack.docker(&keys)
}

fn nothing_is_lost_and_nothing_fails(compose: Compose) {
    let stack = Stack::new(compose, &["--variant", "started"]);
    stack.up();
    stack.seed();
    stack.publish("v1.7.0", &["latest"]);
    let set = ["SET", "kept:upload", "waits"];
    stack.docker(&[&["compose", "exec", "-T", "redis", "redis-cli"], &set[..]].concat());
    let written = Written::default();

    stack.set("TESTBED_MIGRATION_FAIL", "last");
    let ran = written.beside(&stack, || stack.tool(&[]));
    let ran = ran.expect(4, "rolled back");
    assert!(
        ran.text.contains("hold requests at traefik"),
        "{}",
        ran.text
    );
    written.assert_nothing_lost(&stack);

    stack.set("TESTBED_MIGRATION_FAIL", "");
    let began = "SELECT pg_postmaster_start_time()";
    let before = stack.psql(began);
    written
        .beside(&stack, || {
            while_the_copy_takes_long(&stack, || stack.tool(&[]))
        })
        .expect(0, "upgraded");
    assert_eq!(stack.psql(began), before, "the server began anew");
    written.assert_nothing_lost(&stack);
    let failed = written.failed.lock().expect("no panic");
    assert!(failed.is_empty(), "{failed:?}\n{}", ran.text);
    assert!(queued_in_redis(&stack).contains("waits"));
    assert_eq!(stack.states()["traefik"], "running");

    let copies = "SELECT count(*) FROM pg_database WHERE datname LIKE 'eneo_before_%'";
    stack.tool(&["gc"]).expect(0, "nothing may go yet");
    assert_eq!(stack.psql(copies), "1");
    stack.tool(&["gc", "--older-than", "0s"]).expect(0, "freed");
    assert_eq!(stack.psql(copies), "0");
    stack
        .tool(&["rollback", "--discard-writes-since"])
        .expect(4, "rolled back");
    assert!(stack.get("/api/version").1.contains("v1.6.3"));
}

#[test]
fn of_what_clients_write_nothing_is_lost_and_nothing_fails_newest_compose() {
    nothing_is_lost_and_nothing_fails(Compose::Newest);
}

#[test]
fn of_what_clients_write_nothing_is_lost_and_nothing_fails_oldest_compose() {
    nothing_is_lost_and_nothing_fails(Compose::Floor);
}
