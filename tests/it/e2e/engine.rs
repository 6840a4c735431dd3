//! The engine's habits that the tool has to live with.

use std::path::PathBuf;

use eneo_upgrade::host::docker::{Docker, Endpoint, Exec};

use super::stack::{Compose, Stack};

/// The engine closes the output of a program before it knows its exit code; about one in fifty
/// short programs used to be reported as broken off.
#[tokio::test]
async fn the_exit_code_of_short_programs_is_known() {
    let stack = Stack::new(Compose::Newest, &[]);
    stack.docker(&["compose", "up", "-d", "redis"]);
    let container = stack.containers()["redis"].clone();
    let docker = Docker::connect(&Endpoint {
        host: Some("unix:///var/run/docker.sock".to_owned()),
        docker: PathBuf::from("docker"),
        config: stack.path().to_owned(),
    })
    .await
    .expect("connects");
    for number in 0..100 {
        let code = (number % 3).to_string();
        let exec = Exec {
            container: &container,
            argv: &["/bin/sh", "-c", "exit $0", &code],
            environment: Vec::new(),
        };
        let ended = docker.exec(&exec, None, |_| Ok(())).await.expect("runs");
        assert_eq!(ended.code, number % 3);
    }
}
