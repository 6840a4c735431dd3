//! What the project's files say: those that are named or discovered, those they include, and those
//! that services are extended from.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::files::clean;
use crate::compose_file;
use crate::event::{Failure, FailureClass};
use crate::host::compose::ProjectArgs;
use crate::host::{HostError, files};

/// Files within files; Compose refuses circles.
const DEEPEST: u8 = 20;

/// The texts that an edit may touch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sources {
    /// Compose files in the order in which they are merged, included ones before those that
    /// include them. Files that are included from elsewhere are left out: they are others'.
    pub compose: Vec<PathBuf>,
    /// Files that set variables, those whose word counts first.
    pub variables: Vec<PathBuf>,
    /// The text of each, and of the files that services are extended from.
    pub texts: BTreeMap<PathBuf, String>,
    /// Where those are: the file that names them and the name, to the path.
    pub extended: BTreeMap<(PathBuf, String), PathBuf>,
    /// Other files of the project that they name: env files of services, configs and secrets.
    pub attached: Vec<PathBuf>,
}

impl Sources {
    /// The text of one of the files.
    pub fn text(&self, path: &Path) -> &str {
        self.texts.get(path).map_or("", String::as_str)
    }

    /// The file and the name of what a service extends.
    pub fn base_of(&self, path: &Path, service: &str) -> Option<(PathBuf, String)> {
        let extends = compose_file::extends(self.text(path), service).ok()??;
        let file = match extends.file {
            Some(file) => self.extended.get(&(path.to_owned(), file))?,
            None => path,
        };
        Some((file.to_owned(), extends.service))
    }

    fn read_variables(&mut self, path: PathBuf) -> Result<(), HostError> {
        if let Some(text) = files::read_text(&path)? {
            self.variables.push(path.clone());
            self.texts.insert(path, text);
        }
        Ok(())
    }

    /// Names are relative to the project's folder, or to that of the file that is included.
    fn find_attached(&self, directory: &Path, project: &Path) -> Vec<PathBuf> {
        let mut found = std::collections::BTreeSet::new();
        for (path, text) in &self.texts {
            let folders = [Some(directory), path.parent()];
            for name in compose_file::attached(text) {
                let paths = folders.into_iter().flatten();
                found.extend(paths.map(|folder| clean(&folder.join(&name))));
            }
        }
        let ours = |path: &PathBuf| {
            let real = path.canonicalize().unwrap_or_default();
            real.starts_with(project) && real.is_file() && !self.texts.contains_key(path)
        };
        found.into_iter().filter(ours).collect()
    }

    /// Reads the files of a project.
    pub fn read(args: &ProjectArgs) -> Result<Self, Failure> {
        let mut sources = Self::default();
        // Of several env files the last one's word counts.
        for path in args.env_files.iter().rev() {
            sources.read_variables(path.clone()).map_err(unreadable)?;
        }
        if args.env_files.is_empty() {
            let path = args.directory.join(".env");
            sources.read_variables(path).map_err(unreadable)?;
        }
        let project = args.directory.canonicalize().unwrap_or_default();
        for path in args.merged() {
            let text = read_text(&path)?.ok_or_else(|| {
                Failure::new(format!("there is no Compose file `{}`", path.display()))
                    .class(FailureClass::Usage)
            })?;
            let mut reading = Reading {
                project: &project,
                sources: &mut sources,
            };
            reading
                .included(&text, &args.directory, 0)
                .and_then(|()| reading.extended(&path, &text, &args.directory, 0))
                .map_err(unreadable)?;
            sources.compose.push(path.clone());
            sources.texts.insert(path, text);
        }
        sources.attached = sources.find_attached(&args.directory, &project);
        Ok(sources)
    }
}

/// Reads what files name, as far as it belongs to the project. What cannot be read here, Compose
/// complains about.
struct Reading<'a> {
    project: &'a Path,
    sources: &'a mut Sources,
}

impl Reading<'_> {
    fn included(&mut self, text: &str, folder: &Path, depth: u8) -> Result<(), HostError> {
        let includes = compose_file::includes(text).unwrap_or_default();
        for include in includes.iter().filter(|_| depth < DEEPEST) {
            let paths = include.paths.iter();
            let paths: Vec<PathBuf> = paths.map(|path| clean(&folder.join(path))).collect();
            let inner = match (&include.project_directory, paths.first()) {
                (Some(named), _) => clean(&folder.join(named)),
                (None, Some(first)) => first.parent().unwrap_or(folder).to_owned(),
                (None, None) => continue,
            };
            for path in paths {
                let Some(text) = self.ours(&path)? else {
                    continue;
                };
                self.included(&text, &inner, depth + 1)?;
                self.extended(&path, &text, &inner, 0)?;
                self.sources.compose.push(path.clone());
                self.sources.texts.insert(path, text);
            }
            let named = include.env_files.iter().map(|path| folder.join(path));
            let mut variables: Vec<PathBuf> = named.map(|path| clean(&path)).collect();
            if variables.is_empty() {
                variables.push(inner.join(".env"));
            }
            for path in variables {
                if !self.sources.texts.contains_key(&path) {
                    self.sources.read_variables(path)?;
                }
            }
        }
        Ok(())
    }

    fn extended(
        &mut self,
        by: &Path,
        text: &str,
        folder: &Path,
        depth: u8,
    ) -> Result<(), HostError> {
        let extends = compose_file::all_extends(text).unwrap_or_default();
        let named = extends.into_iter().filter_map(|extends| extends.file);
        for file in named.filter(|_| depth < DEEPEST) {
            let path = clean(&folder.join(&file));
            if let Some(text) = self.ours(&path)? {
                self.sources.texts.insert(path.clone(), text.clone());
                let inner = path.parent().unwrap_or(folder);
                self.extended(&path, &text, inner, depth + 1)?;
            }
            if self.sources.texts.contains_key(&path) {
                self.sources.extended.insert((by.to_owned(), file), path);
            }
        }
        Ok(())
    }

    /// The text of a file of the project that was not read yet. Links are followed: what lies
    /// elsewhere may be anybody's.
    fn ours(&self, path: &Path) -> Result<Option<String>, HostError> {
        let real = path.canonicalize().unwrap_or_default();
        match real.starts_with(self.project) && !self.sources.texts.contains_key(path) {
            true => files::read_text(path),
            false => Ok(None),
        }
    }
}

/// The text of a file; none where there is no file.
pub(super) fn read_text(path: &Path) -> Result<Option<String>, Failure> {
    files::read_text(path).map_err(unreadable)
}

/// What cannot be read as text is the user's to mend.
fn unreadable(error: HostError) -> Failure {
    let kind = match &error {
        HostError::File { source, .. } => source.kind(),
        _ => return error.into(),
    };
    let failure = Failure::from(error);
    match kind {
        ErrorKind::InvalidData => failure.hint("save it as UTF-8"),
        ErrorKind::IsADirectory => return failure.class(FailureClass::Usage),
        _ => failure.hint("check the rights of the file, or become a user who may read it"),
    }
    .class(FailureClass::Refused)
}
