//! `depends_on` written out: what aliases and merges stand for, as text of our own.

use super::depends_on::completed;
use super::lines::Source;
use super::locate::{Kind, Node};
use super::model::{Dependency, Model, STARTED, invalid, is_service_name};
use super::refusal::{Reason, Stop};

/// A dependency ready to be written: its key and settings as source text.
#[derive(Debug, Clone)]
pub(super) struct Expanded {
    name: String,
    key: String,
    settings: Vec<(String, String)>,
}

/// Everything that a `depends_on` value stands for.
///
/// # Errors
/// Something in it that cannot be copied: a variable as a name, a tag, a text over lines.
pub(super) fn read<'t>(
    model: &Model<'t>,
    source: Source<'t>,
    value: &'t Node,
) -> Result<Vec<Expanded>, Stop> {
    let present = model.dependencies(value)?;
    present
        .iter()
        .map(|dependency| one(model, source, dependency))
        .collect()
}

/// # Errors
/// As [`read`].
pub(super) fn one<'t>(
    model: &Model<'t>,
    source: Source<'t>,
    dependency: &Dependency<'t>,
) -> Result<Expanded, Stop> {
    let Dependency {
        name,
        key,
        settings,
    } = *dependency;
    if !is_service_name(name) {
        let why = if name.contains('$') {
            "holds a variable"
        } else {
            "is no service name"
        };
        return Err(Stop::at(
            key.line,
            Reason::ListItem {
                item: name.to_owned(),
                why,
            },
        ));
    }
    let settings = match settings {
        None => vec![("condition".to_owned(), STARTED.to_owned())],
        Some(settings) => copy_settings(model, source, settings)?,
    };
    Ok(Expanded {
        name: name.to_owned(),
        key: word(name),
        settings,
    })
}

fn copy_settings<'t>(
    model: &Model<'t>,
    source: Source<'t>,
    settings: &'t Node,
) -> Result<Vec<(String, String)>, Stop> {
    if !matches!(settings.kind, Kind::Map { .. }) {
        return Err(invalid(settings, "an entry is no mapping"));
    }
    let mut copied = Vec::new();
    for entry in model.all_entries(settings)? {
        let value = model.follow(&entry.value)?;
        copied.push((copy(source, &entry.key)?, copy(source, value)?));
    }
    Ok(copied)
}

fn copy(source: Source<'_>, scalar: &Node) -> Result<String, Stop> {
    let text = source.slice(scalar.span.clone());
    if scalar.text().is_none() || scalar.tag.is_some() || text.is_empty() || text.contains('\n') {
        let reason = Reason::UnsupportedShape("a dependency holds more than plain settings");
        return Err(Stop::at(scalar.line, reason));
    }
    Ok(text.to_owned())
}

/// The same with the wanted dependency in it, its other settings kept but for a `required`
/// that would void it (an edit refuses that one; the text to write by hand leaves it out).
pub(super) fn with_edge(mut present: Vec<Expanded>, wanted: &str) -> Vec<Expanded> {
    match present
        .iter_mut()
        .find(|dependency| dependency.name == wanted)
    {
        Some(ours) => {
            let void = |(key, value): &(String, String)| {
                is(key, "condition") || (is(key, "required") && !value.eq_ignore_ascii_case("true"))
            };
            ours.settings.retain(|setting| !void(setting));
            ours.settings.insert(0, completed());
        }
        None => present.push(Expanded {
            name: wanted.to_owned(),
            key: word(wanted),
            settings: vec![completed()],
        }),
    }
    present
}

fn is(key: &str, name: &str) -> bool {
    key.trim_matches(['"', '\'']) == name
}

/// How new text is written beside its neighbours.
#[derive(Debug, Clone)]
pub(super) struct Writer {
    /// One level of indentation.
    pub(super) unit: String,
    /// JSON in YAML: every word in double quotes.
    pub(super) quoted: bool,
}

impl Writer {
    pub(super) fn new(unit: &str) -> Self {
        Self {
            unit: unit.to_owned(),
            quoted: false,
        }
    }

    /// Block lines without line breaks, keys at `indent`.
    pub(super) fn block(&self, wanted: &[Expanded], indent: &str) -> Vec<String> {
        let mut lines = Vec::new();
        for dependency in wanted {
            let end = if dependency.settings.is_empty() {
                " {}"
            } else {
                ""
            };
            lines.push(format!("{indent}{}:{end}", dependency.key));
            let settings = dependency.settings.iter();
            lines.extend(
                settings.map(|(key, value)| format!("{indent}{}{key}: {value}", self.unit)),
            );
        }
        lines
    }

    pub(super) fn flow(&self, wanted: &[Expanded]) -> String {
        format!("{{{}}}", self.entries(wanted))
    }

    /// Flow entries without the braces around them.
    pub(super) fn entries(&self, wanted: &[Expanded]) -> String {
        let entry = |it: &Expanded| format!("{}: {}", self.word(&it.key), self.settings(it));
        wanted.iter().map(entry).collect::<Vec<_>>().join(", ")
    }

    /// The braces behind the name of a dependency.
    pub(super) fn settings(&self, dependency: &Expanded) -> String {
        let pair =
            |(key, value): &(String, String)| format!("{}: {}", self.word(key), self.value(value));
        let pairs = dependency.settings.iter().map(pair).collect::<Vec<_>>();
        format!("{{{}}}", pairs.join(", "))
    }

    /// The condition a list item stands for.
    pub(super) fn started(&self) -> String {
        format!("{{{}: {}}}", self.word("condition"), self.word(STARTED))
    }

    pub(super) fn word(&self, word: &str) -> String {
        if self.quoted && !word.starts_with(['"', '\'']) {
            format!("\"{word}\"")
        } else {
            word.to_owned()
        }
    }

    /// Quotes words, but leaves `true` a boolean.
    fn value(&self, value: &str) -> String {
        if value.starts_with("service_") {
            self.word(value)
        } else {
            value.to_owned()
        }
    }
}

/// A service name as a key: quoted where YAML would read it as something else.
pub(super) fn word(name: &str) -> String {
    const TAKEN: [&str; 8] = ["true", "false", "null", "yes", "no", "on", "off", "y"];
    let plain = name.starts_with(|first: char| first.is_ascii_alphabetic())
        && !name.eq_ignore_ascii_case("n")
        && !TAKEN.iter().any(|taken| name.eq_ignore_ascii_case(taken));
    if plain || name.starts_with('_') {
        name.to_owned()
    } else {
        format!("\"{name}\"")
    }
}
