//! The judges themselves: wrong edits and unfounded refusals are told.

use super::reading::Reading;
use super::{check, justify};
use crate::compose_file::{Edge, Reason, Refusal, require_edges};

const TEXT: &str = "services:\n  web:\n    depends_on:\n      - db # store\n    image: x\n  db:\n    \
                    image: y\n  init:\n    image: z\n";

fn edge() -> Edge {
    Edge {
        service: "web".into(),
        dependency: "init".into(),
    }
}

fn judged(after: &str, lines: &[usize]) -> Result<(), &'static str> {
    let mut done = require_edges(TEXT, &[edge()]).unwrap();
    done.text = after.to_owned();
    done.lines = lines.to_vec();
    check::edit(&Reading::of(TEXT), TEXT, &done, &edge())
}

#[test]
fn wrong_edits_are_told() {
    let right = require_edges(TEXT, &[edge()]).unwrap();
    assert_eq!(judged(&right.text, &right.lines), Ok(()));
    for (from, to) in [
        ("image: y", "image: q"),
        ("image: z", "image:  z"),
        (" # store", ""),
        ("service_started", "service_healthy"),
        ("service_completed_successfully", "service_healthy"),
        ("\n  db:", "\n\n  db:"),
        ("\n  init:\n", "\r\n  init:\r\n"),
        ("web:", "web: # c"),
        (
            "      db: # store\n        condition: service_started\n",
            "",
        ),
    ] {
        assert!(right.text.contains(from), "{from}");
        let wrong = right.text.replacen(from, to, 1);
        // Told even where the edit owns up to every line.
        let all: Vec<usize> = (1..=wrong.lines().count()).collect();
        assert!(judged(&wrong, &right.lines).is_err(), "{from}");
        assert!(judged(&wrong, &all).is_err(), "{from}");
    }
    assert!(judged(TEXT, &[]).is_err());
}

#[test]
fn unfounded_refusals_are_told() {
    let reasons = [
        Reason::Unparsable(String::new()),
        Reason::TabIndentation,
        Reason::TemplateMarkers,
        Reason::TooDeep,
        Reason::DuplicateKey(String::new()),
        Reason::NoServices,
        Reason::UnknownService(String::new()),
        Reason::SeveralDocuments(String::new()),
        Reason::InvalidName(String::new()),
        Reason::InvalidDependsOn(""),
        Reason::Cycle {
            service: String::new(),
            dependency: String::new(),
        },
        Reason::NotRequired,
        Reason::ResetTag,
        Reason::InterpolatedCondition,
        Reason::ListItem {
            item: String::new(),
            why: "",
        },
        Reason::SharedAnchor(Vec::new()),
        Reason::UnsupportedShape(""),
        Reason::Unproven(""),
    ];
    for reason in reasons {
        let refusal = Refusal {
            reason,
            line: None,
            attempted: String::new(),
            by_hand: String::new(),
        };
        assert!(
            !justify::justified(TEXT, &edge(), &refusal, None),
            "{refusal}"
        );
    }
}
