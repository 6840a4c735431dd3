//! Bringing an open run to its end, from wherever it stands. The way of a new run and of one
//! that is taken up again is the same.

mod ending;

use std::convert::Infallible;
use std::time::Duration;

use tokio::sync::watch;

use super::door::{Door, extent};
use super::outlook::Outlook;
use super::project::Project;
use super::stop::StopRequest;
use super::{Confirm, Ended, Question};
use crate::engine::{Interrupt, RunLog, execute};
use crate::event::{Event, Failure, FailureClass, Live, Outcome, Purpose};
use crate::host::{Limits, Machine};
use crate::inventory::{Inventory, Wanted};
use crate::plan::{self, Extent, Fetched, Plan, Run};
use crate::settings::{FailurePolicy, RunFlags, Settings};
use crate::steps::AnyStep;

/// Whichever reason to stop comes first.
async fn first_of(stop: StopRequest, mut too_long: watch::Receiver<Option<String>>) -> String {
    let door = async {
        match too_long.wait_for(Option::is_some).await {
            Ok(why) => why.clone().unwrap_or_default(),
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        why = stop.requested() => why,
        why = door => why,
    }
}

pub(super) struct Driver<'a> {
    settings: &'a Settings,
    project: &'a Project,
    inventory: Inventory,
    run: Run,
    limits: Limits,
    log: RunLog,
    stop: StopRequest,
    door_limit: Duration,
    on_failure: FailurePolicy,
}

impl<'a> Driver<'a> {
    pub(super) fn new(
        settings: &'a Settings,
        project: &'a Project,
        inventory: Inventory,
        run: Run,
        log: RunLog,
        flags: &RunFlags,
    ) -> Self {
        let stop = StopRequest::listen(log.report().clone());
        Self {
            settings,
            project,
            inventory,
            run,
            limits: Limits::default(),
            log,
            stop,
            door_limit: flags.door_limit.unwrap_or(RunFlags::DOOR_LIMIT),
            on_failure: flags.on_failure,
        }
    }

    /// The same, with what somebody has said since the plan was made.
    pub(super) fn with(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Goes on until the run has ended.
    pub(super) async fn drive(mut self, confirm: &impl Confirm) -> Result<Ended, Failure> {
        let mut failure = None;
        loop {
            if self.log.state().next_step().is_some() {
                if let Err(failed) = self.execute().await? {
                    if let Some(ended) = self.failed(&failed).await? {
                        return Ok(ended);
                    }
                    failure = Some(failed);
                }
                continue;
            }
            match self.log.state().current().map(|plan| plan.purpose) {
                // Killed between opening the run and its first plan.
                None => {
                    let state = vec!["nothing was touched".to_owned()];
                    return self.end(Outcome::Refused, None, state, vec![]).await;
                }
                Some(Purpose::Fetch) => {
                    if let Some(ended) = self.plan_upgrade(confirm).await? {
                        return Ok(ended);
                    }
                }
                Some(Purpose::Upgrade) => return self.upgraded().await,
                Some(Purpose::Rollback) => return self.went_back(failure).await,
                Some(Purpose::Restore) => {
                    let state = vec!["what the backup holds serves; it was verified".to_owned()];
                    return self.end(Outcome::Restored, None, state, vec![]).await;
                }
            }
        }
    }

    /// Does what is left of the plan in force. The inner result is the step's.
    async fn execute(&mut self) -> Result<Result<(), Failure>, Failure> {
        super::upgrade::settle(&self.project.children(), self.log.report()).await?;
        let machine = self.machine().await?;
        let back = self.log.state().current().map(|plan| plan.purpose) == Some(Purpose::Rollback);
        let (stop, door, report) = (self.stop.clone(), self.door()?, self.log.report().clone());
        let (waited, too_long) = watch::channel(None);
        let watch_door = async {
            if let Some(door) = door {
                let _ = waited.send(Some(door.watch(&machine.docker, &report).await));
            }
            std::future::pending::<Infallible>().await
        };
        // Any step at all: too large for the stack of everything that drives.
        let work = Box::pin(execute::<AnyStep, _, _>(&mut self.log, &machine, || {
            let (stop, too_long) = (stop.clone(), too_long.clone());
            async move {
                // A way back is gone to its end.
                match back {
                    true => std::future::pending().await,
                    false => first_of(stop, too_long).await,
                }
            }
        }));
        let done = tokio::select! {
            done = work => done,
            never = watch_door => match never {},
        };
        match done {
            Ok(()) => Ok(Ok(())),
            Err(Interrupt::Step { failure, .. }) => Ok(Err(failure)),
            Err(Interrupt::Log(error)) => Err(Failure::from_error(&error).hint(
                "nothing more was done; make room or mend the state folder, then \
                 `eneo-upgrade resume`",
            )),
        }
    }

    /// The door of the project, whether a run has closed it or not.
    fn door(&self) -> Result<Option<Door>, Failure> {
        let Some(service) = self.inventory.recipe.roles.entry.clone() else {
            return Ok(None);
        };
        let writers = plan::writers(self.log.state());
        Ok(Some(Door {
            service,
            writers: writers.map_err(|error| Failure::from_error(&error))?,
            limit: self.door_limit,
        }))
    }

    async fn machine(&self) -> Result<Machine, Failure> {
        let before = plan::before(self.log.state()).map_err(|error| Failure::from_error(&error))?;
        let machine = self
            .project
            .machine(&self.inventory, &self.run.id, before.system)
            .await?;
        let limits = self.limits;
        Ok(Machine { limits, ..machine })
    }

    /// The second look and the second plan, with the new images here. Some when that is the end.
    async fn plan_upgrade(&mut self, confirm: &impl Confirm) -> Result<Option<Ended>, Failure> {
        let to = self.log.state().to.clone();
        let inventory = self.project.look_again(to.as_deref()).await?;
        let inventory = self.want_what_was_fetched(inventory)?;
        let outlook = Outlook::of(inventory, to.as_deref(), false);
        let mut outlook = outlook.rehearsed(&self.project.state)?;
        let fetched = Fetched::of(self.log.state().artifacts());
        outlook.judge_fetched(&fetched);
        let plan = outlook.upgrade_plan(&fetched, &self.run);
        let view = Box::new(outlook.view(&[&plan], &fetched));
        self.record(Event::Found { plan: view.clone() }).await?;
        if outlook.refuses() {
            let mut view = view;
            view.steps.clear();
            self.log.report().live(Live::Plan(view));
            return self
                .refuse("this project cannot go to the new release")
                .await
                .map(Some);
        }
        let why = outlook.irreversible(&fetched);
        if !why.is_empty() && !self.agreed(&why, confirm).await {
            return self.refuse("the upgrade was not wanted").await.map(Some);
        }
        self.inventory = outlook.inventory;
        self.record_plan(&plan).await?;
        Ok(None)
    }

    /// Whether somebody wants to go where only a backup leads back from.
    async fn agreed(&self, why: &[String], confirm: &impl Confirm) -> bool {
        let report = self.log.report();
        for line in why {
            report.note(format!("cannot be undone: {line}"));
        }
        report.flush().await;
        confirm.confirm(&Question {
            text: "Go on? A proven backup is taken first.".to_owned(),
            default: false,
            word: None,
        })
    }

    async fn refuse(&mut self, error: &str) -> Result<Ended, Failure> {
        let state = vec!["nothing of yours was touched".to_owned()];
        let failure = Failure::new(error).class(FailureClass::Refused);
        self.end(Outcome::Refused, Some(failure), state, vec![])
            .await
    }

    /// A tag may have moved on since the fetch; the run goes to what it has fetched.
    fn want_what_was_fetched(&self, mut inventory: Inventory) -> Result<Inventory, Failure> {
        let fetch = self.log.state().plan(Purpose::Fetch);
        for step in fetch.into_iter().flat_map(|plan| &plan.steps) {
            let read = serde_json::from_value(step.planned.spec.clone());
            let AnyStep::FetchImages(step) = read.map_err(|error| Failure::from_error(&error))?
            else {
                continue;
            };
            for image in step.images {
                for service in &image.services {
                    let facts = inventory.services.get_mut(service);
                    if let Some(facts) = facts.and_then(|facts| facts.image.as_mut()) {
                        facts.wanted = Wanted::Digest {
                            repository: image.repository.clone(),
                            digest: image.digest.clone(),
                        };
                    }
                }
            }
        }
        Ok(inventory)
    }

    async fn record_plan(&mut self, plan: &Plan) -> Result<(), Failure> {
        let steps = plan
            .to_recorded()
            .map_err(|error| Failure::from_error(&error))?;
        let purpose = plan.purpose;
        self.record(Event::Planned { purpose, steps }).await
    }

    async fn record(&mut self, event: Event) -> Result<(), Failure> {
        self.log
            .record(event)
            .await
            .map_err(|error| Failure::from_error(&error))
    }

    /// What a failure means, by how far the run has gone. None: the way back is planned.
    async fn failed(&mut self, failure: &Failure) -> Result<Option<Ended>, Failure> {
        let purpose = self.log.state().current().map(|plan| plan.purpose);
        let containers = &self.machine().await?.docker;
        let extent = extent(self.log.state(), containers).await?;
        match (purpose, extent) {
            (Some(Purpose::Rollback), _) => {
                let state = vec![
                    "going back did not get to its end; nothing was destroyed".to_owned(),
                    self.backups(),
                ];
                let next = vec![self.command("rollback")];
                self.end(Outcome::NeedsAttention, Some(failure.clone()), state, next)
                    .await
                    .map(Some)
            }
            (Some(Purpose::Restore), _) => {
                let state =
                    vec!["the restore did not get to its end; nothing was destroyed".to_owned()];
                let next = vec![self.command("resume")];
                self.end(Outcome::NeedsAttention, Some(failure.clone()), state, next)
                    .await
                    .map(Some)
            }
            (Some(Purpose::Fetch), _) => {
                let state = vec!["nothing of yours was touched".to_owned()];
                self.end(Outcome::Refused, Some(failure.clone()), state, vec![])
                    .await
                    .map(Some)
            }
            (_, Extent::Closed | Extent::Serving) => {
                self.needs_attention(failure, extent).await.map(Some)
            }
            (_, Extent::Database) if self.on_failure == FailurePolicy::Stop => {
                self.needs_attention(failure, extent).await.map(Some)
            }
            (_, Extent::Nothing | Extent::Stack | Extent::Database) => {
                match plan::rollback(self.log.state()) {
                    Ok(plan) => {
                        self.say_failed(failure);
                        self.record_plan(&plan).await?;
                        Ok(None)
                    }
                    Err(error) => self.no_way_back(failure, &error).await.map(Some),
                }
            }
        }
    }

    /// Said before everything that going back has to say.
    fn say_failed(&self, failure: &Failure) {
        let report = self.log.report();
        report.note(format!("going back to what there was, because: {failure}"));
    }
}
