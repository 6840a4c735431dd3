//! Secrets of every env file get out nowhere: not printed, not recorded, not in any argv.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::stack::{Compose, Ran, Stack};

/// Values that nothing but an env file may hold.
struct Canaries(Vec<String>);

impl Canaries {
    /// Puts one behind every variable that is secret, and one of its own into each file.
    fn plant(stack: &Stack) -> Self {
        let mut canaries = Vec::new();
        for file in ["env_backend.env", "env_db.env", "env_frontend.env"] {
            stack.edit(file, |text| {
                let own = format!("canary-{:016x}", fastrand::u64(..));
                canaries.push(own.clone());
                format!("OTHER_API_KEY={own}\n{text}")
            });
            let text = std::fs::read_to_string(stack.path().join(file)).expect("is there");
            let secret = |name: &str| {
                ["PASSWORD", "SECRET", "KEY"]
                    .iter()
                    .any(|m| name.contains(m))
            };
            let values = text.lines().filter_map(|line| line.split_once('='));
            let values = values
                .filter(|(name, _)| secret(name))
                .map(|(_, value)| value);
            let values = values.map(|value| value.split(" #").next().unwrap_or_default().trim());
            canaries.extend(values.filter(|value| !value.is_empty()).map(str::to_owned));
        }
        canaries.sort();
        canaries.dedup();
        Self(canaries)
    }

    #[track_caller]
    fn assert_not_in(&self, what: &str, text: &str) {
        for canary in &self.0 {
            assert!(
                !text.contains(canary.as_str()),
                "{canary} got out into {what}:\n{text}"
            );
        }
    }

    /// Everything that is kept of runs, other than what a backup has to hold: the project's files.
    fn assert_not_kept(&self, folder: &Path) {
        for entry in std::fs::read_dir(folder).expect("is there").flatten() {
            let path = entry.path();
            if path.is_dir() {
                self.assert_not_kept(&path);
            } else if path.file_name().is_none_or(|name| name != "project.tar") {
                let bytes = std::fs::read(&path).expect("readable");
                self.assert_not_in(
                    &path.display().to_string(),
                    &String::from_utf8_lossy(&bytes),
                );
            }
        }
    }
}

/// Does something while the command line of every process is read again and again.
fn watched<T>(act: impl FnOnce() -> T) -> (T, BTreeSet<String>) {
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut seen = BTreeSet::new();
            while !ended.load(Ordering::Relaxed) {
                for process in std::fs::read_dir("/proc").expect("Linux").flatten() {
                    let line = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
                    seen.insert(String::from_utf8_lossy(&line).replace('\0', " "));
                }
            }
            seen
        });
        let done = act();
        ended.store(true, Ordering::Relaxed);
        (done, watch.join().expect("watched"))
    })
}

fn assert_nothing_gets_out(stack: &Stack, canaries: &Canaries, act: impl FnOnce() -> Ran) {
    let (ran, seen) = watched(act);
    canaries.assert_not_in("what was printed", &ran.text);
    canaries.assert_not_kept(&stack.path().join(".eneo-upgrade"));
    assert!(
        seen.iter().any(|line| line.contains("--no-recreate")),
        "nothing was seen: {seen:?}"
    );
    canaries.assert_not_in("an argv", &seen.into_iter().collect::<Vec<_>>().join("\n"));
}

#[test]
fn canaries_of_every_env_file_get_out_nowhere() {
    let fails = ["--set", "TESTBED_MIGRATION_FAIL=phase3"];
    let impatient = ["--set", "TESTBED_JOB_COMPLETION_WAIT=1"];
    let stack = Stack::new(Compose::Newest, &[fails, impatient].concat());
    let canaries = Canaries::plant(&stack);
    stack.up();
    stack.seed();
    stack.crawl();
    stack.publish("v1.7.0", &["latest"]);
    assert_nothing_gets_out(&stack, &canaries, || {
        let json = [
            "--output",
            "json",
            "--drain-timeout",
            "1s",
            "--on-drain-timeout",
            "requeue",
            "--on-failure",
            "stop",
        ];
        stack.tool(&json).expect(5, "told to fail in phase3")
    });
    stack.set("TESTBED_MIGRATION_FAIL", "");
    // A mistake in an env file is quoted by Compose itself.
    stack.edit("env_db.env", |text| {
        format!("{text}\nBAD@NAME={}\n", canaries.0[0])
    });
    let ran = stack.tool(&["check"]).expect(3, "env_db.env");
    canaries.assert_not_in("what was printed", &ran.text);
    stack.edit("env_db.env", |text| {
        text.lines()
            .filter(|l| !l.contains('@'))
            .fold(String::new(), |all, line| all + line + "\n")
    });
    let ran = stack.tool(&["resume"]).expect(0, "upgraded");
    canaries.assert_not_in("what was printed", &ran.text);
    let ran = stack
        .tool(&["verify", "--output", "json"])
        .expect(0, "checks");
    canaries.assert_not_in("what was printed", &ran.text);
    canaries.assert_not_kept(&stack.path().join(".eneo-upgrade"));
}

/// `pg_dump` of this machine gives its files the mode that it is left to give.
#[test]
fn what_programs_write_for_us_is_for_its_owner_only() {
    let stack = Stack::new(Compose::Newest, &["--variant", "started"]);
    let masks = stack.path().join("masks");
    let path = stack.path_with_docker(&format!("umask >>'{}'", masks.display()));
    let mut check = stack.tool_command(&["patch", "--check"]);
    check.env("PATH", path);
    Ran::of(&check.output().expect("starts")).expect(10, "service_completed_successfully");
    let masks = std::fs::read_to_string(masks).expect("was started");
    assert!(masks.lines().all(|mask| mask == "0077"), "{masks}");
}
