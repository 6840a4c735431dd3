//! Making a backup what serves, on the host it is from or on an empty one.

use super::backups::{Kept, must_fit, of, unpacked};
use super::begin::begin;
use super::drive::Driver;
use super::outlook::Outlook;
use super::project::Project;
use super::{Confirm, Ended, Question, upgrade};
use crate::engine::Report;
use crate::event::{Failure, FailureClass, Finding, Live, RunId, Severity};
use crate::inventory::{Inventory, login};
use crate::plan::{self, Vouched};
use crate::recipe::Reference;
use crate::settings::{RestoreFlags, RunFlags, Settings};
use crate::steps::Manifest;

/// Restores a backup and brings the app up on it.
pub async fn restore(
    settings: &Settings,
    flags: &RestoreFlags,
    confirm: &impl Confirm,
    report: &Report,
) -> Result<Ended, Failure> {
    let project = Project::open(settings).await?;
    let identity = flags.identity.as_deref();
    let backup = unpacked(&project.state, &settings.here, &flags.backup, identity).await?;
    let kept = of(&project.state, &settings.here, &backup)?;
    report.note(format!("checking backup {}", kept.id()));
    must_fit(&project.state, &kept).await?;
    let manifest = kept.manifest()?;
    let inventory = project.look_again(None).await?;
    fits(&project, &inventory, manifest).await?;
    let empty = inventory.is_empty_host();
    let inventory = match empty {
        true => ready(inventory, report)?,
        false => inventory,
    };
    let flags_of_run = RunFlags::default();
    let run = upgrade::run(&project, RunId::random(), &flags_of_run);
    let vouched = Vouched {
        path: &kept.manifest,
        manifest,
    };
    let plan = plan::restore(&inventory, vouched, &run);
    for file in plan::stays(&inventory, manifest) {
        let path = kept.folder().join(file);
        report.note(format!(
            "not put back, for what is there is newer: `{}`",
            path.display()
        ));
    }
    let what = format!("backup {} of {}", kept.id(), inventory.recipe.title);
    let view = plan::outline(&inventory, what, &plan);
    report.live(Live::Plan(Box::new(view.clone())));
    report.flush().await;
    if !empty && !flags.discard_writes_since {
        meant(&inventory, &kept, manifest, confirm)?;
    }
    let _lock = project.lock(&inventory).await?;
    upgrade::settle(&project.children(), report).await?;
    let log = begin(&project, &inventory, &run, None, (&plan, view), report).await?;
    Driver::new(settings, &project, inventory, run, log, &flags_of_run)
        .drive(confirm)
        .await
}

/// What is there is not what the backup holds: going on without it has to be meant.
fn meant(
    inventory: &Inventory,
    kept: &Kept,
    manifest: &Manifest,
    confirm: &impl Confirm,
) -> Result<(), Failure> {
    let question = Question {
        text: format!(
            "What was written since {} is kept in another database, and the app goes on without \
             it. Restore backup {}?",
            manifest.at,
            kept.id()
        ),
        default: false,
        word: Some(inventory.model.name.clone()),
    };
    match confirm.confirm(&question) {
        true => Ok(()),
        false => Err(
            Failure::new("what was written since the backup would be lost")
                .hint("`eneo-upgrade restore --discard-writes-since …` restores all the same")
                .class(FailureClass::Refused),
        ),
    }
}

/// Whether it is a backup of this project, at the release that its files name.
async fn fits(
    project: &Project,
    inventory: &Inventory,
    manifest: &Manifest,
) -> Result<(), Failure> {
    let docker = project.docker.clone().of_project(&inventory.model.name);
    let login = login(&docker, &inventory.recipe, &inventory.model).await?;
    let refused = |error: String, hint: String| {
        Err(Failure::new(error).hint(hint).class(FailureClass::Refused))
    };
    let wanted = &manifest.of.database;
    match login {
        Some(login) if login.database == *wanted => {}
        Some(login) => {
            return refused(
                format!(
                    "the backup is of database `{wanted}`, and the app of this project uses `{}`",
                    login.database
                ),
                "set the name of the database in the app's env file, or name another backup"
                    .to_owned(),
            );
        }
        None => {
            return refused(
                "nothing says how this project logs in to its database".to_owned(),
                "describe the app in a recipe (`--recipe`)".to_owned(),
            );
        }
    }
    let Some(release) = &manifest.of.release else {
        return Ok(());
    };
    let images = inventory
        .services
        .values()
        .filter_map(|facts| facts.image.as_ref());
    let tags = images
        .filter(|image| inventory.recipe.carries_release(&image.reference))
        .filter_map(|image| Reference::parse(&image.reference).tag);
    // `latest` and its like name whatever they are made to.
    let mut other = tags.filter(|tag| {
        *tag != release.as_str()
            && tag
                .trim_start_matches('v')
                .starts_with(|c: char| c.is_ascii_digit())
    });
    match other.next() {
        None => Ok(()),
        Some(tag) => refused(
            format!("the backup is of release {release}, and the files of this project name {tag}"),
            format!("set the tag to {release} in the files first"),
        ),
    }
}

/// What an empty host lacks is said before anything is made on it.
fn ready(inventory: Inventory, report: &Report) -> Result<Inventory, Failure> {
    let outlook = Outlook::of(inventory, None, false);
    let lacks = |finding: &Finding| finding.severity == Severity::Refusal;
    let findings: Vec<Finding> = outlook.findings.into_iter().filter(lacks).collect();
    if findings.is_empty() {
        return Ok(outlook.inventory);
    }
    report.live(Live::Findings { findings });
    Err(Failure::new("this host is not ready for the project").class(FailureClass::Refused))
}
