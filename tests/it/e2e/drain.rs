//! Crawls under way are waited for, or interrupted as was asked for, and never lost.

use super::stack::{Compose, Stack, wait};

/// A worker that is told to end gives its jobs a second only.
const IMPATIENT: [&str; 2] = ["--set", "TESTBED_JOB_COMPLETION_WAIT=1"];

fn release(stack: &Stack) {
    stack.publish("v1.7.0", &["latest"]);
}

/// Who holds the feeder's key.
fn leader(stack: &Stack) -> String {
    let get = [
        "compose",
        "exec",
        "-T",
        "redis",
        "redis-cli",
        "GET",
        "crawl_feeder:leader",
    ];
    stack.docker(&get)
}

#[test]
fn a_feeder_that_never_runs_dry_is_held_and_no_crawl_is_cut_short() {
    let stack = Stack::new(Compose::Newest, &["--variant", "started"]);
    stack.up();
    stack.seed();
    let crawls: Vec<String> = (0..20).map(|_| stack.post_crawl(true)).collect();
    wait("the feeder to feed", || {
        crawls.iter().any(|id| stack.job(id) == "in progress")
    });
    release(&stack);
    let run = || stack.tool(&["--output", "json"]);
    let ran = stack.waits_for(&crawls, run).expect(0, "upgraded");
    assert!(!ran.text.contains("queued again"), "{}", ran.text);
    let queued = crawls.iter().any(|id| stack.job(id) == "queued");
    assert!(queued, "no crawl was left for the new release");
    wait("every queued crawl to run on the new release", || {
        crawls.iter().all(|id| stack.job(id) == "complete")
    });
}

#[test]
fn crawls_without_a_sign_of_life_are_reported_and_can_be_queued_again() {
    let stack = Stack::new(Compose::Floor, &["--variant", "started"]);
    stack.up();
    stack.seed();
    let dead = stack.crawl();
    stack.end_crawls([&dead]);
    wait("the crawl to end", || stack.job(&dead) == "complete");
    // As a worker leaves it that lost its power an hour ago.
    stack.psql(&format!(
        "UPDATE jobs SET status = 'in progress', finished_at = NULL, \
         updated_at = now() - interval '1 hour' WHERE id = '{dead}'"
    ));
    stack.tool(&["jobs"]).expect(0, "stuck: 1");
    stack
        .tool(&["jobs", "--output", "json"])
        .expect(0, "job-list");
    release(&stack);
    let ran = stack.tool(&["--drain-timeout", "2s"]).expect(0, "upgraded");
    assert!(
        ran.text
            .contains("not waited for: 1 job without a sign of life"),
        "{}",
        ran.text
    );
    assert_eq!(
        stack.job(&dead),
        "in progress",
        "it was dead before the run"
    );
    stack
        .tool(&["jobs", "--requeue"])
        .expect(0, "1 job queued again");
    wait("the crawl to run", || stack.job(&dead) == "complete");
}

#[test]
fn a_long_crawl_is_interrupted_and_queued_again() {
    let stack = Stack::new(Compose::Newest, &IMPATIENT);
    stack.up();
    stack.seed();
    let job = stack.crawl();
    release(&stack);
    let args = ["--drain-timeout", "1s", "--on-drain-timeout", "requeue"];
    let ran = stack.tool(&args).expect(0, "1 job queued again");
    assert!(
        ran.text.contains("1 job was still running after 1 s"),
        "{}",
        ran.text
    );
    stack.end_crawls([&job]);
    wait("the crawl to run on the new release", || {
        stack.job(&job) == "complete"
    });
    assert!(stack.get("/api/version").1.contains("v1.7.0"));
}

#[test]
fn a_long_crawl_is_interrupted_and_marked_failed() {
    let stack = Stack::new(Compose::Floor, &IMPATIENT);
    stack.up();
    stack.seed();
    let job = stack.crawl();
    release(&stack);
    let policy = ["--drain-timeout", "1s", "--on-drain-timeout", "continue"];
    let ran = stack
        .tool(&[&policy[..], &["--output", "json"]].concat())
        .expect(0, "1 job marked failed");
    assert!(
        ran.text.contains("https://docs.example.org"),
        "{}",
        ran.text
    );
    assert_eq!(stack.job(&job), "failed");
    let reports = std::fs::read_dir(stack.path().join(".eneo-upgrade/runs")).expect("is there");
    let report = reports
        .flatten()
        .next()
        .expect("a run")
        .path()
        .join("report.md");
    let report = std::fs::read_to_string(report).expect("is there");
    assert!(
        report.contains(&job) && report.contains("1 job marked failed"),
        "{report}"
    );
}

#[test]
fn interrupted_crawls_go_on_after_going_back() {
    let fails = ["--set", "TESTBED_MIGRATION_FAIL=phase1"];
    let stack = Stack::new(Compose::Newest, &[IMPATIENT, fails].concat());
    stack.up();
    stack.seed();
    let job = stack.crawl();
    release(&stack);
    let args = ["--drain-timeout", "1s", "--on-drain-timeout", "requeue"];
    let ran = stack.tool(&args).expect(4, "1 job queued again");
    assert!(ran.text.contains("1 job cut short"), "{}", ran.text);
    stack.end_crawls([&job]);
    wait("the crawl to run on the old release", || {
        stack.job(&job) == "complete"
    });
    assert!(stack.get("/api/version").1.contains("v1.6.3"));
}

#[test]
fn the_drain_alone_waits_and_a_request_to_stop_leaves_all_as_it_was() {
    let stack = Stack::new(Compose::Newest, &["--variant", "started"]);
    stack.up();
    stack.seed();
    let before = (stack.containers(), stack.states(), stack.compose_file());
    let job = stack.crawl();
    stack
        .tool(&["drain", "--drain-timeout", "1s"])
        .expect(3, "1 job was still running after 1 s");
    assert!(
        !leader(&stack).contains("eneo-upgrade"),
        "the feeder is still held"
    );
    stack.end_crawls([&job]);
    stack.tool(&["drain"]).expect(0, "no job is under way");
    assert_eq!(stack.job(&job), "complete");
    assert!(
        leader(&stack).contains("eneo-upgrade"),
        "the feeder is not held"
    );

    let job = stack.crawl();
    release(&stack);
    let run = stack.spawn(&[]);
    stack.wait_draining();
    let ended = super::stack::interrupt(run);
    assert_eq!(ended, Some(3));
    assert_eq!(
        (stack.containers(), stack.states(), stack.compose_file()),
        before
    );
    assert!(
        !leader(&stack).contains("eneo-upgrade"),
        "the feeder is still held"
    );
    stack.end_crawls([&job]);
    wait("the crawl to end undisturbed", || {
        stack.job(&job) == "complete"
    });
}
