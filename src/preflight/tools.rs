//! The tools themselves: engine and Compose, and a project that Compose cannot read.

use super::refusal;
use crate::event::{Failure, Finding};
use crate::host::HostError;
use crate::host::docker::EngineFacts;
use crate::inventory::Blind;

/// The first version of Compose with everything we rely on.
const OLDEST_COMPOSE: [u32; 2] = [2, 20];
/// The oldest engine that was tried.
const OLDEST_ENGINE: [u32; 2] = [20, 10];

/// Whether engine and Compose can be worked with.
pub fn usable(engine: &EngineFacts, compose: &str) -> bool {
    tools(engine, compose).is_empty()
}

/// Why a project could not be looked at, as findings; a failure where it is none that a check
/// knows.
pub fn blind(blind: Blind) -> Result<Vec<Finding>, Failure> {
    match blind {
        Blind::NoCompose => Ok(vec![refusal(
            "compose-missing",
            "the `docker` command has no Compose plugin that works",
            "install the Docker Compose plugin, version 2.20 or newer (`docker-compose-plugin`, on \
             Debian `docker-compose`); the old `docker-compose` 1.x cannot be used",
        )]),
        Blind::Tools { engine, compose } => Ok(tools(&engine, &compose)),
        Blind::NoModel(error) => Ok(vec![unreadable(&error)]),
        Blind::Other(failure) => Err(failure),
    }
}

fn tools(engine: &EngineFacts, compose: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    if engine.podman {
        findings.push(refusal(
            "engine-podman",
            format!(
                "the engine is Podman {} behind Docker's interface",
                engine.version
            ),
            "use a Docker Engine: Podman differs in what an upgrade relies on (events, exec, \
             restart policies)",
        ));
    } else if is_older(&engine.version, OLDEST_ENGINE) {
        findings.push(refusal(
            "engine-too-old",
            format!("the Docker Engine is version {}", engine.version),
            "install version 20.10 or newer",
        ));
    }
    findings.extend(self::compose(compose));
    findings
}

/// Whether Compose can be worked with.
pub fn compose(version: &str) -> Option<Finding> {
    is_older(version, OLDEST_COMPOSE).then(|| {
        refusal(
            "compose-too-old",
            format!("the Docker Compose plugin is version {version}"),
            "install version 2.20 or newer",
        )
    })
}

/// What cannot be read counts as old.
fn is_older(version: &str, oldest: [u32; 2]) -> bool {
    let mut numbers = version
        .split(|c: char| !c.is_ascii_digit())
        .map(|part| part.parse::<u32>().unwrap_or(0));
    let found = [numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)];
    found < oldest
}

fn unreadable(error: &HostError) -> Finding {
    let told = told(error);
    let (id, cure) = if told.contains("env file") && told.contains("not found") {
        (
            "env-file-missing",
            "put the file where the Compose file says, or correct `env_file`; a copy may be in a \
             backup of this folder",
        )
    } else if told.contains("depends on undefined service") {
        (
            "project-unreadable",
            "if the service is there, it is in a profile that is not enabled: take `profiles` out \
             of it, or enable it with `--profile`; else take it out of `depends_on`",
        )
    } else {
        (
            "project-unreadable",
            "mend what Compose complains about; `docker compose config` shows it",
        )
    };
    refusal(id, format!("Compose cannot read the project: {told}"), cure)
}

/// What a program said, else how it ended.
fn told(error: &HostError) -> String {
    match error {
        HostError::Program { tail, .. } if !tail.is_empty() => without_values(tail),
        error => error.to_string(),
    }
}

/// Compose quotes what follows the mistake in an env file, and the whole value that it cannot fill
/// in: secrets included.
fn without_values(lines: &[String]) -> String {
    let mut told: Vec<String> = Vec::new();
    for line in lines {
        // The value stands below.
        let ends = line.contains("You may need to escape any $");
        told.push(without_value(line));
        if ends {
            told.push(NOT_SHOWN.to_owned());
            break;
        }
    }
    told.join("\n")
}

const NOT_SHOWN: &str = "[not shown]";

fn without_value(line: &str) -> String {
    let anywhere = [
        " in variable name ",
        " near ",
        " unterminated quoted value ",
        "Invalid template: ",
    ];
    // In a Compose file these are words for whoever reads it.
    let in_env_files = [" is missing a value: "];
    let of_env_file = !line.contains("while interpolating ");
    let marks = anywhere
        .iter()
        .chain(in_env_files.iter().filter(|_| of_env_file));
    match marks
        .filter_map(|mark| Some(line.find(mark)? + mark.len()))
        .min()
    {
        Some(end) => format!("{}{NOT_SHOWN}", &line[..end]),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_compose_quotes_of_a_value_is_not_shown() {
        for (line, wanted) in [
            (
                "failed to read a.env: line 3: unexpected character \"@\" in variable name \"A@B=hunter2\"",
                "failed to read a.env: line 3: unexpected character \"@\" in variable name [not shown]",
            ),
            (
                "failed to read a.env: Invalid template: \"hunter2${x\"",
                "failed to read a.env: Invalid template: [not shown]",
            ),
            (
                "failed to read a.env: required variable X is missing a value: hunter2",
                "failed to read a.env: required variable X is missing a value: [not shown]",
            ),
            (
                "error while interpolating a: required variable X is missing a value: set it in .env",
                "error while interpolating a: required variable X is missing a value: set it in .env",
            ),
            (
                "invalid interpolation format for a.\nYou may need to escape any $ with another $.\nP=hunter2${x",
                "invalid interpolation format for a.\nYou may need to escape any $ with another $.\n[not shown]",
            ),
            (
                "service \"a\" refers to undefined network b",
                "service \"a\" refers to undefined network b",
            ),
        ] {
            let lines: Vec<String> = line.lines().map(str::to_owned).collect();
            assert_eq!(without_values(&lines), wanted);
        }
    }

    #[test]
    fn versions_are_compared_by_number() {
        for (version, older) in [
            ("2.9.0", true),
            ("2.20.0-1", false),
            ("2.26.1", false),
            ("5.1", false),
            ("", true),
        ] {
            assert_eq!(is_older(version, OLDEST_COMPOSE), older, "{version}");
        }
    }
}
