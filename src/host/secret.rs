//! Values that must not be shown, and taking them out of what others print.

/// A password or key. Has no `Debug`, `Display` or `Serialize`, so that it cannot end up in a
/// plan, a record or a message by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a value.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// Shorter values would take ordinary words out of what is shown.
const SHORTEST: usize = 6;
const MARKS: [&str; 6] = ["PASSWORD", "SECRET", "TOKEN", "KEY", "CREDENTIAL", "DSN"];

/// Takes known secrets out of text.
#[derive(Clone, Default)]
pub struct Redactor(Vec<Secret>);

impl Redactor {
    /// Knows the values of all variables whose names say that they are secret.
    pub fn new<'a>(environment: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut values: Vec<Secret> = environment
            .into_iter()
            .filter(|(name, value)| value.len() >= SHORTEST && is_secret_name(name))
            .map(|(_, value)| Secret::new(value))
            .collect();
        // A value that contains another one goes first, or its rest would be shown.
        values.sort_by_key(|value| std::cmp::Reverse(value.0.len()));
        values.dedup();
        Self(values)
    }

    /// `text` with every known secret replaced.
    pub fn redact(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| {
            text.replace(secret.expose(), "[secret]")
        })
    }
}

fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    MARKS.iter().any(|mark| name.contains(mark))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_taken_out_longest_first() {
        let redactor = Redactor::new([
            ("POSTGRES_PASSWORD", "hunter2"),
            ("OPENAI_API_KEY", "hunter2-and-more"),
            ("POSTGRES_USER", "postgres"),
            ("SHORT_KEY", "abc"),
        ]);
        assert_eq!(
            redactor.redact("abc postgres hunter2-and-more hunter2"),
            "abc postgres [secret] [secret]"
        );
    }
}
