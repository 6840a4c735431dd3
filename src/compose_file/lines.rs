//! Places in a text, and edits by place.

use std::ops::Range;

use super::locate::Node;
use super::refusal::{Reason, Stop};

/// Replace these bytes by this text.
#[derive(Debug, Clone)]
pub(super) struct Edit {
    pub(super) at: Range<usize>,
    pub(super) text: String,
}

impl Edit {
    pub(super) fn replace(at: Range<usize>, text: impl Into<String>) -> Self {
        Self {
            at,
            text: text.into(),
        }
    }

    pub(super) fn insert(at: usize, text: impl Into<String>) -> Self {
        Self {
            at: at..at,
            text: text.into(),
        }
    }
}

/// A text with its line structure.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source<'t> {
    pub(super) text: &'t str,
}

impl<'t> Source<'t> {
    pub(super) fn slice(self, range: Range<usize>) -> &'t str {
        self.text.get(range).unwrap_or_default()
    }

    pub(super) fn line_start(self, at: usize) -> usize {
        self.slice(0..at)
            .rfind('\n')
            .map_or(0, |newline| newline + 1)
    }

    /// Where the line's text ends, before `\r\n` or `\n`.
    fn line_end(self, at: usize) -> usize {
        let rest = self.slice(at..self.text.len());
        let line = rest.split('\n').next().unwrap_or_default();
        at + line
            .strip_suffix('\r')
            .filter(|_| line.len() < rest.len())
            .unwrap_or(line)
            .len()
    }

    pub(super) fn rest_of_line(self, at: usize) -> &'t str {
        self.slice(at..self.line_end(at))
    }

    /// The blanks before a block node that opens its line.
    ///
    /// # Errors
    /// Something else stands before it, as in `? key` or `--- key`.
    pub(super) fn indent_of(self, node: &Node) -> Result<&'t str, Stop> {
        let before = self.slice(self.line_start(node.span.start)..node.span.start);
        if before.bytes().all(|byte| byte == b' ') {
            Ok(before)
        } else {
            let reason = Reason::UnsupportedShape("a key does not open its line");
            Err(Stop::at(node.line, reason))
        }
    }

    /// One edit that adds whole lines below the line holding `at`.
    ///
    /// # Errors
    /// More than a comment follows `at` on its line.
    pub(super) fn insert_below(self, at: usize, lines: &[String]) -> Result<Edit, Stop> {
        let rest = self.rest_of_line(at).trim();
        if !rest.is_empty() && !rest.starts_with('#') {
            let line = self.slice(0..at).matches('\n').count() + 1;
            return Err(Stop::at(
                line,
                Reason::UnsupportedShape("more follows on the line"),
            ));
        }
        let end = self.line_end(at);
        let eol = self.eol_at(end);
        let ends_file = end == self.text.len();
        let body = lines.iter().map(|line| {
            if ends_file {
                format!("{eol}{line}")
            } else {
                format!("{line}{eol}")
            }
        });
        let next = if ends_file { end } else { end + eol.len() };
        Ok(Edit::insert(next, body.collect::<String>()))
    }

    /// One edit that adds whole lines above the line holding `at`.
    pub(super) fn insert_above(self, at: usize, lines: &[String]) -> Edit {
        let eol = self.eol_at(self.line_end(at));
        let mut body = lines.join(eol);
        body.push_str(eol);
        Edit::insert(self.line_start(at), body)
    }

    /// The line break at `end`; at the end of the file, the one the file begins with.
    fn eol_at(self, end: usize) -> &'static str {
        let rest = self.slice(end..self.text.len());
        match rest {
            "" => self.eol(),
            _ if rest.starts_with("\r\n") => "\r\n",
            _ => "\n",
        }
    }

    /// The line break that the file begins with.
    pub(super) fn eol(self) -> &'static str {
        let first = self.text.find('\n').map(|newline| self.slice(0..newline));
        match first.is_some_and(|line| line.ends_with('\r')) {
            true => "\r\n",
            false => "\n",
        }
    }

    /// Applies edits; those at one place stay in the order given, insertions before a
    /// replacement. None if they overlap.
    pub(super) fn apply(self, mut edits: Vec<Edit>) -> Option<String> {
        edits.sort_by_key(|edit| (edit.at.start, edit.at.end));
        let mut out = String::with_capacity(self.text.len() + 256);
        let mut done = 0;
        for edit in edits {
            out.push_str(self.text.get(done..edit.at.start)?);
            out.push_str(&edit.text);
            done = edit.at.end;
        }
        out.push_str(self.text.get(done..)?);
        Some(out)
    }
}
