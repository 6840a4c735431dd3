//! Which files Compose reads, and which of them is changed.

use super::project::{NEWEST, OLDEST};
use super::{Composes, Project, services};

const ADDED: &str =
    "+    depends_on:\n+      init:\n+        condition: service_completed_successfully\n";
const OVER: &str = "services:\n  backend:\n    labels: {a: b}\n";
const LIST: &str = "services:\n  backend:\n    depends_on: [init]\n";
const LISTED: &str = "-    depends_on: [init]\n+    depends_on: {init: {condition: service_completed_successfully}}\n";
const ALONE: &str = "+services:\n+  backend:\n+    depends_on:\n+      init:\n+        condition: service_completed_successfully\n";

const BASES: [&str; 4] = [
    "compose.yaml",
    "compose.yml",
    "docker-compose.yml",
    "docker-compose.yaml",
];
const OVERRIDES: [&str; 4] = [
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
];

#[test]
fn of_several_base_files_the_first_one_counts() {
    let composes = Composes::new();
    let base = services("");
    for (place, first) in BASES.iter().enumerate() {
        let names = BASES.get(place..).expect("a name");
        let files: Vec<(&str, &str)> = names.iter().map(|name| (*name, base.as_str())).collect();
        composes.project(&files).gates(&[(first, ADDED)]);
    }
}

#[test]
fn of_several_override_files_the_first_one_counts() {
    let composes = Composes::new();
    let base = services("");
    for (place, first) in OVERRIDES.iter().enumerate() {
        let names = OVERRIDES.get(place..).expect("a name");
        let mut files = vec![("docker-compose.yml", base.as_str())];
        files.extend(names.iter().map(|name| (*name, LIST)));
        composes.project(&files).gates(&[(first, LISTED)]);
    }
}

/// A second override file would silently take the place of the first.
#[test]
fn no_override_file_is_made_beside_another_one() {
    let composes = Composes::new();
    let base = services("    depends_on: ['${X:-db}']\n");
    for over in OVERRIDES {
        let project = composes.project(&[("compose.yaml", &base), (over, OVER)]);
        project.gates(&[(over, ADDED)]);
    }
}

#[test]
fn a_new_override_file_is_named_as_its_base_and_has_its_mode() {
    let composes = Composes::new();
    let base = services("    depends_on: ['${X:-db}']\n");
    for (name, over) in [
        ("compose.yaml", "compose.override.yaml"),
        ("compose.yml", "compose.override.yaml"),
        ("docker-compose.yml", "docker-compose.override.yml"),
        ("docker-compose.yaml", "docker-compose.override.yml"),
    ] {
        let project = composes.project(&[(name, &base)]);
        project.gates(&[(over, ALONE)]);
        project.set_mode(name, 0o640);
        project.patch(NEWEST, &super::EDGE).expect(0, "was changed");
        let files = project.files();
        let mode = |name: &str| files.get(std::path::Path::new(name)).map(|file| file.1);
        assert_eq!(mode(over), mode(name), "{over}");
    }
}

/// Where files are named there is no override file that Compose would find.
#[test]
fn with_named_files_the_new_one_is_left_to_the_user() {
    let composes = Composes::new();
    let base = services("    depends_on: ['${X:-db}']\n");
    let flags = ["-f", "a.yml"];
    let project = composes.project(&[("a.yml", &base)]).flags(&flags);
    let refused = project.refuses("list-item", &["a.yml", "line 6", "holds a variable"]);
    project.follow_to_a_new_file(&refused, &flags);
}

fn two_files<'a>(composes: &'a Composes, more: &[(&str, &str)]) -> Project<'a> {
    let base = services("");
    let mut files = vec![
        ("a.yml", base.as_str()),
        ("b.yml", LIST),
        ("compose.yaml", "services: {z: {image: z}}\n"),
        ("compose.override.yml", OVER),
    ];
    files.extend(more);
    composes.project(&files)
}

#[test]
fn files_by_flag_are_merged_in_order_without_an_override_file() {
    let composes = Composes::new();
    let project = two_files(&composes, &[]).flags(&["-f", "a.yml", "-f", "b.yml"]);
    project.gates(&[("b.yml", LISTED)]);
}

#[test]
fn files_by_compose_file() {
    let composes = Composes::new();
    for variables in [
        &[("COMPOSE_FILE", "a.yml:b.yml")][..],
        &[
            ("COMPOSE_FILE", "a.yml;b.yml"),
            ("COMPOSE_PATH_SEPARATOR", ";"),
        ],
        &[
            ("COMPOSE_FILE", "a.yml::b.yml"),
            ("COMPOSE_PATH_SEPARATOR", "::"),
        ],
    ] {
        let project = two_files(&composes, &[]).variables(variables);
        project.gates(&[("b.yml", LISTED)]);
    }
}

#[test]
fn files_by_compose_file_in_dot_env() {
    let composes = Composes::new();
    for text in [
        "COMPOSE_FILE=a.yml:b.yml\n",
        "COMPOSE_FILE='a.yml;b.yml'\nCOMPOSE_PATH_SEPARATOR=;\n",
        "COMPOSE_PATH_SEPARATOR=,\nCOMPOSE_FILE=\"a.yml,b.yml\"\n",
    ] {
        let project = two_files(&composes, &[(".env", text)]);
        project.gates(&[("b.yml", LISTED)]);
    }
}

#[test]
fn files_by_compose_file_in_a_named_env_file() {
    let composes = Composes::new();
    let named = ("x.env", "COMPOSE_FILE=a.yml:b.yml\n");
    let flags = ["--env-file", "x.env"];
    let project = two_files(&composes, &[named, (".env", "COMPOSE_FILE=no.yml\n")]);
    project.flags(&flags).gates(&[("b.yml", LISTED)]);
    let variables = [("COMPOSE_ENV_FILES", "y.env,x.env")];
    let files = [named, ("y.env", "COMPOSE_FILE=no.yml\n")];
    // Compose knows it since 2.23.
    let project = two_files(&composes, &files).variables(&variables);
    project.gates(&[("b.yml", LISTED)]);
}

/// As on the command line, not relative to the project folder.
#[test]
fn files_in_dot_env_of_a_project_directory() {
    let composes = Composes::new();
    let files = [
        ("p/.env", "COMPOSE_FILE=a.yml:b.yml\n"),
        ("p/a.yml", "x: 1\n"),
    ];
    let project = two_files(&composes, &files);
    project
        .flags(&["--project-directory", "p"])
        .gates(&[("b.yml", LISTED)]);
}

#[test]
fn flags_win_over_the_environment_and_that_over_dot_env() {
    let composes = Composes::new();
    let base = services("");
    let one = [
        ("a.yml", base.as_str()),
        ("b.yml", &base),
        (".env", "COMPOSE_FILE=no.yml\n"),
    ];
    let variables = [("COMPOSE_FILE", "b.yml")];
    let project = composes.project(&one).variables(&variables);
    project.gates(&[("b.yml", ADDED)]);
    project.flags(&["-f", "a.yml"]).gates(&[("a.yml", ADDED)]);
}

#[test]
fn discovery_goes_upward_from_a_sub_directory() {
    let composes = Composes::new();
    let base = services("");
    let files = [
        ("compose.yaml", base.as_str()),
        ("docker-compose.override.yml", OVER),
        ("a/b/notes", ""),
    ];
    let project = composes.project(&files).here("a/b");
    project.gates(&[("compose.yaml", ADDED)]);
}

/// The two versions of Compose disagree here: 2.26 takes `.env` from above, 2.40 does not.
#[test]
fn dot_env_above_a_sub_directory_names_no_files() {
    let composes = Composes::new();
    let base = services("");
    let files = [
        ("compose.yaml", base.as_str()),
        ("a.yml", "services: {z: {image: z}}\n"),
        (".env", "COMPOSE_FILE=a.yml\n"),
        ("sub/notes", ""),
    ];
    let project = composes.project(&files).here("sub");
    for version in [OLDEST, NEWEST] {
        let before = project.files();
        project
            .patch(version, &super::EDGE)
            .expect(0, "compose.yaml");
        project
            .patch(version, &["--check", "--edge", "backend:init"])
            .expect(0, "unchanged");
        assert!(project.read("compose.yaml").contains("service_completed"));
        project.restore(&before);
    }
}

#[test]
fn paths_belong_to_the_folder_of_the_first_file() {
    let composes = Composes::new();
    let base = services("    env_file: x.env\n");
    let files = [
        ("p/a.yml", base.as_str()),
        ("p/x.env", "A=b\n"),
        ("b.yml", LIST),
    ];
    let project = composes.project(&files);
    project
        .flags(&["-f", "p/a.yml", "-f", "b.yml"])
        .gates(&[("b.yml", LISTED)]);
    let files = [("p/a.yml", base.as_str()), ("x.env", "A=b\n")];
    let project = composes.project(&files);
    project
        .flags(&["-f", "p/a.yml", "--project-directory", "."])
        .gates(&[("p/a.yml", ADDED)]);
}

#[test]
fn standard_input_is_refused() {
    let composes = Composes::new();
    let project = composes.compose_yaml(&services(""));
    let project = project.flags(&["-f", "-"]);
    project.ends(3, &["standard input", "save it as a file"]);
    let variables = [("COMPOSE_FILE", "-")];
    project
        .flags(&[])
        .variables(&variables)
        .ends(3, &["save it as a file"]);
}

#[test]
fn files_that_are_not_there_are_named() {
    let composes = Composes::new();
    let project = composes.compose_yaml(&services(""));
    project.flags(&["-f", "no.yml"]).ends(2, &["no.yml"]);
    composes.project(&[]).ends(2, &["no Compose file"]);
    let folder = composes.project(&[("a/b.yml", "")]).flags(&["-f", "a"]);
    folder.ends(2, &["Is a directory"]);
}

#[test]
fn a_link_stays_a_link_and_mode_and_owner_stay() {
    let composes = Composes::new();
    let project = composes.project(&[("real/x.yml", &services("")), ("compose.yaml", "")]);
    std::fs::remove_file(project.path("compose.yaml")).expect("removed");
    std::os::unix::fs::symlink("real/x.yml", project.path("compose.yaml")).expect("a link");
    project.set_mode("real/x.yml", 0o604);
    // Only root may give a file away.
    let _ = std::os::unix::fs::chown(project.path("real/x.yml"), Some(12), Some(12));
    let before = project.files();
    project.patch(NEWEST, &super::EDGE).expect(0, "was changed");
    let after = project.files();
    for name in ["real/x.yml", "compose.yaml"] {
        let of = |tree: &super::project::Tree| {
            let file = tree.get(std::path::Path::new(name)).expect("there");
            (file.1, file.2, file.3.clone())
        };
        assert_eq!(of(&before), of(&after), "{name}");
        assert!(
            project
                .read(name)
                .contains("service_completed_successfully")
        );
    }
}

#[test]
fn a_folder_or_file_that_may_not_be_written_is_refused() {
    let composes = Composes::new();
    for (name, mode, usual) in [("", 0o555, 0o755), ("compose.yaml", 0o444, 0o644)] {
        let project = composes.compose_yaml(&services("")).without_roots_rights();
        project.set_mode(name, mode);
        let tree = project.tree();
        let ran = project.patch(NEWEST, &[&["--output", "json"], &super::EDGE[..]].concat());
        // Looking is allowed.
        let looked = project.patch(NEWEST, &[&["--check"], &super::EDGE[..]].concat());
        assert_eq!(project.tree(), tree);
        project.set_mode(name, usual);
        ran.expect(3, "\"id\":\"not-writable\"")
            .expect(3, "compose.yaml");
        looked.expect(10, "a change is needed");
    }
}

#[test]
fn on_a_terminal_it_shows_the_difference_in_color_and_asks() {
    let composes = Composes::new();
    let project = composes.compose_yaml(&services(""));
    let before = project.tree();
    let ran = project.patch_on_a_terminal(|| (), "n");
    let ran = ran.expect(3, "nothing was touched");
    let added = "\u{1b}[32m+        condition: service_completed_successfully\u{1b}[0m";
    assert!(ran.text.contains(added), "{}", ran.text);
    assert_eq!(project.tree(), before);
    project
        .patch_on_a_terminal(|| (), "")
        .expect(0, "was changed");
    project
        .patch(NEWEST, &["--check", "--edge", "backend:init"])
        .expect(0, "unchanged");
}

#[test]
fn what_somebody_changes_while_it_asks_is_not_written_over() {
    let composes = Composes::new();
    let project = composes.compose_yaml(&services(""));
    let other = services("    labels: {a: b}\n");
    let change = || project.write("compose.yaml", &other);
    let ran = project.patch_on_a_terminal(change, "y");
    ran.expect(3, "was changed by somebody else meanwhile");
    assert_eq!(project.read("compose.yaml"), other);
}
