//! What a database holds, so that it can be compared with what a restore has made of its dump:
//! a checksum of every table's rows, and one of the schema's description.

use std::collections::BTreeMap;

use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Row as _};

use super::schema;
use crate::host::{Content, TableContent, files};

/// Whatever changes how a value is written. Names are written with their schema.
const FORMS: &str = "\
    SET search_path = pg_catalog; SET extra_float_digits = 1; SET bytea_output = hex; \
    SET datestyle = 'ISO, YMD'; SET intervalstyle = postgres; SET timezone = 'UTC'; \
    SET lc_monetary = 'C'; SET xmloption = content; SET row_security = off; \
    SET client_min_messages = warning";

/// A value of an extension's type, a row of bytes or a list of numbers is long as text. Its
/// binary form is hashed instead, unless that holds OIDs, as lists and rows of other types do.
const TABLES: &str = "\
    SELECT format('%I.%I', n.nspname, c.relname) AS name, coalesce(string_agg(CASE \
        WHEN b.typtype = 'b' AND b.typsend <> 0 AND (b.oid IN ('bytea'::regtype, \
          'float4[]'::regtype, 'float8[]'::regtype) OR (b.typcategory <> 'A' AND EXISTS (\
            SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_type'::regclass \
            AND d.objid = b.oid AND d.deptype = 'e'))) \
        THEN format('md5(%s(%s))', (SELECT format('%I.%I', s.nspname, p.proname) FROM pg_proc p \
          JOIN pg_namespace s ON s.oid = p.pronamespace WHERE p.oid = b.typsend), quote_ident(a.attname)) \
        ELSE quote_ident(a.attname) END, ', ' ORDER BY a.attnum), '') AS columns \
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
    LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
    LEFT JOIN pg_type t ON t.oid = a.atttypid \
    LEFT JOIN pg_type b ON b.oid = CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.oid END \
    WHERE ";

const SEQUENCES: &str = "\
    SELECT format('%I.%I', schemaname, sequencename) AS name, \
      coalesce(last_value, start_value - increment_by) AS value FROM pg_sequences \
    WHERE schemaname NOT LIKE 'pg\\_%'";
const LARGE_OBJECTS: &str = "SELECT count(*) FROM pg_largeobject_metadata";
const EXTENSIONS: &str = "SELECT extname::text AS name, extversion AS version FROM pg_extension";
const MAJOR: &str = "SELECT current_setting('server_version_num')::int / 10000";

/// Everything of the snapshot of the session, whose settings are changed.
pub(super) async fn of(session: &mut PgConnection) -> Result<Content, sqlx::Error> {
    sqlx::raw_sql(FORMS).execute(&mut *session).await?;
    let ours = schema::TABLES;
    let sql = format!("{TABLES}{ours} GROUP BY n.nspname, c.relname");
    let found = sqlx::query(AssertSqlSafe(sql))
        .fetch_all(&mut *session)
        .await?;
    let mut tables = BTreeMap::new();
    for row in found {
        let (name, columns): (String, String) = (row.get("name"), row.get("columns"));
        let table = table(session, &name, &columns).await?;
        tables.insert(name, table);
    }
    let mut lines = Vec::new();
    for query in schema::DESCRIPTION {
        let found = sqlx::query(*query).fetch_all(&mut *session).await?;
        lines.extend(found.iter().map(|row| row.get::<String, _>(0)));
    }
    let major: i32 = one(session, MAJOR).await?.get(0);
    let large_objects: i64 = one(session, LARGE_OBJECTS).await?.get(0);
    let extensions = sqlx::query(EXTENSIONS).fetch_all(&mut *session).await?;
    Ok(Content {
        major: major.unsigned_abs(),
        schema: schema_digest(lines),
        tables,
        sequences: sequences(session)
            .await?
            .into_iter()
            .map(|(name, value)| (name, (value, value)))
            .collect(),
        large_objects: large_objects.unsigned_abs(),
        extensions: extensions
            .iter()
            .map(|row| (row.get("name"), row.get("version")))
            .collect(),
    })
}

/// Sequence to its last value, now: sequences have no snapshots.
pub(super) async fn sequences(
    session: &mut PgConnection,
) -> Result<BTreeMap<String, i64>, sqlx::Error> {
    let found = sqlx::query(SEQUENCES).fetch_all(session).await?;
    let value = |row: &PgRow| (row.get("name"), row.get("value"));
    Ok(found.iter().map(value).collect())
}

/// A sum of hashes does not depend on the order of rows, and does on how often each is there.
async fn table(
    session: &mut PgConnection,
    name: &str,
    columns: &str,
) -> Result<TableContent, sqlx::Error> {
    let sql = format!(
        "SELECT count(*), coalesce(sum(hashtextextended(ROW({columns})::text COLLATE \"C\", 0)\
         ::numeric), 0)::text FROM ONLY {name}"
    );
    let row = sqlx::query(AssertSqlSafe(sql)).fetch_one(session).await?;
    Ok(TableContent {
        rows: row.get::<i64, _>(0).unsigned_abs(),
        checksum: row.get(1),
    })
}

async fn one(session: &mut PgConnection, sql: &'static str) -> Result<PgRow, sqlx::Error> {
    sqlx::query(sql).fetch_one(session).await
}

/// A restored expression may have other casts and parentheses around the same words.
fn schema_digest(mut lines: Vec<String>) -> String {
    for line in &mut lines {
        *line = schema::plain(line);
    }
    lines.sort();
    files::sha256(lines.join("\n").as_bytes())
}
