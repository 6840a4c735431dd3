//! `backups …`: looking after what is kept.

use clap::Subcommand;

use super::prompt;
use crate::engine::Report;
use crate::event::Failure;
use crate::ops::{self, Ended};
use crate::render::{Display, backup_line, backup_lines};
use crate::settings::{ExportFlags, Output, Settings};

#[derive(Debug, Subcommand)]
pub(super) enum Backups {
    /// List them, newest first
    List,
    /// Compare their files with what was recorded; nothing is changed
    Verify {
        /// The backup, or a run with all of its backups (default: all)
        id: Option<String>,
    },
    /// Restore one beside the database and compare every table
    Prove {
        /// The backup, or a run with all of its backups (default: the newest)
        id: Option<String>,
    },
    /// Write one to a file to carry away, encrypted if you say for whom
    Export(ExportFlags),
    /// Take old ones away, never the last proven one nor one that an open run needs
    Prune {
        /// How many of the newest stay
        #[arg(long, value_name = "N", default_value_t = 4)]
        keep: usize,
    },
}

pub(super) fn list(settings: &Settings, display: &mut Display) -> Result<(), Failure> {
    let rows = ops::backups(settings)?;
    let lines = match settings.output {
        Output::Text => backup_lines(&rows),
        Output::Json => rows.iter().filter_map(backup_line).collect(),
    };
    display.answer(&lines);
    Ok(())
}

pub(super) async fn act(
    verb: &Backups,
    settings: &Settings,
    report: &Report,
) -> Result<Ended, Failure> {
    match verb {
        Backups::List => Err(Failure::new("a list is no act")),
        Backups::Verify { id } => ops::verify_backups(settings, id.as_deref(), report).await,
        Backups::Prove { id } => ops::prove_backups(settings, id.as_deref(), report).await,
        Backups::Export(flags) => ops::export_backup(settings, flags, report).await,
        Backups::Prune { keep } => {
            let prompt = prompt::Prompt::new(settings.questions);
            ops::prune_backups(settings, *keep, &prompt, report).await
        }
    }
}
