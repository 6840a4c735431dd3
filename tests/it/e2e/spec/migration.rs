//! Which service is taken for the migration, where none is named by `--edge`.

use super::Composes;
use super::project::NEWEST;

fn project(migration: &str, api: &str) -> String {
    format!(
        "services:\n  db: {{image: postgres}}\n{migration}  api:\n    image: app\n    depends_on:\n      {api}"
    )
}

const STARTED: &str = "db:\n        condition: service_started\n";

#[track_caller]
fn taken(text: &str, args: &[&str], migration: &str) {
    let lines =
        format!("+      {migration}:\n+        condition: service_completed_successfully\n");
    let project = Composes::new();
    let project = project.compose_yaml(text);
    project.gates_with(args, &[("api", migration)], &[("compose.yaml", &lines)]);
}

#[test]
fn by_its_name() {
    for name in ["migrate", "db-init", "init_db", "app-migrations", "alembic"] {
        taken(
            &project(&format!("  {name}: {{image: app}}\n"), STARTED),
            &[],
            name,
        );
    }
}

#[test]
fn by_what_it_runs() {
    for command in [
        "alembic upgrade head",
        "['python', 'manage.py', 'migrate']",
        "sh -c 'rails db:prepare'",
    ] {
        taken(
            &project(
                &format!("  setup: {{image: app, command: {command}}}\n"),
                STARTED,
            ),
            &[],
            "setup",
        );
    }
}

#[test]
fn by_who_waits_for_its_end() {
    let awaited = "  prepare: {image: app}\n  docs:\n    image: docs\n    depends_on: {prepare: {condition: service_completed_successfully}}\n";
    taken(&project(awaited, STARTED), &[], "prepare");
}

#[test]
fn by_the_recipe_of_a_known_app() {
    let image = "ghcr.io/eneo-ai/eneo-backend:v1";
    let text = format!(
        "services:\n  db: {{image: postgres}}\n  migrate-other: {{image: other}}\n  db-init: {{image: '{image}'}}\n  \
         backend:\n    image: {image}\n  worker:\n    image: {image}\n    depends_on:\n      backend:\n        condition: service_started\n"
    );
    let edges = [("backend", "db-init"), ("worker", "db-init")];
    let lines = "+    depends_on:\n+      db-init:\n+        condition: service_completed_successfully\n+      db-init:\n+        condition: service_completed_successfully\n";
    let composes = Composes::new();
    let project = composes.compose_yaml(&text);
    project.gates_with(&[], &edges, &[("compose.yaml", lines)]);
    let without = text.replace("  db-init: ", "  other: ");
    let project = composes.compose_yaml(&without);
    project.refuses_with(
        &[],
        "migration-missing",
        &["no service `db-init`", "--migration"],
    );
}

#[test]
fn of_two_none_is_guessed_and_the_user_may_say_which() {
    let text = project(
        "  migrate-a: {image: app}\n  migrate-b: {image: app}\n",
        STARTED,
    );
    let composes = Composes::new();
    let words = ["`migrate-a`, `migrate-b`", "--migration SERVICE"];
    composes
        .compose_yaml(&text)
        .refuses_with(&[], "migration-ambiguous", &words);
    taken(&text, &["--migration", "migrate-b"], "migrate-b");
}

#[test]
fn none_is_made_up() {
    let composes = Composes::new();
    let text = project("", STARTED);
    let words = ["--migration SERVICE", "--edge SERVICE:DEPENDENCY"];
    let project = composes.compose_yaml(&text);
    project.refuses_with(&[], "migration-unknown", &words);
    project.refuses_with(&["--migration", "nope"], "migration-missing", &["`nope`"]);
    // It is there, and nothing is known to need it.
    let text = "services:\n  migrate: {image: app}\n  web: {image: web}\n";
    composes
        .compose_yaml(text)
        .refuses_with(&[], "writers-unknown", &["--edge"]);
}

/// Compose would wait for ever: it has never completed.
#[test]
fn one_that_is_started_again_whenever_it_ends_is_refused() {
    let composes = Composes::new();
    for policy in [
        "restart: always",
        "restart: unless-stopped",
        "restart: '${R:-always}'",
        "deploy: {restart_policy: {condition: any}}",
        "restart: 'no', deploy: {restart_policy: {condition: any}}",
    ] {
        let text = project(&format!("  setup: {{image: app, {policy}}}\n"), STARTED);
        let project = composes.compose_yaml(&text);
        for args in [["--migration", "setup"], ["--edge", "api:setup"]] {
            let words = ["`setup`", "`restart: ", "set `restart: \"no\"`"];
            project.refuses_with(&args, "migration-restarts", &words);
        }
        // It looks like none that ends.
        project.refuses_with(&[], "migration-unknown", &[]);
    }
}

#[test]
fn one_that_ends_by_itself_may_have_a_restart_policy() {
    for policy in [
        "restart: 'no'",
        "restart: on-failure:3",
        "restart: always, deploy: {restart_policy: {condition: none}}",
        "deploy: {restart_policy: {condition: on-failure, max_attempts: 3}}",
    ] {
        taken(
            &project(&format!("  migrate: {{image: app, {policy}}}\n"), STARTED),
            &[],
            "migrate",
        );
    }
}

#[test]
fn one_in_a_profile_that_is_not_enabled_is_refused() {
    let text = project("  migrate: {image: app, profiles: [m]}\n", STARTED);
    let composes = Composes::new();
    let project = composes.compose_yaml(&text);
    let named = ["--migration", "migrate"];
    project.refuses_with(&named, "migration-inactive", &["`migrate`", "--profile"]);
    let lines = "+      migrate:\n+        condition: service_completed_successfully\n";
    project.flags(&["--profile", "m"]).gates_with(
        &[],
        &[("api", "migrate")],
        &[("compose.yaml", lines)],
    );
}

#[test]
fn an_edge_names_two_services() {
    let composes = Composes::new();
    let text = project("", STARTED);
    for edge in ["api", "api:", ":db"] {
        let project = composes.compose_yaml(&text);
        project
            .patch(NEWEST, &["--edge", edge])
            .expect(2, "name two services");
    }
}
