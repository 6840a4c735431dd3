//! Files that a Compose file names and that hold what the project needs: env files of services,
//! configs and secrets.

use serde_yaml::Value;

/// As written, `${…}` and all; nothing of a text that cannot be read.
pub(super) fn attached(text: &str) -> Vec<String> {
    let Ok(document) = serde_yaml::from_str::<Value>(text) else {
        return Vec::new();
    };
    let bodies = |section: &str| {
        let entries = document.get(section).and_then(Value::as_mapping);
        entries.into_iter().flat_map(|entries| entries.values())
    };
    let services = bodies("services").flat_map(|service| named(&service["env_file"], "path"));
    let others = ["configs", "secrets"].map(|section| {
        let files = bodies(section).map(|body| &body["file"]);
        files.flat_map(|file| named(file, "")).collect::<Vec<_>>()
    });
    services.chain(others.concat()).collect()
}

/// One text, or several, or mappings in which `key` names it.
fn named(value: &Value, key: &str) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Sequence(items) => items.iter().flat_map(|item| named(item, key)).collect(),
        Value::Mapping(_) => named(&value[key], ""),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::attached;

    #[test]
    fn files_are_named_in_many_ways() {
        let text = "\
x-env: &env {env_file: shared.env}
services:
  a: {env_file: a.env}
  b: {env_file: [b.env, {path: c.env, required: false}]}
  c: {environment: {env_file: no.env}}
  d: 7
secrets: {key: {file: ./key.txt}, other: {external: true}}
configs: {web: {file: web.conf}}
";
        let found = ["a.env", "b.env", "c.env", "web.conf", "./key.txt"];
        assert_eq!(attached(text), found);
        for odd in ["", "[", "services: 7", "services: {a: {env_file: {}}}"] {
            assert!(attached(odd).is_empty(), "{odd}");
        }
    }
}
