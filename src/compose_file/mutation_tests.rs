//! Damaged inputs: an answer or a refusal, never a panic.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::indexing_slicing,
    clippy::format_push_string
)]

use super::{Edge, diff, env_value, require_edges, set_env_value, set_image_tag};

const SEEDS: [&str; 3] = [
    "x-b: &b {image: 'a:${T:-v1}', depends_on: &d [db]}\nservices:\n  w: # ä\n    <<: *b\n    \
     depends_on:\n      - db # é\n      - \"r\"\n    command: |\n      x\n  init: {image: i:v1}\n",
    "\u{feff}services:\r\n  w:\r\n    image: a:v1\r\n    depends_on: !override\r\n      init:\r\n        \
     condition: service_healthy\r\n        restart: true\r\n---\r\nname: ü",
    "{\"services\": {\"w\": {\"image\": \"a:v1\", \"depends_on\": [\"db\", # c\n \"e\" ] } } }",
];
const PARTS: [&str; 28] = [
    "\n", "\r", "\t", " ", "  ", ":", "-", "- ", "{", "}", "[", "]", "#", " #", "\"", "'", "&a ",
    "*a", "*b", "!reset ", "<<: ", "|", "?", "---\n", "$", "ß", ",", "\u{2028}",
];

struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % (end.max(1) as u64)).unwrap()
    }
}

fn mutated(text: &str, random: &mut Random) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    for _ in 0..=random.below(4) {
        let at = random.below(characters.len() + 1);
        match random.below(3) {
            0 => characters.truncate(at.max(1)),
            1 => {
                let end = (at + random.below(12)).min(characters.len());
                characters.drain(at.min(end)..end);
            }
            _ => {
                let part = PARTS[random.below(PARTS.len())];
                characters.splice(at..at, part.chars());
            }
        }
    }
    characters.into_iter().collect()
}

#[test]
fn damaged_texts_never_panic() {
    let edge = |service: &str| Edge {
        service: service.into(),
        dependency: "init".into(),
    };
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let mut unproven = Vec::new();
    let mut patched = 0;
    for round in 0..6_000 {
        let text = mutated(SEEDS[round % SEEDS.len()], &mut random);
        match require_edges(&text, &[edge("w")]) {
            Ok(done) => {
                patched += usize::from(done.changed());
                assert!(diff(&text, &done.text, "f").is_empty() != done.changed());
            }
            Err(refusal) if refusal.code() == "unproven" => unproven.push((refusal, text.clone())),
            Err(_) => {}
        }
        let _ = set_image_tag(&text, &["w".into()], "v2");
        let _ = set_env_value(&text, "services", "v2");
        let _ = env_value(&text, "services");
    }
    assert!(patched > 500, "only {patched} mutants were patched");
    eprintln!(
        "unproven {} of {patched} patched: {:#?}",
        unproven.len(),
        unproven.get(..12)
    );
    // A proof that fails is safe, but each one is a shape worth a look.
    assert!(
        unproven.len() < 60,
        "{}: {:#?}",
        unproven.len(),
        unproven.get(..5)
    );
}

#[test]
fn deep_and_exploding_texts_are_refused() {
    let edges = [Edge {
        service: "w".into(),
        dependency: "init".into(),
    }];
    let deep = format!(
        "services: {{w: {}{}}}",
        "{a: ".repeat(5_000),
        "}".repeat(5_000)
    );
    assert!(require_edges(&deep, &edges).is_err());
    let mut text = "x0: &x0 {a: b}\n".to_owned();
    for level in 1..28 {
        let below = level - 1;
        text += &format!("x{level}: &x{level} {{<<: [*x{below}, *x{below}]}}\n");
    }
    text += "services:\n  w: {<<: *x27}\n";
    assert_eq!(require_edges(&text, &edges).unwrap_err().code(), "too-deep");
}
