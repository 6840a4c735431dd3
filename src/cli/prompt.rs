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
        let Question {
            text,
            default,
            word,
        } = question;
        let (input, output) = (std::io::stdin(), std::io::stderr());
        match self.questions {
            Questions::Silent => return word.is_none(),
            Questions::Ask if !input.is_terminal() || !output.is_terminal() => {
                return word.is_none();
            }
            Questions::Ask => {}
        }
        let choices = match (word, default) {
            (Some(word), _) => format!("Type `{word}` to go on:"),
            (None, true) => "[Y/n]".to_owned(),
            (None, false) => "[y/N]".to_owned(),
        };
        let mut answer = String::new();
        let asked = write!(output.lock(), "\n{text} {choices} ")
            .and_then(|()| output.lock().flush())
            .and_then(|()| input.lock().read_line(&mut answer));
        if let Some(word) = word {
            return answer.trim() == word;
        }
        match (asked, answer.trim().to_ascii_lowercase().as_str()) {
            // A closed terminal has not said yes.
            (Err(_) | Ok(0), _) => false,
            (_, "") => *default,
            (_, answer) => matches!(answer, "y" | "yes"),
        }
    }
}
