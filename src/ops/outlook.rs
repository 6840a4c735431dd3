//! Looking ahead: inventory, findings, edits and plan, as every verb that upgrades begins.

use super::Ended;
use super::project::Project;
use crate::engine::Report;
use crate::event::{Failure, Finding, Live, Outcome, PlanView, Purpose, RunId};
use crate::host::Images;
use crate::host::docker::Docker;
use crate::inventory::Inventory;
use crate::plan::{self, Changes, Fetched, FileEdits, Plan, Run};
use crate::preflight;
use crate::settings::{Settings, UpgradeFlags};
use crate::steps::AnyStep;

/// What an upgrade would find and do.
pub(super) struct Outlook {
    pub(super) inventory: Inventory,
    pub(super) changes: Changes,
    pub(super) edits: Vec<FileEdits>,
    pub(super) findings: Vec<Finding>,
}

impl Outlook {
    /// Looks and judges; changes nothing.
    pub(super) async fn look(project: &Project, to: Option<&str>) -> Result<Self, Failure> {
        let inventory = project.look(to).await?;
        let changes = Changes::of(&inventory);
        let mut findings = preflight::before_fetch(&inventory, &changes, to);
        // A file is edited only along with a change that needs it.
        let edits = match changes.need_outage(&inventory) || to.is_some() {
            true => plan::plan_edits(&inventory, to).unwrap_or_else(|finding| {
                findings.push(finding);
                Vec::new()
            }),
            false => Vec::new(),
        };
        Ok(Self {
            inventory,
            changes,
            edits,
            findings,
        })
    }

    pub(super) fn is_unchanged(&self) -> bool {
        self.changes.is_empty() && self.edits.is_empty()
    }

    pub(super) fn refuses(&self) -> bool {
        preflight::refuses(&self.findings)
    }

    pub(super) fn fetch_plan(&self, run: &Run) -> Plan {
        plan::fetch(&self.inventory, &self.changes, run)
    }

    pub(super) fn upgrade_plan(&self, fetched: &Fetched, run: &Run) -> Plan {
        plan::upgrade(&self.inventory, &self.changes, &self.edits, fetched, run)
    }

    pub(super) fn view(&self, plans: &[&Plan], fetched: &Fetched) -> PlanView {
        let target = fetched
            .revisions
            .as_ref()
            .map_or(&[][..], |(heads, _)| heads);
        plan::view(
            &self.inventory,
            &self.changes,
            &self.edits,
            plans,
            target,
            self.findings.clone(),
        )
    }
}

/// Shows what an upgrade would do. With `fetch` the new images are brought here first, under tags
/// of ours, so that the target's schema revision is known too.
pub async fn plan(
    settings: &Settings,
    flags: &UpgradeFlags,
    fetch: bool,
    report: &Report,
) -> Result<Ended, Failure> {
    let project = Project::open(settings).await?;
    let mut outlook = Outlook::look(&project, flags.to.as_deref()).await?;
    let run = Run {
        id: RunId::random(),
        backups: project.state.path().join("backups"),
        files: project.state.path().join("runs"),
        drain_seconds: flags.drain.timeout.as_secs(),
    };
    let unchanged = outlook.is_unchanged();
    let mut fetched = Fetched::default();
    let first = outlook.fetch_plan(&run);
    if fetch && !unchanged && !outlook.refuses() {
        let docker = project
            .docker
            .clone()
            .of_project(&outlook.inventory.model.name);
        fetched = look_into(&docker, &first).await?;
        outlook
            .findings
            .extend(preflight::after_fetch(&outlook.inventory, &fetched));
    }
    let second = outlook.upgrade_plan(&fetched, &run);
    let plans = match unchanged {
        true => vec![],
        false => vec![&first, &second],
    };
    report.live(Live::Plan(Box::new(outlook.view(&plans, &fetched))));
    Ok(match (outlook.refuses(), unchanged) {
        (true, _) => Ended::plain(Outcome::Refused, "nothing was touched"),
        (false, true) => Ended::plain(
            Outcome::Unchanged,
            "everything is as the files and registries say",
        ),
        (false, false) => Ended {
            outcome: None,
            ..Ended::plain(
                Outcome::Unchanged,
                "nothing was touched; this was only a plan",
            )
        },
    })
}

/// Does of the first plan what leaves no trace but images: pulls and reads.
async fn look_into(docker: &Docker, plan: &Plan) -> Result<Fetched, Failure> {
    debug_assert_eq!(plan.purpose, Purpose::Fetch);
    let mut fetched = Fetched::default();
    for planned in &plan.steps {
        match &planned.step {
            AnyStep::FetchImages(step) => {
                for image in &step.images {
                    let id = docker
                        .pull(&image.repository, &image.digest, &|_, _| {})
                        .await?;
                    let of = |service: &String| (service.clone(), id.clone());
                    fetched.images.extend(image.services.iter().map(of));
                }
            }
            AnyStep::ReadRevisions(step) => {
                let mut step = step.clone();
                // The image has no tag of ours here; it is known by its id.
                let tagged = plan.steps.iter().find_map(|planned| match &planned.step {
                    AnyStep::FetchImages(fetch) => {
                        fetch.images.iter().find(|image| image.tag == step.image)
                    }
                    _ => None,
                });
                let id = tagged.and_then(|image| fetched.images.get(image.services.first()?));
                if let Some(id) = id {
                    step.image.clone_from(id);
                }
                let artifact = step.run(docker).await?;
                fetched.revisions = Fetched::of(artifact.iter()).revisions;
            }
            _ => {}
        }
    }
    Ok(fetched)
}
