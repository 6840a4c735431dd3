//! One case for each shape of `depends_on`, one for each refusal. `W` waits for `init`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::indexing_slicing,
    clippy::format_push_string
)]

use super::{Edge, Refusal, require_edges};

const DONE: &str = "service_completed_successfully";

fn edge(service: &str, dependency: &str) -> Edge {
    Edge {
        service: service.into(),
        dependency: dependency.into(),
    }
}

fn patch(text: &str) -> Result<String, Refusal> {
    require_edges(text, &[edge("w", "init")]).map(|patched| patched.text)
}

/// `DONE` and `START` stand for the long conditions.
fn long(text: &str) -> String {
    text.replace("DONE", DONE)
        .replace("START", "service_started")
}

const SHAPES: &[(&str, &str, &str)] = &[
    (
        "missing, comments below",
        "services:\n  w:\n    image: x # i\n    # end\n\n  # next\n  z: {}\n",
        "services:\n  w:\n    image: x # i\n    depends_on:\n      init:\n        condition: DONE\n    # end\n\n  # next\n  z: {}\n",
    ),
    (
        "missing, last key is a block text",
        "services:\n  w:\n    image: x\n    command: |\n      a\n\n",
        "services:\n  w:\n    image: x\n    depends_on:\n      init:\n        condition: DONE\n    command: |\n      a\n\n",
    ),
    (
        "missing, only a block text, indentation 4, CRLF, BOM",
        "\u{feff}services:\r\n    w:\r\n        command: |\r\n            a",
        "\u{feff}services:\r\n    w:\r\n        depends_on:\r\n            init:\r\n                condition: DONE\r\n        command: |\r\n            a",
    ),
    (
        "missing, no final newline",
        "services:\n w:\n  image: x",
        "services:\n w:\n  image: x\n  depends_on:\n   init:\n    condition: DONE",
    ),
    (
        "empty",
        "services:\n  w:\n    depends_on: # none\n    image: x\n",
        "services:\n  w:\n    depends_on: # none\n      init:\n        condition: DONE\n    image: x\n",
    ),
    (
        "null",
        "services:\n  w:\n    depends_on: ~\n    image: x\n",
        "services:\n  w:\n    depends_on:\n      init:\n        condition: DONE\n    image: x\n",
    ),
    (
        "block list",
        "services:\n  w:\n    depends_on:\n      # the data\n      - db # main\n\n      -   \"redis\"\n      # - old\n    image: x\n",
        "services:\n  w:\n    depends_on:\n      # the data\n      db: # main\n        condition: START\n\n      \"redis\":\n        condition: START\n      init:\n        condition: DONE\n      # - old\n    image: x\n",
    ),
    (
        "block list at the key's column, ours in it",
        "services:\n  w:\n    depends_on:\n    - init\n    - db",
        "services:\n  w:\n    depends_on:\n      init:\n        condition: DONE\n      db:\n        condition: START",
    ),
    (
        "flow list",
        "services:\n  w:\n    depends_on: [db, 'r'] # two\n",
        "services:\n  w:\n    depends_on: {db: {condition: START}, 'r': {condition: START}, init: {condition: DONE}} # two\n",
    ),
    (
        "empty flow list",
        "services:\n  w:\n    depends_on: []\n",
        "services:\n  w:\n    depends_on: {init: {condition: DONE}}\n",
    ),
    (
        "flow list over lines",
        "services:\n  w:\n    depends_on: [\n      db, # main\n      r # last\n    ]\n",
        "services:\n  w:\n    depends_on: {\n      db: {condition: START}, # main\n      r: {condition: START}, # last\n      init: {condition: DONE}\n    }\n",
    ),
    (
        "flow list, comment behind the last item",
        "services:\n  w:\n    depends_on: [a, b # b\n      ]\n",
        "services:\n  w:\n    depends_on: {init: {condition: DONE}, a: {condition: START}, b: {condition: START} # b\n      }\n",
    ),
    (
        "block map, missing; inner indentation of the neighbour",
        "services:\n  w:\n    depends_on:\n      db:\n          condition: service_healthy # h\n      # end\n",
        "services:\n  w:\n    depends_on:\n      db:\n          condition: service_healthy # h\n      init:\n          condition: DONE\n      # end\n",
    ),
    (
        "block map, other condition",
        "services:\n  w:\n    depends_on:\n      init:\n        condition: \"service_healthy\" # h\n        restart: true\n",
        "services:\n  w:\n    depends_on:\n      init:\n        condition: \"DONE\" # h\n        restart: true\n",
    ),
    (
        "block map, without condition",
        "services:\n  w:\n    depends_on:\n      init:\n        # why\n        restart: true\n",
        "services:\n  w:\n    depends_on:\n      init:\n        # why\n        condition: DONE\n        restart: true\n",
    ),
    (
        "block map, empty entry",
        "services:\n  w:\n    depends_on:\n      init: # i\n      db: {condition: START}\n",
        "services:\n  w:\n    depends_on:\n      init: # i\n        condition: DONE\n      db: {condition: START}\n",
    ),
    (
        "entry {}",
        "services:\n  w:\n    depends_on:\n      init: {}\n",
        "services:\n  w:\n    depends_on:\n      init: {condition: DONE}\n",
    ),
    (
        "flow map, other condition",
        "services:\n  w:\n    depends_on: {init: {condition: START}}\n",
        "services:\n  w:\n    depends_on: {init: {condition: DONE}}\n",
    ),
    (
        "flow map over lines, trailing comma",
        "services:\n  w:\n    depends_on: {\n      db: {condition: START}, # d\n    }\n",
        "services:\n  w:\n    depends_on: {\n      db: {condition: START}, # d\n      init: {condition: DONE},\n    }\n",
    ),
    (
        "flow entry null",
        "services:\n  w:\n    depends_on: {init: , db: {}}\n",
        "services:\n  w:\n    depends_on: {init: {condition: DONE}, db: {}}\n",
    ),
    (
        "flow service",
        "services: {w: {image: x}}\n",
        "services: {w: {image: x, depends_on: {init: {condition: DONE}}}}\n",
    ),
    (
        "JSON",
        "{\"services\": {\"w\": {\"depends_on\": [\"db\"]}}}\n",
        "{\"services\": {\"w\": {\"depends_on\": {\"db\": {\"condition\": \"START\"}, \"init\": {\"condition\": \"DONE\"}}}}}\n",
    ),
    (
        "alias",
        "x-d: &d [db]\nservices:\n  w:\n    depends_on: *d # d\n    image: x\n  z:\n    depends_on: *d\n",
        "x-d: &d [db]\nservices:\n  w:\n    depends_on: # d\n      db:\n        condition: START\n      init:\n        condition: DONE\n    image: x\n  z:\n    depends_on: *d\n",
    ),
    (
        "merged",
        "x-b: &b\n  depends_on:\n    db: {condition: service_healthy, restart: true}\nservices:\n  w:\n    <<: *b\n  z:\n    <<: [*b]\n",
        "x-b: &b\n  depends_on:\n    db: {condition: service_healthy, restart: true}\nservices:\n  w:\n    <<: *b\n    depends_on:\n      db:\n        condition: service_healthy\n        restart: true\n      init:\n        condition: DONE\n  z:\n    <<: [*b]\n",
    ),
    (
        "merged inside depends_on",
        "x-d: &d\n  init: {condition: START, restart: true}\nservices:\n  w:\n    depends_on:\n      <<: *d\n",
        "x-d: &d\n  init: {condition: START, restart: true}\nservices:\n  w:\n    depends_on:\n      <<: *d\n      init:\n        condition: DONE\n        restart: true\n",
    ),
    (
        "entry is an alias",
        "x-h: &h {condition: service_healthy}\nservices:\n  w:\n    depends_on:\n      init: *h # h\n",
        "x-h: &h {condition: service_healthy}\nservices:\n  w:\n    depends_on:\n      init: {condition: DONE} # h\n",
    ),
    (
        "anchored, but only its own",
        "services:\n  w:\n    depends_on: &d\n      - db\n",
        "services:\n  w:\n    depends_on: &d\n      db:\n        condition: START\n      init:\n        condition: DONE\n",
    ),
    (
        "override tag",
        "services:\n  w:\n    depends_on: !override\n      - db\n",
        "services:\n  w:\n    depends_on: !override\n      db:\n        condition: START\n      init:\n        condition: DONE\n",
    ),
    (
        "second document",
        "services:\n  a: {image: x}\n---\nservices:\n  w: {image: x}\n",
        "services:\n  a: {image: x}\n---\nservices:\n  w: {image: x, depends_on: {init: {condition: DONE}}}\n",
    ),
];

#[test]
fn every_shape_gets_the_edge() {
    for (name, before, after) in SHAPES {
        let (before, after) = (long(before), long(after));
        let patched = patch(&before).unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
        assert_eq!(patched, after, "{name}");
        assert_eq!(patch(&patched), Ok(patched.clone()), "{name}, again");
    }
}

#[test]
fn a_satisfied_edge_changes_no_byte() {
    for text in [
        "services:\n  w:\n    depends_on:\n      init: {condition: DONE, required: true}\n",
        "x: &d {init: {condition: DONE}}\nservices:\n  w: {depends_on: *d}\n",
        "x: &b {depends_on: {init: {condition: DONE}}}\nservices:\n  w: {<<: *b}  \r\n",
    ] {
        let text = long(text);
        let patched = require_edges(&text, &[edge("w", "init")]).unwrap();
        assert!(!patched.changed() && patched.text == text, "{text}");
    }
}

const REFUSALS: &[(&str, Option<usize>, &str)] = &[
    ("unknown-service", None, "services:\n  z: {}\n"),
    ("no-services", None, "w:\n  image: x\n"),
    ("no-services", None, ""),
    (
        "several-documents",
        Some(3),
        "services: {w: {image: x}}\n---\nservices: {w: {image: y}}\n",
    ),
    ("unparsable", Some(2), "services:\n  w: [\n"),
    ("tab-indentation", Some(3), "services:\n  w:\n\timage: x\n"),
    (
        "template-markers",
        Some(3),
        "services:\n  w:\n    image: {{ image }}\n",
    ),
    (
        "template-markers",
        Some(2),
        "services:\n{% if x %}\n  w: {image: x}\n{% endif %}\n",
    ),
    (
        "template-markers",
        Some(2),
        "services:\n  # {% if x %}\n  w: {image: x}\n",
    ),
    (
        "duplicate-key",
        Some(4),
        "services:\n  w:\n    image: x\n    image: y\n",
    ),
    (
        "required-false",
        Some(4),
        "services:\n  w:\n    depends_on:\n      init: {condition: DONE, required: false}\n",
    ),
    (
        "interpolated-condition",
        Some(4),
        "services:\n  w:\n    depends_on:\n      init: {condition: '${C}'}\n",
    ),
    (
        "reset-tag",
        Some(3),
        "services:\n  w:\n    depends_on: !reset []\n",
    ),
    ("reset-tag", Some(2), "services:\n  w: !reset {}\n"),
    (
        "list-item",
        Some(4),
        "services:\n  w:\n    depends_on:\n      - ${DB:-db}\n",
    ),
    (
        "list-item",
        Some(4),
        "services:\n  w:\n    depends_on:\n      - &a db\n",
    ),
    (
        "list-item",
        Some(4),
        "services:\n  w:\n    depends_on:\n      - !t db\n",
    ),
    (
        "list-item",
        Some(4),
        "services:\n  w:\n    depends_on:\n      - \"d\\\n        b\"\n",
    ),
    (
        "invalid-depends-on",
        Some(4),
        "services:\n  w:\n    depends_on:\n      - db: {}\n",
    ),
    (
        "invalid-depends-on",
        Some(2),
        "services:\n  w: {depends_on: db}\n",
    ),
    (
        "invalid-depends-on",
        Some(2),
        "services:\n  w: {depends_on: [db, db]}\n",
    ),
    (
        "unsupported-shape",
        Some(4),
        "services:\n  z: &z\n    image: x\n  w: *z\n",
    ),
    (
        "cycle",
        Some(2),
        "services:\n  w: {image: x}\n  init: {depends_on: [z]}\n  z: {depends_on: [w]}\n",
    ),
    (
        "shared-anchor",
        None,
        "services:\n  w: &w\n    image: x\n  z: *w\n",
    ),
    (
        "shared-anchor",
        None,
        "services:\n  w:\n    depends_on: &d [db]\n  z:\n    depends_on: *d\n",
    ),
];

#[test]
fn every_refusal_names_its_line_and_what_to_write() {
    for (code, line, text) in REFUSALS {
        let refusal = patch(&long(text)).expect_err(text);
        assert_eq!(
            (refusal.code(), refusal.line),
            (*code, *line),
            "{refusal}\n{text}"
        );
        assert!(refusal.by_hand.contains(DONE), "{text}");
    }
    let refusal = require_edges("services: {w: {}}", &[edge("w", "a b")]).unwrap_err();
    assert_eq!(refusal.code(), "invalid-name");
}

#[test]
fn what_to_write_by_hand_keeps_what_is_there() {
    let text = "services:\n  w:\n    depends_on: &d [db]\n  z:\n    depends_on: *d\n";
    let expected = "services:\n  w:\n    depends_on:\n      db:\n        condition: START\n      init:\n        condition: DONE";
    assert_eq!(patch(text).unwrap_err().by_hand, long(expected));
}

#[test]
fn an_anchor_may_be_shared_by_services_that_all_get_the_edge() {
    let text = "services:\n  w: &w\n    image: x\n  z:\n    <<: *w\n";
    let both = [edge("w", "init"), edge("z", "init")];
    let patched = require_edges(text, &both).unwrap();
    assert_eq!(patched.lines, [4, 5, 6]);
}

#[test]
fn what_to_write_by_hand_never_voids_the_edge() {
    let text = "services: {w: {depends_on: {init: {restart: true, required: false}}}}";
    let refusal = patch(text).unwrap_err();
    let expected = "      init:\n        condition: DONE\n        restart: true";
    assert!(
        refusal.by_hand.ends_with(&long(expected)),
        "{}",
        refusal.by_hand
    );
}
