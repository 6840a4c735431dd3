//! The Compose model: what `docker compose config` says, as far as an upgrade needs it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::Secret;

/// A project as Compose understands it after merging, interpolation and profiles.
#[derive(Clone, Default, PartialEq, Deserialize)]
pub struct Model {
    /// The project's name.
    pub name: String,
    /// Its services.
    #[serde(default)]
    pub services: BTreeMap<String, Service>,
    /// Its volumes, by their key in the file.
    #[serde(default)]
    pub volumes: BTreeMap<String, Named>,
    /// Its networks, by their key in the file.
    #[serde(default)]
    pub networks: BTreeMap<String, Named>,
}

/// A volume or network of a project.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Named {
    /// Its name outside the project.
    #[serde(default)]
    pub name: String,
    /// Whether it has to be there already.
    #[serde(default)]
    pub external: bool,
    /// Its driver, where the files name one.
    #[serde(default)]
    pub driver: Option<String>,
    /// The driver's options.
    #[serde(default)]
    pub driver_opts: BTreeMap<String, String>,
}

/// What is mounted into a service.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Mount {
    /// `volume`, `bind` or `tmpfs`.
    #[serde(rename = "type")]
    pub kind: String,
    /// A key of the project's volumes, or a path; none for an anonymous volume.
    #[serde(default)]
    pub source: Option<String>,
    /// Where, in the container.
    pub target: String,
}

/// One service.
#[derive(Clone, Default, PartialEq, Deserialize)]
pub struct Service {
    /// Its image.
    #[serde(default)]
    pub image: Option<String>,
    /// Set where the image is built here.
    #[serde(default)]
    pub build: Option<serde_json::Value>,
    /// What it waits for.
    #[serde(default)]
    pub depends_on: BTreeMap<String, Dependency>,
    /// Its environment.
    #[serde(default)]
    environment: BTreeMap<String, Option<String>>,
    /// Its restart policy, where `deploy` has none.
    #[serde(default)]
    restart: Option<String>,
    /// The platform it is pinned to.
    #[serde(default)]
    pub platform: Option<String>,
    #[serde(default)]
    volumes: Vec<serde_json::Value>,
    #[serde(default)]
    healthcheck: Option<serde_json::Value>,
    /// Everything else it says, to compare a service before and after an edit.
    #[serde(flatten)]
    rest: BTreeMap<String, serde_json::Value>,
}

/// What a service waits for of another one.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Dependency {
    /// Until when it waits.
    pub condition: Condition,
    /// Whether it goes on without it.
    #[serde(default = "yes")]
    pub required: bool,
}

fn yes() -> bool {
    true
}

/// Until when a service waits for another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// Until it was started.
    ServiceStarted,
    /// Until its health check is content.
    ServiceHealthy,
    /// Until it has ended with exit code 0.
    ServiceCompletedSuccessfully,
}

impl Model {
    /// The service that others reach by this name: its own, that of its container, or one that it
    /// has in a network.
    pub fn service_called(&self, host: &str) -> Option<&str> {
        let called = |name: &str, service: &Service| {
            let other = |key: &str| service.rest.get(key);
            let of_container = other("container_name").and_then(serde_json::Value::as_str);
            let networks = other("networks").and_then(serde_json::Value::as_object);
            let mut aliases = networks
                .into_iter()
                .flat_map(serde_json::Map::values)
                .filter_map(|network| network.get("aliases")?.as_array())
                .flatten();
            name == host || of_container == Some(host) || aliases.any(|alias| alias == host)
        };
        let mut services = self.services.iter();
        let found = services.find(|(name, service)| called(name, service));
        found.map(|(name, _)| name.as_str())
    }

    /// The services that mount a volume of this key, and where.
    pub fn mounts_of(&self, volume: &str) -> impl Iterator<Item = (&str, String)> {
        self.services.iter().flat_map(move |(name, service)| {
            let mounts = service.mounts();
            let here = mounts.filter(move |mount| mount.source.as_deref() == Some(volume));
            here.map(|mount| (name.as_str(), mount.target))
        })
    }

    /// Whether `service` waits for `dependency` to have completed successfully, without fail.
    pub fn is_gated(&self, service: &str, dependency: &str) -> bool {
        self.services
            .get(service)
            .and_then(|s| s.depends_on.get(dependency))
            .is_some_and(|edge| {
                edge.condition == Condition::ServiceCompletedSuccessfully && edge.required
            })
    }

    /// Whether a service runs to its end: others wait for that.
    pub fn runs_to_its_end(&self, service: &str) -> bool {
        let completed = Condition::ServiceCompletedSuccessfully;
        self.services.values().any(|other| {
            let edge = other.depends_on.get(service);
            edge.is_some_and(|edge| edge.condition == completed)
        })
    }

    /// Whether a service waits for another one, directly or through others. Everybody waits for
    /// himself.
    pub fn waits_for(&self, service: &str, other: &str) -> bool {
        let mut seen = std::collections::BTreeSet::from([service]);
        let mut next = vec![service];
        while let Some(name) = next.pop() {
            if name == other {
                return true;
            }
            let edges = self.services.get(name).map(|service| &service.depends_on);
            let names = edges.into_iter().flat_map(BTreeMap::keys);
            next.extend(names.map(String::as_str).filter(|name| seen.insert(name)));
        }
        false
    }

    /// The services in an order in which everything stands after what it depends on; within
    /// that, by name.
    pub fn start_order(&self) -> Vec<String> {
        let mut order: Vec<String> = Vec::new();
        let mut on_the_way = Vec::new();
        for name in self.services.keys() {
            self.visit(name, &mut order, &mut on_the_way);
        }
        order
    }

    fn visit(&self, name: &str, order: &mut Vec<String>, on_the_way: &mut Vec<String>) {
        // Compose refuses cycles; the second test only keeps this from never ending.
        if order.iter().any(|done| done == name) || on_the_way.iter().any(|up| up == name) {
            return;
        }
        on_the_way.push(name.to_owned());
        if let Some(service) = self.services.get(name) {
            for dependency in service.depends_on.keys() {
                self.visit(dependency, order, on_the_way);
            }
            order.push(name.to_owned());
        }
        on_the_way.pop();
    }

    /// The services that both models do not describe in the same way. `edges` are left out of
    /// the comparison: pairs of service and dependency.
    pub fn differences(&self, other: &Self, edges: &[(String, String)]) -> Vec<String> {
        let names = self.services.keys().chain(other.services.keys());
        let mut differing: Vec<String> = names
            .filter(|name| self.without(name, edges) != other.without(name, edges))
            .cloned()
            .collect();
        differing.sort();
        differing.dedup();
        differing
    }

    fn without(&self, name: &str, edges: &[(String, String)]) -> Option<Service> {
        let mut service = self.services.get(name)?.clone();
        for (_, dependency) in edges.iter().filter(|(of, _)| of == name) {
            service.depends_on.remove(dependency);
        }
        Some(service)
    }
}

impl Service {
    /// A service with an image and dependencies, for worlds that are not Compose's.
    pub fn new(image: &str, depends_on: BTreeMap<String, Dependency>) -> Self {
        Self {
            image: Some(image.to_owned()),
            depends_on,
            ..Self::default()
        }
    }

    /// A variable of its environment. Compose doubles dollar signs in what it prints.
    pub fn variable(&self, name: &str) -> Option<Secret> {
        let value = self.environment.get(name)?.as_ref()?;
        Some(Secret::new(value.replace("$$", "$")))
    }

    /// Its whole environment, to know the secrets in it.
    pub fn environment(&self) -> impl Iterator<Item = (&str, String)> {
        let undoubled = |value: &String| value.replace("$$", "$");
        self.environment
            .iter()
            .filter_map(move |(name, value)| Some((name.as_str(), undoubled(value.as_ref()?))))
    }

    /// What it says under a key that has no field of its own.
    pub(super) fn said(&self, key: &str) -> Option<&serde_json::Value> {
        self.rest.get(key).filter(|value| !value.is_null())
    }

    /// What is mounted into it.
    pub fn mounts(&self) -> impl Iterator<Item = Mount> {
        self.volumes
            .iter()
            .filter_map(|volume| serde_json::from_value(volume.clone()).ok())
    }

    /// How long its health check lets it be unwell before it counts as unhealthy; none where the
    /// files have no check.
    pub fn health_window(&self) -> Option<Duration> {
        let check = self.healthcheck.as_ref()?;
        let time = |key: &str| {
            let text = check.get(key).and_then(serde_json::Value::as_str);
            text.and_then(go_duration)
        };
        let retries = check.get("retries").and_then(serde_json::Value::as_u64);
        // Docker's own defaults.
        let interval = time("interval").unwrap_or(Duration::from_secs(30));
        let timeout = time("timeout").unwrap_or(Duration::from_secs(30));
        let retries = u32::try_from(retries.unwrap_or(3)).unwrap_or(u32::MAX);
        Some(
            time("start_period").unwrap_or_default() + (interval + timeout).saturating_mul(retries),
        )
    }

    /// What it runs, as far as the files say: entrypoint and command, word by word.
    pub fn command(&self) -> String {
        let words = ["entrypoint", "command"].map(|key| self.rest.get(key));
        let words = words.into_iter().flatten().flat_map(|value| match value {
            serde_json::Value::Array(words) => words.as_slice(),
            other => std::slice::from_ref(other),
        });
        let words: Vec<&str> = words.filter_map(serde_json::Value::as_str).collect();
        words.join(" ")
    }

    /// Whether it is there to be asked: it has ports or a health check.
    pub fn serves(&self) -> bool {
        let ports = ["ports", "expose"]
            .iter()
            .any(|key| self.rest.contains_key(*key));
        ports || self.healthcheck.is_some()
    }

    /// When it is started again: `deploy.restart_policy` wins over `restart`.
    pub fn restart_policy(&self) -> &str {
        let deployed = self.rest.get("deploy").and_then(|deploy| {
            let policy = deploy.get("restart_policy")?.as_object()?;
            let condition = policy.get("condition").and_then(serde_json::Value::as_str);
            match condition.unwrap_or_default() {
                "any" => Some("always"),
                "none" => Some("no"),
                condition => Some(condition),
            }
        });
        deployed.or(self.restart.as_deref()).unwrap_or_default()
    }

    /// Whether it is started again whenever it ends, also when all went well.
    pub fn restarts_for_ever(&self) -> bool {
        matches!(self.restart_policy(), "always" | "unless-stopped")
    }

    /// Whether it may end by itself without being started again. Many services that work all the
    /// time say no more than that.
    pub fn may_end(&self) -> bool {
        let policy = self.restart_policy();
        matches!(policy, "no" | "") || policy.starts_with("on-failure")
    }
}

/// A time as Compose prints it: `1m30s`, `500ms`.
fn go_duration(text: &str) -> Option<Duration> {
    let mut total = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit = rest
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(rest.len());
        let seconds = match &rest[..unit] {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        total = total.checked_add(Duration::try_from_secs_f64(number * seconds).ok()?)?;
        rest = &rest[unit..];
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_compose_prints_them() {
        for (text, millis) in [
            ("1s", 1000),
            ("1m30s", 90_000),
            ("500ms", 500),
            ("1h0m0.5s", 3_600_500),
        ] {
            assert_eq!(
                go_duration(text),
                Some(Duration::from_millis(millis)),
                "{text}"
            );
        }
        for text in ["1", "s", "1x", "1.2.3s"] {
            assert_eq!(go_duration(text), None, "{text}");
        }
    }

    fn model(json: &serde_json::Value) -> Model {
        serde_json::from_value(json.clone()).expect("a model")
    }

    #[test]
    fn a_service_has_several_names() {
        let model = model(&serde_json::json!({"name": "x", "services": {
            "db": {
                "container_name": "eneo_db",
                "networks": {"default": null, "inner": {"aliases": ["postgres"]}},
            },
            "plain": {},
        }}));
        for name in ["db", "eneo_db", "postgres"] {
            assert_eq!(model.service_called(name), Some("db"), "{name}");
        }
        assert_eq!(model.service_called("plain"), Some("plain"));
        assert_eq!(model.service_called("db.example.org"), None);
    }

    #[test]
    fn what_is_depended_on_comes_first() {
        let started = serde_json::json!({"condition": "service_started"});
        let model = model(&serde_json::json!({"name": "x", "services": {
            "a": {"depends_on": {"b": started, "z": started}},
            "b": {"depends_on": {"z": started}},
            "z": {},
        }}));
        assert_eq!(model.start_order(), ["z", "b", "a"]);
    }

    #[test]
    fn an_edge_that_may_be_missed_is_no_gate() {
        let edge = |required| {
            model(
                &serde_json::json!({"name": "x", "services": {"a": {"depends_on": {"b":
                {"condition": "service_completed_successfully", "required": required}}}}}),
            )
        };
        assert!(edge(true).is_gated("a", "b"));
        assert!(!edge(false).is_gated("a", "b"));
    }

    #[test]
    fn differences_are_found_anywhere_but_at_the_planned_edges() {
        let before = model(&serde_json::json!({"name": "x", "services": {"a": {"ports": [1]}}}));
        let edge = serde_json::json!({"b": {"condition": "service_completed_successfully"}});
        let edged = model(&serde_json::json!({"name": "x", "services": {
            "a": {"ports": [1], "depends_on": edge}}}));
        let other = model(&serde_json::json!({"name": "x", "services": {
            "a": {"ports": [2], "depends_on": edge}}}));
        let edges = [("a".to_owned(), "b".to_owned())];
        assert!(before.differences(&edged, &edges).is_empty());
        assert_eq!(before.differences(&edged, &[]), ["a"]);
        assert_eq!(before.differences(&other, &edges), ["a"]);
    }

    #[test]
    fn a_doubled_dollar_sign_is_one() {
        let model = model(&serde_json::json!({"name": "x", "services": {
            "a": {"environment": {"P": "a$$b"}}}}));
        assert_eq!(
            model.services["a"].variable("P").expect("set").expose(),
            "a$b"
        );
    }
}
