//! The state of a run: a fold over its records, the same live and after a crash.

use thiserror::Error;

use crate::event::{
    Artifact, Event, FORMAT, Failure, Outcome, PlannedStep, Purpose, Record, RunId, StepId,
};

/// A record that cannot follow the ones before it.
#[derive(Debug, Error)]
#[error("run {run}: record {seq} cannot follow what was recorded before it: {why}")]
pub struct IllegalEvent {
    /// The run.
    pub run: RunId,
    /// The record's place.
    pub seq: u64,
    /// What does not fit.
    pub why: String,
}

/// Where a step stands.
#[derive(Debug, Clone, PartialEq)]
pub enum Status {
    /// Not begun, or to be done again after an interruption.
    Pending,
    /// Begun; whether its effect took place is not known.
    Started,
    /// Done.
    Finished(Option<Artifact>),
    /// Had nothing to do.
    Skipped(String),
    /// Did not work; its effect may have taken place all the same.
    Failed(Failure),
}

/// A step of a plan and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct StepState {
    /// As planned.
    pub planned: PlannedStep,
    /// Where it stands.
    pub status: Status,
    /// Whether it was ever begun: what it changes may have been changed.
    pub touched: bool,
}

impl StepState {
    fn is_settled(&self) -> bool {
        matches!(self.status, Status::Finished(_) | Status::Skipped(_))
    }
}

/// One plan of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanState {
    /// What it is for.
    pub purpose: Purpose,
    /// Its steps, in order.
    pub steps: Vec<StepState>,
}

/// The state of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunState {
    /// The run.
    pub run: RunId,
    /// Its plans, in the order they were made; the last one is in force.
    pub plans: Vec<PlanState>,
    /// How it ended, unless it is under way.
    pub outcome: Option<Outcome>,
    /// The release to go to, where one was named.
    pub to: Option<String>,
    seq: u64,
}

impl RunState {
    /// A run of which nothing is recorded yet.
    pub fn new(run: RunId) -> Self {
        Self {
            run,
            plans: Vec::new(),
            outcome: None,
            to: None,
            seq: 0,
        }
    }

    /// Folds records, in order.
    pub fn fold<'a>(
        run: RunId,
        records: impl IntoIterator<Item = &'a Record>,
    ) -> Result<Self, IllegalEvent> {
        let mut state = Self::new(run);
        for record in records {
            state.apply(record)?;
        }
        Ok(state)
    }

    /// The place the next record takes.
    pub fn next_seq(&self) -> u64 {
        self.seq + 1
    }

    /// The plan in force.
    pub fn current(&self) -> Option<&PlanState> {
        self.plans.last()
    }

    /// The newest plan for `purpose`.
    pub fn plan(&self, purpose: Purpose) -> Option<&PlanState> {
        self.plans.iter().rev().find(|plan| plan.purpose == purpose)
    }

    /// The next step to do; none when the plan in force is through.
    pub fn next_step(&self) -> Option<&PlannedStep> {
        self.current()?
            .steps
            .iter()
            .find(|step| !step.is_settled())
            .map(|step| &step.planned)
    }

    /// Everything the steps have left so far, oldest first.
    pub fn artifacts(&self) -> impl Iterator<Item = &Artifact> {
        self.plans
            .iter()
            .flat_map(|plan| &plan.steps)
            .filter_map(|step| match &step.status {
                Status::Finished(artifact) => artifact.as_ref(),
                _ => None,
            })
    }

    /// The failure that the run stands at, if any.
    pub fn failure(&self) -> Option<&Failure> {
        self.current()?
            .steps
            .iter()
            .find_map(|step| match &step.status {
                Status::Failed(failure) => Some(failure),
                _ => None,
            })
    }

    /// Adds one record.
    pub fn apply(&mut self, record: &Record) -> Result<(), IllegalEvent> {
        let run = self.run.clone();
        let illegal = |why: String| IllegalEvent {
            run,
            seq: record.seq,
            why,
        };
        if record.v != FORMAT {
            return Err(illegal(format!(
                "format {} is not known to this version",
                record.v
            )));
        }
        if record.run != self.run || record.seq != self.seq + 1 {
            return Err(illegal(format!(
                "record {} of run {} was expected",
                self.seq + 1,
                self.run
            )));
        }
        self.transition(&record.event).map_err(illegal)?;
        self.seq = record.seq;
        Ok(())
    }

    fn transition(&mut self, event: &Event) -> Result<(), String> {
        if self.outcome.is_some() && !matches!(event, Event::RunResumed) {
            return Err("the run has ended".to_owned());
        }
        match event {
            Event::RunStarted { to, .. } if self.seq == 0 => {
                self.to.clone_from(to);
                Ok(())
            }
            Event::RunStarted { .. } => Err("the run was started before".to_owned()),
            _ if self.seq == 0 => Err("the run was not started".to_owned()),
            Event::Planned { purpose, steps } => self.plan_made(*purpose, steps),
            Event::Found { .. } => Ok(()),
            Event::RunResumed => self.resumed(),
            Event::StepStarted { step } => {
                let state = self.expect_next(step)?;
                state.status = Status::Started;
                state.touched = true;
                Ok(())
            }
            Event::StepFinished { step, artifact, .. } => {
                let state = self.expect_next(step)?;
                if state.status != Status::Started {
                    return Err(format!("step `{step}` was not started"));
                }
                state.status = Status::Finished(artifact.clone());
                Ok(())
            }
            Event::StepSkipped { step, reason } => {
                self.expect_next(step)?.status = Status::Skipped(reason.clone());
                Ok(())
            }
            Event::StepFailed { step, failure } => {
                self.expect_next(step)?.status = Status::Failed(failure.clone());
                Ok(())
            }
            Event::RunEnded { outcome, .. } => {
                self.outcome = Some(*outcome);
                Ok(())
            }
        }
    }

    fn plan_made(&mut self, purpose: Purpose, steps: &[PlannedStep]) -> Result<(), String> {
        if purpose != Purpose::Rollback && self.next_step().is_some() {
            return Err("the plan before it is not through".to_owned());
        }
        let mut ids = std::collections::HashSet::new();
        if let Some(twice) = steps.iter().find(|step| !ids.insert(&step.id)) {
            return Err(format!("step `{}` stands twice in the plan", twice.id));
        }
        self.plans.push(PlanState {
            purpose,
            steps: steps
                .iter()
                .map(|planned| StepState {
                    planned: planned.clone(),
                    status: Status::Pending,
                    touched: false,
                })
                .collect(),
        });
        Ok(())
    }

    /// The unit that was interrupted starts again at its first step, also when it was through and
    /// the step that relies on it was not begun; anything else at the step that was interrupted.
    fn resumed(&mut self) -> Result<(), String> {
        // One that was decided may be gone back from all the same.
        if !matches!(
            self.outcome,
            None | Some(Outcome::NeedsAttention | Outcome::Upgraded)
        ) {
            return Err("the run has ended".to_owned());
        }
        self.outcome = None;
        let Some(plan) = self.plans.last_mut() else {
            return Ok(());
        };
        let Some(at) = plan.steps.iter().position(|step| !step.is_settled()) else {
            return Ok(());
        };
        let relies = plan.steps[..at].last().filter(|_| !plan.steps[at].touched);
        let of = |step: &StepState| step.planned.unit.clone();
        let unit = of(&plan.steps[at]).or_else(|| relies.and_then(of));
        let first = match unit {
            None => at,
            Some(_) => plan.steps[..at]
                .iter()
                .rposition(|step| step.planned.unit != unit)
                .map_or(0, |before| before + 1),
        };
        for step in &mut plan.steps[first..=at] {
            step.status = Status::Pending;
        }
        Ok(())
    }

    fn expect_next(&mut self, id: &StepId) -> Result<&mut StepState, String> {
        let next = self
            .plans
            .last_mut()
            .and_then(|plan| plan.steps.iter_mut().find(|step| !step.is_settled()));
        match next {
            Some(step) if step.planned.id == *id => Ok(step),
            Some(step) => Err(format!(
                "step `{}` was expected, not `{id}`",
                step.planned.id
            )),
            None => Err(format!("no step was expected, not `{id}` either")),
        }
    }
}
