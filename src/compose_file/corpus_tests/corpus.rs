//! The folder of real files: where it is, what Compose said of each, and work on all of them.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

pub(in crate::compose_file) struct File {
    pub(in crate::compose_file) name: String,
    pub(in crate::compose_file) text: String,
    pub(in crate::compose_file) row: Option<Row>,
}

/// What the manifest knows of a file.
#[derive(Debug, Clone, Copy)]
pub(in crate::compose_file) struct Row {
    /// Whether Compose takes the file as it is, alone.
    pub(in crate::compose_file) valid: bool,
}

impl File {
    pub(in crate::compose_file) fn unmarked(&self) -> &str {
        self.text.trim_start_matches('\u{feff}')
    }
}

/// Nothing where there is no corpus.
pub(in crate::compose_file) fn corpus() -> Vec<File> {
    #[expect(clippy::disallowed_methods, reason = "a test has no settings")]
    let folder = std::env::var_os("ENEO_UPGRADE_CORPUS");
    let folder = folder.map_or_else(|| PathBuf::from("../shared/corpus"), PathBuf::from);
    let Ok(entries) = std::fs::read_dir(&folder) else {
        eprintln!("there is no corpus in `{}`", folder.display());
        return Vec::new();
    };
    let manifest = std::fs::read_to_string(folder.join("manifest.tsv")).unwrap_or_default();
    let rows = rows(&manifest);
    let mut files: Vec<File> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.extension()
                .is_some_and(|it| it == "yml" || it == "yaml")
        })
        .filter_map(|path| {
            let name = path.file_name()?.to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&path).ok()?;
            let row = rows.get(name.as_str()).copied();
            Some(File { name, text, row })
        })
        .collect();
    files.sort_by(|a, b| a.name.cmp(&b.name));
    files
}

fn rows(manifest: &str) -> HashMap<&str, Row> {
    let mut lines = manifest.lines().map(|line| line.split('\t'));
    let mut heads = lines.next().into_iter().flatten();
    let Some(valid) = heads.position(|head| head == "valid_alone_2403") else {
        return HashMap::new();
    };
    lines
        .filter_map(|mut cells| {
            let name = cells.next()?;
            let valid = cells.nth(valid - 1)? == "1";
            Some((name, Row { valid }))
        })
        .collect()
}

/// Each item once, on whichever core is free.
pub(in crate::compose_file) fn on_all_cores<I: Sync, T: Send>(
    items: &[I],
    work: impl Fn(&I) -> T + Sync,
) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut done = Vec::new();
        while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
            done.push(work(item));
        }
        done
    };
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(worker)).collect();
        let done = workers.into_iter().map(|it| it.join().expect("no panic"));
        done.flatten().collect()
    })
}
