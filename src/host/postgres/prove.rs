//! Proving a dump: by reading all of it back, or by restoring it and comparing every table.

use std::collections::BTreeMap;
use std::path::Path;

use sqlx::Connection;

use super::binary::{self, TOC};
use super::count::CopyCounter;
use super::toc::Table;
use super::tools::Tools;
use super::{Postgres, content, identifier};
use crate::event::Proof;
use crate::host::backup::{look, read_files};
use crate::host::{Backup, Content, HostError};

/// Prints the beginning of each line of what a program prints, and ends as that program does: rows
/// are counted, and vectors would have to come through the engine in full.
const CUT: &str = "command -v cut >/dev/null || exec \"$@\"; exec 4>&1; \
    code=$({ { \"$@\" 3>&- 4>&-; echo $? >&3; } | cut -b 1-512 >&4; } 3>&1); exit \"$code\"";

impl Postgres {
    /// Proves a dump of this database, with the copies of `vectors` beside it, which become part of
    /// it; says so in it, and which files it has.
    pub(super) async fn prove(
        &self,
        tools: &Tools,
        backup: &mut Backup,
        vectors: &[Table],
        scratch: Option<&str>,
    ) -> Result<(), HostError> {
        if let (Some(name), true) = (scratch, backup.content.is_some()) {
            add(vectors, &backup.path).await?;
            let files = aside(&backup.path, read_files);
            backup.tables = self.prove_by_restore(tools, backup, name).await?.rows();
            backup.proof = Proof::Restore;
            backup.files = files.await?;
            return Ok(());
        }
        let files = aside(&backup.path, read_files);
        backup.tables = self.count_in_dump(tools, &backup.path).await?;
        backup.files = files.await?;
        if !vectors.is_empty() {
            backup.tables.extend(add(vectors, &backup.path).await?);
            self.must_list(tools, vectors, &backup.path).await?;
            let toc = look(&backup.path, TOC)?;
            backup.files.insert(TOC.to_owned(), toc);
        }
        if let Some(content) = &backup.content {
            same_counts(&content.rows(), &backup.tables)?;
        }
        Ok(())
    }

    /// Restores a dump as database `name`, compares the two, and drops it again.
    pub(super) async fn prove_by_restore(
        &self,
        tools: &Tools,
        backup: &Backup,
        name: &str,
    ) -> Result<Content, HostError> {
        let compared = self.restore_by(tools, backup, name).await;
        let dropped = self.drop_database(name).await;
        let content = compared?.ok_or_else(|| {
            HostError::Unexpected(
                "a restored dump can be compared over the network only, and the database server \
                 cannot be reached there"
                    .to_owned(),
            )
        })?;
        dropped?;
        Ok(content)
    }

    /// Proves a dump that was taken before by restoring it as database `scratch`.
    pub async fn prove_again(&self, backup: &Backup, scratch: &str) -> Result<(), HostError> {
        backup.check_files()?;
        let tools = self.tools(folder_of(backup)).await?;
        let proven = self.prove_by_restore(&tools, backup, scratch).await;
        let put_away = self.put_away(tools).await;
        proven?;
        put_away
    }

    /// Reads the table of contents of a dump.
    pub async fn read_contents(&self, backup: &Backup) -> Result<(), HostError> {
        let tools = self.tools(folder_of(backup)).await?;
        let words = match tools {
            // It would stop to listen behind the table, and an engine takes seconds to notice.
            Tools::Inside(_) => &["pg_restore", "--data-only", "-f", "-"][..],
            Tools::Beside(_) | Tools::Here(_) => &["pg_restore", "--list"],
        };
        let read = self.run_tool(&tools, words, &backup.path, |_| {}).await;
        let put_away = self.put_away(tools).await;
        read.and(put_away)
    }

    /// Drops a database if it is there.
    pub async fn drop_database(&self, name: &str) -> Result<(), HostError> {
        let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", identifier(name));
        self.administer(&sql).await
    }

    /// Reads the whole dump back as a restore would: the table of contents and every row.
    /// `pg_restore --list` alone would see only the former.
    async fn count_in_dump(
        &self,
        tools: &Tools,
        dump: &Path,
    ) -> Result<BTreeMap<String, u64>, HostError> {
        let mut counter = CopyCounter::default();
        let restore = ["pg_restore", "--data-only", "-f", "-"];
        let words = [&["sh", "-c", CUT, "sh"], &restore[..]].concat();
        self.run_tool(tools, &words, dump, |chunk| counter.feed(chunk))
            .await
            .map_err(|error| match error {
                HostError::Program { status, tail, .. } => HostError::Program {
                    command: restore.join(" "),
                    status,
                    tail,
                },
                error => error,
            })?;
        Ok(counter.counts)
    }

    /// The tables that were added to a dump must be there for `pg_restore`, too.
    async fn must_list(
        &self,
        tools: &Tools,
        added: &[Table],
        dump: &Path,
    ) -> Result<(), HostError> {
        let mut list = Vec::new();
        let words = ["pg_restore", "--list"];
        self.run_tool(tools, &words, dump, |chunk| list.extend_from_slice(chunk))
            .await?;
        let list = String::from_utf8_lossy(&list);
        match added.iter().find(|table| !table.is_in(&list)) {
            None => Ok(()),
            Some(table) => Err(HostError::Unexpected(format!(
                "`pg_restore` does not find table {} in the dump it was added to",
                table.full_name
            ))),
        }
    }

    /// What database `name` holds; none where it cannot be reached over the network.
    pub(super) async fn content_of(&self, name: &str) -> Result<Option<Content>, HostError> {
        let Some(mut session) = self.of(name).network_session(false).await? else {
            return Ok(None);
        };
        let content = content::of(&mut session)
            .await
            .map_err(self.failed(name, "compute checksums of"))?;
        let _ = session.close().await;
        Ok(Some(content))
    }
}

/// Adds the copies of `vectors` to a dump; table to rows, as they are read in the copies.
async fn add(vectors: &[Table], dump: &Path) -> Result<BTreeMap<String, u64>, HostError> {
    if vectors.is_empty() {
        return Ok(BTreeMap::new());
    }
    let vectors = vectors.to_owned();
    aside(dump, move |dump| binary::add(&vectors, dump)).await
}

/// Begins to read a dump at once, beside what is done until this is awaited.
fn aside<T: Send + 'static>(
    dump: &Path,
    read: impl FnOnce(&Path) -> Result<T, HostError> + Send + 'static,
) -> impl Future<Output = Result<T, HostError>> {
    let dump = dump.to_owned();
    let reading = tokio::task::spawn_blocking(move || read(&dump));
    async {
        let read = reading.await;
        read.map_err(|error| HostError::Unexpected(format!("cannot read the dump: {error}")))?
    }
}

pub(super) fn folder_of(backup: &Backup) -> &Path {
    backup.path.parent().unwrap_or(&backup.path)
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
