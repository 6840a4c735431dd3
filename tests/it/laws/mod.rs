//! The engine's three laws (DESIGN.md, section 4), over the real plan, the real steps, the real
//! journal and real files; only the host is a fake that can be killed at every point.
//!
//! *Equal* means what is served: per service image and whether it runs, the user's tags, the
//! bytes of the user's files, databases by name with revision and rows, the feeder's hold.

mod database;
mod fake;
mod journal;
mod look;
mod process;
mod scene;
mod world;

use std::future::Future;
use std::sync::Arc;

use eneo_upgrade::event::Outcome;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use process::{Came, Passed, Trouble, Verb, process};
use scene::{Case, Scene, Served};
use world::World;

/// What happens while nobody of us is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meanwhile {
    Nothing,
    MigrationEnds,
    MigrationBreaks,
    Reboot,
}

impl Meanwhile {
    async fn possible(scene: &Scene) -> Vec<Self> {
        let mut possible = vec![Self::Nothing];
        if scene.world().is_migrating() {
            possible.extend([Self::MigrationEnds, Self::MigrationBreaks]);
        }
        // Later people write, and going back takes it from them.
        if scene.case != Case::Install && journal::is_undecided(scene).await {
            possible.push(Self::Reboot);
        }
        possible
    }

    fn passes(self, world: &mut World) {
        match self {
            Self::Nothing => {}
            Self::MigrationEnds => world.end_migration(),
            Self::MigrationBreaks => world.break_migration(),
            Self::Reboot => world.reboot(),
        }
    }
}

/// A run that nothing happens to: what there was, what there is then, and its measures.
async fn undisturbed(case: Case) -> (Served, Served, Passed) {
    let scene = Scene::new(case);
    let before = scene.served();
    let passed = process(&scene, Verb::Upgrade, Trouble::Nothing).await;
    assert_eq!(passed.came, Came::Ended(Outcome::Upgraded), "{case:?}");
    nothing_wrong(&scene, "undisturbed");
    (before, scene.served(), passed)
}

fn nothing_wrong(scene: &Scene, when: &str) {
    let wrong = &scene.world().wrong;
    assert!(wrong.is_empty(), "{:?}, {when}: {wrong:?}", scene.case);
}

fn went_back(scene: &Scene, before: &Served) -> bool {
    scene.served().went_back_to(before, scene.case)
}

/// Every moment at which a process may be killed.
fn deaths(passed: &Passed) -> Vec<Trouble> {
    let points = (0..passed.points).map(Trouble::KilledAt);
    points
        .chain((0..passed.records).map(Trouble::KilledAtRecord))
        .collect()
}

/// Tries every case, as many side by side as there is room for; returns the sum of what they say.
async fn every<T, F>(troubles: impl IntoIterator<Item = T>, try_one: impl Fn(T) -> F) -> usize
where
    F: Future<Output = usize> + Send + 'static,
{
    let room = Arc::new(Semaphore::new(4));
    let mut cases = JoinSet::new();
    for case in troubles {
        let (room, case) = (room.clone(), try_one(case));
        cases.spawn(async move {
            let _place = room.acquire().await;
            case.await
        });
    }
    cases.join_all().await.into_iter().sum()
}

/// Laws 1 and 2: killed, then resumed, as never killed; killed, then rolled back, as never
/// started.
async fn killed(case: Case, trouble: Trouble, before: Served, after: Served) -> usize {
    let mut scene = Scene::new(case);
    let came = process(&scene, Verb::Upgrade, trouble).await.came;
    assert_eq!(came, Came::Killed, "{case:?} {trouble:?}");
    let then = scene.snapshot();
    let verbs = match case {
        Case::Install => &[Verb::Resume][..],
        _ => &[Verb::Resume, Verb::Rollback],
    };
    let mut cases = 0;
    for meanwhile in Meanwhile::possible(&scene).await {
        for verb in verbs {
            scene.restore(&then);
            meanwhile.passes(&mut scene.world());
            let when = format!("{trouble:?}, {meanwhile:?}, then {verb:?}");
            let mut came = process(&scene, *verb, Trouble::Nothing).await.came;
            if *verb == Verb::Resume && matches!(came, Came::Idle | Came::Ended(Outcome::Refused)) {
                assert_eq!(
                    scene.served(),
                    before,
                    "{case:?} {when}: nothing was touched"
                );
                came = process(&scene, Verb::Upgrade, Trouble::Nothing).await.came;
            }
            let written = scene.world().written;
            let (before, after) = (before.clone(), after.clone());
            let (outcome, served) = if *verb == Verb::Rollback {
                let before = before.with_rows_written(written);
                (Outcome::RolledBack, went_back(&scene, &before))
            } else {
                let after = after.with_rows_written(written);
                (Outcome::Upgraded, scene.served() == after)
            };
            assert!(
                came == Came::Ended(outcome) || came == Came::Idle,
                "{case:?} {when}: {came:?}"
            );
            assert!(served, "{case:?} {when}: {:#?}", scene.served());
            nothing_wrong(&scene, &when);
            cases += 1;
        }
    }
    cases
}

async fn laws_of_killing(case: Case) -> usize {
    let (before, after, passed) = undisturbed(case).await;
    every(deaths(&passed), |trouble| {
        killed(case, trouble, before.clone(), after.clone())
    })
    .await
}

/// Law 3: failed after an effect, rolled back, the rollback killed anywhere, and rolled back (or
/// resumed) again: as never started.
async fn failed(case: Case, effect: usize, before: Served) -> usize {
    let mut scene = Scene::new(case);
    let trouble = Trouble::FailsAfter(effect);
    let came = process(&scene, Verb::Upgrade, trouble).await.came;
    if came == Came::Ended(Outcome::Upgraded) {
        // Only a queue that says no, or a copy that cannot be dumped, is no reason to stop.
        let said = scene.world().queue_refused || journal::has_warned(&scene).await;
        assert!(said, "{case:?} {trouble:?}: the failure was not seen");
        return 1;
    }
    assert_eq!(came, Came::Killed, "{case:?} {trouble:?}");
    let then = scene.snapshot();
    let recorded = journal::records(&scene).await;
    let whole = process(&scene, Verb::Rollback, Trouble::Nothing).await;
    assert_eq!(
        whole.came,
        Came::Ended(Outcome::RolledBack),
        "{case:?} {trouble:?}"
    );
    assert!(
        went_back(&scene, &before),
        "{case:?} {trouble:?}: {:#?}",
        scene.served()
    );
    nothing_wrong(&scene, &format!("{trouble:?}"));
    let mut cases = 1;
    let records = (recorded..whole.records).map(Trouble::KilledAtRecord);
    let deaths = (0..whole.points).map(Trouble::KilledAt).chain(records);
    for (number, death) in deaths.enumerate() {
        scene.restore(&then);
        // A rollback is planned anew or taken up again; both must do.
        let verb = if number % 2 == 0 {
            Verb::Rollback
        } else {
            Verb::Resume
        };
        let when = format!("{trouble:?}, rollback {death:?}, then {verb:?}");
        let came = process(&scene, Verb::Rollback, death).await.came;
        assert_eq!(came, Came::Killed, "{case:?} {when}");
        let planned = journal::is_going_back(&scene).await;
        let verb = if planned { verb } else { Verb::Rollback };
        let came = process(&scene, verb, Trouble::Nothing).await.came;
        assert_eq!(came, Came::Ended(Outcome::RolledBack), "{case:?} {when}");
        assert!(
            went_back(&scene, &before),
            "{case:?} {when}: {:#?}",
            scene.served()
        );
        nothing_wrong(&scene, &when);
        cases += 1;
    }
    cases
}

async fn law_of_failing(case: Case) -> usize {
    let (before, _, passed) = undisturbed(case).await;
    every(0..passed.effects, |effect| {
        failed(case, effect, before.clone())
    })
    .await
}

macro_rules! laws {
    ($($name:ident: $law:ident($case:ident) >= $least:literal;)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            let cases = $law(Case::$case).await;
            // A law that holds for want of cases is no law.
            assert!(cases >= $least, "only {cases} cases");
        }
    )*};
}

laws! {
    killed_then_resumed_or_rolled_back_with_moving_tags: laws_of_killing(Latest) >= 300;
    killed_then_resumed_or_rolled_back_after_a_pull: laws_of_killing(Pulled) >= 250;
    killed_then_resumed_or_rolled_back_with_pinned_tags: laws_of_killing(Pinned) >= 250;
    killed_then_resumed_in_a_first_installation: laws_of_killing(Install) >= 100;
    failed_then_rolled_back_with_moving_tags: law_of_failing(Latest) >= 1000;
    failed_then_rolled_back_after_a_pull: law_of_failing(Pulled) >= 1000;
    failed_then_rolled_back_with_pinned_tags: law_of_failing(Pinned) >= 500;
}

#[tokio::test]
async fn a_failed_migration_is_gone_back_from_and_the_failed_database_kept() {
    for case in [Case::Latest, Case::Pulled, Case::Pinned] {
        let scene = Scene::new(case);
        scene.world().exit = 3;
        let before = scene.served();
        let came = process(&scene, Verb::Upgrade, Trouble::Nothing).await.came;
        assert_eq!(came, Came::Ended(Outcome::RolledBack), "{case:?}");
        assert!(
            went_back(&scene, &before),
            "{case:?}: {:#?}",
            scene.served()
        );
        let world = scene.world();
        let aside = world
            .databases
            .iter()
            .find(|(name, _)| name.contains("_failed_"));
        let (_, failed) = aside.expect("the failed database is kept");
        assert_eq!(failed.revision.as_deref(), Some(world::NEW), "{case:?}");
    }
}
