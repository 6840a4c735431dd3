//! Migrations that do not end well: each ends within its limit, says why, and can be tried again.

use super::stack::{Compose, Stack};

#[test]
fn whatever_keeps_a_migration_from_ending_well_is_named_and_once_it_is_gone_all_is_well() {
    let options = [
        ["--variant", "migration-memory"],
        ["--variant", "restart-on-failure"],
        ["--set", "TESTBED_MIGRATION_LOCK=1"],
    ];
    let stack = Stack::new(Compose::Newest, options.as_flattened());
    stack.up();
    stack.seed();
    stack.publish("v1.7.0", &["latest"]);

    // It hangs behind a session that is idle in a transaction.
    let ran = stack
        .tool(&[
            "--migration-timeout",
            "20s",
            "--door-limit",
            "2s",
            "--output",
            "json",
            "--on-failure",
            "stop",
        ])
        .expect(5, "did not end within 20 s and was stopped");
    for words in [
        "requests have waited for 2 s at traefik: they fail from now on",
        "nightly-report",
        "idle in transaction",
        "completion_models",
        "has said nothing for",
    ] {
        assert!(
            ran.text.contains(words),
            "`{words}` is not in:\n{}",
            ran.text
        );
    }
    assert_eq!(stack.states()["db-init"], "exited");
    assert_eq!(stack.states()["traefik"], "running");

    // The kernel kills it for want of memory, again and again.
    stack.set("TESTBED_MIGRATION_LOCK", "");
    stack.set("TESTBED_MIGRATION_OOM", "1");
    let again = [
        "resume",
        "--migration-timeout",
        "5m",
        "--on-failure",
        "stop",
    ];
    let ran = stack
        .tool(&again)
        .expect(5, "was killed for want of memory");
    assert!(ran.text.contains("mem_limit"), "{}", ran.text);
    assert_eq!(
        stack.states()["db-init"],
        "exited",
        "it is not started any more"
    );

    // It fails for ever.
    stack.set("TESTBED_MIGRATION_OOM", "");
    stack.set("TESTBED_MIGRATION_FAIL", "phase1");
    let ran = stack.tool(&again).expect(5, "times in a row");
    assert!(ran.text.contains("told to fail in phase1"), "{}", ran.text);

    stack.set("TESTBED_MIGRATION_FAIL", "");
    stack.tool(&again).expect(0, "upgraded");
    assert!(stack.get("/api/version").1.contains("v1.7.0"));
}

#[test]
fn the_exit_code_of_a_migration_is_told() {
    let stack = Stack::new(Compose::Floor, &[]);
    stack.up();
    stack.seed();
    stack.publish("v1.7.0", &["latest"]);
    let right = r#"["python3", "init_db.py"]"#;
    let wrong = r#"["sh", "-c", "echo the disk is on fire; exit 3"]"#;
    stack.edit("docker-compose.yml", |text| text.replace(right, wrong));
    let ran = stack.tool(&[]).expect(4, "ended with exit code 3");
    assert!(ran.text.contains("the disk is on fire"), "{}", ran.text);
    stack.edit("docker-compose.yml", |text| text.replace(wrong, right));
    stack.tool(&[]).expect(0, "upgraded");
}

#[test]
fn an_app_that_answers_200_on_an_old_schema_is_not_upgraded() {
    let stack = Stack::new(Compose::Newest, &["--set", "TESTBED_MIGRATION_SKIP=1"]);
    stack.up();
    stack.seed();
    stack.publish("v1.7.0", &["latest"]);
    let ran = stack
        .tool(&["--output", "json", "--on-failure", "stop"])
        .expect(5, "the schema is not what the new release needs");
    assert!(
        ran.text.contains("the database is at e23b168d0080"),
        "{}",
        ran.text
    );
    // By hand, as somebody would who trusts the health endpoint.
    stack.docker(&["compose", "up", "-d"]);
    stack.wait_healthy();
    let ran = stack.tool(&["verify"]).expect(1, "came out bad");
    assert!(
        ran.text
            .contains("✗ the schema is at add_integration_wrappers"),
        "{}",
        ran.text
    );
}

#[test]
fn a_healthy_app_may_boot_three_times_slower_than_its_check_allows() {
    let stack = Stack::new(Compose::Newest, &["--set", "TESTBED_BOOT_SECONDS=7"]);
    // Docker's own check gives up after 2 s.
    stack.edit("docker-compose.yml", |text| {
        let check = "    healthcheck:\n      test: [\"CMD\", \"python3\", \"-c\", \"import socket; \
                     socket.create_connection(('127.0.0.1', 8000), 1)\"]\n      interval: 1s\n      \
                     timeout: 1s\n      retries: 1\n    volumes:\n      - backend_data:/data\n";
        text.replacen("    volumes:\n      - backend_data:/data\n", check, 1)
    });
    stack.up();
    stack.seed();
    stack.publish("v1.7.0", &["latest"]);
    // It could be written to already and is not verified: the door stays closed until it is gone.
    let ran = stack.tool(&["--door-limit", "1s"]).expect(4, "rolled back");
    let why = "requests have waited for 1 s and the new release is not verified";
    assert!(ran.text.contains(why), "{}", ran.text);
    assert!(stack.get("/api/version").1.contains("v1.6.3"));
    stack.tool(&[]).expect(0, "upgraded");
}
