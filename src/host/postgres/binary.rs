//! Tables of vectors, copied in the form in which the server has them. As text, the server writes
//! out each number in decimal digits, which takes most of the time of a dump of vectors.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::ops::RangeInclusive;
use std::path::Path;

use futures_util::TryStreamExt;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Connection, Row as _};
use tokio::io::AsyncWriteExt;

use super::connect::LOCK;
use super::toc::{Table, Toc};
use super::{Postgres, literal, schema};
use crate::host::{HostError, files};

/// Of which versions the table of contents is known to which such a table is added.
pub(super) const TOOLS: RangeInclusive<u32> = 13..=18;

/// The file in which a dump has its table of contents.
pub(super) const TOC: &str = "toc.dat";

/// Tables with columns of pgvector's types, beside which there is nothing but enumerations and the
/// server's own types that are the same in every database: lists of other types hold OIDs, as do
/// rows and names of things. (An empty `int2vector` or `oidvector` is not read back.) Texts come as
/// UTF-8, so they must be so in the database. A row of a partition may belong to another one after
/// a restore, which `pg_dump` heeds.
///
/// Each one is named in the command line of `pg_dump`, hence the largest only.
const TABLES: &str = "\
    SELECT n.nspname::text AS schema, c.relname::text AS name, \
      format('%I.%I', n.nspname, c.relname) AS full_name, \
      string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) AS columns \
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
      AND a.attgenerated = '' \
    JOIN pg_type t ON t.oid = a.atttypid \
    JOIN pg_type b ON b.oid = CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.oid END \
    CROSS JOIN LATERAL (SELECT b.typtype = 'b' AND b.typcategory <> 'A' AND EXISTS (SELECT 1 FROM pg_depend d \
      JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'vector' \
      WHERE d.classid = 'pg_type'::regclass AND d.objid = b.oid AND d.deptype = 'e' \
      AND d.refclassid = 'pg_extension'::regclass) AS vector) AS of_pgvector \
    LEFT JOIN pg_type element ON element.oid = b.typelem \
    LEFT JOIN pg_class toast ON toast.oid = c.reltoastrelid \
    WHERE getdatabaseencoding() = 'UTF8' AND NOT c.relispartition AND :tables \
    GROUP BY n.nspname, c.relname, c.relpages, toast.relpages \
    HAVING bool_or(of_pgvector.vector) AND bool_and(of_pgvector.vector OR b.typtype = 'e' OR (b.typtype = 'b' \
      AND b.oid < 10000 AND b.oid NOT IN (22, 30) AND b.typsend <> 0 \
      AND coalesce(element.typsend <> 0, true) AND format_type(b.oid, NULL) NOT LIKE 'reg%')) \
    ORDER BY c.relpages + coalesce(toast.relpages, 0) DESC LIMIT 100";

/// How `COPY` begins in this form.
const SIGNATURE: &[u8; 11] = b"PGCOPY\n\xff\r\n\0";

/// How much is written at a time.
const WRITE: usize = 1 << 20;

/// Who copies tables, and which.
pub(super) struct Copier {
    /// Has the snapshot. Whatever somebody is about to do to the tables waits for its end.
    session: PgConnection,
    tables: Vec<Table>,
}

impl Copier {
    pub(super) fn tables(&self) -> &[Table] {
        &self.tables
    }
}

impl Postgres {
    /// Looks in a snapshot for tables that are copied so; none where there are none.
    pub(super) async fn copier(&self, snapshot: &str) -> Result<Option<Copier>, HostError> {
        let Some(mut session) = self.network_session(false).await? else {
            return Ok(None);
        };
        let begin = format!(
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT {}; \
             SET row_security = off; SET lock_timeout = '{LOCK}'",
            literal(snapshot)
        );
        let failed = self.failed(&self.login.database, "look for vectors in");
        let begun = sqlx::raw_sql(AssertSqlSafe(begin)).execute(&mut session);
        begun.await.map_err(&failed)?;
        let sql = TABLES.replace(":tables", schema::TABLES);
        let found = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut session);
        let table = |row: &PgRow| Table {
            full_name: row.get("full_name"),
            schema: row.get("schema"),
            name: row.get("name"),
            columns: row.get("columns"),
        };
        let tables: Vec<Table> = found.await.map_err(&failed)?.iter().map(table).collect();
        for table in &tables {
            let lock = format!("LOCK TABLE ONLY {} IN ACCESS SHARE MODE", table.full_name);
            let locked = sqlx::raw_sql(AssertSqlSafe(lock)).execute(&mut session);
            locked.await.map_err(&failed)?;
        }
        if tables.is_empty() {
            let _ = session.close().await;
            return Ok(None);
        }
        Ok(Some(Copier { session, tables }))
    }

    /// Copies the tables to where the dump at `dump` will have them.
    pub(super) async fn copy_tables(
        &self,
        copier: Copier,
        dump: &Path,
    ) -> Result<Vec<Table>, HostError> {
        let Copier {
            mut session,
            tables,
        } = copier;
        let failed = self.failed(&self.login.database, "copy the vectors of");
        let toc = files::read(&dump.join(TOC))?;
        let toc = read(&toc, dump)?;
        for (n, table) in tables.iter().enumerate() {
            let path = dump.join(toc.file(n));
            let file = tokio::fs::File::from_std(files::create_private(&path)?);
            let mut file = tokio::io::BufWriter::with_capacity(WRITE, file);
            let copy = table.copy("TO STDOUT");
            let mut rows = session.copy_out_raw(&copy).await.map_err(&failed)?;
            let written = |source| HostError::File {
                what: "write",
                path: path.clone(),
                source,
            };
            while let Some(row) = rows.try_next().await.map_err(&failed)? {
                file.write_all(&row).await.map_err(written)?;
            }
            drop(rows);
            file.flush().await.map_err(written)?;
            file.get_ref().sync_all().await.map_err(written)?;
        }
        let _ = session.close().await;
        Ok(tables)
    }
}

/// Adds the copies of `tables` to the table of contents of the dump at `dump`, as `pg_dump` left
/// it; table to rows, as they are read in the copies.
pub(super) fn add(tables: &[Table], dump: &Path) -> Result<BTreeMap<String, u64>, HostError> {
    let path = dump.join(TOC);
    let bytes = files::read(&path)?;
    let toc = read(&bytes, dump)?;
    let rows = tables.iter().enumerate().map(|(n, table)| {
        let path = dump.join(toc.file(n));
        let mut file = BufReader::new(files::open(&path)?);
        let rows = rows(&mut file).map_err(|source| HostError::File {
            what: "read the copied table",
            path,
            source,
        })?;
        Ok((table.full_name.clone(), rows))
    });
    let rows = rows.collect::<Result<_, HostError>>()?;
    let added = toc.with(tables).map_err(|why| strange(dump, &why))?;
    files::replace(&path, &added)?;
    Ok(rows)
}

fn read<'a>(bytes: &'a [u8], dump: &Path) -> Result<Toc<'a>, HostError> {
    Toc::read(bytes).map_err(|why| strange(dump, &why))
}

fn strange(dump: &Path, why: &str) -> HostError {
    HostError::Unexpected(format!(
        "cannot add tables to the contents `{}` of the dump: {why}",
        dump.join(TOC).display()
    ))
}

/// The rows of a table that was copied in binary form, each of which is whole, as is the file.
fn rows(file: &mut BufReader<File>) -> std::io::Result<u64> {
    let damaged = || std::io::Error::new(std::io::ErrorKind::InvalidData, "it is damaged");
    let mut head = [0; 19];
    file.read_exact(&mut head)?;
    if !head.starts_with(SIGNATURE) {
        return Err(damaged());
    }
    // Flags come before the length of what a later version may have added.
    skip(
        file,
        i32::from_be_bytes([head[15], head[16], head[17], head[18]]),
    )?;
    for rows in 0.. {
        let mut fields = [0; 2];
        file.read_exact(&mut fields)?;
        let fields = i16::from_be_bytes(fields);
        if fields == -1 {
            return match file.read(&mut [0])? {
                0 => Ok(rows),
                _ => Err(damaged()),
            };
        }
        for _ in 0..u16::try_from(fields).map_err(|_| damaged())? {
            let mut length = [0; 4];
            file.read_exact(&mut length)?;
            skip(file, i32::from_be_bytes(length))?;
        }
    }
    Err(damaged())
}

/// What is skipped over the end shows at the next read. A value that is null has length -1.
fn skip(file: &mut BufReader<File>, length: i32) -> std::io::Result<()> {
    file.seek_relative(length.max(0).into())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn counted(bytes: &[u8]) -> std::io::Result<u64> {
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(bytes).expect("written");
        std::io::Seek::rewind(&mut file).expect("rewound");
        rows(&mut BufReader::new(file))
    }

    #[test]
    fn rows_are_counted_and_whatever_is_missing_is_found() {
        let head = [&SIGNATURE[..], &[0; 8]].concat();
        let row = [&[0, 2, 0, 0, 0, 1, 7][..], &(-1_i32).to_be_bytes()].concat();
        let end = (-1_i16).to_be_bytes();
        for n in [0, 1, 3] {
            let whole = [&head[..], &row.repeat(n), &end].concat();
            assert_eq!(counted(&whole).ok(), u64::try_from(n).ok());
            for cut in 0..whole.len() {
                counted(&whole[..cut]).expect_err("cut");
            }
            counted(&[&whole[..], b"x"].concat()).expect_err("more");
        }
        counted(&[b'x'; 40]).expect_err("something else");
    }
}
