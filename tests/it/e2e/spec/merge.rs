//! What several files say of one service, and where an edge is written then.

use super::{Composes, DONE, Project, services};

const ADDED: &str =
    "+    depends_on:\n+      init:\n+        condition: service_completed_successfully\n";
const LIST: &str = "services:\n  backend:\n    depends_on: [init]\n";
const LISTED: &str = "-    depends_on: [init]\n+    depends_on: {init: {condition: service_completed_successfully}}\n";
const ALONE: &str = "+services:\n+  backend:\n+    depends_on:\n+      init:\n+        condition: service_completed_successfully\n";
const STARTED: &str =
    "-        condition: service_started\n+        condition: service_completed_successfully\n";

/// A base and its override file.
fn two<'a>(composes: &'a Composes, backend: &str, over: &str) -> Project<'a> {
    let over = format!("services:\n  backend:\n{over}");
    composes.project(&[
        ("compose.yaml", &services(backend)),
        ("compose.override.yml", &over),
    ])
}

fn map(condition: &str, more: &str) -> String {
    format!("    depends_on:\n      init:\n        condition: {condition}\n{more}")
}

/// A list in a later file means `service_started`, whatever an earlier one says.
#[test]
fn a_later_list_resets_the_condition() {
    let composes = Composes::new();
    let project = two(&composes, &map(DONE, ""), "    depends_on: [init]\n");
    let gate = &project.configs()[0]["services"]["backend"]["depends_on"]["init"];
    assert_eq!(gate["condition"], "service_started", "Compose has changed");
    project.gates(&[("compose.override.yml", LISTED)]);
}

#[test]
fn the_last_file_that_mentions_the_edge_is_changed() {
    let composes = Composes::new();
    let db = "    depends_on:\n      db:\n        condition: service_started\n";
    let started = map("service_started", "");
    two(&composes, &started, db).gates(&[("compose.yaml", STARTED)]);
    two(&composes, db, &started).gates(&[("compose.override.yml", STARTED)]);
    two(&composes, &started, &started).gates(&[("compose.override.yml", STARTED)]);
}

#[test]
fn what_depends_on_is_only_in_the_override_file() {
    let composes = Composes::new();
    two(&composes, "", "    depends_on: [init]\n").gates(&[("compose.override.yml", LISTED)]);
    let lines = "-    depends_on: [db]\n+    depends_on: {db: {condition: service_started}, init: {condition: service_completed_successfully}}\n";
    two(&composes, "", "    depends_on: [db]\n").gates(&[("compose.override.yml", lines)]);
    // The file that says what the service is made from, if none says more.
    two(&composes, "", "    labels: {a: b}\n").gates(&[("compose.yaml", ADDED)]);
}

#[test]
fn reset_of_depends_on_is_refused() {
    let composes = Composes::new();
    for reset in ["!reset []", "!reset null", "!reset {}"] {
        let over = format!("    depends_on: {reset}\n");
        let project = two(&composes, "    depends_on: [init]\n", &over);
        let words = ["compose.override.yml", "`!reset` stands here", "line 3"];
        let refused = project.refuses("reset-tag", &words);
        project.follow_by_hand(&refused, "compose.override.yml");
    }
}

#[test]
fn reset_of_one_dependency_is_refused_where_it_stands() {
    let composes = Composes::new();
    let over = "    depends_on:\n      init: !reset null\n";
    let project = two(&composes, &map(DONE, ""), over);
    let refused = project.refuses("reset-tag", &["compose.override.yml", "line 4"]);
    project.follow_by_hand(&refused, "compose.override.yml");
}

#[test]
fn reset_of_the_service_is_refused_where_it_stands() {
    let composes = Composes::new();
    let over = "services:\n  backend: !reset\n    labels: {a: b}\n";
    let base = services("");
    let project = composes.project(&[("compose.yaml", &base), ("compose.override.yml", over)]);
    project.refuses("reset-tag", &["compose.override.yml", "backend", "line 2"]);
}

#[test]
fn a_file_after_reset_says_it_again() {
    let composes = Composes::new();
    let files = [
        ("a.yml", &*services("    depends_on: [db]\n")),
        (
            "b.yml",
            "services:\n  backend:\n    depends_on: !reset []\n",
        ),
        ("c.yml", LIST),
    ];
    let project = composes.project(&files);
    let flags = ["-f", "a.yml", "-f", "b.yml", "-f", "c.yml"];
    project.flags(&flags).gates(&[("c.yml", LISTED)]);
}

/// What a file before the tag says does not count.
#[test]
fn override_is_patched_at_the_tag_or_after_it() {
    let composes = Composes::new();
    let over = "    depends_on: !override\n      - db\n";
    let lines = "-      - db\n+      db:\n+        condition: service_started\n+      init:\n+        condition: service_completed_successfully\n";
    let project = two(&composes, "    depends_on: [init]\n", over);
    project.gates(&[("compose.override.yml", lines)]);

    let over = "    depends_on: !override\n      db:\n        condition: service_started\n";
    let lines = "+      init:\n+        condition: service_completed_successfully\n";
    let project = two(&composes, &map(DONE, ""), over);
    project.gates(&[("compose.override.yml", lines)]);

    let over = "services:\n  backend: !override\n    image: other\n";
    let base = services(&map(DONE, ""));
    let project = composes.project(&[("compose.yaml", &base), ("compose.override.yml", over)]);
    project.gates(&[("compose.override.yml", ADDED)]);

    let files = [
        ("a.yml", base.as_str()),
        (
            "b.yml",
            "services:\n  backend:\n    depends_on: !override [db]\n",
        ),
        ("c.yml", LIST),
    ];
    let project = composes.project(&files);
    let flags = ["-f", "a.yml", "-f", "b.yml", "-f", "c.yml"];
    project.flags(&flags).gates(&[("c.yml", LISTED)]);
}

#[test]
fn an_included_file_of_the_project_is_changed() {
    let composes = Composes::new();
    let app = services("");
    for (main, included) in [
        ("include: [app.yml]\n", "app.yml"),
        ("include: [./x/../app.yml]\n", "app.yml"),
        ("include:\n  - path: x/app.yml\n", "x/app.yml"),
        (
            "include:\n  - path: x/app.yml\n    project_directory: .\n",
            "x/app.yml",
        ),
    ] {
        let files = [("compose.yaml", main), (included, &app), ("x/n", "")];
        composes.project(&files).gates(&[(included, ADDED)]);
    }
    let files = [
        ("compose.yaml", "include: [x/a.yml]\n"),
        ("x/a.yml", "include: [y/b.yml]\n"),
        ("x/y/b.yml", &app),
    ];
    composes.project(&files).gates(&[("x/y/b.yml", ADDED)]);
}

#[test]
fn of_a_list_of_included_paths_the_last_that_says_most_is_changed() {
    let composes = Composes::new();
    let (app, main) = (services(""), "include:\n  - path: [a.yml, b.yml]\n");
    let labels = "services:\n  backend:\n    labels: {a: b}\n";
    let project = composes.project(&[("compose.yaml", main), ("a.yml", &app), ("b.yml", LIST)]);
    project.gates(&[("b.yml", LISTED)]);
    let project = composes.project(&[("compose.yaml", main), ("a.yml", &app), ("b.yml", labels)]);
    project.gates(&[("a.yml", ADDED)]);
}

#[test]
fn an_override_file_may_change_what_is_included() {
    let composes = Composes::new();
    let project = composes.project(&[
        ("compose.yaml", "include: [a.yml]\n"),
        ("a.yml", &services("")),
        ("compose.override.yml", LIST),
    ]);
    project.gates(&[("compose.override.yml", LISTED)]);
}

#[test]
fn a_service_that_is_included_and_written_is_refused_by_compose() {
    let composes = Composes::new();
    let project = composes.project(&[
        (
            "compose.yaml",
            "include: [a.yml]\nservices:\n  backend:\n    labels: {a: b}\n",
        ),
        ("a.yml", &services("")),
    ]);
    project.refuses(
        "project-unreadable",
        &["services.backend conflicts with imported"],
    );
}

/// What lies outside the project is others': an override file says it, or the user does.
#[test]
fn an_included_file_from_elsewhere_is_left_alone() {
    let composes = Composes::new();
    let main = "include: [../a.yml]\nservices:\n  z: {image: z}\n";
    let files = [("p/compose.yaml", main), ("a.yml", &services(""))];
    let project = composes.project(&files).here("p");
    project.gates(&[("p/compose.override.yaml", ALONE)]);
    let flags = ["-f", "p/c.yml"];
    let files = [("p/c.yml", main), ("a.yml", &services(""))];
    let project = composes.project(&files).flags(&flags);
    let refused = project.refuses(
        "not-in-a-file",
        &["service `backend`", "eneo-upgrade.override.yml"],
    );
    let new = project.path("p/eneo-upgrade.override.yml");
    assert!(
        refused.cure.contains(&new.display().to_string()),
        "{}",
        refused.cure
    );
    let (_, text) = refused.cure.split_once(":\n").expect("a text");
    std::fs::write(new, text).expect("written");
    let flags = ["-f", "p/c.yml", "-f", "p/eneo-upgrade.override.yml"];
    let before = project.configs();
    let project = project.flags(&flags);
    super::assert_gated(&before, &project.configs(), &[("backend", "init")]);
}

/// Neither Compose nor we can reach it, and nothing is made up.
#[test]
fn an_include_from_afar_that_cannot_be_had_is_refused() {
    let composes = Composes::new();
    for remote in ["https://localhost:1/x.git", "oci://localhost:1/x:1"] {
        let text = format!("include:\n  - {remote}\n{}", services(""));
        composes
            .compose_yaml(&text)
            .refuses("project-unreadable", &[]);
    }
}

#[test]
fn extends_takes_the_edge_on_the_extending_service() {
    let composes = Composes::new();
    let base = |depends_on: &str| {
        format!(
            "services:\n  init: {{image: app}}\n  db: {{image: db}}\n  base:\n    image: app\n{depends_on}  \
             backend:\n    extends: base\n"
        )
    };
    for depends_on in [
        "",
        "    depends_on: [db]\n",
        "    depends_on: [db, init]\n",
        "    depends_on:\n      init:\n        condition: service_started\n",
    ] {
        composes
            .compose_yaml(&base(depends_on))
            .gates(&[("compose.yaml", ADDED)]);
    }
    composes.compose_yaml(&base(&map(DONE, ""))).is_right();
}

#[test]
fn extends_never_changes_the_file_of_the_base() {
    let composes = Composes::new();
    let main = "services:\n  init: {image: app}\n  backend:\n    extends:\n      file: base.yml\n      service: base\n";
    let base =
        "services:\n  base:\n    image: app\n    depends_on: [init]\n  init: {image: foreign}\n";
    let files = [("compose.yaml", main), ("base.yml", base)];
    composes.project(&files).gates(&[("compose.yaml", ADDED)]);

    let base = base.replace(
        "[init]",
        &format!("{{init: {{condition: {DONE}, required: false}}}}"),
    );
    let files = [("compose.yaml", main), ("base.yml", &base)];
    let words = ["`backend`", "required: false", "not the project's own"];
    composes.project(&files).refuses("required-false", &words);
}

#[test]
fn a_profile_that_is_not_enabled() {
    let composes = Composes::new();
    let text = "services:\n  init: {image: app, profiles: [m]}\n  backend:\n    image: app\n";
    let project = composes.compose_yaml(text);
    let refused = project.refuses("inactive-service", &["`init`", "--profile"]);
    assert!(
        refused
            .cure
            .contains("take `profiles` out of service `init`")
    );
    let added = [("compose.yaml", ADDED)];
    project.flags(&["--profile", "m"]).gates(&added);
    let project = composes
        .compose_yaml(text)
        .variables(&[("COMPOSE_PROFILES", "m")]);
    project.gates(&added);
    composes
        .project(&[("compose.yaml", text), (".env", "COMPOSE_PROFILES=m\n")])
        .gates(&added);

    let text = text.replace(", profiles: [m]", "") + "    profiles: [m]\n";
    composes
        .compose_yaml(&text)
        .refuses("inactive-service", &["`backend`"]);
}

/// Compose refuses that by itself; with `required: false` it would start without the migration.
#[test]
fn a_dependency_in_a_profile_that_is_not_enabled() {
    let composes = Composes::new();
    let text = "services:\n  init: {image: app, profiles: [m]}\n  backend:\n    image: app\n";
    let listed = format!("{text}    depends_on: [init]\n");
    let words = ["depends on undefined service \"init\"", "`--profile`"];
    composes
        .compose_yaml(&listed)
        .refuses("project-unreadable", &words);
    let optional = format!("{text}{}", map(DONE, "        required: false\n"));
    composes
        .compose_yaml(&optional)
        .refuses("inactive-service", &["`init`"]);
}

#[test]
fn required_false_is_refused_where_it_stands() {
    let composes = Composes::new();
    let optional = map(DONE, "        required: false\n");
    let project = composes.compose_yaml(&services(&optional));
    let refused = project.refuses("required-false", &["compose.yaml", "line 9"]);
    project.follow_by_hand(&refused, "compose.yaml");

    let project = two(&composes, &map(DONE, ""), &optional);
    let refused = project.refuses("required-false", &["compose.override.yml", "line 6"]);
    project.follow_by_hand(&refused, "compose.override.yml");
}

/// The file that is changed last says nothing about it, and the one before it counts.
#[test]
fn required_false_in_an_earlier_file_is_found() {
    let composes = Composes::new();
    let optional = map("service_started", "        required: false\n");
    for over in [
        "    depends_on: [init]\n",
        &map("service_started", ""),
        &map(DONE, ""),
    ] {
        let project = two(&composes, &optional, over);
        project.refuses("required-false", &["compose.yaml", "line 9"]);
    }
    let over = map("service_started", "        required: true\n");
    two(&composes, &optional, &over).gates(&[("compose.override.yml", STARTED)]);
    // What stands between them takes it back.
    let files = [
        ("a.yml", &*services(&optional)),
        ("b.yml", LIST),
        (
            "c.yml",
            &format!("services:\n  backend:\n{}", map("service_started", "")),
        ),
    ];
    let project = composes.project(&files);
    let flags = ["-f", "a.yml", "-f", "b.yml", "-f", "c.yml"];
    project.flags(&flags).gates(&[("c.yml", STARTED)]);
}

#[test]
fn required_false_of_another_dependency_stays() {
    let composes = Composes::new();
    let other =
        "    depends_on:\n      db:\n        condition: service_started\n        required: false\n";
    let lines = "+      init:\n+        condition: service_completed_successfully\n";
    composes
        .compose_yaml(&services(other))
        .gates(&[("compose.yaml", lines)]);
}
