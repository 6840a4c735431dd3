//! A first installation on an empty host.

use std::path::Path;

use super::stack::{Compose, Stack};

#[test]
fn an_empty_host_gets_the_app() {
    let stack = Stack::new(Compose::Newest, &["--variant", "started"]);
    let starts = stack.count_starts("db-init");
    let ran = stack.tool(&[]).expect(0, "upgraded");
    assert!(
        !ran.text.contains("back up"),
        "there was nothing to back up:\n{}",
        ran.text
    );
    assert_eq!(starts.count(), 1);
    assert_eq!(
        stack.psql("SELECT version_num FROM alembic_version"),
        "e23b168d0080"
    );
    assert_eq!(stack.get("/api/healthz").0, 200);
    let containers = stack.containers();
    stack.docker(&["compose", "up", "-d"]);
    assert_eq!(stack.containers(), containers);
    stack.tool(&[]).expect(0, "unchanged");
}

/// The folder that compose-templates/eneo/README.md makes, with the names of this test.
fn from_the_template(stack: &Stack) {
    let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("compose-templates/eneo");
    let read = |name: &str| std::fs::read_to_string(template.join(name)).expect("is there");
    let write = |name: &str, text: &str| {
        std::fs::write(stack.path().join(name), text).expect("written");
    };
    let compose = read("docker-compose.yml")
        .replace("name: eneo\n", &format!("name: {}\n", stack.name))
        .replace(
            "container_name: eneo_",
            &format!("container_name: {}_", stack.name),
        )
        .replace(
            "    external: true",
            &format!("    external: true\n    name: {}_proxy_tier", stack.name),
        );
    write("docker-compose.yml", &compose);
    for name in ["env_backend.env", "env_db.env", "env_frontend.env"] {
        let text = read(&format!("{name}.template"))
            .replace("CHANGE_ME_POSTGRES_PASSWORD", "a-password-of-the-test")
            .replace(
                "CHANGE_ME_ENCRYPTION_KEY",
                "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
            )
            .replace("CHANGE_ME_", "a-secret-of-the-test-")
            .replace("#AZURE_", "AZURE_");
        write(name, &text);
    }
    let images = format!("{}/{}", stack.registry(), stack.name);
    write(
        ".env",
        &format!(
            "ENEO_VERSION=v1.6.3\nENEO_REGISTRY={images}\nENEO_HTTP=127.0.0.1:\n\
             ENEO_HTTPS=127.0.0.1:\nPOSTGRES_IMAGE={images}/pgvector:pg17\n\
             REDIS_IMAGE={images}/redis:8\nTRAEFIK_IMAGE={images}/traefik:v3\n"
        ),
    );
}

#[test]
fn the_template_is_installed_and_upgraded() {
    let stack = Stack::new(Compose::Newest, &[]);
    from_the_template(&stack);
    stack.tool(&[]).expect(0, "upgraded");
    assert_eq!(stack.get("/api/healthz").0, 200);
    stack.seed();
    let ran = stack.tool(&["--to", "v1.7.0"]).expect(0, "upgraded");
    assert!(!ran.text.contains("a-password-of-the-test"), "{}", ran.text);
    assert!(stack.get("/api/version").1.contains("v1.7.0"));
    let containers = stack.containers();
    stack.docker(&["compose", "up", "-d"]);
    assert_eq!(stack.containers(), containers);
}
