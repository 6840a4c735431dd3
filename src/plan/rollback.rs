//! The way back, planned from what may have been changed. Never the steps in reverse.

use super::extent::{Extent, extent};
use super::recorded::{NoWayBack, Touched, before, migrations, read, steps, touched, writers};
use super::{Plan, beside};
use crate::engine::{RunState, Status};
use crate::event::{Artifact, Purpose};
use crate::steps::{
    AnyStep, Before, CloseDoor, Create, DumpKind, HoldRestarts, Moment, Move, OpenDoor,
    ReleaseFeeder, RestoreDatabase, RestoreFile, Retag, Source, Start, Stop, Verify,
};

/// Plans the way back to what there was before the run.
pub fn rollback(state: &RunState) -> Result<Plan, NoWayBack> {
    let touched = touched(state)?;
    let before = before(state)?;
    let writers = writers(state)?;
    let mut plan = Plan::new(Purpose::Rollback);
    if extent(state)? > Extent::Nothing {
        close_door(&mut plan, &touched);
        stop_new(&mut plan, &touched, &writers);
        put_back_tags(&mut plan, state)?;
        put_back_files(&mut plan, &touched);
        put_back_containers(&mut plan, &touched, &before);
        let (data, app) = starts(state)?;
        start(&mut plan, data, &before);
        if migrations(&touched).next().is_some() {
            plan.push(
                AnyStep::RestoreDatabase(restore_database(state)?),
                "its schema may have been changed",
            );
        }
        let workers = stopped_workers(state)?;
        let (workers, app): (Vec<Start>, Vec<Start>) = app
            .into_iter()
            .partition(|step| workers.contains(&step.service));
        // A container that is held cannot be started: the entry comes last.
        let app = app.into_iter().filter(|step| !is_door(&touched, step));
        start(&mut plan, app.collect(), &before);
        settle_interrupted(&mut plan, state)?;
        start(&mut plan, workers, &before);
        wait_healthy(&mut plan, state, &before)?;
    }
    let held = touched.iter().find_map(|touched| match &touched.step {
        AnyStep::HoldFeeder(step) => Some(step.key.clone()),
        _ => None,
    });
    if let Some(key) = held {
        plan.push(
            AnyStep::ReleaseFeeder(ReleaseFeeder { key }),
            "queued jobs may run again",
        );
    }
    plan.push(
        AnyStep::Verify(Verify {
            stage: "what there was before".to_owned(),
            images: before
                .services
                .iter()
                .map(|(s, b)| (s.clone(), b.image.clone()))
                .collect(),
            revisions: before.revisions.clone().filter(|_| before.system.is_some()),
            checks: Vec::new(),
            listings: Vec::new(),
            settled: false,
        }),
        "the run ends `rolled back` only when this holds",
    );
    open_door(&mut plan, state, &touched)?;
    let (_, app) = starts(state)?;
    let entry = app.into_iter().filter(|step| is_door(&touched, step));
    start(&mut plan, entry.collect(), &before);
    Ok(plan)
}

fn closed(touched: &[Touched]) -> Option<&CloseDoor> {
    touched.iter().find_map(|touched| match &touched.step {
        AnyStep::CloseDoor(step) => Some(step),
        _ => None,
    })
}

fn is_door(touched: &[Touched], step: &Start) -> bool {
    closed(touched).is_some_and(|door| door.service == step.service)
}

fn close_door(plan: &mut Plan, touched: &[Touched]) {
    if let Some(door) = closed(touched) {
        let service = door.service.clone();
        let moment = Moment::Stop;
        plan.push(
            AnyStep::CloseDoor(CloseDoor { service, moment }),
            "requests wait until what there was before is verified",
        );
    }
}

/// What the run holds is let go.
fn open_door(plan: &mut Plan, state: &RunState, touched: &[Touched]) -> Result<(), NoWayBack> {
    if let Some(door) = closed(touched) {
        let service = door.service.clone();
        plan.push(
            AnyStep::OpenDoor(OpenDoor { service }),
            "what there was before is in order",
        );
    }
    for step in steps(state) {
        if let AnyStep::ReleaseRestarts(step) = read(step)? {
            plan.push(
                AnyStep::ReleaseRestarts(step),
                "a reboot must bring everything up again",
            );
        }
    }
    Ok(())
}

/// How the upgrade starts every service, in its order: those that hold data (before the
/// migration), and the others.
fn starts(state: &RunState) -> Result<(Vec<Start>, Vec<Start>), NoWayBack> {
    let (mut data, mut app) = (Vec::new(), Vec::new());
    let mut migrated = false;
    for step in steps(state) {
        match read(step)? {
            AnyStep::Start(step) if migrated => app.push(step),
            AnyStep::Start(step) => data.push(step),
            AnyStep::Migrate(step) => migrated |= step.migrates,
            _ => {}
        }
    }
    Ok((data, app))
}

fn stop_new(plan: &mut Plan, touched: &[Touched], writers: &[String]) {
    let created = touched.iter().any(|t| matches!(t.step, AnyStep::Create(_)));
    let mut services = writers.to_vec();
    services.extend(migrations(touched).map(|step| step.service.clone()));
    if created && !services.is_empty() {
        let grace_seconds = touched
            .iter()
            .find_map(|touched| match &touched.step {
                AnyStep::Stop(step) => Some(step.grace_seconds),
                _ => None,
            })
            .unwrap_or_default();
        plan.push(
            AnyStep::Stop(Stop {
                services,
                grace_seconds,
            }),
            "the new release must not write any more",
        );
    }
}

/// They have to name the old images for those to be made anew, also where a pull before the run
/// had moved them, so that there was nothing to do.
fn put_back_tags(plan: &mut Plan, state: &RunState) -> Result<(), NoWayBack> {
    let mut moves = Vec::new();
    for step in steps(state) {
        let skipped = matches!(step.status, Status::Skipped(_));
        let AnyStep::Retag(retag) = read(step)? else {
            continue;
        };
        // A tag that named nothing before does no harm; the files that name it are put back.
        let back = retag.moves.into_iter().filter_map(|tag| {
            Some(Move {
                reference: tag.reference,
                from: None,
                to: tag.from?,
            })
        });
        moves.extend(back.filter(|_| step.touched || skipped));
    }
    if !moves.is_empty() {
        plan.push(
            AnyStep::Retag(Retag { moves }),
            "Compose must see the old images",
        );
    }
    Ok(())
}

fn put_back_files(plan: &mut Plan, touched: &[Touched]) {
    for touched in touched {
        if let AnyStep::EditFile(step) = &touched.step {
            plan.push(
                AnyStep::RestoreFile(RestoreFile::of(step)),
                "the run has edited it",
            );
        }
    }
}

fn put_back_containers(plan: &mut Plan, touched: &[Touched], before: &Before) {
    let created = touched.iter().filter_map(|touched| match &touched.step {
        AnyStep::Create(step) => Some(&step.services),
        _ => None,
    });
    let was_there = |service: &&String| before.services.contains_key(*service);
    let mut services: Vec<String> = created.flatten().filter(was_there).cloned().collect();
    services.dedup();
    if !services.is_empty() {
        plan.push(
            AnyStep::Create(Create { services }),
            "the old ones were replaced",
        );
    }
}

fn start(plan: &mut Plan, steps: Vec<Start>, before: &Before) {
    let ran = |step: &Start| {
        before
            .services
            .get(&step.service)
            .is_some_and(|before| before.up)
    };
    for step in steps.into_iter().filter(ran) {
        plan.push(AnyStep::Start(step), "it ran before");
    }
}

/// Jobs that were cut short go on with the old release, in the way that was planned. They are
/// noted again: the run may have ended right after the worker was stopped.
fn settle_interrupted(plan: &mut Plan, state: &RunState) -> Result<(), NoWayBack> {
    if stopped_workers(state)?.is_empty() {
        return Ok(());
    }
    for step in steps(state) {
        match read(step)? {
            AnyStep::NoteInterrupted(step) if step.stopped => plan.push(
                AnyStep::NoteInterrupted(step),
                "what is under way now will not go on by itself",
            ),
            AnyStep::SettleInterrupted(step) => plan.push(
                AnyStep::SettleInterrupted(step),
                "nobody would take them up again",
            ),
            _ => {}
        }
    }
    Ok(())
}

/// The workers whose jobs are noted, if the run has begun to stop them.
fn stopped_workers(state: &RunState) -> Result<Vec<String>, NoWayBack> {
    let stopped = touched(state)?;
    for step in steps(state) {
        if let AnyStep::NoteInterrupted(note) = read(step)? {
            // One that is kept from being restarted may have ended with the machine.
            let stops = |touched: &Touched| {
                matches!(&touched.step,
                    AnyStep::Stop(Stop { services, .. })
                    | AnyStep::HoldRestarts(HoldRestarts { services })
                    if services.iter().any(|service| note.workers.contains(service)))
            };
            return Ok(match stopped.iter().any(stops) {
                true => note.workers,
                false => Vec::new(),
            });
        }
    }
    Ok(Vec::new())
}

/// The whole app is asked, if the whole app ran.
fn wait_healthy(plan: &mut Plan, state: &RunState, before: &Before) -> Result<(), NoWayBack> {
    let ran = |service: &str| before.services.get(service).is_some_and(|before| before.up);
    if !writers(state)?.iter().all(|service| ran(service)) {
        return Ok(());
    }
    for step in steps(state) {
        if let AnyStep::Health(health) = read(step)?
            && health.part.is_none()
            && ran(&health.service)
        {
            plan.push(AnyStep::Health(health), "it was there before");
        }
    }
    Ok(())
}

fn restore_database(state: &RunState) -> Result<RestoreDatabase, NoWayBack> {
    let failed = before(state)?.oid.ok_or(NoWayBack::NoBackup)?;
    let run = state.run.as_str();
    // The copy first: it is there within moments.
    let (mut database, mut from) = (None, Vec::new());
    for touched in touched(state)? {
        let (of, source) = match (touched.step, touched.artifact) {
            (AnyStep::CloneDatabase(step), Some(Artifact::Clone { name, oid })) => {
                (step.database, Source::Clone { name, oid })
            }
            (AnyStep::Dump(dump), Some(Artifact::Backup { sha256, .. }))
                if dump.kind == DumpKind::Exact =>
            {
                let source = Source::Dump {
                    manifest: dump.manifest(),
                    sha256,
                    staging: beside(&dump.database, "restored", run),
                };
                (dump.database, source)
            }
            _ => continue,
        };
        database = Some(of);
        from.push(source);
    }
    let database = database.ok_or(NoWayBack::NoBackup)?;
    Ok(RestoreDatabase {
        failed: Some(failed),
        aside: beside(&database, "failed", run),
        database,
        from,
    })
}
