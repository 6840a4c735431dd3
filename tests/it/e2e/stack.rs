//! An operator's project in a folder of its own, made by the test bed and taken away at the end.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// How long anything in the test bed may take before the test gives up.
const LIMIT: Duration = Duration::from_mins(3);
/// Looking costs as much as what is waited for: each look is a program or two.
const LOOK: Duration = Duration::from_millis(300);

/// Which Compose plugin.
#[derive(Debug, Clone, Copy)]
pub(super) enum Compose {
    /// The oldest that is supported.
    Floor,
    /// The newest there is.
    Newest,
}

pub(super) struct Stack {
    pub(super) name: String,
    pub(super) folder: tempfile::TempDir,
    registry: PathBuf,
    docker_config: tempfile::TempDir,
}

/// What a run of the tool left.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) code: Option<i32>,
    /// Standard output, then standard error.
    pub(super) text: String,
}

impl Ran {
    pub(super) fn of(output: &Output) -> Self {
        Self {
            code: output.status.code(),
            text: text(output),
        }
    }

    #[track_caller]
    pub(super) fn expect(self, code: i32, words: &str) -> Self {
        assert!(
            self.code == Some(code) && self.text.contains(words),
            "expected exit code {code} and `{words}`, got {:?}:\n{}",
            self.code,
            self.text
        );
        self
    }
}

impl Stack {
    /// A project folder with v1.6.3 and v1.7.0 in the registry; `latest` is v1.6.3. Nothing is
    /// brought up.
    pub(super) fn new(compose: Compose, options: &[&str]) -> Self {
        let registry = registry();
        let run = std::env::var("ENEO_TESTBED_RUN").unwrap_or_else(|_| "eut".to_owned());
        let stack = Self {
            name: format!("{run}{:06x}", fastrand::u32(..0x0100_0000)),
            folder: tempfile::tempdir().expect("a folder"),
            docker_config: docker_config(compose),
            registry,
        };
        let (name, registry) = (stack.name.as_str(), stack.registry.display().to_string());
        stack.testbed(&["publish-infra", &registry, name]);
        stack.publish("v1.6.3", &["latest", "v1.6.3"]);
        stack.publish("v1.7.0", &["v1.7.0"]);
        let folder = stack.path().display().to_string();
        let mut project = vec!["project", &folder, "--name", name, "--registry", &registry];
        project.extend(["--namespace", name]);
        project.extend(options);
        stack.testbed(&project);
        stack
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The folder of the project's Docker configuration and plugins.
    pub(super) fn docker_config(&self) -> &Path {
        self.docker_config.path()
    }

    /// Makes tags name a release.
    pub(super) fn publish(&self, release: &str, tags: &[&str]) {
        let registry = self.registry.display().to_string();
        let mut args = vec!["publish", &registry, &self.name, release];
        args.extend(tags);
        self.testbed(&args);
    }

    /// The registry's address.
    pub(super) fn registry(&self) -> String {
        let address = std::fs::read_to_string(self.registry.join("address"));
        address.expect("the registry runs").trim().to_owned()
    }

    fn testbed(&self, args: &[&str]) {
        testbed(self.docker_config.path(), args);
    }

    /// A program on the project, with the project's Docker configuration.
    pub(super) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.path())
            .env("DOCKER_CONFIG", self.docker_config.path())
            .stdin(Stdio::null());
        command
    }

    /// `docker …`, which must work; returns what it printed.
    pub(super) fn docker(&self, args: &[&str]) -> String {
        succeed(self.command("docker").args(args))
    }

    /// The tool, with these arguments, to its end.
    pub(super) fn tool(&self, args: &[&str]) -> Ran {
        let output = self.tool_command(args).output().expect("starts");
        if args.contains(&"json") {
            let lines = String::from_utf8_lossy(&output.stdout).into_owned();
            lines.lines().for_each(crate::schema::validate);
        }
        Ran::of(&output)
    }

    pub(super) fn tool_command(&self, args: &[&str]) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_eneo-upgrade"));
        command.args(args);
        command
    }

    /// A `PATH` with a `docker` that does something in the shell first.
    pub(super) fn path_with_docker(&self, first: &str) -> String {
        use std::os::unix::fs::PermissionsExt;
        let folder = self.path().join("bin");
        std::fs::create_dir(&folder).expect("made");
        let real = which::which("docker").expect("is there");
        let script = format!("#!/bin/sh\n{first}\nexec '{}' \"$@\"\n", real.display());
        let docker = folder.join("docker");
        std::fs::write(&docker, script).expect("written");
        std::fs::set_permissions(&docker, std::fs::Permissions::from_mode(0o755)).expect("mode");
        let path = std::env::var("PATH").expect("set");
        format!("{}:{path}", folder.display())
    }

    /// The tool in the background; its words are dropped.
    pub(super) fn spawn(&self, args: &[&str]) -> Child {
        let mut command = self.tool_command(args);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().expect("starts")
    }

    /// Sets a variable of the backend's env file, as its operator would.
    pub(super) fn set(&self, name: &str, value: &str) {
        self.edit("env_backend.env", |text| {
            let others = text
                .lines()
                .filter(|line| !line.starts_with(&format!("{name}=")));
            let lines: Vec<&str> = others.collect();
            format!("{name}={value}\n{}", lines.join("\n"))
        });
    }

    /// A recipe of Eneo's for those who do not want to wait as long as the built-in one does.
    pub(super) fn impatient_recipe(&self) {
        let recipe = include_str!("../../../compose-templates/eneo/recipe.toml");
        let impatient = recipe.replace("window_seconds = 300", "window_seconds = 30");
        assert_ne!(recipe, impatient);
        std::fs::write(self.path().join("recipe.toml"), impatient).expect("written");
    }

    /// Changes a file of the project.
    pub(super) fn edit(&self, file: &str, change: impl FnOnce(&str) -> String) {
        let path = self.path().join(file);
        let text = std::fs::read_to_string(&path).expect("is there");
        let changed = change(&text);
        assert_ne!(text, changed, "nothing was changed");
        std::fs::write(&path, changed).expect("written");
    }

    /// What the app says of a job.
    pub(super) fn job(&self, id: &str) -> String {
        self.psql(&format!("SELECT status FROM jobs WHERE id = '{id}'"))
    }

    /// Brings the project up as its operator would and waits until it is healthy.
    pub(super) fn up(&self) {
        self.docker(&["compose", "up", "-d"]);
        self.wait_healthy();
    }

    pub(super) fn seed(&self) {
        let seed = ["python3", "seed.py", "--tenants", "2", "--rows", "50"];
        let mut args = vec!["compose", "exec", "-T", "backend"];
        args.extend(seed);
        self.docker(&args);
    }

    pub(super) fn wait_healthy(&self) {
        wait("the app to be healthy", || {
            self.get("/api/healthz").0 == 200
        });
    }

    /// Asks the app through its entry; status 0 where nothing answers.
    pub(super) fn get(&self, path: &str) -> (u16, String) {
        let address = self.docker(&["compose", "port", "traefik", "80"]);
        curl(&[&format!("http://{}{path}", address.trim())])
    }

    /// One value of the database.
    pub(super) fn psql(&self, sql: &str) -> String {
        let container = format!("{}_db", self.name);
        let psql = ["psql", "-U", "postgres", "-d", "eneo", "-Atc", sql];
        let mut args = vec!["exec", container.as_str()];
        args.extend(psql);
        self.docker(&args).trim().to_owned()
    }

    /// Service to the id of its container.
    pub(super) fn containers(&self) -> BTreeMap<String, String> {
        self.ps("{{.Label \"com.docker.compose.service\"}} {{.ID}}")
    }

    /// The project's image tags and what they name.
    pub(super) fn tags(&self) -> BTreeMap<String, String> {
        let format = "{{.Repository}}:{{.Tag}} {{.ID}}";
        let images = self.docker(&["images", "--no-trunc", "--format", format]);
        let ours = format!("/{}/", self.name);
        images
            .lines()
            .filter(|line| line.contains(&ours) && !line.contains("<none>"))
            .filter_map(|line| line.split_once(' '))
            .map(|(tag, id)| (tag.to_owned(), id.to_owned()))
            .collect()
    }

    /// Service to the state of its container.
    pub(super) fn states(&self) -> BTreeMap<String, String> {
        self.ps("{{.Label \"com.docker.compose.service\"}} {{.State}}")
    }

    fn ps(&self, format: &str) -> BTreeMap<String, String> {
        let filter = format!("label=com.docker.compose.project={}", self.name);
        let text = self.docker(&[
            "ps",
            "-a",
            "--no-trunc",
            "--filter",
            &filter,
            "--format",
            format,
        ]);
        text.lines()
            .filter_map(|line| line.split_once(' '))
            .map(|(service, value)| (service.to_owned(), value.to_owned()))
            .collect()
    }

    /// Counts the starts of a service from now on. The engine remembers its last 256 events only,
    /// so they have to be listened to.
    pub(super) fn count_starts(&self, service: &str) -> Starts {
        let project = format!("label=com.docker.compose.project={}", self.name);
        let service = format!("label=com.docker.compose.service={service}");
        let mut command = self.command("docker");
        command.args(["events", "--since", &jiff::Timestamp::now().to_string()]);
        command.args([
            "--filter",
            &project,
            "--filter",
            &service,
            "--filter",
            "event=start",
        ]);
        let file = tempfile::tempfile().expect("a file");
        command.stdout(file.try_clone().expect("a second handle"));
        Starts {
            child: command.spawn().expect("starts"),
            file,
        }
    }

    /// Waits until a migration runs in another container than that of before.
    pub(super) fn wait_migrating(&self, before: &str) {
        wait("the migration to run", || {
            let container = self.containers().remove("db-init");
            container.is_some_and(|id| id != before)
                && self
                    .states()
                    .get("db-init")
                    .is_some_and(|state| state == "running")
        });
    }

    pub(super) fn compose_file(&self) -> String {
        std::fs::read_to_string(self.path().join("docker-compose.yml")).expect("is there")
    }
}

/// Listens to the engine.
pub(super) struct Starts {
    child: Child,
    file: std::fs::File,
}

impl Starts {
    /// Starts so far.
    pub(super) fn count(mut self) -> usize {
        use std::io::{Read, Seek};
        self.child.kill().expect("killed");
        self.child.wait().expect("ended");
        let mut text = String::new();
        self.file.rewind().expect("rewound");
        self.file.read_to_string(&mut text).expect("read");
        text.lines().count()
    }
}

impl Stack {
    /// What is recorded and reported of every run is as docs/json-v1.md says.
    fn validate_json(&self) {
        let history = self.tool(&["history", "--output", "json"]).text;
        for line in history.lines() {
            crate::schema::validate(line);
            let row: serde_json::Value = serde_json::from_str(line).expect("JSON");
            let run = row["run"].as_str().expect("an id");
            let log = self.tool(&["logs", run, "--output", "json"]).text;
            log.lines().for_each(crate::schema::validate);
            let report = self
                .path()
                .join(".eneo-upgrade/runs")
                .join(run)
                .join("report.json");
            if let Ok(report) = std::fs::read_to_string(report) {
                crate::schema::validate_report(&report);
            }
        }
    }

    /// The tool keeps images under tags of its own for as long as its journal knows the run.
    fn remove_kept_images(&self) {
        let history = self.tool(&["history"]).text;
        for run in history.lines().filter_map(|line| line.split(' ').next()) {
            let reference = format!("reference=eneo-upgrade/{run}/*");
            let format = "{{.Repository}}:{{.Tag}}";
            let tags = self.docker(&["images", "--filter", &reference, "--format", format]);
            for tag in tags.lines() {
                self.docker(&["rmi", "--no-prune", tag]);
            }
        }
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.validate_json();
            self.remove_kept_images();
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/testbed/testbed");
        let mut command = self.command(script);
        command.args(["down", "--project", &self.name, "--namespace", &self.name]);
        let output = command.output();
        assert!(
            std::thread::panicking() || output.is_ok_and(|output| output.status.success()),
            "the project was not taken away"
        );
    }
}

/// The registry that the tests share.
fn registry() -> PathBuf {
    std::env::var_os("ENEO_TESTBED_REGISTRY")
        .map(PathBuf::from)
        .expect("`scripts/test` sets up what this test needs")
}

/// A Docker configuration with one of the two plugins.
pub(super) fn docker_config(compose: Compose) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let version = match compose {
        Compose::Floor => "floor",
        Compose::Newest => "newest",
    };
    let (config, registry) = (
        folder.path().display().to_string(),
        registry().display().to_string(),
    );
    testbed(
        folder.path(),
        &[
            "docker-config",
            &config,
            "--compose",
            version,
            "--registry",
            &registry,
        ],
    );
    folder
}

fn testbed(docker_config: &Path, args: &[&str]) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/testbed/testbed");
    let mut command = Command::new(script);
    succeed(command.args(args).env("DOCKER_CONFIG", docker_config));
}

/// What Ctrl-C does; returns the exit code then.
pub(super) fn interrupt(mut run: Child) -> Option<i32> {
    let mut kill = Command::new("kill");
    succeed(kill.args(["-INT", &run.id().to_string()]));
    run.wait().expect("ends").code()
}

/// Looks until something is so.
#[track_caller]
pub(super) fn wait(what: &str, mut so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < LIMIT, "waited in vain for {what}");
        std::thread::sleep(LOOK);
    }
}

#[track_caller]
fn succeed(command: &mut Command) -> String {
    let output = command.output().expect("starts");
    assert!(
        output.status.success(),
        "{command:?} failed:\n{}",
        text(&output)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn text(output: &Output) -> String {
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    text
}

pub(super) fn curl(args: &[&str]) -> (u16, String) {
    let output = Command::new("curl")
        .args(["-s", "-m", "10", "-w", "\n%{http_code}"])
        .args(args)
        .output()
        .expect("starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (body, status) = text.rsplit_once('\n').unwrap_or_default();
    (status.parse().unwrap_or(0), body.to_owned())
}
