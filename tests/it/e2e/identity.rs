//! An upgrade that would land on an empty database is caught, before or after.

use super::stack::{Compose, Stack};

#[test]
fn another_project_name_or_volume_is_caught_before_anything_is_touched() {
    let stack = Stack::new(Compose::Newest, &[]);
    stack.up();
    stack.seed();
    stack.publish("v1.7.0", &["latest"]);
    let before = (stack.containers(), stack.states());
    let ran = stack
        .tool(&["-p", "another"])
        .expect(3, "would begin with empty volumes");
    assert!(
        ran.text
            .contains(&format!("go on with `-p {}`", stack.name)),
        "{}",
        ran.text
    );
    stack.edit("docker-compose.yml", |text| {
        text.replace("postgres_data:", "pgdata:")
    });
    let ran = stack
        .tool(&[])
        .expect(3, "it would come up without its data");
    assert!(
        ran.text.contains("put the mount back as it was"),
        "{}",
        ran.text
    );
    assert_eq!((stack.containers(), stack.states()), before);
}

#[test]
fn a_new_database_image_with_another_data_folder_is_caught_and_gone_back_from() {
    let stack = Stack::new(Compose::Newest, &[]);
    stack.up();
    stack.seed();
    let blobs = stack.psql("SELECT count(*) FROM info_blobs");
    stack.publish("v1.7.0", &["latest"]);
    // As PostgreSQL's own images did with version 18: the server finds nothing and begins anew.
    let image = format!("{}/{}/pgvector:pg17", stack.registry(), stack.name);
    let folder = "ENV PGDATA=/var/lib/postgresql/data/elsewhere";
    let container = stack.docker(&["create", &image]);
    stack.docker(&[
        "commit",
        "-c",
        folder,
        container.trim(),
        &format!("{image}-moved"),
    ]);
    stack.docker(&["rm", "-v", container.trim()]);
    stack.docker(&["push", "--quiet", &format!("{image}-moved")]);
    stack.edit("docker-compose.yml", |text| {
        text.replace("pgvector:pg17", "pgvector:pg17-moved")
    });
    stack
        .tool(&["--output", "json"])
        .expect(4, "is another one than before");
    assert_eq!(stack.psql("SELECT count(*) FROM info_blobs"), blobs);
    assert_eq!(stack.get("/api/healthz").0, 200);
}
