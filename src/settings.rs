//! Flags and environment, resolved into one [`Settings`]. The only place that reads the
//! environment.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::event::{DrainPolicy, Failure, FailureClass, Proof, RunId};

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

/// Flags of an upgrade.
#[derive(Debug, Clone, Args)]
pub struct UpgradeFlags {
    /// Release to go to: rewrites the tag of the app's images where it is set
    #[arg(long, value_name = "RELEASE")]
    pub to: Option<String>,
    /// How long things may take
    #[command(flatten)]
    pub run: RunFlags,
    /// Accepted for compatibility; services always run in the background
    #[arg(short, long)]
    detach: bool,
}

/// Flags of `up`.
#[derive(Debug, Clone, Args)]
pub struct UpFlags {
    /// What an upgrade and a plan of it have in common
    #[command(flatten)]
    pub upgrade: UpgradeFlags,
    /// Rehearse the migration on a copy of the data first; upgrade only if that went well
    #[arg(long)]
    pub rehearse: bool,
}

/// Flags of a rehearsal.
#[derive(Debug, Clone, Default, Args)]
pub struct RehearseFlags {
    /// Release to go to
    #[arg(long, value_name = "RELEASE")]
    pub to: Option<String>,
    /// Take a fresh backup, also where there is one already
    #[arg(long)]
    pub fresh: bool,
    /// How long the migration may take (default: what the recipe says), in seconds or as 90s, 30m, 2h
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub migration_timeout: Option<Duration>,
}

/// Flags of everything that goes on with a run.
#[derive(Debug, Clone, Default, Args)]
pub struct RunFlags {
    /// How the app is drained
    #[command(flatten)]
    pub drain: DrainFlags,
    /// How long the migration may take (default: what the recipe says), as --drain-timeout
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub migration_timeout: Option<Duration>,
    /// How backups are proven
    #[command(flatten)]
    pub prove: ProveFlags,
    /// Whether requests are held at the app's entry while the release is not verified, or fail
    #[arg(long, value_enum, default_value_t, value_name = "POLICY")]
    pub door: DoorPolicy,
    /// How long requests may be held at most, as --drain-timeout (default: 10m). After that they
    /// fail; where the new release is running and not verified yet, the run goes back
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub door_limit: Option<Duration>,
    /// The exact backup: a copy within the database server where it can make one, or always a
    /// dump within the outage
    #[arg(long, value_enum, default_value_t, value_name = "POLICY")]
    pub backup: BackupPolicy,
    /// What to do when something fails after the migration began and nothing would be lost by
    /// going back
    #[arg(long, value_enum, default_value_t, value_name = "POLICY")]
    pub on_failure: FailurePolicy,
}

impl RunFlags {
    /// How long requests are held where nobody has said so.
    pub const DOOR_LIMIT: Duration = Duration::from_mins(10);
}

/// What happens to requests while nobody may write.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum DoorPolicy {
    /// They wait.
    #[default]
    Hold,
    /// They fail, and what is written to a release that is not verified yet would be lost.
    Open,
}

/// How the exact backup is made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum BackupPolicy {
    /// As a copy within the server where that can be made.
    #[default]
    Auto,
    /// As a dump within the outage.
    Strict,
}

/// What happens when something fails.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum FailurePolicy {
    /// Go back by itself.
    #[default]
    Rollback,
    /// Leave everything as it is for somebody to look at.
    Stop,
}

/// Flags of everything that takes a backup.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct ProveFlags {
    /// How a backup is proven: list (read back, rows counted), restore (restored beside, every
    /// table compared; the default where there is room and it makes no outage longer)
    #[arg(long = "prove", value_name = "LEVEL", value_parser = proof)]
    pub level: Option<Proof>,
}

/// How long to wait for active jobs.
#[derive(Debug, Clone, Default, Args)]
pub struct WaitFlags {
    /// How long to wait for active jobs, in seconds or as 90s, 30m, 2h (default: 1h)
    #[arg(long = "drain-timeout", value_name = "TIME", value_parser = duration)]
    pub timeout: Option<Duration>,
}

impl WaitFlags {
    /// How long to wait where nobody has said so.
    pub const DEFAULT: Duration = Duration::from_hours(1);
}

/// Flags of everything that waits for active jobs.
#[derive(Debug, Clone, Default, Args)]
pub struct DrainFlags {
    /// How long to wait
    #[command(flatten)]
    pub wait: WaitFlags,
    /// What to do with jobs that are still running then: abort (do not upgrade; the default),
    /// continue (interrupt them, mark them failed), requeue (interrupt them, queue them again)
    #[arg(long = "on-drain-timeout", value_name = "POLICY", value_parser = policy)]
    pub on_timeout: Option<DrainPolicy>,
}

/// Flags of `gc`.
#[derive(Debug, Clone, Default, Args)]
pub struct GcFlags {
    /// How long ago it must be that it could last be needed, as 12h, 7d (default: 7d)
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub older_than: Option<Duration>,
}

/// Flags of `rollback`.
#[derive(Debug, Clone, Default, Args)]
pub struct RollbackFlags {
    /// The run to go back from (default: the open one, else the newest one)
    #[arg(value_name = "RUN")]
    pub run: Option<RunId>,
    /// Go back although what was written to the new release since will be lost
    #[arg(long)]
    pub discard_writes_since: bool,
}

/// Flags of `restore`.
#[derive(Debug, Clone, Args)]
pub struct RestoreFlags {
    /// The backup: its id, as `backups list` shows it, or the path of its folder, or of a file that
    /// `backups export` has written
    pub backup: String,
    /// The file with the key of an encrypted backup, as `age-keygen` writes it
    #[arg(long, value_name = "FILE")]
    pub identity: Option<PathBuf>,
    /// Restore although what was written since the backup will be lost
    #[arg(long)]
    pub discard_writes_since: bool,
}

/// Flags of `backups export`.
#[derive(Debug, Clone, Default, Args)]
pub struct ExportFlags {
    /// The backup, or a run: its exact one, if it has one (default: the newest)
    pub id: Option<String>,
    /// The file to write, on another disk
    #[arg(long, value_name = "FILE")]
    pub to: PathBuf,
    /// Who can read it, a recipient of `age` (`age1…`); may be given several times
    #[arg(long, value_name = "RECIPIENT")]
    pub encrypt_to: Vec<String>,
}

/// Flags of `patch`.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
#[derive(Debug, Clone, Default, Args)]
pub struct PatchFlags {
    /// Only tell whether a change is needed: exit code 10 if so
    #[arg(long, group = "form")]
    pub check: bool,
    /// Only show what would change
    #[arg(long, group = "form")]
    pub diff: bool,
    /// Print the patched text instead of writing it
    #[arg(long, group = "form", requires = "offline")]
    pub stdout: bool,
    /// Judge by one file alone, without Docker; writes nothing
    #[arg(long, requires = "form", requires = "edges")]
    pub offline: bool,
    /// A service, and the one whose successful end it must wait for; may be given several times
    /// (default: what the app needs)
    #[arg(long = "edge", value_name = "SERVICE:DEPENDENCY", value_parser = edge)]
    pub edges: Vec<(String, String)>,
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

fn edge(text: &str) -> Result<(String, String), String> {
    match text.split_once(':') {
        Some((service, dependency)) if !service.is_empty() && !dependency.is_empty() => {
            Ok((service.to_owned(), dependency.to_owned()))
        }
        _ => Err("name two services, as in `backend:db-init`".to_owned()),
    }
}

fn policy(text: &str) -> Result<DrainPolicy, String> {
    serde_json::from_value(text.into()).map_err(|_| "use abort, continue or requeue".to_owned())
}

fn proof(text: &str) -> Result<Proof, String> {
    serde_json::from_value(text.into()).map_err(|_| "use list or restore".to_owned())
}

/// Seconds, or a number with `s`, `m` or `h`.
fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = match text.char_indices().find(|(_, c)| !c.is_ascii_digit()) {
        Some((at, _)) => text.split_at(at),
        None => (text, "s"),
    };
    let factor = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 24 * 3600,
        _ => return Err("use seconds, or a number with s, m, h or d".to_owned()),
    };
    let number: u64 = number.parse().map_err(|_| "not a number".to_owned())?;
    number
        .checked_mul(factor)
        .map(Duration::from_secs)
        .ok_or_else(|| "too long".to_owned())
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

    #[test]
    fn times_have_units() {
        for (text, seconds) in [("90", 90), ("90s", 90), ("30m", 1800), ("1d", 86400)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in [
            "",
            "h",
            "1w",
            "-1",
            "99999999999999999999h",
            "9999999999999999999h",
        ] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
