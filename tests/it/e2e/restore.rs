//! Disaster recovery: a project folder, a backup, one command.

use std::path::PathBuf;
use std::process::Command;

use super::rollback::Seen;
use super::stack::{Compose, Stack, wait};

const REDIS: [&str; 5] = ["compose", "exec", "-T", "redis", "redis-cli"];

/// The newest backup, moved to where a copy from another host would lie.
fn carried_away(stack: &Stack, to: &std::path::Path) -> PathBuf {
    let backups = stack.path().join(".eneo-upgrade/backups");
    let mut runs = std::fs::read_dir(&backups).expect("backups").flatten();
    let run = runs.next().expect("one").file_name();
    let moved = Command::new("cp").arg("-a").arg(&backups).arg(to).status();
    assert!(moved.expect("starts").success());
    to.join("backups").join(run)
}

/// The backup in a file that only the holder of a key can read, and the key's file.
fn sealed(stack: &Stack, to: &std::path::Path) -> (String, String) {
    let key = to.join("key.txt").display().to_string();
    let made = Command::new("age-keygen").args(["-o", &key]).output();
    assert!(made.expect("starts").status.success());
    let text = std::fs::read_to_string(&key).expect("read");
    let line = text.lines().find(|line| line.contains("public key: "));
    let (_, recipient) = line.and_then(|line| line.split_once(": ")).expect("there");
    let file = to.join("away.age").display().to_string();
    let export = ["backups", "export", "--to", &file];
    stack
        .tool(&[&export[..], &["--encrypt-to", "age1nobody"]].concat())
        .expect(1, "age1nobody");
    assert!(!std::path::Path::new(&file).exists());
    stack
        .tool(&[&export[..], &["--encrypt-to", recipient]].concat())
        .expect(0, "encrypted");
    let bytes = std::fs::read(&file).expect("read");
    assert!(bytes.starts_with(b"age-encryption.org/"));
    stack.tool(&export).expect(2, "there is something at");
    (file, key)
}

#[test]
fn on_an_empty_host_one_command_brings_everything_back() {
    // The backend does not wait for the migration here.
    let stack = Stack::new(Compose::Newest, &["--variant", "started"]);
    stack.up();
    stack.seed();
    stack.psql("INSERT INTO notes (n) VALUES (4711)");
    let before = Seen::of_tables(&stack);
    let write = "mkdir -p /data/sub && echo kept >/data/sub/file && chown 12:34 /data/sub/file";
    stack.docker(&["compose", "exec", "-T", "backend", "sh", "-c", write]);
    stack.docker(&[&REDIS[..], &["RPUSH", "tenant:1:kept", "first", "second"]].concat());
    stack.tool(&["backup"]).expect(0, "");
    let elsewhere = tempfile::tempdir().expect("a folder");
    let backup = carried_away(&stack, elsewhere.path());
    let (sealed, key) = sealed(&stack, elsewhere.path());
    // The host is lost; meanwhile there is a new release.
    stack.docker(&["compose", "down", "-v", "--rmi", "all"]);
    std::fs::remove_dir_all(stack.path().join(".eneo-upgrade")).expect("removed");
    let files = [
        "docker-compose.yml",
        "env_backend.env",
        "env_db.env",
        ".env",
    ];
    let lost = files.map(|file| {
        let path = stack.path().join(file);
        let bytes = std::fs::read(&path).ok();
        let _ = std::fs::remove_file(&path);
        (path, bytes)
    });
    let project = backup.join("project.tar").display().to_string();
    let unpacked = stack.command("tar").args(["-xf", &project]).status();
    assert!(unpacked.expect("starts").success());
    for (path, bytes) in &lost {
        assert_eq!(std::fs::read(path).ok(), *bytes, "{}", path.display());
    }
    stack.publish("v1.7.0", &["latest"]);

    stack
        .tool(&["restore", &sealed])
        .expect(1, "`--identity` names the file with the key");
    stack
        .tool(&["restore", &sealed, "--identity", &key])
        .expect(0, "restored");
    let path = backup.display().to_string();
    assert_eq!(Seen::of_tables(&stack), before);
    stack.wait_healthy();
    assert!(stack.get("/api/version").1.contains("v1.6.3"));
    let read = "cat /data/sub/file; stat -c %u:%g /data/sub/file";
    let file = stack.docker(&["compose", "exec", "-T", "worker", "sh", "-c", read]);
    assert_eq!(file, "kept\n12:34\n");
    let queued = stack.docker(&[&REDIS[..], &["LRANGE", "tenant:1:kept", "0", "-1"]].concat());
    assert_eq!(queued, "first\nsecond\n");
    let role = stack.docker(&[&REDIS[..], &["INFO", "replication"]].concat());
    assert!(role.contains("role:master"), "{role}");
    stack.tool(&["verify"]).expect(0, "all is as it should be");

    // On a host that serves it takes what was written since, so it has to be meant.
    stack.psql("INSERT INTO notes (n) VALUES (4712)");
    stack.tool(&["restore", &path]).expect(3, "would be lost");
    assert_eq!(stack.psql("SELECT count(*) FROM notes"), "2");
    stack
        .tool(&["restore", "--discard-writes-since", &path])
        .expect(0, "volume-backend_data.tar");
    assert_eq!(Seen::of_tables(&stack), before);

    // Killed on an empty host, it is gone on with.
    stack.docker(&["compose", "down", "-v"]);
    std::fs::remove_dir_all(stack.path().join(".eneo-upgrade")).expect("removed");
    for (verb, service) in [(&["restore", &path][..], "db"), (&["resume"], "backend")] {
        let mut run = stack.spawn(verb);
        wait("a service", || {
            let state = stack.states().remove(service);
            state.is_some_and(|state| state == "running")
        });
        run.kill().expect("killed");
        run.wait().expect("ended");
    }
    stack.tool(&["resume"]).expect(0, "restored");
    assert_eq!(Seen::of_tables(&stack), before);
    let queued = stack.docker(&[&REDIS[..], &["LRANGE", "tenant:1:kept", "0", "-1"]].concat());
    assert_eq!(queued, "first\nsecond\n");

    // Nothing is restored that its manifest does not vouch for.
    let dump = backup.join("online.dump");
    let mut files = std::fs::read_dir(&dump).expect("a folder").flatten();
    let file = files.next().expect("a file").path();
    let mut bytes = std::fs::read(&file).expect("read");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, bytes).expect("written");
    let containers = stack.containers();
    stack
        .tool(&["restore", "--discard-writes-since", &path])
        .expect(1, "is not what was recorded");
    assert_eq!(stack.containers(), containers);
}
