//! Findings about the release to go to, which need its image, and runs that cannot go on.

use std::path::Path;

use super::watch::Watch;
use super::{Refusal, expect};
use crate::e2e::stack::{Compose, Stack, wait};

/// A run is refused with these words after it has looked into the new image; the user's
/// containers, tags and files stay as they are.
#[track_caller]
fn refused(stack: &Stack, args: &[&str], words: &str, cure: &str) {
    let before = (stack.tags(), stack.containers(), stack.compose_file());
    let watch = Watch::new(stack);
    let ran = stack.tool(args).expect(3, words);
    assert!(
        ran.text.contains(cure) && ran.text.contains("nothing of yours was touched"),
        "{}",
        ran.text
    );
    watch.assert_only_fetched();
    let after = (stack.tags(), stack.containers(), stack.compose_file());
    assert_eq!(after, before);
}

#[test]
fn a_release_that_is_broken_or_not_the_next_one() {
    let stack = Stack::new(Compose::Newest, &["--variant", "started"]);
    stack.up();
    stack.publish("v1.7.1-heads", &["latest"]);
    let heads = "several heads: add_audit_log, add_integration_wrappers";
    refused(&stack, &[], heads, "one with a merge revision");
    expect(
        &stack,
        &["--fetch"],
        &[(Refusal, "several-heads", "a merge revision")],
    );

    stack.publish("v1.7.0", &["latest"]);
    let recipe = recipe(stack.path());
    let skipped = "v1.7.0 can be reached from v1.6.9 and newer, and v1.6.3 runs";
    let args = ["--recipe", &recipe];
    refused(&stack, &args, skipped, "eneo-upgrade --to v1.6.9");
    stack.docker(&["compose", "up", "-d"]);
    assert_eq!(stack.get("/api/healthz").0, 200);
}

/// The built-in recipe, with a release between.
fn recipe(folder: &Path) -> String {
    let built_in = Path::new(env!("CARGO_MANIFEST_DIR")).join("compose-templates/eneo/recipe.toml");
    let text = std::fs::read_to_string(built_in).expect("is there");
    let version = "version = \"v1.7.0\"\n";
    assert!(text.contains(version));
    let path = folder.join("recipe.toml");
    let text = text.replace(version, &format!("{version}minimum = \"v1.6.9\"\n"));
    std::fs::write(&path, text).expect("written");
    path.display().to_string()
}

#[test]
fn a_release_older_than_the_database() {
    let stack = Stack::new(Compose::Newest, &["--tag", "v1.7.0"]);
    stack.up();
    let ahead = "the database is at add_integration_wrappers, which the new image does not know";
    refused(&stack, &["--to", "v1.6.3"], ahead, "choose a newer one");
    let wanted = (Refusal, "database-ahead", "choose a newer one");
    expect(&stack, &["--fetch", "--to", "v1.6.3"], &[wanted]);
}

#[test]
fn a_run_that_does_not_get_beyond_the_jobs() {
    let stack = Stack::new(Compose::Newest, &["--variant", "started"]);
    stack.up();
    stack.seed();
    let job = stack.crawl();
    stack.publish("v1.7.0", &["latest"]);
    let before = (stack.tags(), stack.containers(), stack.compose_file());
    let watch = Watch::new(&stack);
    stack
        .tool(&["--drain-timeout", "1s"])
        .expect(3, "nothing of yours was touched");
    watch.assert_only_fetched();
    let now = || (stack.tags(), stack.containers(), stack.compose_file());
    assert_eq!(now(), before);
    stack.docker(&["compose", "up", "-d"]);
    assert_eq!(now(), before, "a plain `up -d` changed something");
    let status = format!("SELECT status FROM jobs WHERE id = '{job}'");
    assert_eq!(stack.psql(&status), "in progress");

    let mut run = stack.spawn(&[]);
    wait("a run to be open", || {
        stack.tool(&["check"]).text.contains("is still open")
    });
    run.kill().expect("killed");
    run.wait().expect("ended");
    let watch = Watch::new(&stack);
    expect(
        &stack,
        &[],
        &[(Refusal, "run-open", "`eneo-upgrade resume` goes on")],
    );
    stack
        .tool(&[])
        .expect(3, "`eneo-upgrade rollback` goes back");
    watch.assert_nothing();
    assert_eq!(now(), before);
}
