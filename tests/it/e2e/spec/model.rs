//! The project as a whole: header, name, documents, and who waits for whom.

use super::project::NEWEST;
use super::{Composes, DONE, services};

const ADDED: &str =
    "+    depends_on:\n+      init:\n+        condition: service_completed_successfully\n";
const ALONE: &str = "+services:\n+  backend:\n+    depends_on:\n+      init:\n+        condition: service_completed_successfully\n";

#[test]
fn a_version_header_is_left() {
    let composes = Composes::new();
    for version in ["'2.4'", "\"3\"", "'9000'"] {
        let text = format!("version: {version}\n{}", services(""));
        composes
            .compose_yaml(&text)
            .gates(&[("compose.yaml", ADDED)]);
    }
}

#[test]
fn a_file_without_services_is_refused() {
    let composes = Composes::new();
    let text = "init: {image: app}\nbackend:\n  image: app\n";
    composes
        .compose_yaml(text)
        .refuses("project-unreadable", &["compose.yaml", "not allowed"]);
    composes
        .compose_yaml("")
        .refuses("project-unreadable", &["empty compose file"]);
    composes
        .compose_yaml("x-a: b\n")
        .refuses("unknown-service", &["`backend`"]);
}

/// `-p`, `COMPOSE_PROJECT_NAME`, the last file's `name:`, the folder's name made fit.
#[test]
fn the_projects_name_is_what_compose_makes_it() {
    let composes = Composes::new();
    let named = format!("name: ${{N:-from-file}}\n{}", services(""));
    let over = ("b.yml", "name: from-last-file\nservices: {z: {image: z}}\n");
    let files = [("My App.v2/a.yml", named.as_str()), over];
    let both = ["-f", "My App.v2/a.yml", "-f", "b.yml"];
    let flag = ["-f", "My App.v2/a.yml", "-p", "from-flag"];
    let plain = services("");
    let unnamed = [("My App.v2/a.yml", plain.as_str())];
    for (files, flags, variables, name) in [
        (&unnamed[..], &both[..2], &[][..], "myappv2"),
        (&files, &both[..2], &[], "from-file"),
        (&files, &both[..2], &[("N", "other")], "other"),
        (&files, &both, &[], "from-last-file"),
        (
            &files,
            &both,
            &[("COMPOSE_PROJECT_NAME", "from-env")],
            "from-env",
        ),
        (
            &files,
            &flag,
            &[("COMPOSE_PROJECT_NAME", "from-env")],
            "from-flag",
        ),
    ] {
        let project = composes.project(files).flags(flags).variables(variables);
        for config in project.configs() {
            assert_eq!(config["name"], name, "{flags:?} {variables:?}");
        }
        project.gates(&[("My App.v2/a.yml", ADDED)]);
    }
    let project = composes.compose_yaml(&plain).flags(&["-p", "Bad Name"]);
    project.refuses("project-unreadable", &["invalid project name \"Bad Name\""]);
}

#[test]
fn of_several_documents_the_one_that_has_the_service_is_changed() {
    let composes = Composes::new();
    let text = "services:\n  init: {image: app}\n---\nservices:\n  backend:\n    image: app\n---\nx-a: b\n";
    composes
        .compose_yaml(text)
        .gates(&[("compose.yaml", ADDED)]);
}

#[test]
fn a_service_in_several_documents_is_left_as_it_is() {
    let composes = Composes::new();
    let text = format!(
        "{}---\nservices:\n  backend:\n    depends_on: [db]\n",
        services("")
    );
    composes
        .compose_yaml(&text)
        .gates(&[("compose.override.yaml", ALONE)]);
    let flags = ["-f", "a.yml"];
    let project = composes.project(&[("a.yml", &text)]).flags(&flags);
    let refused = project.refuses("several-documents", &["a.yml", "`backend`", "line 8"]);
    project.follow_to_a_new_file(&refused, &flags);
}

/// Compose adds these itself; they are not written back.
#[test]
fn what_a_service_depends_on_by_other_keys_stays_unwritten() {
    let composes = Composes::new();
    for backend in [
        "    links: [db]\n",
        "    volumes_from: [db]\n",
        "    network_mode: service:db\n",
        "    ipc: service:db\n",
        "    pid: service:db\n",
        "    volumes_from: [init]\n",
    ] {
        let project = composes.compose_yaml(&services(backend));
        let edges = project.configs()[0]["services"]["backend"]["depends_on"].clone();
        assert!(edges.is_object(), "Compose adds none for {backend}");
        project.gates(&[("compose.yaml", ADDED)]);
    }
}

#[test]
fn cycles_are_refused() {
    let composes = Composes::new();
    let of = |init: &str, db: &str| {
        format!(
            "services:\n  init:\n    image: app\n{init}  db:\n    image: db\n{db}  backend:\n    image: app\n"
        )
    };
    for (init, db) in [
        ("    depends_on: [backend]\n", ""),
        ("    depends_on: [db]\n", "    depends_on: [backend]\n"),
        ("    network_mode: service:backend\n", ""),
        ("    depends_on: [db]\n", "    links: [backend]\n"),
    ] {
        let project = composes.compose_yaml(&of(init, db));
        let refused = project.refuses("cycle", &["`backend`", "`init`"]);
        assert!(
            refused.cure.contains("take `backend` out"),
            "{}",
            refused.cure
        );
    }
    let itself = ["--edge", "backend:backend"];
    let project = composes.compose_yaml(&of("", ""));
    project.refuses_with(&itself, "cycle", &["`backend` cannot wait for itself"]);
}

/// Whole files are written one after the other: what they say together is judged before.
#[test]
fn edges_that_make_a_cycle_together_are_refused() {
    let composes = Composes::new();
    let one = "services: {init: {image: app}}\n";
    let two = "services: {backend: {image: app}}\n";
    let project = composes.project(&[
        ("a.yml", one),
        ("b.yml", two),
        ("c.yml", ""),
        ("compose.yaml", "include: [a.yml, b.yml]\n"),
    ]);
    let ran = project.patch(
        NEWEST,
        &[
            "--check",
            "--edge",
            "backend:init",
            "--edge",
            "init:backend",
        ],
    );
    ran.expect(3, "cannot make `backend` wait for `init`")
        .expect(3, "cannot make `init` wait for `backend`");
    assert!(!project.path(".eneo-upgrade").exists());
}

#[test]
fn services_that_are_not_there_are_refused() {
    let composes = Composes::new();
    let project = composes.compose_yaml(&services(""));
    for edge in ["nope:init", "backend:nope"] {
        project.refuses_with(
            &["--edge", edge],
            "unknown-service",
            &["`nope`", "config --services"],
        );
    }
}

/// Several services and files at once: all or none.
#[test]
fn several_edges_are_written_together_or_not_at_all() {
    let composes = Composes::new();
    let edges = ["--edge", "backend:init", "--edge", "db:init"];
    let over = (
        "compose.override.yml",
        "services:\n  db:\n    depends_on: [init]\n",
    );
    let base = services("");
    let project = composes.project(&[("compose.yaml", &base), over]);
    let lines = "-    depends_on: [init]\n+    depends_on: {init: {condition: service_completed_successfully}}\n";
    project.gates_with(
        &edges,
        &[("backend", "init"), ("db", "init")],
        &[("compose.override.yml", lines), ("compose.yaml", ADDED)],
    );
    let optional = format!(
        "    depends_on:\n      init:\n        condition: {DONE}\n        required: false\n"
    );
    let base = services(&optional);
    let project = composes.project(&[("compose.yaml", &base), over]);
    project.refuses_with(&edges, "required-false", &["compose.yaml", "line 9"]);
}
