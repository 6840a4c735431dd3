//! Is all well? Everything that a run verifies at its end, at any time; nothing is changed.

use super::Ended;
use super::project::Project;
use crate::engine::Report;
use crate::event::{Checked, Failure, Live, RunId, StepId, Verdict};
use crate::host::{Containers, Machine};
use crate::inventory::Inventory;
use crate::plan;
use crate::settings::{RunFlags, Settings};
use crate::steps::{CheckIdentity, ReadRevisions};

/// How long the app may take to answer, in seconds; nobody has just started it.
const ANSWER: u64 = 60;
/// Characters of an answer that are shown.
const LONGEST: usize = 400;

/// Verifies a project as it is.
pub async fn verify(settings: &Settings, report: &Report) -> Result<Ended, Failure> {
    let project = Project::open(settings).await?;
    let inventory = project.look_again(None).await?;
    let run = super::upgrade::run(&project, RunId::random(), &RunFlags::default());
    let machine = project.machine(&inventory, &run.id, None).await?;
    let revisions = revisions(&inventory, &machine).await?;
    let unknown = inventory.recipe.migration.is_some() && revisions.is_none();
    let (verify, health) = plan::verification(&inventory, revisions, &run);
    let mut checks = services(&inventory);
    checks.extend(identity(&project, &inventory, &machine).await?);
    checks.extend(log(&inventory, &machine).await?);
    checks.extend(verify.compare(&machine).await?);
    if unknown {
        let told = "not compared: there is no container of the service that migrates";
        let cure = "`docker compose create` makes it; then verify again";
        checks.push(Checked::new("schema", true, told).warning(cure));
    }
    if let Some(mut health) = health {
        health.window_seconds = ANSWER;
        let step = report.of(StepId::new("health"));
        let answer = health.run(&machine.docker, &step).await;
        let told = match &answer {
            Ok(_) => "it does".to_owned(),
            Err(failure) => [std::slice::from_ref(&failure.error), &failure.details]
                .concat()
                .join("; "),
        };
        let name = format!(
            "service `{}` answers 200 on {}",
            health.service, health.path
        );
        let told: String = machine
            .redactor
            .redact(&told)
            .chars()
            .take(LONGEST)
            .collect();
        checks.push(Checked::new(name, answer.is_ok(), told));
    }
    let bad = checks
        .iter()
        .filter(|check| check.verdict == Verdict::Bad)
        .count();
    let all = checks.len();
    report.live(Live::Checks { checks });
    match bad {
        0 => Ok(Ended::answer("all is as it should be")),
        _ => Err(Failure::new(format!("{bad} of {all} checks came out bad"))),
    }
}

/// Heads and revisions of the image that migrates, as it is here.
async fn revisions(
    inventory: &Inventory,
    machine: &Machine,
) -> Result<Option<(Vec<String>, Vec<String>)>, Failure> {
    let role = inventory.recipe.roles.migration.as_ref();
    let container = role.and_then(|service| inventory.services.get(service)?.containers.first());
    let (Some(container), Some(migration)) = (container, &inventory.recipe.migration) else {
        return Ok(None);
    };
    let step = ReadRevisions {
        image: container.image.clone(),
        folder: migration.versions.clone(),
    };
    let artifact = step.run(&machine.docker).await?;
    Ok(plan::Fetched::of(artifact.iter()).revisions)
}

/// Every service with a role that works all the time must be up; the release is told.
fn services(inventory: &Inventory) -> Vec<Checked> {
    let roles = &inventory.recipe.roles;
    let works = |name: &&str| {
        roles.migration.as_deref() != Some(*name) && inventory.services.contains_key(*name)
    };
    let mut checks: Vec<Checked> = roles
        .services()
        .filter(works)
        .map(|name| {
            let up = inventory.is_up(name);
            let told = if up { "it is" } else { "it is not" };
            Checked::new(format!("service `{name}` is running"), up, told)
        })
        .collect();
    let release = inventory.release();
    checks.extend(release.map(|release| Checked::new("release", true, release)));
    checks
}

/// Whether this is the data that the newest run has known.
async fn identity(
    project: &Project,
    inventory: &Inventory,
    machine: &Machine,
) -> Result<Vec<Checked>, Failure> {
    let mut checks = Vec::new();
    let name = &inventory.model.name;
    let Some(state) = super::history::newest(&project.state, name).await? else {
        return Ok(checks);
    };
    let before = plan::before(&state).map_err(|error| Failure::from_error(&error))?;
    if let (Some(known), Some(database)) = (before.system, &inventory.database) {
        checks.push(Checked::new(
            format!(
                "the database server has the data that run {} has known",
                state.run
            ),
            known == database.identity.system,
            format!("system identifier {}", database.identity.system),
        ));
    }
    let step: Option<CheckIdentity> =
        plan::identity(&state).map_err(|error| Failure::from_error(&error))?;
    if let Some(place) = step.and_then(|step| step.place) {
        checks.push(place.check(&machine.docker).await?);
    }
    Ok(checks)
}

/// How the migration has ended, and what its log says where it says anything.
async fn log(inventory: &Inventory, machine: &Machine) -> Result<Vec<Checked>, Failure> {
    let role = inventory.recipe.roles.migration.as_ref();
    let container = role
        .and_then(|service| inventory.services.get(service)?.containers.first())
        .filter(|container| !container.started_at.is_empty() && !container.is_up());
    let Some(container) = container else {
        return Ok(Vec::new());
    };
    let mut checks = vec![Checked::new(
        format!("service `{}` has ended well", container.service),
        container.exit_code == 0,
        format!("exit code {}", container.exit_code),
    )];
    let evidence = inventory
        .recipe
        .migration
        .as_ref()
        .and_then(|m| m.evidence.as_ref());
    if let Some(evidence) = evidence {
        let printed = std::sync::atomic::AtomicBool::new(false);
        let line = |line: &str| {
            if line.contains(&evidence.line) {
                printed.store(true, std::sync::atomic::Ordering::Relaxed);
            }
        };
        machine.docker.follow(&container.id, &line).await?;
        let told = match printed.into_inner() {
            true => "was printed",
            false => "was not; it is printed only where there was something to migrate",
        };
        checks.push(Checked::new(
            format!("`{}` in its log", evidence.line),
            true,
            told,
        ));
    }
    Ok(checks)
}
