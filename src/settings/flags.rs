//! What the commands take besides the flags of all.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::event::{DrainPolicy, Proof, RunId};

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

/// Seconds, or a number with `s`, `m`, `h` or `d`.
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
    use super::*;

    #[test]
    fn times_have_units() {
        for (text, seconds) in [
            ("90", 90),
            ("90s", 90),
            ("30m", 1800),
            ("2h", 7200),
            ("1d", 86400),
        ] {
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
