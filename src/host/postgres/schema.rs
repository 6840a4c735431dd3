//! The description of a schema: a line for everything in it that a dump has to bring back.
//!
//! What belongs to an extension is made by it. An extension's version is not described: a dump
//! holds its name only, and a restore makes the newest that the server has.

/// A query that gives lines, for each kind of thing.
pub(super) const DESCRIPTION: &[&str] = &[
    RELATIONS,
    COLUMNS,
    CONSTRAINTS,
    INDEXES,
    VIEWS,
    FUNCTIONS,
    TRIGGERS,
    SEQUENCES,
    EXTENSIONS,
    TYPES,
    POLICIES,
    SCHEMAS,
];

/// Whether the thing `$oid` of catalogue `$class` is the user's own, in a schema of the user's.
macro_rules! ours {
    ($class:literal, $oid:literal, $schema:literal) => {
        concat!(
            " ",
            $schema,
            " IN (SELECT oid FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%' \
             AND nspname <> 'information_schema') AND NOT EXISTS (SELECT 1 FROM pg_depend x \
             WHERE x.classid = '",
            $class,
            "'::regclass AND x.objid = ",
            $oid,
            " AND x.deptype = 'e')"
        )
    };
}

const RELATIONS: &str = concat!(
    "SELECT format('relation %s %s %s %s %s %s', c.oid::regclass, c.relkind, c.relpersistence, \
     c.relrowsecurity, pg_get_partkeydef(c.oid), pg_get_expr(c.relpartbound, c.oid)) \
     FROM pg_class c WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND",
    ours!("pg_class", "c.oid", "c.relnamespace")
);

const COLUMNS: &str = concat!(
    "SELECT format('column %s %s %s %s %s %s %s %s', c.oid::regclass, \
     row_number() OVER (PARTITION BY c.oid ORDER BY a.attnum), a.attname, \
     format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated, \
     pg_get_expr(d.adbin, d.adrelid)) \
     FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 \
     AND NOT a.attisdropped LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum \
     WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c') AND",
    ours!("pg_class", "c.oid", "c.relnamespace")
);

const CONSTRAINTS: &str = concat!(
    "SELECT format('constraint %s %s %s %s', k.conrelid::regclass, k.conname, k.convalidated, \
     pg_get_constraintdef(k.oid)) FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid \
     WHERE k.contype <> 't' AND",
    ours!("pg_class", "c.oid", "c.relnamespace")
);

const INDEXES: &str = concat!(
    "SELECT format('index %s', pg_get_indexdef(i.indexrelid)) \
     FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid WHERE i.indisvalid AND c.relkind IN \
     ('r', 'p', 'm') AND",
    ours!("pg_class", "c.oid", "c.relnamespace")
);

const VIEWS: &str = concat!(
    "SELECT format('view %s %s', c.oid::regclass, pg_get_viewdef(c.oid)) FROM pg_class c \
     WHERE c.relkind IN ('v', 'm') AND",
    ours!("pg_class", "c.oid", "c.relnamespace")
);

const FUNCTIONS: &str = concat!(
    "SELECT CASE WHEN p.prokind IN ('f', 'p') THEN format('function %s', pg_get_functiondef(p.oid)) \
     ELSE format('aggregate %s', p.oid::regprocedure) END FROM pg_proc p WHERE",
    ours!("pg_proc", "p.oid", "p.pronamespace")
);

const TRIGGERS: &str = concat!(
    "SELECT format('trigger %s %s', t.tgenabled, pg_get_triggerdef(t.oid)) FROM pg_trigger t \
     JOIN pg_class c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal AND",
    ours!("pg_class", "c.oid", "c.relnamespace")
);

const SEQUENCES: &str = concat!(
    "SELECT format('sequence %s %s %s %s %s %s %s', c.oid::regclass, format_type(s.seqtypid, NULL), \
     s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcycle) FROM pg_sequence s \
     JOIN pg_class c ON c.oid = s.seqrelid WHERE",
    ours!("pg_class", "c.oid", "c.relnamespace")
);

const EXTENSIONS: &str = "SELECT format('extension %s in %s', extname, extnamespace::regnamespace) \
    FROM pg_extension";

const TYPES: &str = concat!(
    "SELECT format('type %s %s %s %s %s', t.oid::regtype, t.typtype, \
     CASE t.typtype WHEN 'd' THEN format_type(t.typbasetype, t.typtypmod) END, t.typdefault, \
     (SELECT string_agg(e.enumlabel, ',' ORDER BY e.enumsortorder) FROM pg_enum e \
      WHERE e.enumtypid = t.oid)) \
     FROM pg_type t WHERE (t.typtype IN ('d', 'e', 'r') OR EXISTS (SELECT 1 FROM pg_class c \
     WHERE c.oid = t.typrelid AND c.relkind = 'c')) AND",
    ours!("pg_type", "t.oid", "t.typnamespace")
);

const POLICIES: &str = "SELECT format('policy %s %s %s %s %s %s', polname, polrelid::regclass, \
    polcmd, polpermissive, pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)) \
    FROM pg_policy";

const SCHEMAS: &str = concat!(
    "SELECT format('schema %s', n.nspname) FROM pg_namespace n WHERE",
    ours!("pg_namespace", "n.oid", "n.oid")
);

/// Ordinary tables of the user's, as `c`.
pub(super) const TABLES: &str = concat!(
    "c.relkind = 'r' AND c.relpersistence <> 't' AND",
    ours!("pg_class", "c.oid", "c.relnamespace")
);

/// A line without casts, parentheses and spaces: the server writes an expression that it has read
/// back differently, `(x)::text = ANY ((ARRAY[…])::text[])` as `x::text = ANY (ARRAY[…::text])`.
pub(super) fn plain(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        if let Some(cast) = rest.strip_prefix("::") {
            rest = behind_type(cast);
            continue;
        }
        if !matches!(c, '(' | ')') && !c.is_whitespace() {
            plain.push(c);
        }
        rest = &rest[c.len_utf8()..];
    }
    plain
}

/// What follows the name of a type.
fn behind_type(text: &str) -> &str {
    let mut quoted = false;
    let end = text.find(|c: char| {
        quoted ^= c == '"';
        !(quoted || c == '"' || c.is_alphanumeric() || "_.".contains(c))
    });
    let mut rest = &text[end.unwrap_or(text.len())..];
    for word in [" varying", " precision"] {
        rest = rest.strip_prefix(word).unwrap_or(rest);
    }
    if let Some((modifier, behind)) = rest.strip_prefix('(').and_then(|rest| rest.split_once(')'))
        && modifier.chars().all(|c| c.is_ascii_digit() || c == ',')
    {
        rest = behind;
    }
    for word in [" without time zone", " with time zone"] {
        rest = rest.strip_prefix(word).unwrap_or(rest);
    }
    while let Some(behind) = rest.strip_prefix("[]") {
        rest = behind;
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_makes_of_its_own_words_is_the_same() {
        let before = "CHECK (((status)::text = ANY ((ARRAY['a'::character varying, \
                      'b'::character varying])::text[])))";
        let after = "CHECK (((status)::text = ANY (ARRAY[('a'::character varying)::text, \
                     ('b'::character varying)::text])))";
        assert_eq!(plain(before), plain(after));
        assert_eq!(plain(before), "CHECKstatus=ANYARRAY['a','b']");
        assert_eq!(
            plain("(a)::numeric(10,2) > now()::timestamp(3) without time zone[] AND b"),
            "a>now()ANDb".replace("()", "")
        );
        assert_ne!(plain("CHECK ((a > 1))"), plain("CHECK ((a > 2))"));
    }
}
