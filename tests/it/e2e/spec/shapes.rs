//! The forms in which one file can say what a service waits for.

use super::{Composes, DONE, services};

const ADDED: &str =
    "+    depends_on:\n+      init:\n+        condition: service_completed_successfully\n";
const WITH_DB: &str = "+    depends_on:\n+      db:\n+        condition: service_started\n+      init:\n+        condition: service_completed_successfully\n";
const ENTRY: &str = "+      init:\n+        condition: service_completed_successfully\n";
const ALONE: &str = "+services:\n+  backend:\n+    depends_on:\n+      init:\n+        condition: service_completed_successfully\n";

/// What stands below `backend`, and the lines of the diff.
#[track_caller]
fn gates(shapes: &[(&str, &str)]) {
    let composes = Composes::new();
    for (backend, lines) in shapes {
        let project = composes.compose_yaml(&services(backend));
        project.gates(&[("compose.yaml", lines)]);
    }
}

#[test]
fn no_depends_on() {
    gates(&[
        ("", ADDED),
        ("    labels: {a: b} # why\n    # the end\n\n", ADDED),
        ("    command: |\n      a\n\n", ADDED),
    ]);
}

#[test]
fn block_lists_become_maps_item_by_item() {
    gates(&[
        (
            "    depends_on:\n      - init\n",
            "-      - init\n+      init:\n+        condition: service_completed_successfully\n",
        ),
        (
            "    depends_on:\n      # the data\n      - db # main\n\n      # - old\n    labels: {a: b}\n",
            "-      - db # main\n+      db: # main\n+        condition: service_started\n+      init:\n+        condition: service_completed_successfully\n",
        ),
        (
            "    depends_on:\n      - \"db\"\n",
            "-      - \"db\"\n+      \"db\":\n+        condition: service_started\n+      init:\n+        condition: service_completed_successfully\n",
        ),
    ]);
}

#[test]
fn flow_lists_and_maps_stay_on_their_lines() {
    gates(&[
        (
            "    depends_on: []\n",
            "-    depends_on: []\n+    depends_on: {init: {condition: service_completed_successfully}}\n",
        ),
        (
            "    depends_on: [db, 'init'] # two\n",
            "-    depends_on: [db, 'init'] # two\n+    depends_on: {db: {condition: service_started}, 'init': {condition: service_completed_successfully}} # two\n",
        ),
        (
            "    depends_on: {}\n",
            "-    depends_on: {}\n+    depends_on: {init: {condition: service_completed_successfully}}\n",
        ),
        (
            "    depends_on: {db: {condition: service_healthy}}\n",
            "-    depends_on: {db: {condition: service_healthy}}\n+    depends_on: {db: {condition: service_healthy}, init: {condition: service_completed_successfully}}\n",
        ),
    ]);
}

#[test]
fn block_maps_get_an_entry_or_another_condition() {
    gates(&[
        (
            "    depends_on:\n      db:\n        condition: service_healthy # h\n",
            ENTRY,
        ),
        (
            "    depends_on:\n      init:\n        condition: 'service_healthy' # h\n",
            "-        condition: 'service_healthy' # h\n+        condition: 'service_completed_successfully' # h\n",
        ),
    ]);
    let right = format!("    depends_on:\n      init:\n        condition: {DONE}\n");
    Composes::new().compose_yaml(&services(&right)).is_right();
}

/// `restart` and `required` are kept where they are, and never written.
#[test]
fn restart_and_required_true_are_kept() {
    let line =
        "-        condition: service_started\n+        condition: service_completed_successfully\n";
    gates(&[
        (
            "    depends_on:\n      init:\n        condition: service_started\n        restart: true\n",
            line,
        ),
        (
            "    depends_on:\n      init:\n        condition: service_started\n        required: true\n",
            line,
        ),
        (
            "    depends_on:\n      init:\n        restart: true\n        condition: service_started\n        required: true\n",
            line,
        ),
    ]);
}

const SHARED: &str = "x-deps: &deps\n  db:\n    condition: service_started\nservices:\n  db: {image: db}\n  init:\n    image: app\n    depends_on: *deps\n  backend:\n    image: app\n    depends_on: *deps # both\n";

/// The anchor is `init`'s too: written there, the edge would be a cycle.
#[test]
fn an_alias_shared_with_the_migration_is_written_out() {
    let lines = "-    depends_on: *deps # both\n+    depends_on: # both\n+      db:\n+        condition: service_started\n+      init:\n+        condition: service_completed_successfully\n";
    Composes::new()
        .compose_yaml(SHARED)
        .gates(&[("compose.yaml", lines)]);
}

#[test]
fn an_anchored_node_is_never_changed() {
    let composes = Composes::new();
    for depends_on in [
        "&deps\n      db:\n        condition: service_started\n",
        "&deps\n      - db\n",
        "&deps [db]\n",
        "&deps {db: {condition: service_started}}\n",
    ] {
        let text = format!(
            "services:\n  db: {{image: db}}\n  backend:\n    image: app\n    depends_on: {depends_on}  init:\n    \
             image: app\n    depends_on: *deps\n"
        );
        composes
            .compose_yaml(&text)
            .gates(&[("compose.override.yaml", ALONE)]);
    }
    let text = "services:\n  db: {image: db}\n  backend:\n    image: app\n    depends_on: &deps\n      - db\n  init:\n    image: app\n    depends_on: *deps\n";
    let flags = ["-f", "a.yml"];
    let project = composes.project(&[("a.yml", text)]).flags(&flags);
    let refused = project.refuses("shared-anchor", &["a.yml", "with `init`"]);
    project.follow_to_a_new_file(&refused, &flags);
}

#[test]
fn a_service_that_others_are_made_from_is_left_as_it_is() {
    let composes = Composes::new();
    let text = "services:\n  db: {image: db}\n  backend: &app\n    image: app\n    depends_on: [db]\n  init:\n    <<: *app\n    command: migrate\n";
    composes
        .compose_yaml(text)
        .gates(&[("compose.override.yaml", ALONE)]);
    let text = "x-app: &app\n  image: app\n  depends_on: [db]\nservices:\n  db: {image: db}\n  backend: *app\n  init: {image: app}\n";
    composes
        .compose_yaml(text)
        .gates(&[("compose.override.yaml", ALONE)]);
}

/// An own `depends_on` takes the place of the merged one: what that says is written, too.
#[test]
fn a_merged_depends_on_is_written_out() {
    let composes = Composes::new();
    let merged = |x: &str, backend: &str| {
        format!("{x}services:\n  db: {{image: db}}\n  init: {{image: app}}\n  backend:\n{backend}")
    };
    let healthy = "x-app: &app\n  image: app\n  depends_on:\n    db:\n      condition: service_healthy\n      restart: true\n";
    let lines = "+    depends_on:\n+      db:\n+        condition: service_healthy\n+        restart: true\n+      init:\n+        condition: service_completed_successfully\n";
    composes
        .compose_yaml(&merged(healthy, "    <<: *app\n    labels: {a: b}\n"))
        .gates(&[("compose.yaml", lines)]);
    let two = "x-a: &a\n  image: app\nx-b: &b\n  depends_on: [db]\n";
    composes
        .compose_yaml(&merged(two, "    <<: [*a, *b]\n    labels: {a: b}\n"))
        .gates(&[("compose.yaml", WITH_DB)]);
    let own = "    <<: *app\n    depends_on:\n      db:\n        condition: service_started\n";
    composes
        .compose_yaml(&merged(healthy, own))
        .gates(&[("compose.yaml", ENTRY)]);
    let inside = "    image: app\n    depends_on:\n      <<: *deps\n";
    composes
        .compose_yaml(&merged(
            "x-deps: &deps\n  db:\n    condition: service_started\n",
            inside,
        ))
        .gates(&[("compose.yaml", ENTRY)]);
}

/// Both versions of Compose refuse it, and so do we in their words.
#[test]
fn what_compose_itself_refuses() {
    let composes = Composes::new();
    for (backend, words) in [
        // As null, which YAML allows here and Compose does not.
        (
            "    depends_on:\n    labels: {a: b}\n",
            "services.backend.depends_on must be a",
        ),
        (
            "    depends_on: ~\n",
            "services.backend.depends_on must be a",
        ),
        (
            "    depends_on: db\n",
            "services.backend.depends_on must be a",
        ),
        (
            "    depends_on:\n      db:\n",
            "services.backend.depends_on.db must be a mapping",
        ),
        (
            "    depends_on:\n      init:\n        restart: true\n",
            "services.backend.depends_on.init",
        ),
        (
            "    depends_on:\n      - db: {condition: service_started}\n",
            "depends_on.0 must be a string",
        ),
        ("    depends_on: [db, db]\n", "services.backend.depends_on"),
        (
            "    depends_on:\n      ${X:-db}:\n        condition: service_started\n",
            "${X:-db}",
        ),
        (
            "    depends_on:\n      init:\n        condition: nonsense\n",
            "services.backend.depends_on.init.condition",
        ),
        (
            "    depends_on: [db]\n    depends_on: [init]\n",
            "line 7: mapping key \"depends_on\"",
        ),
        (
            "    <<: {labels: {a: b}}\n    <<: {labels: {b: c}}\n",
            "line 7: mapping key \"<<\"",
        ),
        ("    labels: *nope\n", "unknown anchor 'nope'"),
        ("    <<: nonsense\n", "map merge requires map"),
    ] {
        let project = composes.compose_yaml(&services(backend));
        let refused = project.refuses("project-unreadable", &[words]);
        assert!(
            refused.cure.contains("docker compose config"),
            "{}",
            refused.cure
        );
    }
}

/// Items are filled in, keys are not: such a list stays one.
#[test]
fn a_list_with_a_variable_is_left_and_an_override_file_made() {
    let composes = Composes::new();
    for backend in [
        "    depends_on:\n      - ${X:-db}\n",
        "    depends_on: ['${X:-db}']\n",
        // The very dependency: the map counts more than the list.
        "    depends_on:\n      - ${X:-init}\n",
    ] {
        let project = composes.compose_yaml(&services(backend));
        project.gates(&[("compose.override.yaml", ALONE)]);
    }
}

#[test]
fn a_condition_that_is_a_variable() {
    let composes = Composes::new();
    let variable = |value: &str| {
        services(&format!(
            "    depends_on:\n      init:\n        condition: ${{C:-{value}}}\n"
        ))
    };
    composes.compose_yaml(&variable(DONE)).is_right();
    let project = composes.compose_yaml(&variable("service_started"));
    let refused = project.refuses(
        "interpolated-condition",
        &["compose.yaml", "the condition is a variable", "line 8"],
    );
    project.follow_by_hand(&refused, "compose.yaml");
    let other = "    depends_on:\n      db:\n        condition: ${C:-service_started}\n";
    composes
        .compose_yaml(&services(other))
        .gates(&[("compose.yaml", ENTRY)]);
}
