//! Findings about engine and Compose.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use super::watch::Watch;
use super::{Refusal, assert_found, check, expect};
use crate::e2e::stack::{Compose, Stack};

#[test]
fn compose_is_old_or_does_not_work() {
    let stack = Stack::new(Compose::Newest, &[]);
    let watch = Watch::new(&stack);
    let plugin = stack.docker_config().join("cli-plugins/docker-compose");
    let real = std::fs::read_link(&plugin).expect("a link into the cache");
    let put = |script: &str| {
        std::fs::remove_file(&plugin).expect("removed");
        std::fs::write(&plugin, script).expect("written");
        std::fs::set_permissions(&plugin, std::fs::Permissions::from_mode(0o755)).expect("set");
    };
    put(&format!(
        "#!/bin/sh\ncase \"$*\" in *'version --short'*) echo 2.19.1 ;; *) exec {} \"$@\" ;; esac\n",
        real.display()
    ));
    let old = (Refusal, "compose-too-old", "install version 2.20 or newer");
    expect(&stack, &[], &[old]);
    // The first one that the command finds counts, also where the machine has a good one.
    put("#!/bin/sh\nexit 1\n");
    let missing = (
        Refusal,
        "compose-missing",
        "install the Docker Compose plugin",
    );
    expect(&stack, &[], &[missing]);
    stack
        .tool(&[])
        .expect(3, "install the Docker Compose plugin");
    watch.assert_nothing();
}

/// No such engine can be had here; these say that they are one.
#[test]
fn the_engine_is_old_or_another_one() {
    let stack = Stack::new(Compose::Newest, &[]);
    let watch = Watch::new(&stack);
    let old = FakeEngine {
        version: r#"{"ApiVersion": "1.40"}"#,
        info: r#"{"ServerVersion": "19.03.15", "OSType": "linux", "Architecture": "x86_64"}"#,
    };
    let host = old.listen(&stack.path().join("old.sock"));
    let found = check(&stack, &[], &[("DOCKER_HOST", &host)]);
    let wanted = (Refusal, "engine-too-old", "install version 20.10 or newer");
    assert_found(&found, &[wanted]);
    let podman = FakeEngine {
        version: r#"{"ApiVersion": "1.41", "Components": [{"Name": "Podman Engine", "Version": "5.4.2"}]}"#,
        info: r#"{"ServerVersion": "5.4.2", "OSType": "linux", "Architecture": "amd64"}"#,
    };
    let host = podman.listen(&stack.path().join("podman.sock"));
    let found = check(&stack, &[], &[("DOCKER_HOST", &host)]);
    assert_found(&found, &[(Refusal, "engine-podman", "use a Docker Engine")]);
    watch.assert_nothing();
}

struct FakeEngine {
    version: &'static str,
    info: &'static str,
}

impl FakeEngine {
    /// Answers for as long as the test runs; returns the address.
    fn listen(self, path: &Path) -> String {
        let listener = UnixListener::bind(path).expect("bound");
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // Whoever has asked may have gone.
                let _ = self.answer(&stream);
            }
        });
        format!("unix://{}", path.display())
    }

    fn answer(&self, mut stream: &UnixStream) -> std::io::Result<()> {
        let mut head = BufReader::new(stream).lines();
        let request = head.next().transpose()?.unwrap_or_default();
        while head
            .next()
            .transpose()?
            .is_some_and(|line| !line.is_empty())
        {}
        let body = match request {
            path if path.contains("/version") => self.version,
            path if path.contains("/info") => self.info,
            _ => "OK",
        };
        write!(
            stream,
            "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )
    }
}
