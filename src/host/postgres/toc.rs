//! The table of contents of a dump in directory format, as far as data is added to it.
//!
//! `pg_dump` writes it in a form of its own (`pg_backup_archiver.c`), whose version is in its head.

use super::identifier;

/// The forms whose parts are known, by their minor version: of PostgreSQL 12 to 18.
const KNOWN: std::ops::RangeInclusive<u8> = 14..=16;
/// From which version on the head names the compression by one byte.
const ONE_BYTE_COMPRESSION: u8 = 15;
/// From which version on an entry has the kind of its relation.
const RELATION_KIND: u8 = 16;
/// Dumps in directory format say that they were in tar format, whose parts they have.
const TAR: u8 = 3;
/// The sections in which a restore does its work.
const DATA: i64 = 3;
const POST_DATA: i64 = 4;

/// A table whose rows are added, in binary form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    /// With its schema, as statements name it.
    pub(super) full_name: String,
    pub(super) schema: String,
    pub(super) name: String,
    /// As statements name them.
    pub(super) columns: String,
}

impl Table {
    /// The statement that copies it, `TO STDOUT` or `FROM stdin`.
    pub(super) fn copy(&self, way: &str) -> String {
        let (name, columns) = (&self.full_name, &self.columns);
        format!("COPY {name} ({columns}) {way} (FORMAT binary)")
    }

    /// Whether `pg_restore --list` has its rows. Names are put on one line there.
    pub(super) fn is_in(&self, list: &str) -> bool {
        let entry = format!(" TABLE DATA {} {} ", self.schema, self.name);
        list.contains(&entry.replace(['\n', '\r'], " "))
    }

    /// What keeps its rows out of what `pg_dump` writes.
    pub(super) fn exclusion(&self) -> String {
        let (schema, name) = (identifier(&self.schema), identifier(&self.name));
        format!("--exclude-table-data={schema}.{name}")
    }
}

/// A table of contents that was read.
#[derive(Debug)]
pub(super) struct Toc<'a> {
    bytes: &'a [u8],
    minor: u8,
    /// The bytes of a number, without its sign.
    width: usize,
    /// Where the number of entries stands.
    count_at: usize,
    entries: Vec<Entry<'a>>,
}

#[derive(Debug)]
struct Entry<'a> {
    at: usize,
    id: i64,
    section: i64,
    kind: &'a [u8],
    name: &'a [u8],
    schema: &'a [u8],
    owner: &'a [u8],
}

impl<'a> Toc<'a> {
    /// Reads it; says what is wrong with it.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, String> {
        let mut reader = Reader {
            rest: bytes,
            width: 0,
        };
        let head = reader.take(11).ok_or("it ends in its head")?;
        let (magic, version) = head.split_at(5);
        let [1, minor, _, width, _, TAR] = *version else {
            return Err("it is not one of a dump in directory format".to_owned());
        };
        if magic != b"PGDMP" || !KNOWN.contains(&minor) || !(1..=8).contains(&width) {
            return Err(format!("its form 1.{minor} is not known"));
        }
        reader.width = width.into();
        let read = reader.entries(bytes.len(), minor);
        let (count_at, entries) = read.ok_or("it ends too early, or is damaged")?;
        match reader.rest {
            [] => Ok(Self {
                bytes,
                minor,
                width: width.into(),
                count_at,
                entries,
            }),
            _ => Err("there is something behind its end".to_owned()),
        }
    }

    /// The file of the data that will be the `n`th to be added.
    pub(super) fn file(&self, n: usize) -> String {
        format!("{}.dat", self.id(n))
    }

    /// The same with the data of `tables`, each of which it has without.
    pub(super) fn with(&self, tables: &[Table]) -> Result<Vec<u8>, String> {
        let behind = self.entries.iter().position(|e| e.section == POST_DATA);
        let at = behind.map_or(self.bytes.len(), |entry| self.entries[entry].at);
        let mut writer = Writer {
            bytes: self.bytes[..self.count_at].to_vec(),
            width: self.width,
        };
        writer.number(count(self.entries.len() + tables.len()));
        let first = self.count_at + 1 + self.width;
        writer.bytes.extend_from_slice(&self.bytes[first..at]);
        for (n, table) in tables.iter().enumerate() {
            self.write(&mut writer, n, table)?;
        }
        writer.bytes.extend_from_slice(&self.bytes[at..]);
        Ok(writer.bytes)
    }

    /// Above all that are there.
    fn id(&self, n: usize) -> i64 {
        let highest = self.entries.iter().map(|entry| entry.id).max();
        highest.unwrap_or_default() + count(n) + 1
    }

    fn write(&self, to: &mut Writer, n: usize, table: &Table) -> Result<(), String> {
        let is = |entry: &&Entry<'_>, kind: &[u8]| {
            let named = entry.name == table.name.as_bytes();
            entry.kind == kind && named && entry.schema == table.schema.as_bytes()
        };
        if self.entries.iter().any(|entry| is(&entry, b"TABLE DATA")) {
            return Err(format!("it has the data of {} already", table.full_name));
        }
        let definition = self.entries.iter().find(|entry| is(entry, b"TABLE"));
        let definition = definition.ok_or(format!("it does not have {}", table.full_name))?;
        to.number(self.id(n));
        to.number(1); // There is data.
        for catalogue_id in ["0", "0"] {
            to.text(catalogue_id);
        }
        to.text(&table.name);
        to.text("TABLE DATA");
        to.number(DATA);
        to.text(""); // How it is made,
        to.text(""); // and dropped.
        to.text(&format!("{};\n", table.copy("FROM stdin")));
        to.text(&table.schema);
        to.nothing(); // Tablespace
        to.nothing(); // Access method
        if self.minor >= RELATION_KIND {
            to.number(0);
        }
        to.string(definition.owner);
        to.text("false"); // No OIDs.
        to.text(&definition.id.to_string());
        to.nothing(); // No more it depends on.
        to.text(&self.file(n));
        Ok(())
    }
}

fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

struct Reader<'a> {
    rest: &'a [u8],
    width: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(n)?;
        self.rest = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<i64> {
        let negative = self.take(1)? != [0];
        let bytes = self.take(self.width)?.iter().rev();
        let number = bytes.fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        let number = i64::try_from(number).ok()?;
        Some(if negative { -number } else { number })
    }

    /// A string; an empty one where there is none.
    fn string(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?);
        self.take(length.unwrap_or_default())
    }

    /// Where the number of entries stands, and the entries.
    fn entries(&mut self, all: usize, minor: u8) -> Option<(usize, Vec<Entry<'a>>)> {
        match minor >= ONE_BYTE_COMPRESSION {
            true => drop(self.take(1)?),
            false => drop(self.number()?),
        }
        for _time in 0..7 {
            self.number()?;
        }
        for _database_and_versions in 0..3 {
            self.string()?;
        }
        let count_at = all - self.rest.len();
        let mut entries = Vec::new();
        for _ in 0..self.number()? {
            entries.push(self.entry(all - self.rest.len(), minor)?);
        }
        Some((count_at, entries))
    }

    fn entry(&mut self, at: usize, minor: u8) -> Option<Entry<'a>> {
        let id = self.number()?;
        self.number()?; // Whether there is data.
        for _catalogue_id in 0..2 {
            self.string()?;
        }
        let name = self.string()?;
        let kind = self.string()?;
        let section = self.number()?;
        for _statement in 0..3 {
            self.string()?;
        }
        let schema = self.string()?;
        for _tablespace_and_access_method in 0..2 {
            self.string()?;
        }
        if minor >= RELATION_KIND {
            self.number()?;
        }
        let owner = self.string()?;
        self.string()?; // Whether it has OIDs.
        while !self.string()?.is_empty() {} // What it depends on.
        self.string()?; // Its file.
        Some(Entry {
            at,
            id,
            section,
            kind,
            name,
            schema,
            owner,
        })
    }
}

struct Writer {
    bytes: Vec<u8>,
    width: usize,
}

impl Writer {
    fn number(&mut self, number: i64) {
        self.bytes.push(number.is_negative().into());
        let bytes = number.unsigned_abs().to_le_bytes();
        self.bytes.extend_from_slice(&bytes[..self.width]);
    }

    fn nothing(&mut self) {
        self.number(-1);
    }

    fn string(&mut self, string: &[u8]) {
        self.number(count(string.len()));
        self.bytes.extend_from_slice(string);
    }

    fn text(&mut self, text: &str) {
        self.string(text.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str) -> Table {
        Table {
            full_name: format!("public.{name}"),
            schema: "public".to_owned(),
            name: name.to_owned(),
            columns: "id, embedding".to_owned(),
        }
    }

    impl Writer {
        fn texts(&mut self, texts: &[&str]) {
            for text in texts {
                self.text(text);
            }
        }
    }

    /// A table of contents with two tables and an index.
    fn contents(minor: u8) -> Vec<u8> {
        let mut writer = Writer {
            bytes: [&b"PGDMP"[..], &[1, minor, 0, 4, 8, TAR]].concat(),
            width: 4,
        };
        match minor >= ONE_BYTE_COMPRESSION {
            true => writer.bytes.push(1),
            false => writer.number(-1),
        }
        (0..7).for_each(|n| writer.number(n));
        writer.texts(&["eneo", "17.5", "17.5"]);
        writer.number(3);
        let entries = [
            (7, "a", "TABLE", 2),
            (300, "b", "TABLE", 2),
            (8, "b_index", "INDEX", POST_DATA),
        ];
        for (id, name, kind, section) in entries {
            writer.number(id);
            writer.number(0);
            writer.texts(&["1259", "16384", name, kind]);
            writer.number(section);
            writer.texts(&["CREATE", "DROP", "", "public"]);
            writer.nothing();
            writer.text("heap");
            if minor >= RELATION_KIND {
                writer.number(114);
            }
            writer.texts(&["owner", "false", "3"]);
            writer.nothing();
            writer.text("");
        }
        writer.bytes
    }

    #[test]
    fn data_is_added_before_what_is_built_on_it() {
        for minor in KNOWN {
            let bytes = contents(minor);
            let toc = Toc::read(&bytes).expect("known");
            assert_eq!(
                (toc.file(0), toc.file(1)),
                ("301.dat".into(), "302.dat".into())
            );
            let added = toc.with(&[table("b"), table("a")]).expect("added");
            let toc = Toc::read(&added).expect("as it was");
            let entry = |entry: &Entry<'_>| (entry.id, entry.section, entry.owner.to_vec());
            let found: Vec<_> = toc.entries.iter().map(entry).collect();
            let owner = b"owner".to_vec();
            let wanted = [(7, 2), (300, 2), (301, DATA), (302, DATA), (8, POST_DATA)];
            let wanted = wanted.map(|(id, section)| (id, section, owner.clone()));
            assert_eq!(found, wanted);
            let copy = b"COPY public.b (id, embedding) FROM stdin (FORMAT binary);\n";
            assert!(added.windows(copy.len()).any(|window| window == copy));
            let twice = toc.with(&[table("a")]).expect_err("twice");
            assert!(twice.contains("already"), "{twice}");
            toc.with(&[table("c")]).expect_err("no such table");
        }
    }

    #[test]
    fn whatever_it_is_it_is_read_or_refused() {
        let bytes = contents(16);
        for end in 0..bytes.len() {
            Toc::read(&bytes[..end]).expect_err("cut");
        }
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut flipped = bytes.clone();
                flipped[at] ^= 1 << bit;
                if let Ok(toc) = Toc::read(&flipped) {
                    let _ = toc.with(&[table("a")]);
                }
            }
        }
        for minor in [KNOWN.start() - 1, KNOWN.end() + 1] {
            let error = Toc::read(&contents(minor)).expect_err("unknown");
            assert!(error.contains("not known"), "{error}");
        }
        Toc::read(&[&bytes[..], b"x"].concat()).expect_err("more");
    }
}
