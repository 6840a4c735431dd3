//! Findings about an app that runs: its containers, volumes, database, the room on disk.

use std::process::Child;

use super::watch::Watch;
use super::{BACKEND, COMPOSE, Case, Change, Edited, Refusal, Wanted, expect, expect_all};
use crate::e2e::stack::{Compose, Stack, wait};

#[test]
fn an_app_that_runs() {
    let stack = Stack::new(Compose::Newest, &[]);
    stack.up();
    stack.seed();
    stack.publish("v1.7.0", &["latest"]);
    let watch = Watch::new(&stack);
    files(&stack);
    wrong_password(&stack);
    other_sessions(&stack);
    small_disk(&stack);
    watch.assert_nothing();
    let database = format!("{}_db", stack.name);
    stack.docker(&["stop", "-t", "0", &database]);
    let watch = Watch::new(&stack);
    let wanted: &[Wanted<'_>] = &[(Refusal, "database-not-running", "docker compose up -d db")];
    expect(&stack, &[], wanted);
    stack.tool(&["backup"]).expect(3, "docker compose up -d db");
    stack.tool(&[]).expect(3, "docker compose up -d db");
    watch.assert_nothing();
}

fn files(stack: &Stack) {
    let own_name = format!("name: {}\n", stack.name);
    let go_on = format!("go on with `-p {}`", stack.name);
    let other_project: &[Wanted<'_>] = &[(Refusal, "other-project", &go_on)];
    let moved: &[Wanted<'_>] = &[(Refusal, "data-moved", "put the mount back as it was")];
    let changed: &[Wanted<'_>] = &[(Refusal, "volume-changed", "put its definition back")];
    let azure: &[Wanted<'_>] = &[
        (Refusal, "variable-missing", "set `AZURE_ENDPOINT`"),
        (Refusal, "variable-missing", "set `AZURE_API_VERSION`"),
    ];
    let postgres: &[Wanted<'_>] = &[
        (Refusal, "postgres-major", "keep the image at version 17"),
        (Refusal, "image-not-found", "pgvector:pg18"),
    ];
    let (data, redis) = ("  postgres_data:\n", "redis_data:/data");
    let options = "  postgres_data:\n    driver_opts: {type: none, o: bind, device: /srv}\n";
    let broken: [(&[Change<'_>], &[&str], &[Wanted<'_>]); 10] = [
        (&[], &[], &[]),
        // The image is not here yet.
        (&[(COMPOSE, ":latest", ":v1.7.0")], &[], &[]),
        (
            &[(COMPOSE, &own_name, "name: euother\n")],
            &[],
            other_project,
        ),
        (&[], &["-p", "euother"], other_project),
        (&[(COMPOSE, "postgres_data:", "pg_data:")], &[], moved),
        (&[(COMPOSE, redis, "./redis:/data")], &[], moved),
        (
            &[(
                COMPOSE,
                "postgres_data:/var/lib/postgresql/data",
                "backend_data:/srv",
            )],
            &[],
            moved,
        ),
        (&[(COMPOSE, data, options)], &[], changed),
        (
            &[
                (BACKEND, "AZURE_ENDPOINT=", "#"),
                (BACKEND, "AZURE_API_VERSION=", "#"),
            ],
            &[],
            azure,
        ),
        (
            &[(COMPOSE, "pgvector:pg17", "pgvector:pg18")],
            &[],
            postgres,
        ),
    ];
    for (edits, args, wanted) in broken {
        expect_all(
            stack,
            &[Case {
                edits,
                args,
                wanted,
            }],
        );
    }
    let second = stack.path().join("second.yml");
    std::fs::write(second, stack.compose_file()).expect("written");
    let other_files: &[Wanted<'_>] = &[(Refusal, "other-files", "with `-f`")];
    expect(stack, &["-f", "second.yml"], other_files);
    let _edited = Edited::new(stack, &[(BACKEND, "AZURE_ENDPOINT=", "#")]);
    stack.tool(&[]).expect(3, "set `AZURE_ENDPOINT`");
}

/// The app still has its pool of connections; nobody would notice before it starts anew.
fn wrong_password(stack: &Stack) {
    let put = |password: &str| {
        stack.psql(&format!("ALTER ROLE postgres PASSWORD '{password}'"));
    };
    put("another");
    let wanted: &[Wanted<'_>] = &[(
        Refusal,
        "database-unreachable",
        "the login in the environment",
    )];
    expect(stack, &[], wanted);
    let text = std::fs::read_to_string(stack.path().join(BACKEND)).expect("is there");
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("POSTGRES_PASSWORD="));
    put(line.expect("is there"));
}

/// A session that may write stands in the way, one that may only read does not.
fn other_sessions(stack: &Stack) {
    stack.psql("CREATE ROLE reader LOGIN; GRANT pg_read_all_data TO reader");
    // Looking at a database does not wait for who has a table to themselves.
    let holds = "BEGIN; LOCK TABLE notes; SELECT pg_sleep(600)";
    let sessions = [
        sleeper(stack, "reader", "SELECT pg_sleep(600)"),
        sleeper(stack, "postgres", holds),
    ];
    let theirs = "FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)' AND \
                  pid <> pg_backend_pid()";
    let seen = format!("SELECT count(*) {theirs} AND backend_start < now() - interval '3 s'");
    wait("the sessions to be seen", || stack.psql(&seen) == "2");
    let wanted: &[Wanted<'_>] = &[(Refusal, "foreign-sessions", "a role that may only read")];
    let ran = expect(stack, &[], wanted);
    assert!(
        ran.text.contains("psql as `postgres`") && !ran.text.contains("reader"),
        "{}",
        ran.text
    );
    stack.psql(&format!("SELECT pg_terminate_backend(pid) {theirs}"));
    for mut session in sessions {
        session.wait().expect("ended");
    }
}

fn sleeper(stack: &Stack, role: &str, sql: &str) -> Child {
    let mut command = stack.command("docker");
    command.args(["exec", &format!("{}_db", stack.name), "psql", "-q"]);
    command.args(["-U", role, "-d", "eneo", "-c", sql]);
    let null = std::process::Stdio::null;
    command.stdout(null()).stderr(null());
    command.spawn().expect("starts")
}

fn small_disk(stack: &Stack) {
    let disk = SmallDisk::new();
    let folder = disk.0.path().join("backups").display().to_string();
    let wanted: &[Wanted<'_>] = &[(Refusal, "disk-too-small", "elsewhere with `--state-dir`")];
    let ran = expect(stack, &["--state-dir", &folder], wanted);
    assert!(ran.text.contains("has 8 MiB free"), "{}", ran.text);
}

/// A file system of 8 MiB.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn new() -> Self {
        let disk = Self(tempfile::tempdir().expect("a folder"));
        let mut command = std::process::Command::new("mount");
        command.args(["-t", "tmpfs", "-o", "size=8m", "none"]);
        let status = command.arg(disk.0.path()).status().expect("starts");
        assert!(status.success(), "not mounted");
        disk
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let mut command = std::process::Command::new("umount");
        let _ = command.arg(self.0.path()).status();
    }
}

/// The image keeps its data in a volume of its own if nobody says otherwise.
#[test]
fn data_in_no_volume_with_a_name() {
    let stack = Stack::new(Compose::Newest, &[]);
    let mount = "    volumes:\n      - postgres_data:/var/lib/postgresql/data\n";
    let _unnamed = Edited::new(&stack, &[(COMPOSE, mount, "")]);
    let places = [
        (
            "in a volume without a name",
            "/var/lib/postgresql/data",
            "# ",
        ),
        ("in its container, on no volume", "/srv/data", ""),
    ];
    for (place, folder, off) in places {
        let settings = format!("{off}PGDATA={folder}\nPOSTGRES_USER=");
        let _moved = Edited::new(&stack, &[("env_db.env", "POSTGRES_USER=", &settings)]);
        stack.docker(&["compose", "up", "-d", "--wait", "db"]);
        let watch = Watch::new(&stack);
        let cure = format!("add `volumes: [\"db_data:{folder}\"]`");
        let ran = expect(&stack, &[], &[(Refusal, "data-unnamed", &cure)]);
        assert!(ran.text.contains(place), "{}", ran.text);
        watch.assert_nothing();
        stack.docker(&["compose", "rm", "-sfv", "db"]);
    }
}
