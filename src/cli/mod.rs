//! The command line: parse, make one call into `ops`, show how it ended, exit with its code.

mod backups;
mod exit;
mod prompt;

use clap::{Args, Parser, Subcommand};

use crate::engine::Report;
use crate::event::{Failure, FailureClass, RunId};
use crate::ops::{self, Ended, Offline};
use crate::render::{
    Display, Ending, history_line, job_lines, print_finding, print_text, status_lines,
};
use crate::settings::{
    Flags, GcFlags, Output, PatchFlags, ProveFlags, RehearseFlags, RestoreFlags, RollbackFlags,
    RunFlags, Settings, UpFlags, UpgradeFlags, WaitFlags,
};

/// Upgrades a self-hosted Docker Compose app: `docker compose pull && docker compose up -d`, with
/// a proven backup before and a way back.
#[derive(Debug, Parser)]
#[command(name = "eneo-upgrade", version)]
struct Line {
    #[command(flatten)]
    flags: Flags,
    #[command(flatten)]
    up: UpFlags,
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Upgrade the project (what happens without a command, too)
    Up(UpFlags),
    /// Show what an upgrade would do; nothing is touched
    Plan(PlanFlags),
    /// Find everything that stands in the way of an upgrade; nothing is touched
    Check(PlanFlags),
    /// Make the app's services wait for its migration, in the Compose file; nothing else is touched
    Patch(PatchFlags),
    /// Verify what runs: images, schema, data, health; nothing is touched
    Verify,
    /// Run the new release's migration on a copy of the data, with nothing of yours touched
    Rehearse(RehearseFlags),
    /// Wait until no job is under way, while queued ones are held back
    Drain(WaitFlags),
    /// List the app's jobs: running, queued, stuck
    Jobs {
        /// Queue stuck jobs again
        #[arg(long)]
        requeue: bool,
    },
    /// Go on with a run that was interrupted or needs attention
    Resume(RunFlags),
    /// Go back from a run that was interrupted or needs attention, or from the newest one
    Rollback(RollbackFlags),
    /// Make a backup what serves, on this host or on an empty one
    Restore(RestoreFlags),
    /// Back the app up now, while it is up, and prove the backup
    Backup(ProveFlags),
    /// Look after the backups that are kept
    #[command(subcommand)]
    Backups(backups::Backups),
    /// Free what runs have kept for a way back that is no longer needed
    Gc(GcFlags),
    /// Show where the newest run stands
    Status,
    /// List the runs of the project
    History,
    /// Show what a run has recorded
    Logs {
        /// The run (default: the newest)
        run: Option<RunId>,
    },
}

#[derive(Debug, Args)]
struct PlanFlags {
    #[command(flatten)]
    upgrade: UpgradeFlags,
    /// Bring the new images here, so that the target's schema revision is known too
    #[arg(long)]
    fetch: bool,
}

impl Line {
    /// What to do; without a command, upgrade.
    fn verb(self) -> Result<Verb, Failure> {
        match self.verb {
            None => Ok(Verb::Up(self.up)),
            Some(_) if self.up.upgrade.to.is_some() => Err(Failure::new(
                "`--to` was given before the command, where it means nothing",
            )
            .hint("put it behind: `eneo-upgrade up --to …`, `eneo-upgrade plan --to …`")
            .class(FailureClass::Usage)),
            Some(_) if self.up.rehearse => Err(Failure::new(
                "`--rehearse` was given before the command, where it means nothing",
            )
            .hint("`eneo-upgrade up --rehearse`, or `eneo-upgrade rehearse` without an upgrade")
            .class(FailureClass::Usage)),
            Some(verb) => Ok(verb),
        }
    }
}

/// Runs the command line of this process; returns its exit code.
pub async fn run() -> u8 {
    let line = Line::parse();
    let mut display = match line.flags.output() {
        Output::Text => Display::text(),
        Output::Json => Display::json(),
    };
    let settings = match Settings::from_process(&line.flags) {
        Ok(settings) => settings,
        Err(failure) => return end(&mut display, &Err(failure)),
    };
    let verb = match line.verb() {
        Ok(verb) => verb,
        Err(failure) => return end(&mut display, &Err(failure)),
    };
    match verb {
        Verb::Status => {
            let answer = status(&settings, &mut display).await;
            answered(&mut display, answer)
        }
        Verb::History => {
            let answer = history(&settings, &mut display).await;
            answered(&mut display, answer)
        }
        Verb::Backups(backups::Backups::List) => {
            let answer = backups::list(&settings, &mut display);
            answered(&mut display, answer)
        }
        Verb::Jobs { requeue } => {
            let answer = jobs(&settings, requeue, &mut display).await;
            answered(&mut display, answer)
        }
        Verb::Logs { run } => {
            let answer = ops::logs(&settings, run.as_ref()).await;
            let answer = answer.map(|records| display.replay(&records));
            answered(&mut display, answer)
        }
        Verb::Patch(flags) if flags.stdout => match patched(&settings, &flags) {
            Ok(code) => code,
            Err(failure) => end(&mut display, &Err(failure)),
        },
        verb => {
            let (report, signals) = Report::channel();
            let shown = tokio::spawn(display.show(signals));
            // Any verb at all: too large for the stack.
            let ended = Box::pin(act(verb, &settings, &report)).await;
            drop(report);
            // A display that broke has nothing left to show; the exit code still tells.
            let mut display = shown.await.unwrap_or_else(|_| Display::text());
            end(&mut display, &ended)
        }
    }
}

async fn act(verb: Verb, settings: &Settings, report: &Report) -> Result<Ended, Failure> {
    match verb {
        Verb::Up(flags) => {
            let prompt = prompt::Prompt::new(settings.questions);
            ops::upgrade(settings, &flags, &prompt, report).await
        }
        Verb::Plan(flags) => ops::plan(settings, &flags.upgrade, flags.fetch, report).await,
        Verb::Check(flags) => ops::check(settings, &flags.upgrade, flags.fetch, report).await,
        Verb::Patch(flags) => {
            let prompt = prompt::Prompt::new(settings.questions);
            let ended = ops::patch(settings, &flags, &prompt, report).await?;
            Ok(Ended {
                change_needed: ended.change_needed && !flags.diff,
                ..ended
            })
        }
        Verb::Verify => ops::verify(settings, report).await,
        Verb::Rehearse(flags) => ops::rehearse(settings, &flags, report).await,
        Verb::Drain(flags) => ops::drain(settings, &flags, report).await,
        Verb::Resume(flags) => {
            let prompt = prompt::Prompt::new(settings.questions);
            ops::resume(settings, &flags, &prompt, report).await
        }
        Verb::Rollback(flags) => {
            let prompt = prompt::Prompt::new(settings.questions);
            ops::rollback(settings, &flags, &prompt, report).await
        }
        Verb::Gc(flags) => {
            let prompt = prompt::Prompt::new(settings.questions);
            ops::gc(settings, &flags, &prompt, report).await
        }
        Verb::Restore(flags) => {
            let prompt = prompt::Prompt::new(settings.questions);
            Box::pin(ops::restore(settings, &flags, &prompt, report)).await
        }
        Verb::Backup(flags) => Box::pin(ops::backup(settings, flags, report)).await,
        Verb::Backups(verb) => backups::act(&verb, settings, report).await,
        Verb::Status | Verb::History | Verb::Jobs { .. } | Verb::Logs { .. } => {
            Err(Failure::new("this command opens no run"))
        }
    }
}

async fn status(settings: &Settings, display: &mut Display) -> Result<(), Failure> {
    let Some(status) = ops::status(settings).await? else {
        if settings.output == Output::Text {
            display.answer(&["this project has no runs".to_owned()]);
        }
        return Ok(());
    };
    if settings.output == Output::Json {
        display.replay(&status.records);
        return Ok(());
    }
    if let Some(entry) = &status.held_at {
        let held = format!(
            "requests may be waiting at {entry}: `eneo-upgrade resume` or `eneo-upgrade rollback` \
             lets them in"
        );
        display.answer(&[held]);
    }
    let row = &status.row;
    let head = history_line(row.run.as_str(), &row.started_at, row.outcome, row.open);
    let at = status
        .state
        .next_step()
        .filter(|_| row.open)
        .map(|step| step.title.as_str());
    display.answer(&status_lines(head, at, status.state.failure()));
    if let Some(last) = status.records.last().filter(|_| row.outcome.is_some()) {
        display.replay(std::slice::from_ref(last));
    }
    Ok(())
}

async fn jobs(settings: &Settings, requeue: bool, display: &mut Display) -> Result<(), Failure> {
    let list = ops::jobs(settings, requeue).await?;
    let lines = match settings.output {
        Output::Text => job_lines(
            &[
                ("running", &list.running),
                ("queued", &list.queued),
                ("stuck", &list.stuck),
            ],
            list.done.as_deref(),
        ),
        Output::Json => vec![exit::jobs_as_json(&list)],
    };
    display.answer(&lines);
    Ok(())
}

async fn history(settings: &Settings, display: &mut Display) -> Result<(), Failure> {
    let runs = ops::history(settings).await?;
    let lines: Vec<String> = match settings.output {
        Output::Text => runs
            .iter()
            .map(|row| history_line(row.run.as_str(), &row.started_at, row.outcome, row.open))
            .collect(),
        Output::Json => runs.iter().map(exit::row_as_json).collect(),
    };
    display.answer(&lines);
    Ok(())
}

/// The text itself, and nothing else.
fn patched(settings: &Settings, flags: &PatchFlags) -> Result<u8, Failure> {
    if settings.output == Output::Json {
        return Err(Failure::new("`--stdout` prints a file, not JSON")
            .hint("leave one of them out")
            .class(FailureClass::Usage));
    }
    match Offline::read(settings, flags)? {
        Ok(offline) => {
            offline.warnings.iter().for_each(print_finding);
            print_text(&offline.after)
                .map_err(|error| Failure::new(format!("cannot print the patched text: {error}")))?;
            Ok(0)
        }
        Err(finding) => {
            print_finding(&finding);
            Ok(exit::REFUSED)
        }
    }
}

fn answered(display: &mut Display, answer: Result<(), Failure>) -> u8 {
    match answer {
        Ok(()) => 0,
        Err(failure) => end(display, &Err(failure)),
    }
}

fn end(display: &mut Display, ended: &Result<Ended, Failure>) -> u8 {
    let code = exit::code(ended);
    let ending = match ended {
        Ok(ended) => Ending {
            outcome: ended.outcome,
            failure: ended.failure.as_ref(),
            state: &ended.state,
            next: &ended.next,
            code,
        },
        Err(failure) => Ending {
            outcome: None,
            failure: Some(failure),
            state: &[],
            next: &[],
            code,
        },
    };
    display.end(&ending);
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verb(words: &str) -> Result<Verb, String> {
        let line = Line::try_parse_from(words.split(' ')).map_err(|error| error.to_string())?;
        line.verb().map_err(|failure| failure.error)
    }

    #[test]
    fn flags_of_compose_may_stand_on_either_side_of_the_command() {
        for words in ["x -f a.yml -p b rollback", "x rollback -f a.yml -p b"] {
            assert!(matches!(verb(words), Ok(Verb::Rollback(_))), "{words}");
        }
    }

    #[test]
    fn without_a_command_it_upgrades_as_compose_would() {
        for words in ["x", "x -d", "x --to v1", "x up -d --to v1", "x --rehearse"] {
            assert!(matches!(verb(words), Ok(Verb::Up(_))), "{words}");
        }
    }

    #[test]
    fn a_flag_that_would_be_lost_is_refused() {
        assert!(
            verb("x --to v1 plan")
                .expect_err("refused")
                .contains("--to")
        );
        assert!(
            verb("x --rehearse verify")
                .expect_err("refused")
                .contains("--rehearse")
        );
        verb("x plan --rehearse").expect_err("unknown there");
    }
}
