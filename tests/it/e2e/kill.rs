//! `kill -9`: the next start neither loses the run nor works beside what was left.

use std::process::Child;

use super::stack::{Compose, Stack, wait};

fn kill(child: &mut Child) {
    child.kill().expect("killed");
    child.wait().expect("ended");
}

/// The processes that hold the project's child lock, as their command lines.
fn children(stack: &Stack) -> Vec<String> {
    let lock = stack.path().join(".eneo-upgrade/child.lock");
    let processes = std::fs::read_dir("/proc").expect("Linux").flatten();
    processes
        .filter(|entry| {
            std::fs::read_link(entry.path().join("fd/0")).is_ok_and(|input| input == lock)
        })
        .filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok())
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .collect()
}

#[test]
fn a_second_start_waits_for_the_child_of_a_killed_one() {
    let stack = Stack::new(Compose::Newest, &["--variant", "started"]);
    stack.up();
    stack.seed();
    stack.publish("v1.7.0", &["latest"]);
    // Slow where it creates containers, so that there is a child to be killed beside.
    let slow = "case \" $* \" in *--dry-run*) ;; *' create '*) sleep 15 ;; esac";
    let path = stack.path_with_docker(slow);
    let starts = stack.count_starts("db-init");
    let mut first = stack.tool_command(&[]);
    first
        .env("PATH", &path)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null());
    let mut first = first.spawn().expect("starts");
    wait("the child to run", || {
        children(&stack)
            .iter()
            .any(|line| line.contains(" create "))
    });
    kill(&mut first);
    assert!(
        !children(&stack).is_empty(),
        "the child ended with its parent"
    );
    let ran = stack.tool(&["resume"]).expect(0, "upgraded");
    assert!(ran.text.contains("waiting for"), "{}", ran.text);
    assert_eq!(starts.count(), 1, "{}", ran.text);
    assert!(children(&stack).is_empty());
}

#[test]
fn a_migration_goes_on_through_a_kill_and_is_not_started_twice() {
    let stack = Stack::new(Compose::Floor, &["--set", "TESTBED_MIGRATION_SECONDS=15"]);
    stack.up();
    stack.seed();
    stack.publish("v1.7.0", &["latest"]);
    let old = stack.containers()["db-init"].clone();
    let starts = stack.count_starts("db-init");
    let mut first = stack.spawn(&[]);
    stack.wait_migrating(&old);
    // A second copy beside a living one is turned away.
    stack
        .tool(&["resume"])
        .expect(6, "another eneo-upgrade is at work");
    kill(&mut first);
    let ran = stack.tool(&["status"]).expect(0, "under way");
    assert_eq!(stack.states()["traefik"], "paused");
    assert!(ran.text.contains("waiting at traefik"), "{}", ran.text);
    stack.tool(&["resume"]).expect(0, "upgraded");
    assert_eq!(stack.states()["traefik"], "running");
    assert_eq!(starts.count(), 1);
}

#[test]
fn a_run_killed_while_it_drains_can_be_gone_back_from() {
    let stack = Stack::new(Compose::Newest, &["--variant", "started"]);
    stack.up();
    stack.seed();
    let before = (stack.containers(), stack.compose_file());
    let job = stack.crawl();
    stack.publish("v1.7.0", &["latest"]);
    let mut first = stack.spawn(&[]);
    let leader = [
        "compose",
        "exec",
        "-T",
        "redis",
        "redis-cli",
        "GET",
        "crawl_feeder:leader",
    ];
    wait("the feeder to be held", || {
        stack.docker(&leader).contains("eneo-upgrade")
    });
    kill(&mut first);
    stack
        .tool(&["rollback"])
        .expect(3, "nothing of yours was touched");
    assert_eq!((stack.containers(), stack.compose_file()), before);
    stack.end_crawls([&job]);
    let status = format!("SELECT status FROM jobs WHERE id = '{job}'");
    wait("the crawl to end", || stack.psql(&status) == "complete");
}
