//! The loop. The normal way and the way after a crash are the same one.

use std::future::Future;
use std::time::Instant;

use thiserror::Error;

use super::{LogError, Probe, RunLog, Step};
use crate::event::{Event, Failure, PlannedStep, StepId};

/// Why a plan did not get to its end.
#[derive(Debug, Error)]
pub enum Interrupt {
    /// A step did not work; recorded.
    #[error("{failure}")]
    Step {
        /// Which.
        step: StepId,
        /// Why.
        failure: Failure,
    },
    /// Nothing more can be recorded, so nothing more may be done.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// Does what is left of the plan in force.
///
/// `stop` yields why the run has to stop, when it has; the step under way is then dropped, unless
/// it is one-way, and counts as failed.
pub async fn execute<S, W, F>(
    log: &mut RunLog,
    world: &W,
    stop: impl Fn() -> F,
) -> Result<(), Interrupt>
where
    S: Step<W>,
    F: Future<Output = String>,
{
    while let Some(planned) = log.state().next_step().cloned() {
        let id = planned.id.clone();
        if let Err(failure) = take::<S, W, F>(log, &planned, world, &stop).await? {
            log.record(Event::StepFailed {
                step: id.clone(),
                failure: failure.clone(),
            })
            .await?;
            return Err(Interrupt::Step { step: id, failure });
        }
    }
    Ok(())
}

/// Takes one step: probe, record, run, record. The outer error is the journal's, the inner one
/// the step's.
async fn take<S, W, F>(
    log: &mut RunLog,
    planned: &PlannedStep,
    world: &W,
    stop: impl Fn() -> F,
) -> Result<Result<(), Failure>, LogError>
where
    S: Step<W>,
    F: Future<Output = String>,
{
    let step: S = match serde_json::from_value(planned.spec.clone()) {
        Ok(step) => step,
        Err(error) => {
            return Ok(Err(Failure::new(format!(
                "cannot read step `{}` of the plan back: {error}",
                planned.id
            ))
            .hint(
                "the run was begun by another version of eneo-upgrade; go on with that one",
            )));
        }
    };
    let probe = tokio::select! {
        probe = step.probe(world) => probe,
        why = stop() => Err(stopped(planned, &why)),
    };
    match probe {
        Err(failure) => return Ok(Err(failure)),
        Ok(Probe::Needed) => {}
        Ok(probe) => {
            let reason = match probe {
                Probe::NotNeeded(reason) => reason,
                _ => "already done".to_owned(),
            };
            log.record(Event::StepSkipped {
                step: planned.id.clone(),
                reason,
            })
            .await?;
            return Ok(Ok(()));
        }
    }
    log.record(Event::StepStarted {
        step: planned.id.clone(),
    })
    .await?;
    let begun = Instant::now();
    let report = log.report().of(planned.id.clone());
    let done = tokio::select! {
        done = step.run(world, &report) => done,
        why = stop(), if !step.one_way() => Err(stopped(planned, &why)),
    };
    let artifact = match done {
        Ok(artifact) => artifact,
        Err(failure) => return Ok(Err(failure)),
    };
    log.record(Event::StepFinished {
        step: planned.id.clone(),
        artifact,
        millis: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
    })
    .await?;
    Ok(Ok(()))
}

fn stopped(planned: &PlannedStep, why: &str) -> Failure {
    Failure::new(format!("{why}, during: {}", planned.title))
}
