//! Counting rows in the text of a dump as it streams by.

use std::collections::BTreeMap;

/// Counts the data lines of the script that `pg_restore` makes of a dump.
#[derive(Default)]
pub(super) struct CopyCounter {
    /// Table to rows so far.
    pub(super) counts: BTreeMap<String, u64>,
    /// The table whose data is streaming by.
    table: Option<String>,
    /// The beginning of a line that is not complete yet.
    line: Vec<u8>,
}

/// Enough of a line to see `\.` or the head of a COPY; data lines may be very long.
const KEPT: usize = 4096;

impl CopyCounter {
    pub(super) fn feed(&mut self, chunk: &[u8]) {
        let mut rest = chunk;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            self.keep(&rest[..end]);
            self.end_line();
            rest = &rest[end + 1..];
        }
        self.keep(rest);
    }

    fn keep(&mut self, part: &[u8]) {
        let room = KEPT.saturating_sub(self.line.len()).min(part.len());
        self.line.extend_from_slice(&part[..room]);
    }

    fn end_line(&mut self) {
        match self.table.take() {
            Some(_) if self.line == br"\." => {}
            Some(table) => {
                if let Some(count) = self.counts.get_mut(&table) {
                    *count += 1;
                }
                self.table = Some(table);
            }
            None => {
                self.table = copied_table(&self.line);
                if let Some(table) = &self.table {
                    self.counts.entry(table.clone()).or_default();
                }
            }
        }
        self.line.clear();
    }
}

/// `public.jobs` of `COPY public.jobs (id, task) FROM stdin;`.
fn copied_table(line: &[u8]) -> Option<String> {
    // Names of many columns may be cut anywhere.
    let line = String::from_utf8_lossy(line);
    let rest = line.strip_prefix("COPY ")?;
    // The name may hold spaces and parentheses, within quotes only.
    let mut quoted = false;
    let end = rest.char_indices().find(|(_, c)| {
        quoted ^= *c == '"';
        *c == ' ' && !quoted
    })?;
    Some(rest[..end.0].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_may_be_cut_within_a_letter() {
        let mut counter = CopyCounter::default();
        let columns = "å".repeat(KEPT);
        for shift in ["", "x"] {
            let script = format!("COPY public.a (\"{shift}{columns}\") FROM stdin;\n1\n\\.\n");
            counter.feed(script.as_bytes());
        }
        assert_eq!(counter.counts, BTreeMap::from([("public.a".to_owned(), 2)]));
    }

    #[test]
    fn rows_are_counted_however_the_stream_is_cut() {
        let long = "x".repeat(3 * KEPT);
        let script = format!(
            "-- COPY public.no\nCOPY public.a (x) FROM stdin;\n1\nCOPY public.b\n{long}\n\\.\n\n\
             COPY public.\"b ( c\" (x) FROM stdin;\n\\.\nSELECT 1;\n"
        );
        let wanted = BTreeMap::from([
            ("public.a".to_owned(), 3),
            ("public.\"b ( c\"".to_owned(), 0),
        ]);
        for size in [1, 2, 7, 1000, script.len()] {
            let mut counter = CopyCounter::default();
            script
                .as_bytes()
                .chunks(size)
                .for_each(|chunk| counter.feed(chunk));
            assert_eq!(counter.counts, wanted, "in chunks of {size}");
        }
    }
}
