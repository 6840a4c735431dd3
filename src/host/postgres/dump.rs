//! A dump that is proven before it has a name.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use sqlx::postgres::PgConnection;
use sqlx::{Connection, Row as _};

use super::binary::{Copier, TOOLS};
use super::connect::LOCK;
use super::toc::Table;
use super::tools::{Tools, jobs};
use super::{Postgres, content};
use crate::event::Proof;
use crate::host::docker::Exec;
use crate::host::{Backup, Content, DumpFormat, HostError, Locale, Row, digest, files};

/// How often it is told how large a dump is by now.
const LOOK: Duration = Duration::from_millis(500);

/// From which version on `pg_dump` knows this.
const ZSTD_SINCE: u32 = 16;
const ZSTD: &str = "zstd:1";
const GZIP: &str = "1";

const LOCALE: &str = "\
    SELECT pg_encoding_to_char(encoding) AS encoding, datcollate AS collate, datctype AS ctype, \
    to_jsonb(d) ->> 'datlocprovider' AS provider, \
    coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale') AS locale \
    FROM pg_database d WHERE datname = current_database()";

/// What is dumped, and by what.
struct Source {
    /// The major version of the tools.
    major: u32,
    /// The name of the snapshot, where a session holds one.
    snapshot: Option<String>,
    /// Who copies tables beside what `pg_dump` writes.
    copier: Option<Copier>,
}

impl Postgres {
    /// Dumps this database.
    pub(super) async fn take_dump(
        &self,
        to: &Path,
        scratch: Option<&str>,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<Backup, HostError> {
        let partial = to.with_extension("partial");
        files::remove_all(&partial)?;
        let tools = self.tools(to.parent().unwrap_or(to)).await?;
        let taken = self.dump_by(&tools, &partial, to, scratch, progress).await;
        let put_away = self.put_away(tools).await;
        if taken.is_err() {
            // A full disk must not keep the run from recording what went wrong.
            files::remove_all(&partial)?;
            // What went wrong counts more than a session that ends by itself in a while.
            let _ = self.end_own_sessions().await;
        }
        put_away.and(taken)
    }

    async fn dump_by(
        &self,
        tools: &Tools,
        partial: &Path,
        to: &Path,
        scratch: Option<&str>,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<Backup, HostError> {
        let locale = self.locale().await?;
        let major = self.tools_major(tools).await?;
        let (mut session, snapshot) = match self.snapshot().await? {
            Some((session, snapshot)) => (Some(session), Some(snapshot)),
            None => (None, None),
        };
        // What a server elsewhere sends `pg_dump` may be encrypted, and what it sends us is not.
        let copied = self.login.service.is_some()
            && matches!(tools, Tools::Beside(_))
            && TOOLS.contains(&major);
        let copier = match &snapshot {
            Some(snapshot) if copied => self.copier(snapshot).await?,
            _ => None,
        };
        let before = self.sequences(session.as_mut()).await?;
        let source = Source {
            major,
            snapshot,
            copier,
        };
        let write = self.write(tools, source, partial);
        let written = async { watched(write, partial, progress).await };
        let content = self.content(session.as_mut());
        let ((format, vectors), mut content) = tokio::try_join!(written, content)?;
        if let (Some(mut session), Some(content)) = (session, &mut content) {
            let after = self.sequences(Some(&mut session)).await?;
            let _ = session.close().await;
            content.bound_sequences(&before, &after);
        }
        let mut backup = Backup {
            path: partial.to_owned(),
            format,
            bytes: 0,
            sha256: String::new(),
            files: BTreeMap::new(),
            locale,
            tables: BTreeMap::new(),
            compared: content.is_some(),
            proof: Proof::List,
            content,
        };
        progress(files::size_so_far(partial));
        self.prove(tools, &mut backup, &vectors, scratch).await?;
        backup.bytes = backup.files.values().map(|file| file.bytes).sum();
        backup.sha256 = digest(&backup.files);
        files::publish(partial, to)?;
        to.clone_into(&mut backup.path);
        Ok(backup)
    }

    /// A session that holds a snapshot, and the snapshot's name; none where the server cannot be
    /// reached over the network.
    async fn snapshot(&self) -> Result<Option<(PgConnection, String)>, HostError> {
        let Some(mut session) = self.network_session(false).await? else {
            return Ok(None);
        };
        let failed = self.failed(&self.login.database, "hold a snapshot of");
        sqlx::raw_sql("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            .execute(&mut session)
            .await
            .map_err(&failed)?;
        let row = sqlx::query("SELECT pg_export_snapshot()")
            .fetch_one(&mut session)
            .await
            .map_err(&failed)?;
        Ok(Some((session, row.get(0))))
    }

    async fn content(
        &self,
        session: Option<&mut PgConnection>,
    ) -> Result<Option<Content>, HostError> {
        let Some(session) = session else {
            return Ok(None);
        };
        let content = content::of(session).await;
        content
            .map(Some)
            .map_err(self.failed(&self.login.database, "compute checksums of"))
    }

    /// Sequence to its last value, now: sequences have no snapshots.
    async fn sequences(
        &self,
        session: Option<&mut PgConnection>,
    ) -> Result<BTreeMap<String, i64>, HostError> {
        let Some(session) = session else {
            return Ok(BTreeMap::new());
        };
        content::sequences(session)
            .await
            .map_err(self.failed(&self.login.database, "read the sequences of"))
    }

    /// Writes the dump; the tables that were copied are beside it, and not part of it yet.
    async fn write(
        &self,
        tools: &Tools,
        source: Source,
        to: &Path,
    ) -> Result<(DumpFormat, Vec<Table>), HostError> {
        let format = self.write_rest(tools, &source, to).await?;
        let copied = match source.copier {
            Some(copier) => self.copy_tables(copier, to).await?,
            None => Vec::new(),
        };
        Ok((format, copied))
    }

    /// Writes what is not copied, with the quickest compression that the tools have.
    async fn write_rest(
        &self,
        tools: &Tools,
        source: &Source,
        to: &Path,
    ) -> Result<DumpFormat, HostError> {
        if source.major >= ZSTD_SINCE {
            match self.write_with(ZSTD, tools, source, to).await {
                // Known, but left out when it was built.
                Err(HostError::Program { tail, .. })
                    if tail
                        .iter()
                        .any(|line| line.contains("does not support compression")) =>
                {
                    files::remove_all(to)?;
                }
                written => return written,
            }
        }
        self.write_with(GZIP, tools, source, to).await
    }

    async fn write_with(
        &self,
        compression: &str,
        tools: &Tools,
        source: &Source,
        to: &Path,
    ) -> Result<DumpFormat, HostError> {
        let snapshot = source.snapshot.as_ref();
        let snapshot = snapshot.map(|name| format!("--snapshot={name}"));
        let copied = source.copier.as_ref().map_or(&[][..], Copier::tables);
        let excluded: Vec<String> = copied.iter().map(Table::exclusion).collect();
        let wait = format!("--lock-wait-timeout={LOCK}");
        let mut words = vec!["pg_dump", "-Z", compression, "-d", &self.login.database];
        words.push(&wait);
        words.extend(snapshot.as_deref());
        words.extend(excluded.iter().map(String::as_str));
        if !excluded.is_empty() {
            // What is copied is restored in the dump's encoding, whatever the role's is.
            words.push("--encoding=UTF8");
        }
        if let Tools::Inside(server) = tools {
            words.push("-Fc");
            self.stream_to(server, &words, to).await?;
            return Ok(DumpFormat::Custom);
        }
        let jobs = jobs();
        words.extend(["-Fd", "-j", &jobs, "-f"]);
        self.run_tool(tools, &words, to, |_| {}).await?;
        Ok(DumpFormat::Directory)
    }

    /// Writes to a file of ours what a program in the server's container prints.
    async fn stream_to(&self, container: &str, argv: &[&str], to: &Path) -> Result<(), HostError> {
        let exec = Exec {
            container,
            argv,
            environment: self.tool_environment(),
        };
        self.docker.exec_to_file(&exec, to).await
    }

    async fn locale(&self) -> Result<Locale, HostError> {
        let rows = self.query(&self.login.database, LOCALE).await?;
        let row: Row = rows.into_iter().next().unwrap_or_default();
        serde_json::from_value(row.into()).map_err(|error| {
            HostError::Unexpected(format!(
                "cannot read how database `{}` orders its texts: {error}",
                self.login.database
            ))
        })
    }
}

/// Does the work, and tells how large what it writes is by now.
async fn watched<T>(
    work: impl Future<Output = T>,
    path: &Path,
    progress: &(dyn Fn(u64) + Sync),
) -> T {
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return done,
            () = tokio::time::sleep(LOOK) => progress(files::size_so_far(path)),
        }
    }
}
