//! Rust source as words: names and signs with their lines; comments and literals left out.

/// A name, or a sign; `::` is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Word<'a> {
    pub(super) line: usize,
    pub(super) text: &'a str,
}

pub(super) fn words(source: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let (mut rest, mut line) = (source, 1);
    while let Some(sign) = rest.chars().next() {
        let (length, counts) = word(rest, sign);
        let (text, after) = rest.split_at(length);
        if counts {
            words.push(Word { line, text });
        }
        line += text.matches('\n').count();
        rest = after;
    }
    words
}

/// The length of what `rest` begins with, and whether that is a word.
fn word(rest: &str, sign: char) -> (usize, bool) {
    if let Some(length) = comment(rest)
        .or_else(|| raw_string(rest))
        .or_else(|| quoted(rest))
    {
        return (length, false);
    }
    if sign.is_alphanumeric() || sign == '_' {
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
        return (end.unwrap_or(rest.len()), true);
    }
    let length = if rest.starts_with("::") {
        2
    } else {
        sign.len_utf8()
    };
    (length, !sign.is_whitespace())
}

fn comment(rest: &str) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if !rest.starts_with("/*") {
        return None;
    }
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        match rest.get(at..at + 2) {
            Some("/*") => (depth, at) = (depth + 1, at + 2),
            Some("*/") => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    Some(at)
}

/// `r"…"`, `br#"…"#` and the like.
fn raw_string(rest: &str) -> Option<usize> {
    let start = ["br", "cr", "r"]
        .iter()
        .find(|start| rest.starts_with(**start))?
        .len();
    let hashes = rest[start..]
        .bytes()
        .take_while(|byte| *byte == b'#')
        .count();
    let inner = rest[start + hashes..].strip_prefix('"')?;
    let end = format!("\"{}", &rest[start..start + hashes]);
    Some(start + hashes + 1 + inner.find(&end)? + end.len())
}

/// A string, or a character; not a lifetime.
fn quoted(rest: &str) -> Option<usize> {
    let quote = rest
        .chars()
        .next()
        .filter(|sign| matches!(sign, '"' | '\''))?;
    let mut escaped = false;
    for (at, sign) in rest.char_indices().skip(1) {
        match sign {
            sign if sign == quote && !escaped => return Some(at + 1),
            '\\' => escaped = !escaped,
            // One character and no closing quote: a lifetime.
            _ if quote == '\''
                && !escaped
                && rest[1..at].chars().count() > 0
                && !rest[1..].starts_with('\\') =>
            {
                return None;
            }
            _ => escaped = false,
        }
    }
    None
}

#[test]
fn literals_and_comments_are_no_words() {
    let source = r##"a::b /* x /* y */ z */ 'c' '\'' '\u{e5}' "d \" e" r#"f " g"# b"h" &'i j // k
l"##;
    let texts: Vec<&str> = words(source).iter().map(|word| word.text).collect();
    assert_eq!(texts, ["a", "::", "b", "b", "&", "'", "i", "j", "l"]);
    assert_eq!(words(source).last().map(|word| word.line), Some(2));
}
