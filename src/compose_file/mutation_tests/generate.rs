//! Valid Compose files in all the shapes that YAML allows `depends_on` to have.

mod depends_on;

use super::cases::Random;
use crate::compose_file::Edge;

/// A valid text and the edge to ask of it.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) text: String,
    pub(super) edge: Edge,
}

impl AsRef<str> for Case {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

/// The two that wait; what they may wait for; a name that YAML would read as something else.
const WAITING: [&str; 2] = ["w", "side"];
const OTHERS: [&str; 5] = ["init", "db", "cache-1", "a.b", "on"];

pub(super) fn case(random: &mut Random) -> Case {
    let edge = Edge {
        service: random.of(&["w", "w", "w", "side"]).to_owned(),
        dependency: random.of(&["init", "init", "db", "a.b", "on"]).to_owned(),
    };
    let mut text = match random.one_in(10) {
        true => json(random),
        false => Draft::new(random).text(),
    };
    if random.one_in(6) {
        text = text.replace('\n', "\r\n");
    }
    if random.one_in(8) {
        text = text.trim_end().to_owned();
    }
    if random.one_in(10) {
        text.insert(0, '\u{feff}');
    }
    Case { text, edge }
}

/// One line; whether a comment or a blank line may stand before it, and a comment behind it.
struct Line {
    text: String,
    free: bool,
}

struct Draft<'r> {
    random: &'r mut Random,
    lines: Vec<Line>,
    /// Indentation of services, of their keys and of what is below.
    top: usize,
    unit: usize,
    inner: usize,
    /// Anchors that a later service may use: a whole `depends_on`, a whole service.
    depends_on: Option<&'static str>,
    service: bool,
}

impl<'r> Draft<'r> {
    fn new(random: &'r mut Random) -> Self {
        let width = |random: &mut Random| match random.one_in(3) {
            true => 1 + random.below(8),
            false => 2,
        };
        let (top, unit, inner) = (width(random), width(random), width(random));
        Self {
            random,
            lines: Vec::new(),
            top,
            unit,
            inner,
            depends_on: None,
            service: false,
        }
    }

    fn push(&mut self, indent: usize, text: &str) {
        let text = format!("{}{text}", " ".repeat(indent));
        self.lines.push(Line { text, free: true });
    }

    fn glue(&mut self, text: String) {
        self.lines.push(Line { text, free: false });
    }

    fn text(mut self) -> String {
        let start = self.random.one_in(6);
        self.templates();
        let services = self
            .random
            .of(&["services:", "\"services\":", "services :"]);
        self.push(0, services);
        let mut names: Vec<&str> = WAITING.iter().chain(&OTHERS).copied().collect();
        for at in 0..names.len() {
            let other = self.random.below(names.len());
            names.swap(at, other);
        }
        for name in names {
            self.service(name);
        }
        match self.random.below(12) {
            0 => self.push(0, "volumes: {data: {}}"),
            1 => {
                self.glue("---".to_owned());
                self.push(0, "services:");
                let name = self.random.of(&["more", "more", "more", "w"]);
                self.push(2, &format!("{name}: {{image: x}}"));
            }
            _ => {}
        }
        let text = self.with_noise();
        match start {
            true => format!("---\n{text}"),
            false => text,
        }
    }

    fn with_noise(self) -> String {
        let Self { random, lines, .. } = self;
        let often = random.of(&[2, 8, 1000]);
        let mut text = String::new();
        for Line { text: line, free } in lines {
            if free && random.one_in(often) {
                let indent = " ".repeat(random.below(9));
                let comment = random.of(&["# é", "#", "# - db", "# depends_on: [db]", ""]);
                text += &format!("{indent}{comment}\n");
            }
            text += &line;
            if free && random.one_in(often) {
                text += random.of(&[" # c", "  # ü: {", "\t# t", "   "]);
            }
            text.push('\n');
        }
        text
    }

    /// What aliases stand for. Below these names, the shapes are always the same.
    fn templates(&mut self) {
        let healthy = "service_healthy";
        self.push(0, "x-s: &s {condition: service_healthy, restart: true}");
        self.push(0, "x-list: &list [db, \"cache-1\"]");
        self.push(0, "x-map: &map");
        self.push(2, "db:");
        self.push(4, &format!("condition: {healthy}"));
        self.push(2, "cache-1: {condition: \"service_started\"}");
        self.push(
            0,
            "x-more: &more {a.b: {condition: service_started}, db: *s}",
        );
        self.push(0, "x-base: &base");
        self.push(2, "restart: always");
        match self.random.below(6) {
            0 => self.push(2, "depends_on: *map"),
            1 => self.push(2, "depends_on: *list"),
            2 => self.push(2, "depends_on: [db]"),
            3 => {
                self.push(2, "depends_on:");
                self.push(4, "<<: *map");
                self.push(4, "a.b: *s");
            }
            4 => {
                self.push(2, "depends_on:");
                self.push(2, "- db");
            }
            _ => {}
        }
        self.push(
            0,
            "x-init: &init {depends_on: {init: {condition: service_started}}}",
        );
    }

    fn service(&mut self, name: &'static str) {
        let key = match name {
            "on" => "\"on\"".to_owned(),
            _ => self
                .random
                .of(&[name, name, name, "\"\"", "''"])
                .replace("\"\"", &format!("\"{name}\""))
                .replace("''", &format!("'{name}'")),
        };
        if !WAITING.contains(&name) {
            return self.waited_for(&key, name);
        }
        match self.random.below(10) {
            0 => {
                let body = self.flow_service(", ");
                self.push(self.top, &format!("{key}: {{{body}}}"));
            }
            1 => {
                self.push(self.top, &format!("{key}: {{"));
                let body = self.flow_service(",\n");
                for part in body.split('\n') {
                    self.push(self.top + self.unit, part);
                }
                let end = self.random.of(&["}", ",}"]);
                self.push(self.top + 1, end);
            }
            _ => self.block_service(&key, name),
        }
    }

    fn waited_for(&mut self, key: &str, name: &str) {
        let waits = match (name, self.random.below(20)) {
            ("init", 0) => ", depends_on: [db]",
            ("init", 1) => ", depends_on: {db: {condition: service_healthy}}",
            ("init", 2) => ", links: [\"w:alias\"]",
            ("db", 0) => ", depends_on: [w]",
            _ => "",
        };
        match self.random.one_in(3) {
            true => {
                self.push(self.top, &format!("{key}:"));
                self.push(self.top + self.unit, "image: x:1");
            }
            false => self.push(self.top, &format!("{key}: {{image: x{waits}}}")),
        }
    }

    fn block_service(&mut self, key: &str, name: &str) {
        let at = self.top + self.unit;
        let from_other = name == "side" && self.service && self.random.one_in(4);
        let anchor = match name == "w" && self.random.one_in(8) {
            true => " &w",
            false => "",
        };
        self.push(self.top, &format!("{key}:{anchor}"));
        let mut parts: Vec<usize> = (0..3 + self.random.below(3)).collect();
        for at in 0..parts.len() {
            let other = self.random.below(parts.len());
            parts.swap(at, other);
        }
        for part in parts {
            match part {
                0 => self.depends_on(at),
                1 => self.push(at, "image: \"x:1\""),
                2 if from_other => self.push(at, "<<: *w"),
                2 => match self.random.below(8) {
                    0 => self.push(at, "<<: *base"),
                    1 => self.push(at, "<<: [*base, *init]"),
                    2 => self.push(at, "<<: [*init, *base]"),
                    3 => self.push(at, "\"entrypoint\": [\"a\", 'b']"),
                    _ => {}
                },
                3 => {
                    let style = self.random.of(&["|", "|-", ">", "|+"]);
                    self.push(at, &format!("command: {style}"));
                    self.glue(format!("{}text: [", " ".repeat(at + 2)));
                    self.glue(format!("{}# no comment", " ".repeat(at + 2)));
                    if self.random.one_in(2) {
                        self.glue(String::new());
                    }
                    // Nothing may come between: it would be text, too.
                    self.glue(format!("{}labels: {{}}", " ".repeat(at)));
                }
                _ => {
                    self.push(at, "environment:");
                    self.push(at + self.inner, "- A=${B:-c}");
                    self.push(at + self.inner, "- \"D=# e\"");
                }
            }
        }
        self.service |= !anchor.is_empty();
    }

    fn flow_service(&mut self, comma: &str) -> String {
        let mut parts = vec!["image: x".to_owned()];
        match self.random.below(8) {
            0 => {}
            1 => parts.push(
                self.random
                    .of(&["depends_on: ", "depends_on: ~", "depends_on: null"])
                    .to_owned(),
            ),
            2 => parts.push("depends_on: *map".to_owned()),
            3 => parts.push("<<: *base".to_owned()),
            4 | 5 => parts.push(format!("depends_on: {}", self.flow_list(", "))),
            _ => parts.push(format!("depends_on: {}", self.flow_map(", "))),
        }
        if self.random.one_in(2) {
            parts.reverse();
        }
        parts.join(comma)
    }
}

/// JSON is YAML.
fn json(random: &mut Random) -> String {
    let (newline, comma) = match random.one_in(2) {
        true => ("\n  ", ",\n  "),
        false => (" ", ", "),
    };
    let depends_on = random.of(&[
        "",
        "\"depends_on\": null",
        "\"depends_on\": []",
        "\"depends_on\": [\"db\"]",
        "\"depends_on\":[\"init\",\"db\"]",
        "\"depends_on\": {}",
        "\"depends_on\": {\"db\": {\"condition\": \"service_healthy\"}}",
        "\"depends_on\": {\"init\":{\"condition\":\"service_started\",\"required\":true}}",
        "\"depends_on\": {\n\"db\": {\n\"condition\": \"service_started\"\n}\n}",
        "\"depends_on\": [\n\t\"db\",\n\t\"init\"\n]",
    ]);
    let mut parts = vec!["\"image\": \"x:1\"", depends_on];
    parts.retain(|part| !part.is_empty());
    if random.one_in(2) {
        parts.reverse();
    }
    let mut services: Vec<String> = vec![
        format!("\"w\": {{{newline}{}{newline}}}", parts.join(comma)),
        "\"side\": {\"image\": \"x\"}".to_owned(),
    ];
    services.extend(
        OTHERS
            .iter()
            .map(|name| format!("\"{name}\": {{\"image\": \"x\"}}")),
    );
    if random.one_in(2) {
        services.reverse();
    }
    let (newline, comma) = (newline.trim_end_matches(' '), comma.trim_end_matches(' '));
    format!(
        "{{\"services\": {{{newline}{}{newline}}}}}\n",
        services.join(comma)
    )
}
