//! `docker compose`, always told everything: files, project, folder, env files, profiles.

use std::path::PathBuf;

use super::process::{Children, Program};
use super::{Compose, HostError, Model};

/// Would add to, or contradict, what is said on the command line.
const UNSET: [&str; 6] = [
    "COMPOSE_FILE",
    "COMPOSE_PATH_SEPARATOR",
    "COMPOSE_PROJECT_NAME",
    "COMPOSE_ENV_FILES",
    "COMPOSE_REMOVE_ORPHANS",
    "COMPOSE_DRY_RUN",
];

/// What names a project: Compose's own arguments, all of them resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectArgs {
    /// The files, in the order in which they are merged.
    pub files: Vec<PathBuf>,
    /// The override file that is merged last where it is there, if the files were discovered.
    pub beside: Option<PathBuf>,
    /// The project folder.
    pub directory: PathBuf,
    /// The project's name, where the user or we have said it.
    pub name: Option<String>,
    /// Env files, where the user has named some.
    pub env_files: Vec<PathBuf>,
    /// Profiles to enable.
    pub profiles: Vec<String>,
}

impl ProjectArgs {
    /// The files that there are, in the order in which they are merged.
    pub fn merged(&self) -> Vec<PathBuf> {
        let beside = self.beside.iter().filter(|path| path.exists());
        self.files.iter().chain(beside).cloned().collect()
    }

    /// The arguments as Compose takes them.
    pub fn to_args(&self) -> Vec<String> {
        let mut args = Vec::new();
        let mut put = |flag: &str, value: String| args.extend([flag.to_owned(), value]);
        put("--project-directory", self.directory.display().to_string());
        for file in self.merged() {
            put("-f", file.display().to_string());
        }
        for file in &self.env_files {
            put("--env-file", file.display().to_string());
        }
        if let Some(name) = &self.name {
            put("-p", name.clone());
        }
        for profile in &self.profiles {
            put("--profile", profile.clone());
        }
        args
    }
}

/// `docker compose` on one project.
#[derive(Debug, Clone)]
pub struct DockerCompose {
    /// The path of the `docker` command.
    docker: PathBuf,
    project: ProjectArgs,
    children: Children,
}

impl DockerCompose {
    /// `children` decides whether what is started holds the project's child lock.
    pub fn new(docker: PathBuf, project: ProjectArgs, children: Children) -> Self {
        Self {
            docker,
            project,
            children,
        }
    }

    /// The version of the plugin, as it writes it.
    pub async fn version(&self) -> Result<String, HostError> {
        let args = ["compose", "version", "--short"]
            .map(str::to_owned)
            .to_vec();
        let printed = Children::reading().run(&self.program(args)).await?;
        Ok(printed.output.trim().trim_start_matches('v').to_owned())
    }

    /// The services of all profiles, enabled or not.
    pub async fn services_of_all_profiles(&self) -> Result<Vec<String>, HostError> {
        let verb = ["--profile", "*", "config", "--services"];
        let printed = Children::reading().run(&self.on_project(&verb)).await?;
        Ok(printed.output.lines().map(str::to_owned).collect())
    }

    /// Of these services, the containers that would be made anew; those they depend on are not
    /// looked at.
    pub async fn would_recreate_of(&self, services: &[String]) -> Result<Vec<String>, HostError> {
        if services.is_empty() {
            return Ok(Vec::new());
        }
        let mut verb = vec!["--dry-run", "up", "--no-start", "--no-deps"];
        verb.extend(["--pull", "never", "--no-build"]);
        verb.extend(services.iter().map(String::as_str));
        self.dry_run(&verb).await
    }

    async fn dry_run(&self, verb: &[&str]) -> Result<Vec<String>, HostError> {
        let printed = Children::reading().run(&self.on_project(verb)).await?;
        Ok(printed
            .errors
            .lines()
            .filter_map(recreated)
            .map(str::to_owned)
            .collect())
    }

    async fn change(&self, verb: &[&str]) -> Result<(), HostError> {
        self.children.run(&self.on_project(verb)).await.map(drop)
    }

    fn on_project(&self, verb: &[&str]) -> Program {
        let mut args = ["compose", "--ansi", "never", "--progress", "plain"]
            .map(str::to_owned)
            .to_vec();
        args.extend(self.project.to_args());
        args.extend(verb.iter().map(ToString::to_string));
        self.program(args)
    }

    fn program(&self, args: Vec<String>) -> Program {
        Program {
            path: self.docker.clone(),
            args,
            folder: self.project.directory.clone(),
            set: vec![("COMPOSE_MENU".to_owned(), "0".to_owned())],
            unset: &UNSET,
        }
    }
}

impl Compose for DockerCompose {
    async fn model(&self) -> Result<Model, HostError> {
        let verb = ["config", "--format", "json"];
        let printed = Children::reading().run(&self.on_project(&verb)).await?;
        serde_json::from_str(&printed.output).map_err(|error| {
            HostError::Unexpected(format!(
                "cannot understand `docker compose config`: {error}"
            ))
        })
    }

    async fn create(&self, services: &[String]) -> Result<(), HostError> {
        let mut verb = vec!["create", "--pull", "never", "--no-build"];
        verb.extend(services.iter().map(String::as_str));
        self.change(&verb).await
    }

    /// `config --hash` cannot tell: it leaves env files out (2.40).
    async fn would_recreate(&self) -> Result<Vec<String>, HostError> {
        self.dry_run(&["--dry-run", "create", "--pull", "never", "--no-build"])
            .await
    }

    async fn start(&self, service: &str) -> Result<(), HostError> {
        self.change(&["up", "-d", "--no-deps", "--no-recreate", service])
            .await
    }
}

/// The container of a line such as `DRY-RUN MODE -  Container eneo_db  Recreate`.
fn recreated(line: &str) -> Option<&str> {
    let mut words = line
        .split_whitespace()
        .skip_while(|word| *word != "Container")
        .skip(1);
    let (name, verb) = (words.next()?, words.next()?);
    (verb == "Recreate").then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_made_anew_is_read_from_a_dry_run() {
        let lines = [
            (
                " DRY-RUN MODE -  Container eneo_db  Recreate ",
                Some("eneo_db"),
            ),
            (" DRY-RUN MODE -  Container eneo_db  Recreated ", None),
            (" DRY-RUN MODE -  Container eneo_db  Running ", None),
            ("time=\"…\" level=warning msg=\"Container\"", None),
            ("", None),
        ];
        for (line, name) in lines {
            assert_eq!(recreated(line), name, "{line}");
        }
    }
}
