//! Roles for an app without a recipe, from what its compose file says.

use super::{BackupSet, Recipe, Roles, Stop, image_name};

/// A service as far as its role can be seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Candidate {
    /// Its name.
    pub service: String,
    /// Its image.
    pub image: String,
    /// The words of its entrypoint and command.
    pub command: String,
    /// The services it waits for.
    pub depends_on: Vec<String>,
    /// The services that wait until it has completed.
    pub completed_for: Vec<String>,
    /// Whether it may end by itself (no restart policy).
    pub may_end: bool,
    /// Whether it is there to be asked: it has ports or a health check.
    pub serves: bool,
}

/// What can be told without a recipe.
#[derive(Debug, Clone, PartialEq)]
pub struct Inferred {
    /// Nothing but roles. The plan shows them, because they are guesses.
    pub recipe: Recipe,
    /// Services each of which may be the one that migrates; none of them has the role.
    pub migrations: Vec<String>,
}

/// Tells what can be told.
pub fn infer(candidates: &[Candidate]) -> Inferred {
    let by_image = |names: &[&str]| {
        candidates
            .iter()
            .find(|c| names.iter().any(|name| image_name(&c.image).contains(name)))
            .map(|c| c.service.clone())
    };
    let database = by_image(&["postgres", "pgvector", "timescale", "postgis"]);
    let queue = by_image(&["redis", "valkey", "keydb"]);
    let entry = by_image(&["traefik", "nginx", "caddy", "haproxy"]);
    let mut migrations = migrations(candidates);
    // A wrong guess would gate services on the wrong one.
    let migration = match migrations.len() {
        1 => migrations.pop(),
        _ => None,
    };
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
    let recipe = Recipe {
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
        backup: BackupSet::default(),
        drain: None,
        variables: Vec::new(),
        assertions: Vec::new(),
        listings: Vec::new(),
        releases: Vec::new(),
        health: None,
    };
    Inferred { recipe, migrations }
}

/// The services that look like the migration: those that say so in their name or in what they
/// run; where none does, those whose end others wait for.
fn migrations(candidates: &[Candidate]) -> Vec<String> {
    let names = |pick: &dyn Fn(&Candidate) -> bool| -> Vec<String> {
        let picked = candidates.iter().filter(|c| c.may_end && pick(c));
        picked.map(|c| c.service.clone()).collect()
    };
    let awaited = |c: &Candidate| !c.completed_for.is_empty();
    let says_so = |c: &Candidate| {
        is_migration_name(&c.service) || (runs_a_migration(&c.command) && !c.serves)
    };
    for pick in [
        &(|c: &Candidate| says_so(c) && awaited(c)) as &dyn Fn(&Candidate) -> bool,
        &says_so,
        &awaited,
    ] {
        let found = names(pick);
        if !found.is_empty() {
            return found;
        }
    }
    Vec::new()
}

fn is_migration_name(service: &str) -> bool {
    let service = service.replace('_', "-");
    ["migrat", "db-init", "init-db", "alembic", "db-upgrade"]
        .iter()
        .any(|word| service.contains(word))
}

/// Whether the last thing that a command does is a migration. What migrates and then goes on to
/// serve is no service that ends.
fn runs_a_migration(command: &str) -> bool {
    let last = command
        .rsplit([';', '&', '|', '\n'])
        .find(|part| !part.trim().is_empty());
    last.is_some_and(|part| {
        [
            "alembic",
            "migrat",
            "init_db",
            "db:prepare",
            "prisma db push",
        ]
        .iter()
        .any(|word| part.contains(word))
    })
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
            may_end: true,
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
        .recipe
        .roles;
        assert_eq!(roles.entry.as_deref(), Some("proxy"));
        assert_eq!(roles.database.as_deref(), Some("db"));
        assert_eq!(roles.migration.as_deref(), Some("migrate"));
        assert_eq!(roles.worker, ["celery"]);
        assert_eq!(roles.writers, ["api"]);
    }

    fn ending(name: &str, command: &str) -> Candidate {
        Candidate {
            may_end: true,
            command: command.to_owned(),
            ..service(name, "app", &[])
        }
    }

    fn migration(candidates: &[Candidate]) -> (Option<String>, Vec<String>) {
        let inferred = infer(candidates);
        (inferred.recipe.roles.migration, inferred.migrations)
    }

    #[test]
    fn two_migrations_are_not_guessed_between() {
        let (found, several) = migration(&[ending("migrate-a", ""), ending("migrate-b", "")]);
        assert_eq!(found, None);
        assert_eq!(several, ["migrate-a", "migrate-b"]);
    }

    #[test]
    fn a_migration_is_told_by_its_name_its_command_or_by_who_waits_for_its_end() {
        let awaited = |candidate: Candidate| Candidate {
            completed_for: vec!["api".to_owned()],
            ..candidate
        };
        for (candidates, wanted) in [
            (
                vec![ending("db_init", ""), ending("shell", "bash")],
                Some("db_init"),
            ),
            (vec![ending("setup", "alembic upgrade head")], Some("setup")),
            (
                vec![ending("api", "alembic upgrade head && uvicorn app")],
                None,
            ),
            (vec![awaited(ending("bucket", ""))], Some("bucket")),
            (
                vec![awaited(ending("bucket", "")), ending("migrate", "")],
                Some("migrate"),
            ),
            (
                vec![Candidate {
                    may_end: false,
                    ..ending("migrate", "")
                }],
                None,
            ),
            (
                vec![Candidate {
                    serves: true,
                    ..ending("api", "python manage.py migrate")
                }],
                None,
            ),
        ] {
            let (found, several) = migration(&candidates);
            assert_eq!(found.as_deref(), wanted, "{candidates:?}");
            assert!(several.is_empty(), "{several:?}");
        }
    }
}
