//! The way back: by itself, exact, and with the failed state kept.

use std::collections::BTreeMap;

use super::stack::{Compose, Stack};

/// What people and programs get from the app, and everything it is made of.
#[derive(Debug, PartialEq)]
pub(super) struct Seen {
    /// Table to rows and a checksum of them.
    tables: BTreeMap<String, String>,
    /// What belongs to the database and is in no table.
    database: String,
    /// Image by service.
    images: BTreeMap<String, String>,
    /// State and restart policy by service.
    containers: BTreeMap<String, String>,
    files: Vec<String>,
    answers: Vec<(u16, String)>,
}

/// Owner, rights, limit, settings and comment of the database.
const DATABASE: &str = "\
    SELECT concat_ws(' | ', pg_get_userbyid(datdba), datconnlimit, datallowconn, \
      (SELECT string_agg(a::text, '; ' ORDER BY a::text) FROM unnest(datacl) AS a), \
      shobj_description(oid, 'pg_database'), \
      (SELECT string_agg(setrole || ' ' || c, '; ' ORDER BY setrole, c) \
       FROM pg_db_role_setting, unnest(setconfig) AS c WHERE setdatabase = d.oid)) \
    FROM pg_database d WHERE datname = 'eneo'";

impl Seen {
    pub(super) fn of_tables(stack: &Stack) -> BTreeMap<String, String> {
        let names = stack.psql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'");
        let table = |name: &str| {
            let rows =
                "count(*) || ' ' || coalesce(md5(string_agg(t::text, '' ORDER BY t::text)), '')";
            let sum = stack.psql(&format!("SELECT {rows} FROM public.{name} t"));
            (name.to_owned(), sum)
        };
        names.lines().map(table).collect()
    }

    fn of(stack: &Stack) -> Self {
        let inspect = |format: &str| {
            let containers = stack.containers().into_iter();
            let app = containers.filter(|(service, _)| service != "db-init");
            let look = |(service, id): (String, String)| {
                let found = stack.docker(&["inspect", "--format", format, &id]);
                (service, found.trim().to_owned())
            };
            app.map(look).collect()
        };
        let files = ["docker-compose.yml", "env_backend.env", "env_db.env"];
        let read = |name: &str| std::fs::read_to_string(stack.path().join(name)).expect("read");
        Self {
            tables: Self::of_tables(stack),
            database: stack.psql(DATABASE),
            images: inspect("{{.Image}}"),
            containers: inspect("{{.State.Status}} {{.HostConfig.RestartPolicy.Name}}"),
            files: files.map(read).into(),
            answers: ["/", "/api/version", "/api/notes/count"]
                .map(|path| stack.get(path))
                .into(),
        }
    }
}

fn kept_aside(stack: &Stack) -> usize {
    let count = "SELECT count(*) FROM pg_database WHERE datname LIKE 'eneo\\_failed\\_%'";
    stack.psql(count).parse().expect("a number")
}

/// Everything that a copy of a database does not have by itself.
fn give_attributes(stack: &Stack) {
    for statement in [
        "CREATE ROLE reader",
        "CREATE ROLE \"Strange \"\"one\"",
        "REVOKE ALL ON DATABASE eneo FROM PUBLIC",
        "GRANT CONNECT ON DATABASE eneo TO reader",
        "GRANT CONNECT, TEMPORARY ON DATABASE eneo TO \"Strange \"\"one\" WITH GRANT OPTION",
        "ALTER DATABASE eneo CONNECTION LIMIT 77",
        "ALTER DATABASE eneo SET search_path = public, \"$user\", 'odd one'",
        "ALTER DATABASE eneo SET work_mem = '5MB'",
        "ALTER DATABASE eneo SET my.own = 'it''s; so'",
        "ALTER ROLE reader IN DATABASE eneo SET statement_timeout = '7s'",
        "COMMENT ON DATABASE eneo IS 'ours; it''s dear'",
    ] {
        stack.psql(statement);
    }
}

#[test]
fn whatever_fails_is_gone_back_from_and_once_it_is_gone_the_upgrade_succeeds() {
    let options = ["--variant", "started", "--variant", "migration-memory"];
    let stack = Stack::new(Compose::Newest, &options);
    stack.up();
    stack.seed();
    give_attributes(&stack);
    stack.impatient_recipe();
    stack.publish("v1.7.0", &["latest"]);
    let causes = [
        ("TESTBED_MIGRATION_FAIL", "phase1", "told to fail in phase1"),
        ("TESTBED_MIGRATION_FAIL", "phase2", "told to fail in phase2"),
        ("TESTBED_MIGRATION_FAIL", "phase3", "told to fail in phase3"),
        ("TESTBED_MIGRATION_FAIL", "last", "told to fail in last"),
        ("TESTBED_MIGRATION_OOM", "1", "killed for want of memory"),
        ("TESTBED_MIGRATION_LOCK", "1", "did not end within 6 s"),
        (
            "TESTBED_BACKEND_UNHEALTHY",
            "1",
            "did not say that it is healthy within 30 s",
        ),
    ];
    for (number, (name, value, words)) in causes.into_iter().enumerate() {
        stack.set(name, value);
        let before = Seen::of(&stack);
        let mut args = vec!["--recipe", "recipe.toml"];
        if name == "TESTBED_MIGRATION_LOCK" {
            args.extend(["--migration-timeout", "6s"]);
        }
        let ran = stack.tool(&args).expect(4, words);
        assert!(ran.text.contains("rolled back"), "{}", ran.text);
        assert_eq!(Seen::of(&stack), before, "{name}={value}:\n{}", ran.text);
        assert_eq!(kept_aside(&stack), number + 1, "{}", ran.text);
        stack.set(name, "");
    }
    stack.wait_healthy();
    let before = Seen::of(&stack);
    stack
        .tool(&["--recipe", "recipe.toml"])
        .expect(0, "upgraded");
    assert!(stack.get("/api/version").1.contains("v1.7.0"));
    let upgraded = Seen::of(&stack);
    assert_eq!(upgraded.database, before.database);
    assert_eq!(upgraded.containers, before.containers);

    // Somebody finds out next week that the new release will not do.
    stack.psql("INSERT INTO notes (n) VALUES (4711)");
    let ran = stack.tool(&["rollback"]).expect(3, "would be lost");
    assert!(
        ran.text.contains("public.notes: 0 rows then, 1 now"),
        "{}",
        ran.text
    );
    assert_eq!(Seen::of(&stack).answers[1], upgraded.answers[1]);
    stack
        .tool(&["rollback", "--discard-writes-since"])
        .expect(4, "rolled back");
    assert_eq!(Seen::of(&stack), before);
    stack
        .tool(&["rollback"])
        .expect(3, "there is nothing to go back from");

    // What failed is kept for a week.
    let failed = kept_aside(&stack);
    stack.tool(&["gc"]).expect(0, "nothing may go yet");
    assert_eq!(kept_aside(&stack), failed);
    stack
        .tool(&["gc", "--older-than", "0s"])
        .expect(0, &format!("{failed} freed"));
    assert_eq!(kept_aside(&stack), 0);
    assert_eq!(Seen::of(&stack), before);
}

#[test]
fn the_guides_own_way_back_errs() {
    let stack = Stack::new(Compose::Newest, &[]);
    stack.up();
    stack.seed();
    let before = Seen::of(&stack).tables;
    let db = format!("{}_db", stack.name);
    let dump = stack.path().join("guide.dump");
    let file = std::fs::File::create(&dump).expect("made");
    let mut guide = stack.command("docker");
    guide.args(["exec", &db, "pg_dump", "-U", "postgres", "-Fc", "eneo"]);
    assert!(guide.stdout(file).status().expect("starts").success());
    stack.publish("v1.7.0", &["latest"]);
    stack.docker(&["compose", "pull"]);
    stack.docker(&["compose", "up", "-d"]);
    stack.wait_healthy();

    stack.docker(&["compose", "down"]);
    let restore = |stack: &Stack| {
        let mut restore = stack.command("docker");
        restore.args([
            "exec",
            "-i",
            &db,
            "pg_restore",
            "-U",
            "postgres",
            "-d",
            "eneo",
        ]);
        restore.arg("--clean");
        restore.stdin(std::fs::File::open(&dump).expect("there"));
        restore.output().expect("starts")
    };
    let output = restore(&stack);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("No such container"), "{errors}");

    // With the server up again it is no better: what the new release has added stays.
    stack.docker(&["compose", "up", "-d", "db"]);
    super::stack::wait("the database", || {
        let mut ready = stack.command("docker");
        ready.args(["exec", &db, "pg_isready", "-U", "postgres"]);
        ready.output().expect("starts").status.success()
    });
    let output = restore(&stack);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && errors.contains("errors ignored"),
        "{errors}"
    );
    assert_ne!(Seen::of_tables(&stack), before);
    assert_eq!(stack.psql("SELECT count(*) > 0 FROM model_providers"), "t");
    assert_eq!(
        stack.psql("SELECT version_num FROM alembic_version"),
        "e23b168d0080"
    );
}

#[test]
fn where_no_copy_can_be_made_the_plan_says_why_and_a_dump_leads_back() {
    let stack = Stack::new(Compose::Newest, &["--set", "TESTBED_MIGRATION_FAIL=last"]);
    stack.up();
    stack.seed();
    stack.publish("v1.7.0", &["latest"]);
    // As after a base image with another C library.
    stack.psql("UPDATE pg_database SET datcollversion = '0' WHERE datname = 'eneo'");
    fails_and_goes_back(&stack, "its collation version is not the system's");
    // What was restored was made by the library that is there.
    stack.psql("CREATE ROLE keeper LOGIN PASSWORD 'kept' IN ROLE postgres");
    stack.set("POSTGRES_USER", "keeper");
    stack.set("POSTGRES_PASSWORD", "kept");
    stack.up();
    fails_and_goes_back(&stack, "the app's role may not make databases");
}

fn fails_and_goes_back(stack: &Stack, why: &str) {
    stack.tool(&["plan"]).expect(0, why);
    let before = Seen::of(stack);
    let aside = kept_aside(stack);
    let ran = stack.tool(&[]).expect(4, "told to fail in last");
    assert_eq!(Seen::of(stack), before, "{}", ran.text);
    assert_eq!(kept_aside(stack), aside + 1, "{}", ran.text);
}
