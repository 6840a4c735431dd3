//! `patch --offline`: one file by its text alone. What it makes of it, Compose reads.

use super::project::NEWEST;
use super::{Composes, EDGE, Project, assert_gated, services};
use crate::e2e::stack::Ran;

fn offline(project: &Project<'_>, form: &str) -> Ran {
    let args = ["--offline", "-f", "compose.yaml", form];
    project.patch(NEWEST, &[&args[..], &EDGE].concat())
}

#[test]
fn the_patched_text_is_printed_and_nothing_written() {
    let composes = Composes::new();
    for text in [
        services(""),
        services("    depends_on:\n      - db # d\n"),
        services("    depends_on: [init]").replace('\n', "\r\n"),
        format!("\u{feff}---\n{}", services("")),
    ] {
        let project = composes.compose_yaml(&text);
        let (tree, before) = (project.tree(), project.configs());
        let printed = offline(&project, "--stdout").expect(0, "service_completed_successfully");
        offline(&project, "--check").expect(10, "a change is needed");
        offline(&project, "--diff").expect(0, "+");
        assert_eq!(project.tree(), tree);
        project.write("compose.yaml", &printed.text);
        assert_gated(&before, &project.configs(), &[("backend", "init")]);
        let again = offline(&project, "--stdout").expect(0, "");
        assert_eq!(again.text, printed.text);
        offline(&project, "--check").expect(0, "unchanged");
    }
}

/// No Docker, no Compose: it works without them.
#[test]
fn docker_is_not_needed() {
    let composes = Composes::new();
    let project = composes
        .compose_yaml(&services(""))
        .variables(&[("PATH", "/nowhere")]);
    offline(&project, "--stdout").expect(0, "service_completed_successfully");
}

#[test]
fn what_cannot_be_told_from_the_text_is_refused_with_its_line() {
    let composes = Composes::new();
    for (text, words) in [
        (services("\tlabels: {a: b}\n"), "tab"),
        (
            services("    {% if x %}\n    labels: {a: b}\n"),
            "template markers",
        ),
        (
            services("    depends_on: [db]\n    depends_on: [init]\n"),
            "`depends_on` is there twice",
        ),
        (
            services("    depends_on: ['${X}']\n"),
            "holds a variable (line 6)",
        ),
        (
            services("    depends_on: !reset []\n"),
            "`!reset` stands here (line 6)",
        ),
        (
            services("    depends_on: {init: {condition: '${X}'}}\n"),
            "the condition is a variable (line 6)",
        ),
        ("init: {image: app}\n".to_owned(), "no `services` mapping"),
        (
            services("").replace("init:", "init: &a [*a]\n  x:"),
            "not valid YAML",
        ),
        (
            "services:\n  init: {image: app}\n".to_owned(),
            "`backend` is not defined in this file",
        ),
        (
            services("").replace("{image: app}", "{image: app, depends_on: [backend]}"),
            "`init` already depends on `backend`",
        ),
    ] {
        let project = composes.compose_yaml(&text);
        let tree = project.tree();
        for form in ["--stdout", "--check", "--diff"] {
            let ran = offline(&project, form).expect(3, words);
            assert!(ran.text.contains("compose.yaml"), "{}", ran.text);
        }
        assert_eq!(project.tree(), tree);
    }
}
