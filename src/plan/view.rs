//! A plan as people and programs see it.

use super::{Changes, Fetched, FileEdits, Plan};
use crate::event::{ChangeView, DatabaseView, Finding, PlanView, RoleView, StepView};
use crate::inventory::{Inventory, Wanted};

/// Characters of a digest that are shown.
const SHORT: usize = 19;

/// Puts together what a plan is about.
pub fn view(
    inventory: &Inventory,
    changes: &Changes,
    edits: &[FileEdits],
    plans: &[&Plan],
    fetched: &Fetched,
    to: Option<&str>,
    findings: Vec<Finding>,
) -> PlanView {
    let target = match &fetched.revisions {
        Some((heads, _)) => heads.clone(),
        None => Vec::new(),
    };
    let steps = plans.iter().flat_map(|plan| &plan.steps);
    PlanView {
        project: inventory.model.name.clone(),
        directory: inventory.args.directory.clone(),
        compose: inventory.compose_version.clone(),
        app: inventory.recipe.title.clone(),
        inferred: if inventory.inferred {
            roles(inventory)
        } else {
            Vec::new()
        },
        release: inventory.release().map(str::to_owned),
        to: fetched.release.as_deref().or(to).map(str::to_owned),
        irreversible: irreversible(inventory, fetched, to),
        database: inventory.database.as_ref().map(|database| DatabaseView {
            name: database.name.clone(),
            bytes: database.identity.size,
            revisions: database.revisions.clone().unwrap_or_default(),
            target: target.clone(),
        }),
        changes: changes
            .services
            .iter()
            .filter_map(|(service, change)| {
                Some(ChangeView {
                    service: service.clone(),
                    cause: change.cause()?.to_owned(),
                    image: image(inventory, service).filter(|_| changes.replaces(service)),
                })
            })
            .collect(),
        diffs: edits.iter().map(FileEdits::diff).collect(),
        rehearsal: None,
        jobs: inventory.jobs.clone(),
        steps: steps
            .map(|planned| StepView {
                title: planned.step.title(),
                cause: planned.cause.clone(),
            })
            .collect(),
        findings,
    }
}

/// A plan that is shown by its steps alone; `what` says what it is.
pub fn outline(inventory: &Inventory, what: String, plan: &Plan) -> PlanView {
    let steps = plan.steps.iter().map(|planned| StepView {
        title: planned.step.title(),
        cause: planned.cause.clone(),
    });
    PlanView {
        project: inventory.model.name.clone(),
        directory: inventory.args.directory.clone(),
        compose: inventory.compose_version.clone(),
        app: what,
        release: inventory.release().map(str::to_owned),
        database: inventory.database.as_ref().map(|database| DatabaseView {
            name: database.name.clone(),
            bytes: database.identity.size,
            revisions: database.revisions.clone().unwrap_or_default(),
            target: Vec::new(),
        }),
        steps: steps.collect(),
        ..PlanView::default()
    }
}

/// What makes the releases up to the new one irreversible, one by one.
pub fn irreversible(inventory: &Inventory, fetched: &Fetched, to: Option<&str>) -> Vec<String> {
    let to = fetched.release.as_deref().or(to);
    let (Some(from), Some(to)) = (inventory.release(), to) else {
        return Vec::new();
    };
    let releases = inventory.recipe.releases_between(from, to);
    let why = releases.filter_map(|release| {
        let why = release.irreversible.as_ref()?;
        Some(format!("{}: {why}", release.version))
    });
    why.collect()
}

fn image(inventory: &Inventory, service: &str) -> Option<String> {
    let image = inventory.services.get(service)?.image.as_ref()?;
    Some(match &image.wanted {
        Wanted::Digest { digest, .. } => {
            let short: String = digest.chars().take(SHORT).collect();
            format!("{} ({short})", image.target)
        }
        Wanted::Unknown(_) => image.target.clone(),
    })
}

fn roles(inventory: &Inventory) -> Vec<RoleView> {
    let roles = &inventory.recipe.roles;
    let one = |service: &Option<String>| service.iter().cloned().collect();
    [
        ("entry", one(&roles.entry)),
        ("database", one(&roles.database)),
        ("queue", one(&roles.queue)),
        ("migration", one(&roles.migration)),
        ("worker", roles.worker.clone()),
        ("writer", roles.writers.clone()),
    ]
    .into_iter()
    .filter(|(_, services): &(&str, Vec<String>)| !services.is_empty())
    .map(|(role, services)| RoleView {
        role: role.to_owned(),
        services,
    })
    .collect()
}
