//! Flags and environment, resolved into one [`Settings`]. The only place that reads the
//! environment.

mod flags;

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

pub use flags::{
    BackupPolicy, DoorPolicy, DrainFlags, ExportFlags, FailurePolicy, GcFlags, PatchFlags,
    ProveFlags, RehearseFlags, RestoreFlags, RollbackFlags, RunFlags, UpFlags, UpgradeFlags,
    WaitFlags,
};

use crate::event::{Failure, FailureClass};

/// How a run speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people: on a terminal with progress, elsewhere plain lines.
    Text,
    /// One JSON object per line on standard output.
    Json,
}

/// Flags that every command takes. Those of Compose mean what they mean there.
#[derive(Debug, Clone, Args)]
pub struct Flags {
    /// Compose file; may be given several times
    #[arg(short, long = "file", value_name = "FILE", global = true)]
    file: Vec<PathBuf>,
    /// Project name
    #[arg(short, long, value_name = "NAME", global = true)]
    project_name: Option<String>,
    /// Alternate environment file; may be given several times
    #[arg(long, value_name = "FILE", global = true)]
    env_file: Vec<PathBuf>,
    /// Profile to enable; may be given several times
    #[arg(long, value_name = "NAME", global = true)]
    profile: Vec<String>,
    /// Alternate project folder (default: that of the first Compose file)
    #[arg(long, value_name = "PATH", global = true)]
    project_directory: Option<PathBuf>,
    /// What to know about the app, instead of a built-in recipe
    #[arg(long, value_name = "FILE", global = true)]
    recipe: Option<PathBuf>,
    /// The service that migrates the database, where it has another name or cannot be told
    #[arg(long, value_name = "SERVICE", global = true)]
    migration: Option<String>,
    /// Folder for journal and backups (default: .eneo-upgrade in the project folder)
    #[arg(long, value_name = "PATH", global = true)]
    state_dir: Option<PathBuf>,
    /// Form of what is printed
    #[arg(long, value_enum, default_value = "text", global = true)]
    output: Output,
    /// Answer every question with yes
    #[arg(short, long, global = true)]
    yes: bool,
    /// Never ask, also on a terminal; the same as --yes
    #[arg(long, global = true)]
    no_input: bool,
}

/// Everything a command needs to know before it looks at the world.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The folder we were called in.
    pub here: PathBuf,
    /// Compose files named by flag or environment, in order; empty: to be discovered.
    pub files: Vec<PathBuf>,
    /// Project name by flag or environment.
    pub project_name: Option<String>,
    /// Env files by flag or environment.
    pub env_files: Vec<PathBuf>,
    /// Profiles by flag. Those of the environment Compose reads itself.
    pub profiles: Vec<String>,
    /// Project folder by flag.
    pub project_directory: Option<PathBuf>,
    /// Recipe by flag.
    pub recipe: Option<PathBuf>,
    /// The service that migrates, by flag.
    pub migration: Option<String>,
    /// State folder by flag.
    pub state_dir: Option<PathBuf>,
    /// Form of what is printed.
    pub output: Output,
    /// Whether a question may be asked, and what a silent answer is.
    pub questions: Questions,
    /// `DOCKER_HOST`.
    pub docker_host: Option<String>,
    /// The user's Docker configuration folder.
    pub docker_config: PathBuf,
    /// `COMPOSE_PATH_SEPARATOR`.
    pub path_separator: Option<String>,
    /// Where locks of the whole machine live.
    pub machine_dir: PathBuf,
}

/// What to do where a person could be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Questions {
    /// Ask on a terminal; elsewhere the answer is yes.
    Ask,
    /// Never ask.
    Silent,
}

impl Flags {
    /// How a run speaks; known before anything else is.
    pub fn output(&self) -> Output {
        self.output
    }
}

impl Settings {
    /// Resolves flags against this process's environment.
    pub fn from_process(flags: &Flags) -> Result<Self, Failure> {
        #[expect(clippy::disallowed_methods, reason = "this is the place")]
        let environment = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let here = std::env::current_dir().map_err(|error| {
            Failure::new(format!("cannot find the current folder: {error}"))
                .class(FailureClass::Usage)
        })?;
        Ok(Self::resolve(flags, here, environment))
    }

    /// Resolves flags against an environment.
    pub fn resolve(
        flags: &Flags,
        here: PathBuf,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Self {
        let path_separator = environment("COMPOSE_PATH_SEPARATOR");
        let between_files = path_separator.as_deref().unwrap_or(":");
        let split = |name: &str, by: &str| -> Vec<PathBuf> {
            environment(name)
                .map(|text| text.split(by).map(PathBuf::from).collect())
                .unwrap_or_default()
        };
        let or_else = |given: &[PathBuf], name: &str, by: &str| {
            if given.is_empty() {
                split(name, by)
            } else {
                given.to_vec()
            }
        };
        let home = environment("HOME").map(PathBuf::from);
        Self {
            files: or_else(&flags.file, "COMPOSE_FILE", between_files),
            project_name: flags
                .project_name
                .clone()
                .or_else(|| environment("COMPOSE_PROJECT_NAME")),
            env_files: or_else(&flags.env_file, "COMPOSE_ENV_FILES", ","),
            profiles: flags.profile.clone(),
            project_directory: flags.project_directory.clone(),
            recipe: flags.recipe.clone(),
            migration: flags.migration.clone(),
            state_dir: flags.state_dir.clone(),
            output: flags.output,
            questions: match flags.yes || flags.no_input {
                true => Questions::Silent,
                false => Questions::Ask,
            },
            docker_host: environment("DOCKER_HOST"),
            docker_config: environment("DOCKER_CONFIG")
                .map(PathBuf::from)
                .or_else(|| home.map(|home| home.join(".docker")))
                .unwrap_or_else(|| PathBuf::from("/root/.docker")),
            path_separator,
            machine_dir: machine_dir(),
            here,
        }
    }
}

/// A folder that outlives a reboot where we may write to one, else one that every user shares.
fn machine_dir() -> PathBuf {
    if rustix::process::geteuid().is_root() {
        PathBuf::from("/var/lib/eneo-upgrade")
    } else {
        Path::new("/run/lock").join("eneo-upgrade")
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        flags: Flags,
    }

    fn resolve(args: &[&str], environment: &[(&str, &str)]) -> Settings {
        let line = Line::parse_from(std::iter::once(&"x").chain(args));
        let environment = |name: &str| {
            let found = environment.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Settings::resolve(&line.flags, PathBuf::from("/here"), environment)
    }

    #[test]
    fn flags_win_over_the_environment() {
        let environment = [
            ("COMPOSE_FILE", "a.yml,b.yml"),
            ("COMPOSE_PATH_SEPARATOR", ","),
            ("COMPOSE_PROJECT_NAME", "there"),
        ];
        let settings = resolve(&[], &environment);
        assert_eq!(
            settings.files,
            [PathBuf::from("a.yml"), PathBuf::from("b.yml")]
        );
        assert_eq!(settings.project_name.as_deref(), Some("there"));
        let settings = resolve(&["-f", "c.yml", "-p", "here"], &environment);
        assert_eq!(settings.files, [PathBuf::from("c.yml")]);
        assert_eq!(settings.project_name.as_deref(), Some("here"));
    }
}
