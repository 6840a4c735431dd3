//! Roles for an app without a recipe, from what its compose file says.

use super::{Recipe, Roles, Stop, image_name};

/// A service as far as its role can be seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Candidate {
    /// Its name.
    pub service: String,
    /// Its image.
    pub image: String,
    /// The services it waits for.
    pub depends_on: Vec<String>,
    /// The services that wait until it has completed.
    pub completed_for: Vec<String>,
    /// Whether it ends by itself (no restart policy).
    pub one_shot: bool,
}

/// A recipe with nothing but roles. The plan shows them, because they are guesses.
pub fn infer(candidates: &[Candidate]) -> Recipe {
    let by_image = |names: &[&str]| {
        candidates
            .iter()
            .find(|c| names.iter().any(|name| image_name(&c.image).contains(name)))
            .map(|c| c.service.clone())
    };
    let database = by_image(&["postgres", "pgvector", "timescale", "postgis"]);
    let queue = by_image(&["redis", "valkey", "keydb"]);
    let entry = by_image(&["traefik", "nginx", "caddy", "haproxy"]);
    let migration =
        only(candidates.iter().filter(|c| {
            c.one_shot && (!c.completed_for.is_empty() || is_migration_name(&c.service))
        }));
    let uses_database = |c: &&Candidate| {
        let waits_for = |role: &Option<String>| {
            role.as_ref()
                .is_some_and(|service| c.depends_on.contains(service))
        };
        waits_for(&database) || waits_for(&migration)
    };
    let taken = [&database, &queue, &entry, &migration];
    let (worker, writers) = candidates
        .iter()
        .filter(|c| !taken.contains(&&Some(c.service.clone())))
        .filter(|c| uses_database(c) || is_worker_name(&c.service))
        .map(|c| c.service.clone())
        .partition(|service| is_worker_name(service));
    Recipe {
        name: "inferred".to_owned(),
        title: "this app".to_owned(),
        match_image: None,
        release_images: Vec::new(),
        roles: Roles {
            entry,
            database,
            queue,
            migration,
            worker,
            writers,
        },
        database: None,
        migration: None,
        stop: Stop::default(),
        drain: None,
        variables: Vec::new(),
        assertions: Vec::new(),
        listings: Vec::new(),
        releases: Vec::new(),
        health: None,
    }
}

/// Two candidates are as good as none: a wrong guess would gate services on the wrong one.
fn only<'a>(mut candidates: impl Iterator<Item = &'a Candidate>) -> Option<String> {
    let first = candidates.next()?;
    candidates.next().is_none().then(|| first.service.clone())
}

fn is_migration_name(service: &str) -> bool {
    ["migrate", "migration", "db-init", "db_init", "alembic"]
        .iter()
        .any(|word| service.contains(word))
}

fn is_worker_name(service: &str) -> bool {
    ["worker", "celery", "scheduler", "beat"]
        .iter()
        .any(|word| service.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(name: &str, image: &str, depends_on: &[&str]) -> Candidate {
        Candidate {
            service: name.to_owned(),
            image: image.to_owned(),
            depends_on: depends_on.iter().map(ToString::to_string).collect(),
            ..Candidate::default()
        }
    }

    #[test]
    fn roles_follow_images_names_and_dependencies() {
        let migrate = Candidate {
            one_shot: true,
            completed_for: vec!["api".to_owned()],
            ..service("migrate", "app", &["db"])
        };
        let roles = infer(&[
            service("proxy", "docker.io/traefik:v3", &[]),
            service("db", "pgvector/pgvector:pg17", &[]),
            migrate,
            service("api", "app", &["migrate"]),
            service("celery", "app", &[]),
            service("docs", "static", &[]),
        ])
        .roles;
        assert_eq!(roles.entry.as_deref(), Some("proxy"));
        assert_eq!(roles.database.as_deref(), Some("db"));
        assert_eq!(roles.migration.as_deref(), Some("migrate"));
        assert_eq!(roles.worker, ["celery"]);
        assert_eq!(roles.writers, ["api"]);
    }

    #[test]
    fn two_migrations_are_not_guessed_between() {
        let one_shot = |name| Candidate {
            one_shot: true,
            ..service(name, "app", &[])
        };
        let roles = infer(&[one_shot("migrate-a"), one_shot("migrate-b")]).roles;
        assert_eq!(roles.migration, None);
    }
}
