//! Making another server so much like this one that a dump fits into it and takes as long to work on.

use std::time::{Duration, Instant};

use super::{MAINTENANCE, Postgres, identifier};
use crate::host::{Backup, Containers, Database, HostError, Row};

/// How long a new server may take to be there: it makes its data folder first.
const FIRST_START: Duration = Duration::from_mins(3);
const BETWEEN: Duration = Duration::from_millis(200);
/// Lines of the log of a server that did not start.
const TAIL: usize = 12;

/// Settings of the files and of the command line that bear on how statements are run. Where things
/// are, who may come in and what is written down is each server's own; settings of extensions and
/// apps may be secret.
const SETTINGS: &str = "\
    SELECT name, setting FROM pg_settings \
    WHERE source IN ('configuration file', 'command line') AND context <> 'internal' \
      AND category !~ '^(File Locations|Connections and Authentication|Reporting and Logging|\
Replication|Customized Options|Write-Ahead Log / (Arch|Recovery))' \
      AND name NOT IN ('huge_pages', 'default_tablespace', 'temp_tablespaces') \
    ORDER BY 1";

/// Roles that a dump may name as owners or grantees.
const ROLES: &str = "\
    SELECT rolname AS name FROM pg_roles \
    WHERE rolname NOT LIKE 'pg\\_%' AND rolname <> current_user ORDER BY 1";

/// What another server needs to be like this one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Likeness {
    /// Settings and their values.
    pub settings: Vec<(String, String)>,
    /// Roles besides that of the login.
    pub roles: Vec<String>,
}

impl Likeness {
    /// The command line of a server with these settings.
    pub fn command(&self) -> Vec<String> {
        let settings = self.settings.iter();
        let settings =
            settings.flat_map(|(name, value)| ["-c".to_owned(), format!("{name}={value}")]);
        std::iter::once("postgres".to_owned())
            .chain(settings)
            .collect()
    }
}

impl Postgres {
    /// What another server needs to be like this one.
    pub async fn likeness(&self) -> Result<Likeness, HostError> {
        let text = |row: &Row, column: &str| row.get(column)?.as_str().map(str::to_owned);
        let (settings, roles) = tokio::try_join!(self.rows(SETTINGS), self.rows(ROLES))?;
        let settings = settings.iter();
        Ok(Likeness {
            settings: settings
                .filter_map(|row| Some((text(row, "name")?, text(row, "setting")?)))
                .collect(),
            roles: roles.iter().filter_map(|row| text(row, "name")).collect(),
        })
    }

    /// Waits until a server that was just started takes logins; `container` runs it.
    pub async fn first_start(&self, container: &str) -> Result<(), HostError> {
        let begun = Instant::now();
        let ended = self.docker.follow(container, &|_| {});
        tokio::pin!(ended);
        loop {
            let Err(failure) = self.query(MAINTENANCE, "SELECT 1 AS one").await else {
                return Ok(());
            };
            if begun.elapsed() >= FIRST_START {
                return Err(failure);
            }
            let over = tokio::time::timeout(BETWEEN, &mut ended).await;
            if let Ok(ended) = over {
                let code = ended?.exit_code;
                return Err(HostError::Program {
                    command: "postgres".to_owned(),
                    status: format!("exit code {code} before it took any login"),
                    tail: self.docker.last_lines(container, TAIL).await?,
                });
            }
        }
    }

    /// Fills a new server from a backup of a server that it is to be like: afterwards the first
    /// statement finds tables as they are on a server that has been up for a while.
    pub async fn fill(&self, like: &Likeness, backup: &Backup) -> Result<(), HostError> {
        for role in &like.roles {
            let sql = format!("CREATE ROLE {}", identifier(role));
            self.execute(MAINTENANCE, &sql).await?;
        }
        let database = &self.login.database;
        self.restore_into(backup, database).await?;
        self.execute(database, "VACUUM (ANALYZE)").await?;
        self.execute(database, "CHECKPOINT").await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_is_on_the_command_line() {
        let like = Likeness {
            settings: vec![("work_mem".to_owned(), "4096".to_owned())],
            roles: vec![],
        };
        assert_eq!(like.command(), ["postgres", "-c", "work_mem=4096"]);
    }
}
