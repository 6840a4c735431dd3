//! What belongs to a database and is in no copy of it: owner, rights, limits, settings, comment.

use super::{MAINTENANCE, Postgres, literal};
use crate::host::{HostError, Row};

/// A statement per row, in the order in which they are to be run. `:source` and `:target` are
/// names of databases. Settings that are lists keep their own quotes; what is written `""` there
/// is no identifier.
const STATEMENTS: &str = "\
    WITH d AS (SELECT *, pg_get_userbyid(datdba) AS owner FROM pg_database WHERE datname = :source), \
    s AS (SELECT setrole, quote_ident(split_part(c, '=', 1)) AS name, \
            CASE WHEN split_part(c, '=', 1) IN ('search_path', 'temp_tablespaces', \
              'local_preload_libraries', 'session_preload_libraries', 'shared_preload_libraries', \
              'unix_socket_directories') \
            THEN coalesce(nullif(replace(substr(c, strpos(c, '=') + 1), '\"\"', ''''''), ''), '''''') \
            ELSE quote_literal(substr(c, strpos(c, '=') + 1)) END AS value \
          FROM d JOIN pg_db_role_setting r ON r.setdatabase = d.oid, unnest(r.setconfig) AS c) \
    SELECT statement FROM ( \
      SELECT 1 AS n, format('ALTER DATABASE %I OWNER TO %I', :target, owner) AS statement FROM d \
      UNION ALL SELECT 2, format('ALTER DATABASE %I CONNECTION LIMIT %s', :target, datconnlimit) FROM d \
      UNION ALL SELECT 2, format('ALTER DATABASE %I IS_TEMPLATE %s', :target, datistemplate::text) FROM d \
      UNION ALL SELECT 3, format('REVOKE ALL ON DATABASE %I FROM PUBLIC, %I', :target, owner) \
        FROM d WHERE datacl IS NOT NULL \
      UNION ALL SELECT 4, format('GRANT %s ON DATABASE %I TO %s%s', a.privilege_type, :target, \
          CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END, \
          CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END) \
        FROM d, aclexplode(d.datacl) AS a \
      UNION ALL SELECT 5, format('ALTER DATABASE %I SET %s TO %s', :target, name, value) \
        FROM s WHERE setrole = 0 \
      UNION ALL SELECT 5, format('ALTER ROLE %I IN DATABASE %I SET %s TO %s', \
          pg_get_userbyid(setrole), :target, name, value) FROM s WHERE setrole <> 0 \
      UNION ALL SELECT 6, format('COMMENT ON DATABASE %I IS %L', :target, \
          shobj_description(oid, 'pg_database')) FROM d WHERE shobj_description(oid, 'pg_database') IS NOT NULL \
    ) AS statements ORDER BY n, statement";

impl Postgres {
    /// Gives one database what another one has, in one transaction.
    pub(super) async fn copy_attributes(&self, from: &str, to: &str) -> Result<(), HostError> {
        let sql = STATEMENTS
            .replace(":source", &literal(from))
            .replace(":target", &literal(to));
        let text = |row: &Row| row.get("statement")?.as_str().map(str::to_owned);
        let rows = self.query(MAINTENANCE, &sql).await?;
        let statements: Vec<String> = rows.iter().filter_map(text).collect();
        self.administer(&format!("BEGIN; {}; COMMIT", statements.join("; ")))
            .await
    }
}
