//! What goes wrong ends in a state that is said, and loses nothing.

use std::process::Command;

use super::stack::{Compose, Ran, Stack, wait};

/// Everything of the database that must be the same after going back.
fn data(stack: &Stack) -> Vec<String> {
    [
        "jobs",
        "info_blobs",
        "completion_models",
        "assistants",
        "websites",
        "alembic_version",
    ]
    .iter()
    .map(|table| {
        stack.psql(&format!(
            "SELECT '{table}', count(*), md5(string_agg(t::text, '' ORDER BY t::text)) \
                 FROM {table} t"
        ))
    })
    .collect()
}

fn images(stack: &Stack) -> Vec<String> {
    let containers = stack.containers();
    let up = containers
        .iter()
        .filter(|(service, _)| *service != "db-init");
    up.map(|(service, id)| {
        format!(
            "{service} {}",
            stack.docker(&["inspect", "--format", "{{.Image}}", id])
        )
    })
    .collect()
}

/// Runs the command that was printed for `verb`, as somebody would who has left the folder.
fn printed_command(stack: &Stack, text: &str, verb: &str) -> Ran {
    let words = text
        .lines()
        .filter_map(|line| line.split_once("eneo-upgrade "))
        .map(|(_, words)| words.split("  #").next().unwrap_or_default().trim())
        .find(|words| words.ends_with(verb))
        .expect("was printed");
    let args: Vec<&str> = words.split(' ').collect();
    let output = stack
        .tool_command(&args)
        .current_dir("/")
        .output()
        .expect("starts");
    Ran::of(&output)
}

#[test]
fn somebody_who_wants_to_look_at_a_failure_goes_back_later() {
    let options = [
        "--variant",
        "started",
        "--set",
        "TESTBED_MIGRATION_FAIL=phase2",
    ];
    let stack = Stack::new(Compose::Newest, &options);
    stack.up();
    stack.seed();
    let before = (data(&stack), images(&stack), stack.compose_file());
    stack.publish("v1.7.0", &["latest"]);
    let ran = stack
        .tool(&["--on-failure", "stop"])
        .expect(5, "told to fail in phase2");
    for words in ["state: ", "backups: ", "rollback", "resume"] {
        assert!(
            ran.text.contains(words),
            "`{words}` is not in:\n{}",
            ran.text
        );
    }
    assert_eq!(stack.states()["worker"], "created");
    assert_eq!(stack.states()["traefik"], "running", "nobody waits in vain");
    stack.tool(&[]).expect(3, "still open");
    stack.tool(&["status"]).expect(0, "needs attention");
    printed_command(&stack, &ran.text, "rollback").expect(4, "rolled back");
    assert_eq!((data(&stack), images(&stack), stack.compose_file()), before);
    assert_eq!(stack.get("/api/healthz").0, 200);
    stack.tool(&["history"]).expect(0, "rolled back");
}

#[test]
fn a_run_that_needs_attention_can_be_gone_on_with() {
    let stack = Stack::new(Compose::Floor, &["--set", "TESTBED_MIGRATION_FAIL=last"]);
    stack.up();
    stack.seed();
    stack.publish("v1.7.0", &["latest"]);
    stack
        .tool(&["--on-failure", "stop"])
        .expect(5, "needs attention");
    stack.set("TESTBED_MIGRATION_FAIL", "");
    // The steps that an earlier process has planned have names all the same.
    stack.tool(&["resume"]).expect(0, "✓ start backend");
    assert!(stack.get("/api/version").1.contains("v1.7.0"));
}

#[test]
fn going_back_from_a_release_that_was_written_to_has_to_be_meant() {
    let stack = Stack::new(Compose::Newest, &["--set", "TESTBED_BACKEND_UNHEALTHY=1"]);
    stack.up();
    stack.seed();
    let before = (data(&stack), images(&stack), stack.compose_file());
    stack.publish("v1.7.0", &["latest"]);
    stack.impatient_recipe();
    let tool = |args: &[&str]| stack.tool(&[&["--recipe", "recipe.toml"], args].concat());
    tool(&["--door", "open"]).expect(5, "did not say that it is healthy within 30 s");
    tool(&["rollback"]).expect(3, "would be lost");
    tool(&["status"]).expect(0, "needs attention");
    tool(&["rollback", "--discard-writes-since"]).expect(4, "rolled back");
    assert_eq!((data(&stack), images(&stack), stack.compose_file()), before);
}

#[test]
fn a_missing_image_is_refused_before_anything_is_touched() {
    let stack = Stack::new(Compose::Newest, &["--tag", "v1.6.3"]);
    stack.up();
    let before = (stack.containers(), stack.compose_file());
    stack
        .tool(&["--to", "v9.9.9"])
        .expect(3, "eneo-backend:v9.9.9");
    assert_eq!((stack.containers(), stack.compose_file()), before);
    assert!(!stack.path().join(".eneo-upgrade").exists());
}

/// A file system of so many KiB, taken away at the end.
pub(super) struct SmallDisk(pub(super) tempfile::TempDir);

impl SmallDisk {
    pub(super) fn new(kib: u32) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let size = format!("size={kib}k");
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(folder.path());
        assert!(mount.status().expect("starts").success());
        Self(folder)
    }

    /// Leaves so many KiB.
    pub(super) fn fill_but(&self, kib: u64) {
        let path = self.0.path();
        let df = Command::new("df")
            .args(["--output=avail", "-k"])
            .arg(path)
            .output();
        let text = String::from_utf8(df.expect("starts").stdout).expect("text");
        let free: u64 = text
            .lines()
            .last()
            .and_then(|n| n.trim().parse().ok())
            .expect("a number");
        let ballast = std::fs::File::create(path.join("ballast")).expect("made");
        let size = (free.saturating_sub(kib) * 1024).to_string();
        let mut fallocate = Command::new("fallocate");
        fallocate.args(["-l", &size]).arg(path.join("ballast"));
        assert!(fallocate.status().expect("starts").success());
        drop(ballast);
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(self.0.path()).status();
        assert!(std::thread::panicking() || unmounted.is_ok_and(|status| status.success()));
    }
}

#[test]
fn a_disk_that_fills_up_leaves_the_app_serving() {
    let stack = Stack::new(Compose::Newest, &["--variant", "started"]);
    stack.up();
    stack.seed();
    let before = (data(&stack), images(&stack), stack.compose_file());
    stack.publish("v1.7.0", &["latest"]);
    // Large enough when it is looked at; somebody else fills it up after the first backup.
    let disk = SmallDisk::new(64 * 1024);
    let state = disk.0.path().join("state");
    let folder = state.display().to_string();
    let ran = std::thread::scope(|scope| {
        let run = scope.spawn(|| stack.tool(&["--state-dir", &folder, "--backup", "strict"]));
        wait("the backup that is taken while the app is up", || {
            let runs = std::fs::read_dir(state.join("backups"));
            let mut runs = runs.into_iter().flatten().flatten();
            runs.any(|run| run.path().join("online.json").exists())
        });
        disk.fill_but(120);
        run.join().expect("ends")
    });
    ran.expect(4, "No space left on device");
    assert_eq!((data(&stack), images(&stack), stack.compose_file()), before);
    assert_eq!(stack.get("/api/healthz").0, 200);
    stack.tool(&[]).expect(0, "upgraded");
}

/// A list item that holds a variable cannot become a key, so the file beside it has to say the
/// rest. It goes with the way back, and stays with the upgrade.
#[test]
fn a_file_that_a_run_has_written_goes_with_the_way_back() {
    let options = ["--variant", "flow", "--set", "TESTBED_MIGRATION_FAIL=last"];
    let stack = Stack::new(Compose::Newest, &options);
    stack.edit("docker-compose.yml", |text| {
        text.replace(
            "depends_on: [db, redis]",
            "depends_on: ['${DATABASE:-db}', redis]",
        )
    });
    stack.up();
    stack.seed();
    let beside = stack.path().join("docker-compose.override.yml");
    let before = (data(&stack), images(&stack), stack.compose_file());
    stack.publish("v1.7.0", &["latest"]);
    let ran = stack
        .tool(&["--on-failure", "stop"])
        .expect(5, "told to fail");
    assert!(beside.exists(), "{}", ran.text);
    printed_command(&stack, &ran.text, "rollback").expect(4, "rolled back");
    assert!(!beside.exists());
    assert_eq!((data(&stack), images(&stack)), (before.0, before.1));
    stack.set("TESTBED_MIGRATION_FAIL", "");
    stack.tool(&[]).expect(
        0,
        "write docker-compose.override.yml: make backend wait for db-init",
    );
    let text = std::fs::read_to_string(&beside).expect("is there");
    let edge = "  backend:\n    depends_on:\n      db-init:\n        condition: service_completed_successfully\n";
    assert_eq!(text, format!("services:\n{edge}"));
    assert!(stack.compose_file().contains("'${DATABASE:-db}', redis]"));
    let containers = stack.containers();
    stack.docker(&["compose", "up", "-d"]);
    assert_eq!(stack.containers(), containers);
    stack.tool(&[]).expect(0, "unchanged");
}
