//! How a run ends: the outcome, the state things are in, and what to type next.

use std::path::PathBuf;

use super::Driver;
use crate::event::{Artifact, Event, Failure, Outcome};
use crate::host::files;
use crate::ops::{Ended, gc};
use crate::plan::{self, Extent, NoWayBack};
use crate::report::RunReport;
use crate::settings::Settings;

impl Driver<'_> {
    pub(super) async fn no_way_back(
        &mut self,
        failure: &Failure,
        why: &NoWayBack,
    ) -> Result<Ended, Failure> {
        let state = vec![why.to_string(), self.backups()];
        let next = vec![self.command("resume")];
        self.end(Outcome::NeedsAttention, Some(failure.clone()), state, next)
            .await
    }

    pub(super) async fn needs_attention(
        &mut self,
        failure: &Failure,
        extent: Extent,
    ) -> Result<Ended, Failure> {
        let serving = extent > Extent::Database;
        let state = vec![
            match serving {
                true => "the new release was started; people may have written to it since",
                false => {
                    "the app is stopped; its database may hold part of the new schema, nobody has \
                     written to it since the exact backup"
                }
            }
            .to_owned(),
            self.backups(),
        ];
        let back = match serving {
            true => self.command("rollback --discard-writes-since"),
            false => self.command("rollback"),
        };
        let next = vec![
            format!("{back}   # go back to what there was before"),
            format!(
                "{}   # try again from here, once the cause is gone",
                self.command("resume")
            ),
        ];
        self.end(Outcome::NeedsAttention, Some(failure.clone()), state, next)
            .await
    }

    pub(super) async fn upgraded(&mut self) -> Result<Ended, Failure> {
        let machine = self.machine().await?;
        gc::after_a_run(&self.project.state, &machine, self.log.report()).await;
        let mut state = vec!["the new release serves; everything was verified".to_owned()];
        if self.has_backup() {
            state.push(self.backups());
            state.push(format!(
                "what there was before is kept for the way back: {}",
                self.command("rollback")
            ));
        }
        self.end(Outcome::Upgraded, None, state, vec![]).await
    }

    pub(super) async fn went_back(&mut self, failure: Option<Failure>) -> Result<Ended, Failure> {
        let extent = plan::extent(self.log.state()).map_err(|error| Failure::from_error(&error))?;
        if extent == Extent::Nothing {
            let state = vec!["nothing of yours was touched".to_owned()];
            return self.end(Outcome::Refused, failure, state, vec![]).await;
        }
        let mut state =
            vec!["what there was before serves again; everything was verified".to_owned()];
        if self.has_backup() {
            state.push(self.backups());
        }
        self.end(Outcome::RolledBack, failure, state, vec![]).await
    }

    pub(super) async fn end(
        &mut self,
        outcome: Outcome,
        failure: Option<Failure>,
        mut state: Vec<String>,
        next: Vec<String>,
    ) -> Result<Ended, Failure> {
        if outcome == Outcome::NeedsAttention {
            state.extend(self.leave_door().await?);
        }
        self.record(Event::RunEnded {
            outcome,
            state: state.clone(),
            next: next.clone(),
        })
        .await?;
        // The run has ended as it has, also where there is no room for a report of it.
        if let Err(failure) = self.write_report().await {
            let report = self.log.report();
            report.note(format!(
                "the report could not be written: {}",
                failure.error
            ));
        }
        Ok(Ended {
            outcome: Some(outcome),
            failure,
            state,
            next,
            change_needed: false,
        })
    }

    /// Requests do not wait for somebody to decide, unless they would be written to what is not
    /// decided.
    async fn leave_door(&self) -> Result<Option<String>, Failure> {
        let Some(door) = self.door()? else {
            return Ok(None);
        };
        let containers = &self.machine().await?.docker;
        let opened = door.open_if_nobody_writes(containers).await?;
        Ok((!opened).then(|| {
            format!(
                "requests are still held at {}, until this run is decided",
                door.service
            )
        }))
    }

    async fn write_report(&self) -> Result<(), Failure> {
        let records = self.log.records().await;
        let records = records.map_err(|error| Failure::from_error(&error))?;
        let Some(report) = RunReport::of(&records) else {
            return Ok(());
        };
        let json =
            serde_json::to_vec_pretty(&report).map_err(|error| Failure::from_error(&error))?;
        let folder = self.project.state.run(&self.run.id);
        files::private_folder(&folder)?;
        files::replace(&folder.join("report.json"), &json)?;
        files::replace(&folder.join("report.md"), report.to_markdown().as_bytes())?;
        self.log
            .report()
            .note(format!("report: {}", folder.join("report.md").display()));
        Ok(())
    }

    fn has_backup(&self) -> bool {
        self.log
            .state()
            .artifacts()
            .any(|artifact| matches!(artifact, Artifact::Backup { .. }))
    }

    pub(super) fn backups(&self) -> String {
        match self.has_backup() {
            true => format!("backups: {}", self.run.backups.display()),
            false => "there is no backup of this run".to_owned(),
        }
    }

    /// What to type, from anywhere.
    pub(super) fn command(&self, verb: &str) -> String {
        let mut args = self.inventory.args.clone();
        if args.beside.is_some() {
            // They are found again, those that a run adds or takes away, too.
            args.files.clear();
            args.beside = None;
        }
        let Settings {
            here,
            state_dir,
            recipe,
            migration,
            ..
        } = self.settings;
        let path = |path: &PathBuf| here.join(path).display().to_string();
        let more = [
            ("--state-dir", state_dir.as_ref().map(path)),
            ("--recipe", recipe.as_ref().map(path)),
            ("--migration", migration.clone()),
        ];
        let mut words = vec!["eneo-upgrade".to_owned()];
        words.extend(args.to_args());
        for (flag, value) in more {
            words.extend(value.into_iter().flat_map(|value| [flag.to_owned(), value]));
        }
        words.push(verb.to_owned());
        let quoted = words.into_iter().map(|word| {
            match word.contains(|c: char| c.is_whitespace() || "'\"$&;()<>|*?`\\".contains(c)) {
                true => format!("'{}'", word.replace('\'', r"'\''")),
                false => word,
            }
        });
        quoted.collect::<Vec<_>>().join(" ")
    }
}
