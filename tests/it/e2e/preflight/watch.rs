//! Listening to what happens to a project: containers, images, volumes, networks.

use std::process::{Child, Command, Stdio};

use crate::e2e::stack::{Stack, wait};

/// Whatever changes something; programs started in containers (health checks) do not.
const EVENTS: [&str; 18] = [
    "pull", "push", "tag", "untag", "delete", "import", "load", "create", "destroy", "start",
    "stop", "restart", "kill", "die", "pause", "rename", "update", "prune",
];

pub(super) struct Watch<'a> {
    stack: &'a Stack,
    child: Child,
    file: tempfile::NamedTempFile,
}

impl<'a> Watch<'a> {
    /// Listens from now on, once what the project does by itself is done. The engine remembers
    /// its last 256 events only.
    pub(super) fn new(stack: &'a Stack) -> Self {
        wait("db-init to have ended", || {
            let state = stack.states().remove("db-init");
            state.is_none_or(|state| state == "exited")
        });
        let file = tempfile::NamedTempFile::new().expect("a file");
        let mut command: Command = stack.command("docker");
        command.args(["events", "--since", &jiff::Timestamp::now().to_string()]);
        command.args(["--format", "{{.Type}} {{.Action}} {{json .Actor}}"]);
        for event in EVENTS {
            command.args(["--filter", &format!("event={event}")]);
        }
        let output = file.reopen().expect("a second handle");
        command.stdout(output).stderr(Stdio::inherit());
        Self {
            stack,
            child: command.spawn().expect("starts"),
            file,
        }
    }

    /// What has happened to the project, its images and what was made for it.
    pub(super) fn seen(self) -> Vec<String> {
        let mark = format!("{}_mark", self.stack.name);
        let label = format!("com.docker.compose.project={}", self.stack.name);
        self.stack
            .docker(&["volume", "create", "--label", &label, &mark]);
        let read = || std::fs::read_to_string(self.file.path()).expect("read");
        wait("the engine's events", || {
            read().lines().any(|line| line.contains(&mark))
        });
        self.stack.docker(&["volume", "rm", &mark]);
        read()
            .lines()
            .take_while(|line| !line.contains(&mark))
            .filter(|line| line.contains(&self.stack.name))
            .map(str::to_owned)
            .collect()
    }

    /// Nothing has happened.
    #[track_caller]
    pub(super) fn assert_nothing(self) {
        let seen = self.seen();
        assert!(seen.is_empty(), "{seen:#?}");
    }

    /// New images were brought here and read, tools of ours have made a backup in a container of
    /// their own, and nothing else has happened.
    #[track_caller]
    pub(super) fn assert_only_fetched(self) {
        let reading = format!(r#""eneo-upgrade.reading":"{}""#, self.stack.name);
        let seen = self.seen();
        let (pulls, others): (Vec<&String>, Vec<&String>) = seen
            .iter()
            .partition(|line| line.starts_with("image pull "));
        let only_read = others.iter().all(|line| {
            let starts_nothing =
                line.starts_with("container create ") || line.starts_with("container destroy ");
            let tools = line.contains(r#""eneo-upgrade.run":"#);
            line.contains(&reading) && (starts_nothing || tools)
        });
        assert!(!pulls.is_empty() && only_read, "{seen:#?}");
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
