//! Where `pg_dump` and `pg_restore` come from, and how a dump gets to them.

use std::path::{Path, PathBuf};

use super::Postgres;
use crate::host::HostError;
use crate::host::docker::{Exec, ToolContainer};
use crate::host::process::{Children, Program};

/// The tools of a server.
pub(super) enum Tools {
    /// In a container of their own, which sees the backup's folder: of the server's image, or of
    /// one that was named for a server elsewhere.
    Beside(ToolContainer),
    /// In the server's container, which sees nothing of ours: dumps pass through this process.
    Inside(String),
    /// On this machine, for a server that is no service of the project. Their major version.
    Here(u32),
}

/// What would change how libpq connects, or what a tool prints.
const LIBPQ: &[&str] = &[
    "PGDATABASE",
    "PGHOSTADDR",
    "PGOPTIONS",
    "PGPASSFILE",
    "PGSERVICE",
    "PGSERVICEFILE",
    "PGTARGETSESSIONATTRS",
    "PGTZ",
    "PGDATESTYLE",
    "PGCLIENTENCODING",
];

impl Postgres {
    /// The tools of this server, for a dump in `folder`. Give them back with
    /// [`put_away`](Self::put_away).
    pub(super) async fn tools(&self, folder: &Path) -> Result<Tools, HostError> {
        let run = self
            .application
            .rsplit(':')
            .next()
            .unwrap_or(&self.application);
        if self.login.service.is_none() {
            return match self.tools_here().await {
                Ok(major) => Ok(Tools::Here(major)),
                Err(error) => self.tools_of_image(folder, run, &error).await,
            };
        }
        let server = self.container().await?;
        match self.docker.start_tools_beside(&server, folder, run).await {
            Ok(container) => Ok(Tools::Beside(container)),
            // Slower, and just as sound.
            Err(_) => Ok(Tools::Inside(server)),
        }
    }

    /// Where this machine does not have them: `missing` says which.
    async fn tools_of_image(
        &self,
        folder: &Path,
        run: &str,
        missing: &HostError,
    ) -> Result<Tools, HostError> {
        let major = self.major().await?.to_string();
        let image = self.login.tools_image.replace("{major}", &major);
        let started = self.docker.start_tools_of(&image, folder, run).await;
        started.map(Tools::Beside).map_err(|error| {
            HostError::Unexpected(format!(
                "{missing}; nor can image `{image}` be used: {error}"
            ))
        })
    }

    pub(super) async fn put_away(&self, tools: Tools) -> Result<(), HostError> {
        match tools {
            Tools::Beside(container) => self.docker.remove_tools(&container).await,
            Tools::Inside(_) | Tools::Here(_) => Ok(()),
        }
    }

    /// Those of this machine; they must not be older than the server.
    async fn tools_here(&self) -> Result<u32, HostError> {
        let server = self.major().await?;
        let needed = |found: &str| {
            HostError::Unexpected(format!(
                "database server `{}` is PostgreSQL {server} and no service of this project, so \
                 its backup needs `pg_dump` and `pg_restore` of version {server} or newer on this \
                 machine; {found}",
                self.login.host
            ))
        };
        let mut oldest = u32::MAX;
        for name in ["pg_dump", "pg_restore"] {
            let path = which::which(name).map_err(|_| needed(&format!("`{name}` is missing")))?;
            let program = Program {
                path,
                args: vec!["--version".to_owned()],
                folder: PathBuf::from("/"),
                set: Vec::new(),
                unset: LIBPQ,
            };
            let said = Children::reading().run(&program).await?.output;
            let major = major_of(&said)
                .filter(|major| *major >= server)
                .ok_or_else(|| needed(&format!("there is `{}`", said.trim())))?;
            oldest = oldest.min(major);
        }
        Ok(oldest)
    }

    /// Runs a tool whose last argument is a dump, or which reads it from its standard input.
    pub(super) async fn run_tool(
        &self,
        tools: &Tools,
        words: &[&str],
        dump: &Path,
        mut output: impl FnMut(&[u8]) + Send,
    ) -> Result<(), HostError> {
        match tools {
            Tools::Beside(container) => {
                let path = container.path(dump).ok_or_else(|| elsewhere(dump))?;
                let words = [words, &[path.as_str()]].concat();
                let exec = Exec {
                    container: &container.id,
                    argv: &ToolContainer::argv(&words),
                    environment: self.tool_environment(),
                };
                let ended = self.docker.exec(&exec, None, |chunk| {
                    output(chunk);
                    Ok(())
                });
                ended.await?.must_succeed(&Exec {
                    argv: &words,
                    ..exec
                })
            }
            Tools::Inside(server) if dump.is_dir() => Err(HostError::Unexpected(format!(
                "the backup `{}` is a folder, which the engine's machine would have to see; \
                 container {server} cannot be handed one",
                dump.display()
            ))),
            Tools::Inside(server) => self.feed(server, words, dump, output).await,
            Tools::Here(_) => {
                let program = self.program(words, dump)?;
                self.children.stream(&program, output).await.map(drop)
            }
        }
    }

    /// Feeds a dump to a tool in the server's container and listens to what it prints.
    async fn feed(
        &self,
        container: &str,
        argv: &[&str],
        dump: &Path,
        output: impl FnMut(&[u8]) + Send,
    ) -> Result<(), HostError> {
        let exec = Exec {
            container,
            argv,
            environment: self.tool_environment(),
        };
        self.docker.exec_from_file(&exec, dump, output).await
    }

    fn program(&self, words: &[&str], dump: &Path) -> Result<Program, HostError> {
        let (name, args) = words.split_first().ok_or_else(|| elsewhere(dump))?;
        let path = which::which(name)
            .map_err(|_| HostError::Unexpected(format!("`{name}` is gone from this machine")))?;
        let args = args.iter().map(ToString::to_string);
        let set = self.tool_environment().into_iter();
        Ok(Program {
            path,
            args: args.chain([dump.display().to_string()]).collect(),
            folder: PathBuf::from("/"),
            set: set
                .map(|(name, value)| (name.to_owned(), value.expose().to_owned()))
                .collect(),
            unset: LIBPQ,
        })
    }

    /// The major version of the tools, which is that of the server where they share an image.
    pub(super) async fn tools_major(&self, tools: &Tools) -> Result<u32, HostError> {
        match tools {
            Tools::Here(major) => Ok(*major),
            Tools::Beside(_) | Tools::Inside(_) => self.major().await,
        }
    }

    async fn major(&self) -> Result<u32, HostError> {
        let sql = "SELECT current_setting('server_version_num')::int / 10000 AS major";
        let rows = self.query(&self.login.database, sql).await?;
        let major = rows.first().and_then(|row| row.get("major")?.as_u64());
        let major = major.and_then(|major| u32::try_from(major).ok());
        major.ok_or_else(|| {
            HostError::Unexpected("the database server does not say its version".to_owned())
        })
    }
}

/// How many tables a tool works on at a time: as many as there are cores, within reason.
pub(super) fn jobs() -> String {
    let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    cores.clamp(2, 4).to_string()
}

/// A dump that its tools cannot see.
fn elsewhere(dump: &Path) -> HostError {
    HostError::Unexpected(format!(
        "the backup `{}` is not in the folder it was looked for",
        dump.display()
    ))
}

/// `17` of `pg_dump (PostgreSQL) 17.5 (Debian 17.5-1)`.
fn major_of(said: &str) -> Option<u32> {
    let version = said.split_once("(PostgreSQL) ")?.1;
    let digits = version.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_say_their_version() {
        for (said, major) in [
            ("pg_dump (PostgreSQL) 17.5 (Debian 17.5-1)\n", Some(17)),
            ("pg_restore (PostgreSQL) 18beta1", Some(18)),
            ("pg_dump: not found", None),
        ] {
            assert_eq!(major_of(said), major, "{said}");
        }
    }
}
