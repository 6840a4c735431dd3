//! A good upgrade, in every form in which operators pin their release.

use super::stack::{Compose, Ran, Stack, Starts};

/// Lines that differ, without their place.
fn changed_lines(before: &str, after: &str) -> Vec<String> {
    let diff = eneo_upgrade::compose_file::diff(before, after, "file");
    let lines = diff
        .lines()
        .skip(2)
        .filter(|line| line.starts_with(['+', '-']));
    lines.map(str::to_owned).collect()
}

/// What the upgrade guide asks of an operator under "Verification".
fn assert_verified(stack: &Stack) {
    let log = stack.docker(&["logs", &format!("{}_db_init", stack.name)]);
    assert!(log.contains("MIGRATION COMPLETE!"), "{log}");
    let globals = "SELECT count(*) FROM completion_models \
                   WHERE tenant_id IS NULL AND provider_id IS NULL";
    assert_eq!(stack.psql(globals), "0");
    let tenants = "SELECT count(DISTINCT t.id) FROM model_providers mp \
                   JOIN tenants t ON mp.tenant_id = t.id";
    assert_eq!(stack.psql(tenants), "2");
    assert_eq!(stack.get("/api/healthz").0, 200);
    assert!(stack.get("/api/version").1.contains("v1.7.0"));
}

/// The promises that hold after every good run.
fn assert_settled(stack: &Stack, starts: Starts, ran: &Ran) {
    assert_eq!(starts.count(), 1, "{}", ran.text);
    let containers = stack.containers();
    stack.docker(&["compose", "up", "-d"]);
    assert_eq!(
        stack.containers(),
        containers,
        "a plain `up -d` changed containers"
    );
    stack.tool(&[]).expect(0, "unchanged");
    assert_no_secrets(stack, &ran.text);
}

/// No value that is secret in an env file may have got out.
fn assert_no_secrets(stack: &Stack, said: &str) {
    let journal = std::fs::read(stack.path().join(".eneo-upgrade/journal.db")).expect("is there");
    let recorded = String::from_utf8_lossy(&journal);
    let env = std::fs::read_to_string(stack.path().join("env_backend.env")).expect("is there");
    let secrets = env
        .lines()
        .filter_map(|line| line.split_once('='))
        .filter(|(name, _)| {
            ["PASSWORD", "SECRET", "KEY"]
                .iter()
                .any(|mark| name.contains(mark))
        });
    for (name, value) in secrets {
        let value = value.split_whitespace().next().unwrap_or_default();
        assert!(
            value.len() < 6 || !(said.contains(value) || recorded.contains(value)),
            "{name} got out"
        );
    }
}

fn latest_moved(compose: Compose) {
    let stack = Stack::new(compose, &["--variant", "started"]);
    stack.up();
    stack.seed();
    let before = stack.compose_file();
    let job = stack.crawl();
    stack.publish("v1.7.0", &["latest"]);
    let starts = stack.count_starts("db-init");
    let run = || stack.tool(&[]);
    let ran = stack.waits_for([&job], run);
    let ran = ran.expect(0, "upgraded");
    assert!(
        ran.text.contains("https://docs.example.org"),
        "{}",
        ran.text
    );
    assert_eq!(
        stack.psql(&format!("SELECT status FROM jobs WHERE id = '{job}'")),
        "complete"
    );
    assert_verified(&stack);
    let wanted = [
        "+      db-init:",
        "+        condition: service_completed_successfully",
        "-    depends_on: [backend]",
        "+    depends_on: {backend: {condition: service_started}, \
         db-init: {condition: service_completed_successfully}}",
    ];
    assert_eq!(changed_lines(&before, &stack.compose_file()), wanted);
    assert_settled(&stack, starts, &ran);
}

#[test]
fn latest_moved_newest_compose() {
    latest_moved(Compose::Newest);
}

#[test]
fn latest_moved_oldest_compose() {
    latest_moved(Compose::Floor);
}

fn pinned(compose: Compose, variant: &[&str], wanted: &[(&str, &str)], file: &str) {
    let mut options = vec!["--tag", "v1.6.3"];
    options.extend(variant);
    let stack = Stack::new(compose, &options);
    upgrade_to(&stack, wanted, file);
}

fn upgrade_to(stack: &Stack, wanted: &[(&str, &str)], file: &str) {
    stack.up();
    stack.seed();
    let read = || std::fs::read_to_string(stack.path().join(file)).expect("is there");
    let before = read();
    let starts = stack.count_starts("db-init");
    let ran = stack.tool(&["--to", "v1.7.0"]).expect(0, "upgraded");
    assert_verified(stack);
    let changed = changed_lines(&before, &read());
    for (from, to) in wanted {
        let has = |mark: &str, text: &str| {
            changed
                .iter()
                .any(|line| line.starts_with(mark) && line.contains(text))
        };
        assert!(has("-", from) && has("+", to), "{changed:?}");
    }
    assert_settled(stack, starts, &ran);
}

#[test]
fn pinned_in_the_compose_file() {
    let images = [
        ("eneo-backend:v1.6.3", "eneo-backend:v1.7.0"),
        ("eneo-frontend:v1.6.3", "eneo-frontend:v1.7.0"),
    ];
    pinned(Compose::Newest, &[], &images, "docker-compose.yml");
}

#[test]
fn pinned_in_dot_env() {
    let versions = [("ENEO_VERSION=v1.6.3", "ENEO_VERSION=v1.7.0")];
    pinned(Compose::Floor, &["--variant", "env-tag"], &versions, ".env");
}

#[test]
fn pinned_in_what_services_extend() {
    let stack = Stack::new(Compose::Newest, &["--tag", "v1.6.3"]);
    let mut image = String::new();
    stack.edit("docker-compose.yml", |text| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        for line in &mut lines {
            if line.contains("eneo-backend:v1.6.3") {
                image.clone_from(line);
                *line = "    extends: {file: base.yml, service: app}".to_owned();
            }
        }
        lines.join("\n")
    });
    let base = format!("services:\n  app:\n{image}   # all of the backend\n");
    std::fs::write(stack.path().join("base.yml"), base).expect("written");
    let versions = [("eneo-backend:v1.6.3", "eneo-backend:v1.7.0")];
    upgrade_to(&stack, &versions, "base.yml");
}

#[test]
fn compose_file_elsewhere() {
    let stack = Stack::new(Compose::Newest, &[]);
    // Nothing says that it is to be started again; it works all the time all the same.
    stack.edit("docker-compose.yml", |text| {
        let (before, frontend) = text.split_once("  frontend:\n").expect("there");
        let without = frontend.replacen("    restart: unless-stopped\n", "", 1);
        format!("{before}  frontend:\n{without}")
    });
    stack.up();
    stack.seed();
    stack.publish("v1.7.0", &["latest"]);
    let elsewhere = tempfile::tempdir().expect("a folder");
    let file = stack
        .path()
        .join("docker-compose.yml")
        .display()
        .to_string();
    let state = elsewhere.path().join("state").display().to_string();
    let args = ["-f", &file, "--state-dir", &state, "-d"];
    let mut command = stack.tool_command(&args);
    let output = command
        .current_dir(elsewhere.path())
        .output()
        .expect("starts");
    Ran::of(&output).expect(0, "upgraded");
    assert_verified(&stack);
    assert!(!stack.path().join(".eneo-upgrade").exists());
    assert!(elsewhere.path().join("state/journal.db").exists());
}

#[test]
fn a_plan_touches_nothing() {
    let stack = Stack::new(Compose::Newest, &["--variant", "started"]);
    stack.up();
    let (containers, file) = (stack.containers(), stack.compose_file());
    stack.publish("v1.7.0", &["latest"]);
    // Somebody else reads from it.
    let label = format!("eneo-upgrade.reading={}", stack.name);
    let image = format!("{}/{}/redis:8", stack.registry(), stack.name);
    let theirs = stack.docker(&["create", "--label", &label, &image]);
    let plan = stack
        .tool(&["plan", "--fetch"])
        .expect(0, "add_integration_wrappers");
    assert!(plan.text.contains("there is a new image"), "{}", plan.text);
    let filter = format!("label={label}");
    let left = stack.docker(&["ps", "-aq", "--no-trunc", "--filter", &filter]);
    assert_eq!(left, theirs, "theirs, and none of ours");
    stack.docker(&["rm", "-v", theirs.trim()]);
    assert_eq!(stack.containers(), containers);
    assert_eq!(stack.compose_file(), file);
    assert!(!stack.path().join(".eneo-upgrade").exists());
    let containers_up = stack.docker(&["compose", "up", "-d", "--dry-run"]);
    assert!(
        !containers_up.contains("Recreate"),
        "the user's tags have moved: {containers_up}"
    );
}

/// Docker Desktop, a remote engine, a firewall: the containers' addresses cannot be reached.
#[test]
fn addresses_out_of_reach() {
    let stack = Stack::new(Compose::Newest, &["--variant", "started"]);
    stack.up();
    stack.seed();
    let job = stack.crawl();
    stack.publish("v1.7.0", &["latest"]);
    let mut alone = stack.command("unshare");
    alone.args(["--net", env!("CARGO_BIN_EXE_eneo-upgrade")]);
    let run = || Ran::of(&alone.output().expect("starts"));
    let ran = stack.waits_for([&job], run);
    ran.expect(0, "upgraded");
    assert_eq!(
        stack.psql(&format!("SELECT status FROM jobs WHERE id = '{job}'")),
        "complete"
    );
    assert_verified(&stack);
}
