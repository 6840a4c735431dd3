//! A dump on disk and everything that is known of it: what it must hold, and whether its files
//! still are what they were.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{HostError, files};
use crate::event::Proof;

/// A proven dump.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backup {
    /// The dump: a folder, or one file.
    pub path: PathBuf,
    /// Which of them, in `pg_dump`'s words.
    pub format: DumpFormat,
    /// The size of its files in bytes.
    pub bytes: u64,
    /// SHA-256 of the list of its files, hex.
    pub sha256: String,
    /// Its files, by name.
    pub files: BTreeMap<String, DumpFile>,
    /// How encoding and order of texts were set in its database.
    pub locale: Locale,
    /// Table to rows, as counted in the dump.
    pub tables: BTreeMap<String, u64>,
    /// Whether the counts were compared with the database at the moment of the dump.
    pub compared: bool,
    /// How it was proven.
    pub proof: Proof,
    /// What the database held at the moment of the dump, where it could be asked.
    pub content: Option<Content>,
}

/// The format of a dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DumpFormat {
    /// A folder with a file per table.
    Directory,
    /// One file.
    Custom,
}

/// A file of a dump.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DumpFile {
    /// Its size in bytes.
    pub bytes: u64,
    /// Its SHA-256, hex.
    pub sha256: String,
}

/// How a database orders its texts; none of it can be changed later.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Locale {
    /// The encoding, such as `UTF8`.
    pub encoding: String,
    /// The order of texts.
    pub collate: String,
    /// The classes of characters.
    pub ctype: String,
    /// Who orders, in the catalogue's letter; none before PostgreSQL 15.
    pub provider: Option<String>,
    /// The provider's own name of the order.
    pub locale: Option<String>,
}

/// What a database holds, in a form that can be compared with that of another one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// The server's major version: others may describe the same schema differently.
    pub major: u32,
    /// SHA-256 of the description of the schema, hex.
    pub schema: String,
    /// By name, as `pg_dump` writes it.
    pub tables: BTreeMap<String, TableContent>,
    /// Sequence to its last value. One that was used during the dump may be anywhere between
    /// both: sequences have no snapshots.
    pub sequences: BTreeMap<String, (i64, i64)>,
    /// Number of large objects.
    pub large_objects: u64,
    /// Extension to version. A dump holds their names only.
    pub extensions: BTreeMap<String, String>,
}

/// What a table holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableContent {
    /// Its rows.
    pub rows: u64,
    /// A sum over all rows, in whatever order.
    pub checksum: String,
}

impl Content {
    /// Table to rows.
    pub fn rows(&self) -> BTreeMap<String, u64> {
        let rows = |(name, table): (&String, &TableContent)| (name.clone(), table.rows);
        self.tables.iter().map(rows).collect()
    }

    /// The first thing in which `restored` is not what it must be; none where it is.
    pub fn differs_from(&self, restored: &Self) -> Option<String> {
        let tables = self.tables.iter().find_map(|(name, table)| {
            let found = restored.tables.get(name);
            match found {
                None => Some(format!("table {name} is missing")),
                Some(found) if found.rows != table.rows => Some(format!(
                    "table {name} has {} rows, not {}",
                    found.rows, table.rows
                )),
                Some(found) if found.checksum != table.checksum => {
                    Some(format!("table {name} has rows with other values"))
                }
                Some(_) => None,
            }
        });
        let more = || {
            let mut names = restored.tables.keys();
            let name = names.find(|name| !self.tables.contains_key(*name))?;
            Some(format!("table {name} should not be there"))
        };
        let schema = || {
            let differs = self.major == restored.major && self.schema != restored.schema;
            differs.then(|| "its schema is another one".to_owned())
        };
        let objects = || {
            (self.large_objects != restored.large_objects).then(|| {
                format!(
                    "it has {} large objects, not {}",
                    restored.large_objects, self.large_objects
                )
            })
        };
        tables
            .or_else(more)
            .or_else(|| self.other_sequence(restored))
            .or_else(objects)
            .or_else(schema)
    }

    /// The dump has what sequences were at some time between `before` and `after`.
    pub(super) fn bound_sequences(
        &mut self,
        before: &BTreeMap<String, i64>,
        after: &BTreeMap<String, i64>,
    ) {
        for (name, (first, last)) in &mut self.sequences {
            *first = *before.get(name).unwrap_or(first);
            *last = *after.get(name).unwrap_or(last);
        }
    }

    fn other_sequence(&self, restored: &Self) -> Option<String> {
        self.sequences.iter().find_map(|(name, (a, b))| {
            let Some((found, _)) = restored.sequences.get(name) else {
                return Some(format!("sequence {name} is missing"));
            };
            let fits = (a.min(b)..=a.max(b)).contains(&found);
            (!fits).then(|| format!("sequence {name} is at {found}, not at {b}"))
        })
    }
}

impl Backup {
    /// Fails unless the files are what they were when the dump was proven: none missing, none
    /// more, each with its bytes.
    pub fn check_files(&self) -> Result<(), HostError> {
        let wrong = |what: String| {
            Err(HostError::Unexpected(format!(
                "the backup `{}` is not what was recorded: {what}",
                self.path.display()
            )))
        };
        if self.sha256 != digest(&self.files) {
            return wrong("the list of its files does not have the recorded SHA-256".to_owned());
        }
        let names = names(&self.path)?;
        if let Some(name) = names.iter().find(|name| !self.files.contains_key(*name)) {
            return wrong(format!("`{name}` is not a part of it"));
        }
        if let Some(name) = self.files.keys().find(|name| !names.contains(name)) {
            return wrong(format!("`{name}` is missing"));
        }
        for (name, file) in &self.files {
            let found = look(&self.path, name)?;
            if found.bytes != file.bytes {
                return wrong(format!(
                    "`{name}` has {} bytes, not {}",
                    found.bytes, file.bytes
                ));
            }
            if found.sha256 != file.sha256 {
                return wrong(format!("`{name}` has another SHA-256"));
            }
        }
        Ok(())
    }

    /// The rows of all tables.
    pub fn rows(&self) -> u64 {
        self.tables.values().sum()
    }
}

/// Every file of the dump at `path`, by name.
pub(super) fn read_files(path: &Path) -> Result<BTreeMap<String, DumpFile>, HostError> {
    let names = names(path)?.into_iter();
    names
        .map(|name| {
            let file = look(path, &name)?;
            Ok((name, file))
        })
        .collect()
}

/// SHA-256 of a list of files, hex.
pub fn digest(files: &BTreeMap<String, DumpFile>) -> String {
    let line = |(name, file): (&String, &DumpFile)| {
        format!("{} {} {}\n", file.sha256, file.bytes, name.escape_default())
    };
    files::sha256(files.iter().map(line).collect::<String>().as_bytes())
}

/// The files of a dump; that which is one file by itself has no name within it.
fn names(path: &Path) -> Result<Vec<String>, HostError> {
    match path.is_dir() {
        true => {
            let paths = files::list(path)?.into_iter();
            let name = |path: PathBuf| Some(path.file_name()?.to_string_lossy().into_owned());
            Ok(paths.filter_map(name).collect())
        }
        false => Ok(vec![String::new()]),
    }
}

/// A file of the dump at `path`.
pub(super) fn look(path: &Path, name: &str) -> Result<DumpFile, HostError> {
    let path = match name {
        "" => path.to_owned(),
        name => path.join(name),
    };
    let (sha256, bytes) = files::sha256_of(&path)?;
    Ok(DumpFile { bytes, sha256 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backup(path: &Path) -> Backup {
        let files = read_files(path).expect("readable");
        Backup {
            path: path.to_owned(),
            format: DumpFormat::Directory,
            bytes: files.values().map(|file| file.bytes).sum(),
            sha256: digest(&files),
            files,
            locale: Locale::default(),
            tables: BTreeMap::new(),
            compared: true,
            proof: Proof::List,
            content: None,
        }
    }

    #[test]
    fn files_that_change_go_or_come_are_found() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| {
            files::replace(&folder.path().join(name), text.as_bytes()).expect("written");
        };
        write("toc.dat", "contents");
        write("1.dat", "rows");
        let backup = backup(folder.path());
        let told = || backup.check_files().map_err(|error| error.to_string());
        told().expect("as it was");
        for (text, words) in [("row", "3 bytes, not 4"), ("raws", "another SHA-256")] {
            write("1.dat", text);
            assert!(told().expect_err("found").contains(words), "{text}");
        }
        files::remove(&folder.path().join("1.dat")).expect("removed");
        assert!(told().expect_err("found").contains("`1.dat` is missing"));
        write("1.dat", "rows");
        write("2.dat", "");
        assert!(told().expect_err("found").contains("`2.dat` is not a part"));
        files::remove(&folder.path().join("2.dat")).expect("removed");
        let mut other = backup.clone();
        other.files.remove("1.dat");
        other.check_files().expect_err("the list is another one");
    }

    fn content() -> Content {
        let table = TableContent {
            rows: 2,
            checksum: "7".to_owned(),
        };
        Content {
            major: 17,
            schema: "a".to_owned(),
            tables: BTreeMap::from([("public.a".to_owned(), table)]),
            sequences: BTreeMap::from([("public.s".to_owned(), (3, 5))]),
            ..Content::default()
        }
    }

    #[test]
    fn a_sequence_may_be_anywhere_between_before_and_after() {
        let mut source = content();
        let at = |value| BTreeMap::from([("public.s".to_owned(), value)]);
        source.bound_sequences(&at(1), &at(9));
        let fits = |value| {
            let mut restored = content();
            restored
                .sequences
                .insert("public.s".to_owned(), (value, value));
            source.differs_from(&restored).is_none()
        };
        assert_eq!([0, 1, 4, 9, 10].map(fits), [false, true, true, true, false]);
    }

    #[test]
    fn whatever_differs_is_named() {
        let source = content();
        let differs = |change: fn(&mut Content)| {
            let mut restored = content();
            restored.sequences.insert("public.s".to_owned(), (4, 4));
            change(&mut restored);
            source.differs_from(&restored).unwrap_or_default()
        };
        assert_eq!(differs(|_| {}), "");
        let found = [
            differs(|c| c.tables.clear()),
            differs(|c| c.tables.values_mut().for_each(|t| t.rows = 1)),
            differs(|c| c.tables.values_mut().for_each(|t| t.checksum.clear())),
            differs(|c| {
                let more = c.tables["public.a"].clone();
                c.tables.insert("b".to_owned(), more);
            }),
            differs(|c| c.sequences.clear()),
            differs(|c| c.sequences.values_mut().for_each(|s| *s = (6, 6))),
            differs(|c| c.large_objects = 1),
            differs(|c| c.schema.clear()),
        ];
        let words = [
            "missing",
            "1 rows, not 2",
            "other values",
            "should not",
            "missing",
            "at 6",
            "large",
            "schema",
        ];
        for (found, words) in found.iter().zip(words) {
            assert!(found.contains(words), "{found}: {words}");
        }
        // Another release of the server may say the same in other words.
        assert_eq!(differs(|c| (c.major, c.schema) = (18, String::new())), "");
    }
}
