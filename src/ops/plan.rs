//! What an upgrade would do, and what stands in its way, without doing it.

use super::Ended;
use super::outlook::{Look, Outlook};
use super::project::Project;
use crate::engine::Report;
use crate::event::{Failure, Finding, Live, Outcome, RunId};
use crate::host::Images;
use crate::host::docker::Docker;
use crate::plan::{Fetched, Plan, Run};
use crate::preflight;
use crate::settings::{Settings, UpgradeFlags};
use crate::steps::AnyStep;

/// Shows what an upgrade would do. With `fetch` the new images are brought here first, without
/// any tag, so that the target's release and schema revision are known too.
pub async fn plan(
    settings: &Settings,
    flags: &UpgradeFlags,
    fetch: bool,
    report: &Report,
) -> Result<Ended, Failure> {
    let ahead = match Ahead::look(settings, flags, fetch, false).await? {
        Ok(ahead) => ahead,
        Err(findings) => return Ok(refused(report, findings)),
    };
    let Ahead {
        outlook,
        run,
        fetched,
    } = &ahead;
    let unchanged = outlook.is_unchanged();
    let (first, second) = (outlook.fetch_plan(run), outlook.upgrade_plan(fetched, run));
    let plans = match unchanged {
        true => vec![],
        false => vec![&first, &second],
    };
    report.live(Live::Plan(Box::new(outlook.view(&plans, fetched))));
    Ok(match (outlook.refuses(), unchanged) {
        (true, _) => Ended::plain(Outcome::Refused, "nothing was touched"),
        (false, true) => Ended::plain(
            Outcome::Unchanged,
            "everything is as the files and registries say",
        ),
        (false, false) => Ended::answer("nothing was touched; this was only a plan"),
    })
}

/// Shows everything that stands in the way of an upgrade, also where there is none to do.
pub async fn check(
    settings: &Settings,
    flags: &UpgradeFlags,
    fetch: bool,
    report: &Report,
) -> Result<Ended, Failure> {
    let ahead = match Ahead::look(settings, flags, fetch, true).await? {
        Ok(ahead) => ahead,
        Err(findings) => return Ok(refused(report, findings)),
    };
    let Ahead {
        outlook, fetched, ..
    } = &ahead;
    let findings = outlook.view(&[], fetched).findings;
    if outlook.refuses() {
        return Ok(refused(report, findings));
    }
    let warnings = findings.len();
    report.live(Live::Findings { findings });
    Ok(Ended::answer(match warnings {
        0 => "nothing stands in the way of an upgrade; nothing was touched",
        _ => "only warnings: an upgrade would go ahead; nothing was touched",
    }))
}

/// Shows what stands in the way where there is no plan to show.
pub(super) fn refused(report: &Report, findings: Vec<Finding>) -> Ended {
    debug_assert!(preflight::refuses(&findings));
    report.live(Live::Findings { findings });
    Ended::plain(Outcome::Refused, "nothing was touched")
}

/// As far ahead as one can look without touching anything.
struct Ahead {
    outlook: Box<Outlook>,
    /// A run that is never begun.
    run: Run,
    fetched: Fetched,
}

impl Ahead {
    /// With `fetch`, does of the first plan what leaves no trace but images, and judges what they
    /// show. The inner error is what keeps one from looking.
    async fn look(
        settings: &Settings,
        flags: &UpgradeFlags,
        fetch: bool,
        as_if: bool,
    ) -> Result<Result<Self, Vec<Finding>>, Failure> {
        let project = Project::open(settings).await?;
        let mut outlook = match Look::new(&project, flags.to.as_deref(), as_if).await? {
            Look::Outlook(outlook) => outlook,
            Look::Blind(findings) => return Ok(Err(findings)),
        };
        let run = super::upgrade::run(&project, RunId::random(), &flags.run);
        let mut fetched = Fetched::default();
        if fetch && !outlook.is_unchanged() && !outlook.refuses() {
            let name = &outlook.inventory.model.name;
            let docker = project.docker.clone().of_project(name);
            fetched = pull_and_read(&docker, &outlook.fetch_plan(&run)).await?;
            outlook.judge_fetched(&fetched);
        }
        Ok(Ok(Self {
            outlook,
            run,
            fetched,
        }))
    }
}

pub(super) async fn pull_and_read(docker: &Docker, plan: &Plan) -> Result<Fetched, Failure> {
    let mut fetched = Fetched::default();
    for planned in &plan.steps {
        match &planned.step {
            AnyStep::FetchImages(step) => {
                for image in &step.images {
                    let id = docker
                        .pull(&image.repository, &image.digest, &|_, _| {})
                        .await?;
                    if image.carries_release && fetched.release.is_none() {
                        fetched.release = docker.release_of(&id).await?;
                    }
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
