//! A dump that is proven before it has a name: every tool's exit code, table of contents and every
//! row read back, row counts of the same snapshot, checksum.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::Path;

use sha2::{Digest, Sha256};
use sqlx::{Connection, Row as _};

use super::Postgres;
use super::count::{self, CopyCounter};
use crate::host::docker::Exec;
use crate::host::{Backup, HostError, files};

impl Postgres {
    pub(super) async fn take_dump(
        &self,
        to: &Path,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<Backup, HostError> {
        let partial = to.with_extension("partial");
        files::remove(&partial)?;
        let taken = self.dump_through(&partial, to, progress).await;
        if taken.is_err() {
            // A full disk must not keep the run from recording what went wrong.
            files::remove(&partial)?;
        }
        taken
    }

    async fn dump_through(
        &self,
        partial: &Path,
        to: &Path,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<Backup, HostError> {
        let container = self.container().await?;
        let mut session = self.network_session(false).await?;
        let mut snapshot = None;
        if let Some(session) = &mut session {
            let failed = self.failed(&self.login.database, "hold a snapshot of");
            sqlx::raw_sql("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                .execute(&mut *session)
                .await
                .map_err(&failed)?;
            let row = sqlx::query("SELECT pg_export_snapshot()")
                .fetch_one(&mut *session)
                .await
                .map_err(&failed)?;
            snapshot = Some(row.get::<String, _>(0));
        }
        let sha256 = self
            .write_dump(&container, snapshot.as_deref(), partial, progress)
            .await?;
        let tables = self.count_in_dump(&container, partial).await?;
        let compared = session.is_some();
        if let Some(mut session) = session {
            let counts = count::in_database(&mut session)
                .await
                .map_err(self.failed(&self.login.database, "count the rows of"))?;
            let _ = session.close().await;
            same_counts(&counts, &tables)?;
        }
        let (on_disk, bytes) = files::sha256_of(partial)?;
        if on_disk != sha256 {
            return Err(HostError::Unexpected(format!(
                "the dump on disk is not what was written to it: `{}`",
                partial.display()
            )));
        }
        files::publish(partial, to)?;
        Ok(Backup {
            path: to.to_owned(),
            bytes,
            sha256,
            tables,
            compared,
        })
    }

    /// Streams `pg_dump` to a file; returns the SHA-256 of what was written.
    async fn write_dump(
        &self,
        container: &str,
        snapshot: Option<&str>,
        partial: &Path,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<String, HostError> {
        let snapshot = snapshot.map(|name| format!("--snapshot={name}"));
        let mut argv = vec!["pg_dump", "-Fc", "-d", &self.login.database];
        argv.extend(snapshot.as_deref());
        let exec = Exec {
            container,
            argv: &argv,
            environment: self.tool_environment(),
        };
        let mut file = files::create_private(partial)?;
        let mut hasher = Sha256::new();
        let mut written = 0;
        let ended = self
            .docker
            .exec(&exec, None, |chunk| {
                file.write_all(chunk).map_err(|source| HostError::File {
                    what: "write the dump to",
                    path: partial.to_owned(),
                    source,
                })?;
                hasher.update(chunk);
                written += chunk.len() as u64;
                progress(written);
                Ok(())
            })
            .await?;
        ended.must_succeed(&exec)?;
        Ok(files::hex(&hasher.finalize()))
    }

    /// Reads the whole dump back as a restore would: the table of contents and every row. `pg_restore --list` alone would see only the former, and an engine takes
    /// seconds to notice that it has stopped listening.
    async fn count_in_dump(
        &self,
        container: &str,
        dump: &Path,
    ) -> Result<BTreeMap<String, u64>, HostError> {
        let mut counter = CopyCounter::default();
        self.read_dump(
            container,
            &["pg_restore", "--data-only", "-f", "-"],
            dump,
            |chunk| counter.feed(chunk),
        )
        .await?;
        Ok(counter.counts)
    }

    /// Feeds a dump to a tool in the container and listens to what it prints.
    pub(super) async fn read_dump(
        &self,
        container: &str,
        argv: &[&str],
        dump: &Path,
        mut output: impl FnMut(&[u8]) + Send,
    ) -> Result<(), HostError> {
        let exec = Exec {
            container,
            argv,
            environment: self.tool_environment(),
        };
        let file = File::open(dump).map_err(|source| HostError::File {
            what: "read the dump",
            path: dump.to_owned(),
            source,
        })?;
        let mut file = tokio::fs::File::from_std(file);
        let ended = self
            .docker
            .exec(&exec, Some(&mut file), |chunk| {
                output(chunk);
                Ok(())
            })
            .await?;
        ended.must_succeed(&exec)
    }
}

/// Every table of the database must be in the dump, with as many rows.
pub(super) fn same_counts(
    database: &BTreeMap<String, u64>,
    dump: &BTreeMap<String, u64>,
) -> Result<(), HostError> {
    let differing = database
        .iter()
        .find(|(table, rows)| dump.get(*table) != Some(rows));
    match differing {
        None => Ok(()),
        Some((table, rows)) => Err(HostError::Unexpected(format!(
            "the dump is not complete: table {table} has {rows} rows, the dump {}",
            dump.get(table)
                .map_or("does not have it".to_owned(), u64::to_string)
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_table_or_row_is_told() {
        let counts = |pairs: &[(&str, u64)]| {
            pairs
                .iter()
                .map(|(table, rows)| ((*table).to_owned(), *rows))
                .collect()
        };
        let database = counts(&[("a", 2), ("b", 0)]);
        same_counts(&database, &counts(&[("a", 2), ("b", 0)])).expect("complete");
        for dump in [counts(&[("a", 1), ("b", 0)]), counts(&[("a", 2)])] {
            same_counts(&database, &dump).expect_err("incomplete");
        }
    }
}
