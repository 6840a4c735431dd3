//! Findings about the project's files, images and environment. None of it has to run.

use std::path::Path;

use super::watch::Watch;
use super::{
    BACKEND, CANARY, COMPOSE, Case, Change, FRONTEND, Refusal, Wanted, Warning, check, expect,
    expect_all,
};
use crate::e2e::stack::{Compose, Stack};

const GATE: &str =
    "      db-init:\n        condition: service_completed_successfully   # migrations first\n";
const UNREQUIRED: &str =
    "      db-init:\n        condition: service_completed_successfully\n        required: false\n";
const NO_RESTART: &str = "    restart: \"no\"\n";

#[test]
fn what_the_compose_file_says_newest_compose() {
    what_the_compose_file_says(Compose::Newest);
}

#[test]
fn what_the_compose_file_says_oldest_compose() {
    what_the_compose_file_says(Compose::Floor);
}

fn what_the_compose_file_says(compose: Compose) {
    let stack = Stack::new(compose, &[]);
    let watch = Watch::new(&stack);
    let compose = |old, new| (COMPOSE, old, new);
    expect_all(
        &stack,
        &[
            case(&[], &[]),
            case(
                &[compose("  worker:\n", "  crawler:\n")],
                &[(Warning, "service-missing", "a recipe of your own")],
            ),
            case(
                &[compose("db-init:", "migrate:")],
                &[(Refusal, "migration-missing", "Compose file of the release")],
            ),
            case(
                &[
                    compose(GATE, ""),
                    compose(NO_RESTART, "    profiles: [migrate]\n"),
                ],
                &[(
                    Refusal,
                    "migration-inactive",
                    "take `profiles` out of service `db-init`",
                )],
            ),
            case(
                &[compose(NO_RESTART, "    restart: always\n")],
                &[(Refusal, "migration-restarts", "set `restart: \"no\"`")],
            ),
            case(
                &[compose(NO_RESTART, "    restart: unless-stopped\n")],
                &[(Refusal, "migration-restarts", "`restart: unless-stopped`")],
            ),
            case(
                &[compose(GATE, UNREQUIRED)],
                &[(
                    Refusal,
                    "required-false",
                    "condition: service_completed_successfully",
                )],
            ),
            case(
                &[compose("_proxy_tier", "_other_tier")],
                &[(Refusal, "network-missing", "docker network create ")],
            ),
            case(
                &[compose(
                    "  redis_data:\n",
                    "  redis_data:\n    external: true\n",
                )],
                &[(Refusal, "volume-missing", "docker volume create redis_data")],
            ),
            case(
                &[compose("    external: true\n", "")],
                &[(
                    Refusal,
                    "compose-refuses",
                    "docker compose --dry-run create",
                )],
            ),
            case(
                &[compose("redis:8\n", "redis:8\n    imagine: it\n")],
                &[(Refusal, "project-unreadable", "docker compose config")],
            ),
            case(
                &[compose("- env_db.env", "- env_other.env")],
                &[(Refusal, "env-file-missing", "correct `env_file`")],
            ),
            case(
                &[compose("eneo-frontend:latest", "eneo-frontend:v0")],
                &[(
                    Refusal,
                    "image-not-found",
                    "eneo-frontend:v0`, the network, and `docker login`",
                )],
            ),
            case(
                &[compose("eneo-frontend:latest", "eneo-frontend:${NOT_SET}")],
                &[(Refusal, "image-not-found", "check the name")],
            ),
            Case {
                edits: &[compose("eneo-frontend:latest", "eneo-frontend")],
                args: &["--to", "v1.7.0"],
                wanted: &[(Refusal, "image-untagged", "eneo-frontend:v1.7.0")],
            },
        ],
    );
    several_files(&stack);
    watch.assert_nothing();
}

/// What is to be edited stands in none of the files that are named.
fn several_files(stack: &Stack) {
    let write = |name: &str, text: &str| {
        std::fs::write(stack.path().join(name), text).expect("written");
    };
    // What is included from within the project is the project's own.
    write("elsewhere.yml", "include: [docker-compose.yml]\n");
    expect(stack, &["-f", "elsewhere.yml"], &[]);
    expect(stack, &["-f", "elsewhere.yml", "--to", "v1.7.0"], &[]);
    // What is included from outside is others'.
    let folder = tempfile::tempdir().expect("a folder");
    let outside = folder.path().join("outside.yml");
    let project = stack.path().display();
    let include = format!(
        "include:\n  - path: {project}/docker-compose.yml\n    project_directory: {project}\n"
    );
    std::fs::write(&outside, include).expect("written");
    let outside = outside.display().to_string();
    let here = ["-f", outside.as_str()];
    let by_hand = "name it after all others (`-f`";
    expect(stack, &here, &[(Refusal, "not-in-a-file", by_hand)]);
    let to = ["-f", outside.as_str(), "--to", "v1.7.0"];
    let by_hand = "change it by hand where it is set";
    expect(stack, &to, &[(Refusal, "not-in-a-file", by_hand)]);
    let redis = format!("{}/{}/redis:8", stack.registry(), stack.name);
    write(
        "small.yml",
        &format!("services: {{a: {{image: '{redis}'}}}}\n"),
    );
    let to = ["-f", "small.yml", "--to", "v1.7.0"];
    expect(
        stack,
        &to,
        &[(Refusal, "no-release-image", "leave out `--to`")],
    );
}

#[test]
fn what_the_environment_says() {
    let stack = Stack::new(Compose::Newest, &["--variant", "started"]);
    let watch = Watch::new(&stack);
    expect_all(
        &stack,
        &[
            case(
                &[(BACKEND, "ENCRYPTION_KEY=", "ENCRYPTION_KEY=\nTHE_OLD_KEY=")],
                &[(Warning, "variable-missing", "set `ENCRYPTION_KEY`")],
            ),
            case(
                &[(BACKEND, "ENCRYPTION_KEY=", "ENCRYPTION_KEY=hunter2canary")],
                &[(Refusal, "variable-malformed", "put that one back")],
            ),
            case(
                &[
                    (
                        BACKEND,
                        "JWT_SECRET=",
                        "JWT_SECRET=changeme_hunter2canary #",
                    ),
                    (
                        FRONTEND,
                        "JWT_SECRET=",
                        "JWT_SECRET=changeme_hunter2canary #",
                    ),
                ],
                &[(Refusal, "variable-template", "set `JWT_SECRET`")],
            ),
            case(
                &[(FRONTEND, "JWT_SECRET=", "JWT_SECRET=hunter2canary")],
                &[(
                    Refusal,
                    "variable-differs",
                    "both services to the same value",
                )],
            ),
            // Nothing is lost on an empty host.
            case(&[(BACKEND, "AZURE_ENDPOINT=", "#")], &[]),
        ],
    );
    watch.assert_nothing();
}

#[test]
fn an_image_for_another_platform() {
    let stack = Stack::new(Compose::Newest, &[]);
    let image = format!("{}/{}/eneo-backend:other", stack.registry(), stack.name);
    let platform = match std::env::consts::ARCH {
        "aarch64" => "amd64",
        _ => "arm64",
    };
    stack.docker(&["load", "-i", &empty_image(stack.path(), &image, platform)]);
    stack.docker(&["push", &image]);
    let watch = Watch::new(&stack);
    let words = format!("is for linux/{platform}");
    let (old, new) = ("eneo-backend:latest", "eneo-backend:other");
    let wanted: &[Wanted<'_>] = &[(Refusal, "image-other-platform", &words)];
    expect_all(&stack, &[case(&[(COMPOSE, old, new)], wanted)]);
    let named = "eneo-backend:other\n    platform: linux/arm64";
    expect_all(&stack, &[case(&[(COMPOSE, old, named)], &[])]);
    watch.assert_nothing();
}

/// An image without layers, as an archive that can be loaded; the path of the archive.
fn empty_image(folder: &Path, name: &str, architecture: &str) -> String {
    let config = serde_json::json!({
        "os": "linux", "architecture": architecture, "config": {},
        "rootfs": {"type": "layers", "diff_ids": []},
    });
    let manifest = serde_json::json!([{"Config": "config.json", "RepoTags": [name], "Layers": []}]);
    let path = folder.join("image.tar");
    let mut archive = tar::Builder::new(std::fs::File::create(&path).expect("a file"));
    for (name, content) in [("config.json", config), ("manifest.json", manifest)] {
        let content = content.to_string();
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        archive
            .append_data(&mut header, name, content.as_bytes())
            .expect("written");
    }
    archive.finish().expect("written");
    path.display().to_string()
}

/// Compose quotes parts of files that it cannot read; a password may be among them.
fn secrets_are_not_quoted(compose: Compose) {
    let stack = Stack::new(compose, &[]);
    let worker = "      - RUN_AS_WORKER=true\n";
    let broken = [
        (BACKEND, "REDIS_HOST=", "A@B=hunter2canary\nREDIS_HOST="),
        (BACKEND, "REDIS_HOST=", "A='hunter2canary\nREDIS_HOST="),
        (BACKEND, "REDIS_HOST=", "A=\"hunter2canary\nREDIS_HOST="),
        (BACKEND, "REDIS_HOST=", "A=hunter2canary${x\nREDIS_HOST="),
        (BACKEND, "REDIS_HOST=", "A=${x:?hunter2canary}\nREDIS_HOST="),
        (BACKEND, "REDIS_HOST=", "hunter2canary b\nREDIS_HOST="),
        (COMPOSE, worker, "      - A=hunter2canary${x\n"),
        (COMPOSE, worker, "      - {A: hunter2canary}\n"),
    ];
    let wanted: &[Wanted<'_>] = &[(Refusal, "project-unreadable", "Compose complains about")];
    let watch = Watch::new(&stack);
    for edit in broken {
        expect_all(&stack, &[case(&[edit], wanted)]);
    }
    std::fs::write(stack.path().join(".env"), "A@B=hunter2canary\n").expect("written");
    expect(&stack, &[], wanted);
    // For people, and by a run.
    let ran = stack.tool(&[]).expect(3, "[not shown]");
    assert!(!ran.text.contains(CANARY), "{}", ran.text);
    assert!(check(&stack, &[], &[]).text.contains("line 1"));
    watch.assert_nothing();
}

#[test]
fn secrets_are_not_quoted_newest_compose() {
    secrets_are_not_quoted(Compose::Newest);
}

#[test]
fn secrets_are_not_quoted_oldest_compose() {
    secrets_are_not_quoted(Compose::Floor);
}

fn case<'a>(edits: &'a [Change<'a>], wanted: &'a [Wanted<'a>]) -> Case<'a> {
    let args = &[];
    Case {
        edits,
        args,
        wanted,
    }
}
