//! Errors as people read them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why something did not work, as a person reads it: what was attempted, then what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// One line: what was attempted and why it failed, with the path or service in it.
    pub error: String,
    /// Lines of evidence: the last log lines, the jobs still running.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<String>,
    /// What to type or change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The class that picks the exit code.
    pub class: FailureClass,
}

/// What a failure means for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureClass {
    /// Something did not work.
    Failed,
    /// We chose not to go on; nothing was touched.
    Refused,
    /// Another run holds the project.
    Busy,
    /// The command line or a file of ours cannot be understood.
    Usage,
}

impl Failure {
    /// A failure of class [`FailureClass::Failed`].
    pub fn new(error: impl Into<String>) -> Self {
        Self {
            error: error.into(),
            details: Vec::new(),
            hint: None,
            class: FailureClass::Failed,
        }
    }

    /// The same failure with another class.
    #[must_use]
    pub fn class(mut self, class: FailureClass) -> Self {
        self.class = class;
        self
    }

    /// The same failure with a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same failure with lines of evidence.
    #[must_use]
    pub fn details(mut self, details: Vec<String>) -> Self {
        self.details = details;
        self
    }

    /// A failure that tells an error and everything that caused it, on one line.
    pub fn from_error(error: &(dyn std::error::Error + 'static)) -> Self {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            // Many crates repeat their source in their own message.
            if !text.contains(&cause_text) {
                text.push_str(": ");
                text.push_str(&cause_text);
            }
            source = cause.source();
        }
        Self::new(text)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.error)
    }
}

impl std::error::Error for Failure {}
