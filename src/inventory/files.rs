//! Which files make up the project: named ones, else what Compose would discover.

use std::path::{Path, PathBuf};

use super::sources::{Sources, read_text};
use crate::event::{Failure, FailureClass};
use crate::host::compose::ProjectArgs;

const BASES: [&str; 4] = [
    "compose.yaml",
    "compose.yml",
    "docker-compose.yml",
    "docker-compose.yaml",
];
const OVERRIDES: [&str; 4] = [
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
];

/// What the user said about the project.
#[derive(Debug, Clone)]
pub struct Named<'a> {
    /// The folder we were called in.
    pub here: &'a Path,
    /// Files by flag or environment.
    pub files: &'a [PathBuf],
    /// The project folder by flag.
    pub directory: Option<&'a Path>,
    /// The project's name by flag or environment.
    pub name: Option<&'a str>,
    /// Env files by flag or environment.
    pub env_files: &'a [PathBuf],
    /// Profiles by flag.
    pub profiles: &'a [String],
    /// What separates the entries of `COMPOSE_FILE`, by environment.
    pub separator: Option<&'a str>,
}

/// The project's files, found and read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// How to tell Compose.
    pub args: ProjectArgs,
    /// What they say.
    pub sources: Sources,
}

/// Finds the project's files (rule R0: flags, then environment, then discovery).
pub fn locate(named: &Named<'_>) -> Result<Located, Failure> {
    let absolute = |path: &PathBuf| named.here.join(path);
    let start = named
        .directory
        .map_or(named.here.to_owned(), |path| named.here.join(path));
    let mut paths: Vec<PathBuf> = named.files.iter().map(absolute).collect();
    if named.files.iter().any(|file| file.as_os_str() == "-") {
        return Err(
            Failure::new("cannot upgrade a project read from standard input")
                .hint("save it as a file and name it with `-f`")
                .class(FailureClass::Refused),
        );
    }
    if paths.is_empty() {
        paths = from_env_files(named, &start)?;
    }
    let mut beside = None;
    if paths.is_empty() {
        let (base, over) = discover(&start)?;
        paths = vec![base];
        beside = Some(over);
    }
    for path in &mut paths {
        *path = clean(path);
    }
    let directory = match named.directory {
        Some(_) => clean(&start),
        None => paths
            .first()
            .and_then(|path| path.parent())
            .unwrap_or(named.here)
            .to_owned(),
    };
    let env_files: Vec<PathBuf> = named
        .env_files
        .iter()
        .map(|path| clean(&absolute(path)))
        .collect();
    let args = ProjectArgs {
        files: paths,
        beside,
        directory,
        name: named.name.map(str::to_owned),
        env_files,
        profiles: named.profiles.to_vec(),
    };
    let sources = Sources::read(&args)?;
    Ok(Located { args, sources })
}

/// `COMPOSE_FILE` and its separator may stand in `.env`, or in the env files named instead of it;
/// the paths are relative to where we were called, as on the command line.
fn from_env_files(named: &Named<'_>, folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut paths: Vec<PathBuf> = named
        .env_files
        .iter()
        .map(|path| named.here.join(path))
        .collect();
    if paths.is_empty() {
        paths.push(folder.join(".env"));
    }
    // Of several the last one's word counts.
    let mut texts = Vec::new();
    for path in paths.iter().rev() {
        texts.extend(read_text(path)?);
    }
    let value = |name| {
        let mut values = texts
            .iter()
            .filter_map(|text| crate::compose_file::env_value(text, name));
        values.next().filter(|value| !value.is_empty())
    };
    let separator = named.separator.map(str::to_owned);
    let separator = separator.or_else(|| value("COMPOSE_PATH_SEPARATOR"));
    let files = value("COMPOSE_FILE").unwrap_or_default();
    Ok(files
        .split(separator.as_deref().unwrap_or(":"))
        .filter(|part| !part.is_empty())
        .map(|part| named.here.join(part))
        .collect())
}

/// Upward from `start`: the first folder with a base file, and the override file beside it, or
/// where one can be put that Compose would find.
fn discover(start: &Path) -> Result<(PathBuf, PathBuf), Failure> {
    for folder in start.ancestors() {
        let first = |names: &[&str]| {
            names
                .iter()
                .map(|name| folder.join(name))
                .find(|path| path.is_file())
        };
        if let Some(base) = first(&BASES) {
            let name = base.file_name().unwrap_or_default().to_string_lossy();
            let new = match name.starts_with("docker-") {
                true => OVERRIDES[2],
                false => OVERRIDES[1],
            };
            let over = first(&OVERRIDES).unwrap_or_else(|| folder.join(new));
            return Ok((base, over));
        }
    }
    Err(Failure::new(format!(
        "there is no Compose file in `{}` or above it",
        start.display()
    ))
    .hint("go to the project's folder, or name the file with `-f`")
    .class(FailureClass::Usage))
}

/// Without `.` and `..`, links kept: as Compose writes it in its labels.
pub(super) fn clean(path: &Path) -> PathBuf {
    let mut cleaned = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::CurDir => {}
            std::path::Component::ParentDir => {
                cleaned.pop();
            }
            part => cleaned.push(part),
        }
    }
    cleaned
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::files;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            files::replace(&path, text.as_bytes()).expect("written");
        }
        folder
    }

    fn locate_in(here: &Path, files: &[&str]) -> Result<Located, Failure> {
        let files: Vec<PathBuf> = files.iter().map(PathBuf::from).collect();
        locate(&Named {
            here,
            files: &files,
            directory: None,
            name: None,
            env_files: &[],
            profiles: &[],
            separator: None,
        })
    }

    #[test]
    fn discovery_goes_upward_and_takes_one_override() {
        let folder = folder(&[
            ("docker-compose.yml", "a"),
            ("compose.yml", "b"),
            ("docker-compose.override.yml", "c"),
            ("compose.override.yml", "d"),
            ("sub/x", ""),
        ]);
        let located = locate_in(&folder.path().join("sub"), &[]).expect("found");
        let names = ["compose.yml", "compose.override.yml"].map(|name| folder.path().join(name));
        assert_eq!(located.args.merged(), names);
        assert_eq!(located.args.directory, folder.path());
    }

    #[test]
    fn the_list_of_files_may_stand_in_dot_env() {
        let folder = folder(&[
            (".env", "COMPOSE_FILE=x.yml:y.yml\n"),
            ("x.yml", ""),
            ("y.yml", ""),
        ]);
        let located = locate_in(folder.path(), &[]).expect("found");
        assert_eq!(
            located.args.files,
            ["x.yml", "y.yml"].map(|name| folder.path().join(name))
        );
        assert!(
            located
                .sources
                .texts
                .contains_key(&folder.path().join(".env"))
        );
    }

    #[test]
    fn what_cannot_be_found_is_named() {
        let folder = folder(&[]);
        let error = locate_in(folder.path(), &["sub/../no.yml"]).expect_err("missing");
        let path = folder.path().join("no.yml");
        assert_eq!(
            error.error,
            format!("there is no Compose file `{}`", path.display())
        );
        assert_eq!(
            locate_in(folder.path(), &["-"]).expect_err("refused").class,
            FailureClass::Refused
        );
    }
}
