//! A backup in which anything was changed is found, before anything that could not be undone.

use std::path::{Path, PathBuf};

use super::{left, newest};
use crate::e2e::stack::{Compose, Stack};

/// Changes one file of a backup.
struct Change {
    what: String,
    file: PathBuf,
    to: Option<Vec<u8>>,
}

fn changes(dump: &Path) -> Vec<Change> {
    let toc = dump.join("toc.dat");
    let mut changes = Vec::new();
    for file in [&toc, &largest(dump, "zst"), &largest(dump, "dat")] {
        let bytes = std::fs::read(file).expect("readable");
        let all = bytes.len();
        let name = file.file_name().expect("a name").to_string_lossy();
        let mut change = |what: &str, to: Vec<u8>| {
            changes.push(Change {
                what: format!("{name}: {what}"),
                file: file.clone(),
                to: Some(to),
            });
        };
        for keep in [0, 1, all / 2, all * 99 / 100, all - 1] {
            change(&format!("cut to {keep}"), bytes[..keep].to_vec());
        }
        for at in [0, all / 3, all - 1] {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            change(&format!("flipped at {at}"), flipped);
        }
        change("grown", [&bytes[..], b"x"].concat());
    }
    changes.push(Change {
        what: "a file is missing".to_owned(),
        file: largest(dump, "dat"),
        to: None,
    });
    changes.push(Change {
        what: "a file more".to_owned(),
        file: dump.join("9999.dat.zst"),
        to: Some(Vec::new()),
    });
    changes
}

/// The largest table in one of the forms in which they are kept: compressed text, or what holds
/// vectors.
fn largest(dump: &Path, form: &str) -> PathBuf {
    let files = std::fs::read_dir(dump).expect("a folder").flatten();
    let tables = files.filter(|file| {
        let is = file.path().extension().is_some_and(|name| name == form);
        is && file.file_name() != "toc.dat"
    });
    tables
        .max_by_key(|file| file.metadata().expect("there").len())
        .expect("a table")
        .path()
}

impl Change {
    /// Does something while it is so.
    fn meanwhile(&self, act: impl FnOnce()) {
        let before = std::fs::read(&self.file).ok();
        match &self.to {
            Some(bytes) => std::fs::write(&self.file, bytes).expect("written"),
            None => std::fs::remove_file(&self.file).expect("removed"),
        }
        act();
        match before {
            Some(bytes) => std::fs::write(&self.file, bytes).expect("written"),
            None => std::fs::remove_file(&self.file).expect("removed"),
        }
    }
}

fn swap(a: &Path, b: &Path) {
    let aside = a.with_extension("aside");
    for (from, to) in [(a, &*aside), (b, a), (&*aside, b)] {
        std::fs::rename(from, to).expect("renamed");
    }
}

#[test]
fn whatever_is_changed_in_a_backup_is_found() {
    let stack = Stack::new(Compose::Newest, &[]);
    stack.up();
    stack.seed();
    stack
        .tool(&["backup", "--prove", "list"])
        .expect(0, "backup");
    let first = newest(&stack);
    stack.psql("DELETE FROM questions WHERE name = 'question 1'");
    stack
        .tool(&["backup", "--prove", "list"])
        .expect(0, "backup");
    let second = newest(&stack);
    let verify = |what: &str| {
        let ran = stack.tool(&["backups", "verify"]);
        let told = ran.text.contains("cannot be relied on");
        assert!(ran.code == Some(1) && told, "{what}: {ran:?}");
    };
    for change in changes(&first) {
        change.meanwhile(|| verify(&change.what));
    }
    swap(&first, &second);
    verify("another dump in its place");
    stack
        .tool(&["backups", "prove"])
        .expect(1, "is not what was recorded");
    swap(&first, &second);
    let manifests = (first.with_extension("json"), second.with_extension("json"));
    swap(&manifests.0, &manifests.1);
    verify("the manifest of another one");
    swap(&manifests.0, &manifests.1);
    std::fs::write(&manifests.0, "").expect("written");
    verify("no manifest");
    assert_eq!(left(&stack), "");
}

#[test]
fn a_way_back_by_a_backup_that_was_changed_destroys_nothing() {
    let stack = Stack::new(Compose::Newest, &["--set", "TESTBED_MIGRATION_FAIL=phase2"]);
    stack.up();
    stack.seed();
    stack.publish("v1.7.0", &["latest"]);
    let args = ["--backup", "strict", "--on-failure", "stop"];
    stack.tool(&args).expect(5, "told to fail");
    let backups = stack.path().join(".eneo-upgrade/backups");
    let run = std::fs::read_dir(backups).expect("there").flatten().next();
    let dump = run.expect("a run").path().join("exact.dump");
    let databases = || stack.psql("SELECT string_agg(datname, ' ' ORDER BY 1) FROM pg_database");
    let before = databases();
    let change = &changes(&dump)[12];
    change.meanwhile(|| {
        stack
            .tool(&["rollback"])
            .expect(5, "is not what was recorded");
        assert_eq!(databases(), before, "{}", change.what);
    });
    // A manifest that fits another dump is not the one that the journal has.
    let online = dump.with_file_name("online.dump");
    let exchange = || {
        swap(&dump, &online);
        swap(&dump.with_extension("json"), &online.with_extension("json"));
    };
    exchange();
    stack
        .tool(&["rollback"])
        .expect(5, "is not the one that was recorded");
    assert_eq!(databases(), before);
    exchange();
    stack.tool(&["rollback"]).expect(4, "rolled back");
    assert_ne!(databases(), before);
}
