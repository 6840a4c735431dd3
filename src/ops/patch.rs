//! Editing the project's files and nothing else: services wait for the end of the migration.

use std::path::PathBuf;

use super::project::{self, find};
use super::state_folder::{self, StateFolder};
use super::{Confirm, Ended, Question};
use crate::compose_file::{self, Edge};
use crate::engine::Report;
use crate::event::{Failure, FailureClass, FileView, Finding, Live, Outcome, RunId, Severity};
use crate::host::compose::{DockerCompose, ProjectArgs};
use crate::host::process::Children;
use crate::host::{Compose, Model, Redactor, files};
use crate::inventory::{App, Blind, Located, redactor};
use crate::plan::{self, FileEdits};
use crate::preflight;
use crate::settings::{PatchFlags, Settings};
use crate::steps::{EditFile, RestoreFile};

/// Makes the services of the app wait for its migration, or those of the given edges; asks first.
pub async fn patch(
    settings: &Settings,
    flags: &PatchFlags,
    confirm: &impl Confirm,
    report: &Report,
) -> Result<Ended, Failure> {
    if flags.offline {
        let Offline {
            path,
            before,
            after,
            warnings,
        } = match Offline::read(settings, flags)? {
            Ok(offline) => offline,
            Err(finding) => return Ok(super::plan::refused(report, vec![finding])),
        };
        if !warnings.is_empty() {
            report.live(Live::Findings { findings: warnings });
        }
        let file = (before != after).then(|| FileView {
            diff: compose_file::diff(&before, &after, &path.display().to_string()),
            path,
            created: false,
        });
        return Ok(shown(report, file.into_iter().collect()));
    }
    let patching = match Patching::look(settings, flags).await? {
        Ok(patching) => patching,
        Err(findings) => return Ok(super::plan::refused(report, findings)),
    };
    if let Some(guessed) = &patching.guessed {
        report.note(format!(
            "`{guessed}` is taken for the service that migrates the database"
        ));
    }
    let view = |file: &FileEdits| FileView {
        path: file.path.clone(),
        created: file.before.is_none(),
        // A whole service may stand on one line.
        diff: patching.redactor.redact(&file.diff()),
    };
    let ended = shown(report, patching.files.iter().map(view).collect());
    if flags.check || flags.diff || patching.files.is_empty() {
        return Ok(ended);
    }
    report.flush().await;
    let question = Question {
        text: "Change it?".to_owned(),
        default: true,
        word: None,
    };
    if !confirm.confirm(&question) {
        return Ok(Ended::plain(Outcome::Refused, "nothing was touched"));
    }
    patching.write().await
}

/// One file with the edges in it, judged by its text alone.
pub struct Offline {
    path: PathBuf,
    before: String,
    /// Its text with the edges.
    pub after: String,
    /// What may be a mistake.
    pub warnings: Vec<Finding>,
}

impl Offline {
    /// Reads and edits, and writes nothing. The inner error says why there is no such text.
    pub fn read(settings: &Settings, flags: &PatchFlags) -> Result<Result<Self, Finding>, Failure> {
        let [path] = settings.files.as_slice() else {
            return Err(
                Failure::new("without Docker exactly one file can be patched")
                    .hint("name it: `-f FILE`")
                    .class(FailureClass::Usage),
            );
        };
        let path = settings.here.join(path);
        let bytes =
            files::read(&path).map_err(|error| Failure::from(error).class(FailureClass::Usage))?;
        let Ok(before) = String::from_utf8(bytes) else {
            return Ok(Err(refusal(
                "not-utf8",
                format!("`{}` is not UTF-8", path.display()),
                "save it as UTF-8",
            )));
        };
        Ok(match compose_file::require_edges(&before, &edges(flags)) {
            Ok(patched) => Ok(Self {
                warnings: patched
                    .undefined
                    .iter()
                    .map(|name| undefined(name))
                    .collect(),
                path,
                before,
                after: patched.text,
            }),
            Err(refused) => Err(plan::refused(&path, &refused)),
        })
    }
}

/// Compose wants every service that is named to be there; another file may have it.
fn undefined(name: &str) -> Finding {
    Finding {
        severity: Severity::Warning,
        ..refusal(
            "undefined-dependency",
            format!("the file has no service `{name}`"),
            "it has to be in another file of the project",
        )
    }
}

fn edges(flags: &PatchFlags) -> Vec<Edge> {
    let edge = |(service, dependency): &(String, String)| Edge {
        service: service.clone(),
        dependency: dependency.clone(),
    };
    flags.edges.iter().map(edge).collect()
}

fn shown(report: &Report, files: Vec<FileView>) -> Ended {
    if files.is_empty() {
        let state = "every service that has to waits already; nothing was touched";
        return Ended::plain(Outcome::Unchanged, state);
    }
    report.live(Live::Patch { files });
    Ended {
        change_needed: true,
        ..Ended::answer("a change is needed; nothing was touched")
    }
}

/// A project of which nothing is looked at but its files.
struct Patching {
    args: ProjectArgs,
    state: StateFolder,
    compose: DockerCompose,
    project: String,
    /// The service that migrates, where nobody has said so.
    guessed: Option<String>,
    redactor: Redactor,
    files: Vec<FileEdits>,
}

impl Patching {
    async fn look(
        settings: &Settings,
        flags: &PatchFlags,
    ) -> Result<Result<Self, Vec<Finding>>, Failure> {
        let (located, state) = find(settings)?;
        let docker = project::docker_command()?;
        let compose = DockerCompose::new(docker, located.args.clone(), Children::reading());
        let (version, model) = tokio::join!(compose.version(), compose.model());
        let Ok(version) = version else {
            return preflight::blind(Blind::NoCompose).map(Err);
        };
        if let Some(finding) = preflight::compose(&version) {
            return Ok(Err(vec![finding]));
        }
        let model = match model {
            Ok(model) => model,
            Err(error) => return preflight::blind(Blind::NoModel(error)).map(Err),
        };
        let recipe = project::recipe(settings)?;
        let app = App::of(recipe, settings.migration.as_deref(), &model)?;
        let files = plan(flags, &located, &compose, &model, &app).await;
        let guessed = app.inferred && settings.migration.is_none() && flags.edges.is_empty();
        Ok(files.map(|files| Self {
            args: located.args,
            state,
            compose,
            redactor: redactor(&model, &[]),
            project: model.name,
            guessed: app.recipe.roles.migration.filter(|_| guessed),
            files,
        }))
    }

    /// All files or none.
    async fn write(self) -> Result<Ended, Failure> {
        let _lock = self.state.lock_files(&self.project)?;
        if let Some(journal) = self.state.journal_to_read().await?
            && let Some(run) = journal
                .open_run(&self.project)
                .await
                .map_err(|error| state_folder::failure(&error))?
        {
            return Err(state_folder::open_run(format!(
                "run {run} of this project is still open"
            )));
        }
        for file in &self.files {
            file.unchanged()?;
        }
        let kept = self.state.patches(&RunId::random());
        let mut written: Vec<EditFile> = Vec::new();
        for (number, file) in self.files.iter().enumerate() {
            let step = file.step(&kept, number, &self.args);
            if let Err(failure) = step.run(&self.compose).await {
                for step in written.iter().rev() {
                    RestoreFile::of(step).run()?;
                }
                return Err(failure.class(FailureClass::Refused));
            }
            written.push(step);
        }
        let mut state: Vec<String> = written
            .iter()
            .map(|step| format!("`{}` was changed", step.path.display()))
            .collect();
        let saved = written.iter().filter(|step| step.before.is_some());
        state.extend(saved.map(|step| format!("as it was: `{}`", step.saved.display())));
        Ok(Ended {
            state,
            ..Ended::answer("")
        })
    }
}

async fn plan(
    flags: &PatchFlags,
    located: &Located,
    compose: &DockerCompose,
    model: &Model,
    app: &App,
) -> Result<Vec<FileEdits>, Vec<Finding>> {
    let given = edges(flags);
    let migration = app.recipe.roles.migration.iter();
    let named = given
        .iter()
        .flat_map(|edge| [&edge.service, &edge.dependency]);
    let absent = |name: &String| !model.services.contains_key(name);
    // A profile that cannot be read is no reason to read no further.
    let inactive = match migration.chain(named).any(absent) {
        true => compose.services_of_all_profiles().await.unwrap_or_default(),
        false => Vec::new(),
    };
    let project = plan::Project {
        args: &located.args,
        sources: &located.sources,
        model,
        inactive: &inactive,
    };
    let wanted = match given.is_empty() {
        true => needed(app, model, &inactive)?,
        false => given,
    };
    let endless = wanted.iter().map(|edge| &edge.dependency).find_map(|name| {
        let service = model.services.get(name)?;
        let endless = service.restarts_for_ever();
        endless.then(|| preflight::restarts(name, service.restart_policy()))
    });
    if let Some(finding) = endless {
        return Err(vec![finding]);
    }
    let files = plan::gate(&project, &wanted)?;
    let writes = !flags.check && !flags.diff;
    let unwritable: Vec<Finding> = files
        .iter()
        .filter(|file| writes && !files::is_writable(&file.path))
        .map(|file| preflight::not_writable(&file.path))
        .collect();
    match unwritable.is_empty() {
        true => Ok(files),
        false => Err(unwritable),
    }
}

/// The edges that the app needs.
fn needed(app: &App, model: &Model, inactive: &[String]) -> Result<Vec<Edge>, Vec<Finding>> {
    let found = preflight::migration(&app.recipe, &app.migrations, model, inactive);
    if let Some(finding) = found {
        return Err(vec![finding]);
    }
    if app.recipe.roles.migration.is_none() {
        return Err(vec![refusal(
            "migration-unknown",
            "no service of this project looks like one that migrates a database".to_owned(),
            "name it with `--migration SERVICE`, or what has to wait with `--edge SERVICE:DEPENDENCY`",
        )]);
    }
    let wanted = plan::wanted(&app.recipe.roles, model);
    match wanted.is_empty() {
        true => Err(vec![refusal(
            "writers-unknown",
            "no service of this project is known to use the database".to_owned(),
            "name what has to wait: `--edge SERVICE:DEPENDENCY`",
        )]),
        false => Ok(wanted),
    }
}

fn refusal(id: &str, text: String, cure: &str) -> Finding {
    Finding {
        id: id.to_owned(),
        severity: Severity::Refusal,
        text,
        cure: cure.to_owned(),
    }
}
