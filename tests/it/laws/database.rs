//! The database of a broken host: copies and dumps may be half there.

use std::collections::BTreeMap;
use std::path::Path;

use eneo_upgrade::event::Proof;
use eneo_upgrade::host::{
    self, Backup, Database, DumpFile, DumpFormat, HostError, Locale, Row, Wait, files,
};

use super::fake::{Fake, part, unexpected};
use super::world::{DATABASE, Data, JOB, World};

/// What is known of a dump.
fn backup(path: &Path, bytes: &[u8], tables: BTreeMap<String, u64>, restored: bool) -> Backup {
    let file = DumpFile {
        bytes: bytes.len() as u64,
        sha256: files::sha256(bytes),
    };
    let files = BTreeMap::from([(String::new(), file)]);
    Backup {
        path: path.to_owned(),
        format: DumpFormat::Custom,
        bytes: bytes.len() as u64,
        sha256: host::digest(&files),
        files,
        locale: Locale::default(),
        tables,
        compared: true,
        proof: match restored {
            true => Proof::Restore,
            false => Proof::List,
        },
        content: None,
    }
}

impl Database for Fake {
    async fn revisions(&self) -> Result<Option<Vec<String>>, HostError> {
        self.needs_database()?;
        let world = self.world();
        Ok(world.databases[DATABASE]
            .revision
            .clone()
            .map(|revision| vec![revision]))
    }

    async fn rows(&self, sql: &str) -> Result<Vec<Row>, HostError> {
        self.needs_database()?;
        if sql.contains("FROM jobs") {
            let world = self.world();
            let (job, working) = (&world.databases[DATABASE].job, world.working);
            let (payload, asked) = (sql.contains("payload"), sql.contains("ARRAY["));
            let row = match payload {
                true => serde_json::json!({"id": JOB, "list": "pending", "payload": JOB}),
                // Nobody touches it any more.
                false => serde_json::json!({"id": JOB, "quiet": if working { 0 } else { 600 }}),
            };
            let fits = match job.as_str() {
                "in progress" => true,
                // Also one that was said to be queued, by a process that did not get to do it.
                "failed" | "queued" => asked,
                _ => false,
            };
            return Ok(row
                .as_object()
                .cloned()
                .filter(|_| fits)
                .into_iter()
                .collect());
        }
        let left = self.world().databases[DATABASE].rows["global_models"];
        Ok(vec![Row::from_iter([("count".to_owned(), left.into())])])
    }

    async fn update(&self, sql: &str) -> Result<(), HostError> {
        self.needs_database()?;
        // What was held back is kept from being given up: nothing that is served changes.
        let settles = sql.contains("ARRAY[");
        let parts = settles.then(|| part(World::settle_job));
        self.effect(parts.into_iter().collect()).await
    }

    async fn counts(
        &self,
        of: &str,
        tables: &[String],
    ) -> Result<BTreeMap<String, u64>, HostError> {
        self.needs_database()?;
        let rows = self.world().databases[of].rows.clone();
        let rows = rows
            .into_iter()
            .map(|(name, rows)| (format!("public.{name}"), rows));
        Ok(rows.filter(|(name, _)| tables.contains(name)).collect())
    }

    async fn waits(&self) -> Result<Vec<Wait>, HostError> {
        Ok(Vec::new())
    }

    async fn end_sessions_from(&self, _addresses: &[String]) -> Result<(), HostError> {
        self.needs_database()
    }

    async fn end_leftovers(&self) -> Result<(), HostError> {
        self.needs_database()?;
        self.effect(vec![part(|world| world.leftovers = 0)]).await
    }

    async fn dump(
        &self,
        of: &str,
        to: &Path,
        scratch: Option<&str>,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<Backup, HostError> {
        self.needs_database()?;
        let data = self.world().databases[of].clone();
        let of_copy = of != DATABASE;
        let tables = data.rows.iter();
        let tables = tables
            .map(|(name, rows)| (format!("public.{name}"), *rows))
            .collect();
        let bytes = serde_json::to_vec(&data).expect("JSON");
        progress(1);
        let (partial, whole) = (to.with_extension("partial"), to.to_owned());
        let (half, path) = (bytes[..bytes.len() / 2].to_vec(), partial.clone());
        let text = bytes.clone();
        self.effect(vec![
            part(move |world| {
                world.leftovers += 1;
                files::replace(&partial, &half).expect("written");
            }),
            part(move |world| {
                world.leftovers = 0;
                if !of_copy {
                    world.secured = Some(data);
                }
                files::replace(&path, &text).expect("written");
                files::publish(&path, &whole).expect("published");
            }),
        ])
        .await?;
        Ok(backup(to, &bytes, tables, scratch.is_some()))
    }

    async fn clone_as(&self, name: &str) -> Result<(), HostError> {
        self.needs_database()?;
        let (half, whole) = (name.to_owned(), name.to_owned());
        self.effect(vec![
            part(move |world| {
                world.leftovers += 1;
                world.databases.insert(half, Data::default());
            }),
            part(move |world| {
                world.leftovers = 0;
                world.judge_copy();
                let oid = world.new_oid();
                let data = world.databases[DATABASE].clone();
                world.secured = Some(data.clone());
                world.databases.insert(whole, Data { oid, ..data });
            }),
        ])
        .await
    }

    async fn restore_into(&self, backup: &Backup, name: &str) -> Result<(), HostError> {
        self.needs_database()?;
        backup.check_files()?;
        let bytes = files::read(&backup.path)?;
        let data: Data = serde_json::from_slice(&bytes).expect("a dump");
        let (half, whole) = (name.to_owned(), name.to_owned());
        self.effect(vec![
            part(move |world| {
                world.leftovers += 1;
                world.databases.insert(half, Data::default());
            }),
            part(move |world| {
                world.leftovers = 0;
                let oid = world.new_oid();
                world.databases.insert(whole, Data { oid, ..data });
            }),
        ])
        .await
    }

    async fn swap(&self, replacement: &str, aside: &str) -> Result<(), HostError> {
        self.needs_database()?;
        if self.world().databases.contains_key(aside) {
            return unexpected(format!("database {aside} exists already"));
        }
        let (replacement, aside) = (replacement.to_owned(), aside.to_owned());
        self.effect(vec![part(move |world| {
            let restored = world
                .databases
                .remove(&replacement)
                .expect("restored before");
            let failed = world.databases.insert(DATABASE.to_owned(), restored);
            world
                .databases
                .extend(BTreeMap::from_iter(failed.map(|failed| (aside, failed))));
        })])
        .await
    }

    async fn oid(&self, name: &str) -> Result<Option<u32>, HostError> {
        self.needs_database()?;
        Ok(self.world().databases.get(name).map(|data| data.oid))
    }
}
