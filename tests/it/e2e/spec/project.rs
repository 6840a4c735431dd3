//! A project of a few files, and the tool on it as its user would call it.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::{Composes, Configs, EDGE};
use crate::e2e::stack::Ran;

/// Where journal and what was before are kept.
const STATE: &str = ".eneo-upgrade";

/// Everything in a folder: bytes, mode, owner, and where a link leads.
pub(super) type Tree = BTreeMap<PathBuf, (Vec<u8>, u32, u32, Option<PathBuf>)>;

/// Places among the versions of Compose.
pub(super) const OLDEST: usize = 0;
pub(super) const NEWEST: usize = 1;

pub(super) struct Project<'a> {
    composes: &'a Composes,
    folder: tempfile::TempDir,
    here: &'a str,
    /// Flags that Compose and the tool have in common.
    flags: &'a [&'a str],
    variables: &'a [(&'a str, &'a str)],
    rootless: bool,
}

impl<'a> Project<'a> {
    pub(super) fn new(composes: &'a Composes, files: &[(&str, &str)]) -> Self {
        let project = Self {
            composes,
            folder: tempfile::tempdir().expect("a folder"),
            here: "",
            flags: &[],
            variables: &[],
            rootless: false,
        };
        for (name, text) in files {
            project.write(name, text);
        }
        project
    }

    /// Called in a folder below.
    pub(super) fn here(self, here: &'a str) -> Self {
        Self { here, ..self }
    }

    pub(super) fn flags(self, flags: &'a [&'a str]) -> Self {
        Self { flags, ..self }
    }

    pub(super) fn variables(self, variables: &'a [(&'a str, &'a str)]) -> Self {
        Self { variables, ..self }
    }

    /// Root may write anywhere: the tool is called without that right.
    pub(super) fn without_roots_rights(self) -> Self {
        let rootless = std::fs::metadata("/proc/self").is_ok_and(|it| it.uid() == 0);
        Self { rootless, ..self }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        std::fs::write(path, text).expect("written");
    }

    pub(super) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).expect("is there")
    }

    pub(super) fn set_mode(&self, name: &str, mode: u32) {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(self.path(name), mode).expect("mode");
    }

    fn command(&self, version: usize, program: &str) -> Command {
        let docker_config = self.composes.0[version].path();
        let mut command = Command::new(program);
        for variable in ["COMPOSE_FILE", "COMPOSE_PROJECT_NAME", "COMPOSE_PROFILES"] {
            command.env_remove(variable);
        }
        command
            .current_dir(self.path(self.here))
            .env("DOCKER_CONFIG", docker_config)
            .envs(self.variables.iter().copied())
            .stdin(Stdio::null());
        command
    }

    /// `eneo-upgrade patch` with one version of Compose.
    pub(super) fn patch(&self, version: usize, args: &[&str]) -> Ran {
        let tool = env!("CARGO_BIN_EXE_eneo-upgrade");
        let mut command = self.command(version, if self.rootless { "setpriv" } else { tool });
        if self.rootless {
            command.args(["--bounding-set", "-dac_override,-dac_read_search", tool]);
        }
        command.arg("patch").args(self.flags).args(args);
        let output = command.output().expect("starts");
        if args.contains(&"json") {
            let lines = String::from_utf8_lossy(&output.stdout).into_owned();
            lines.lines().for_each(crate::schema::validate);
        }
        Ran::of(&output)
    }

    /// `eneo-upgrade patch` on a terminal. What is to happen before the answer happens when it has
    /// asked; returns what the terminal has shown.
    pub(super) fn patch_on_a_terminal(&self, before: impl FnOnce(), answer: &str) -> Ran {
        let mut command = self.command(NEWEST, "script");
        let patch = format!(
            "{} patch {}",
            env!("CARGO_BIN_EXE_eneo-upgrade"),
            EDGE.join(" ")
        );
        command.args([
            "--quiet",
            "--return",
            "--flush",
            "--command",
            &patch,
            "/dev/null",
        ]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("starts");
        let mut shown = child.stdout.take().expect("piped");
        let mut text = Vec::new();
        while !text.ends_with(b"[Y/n] ") {
            let mut byte = [0];
            shown.read_exact(&mut byte).expect("it asks");
            text.extend(byte);
        }
        before();
        let mut input = child.stdin.take().expect("piped");
        writeln!(input, "{answer}").expect("answered");
        shown.read_to_end(&mut text).expect("read");
        drop(input);
        let code = child.wait().expect("ends").code();
        let text = String::from_utf8_lossy(&text).into_owned();
        Ran { code, text }
    }

    /// What every version of Compose makes of the files, or complains about.
    pub(super) fn try_configs(&self) -> Result<Configs, String> {
        let config = |version| {
            let mut command = self.command(version, "docker");
            command.arg("compose").args(self.flags);
            let output = command.args(["config", "--format", "json"]).output();
            let output = output.expect("starts");
            match output.status.success() {
                true => Ok(serde_json::from_slice::<Value>(&output.stdout).expect("JSON")),
                false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
            }
        };
        [OLDEST, NEWEST].into_iter().map(config).collect()
    }

    #[track_caller]
    pub(super) fn configs(&self) -> Configs {
        self.try_configs().expect("Compose reads it")
    }

    /// Everything that there is.
    pub(super) fn tree(&self) -> Tree {
        let mut tree = Tree::new();
        read_tree(self.folder.path(), self.folder.path(), &mut tree);
        tree
    }

    /// The user's own files, without what the tool keeps for itself.
    pub(super) fn files(&self) -> Tree {
        let ours = |path: &Path| path.components().any(|part| part.as_os_str() == STATE);
        let tree = self.tree().into_iter();
        tree.filter(|(path, _)| !ours(path)).collect()
    }

    /// Puts the files back; what the tool keeps goes.
    pub(super) fn restore(&self, before: &Tree) {
        for (path, now) in self.tree() {
            let path = self.folder.path().join(path);
            match before.get(path.strip_prefix(self.folder.path()).expect("below")) {
                Some(then) if *then == now => {}
                Some(then) => std::fs::write(&path, &then.0).expect("written"),
                None => std::fs::remove_file(&path).expect("removed"),
            }
        }
        let _ = std::fs::remove_dir_all(self.path(STATE));
        assert_eq!(self.files(), *before, "not put back");
    }
}

fn read_tree(root: &Path, folder: &Path, tree: &mut Tree) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let link = path.read_link().ok();
        if path.is_dir() && link.is_none() {
            read_tree(root, &path, tree);
            continue;
        }
        let data = std::fs::metadata(&path).expect("there");
        let bytes = std::fs::read(&path).unwrap_or_default();
        let name = path.strip_prefix(root).expect("below").to_owned();
        tree.insert(name, (bytes, data.mode(), data.uid(), link));
    }
}
