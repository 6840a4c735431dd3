//! Why a plain `docker compose up -d` is not enough: what it does, beside what the tool does.

use super::stack::{Compose, Stack};

/// Brings v1.7.0 out as `latest` while the worker stays pinned to v1.6.3, with a migration long
/// enough to look at; returns the stack.
fn worker_pinned(compose: Compose, variants: &[&str]) -> Stack {
    let mut options = vec![
        "--worker-tag",
        "v1.6.3",
        "--set",
        "TESTBED_MIGRATION_SECONDS=4",
    ];
    options.extend(variants);
    let stack = Stack::new(compose, &options);
    stack.up();
    stack.seed();
    stack.publish("v1.7.0", &["latest"]);
    stack
}

/// The state of the worker once the migration of `program` is seen running.
fn worker_while_migrating(stack: &Stack, program: &mut std::process::Command) -> String {
    let old = stack.containers()["db-init"].clone();
    let mut child = program.spawn().expect("starts");
    stack.wait_migrating(&old);
    let state = stack.states()["worker"].clone();
    child.wait().expect("ends");
    state
}

fn plain(compose: Compose, variants: &[&str]) -> String {
    let stack = worker_pinned(compose, variants);
    stack.docker(&["compose", "pull"]);
    let mut up = stack.command("docker");
    up.args(["compose", "up", "-d"]);
    up.stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null());
    worker_while_migrating(&stack, &mut up)
}

fn ours(compose: Compose, variants: &[&str]) -> String {
    let stack = worker_pinned(compose, variants);
    let mut tool = stack.tool_command(&[]);
    tool.stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null());
    worker_while_migrating(&stack, &mut tool)
}

const PINNED: [&str; 2] = ["--variant", "worker-pinned"];
const PINNED_ALONE: [&str; 4] = ["--variant", "worker-pinned", "--variant", "none"];

#[test]
fn plain_up_of_the_newest_compose_leaves_a_pinned_worker_running() {
    assert_eq!(plain(Compose::Newest, &PINNED), "running");
}

#[test]
fn plain_up_of_the_oldest_compose_leaves_a_pinned_worker_without_dependencies_running() {
    assert_eq!(plain(Compose::Floor, &PINNED_ALONE), "running");
}

#[test]
fn the_tool_stops_a_pinned_worker() {
    assert_ne!(ours(Compose::Newest, &PINNED), "running");
    assert_ne!(ours(Compose::Floor, &PINNED_ALONE), "running");
}
