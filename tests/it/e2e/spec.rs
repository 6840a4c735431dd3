//! Compose's own rules about files, one by one: `patch` on a small project, and both versions of
//! `docker compose config` before and after. Nothing is started.

mod files;
mod merge;
mod migration;
mod model;
mod oddities;
mod offline;
mod project;
mod refusal;
mod shapes;
mod whole;

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::stack::Ran;
use project::Project;

const DONE: &str = "service_completed_successfully";

/// `backend` is to wait for `init`.
const EDGE: [&str; 2] = ["--edge", "backend:init"];

/// The oldest and the newest Compose, each in a Docker configuration of its own.
struct Composes(Vec<tempfile::TempDir>);

impl Composes {
    fn new() -> Self {
        let registry = std::env::var("ENEO_TESTBED_REGISTRY")
            .expect("`scripts/test` sets up what this test needs");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/testbed/testbed");
        let config = |version: &&str| {
            let folder = tempfile::tempdir().expect("a folder");
            let mut command = Command::new(&script);
            command.arg("docker-config").arg(folder.path());
            command.args(["--compose", version, "--registry", &registry]);
            let output = command.output().expect("starts");
            assert!(output.status.success(), "{:?}", Ran::of(&output));
            folder
        };
        Self(["floor", "newest"].iter().map(config).collect())
    }

    fn project(&self, files: &[(&str, &str)]) -> Project<'_> {
        Project::new(self, files)
    }

    /// Projects that differ in nothing but the text of their only file.
    fn compose_yaml(&self, text: &str) -> Project<'_> {
        self.project(&[("compose.yaml", text)])
    }
}

/// What both versions of Compose make of a project's files.
type Configs = Vec<Value>;

/// The edges, and nothing else, are another thing than before.
#[track_caller]
fn assert_gated(before: &Configs, after: &Configs, edges: &[(&str, &str)]) {
    for (before, after) in before.iter().zip(after) {
        let mut wanted = before.clone();
        for (service, dependency) in edges {
            let edge = &mut wanted["services"][service]["depends_on"][dependency];
            edge["condition"] = json!(DONE);
            edge["required"] = json!(true);
        }
        assert_eq!(wanted, *after, "not what was wanted of Compose");
    }
}

/// Services that nothing depends on yet.
fn services(backend: &str) -> String {
    format!(
        "services:\n  init: {{image: app}}\n  db: {{image: db}}\n  backend:\n    image: app\n{backend}"
    )
}
