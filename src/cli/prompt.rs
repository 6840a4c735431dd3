//! Asking a person.

use std::io::{BufRead, IsTerminal, Write};

use crate::ops::{Confirm, Question};
use crate::settings::Questions;

/// Asks on the terminal, if there is one and it may.
#[derive(Debug)]
pub(super) struct Prompt {
    questions: Questions,
}

impl Prompt {
    pub(super) fn new(questions: Questions) -> Self {
        Self { questions }
    }
}

impl Confirm for Prompt {
    fn confirm(&self, question: &Question) -> bool {
        let Question { text, default } = question;
        let (input, output) = (std::io::stdin(), std::io::stderr());
        match self.questions {
            Questions::Silent => return true,
            Questions::Ask if !input.is_terminal() || !output.is_terminal() => return true,
            Questions::Ask => {}
        }
        let choices = if *default { "[Y/n]" } else { "[y/N]" };
        let mut answer = String::new();
        let asked = write!(output.lock(), "\n{text} {choices} ")
            .and_then(|()| output.lock().flush())
            .and_then(|()| input.lock().read_line(&mut answer));
        match (asked, answer.trim().to_ascii_lowercase().as_str()) {
            // A closed terminal has not said yes.
            (Err(_) | Ok(0), _) => false,
            (_, "") => *default,
            (_, answer) => matches!(answer, "y" | "yes"),
        }
    }
}
