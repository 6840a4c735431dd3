//! Files as people write them: every byte that is not the edge's stays.

use super::project::NEWEST;
use super::{Composes, services};

const ADDED: &str =
    "+    depends_on:\n+      init:\n+        condition: service_completed_successfully\n";
const ITEM: &str =
    "-      - init\n+      init:\n+        condition: service_completed_successfully\n";

#[test]
fn line_ends_of_windows_are_kept() {
    let composes = Composes::new();
    let text = services("    depends_on:\n      - init\n").replace('\n', "\r\n");
    let lines = ITEM.replace('\n', "\r\n");
    composes
        .compose_yaml(&text)
        .gates(&[("compose.yaml", &lines)]);
}

#[test]
fn a_byte_order_mark_is_kept() {
    let composes = Composes::new();
    let text = format!("\u{feff}{}", services(""));
    let project = composes.compose_yaml(&text);
    project.gates(&[("compose.yaml", ADDED)]);
    project.patch(NEWEST, &super::EDGE).expect(0, "was changed");
    assert!(project.read("compose.yaml").starts_with('\u{feff}'));
}

#[test]
fn tabs_may_stand_where_they_do_not_indent() {
    let composes = Composes::new();
    let text = services("    labels:\t{a: b}\t# c\t\n");
    composes
        .compose_yaml(&text)
        .gates(&[("compose.yaml", ADDED)]);
    let text = services("\tlabels: {a: b}\n");
    composes
        .compose_yaml(&text)
        .refuses("project-unreadable", &["tab", "line"]);
}

#[test]
fn a_missing_final_line_end_stays_missing() {
    let composes = Composes::new();
    for backend in ["    labels: {a: b}", "    labels: {a: b} # c"] {
        let project = composes.compose_yaml(&services(backend));
        let lines = format!("-{backend}\n+{backend}\n{ADDED}");
        project.gates(&[("compose.yaml", &lines)]);
        project.patch(NEWEST, &super::EDGE).expect(0, "was changed");
        assert!(project.read("compose.yaml").ends_with("successfully"));
    }
}

#[test]
fn trailing_blanks_and_empty_lines_are_kept() {
    let composes = Composes::new();
    let text = services("    depends_on:   \n      - init   \n      \n\n");
    let lines =
        "-      - init   \n+      init:   \n+        condition: service_completed_successfully\n";
    composes
        .compose_yaml(&text)
        .gates(&[("compose.yaml", lines)]);
}

#[test]
fn document_marks_are_kept() {
    let composes = Composes::new();
    for text in [
        format!("---\n{}", services("")),
        format!("--- # first\n{}...\n", services("")),
        format!("# a\n\n---\n{}", services("")),
    ] {
        composes
            .compose_yaml(&text)
            .gates(&[("compose.yaml", ADDED)]);
    }
}

#[test]
fn the_files_own_indentation_is_used() {
    let composes = Composes::new();
    for width in [1, 2, 3, 4, 8] {
        let at = |level: usize| " ".repeat(width * level);
        let text = format!(
            "services:\n{0}init:\n{1}image: app\n{0}backend:\n{1}image: app\n",
            at(1),
            at(2)
        );
        let lines = format!(
            "+{}depends_on:\n+{}init:\n+{}condition: service_completed_successfully\n",
            at(2),
            at(3),
            at(4)
        );
        composes
            .compose_yaml(&text)
            .gates(&[("compose.yaml", &lines)]);
    }
}

#[test]
fn a_list_may_stand_anywhere_below_its_key() {
    let composes = Composes::new();
    let own = services("    depends_on:\n    - init\n    labels: {a: b}\n");
    let lines = "-    - init\n+      init:\n+        condition: service_completed_successfully\n";
    composes
        .compose_yaml(&own)
        .gates(&[("compose.yaml", lines)]);
    for column in [5, 6, 8, 12] {
        let at = " ".repeat(column);
        let text = services(&format!("    depends_on:\n{at}- init\n"));
        let lines =
            format!("-{at}- init\n+{at}init:\n+{at}  condition: service_completed_successfully\n");
        composes
            .compose_yaml(&text)
            .gates(&[("compose.yaml", &lines)]);
    }
}

#[test]
fn letters_beyond_ascii_are_kept() {
    let composes = Composes::new();
    let text =
        services("    labels: {a: 'žluťoučký 😀'} # åäö\n    depends_on:\n      - init # → ö\n");
    let lines = "-      - init # → ö\n+      init: # → ö\n+        condition: service_completed_successfully\n";
    composes
        .compose_yaml(&text)
        .gates(&[("compose.yaml", lines)]);
}

#[test]
fn what_is_not_utf_8_is_refused() {
    let composes = Composes::new();
    let project = composes.compose_yaml("");
    let text = [services("    labels: {a: b} # ").as_bytes(), b"\xe5\n"].concat();
    project.write("compose.yaml", text);
    project.ends(3, &["compose.yaml", "UTF-8", "save it as UTF-8"]);
}

#[test]
fn template_markers() {
    let composes = Composes::new();
    for marked in [
        "    labels: {{ x }}\n",
        "    {% if x %}\n    labels: {a: b}\n    {% endif %}\n",
    ] {
        composes
            .compose_yaml(&services(marked))
            .refuses("project-unreadable", &[]);
    }
    // Docker's own, inside a value.
    let text = services("    labels: {a: \"{{.Task.Slot}}\"}\n");
    composes
        .compose_yaml(&text)
        .gates(&[("compose.yaml", ADDED)]);
}

#[test]
fn json_is_yaml() {
    let composes = Composes::new();
    let text =
        "{\"services\": {\"init\": {\"image\": \"app\"}, \"backend\": {\"image\": \"app\"}}}\n";
    let after = text.replace(
        "{\"image\": \"app\"}}}",
        "{\"image\": \"app\", \"depends_on\": {\"init\": {\"condition\": \"service_completed_successfully\"}}}}}",
    );
    let lines = format!("-{text}+{after}");
    composes
        .compose_yaml(text)
        .gates(&[("compose.yaml", &lines)]);
}

#[test]
fn names_that_yaml_reads_as_something_else_are_quoted() {
    let composes = Composes::new();
    for name in ["1", "yes", "null", "1e3", "0x1f"] {
        let text = format!("services:\n  '{name}': {{image: app}}\n  backend:\n    image: app\n");
        let edge = format!("backend:{name}");
        let lines = ADDED.replace("init", &format!("\"{name}\""));
        let project = composes.compose_yaml(&text);
        let lines = [("compose.yaml", lines.as_str())];
        project.gates_with(&["--edge", &edge], &[("backend", name)], &lines);
    }
}
