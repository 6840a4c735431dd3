//! What people have in their databases besides plain tables.

use std::collections::BTreeSet;

use super::Stack;

const ODD: &[&str] = &[
    "CREATE SCHEMA \"Other One\"",
    "CREATE TYPE mood AS ENUM ('so-so', 'o''k', 'Great, really')",
    "CREATE DOMAIN percent AS numeric(5,2) CHECK (VALUE >= 0 AND VALUE <= 100)",
    "CREATE TYPE pair AS (a integer, b text)",
    "CREATE TABLE \"Other One\".\"odd \"\"name\"\" (x)\" (\
       \"Id %\" bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, feeling mood NOT NULL, \
       share percent, two pair, raw bytea, doc jsonb, plain json, at timestamptz DEFAULT now(), \
       span interval, floats double precision[], words text[], cash money, bits bit varying(8), \
       embedding vector(3), list vector[], twice bigint GENERATED ALWAYS AS (\"Id %\" * 2) STORED, \
       state varchar(8) CHECK (state IN ('open', 'shut')), range int4range, kind regclass, \
       gone integer)",
    "ALTER TABLE \"Other One\".\"odd \"\"name\"\" (x)\" DROP COLUMN gone",
    "INSERT INTO \"Other One\".\"odd \"\"name\"\" (x)\" (feeling, share, two, raw, doc, plain, span, \
       floats, words, cash, bits, embedding, list, state, range, kind) \
     SELECT (ARRAY['so-so', 'o''k', 'Great, really'])[1 + i % 3]::mood, i % 100, ROW(i, 'b,\"' || i)::pair, \
       decode(md5(i::text), 'hex'), jsonb_build_object('i', i, 'n', NULL), '{\"a\":  1}', \
       i * interval '1 hour', ARRAY[i / 3.0, 'NaN', '-Infinity'], ARRAY['a', NULL, E'tab\\tend'], \
       i, B'1010', ARRAY[i, 1, 0.1]::vector, ARRAY[ARRAY[i, 1, 0]::vector], \
       CASE WHEN i % 2 = 0 THEN 'open' ELSE 'shut' END, int4range(i, i + 5), 'jobs' \
     FROM generate_series(1, 500) i",
    "INSERT INTO \"Other One\".\"odd \"\"name\"\" (x)\" (feeling) VALUES ('so-so'), ('so-so')",
    "CREATE TABLE events (day date NOT NULL, what text COLLATE \"C\") PARTITION BY RANGE (day)",
    "CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2026-07-01')",
    "CREATE TABLE events_rest PARTITION OF events DEFAULT",
    "INSERT INTO events SELECT date '2026-01-01' + i, 'day ' || i FROM generate_series(0, 300) i",
    "CREATE INDEX events_day ON events (day) WHERE what IS NOT NULL",
    "CREATE TABLE no_columns ()",
    "INSERT INTO no_columns DEFAULT VALUES",
    "CREATE TABLE parent (a integer)",
    "CREATE TABLE child (b text) INHERITS (parent)",
    "INSERT INTO child VALUES (1, 'x')",
    "CREATE VIEW open_ones AS SELECT \"Id %\", feeling FROM \"Other One\".\"odd \"\"name\"\" (x)\" \
     WHERE state IN ('open', 'ajar') AND at::date > '2026-01-01'::date",
    "CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS n FROM events",
    "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS \
     $$ BEGIN NEW.a := coalesce(NEW.a, 0); RETURN NEW; END $$",
    "CREATE TRIGGER touched BEFORE INSERT ON parent FOR EACH ROW EXECUTE FUNCTION touch()",
    "CREATE SEQUENCE numbers INCREMENT BY -3 START 10 MINVALUE -1000 MAXVALUE 10",
    "SELECT nextval('numbers'), nextval('numbers')",
    "CREATE POLICY only_some ON parent USING (a > 0)",
    "SELECT lo_from_bytea(0, 'large')",
    "CREATE TABLE \"Other One\".\"Vectors \"\"v\"\".x\" (\"Id %\" bigint GENERATED ALWAYS AS IDENTITY \
       PRIMARY KEY, feeling mood, share percent, doc jsonb, text text, words text[], gone text, \
       embedding vector, half halfvec(3), sparse sparsevec(9), at timestamptz, \
       twice bigint GENERATED ALWAYS AS (\"Id %\" * 2) STORED, uuid uuid DEFAULT gen_random_uuid())",
    "ALTER TABLE \"Other One\".\"Vectors \"\"v\"\".x\" DROP COLUMN gone",
    "INSERT INTO \"Other One\".\"Vectors \"\"v\"\".x\" (feeling, share, doc, text, words, embedding, half, \
       sparse, at) \
     SELECT 'o''k', i % 100, jsonb_build_object('i', i), E'line\nå ł \\. ' || i, ARRAY['a', NULL, E'\t'], \
       (SELECT array_agg(random()) FROM generate_series(0, i % 1500))::vector, \
       ARRAY[i, 0.5, -1]::halfvec, '{1:0.5,9:-2}/9', now() - i * interval '1 hour' \
     FROM generate_series(1, 3000) i",
    "INSERT INTO \"Other One\".\"Vectors \"\"v\"\".x\" (text) VALUES (NULL), ('')",
    "CREATE INDEX ON \"Other One\".\"Vectors \"\"v\"\".x\" USING hnsw (half halfvec_l2_ops)",
    // What is set for the app's sessions holds for those of its backup, too.
    "ALTER ROLE postgres SET idle_in_transaction_session_timeout = '50ms'",
    "ALTER ROLE postgres SET client_encoding = 'LATIN1'",
];

/// Adds all of it.
pub(super) fn add_to(stack: &Stack) {
    for sql in ODD {
        stack.psql(sql);
    }
}

/// Each table of a database with its rows and a sum of them.
pub(super) fn told(stack: &Stack, database: &str) -> BTreeSet<String> {
    let container = format!("{}_db", stack.name);
    let ask = |sql: &str| {
        let psql = ["psql", "-U", "postgres", "-d", database, "-Atc", sql];
        stack.docker(&[&["exec", &container][..], &psql].concat())
    };
    let all = ask(
        "SELECT string_agg(format('SELECT %L, count(*), md5(string_agg(t::text, E''\\n'' \
           ORDER BY t::text)) FROM ONLY %I.%I t', relname, nspname, relname), ' UNION ALL ') \
         FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace \
         WHERE relkind = 'r' AND nspname IN ('public', 'Other One')",
    );
    ask(all.trim()).lines().map(str::to_owned).collect()
}
