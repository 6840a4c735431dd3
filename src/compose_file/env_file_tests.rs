//! `.env` texts: quotes, comments, line breaks.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::indexing_slicing,
    clippy::format_push_string
)]

use super::{env_value, set_env_value};

#[test]
fn a_value_is_set_in_its_place() {
    for (before, value, after) in [
        ("T=v1\n", "v2", "T=v2\n"),
        ("A=1\r\nT=v1 # keep\r\n", "v2", "A=1\r\nT=v2 # keep\r\n"),
        ("export T = \"v1\" # c", "v2", "export T = \"v2\" # c"),
        ("T='v1'\nT='v3'\n", "v2", "T='v1'\nT='v2'\n"),
        ("T: v1\n", "v2", "T: v2\n"),
        ("T=\n", "v2", "T=v2\n"),
        ("T= # none\n", "v2", "T=v2 # none\n"),
        ("A=1", "v2", "A=1\nT=v2"),
        ("A=1\r\n", "v2", "A=1\r\nT=v2\r\n"),
        ("", "v2", "T=v2\n"),
        ("#T=v1\nTT=1\n", "v2", "#T=v1\nTT=1\nT=v2\n"),
        ("A=\"x\nT=no\n\"\nT=v1\n", "v2", "A=\"x\nT=no\n\"\nT=v2\n"),
        ("T=\"v1\"\n", "a$b", "T='a$b'\n"),
        ("T='v1'\n", "it's", "T=\"it's\"\n"),
        ("T=v1\n", "two words", "T='two words'\n"),
        ("\u{feff}T=v1\n", "v2", "\u{feff}T=v2\n"),
        ("T=\"v2\"\n", "v2", "T=\"v2\"\n"),
    ] {
        let patched = set_env_value(before, "T", value).unwrap();
        assert_eq!(patched.text, after);
        assert_eq!(patched.changed(), before != after);
        assert_eq!(env_value(after, "T").as_deref(), Some(value), "{after}");
        assert_eq!(set_env_value(after, "T", value).unwrap().text, after);
    }
}

#[test]
fn what_cannot_be_set_is_refused() {
    for (text, key, value, code) in [
        ("T=1\n", "T", "a\nb", "invalid-value"),
        ("T=1\n", "T", "it's $5", "invalid-value"),
        ("T=1\n", "T-1", "v2", "invalid-key"),
        ("T=\"a\nb\"\n", "T", "v2", "open-quote"),
        ("A=\"a\nT=1\n", "T", "v2", "open-quote"),
    ] {
        let refusal = set_env_value(text, key, value).unwrap_err();
        assert_eq!(refusal.code(), code, "{text}");
    }
}

#[test]
fn a_value_is_read_without_quotes_and_comment() {
    let text = "HOST=db   # service\nPW='a # b'\nQ=\"say \\\"hi\\\"\"\nURL=http://x/#y\n";
    for (key, value) in [
        ("HOST", "db"),
        ("PW", "a # b"),
        ("Q", "say \"hi\""),
        ("URL", "http://x/#y"),
    ] {
        assert_eq!(env_value(text, key).as_deref(), Some(value));
    }
    assert_eq!(env_value(text, "NONE"), None);
}
