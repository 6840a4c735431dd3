//! Names of runs and steps.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Names one run: ten characters of `[0-9a-z]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunId(String);

impl RunId {
    /// A new random id.
    pub fn random() -> Self {
        const ALPHABET: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";
        Self(
            (0..10)
                .map(|_| char::from(ALPHABET[fastrand::usize(..ALPHABET.len())]))
                .collect(),
        )
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for RunId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let fits = |c: char| c.is_ascii_digit() || c.is_ascii_lowercase();
        if text.len() == 10 && text.chars().all(fits) {
            Ok(Self(text))
        } else {
            Err(format!(
                "`{text}` is not a run id (ten characters of 0-9 and a-z)"
            ))
        }
    }
}

impl std::str::FromStr for RunId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::try_from(text.to_owned())
    }
}

impl From<RunId> for String {
    fn from(id: RunId) -> Self {
        id.0
    }
}

/// Names a step within its plan, for example `stop:worker`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepId(String);

impl StepId {
    /// A step of which there is one in a plan.
    pub fn new(kind: &str) -> Self {
        Self(kind.to_owned())
    }

    /// A step of which there is one per `subject` (a service, a file).
    pub fn of(kind: &str, subject: &str) -> Self {
        Self(format!("{kind}:{subject}"))
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
