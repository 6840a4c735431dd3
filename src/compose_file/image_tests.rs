//! Where an image is set and how its tag is decided.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::indexing_slicing,
    clippy::format_push_string
)]

use super::{TagSource, image_of, set_image_tag, tag_source};

fn set(text: &str, services: &[&str]) -> Result<String, &'static str> {
    let services: Vec<String> = services.iter().map(|&name| name.to_owned()).collect();
    let patched = set_image_tag(text, &services, "v2");
    patched
        .map(|patched| patched.text)
        .map_err(|refusal| refusal.code())
}

#[test]
fn the_tag_of_an_image_text() {
    let variable = |name: &str, default: Option<&str>| TagSource::Variable {
        name: name.into(),
        default: default.map(str::to_owned),
    };
    for (raw, expected) in [
        (
            "ghcr.io/eneo-ai/backend:v1.6.3",
            TagSource::Literal("v1.6.3".into()),
        ),
        ("localhost:5000/app", TagSource::Untagged),
        ("${REGISTRY:-ghcr.io}/app:1", TagSource::Literal("1".into())),
        ("app:${TAG:-v1}", variable("TAG", Some("v1"))),
        ("app:${TAG-v1}", variable("TAG", Some("v1"))),
        ("app:$TAG", variable("TAG", None)),
        ("app:${TAG}", variable("TAG", None)),
        ("app:${TAG:?set it}", variable("TAG", None)),
        ("app:${A:-${B:-x}}", TagSource::Other),
        ("app:${A:-}", TagSource::Other),
        ("app:${A:+x}", TagSource::Other),
        ("app:v${A}", TagSource::Other),
        ("${IMAGE:-app:1}", TagSource::Other),
        ("app:1@sha256:00", TagSource::Digest),
        ("app", TagSource::Untagged),
        ("", TagSource::Other),
    ] {
        assert_eq!(tag_source(raw), expected, "{raw}");
    }
}

#[test]
fn the_tag_is_rewritten_where_it_is_set() {
    for (before, services, after) in [
        (
            "services:\n  w:\n    image: a:v1 # c\n",
            &["w"][..],
            "services:\n  w:\n    image: a:v2 # c\n",
        ),
        (
            "services: {w: {image: 'a:${T:-v1}'}}",
            &["w"],
            "services: {w: {image: 'a:${T:-v2}'}}",
        ),
        (
            "x-i: &i a:v1\nservices:\n  w: {image: *i}\n  z: {image: *i}\n",
            &["w", "z"],
            "x-i: &i a:v2\nservices:\n  w: {image: *i}\n  z: {image: *i}\n",
        ),
        (
            "x-a: &a {image: a:v1}\nservices:\n  w: {<<: *a}\n  z:\n    <<: *a\r\n",
            &["w", "z"],
            "x-a: &a {image: a:v2}\nservices:\n  w: {<<: *a}\n  z:\n    <<: *a\r\n",
        ),
        (
            "services: {w: {image: a:v2}}",
            &["w"],
            "services: {w: {image: a:v2}}",
        ),
    ] {
        assert_eq!(set(before, services).as_deref(), Ok(after));
    }
}

#[test]
fn what_cannot_be_rewritten_is_refused() {
    let service = |image: &str| format!("services:\n  w:\n    image: {image}\n");
    for (code, text) in [
        ("image-untagged", service("a")),
        ("image-digest", service("a@sha256:00")),
        ("image-variable", service("a:${T}")),
        ("image-tag-unclear", service("a:v${T}")),
        ("image-elsewhere", "services: {w: {build: .}}".to_owned()),
        ("unsupported-shape", service("\"a:\\x76\\x31\"")),
        (
            "shared-anchor",
            "x: &i a:v1\nservices: {w: {image: *i}, z: {image: *i}}".to_owned(),
        ),
        ("unknown-service", "services: {z: {image: a:v1}}".to_owned()),
    ] {
        assert_eq!(set(&text, &["w"]), Err(code), "{text}");
    }
    assert_eq!(
        set_image_tag("", &[], "a b").unwrap_err().code(),
        "invalid-tag"
    );
    let refusal = set_image_tag(&service("a:${T}"), &["w".into()], "v2").unwrap_err();
    assert_eq!(refusal.by_hand, "T=v2");
    let text = "services: {a: {image: 'h:1/a:v1'}, b: {image: 'h:1/b@sha256:0'}, c: {image: $C}}";
    let services = ["a", "b", "c"].map(str::to_owned);
    let refusal = set_image_tag(text, &services, "v2").unwrap_err();
    assert_eq!(
        refusal.by_hand,
        "services:\n  a:\n    image: h:1/a:v2\n  b:\n    image: h:1/b:v2\n  c:\n    image: <image>:v2"
    );
}

#[test]
fn the_image_of_a_service() {
    let text = "x: &i a:${T:-1}\nservices: {w: {image: *i}, z: {build: .}}";
    assert_eq!(image_of(text, "w"), Ok(Some("a:${T:-1}".to_owned())));
    assert_eq!(image_of(text, "z"), Ok(None));
    assert!(image_of(text, "y").is_err());
}
