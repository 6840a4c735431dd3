//! Comparisons of what is with what should be.

use serde::{Deserialize, Serialize};

/// Something that was compared with what it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    /// What.
    pub name: String,
    /// How it came out.
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cure: Option<String>,
}

impl Checked {
    /// Good or bad, as was found.
    pub fn new(name: impl Into<String>, good: bool, found: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            verdict: if good { Verdict::Good } else { Verdict::Bad },
            found: found.into(),
            cure: None,
        }
    }

    /// A warning where it would be good, with what to do about it.
    #[must_use]
    pub fn warning(mut self, cure: impl Into<String>) -> Self {
        self.verdict = Verdict::Warning;
        self.cure = Some(cure.into());
        self
    }
}

/// How a comparison came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// As it should be.
    Good,
    /// Something to look at; the run is good all the same.
    Warning,
    /// Not as it should be.
    Bad,
}
