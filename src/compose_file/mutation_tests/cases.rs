//! Many cases, each made from a number: run on all cores, and again one by one.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::compose_file::corpus_tests::corpus::on_all_cores;

/// Cases of an ordinary run.
const ORDINARY: u64 = 4_000;

#[derive(Debug)]
pub(super) struct Random(u64);

impl Random {
    /// Neighbouring numbers give unlike cases.
    fn new(seed: u64) -> Self {
        let mut mixed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        Self((mixed ^ (mixed >> 31)).max(1))
    }

    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % (end.max(1) as u64)).unwrap()
    }

    pub(super) fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    pub(super) fn of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())].clone()
    }
}

/// What became of the cases.
#[derive(Default)]
pub(super) struct Outcomes {
    pub(super) counts: BTreeMap<String, u64>,
    failures: Vec<String>,
}

impl Outcomes {
    pub(super) fn of(&self, outcome: &str) -> u64 {
        self.counts.get(outcome).copied().unwrap_or_default()
    }
}

/// Makes a text of every number and asks what becomes of it. The environment says how many
/// (`ENEO_UPGRADE_CASES`), or which alone (`ENEO_UPGRADE_SEED`).
///
/// # Panics
/// A case is wrong: an error, or a panic of its own.
pub(super) fn run<T: AsRef<str>>(
    title: &str,
    make: impl Fn(&mut Random) -> T + Sync,
    attempt: impl Fn(&T) -> Result<String, String> + Sync,
) -> Outcomes {
    let seeds = match number("ENEO_UPGRADE_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("ENEO_UPGRADE_CASES").unwrap_or(ORDINARY),
    };
    let starts: Vec<u64> = seeds.clone().step_by(250).collect();
    let parts = on_all_cores(&starts, |start| {
        let mut outcomes = Outcomes::default();
        for seed in *start..(start + 250).min(seeds.end) {
            let case = make(&mut Random::new(seed));
            let result = catch_unwind(AssertUnwindSafe(|| attempt(&case)));
            let wrong = match result {
                Ok(Ok(outcome)) => {
                    *outcomes.counts.entry(outcome).or_default() += 1;
                    continue;
                }
                Ok(Err(wrong)) => wrong,
                Err(_) => "a panic".to_owned(),
            };
            let text = case.as_ref();
            outcomes.failures.push(format!(
                "ENEO_UPGRADE_SEED={seed}: {wrong}\n{text}\n{text:?}\n"
            ));
        }
        outcomes
    });
    let mut sum = Outcomes::default();
    for part in parts {
        for (outcome, count) in part.counts {
            *sum.counts.entry(outcome).or_default() += count;
        }
        sum.failures.extend(part.failures);
    }
    eprintln!("{title}: {:#?}", sum.counts);
    let count = sum.failures.len();
    assert!(
        count == 0,
        "{title}: {count} cases are wrong\n{}",
        shown(&sum.failures)
    );
    sum
}

/// Few in full, the first of each kind.
fn shown(failures: &[String]) -> String {
    let kind = |failure: &String| {
        let line = failure.lines().next().unwrap_or_default();
        let words: String = line.chars().filter(|it| !it.is_ascii_digit()).collect();
        words.split('`').step_by(2).collect::<String>()
    };
    let mut first = BTreeMap::new();
    for failure in failures {
        first.entry(kind(failure)).or_insert(failure);
    }
    let texts: Vec<&str> = first.into_values().take(8).map(String::as_str).collect();
    texts.join("\n")
}

fn number(name: &str) -> Option<u64> {
    #[expect(clippy::disallowed_methods, reason = "a test has no settings")]
    let text = std::env::var(name).ok()?;
    Some(text.parse().expect("a number"))
}
