//! A service as a container of its own: what Compose would run, without anything that ties it to
//! the project. No mounts, no ports, no networks, no restarts.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Secret, Service};

/// What to run, and with how much of the machine.
#[derive(Clone, Default, PartialEq)]
pub struct OneOff {
    /// The service it stands for.
    pub service: String,
    /// The id of its image.
    pub image: String,
    /// Its variables; they may be secret.
    pub environment: BTreeMap<String, Secret>,
    /// The program, where it is not the image's.
    pub entrypoint: Option<Vec<String>>,
    /// The program's arguments, where they are not the image's.
    pub command: Option<Vec<String>>,
    /// The user, where it is not the image's.
    pub user: Option<String>,
    /// The folder it runs in, where it is not the image's.
    pub working_dir: Option<String>,
    /// Whether a small init process stands in front.
    pub init: Option<bool>,
    /// Bytes of memory it may use.
    pub memory: Option<i64>,
    /// The same with what is swapped out.
    pub memory_and_swap: Option<i64>,
    /// Bytes of shared memory.
    pub shared_memory: Option<i64>,
    /// Billionths of processors it may use.
    pub nano_processors: Option<i64>,
    /// Names under which others on its network find it.
    pub aliases: Vec<String>,
}

impl OneOff {
    /// What Compose would run for a service.
    pub fn of(name: &str, service: &Service, image: &str) -> Self {
        let variables = service.environment();
        Self {
            service: name.to_owned(),
            environment: variables
                .map(|(name, value)| (name.to_owned(), Secret::new(value)))
                .collect(),
            entrypoint: words(service.said("entrypoint")),
            command: words(service.said("command")),
            user: text(service.said("user")),
            working_dir: text(service.said("working_dir")),
            init: service.said("init").and_then(Value::as_bool),
            ..Self::as_large_as(name, service, image)
        }
    }

    /// Something else that may use as much of the machine as a service does.
    pub fn as_large_as(name: &str, service: &Service, image: &str) -> Self {
        let limit = |key: &str| {
            let deploy = service.said("deploy")?;
            deploy.pointer("/resources/limits")?.get(key)
        };
        let processors = number(service.said("cpus")).or_else(|| number(limit("cpus")));
        #[expect(clippy::cast_possible_truncation, reason = "no machine has so many")]
        let nano = |count: f64| (count * 1e9) as i64;
        Self {
            service: name.to_owned(),
            image: image.to_owned(),
            memory: bytes(service.said("mem_limit")).or_else(|| bytes(limit("memory"))),
            memory_and_swap: bytes(service.said("memswap_limit")),
            shared_memory: bytes(service.said("shm_size")),
            nano_processors: processors.map(nano),
            ..Self::default()
        }
    }
}

/// Compose doubles dollar signs in what it prints.
fn undoubled(text: &str) -> String {
    text.replace("$$", "$")
}

fn text(value: Option<&Value>) -> Option<String> {
    value?.as_str().map(undoubled)
}

fn words(value: Option<&Value>) -> Option<Vec<String>> {
    let words = value?.as_array()?.iter().filter_map(Value::as_str);
    Some(words.map(undoubled).collect())
}

fn bytes(value: Option<&Value>) -> Option<i64> {
    match value? {
        Value::String(text) => text.parse().ok(),
        other => other.as_i64(),
    }
}

fn number(value: Option<&Value>) -> Option<f64> {
    match value? {
        Value::String(text) => text.parse().ok(),
        other => other.as_f64(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one_off(service: &Value) -> OneOff {
        let service: Service = serde_json::from_value(service.clone()).expect("a service");
        OneOff::of("db-init", &service, "sha256:1")
    }

    #[test]
    fn it_runs_what_compose_would_run() {
        let found = one_off(&serde_json::json!({
            "entrypoint": ["sh", "-c"], "command": ["echo $$HOME"], "user": "1000:1000",
            "working_dir": "/app", "init": true,
            "environment": {"POSTGRES_PASSWORD": "a$$b", "EMPTY": "", "UNSET": null},
        }));
        assert_eq!(found.entrypoint, Some(vec!["sh".into(), "-c".into()]));
        assert_eq!(found.command, Some(vec!["echo $HOME".into()]));
        assert_eq!(found.user.as_deref(), Some("1000:1000"));
        assert_eq!(found.working_dir.as_deref(), Some("/app"));
        assert_eq!(found.init, Some(true));
        let variables = found.environment.iter();
        let variables: Vec<(&str, &str)> = variables
            .map(|(name, value)| (name.as_str(), value.expose()))
            .collect();
        assert_eq!(variables, [("EMPTY", ""), ("POSTGRES_PASSWORD", "a$b")]);
    }

    #[test]
    fn what_the_files_do_not_say_is_the_image_s() {
        let found = one_off(&serde_json::json!({"command": null, "entrypoint": null}));
        assert!(found.entrypoint.is_none() && found.command.is_none());
        assert!(found.user.is_none() && found.working_dir.is_none() && found.memory.is_none());
    }

    #[test]
    fn limits_are_read_in_both_places() {
        let found = one_off(&serde_json::json!({
            "mem_limit": "134217728", "memswap_limit": "268435456", "shm_size": "67108864", "cpus": 0.5}));
        assert_eq!(found.memory, Some(134_217_728));
        assert_eq!(found.memory_and_swap, Some(268_435_456));
        assert_eq!(found.shared_memory, Some(67_108_864));
        assert_eq!(found.nano_processors, Some(500_000_000));
        let found = one_off(&serde_json::json!({
            "deploy": {"resources": {"limits": {"cpus": "1.5", "memory": "1024"}}}}));
        assert_eq!(
            (found.memory, found.nano_processors),
            (Some(1024), Some(1_500_000_000))
        );
    }
}
