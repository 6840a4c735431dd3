//! How the data is secured once nobody writes: a copy within the server where that can be made,
//! else a dump within the outage.

use super::upgrade::Planner;
use super::{Plan, QUIESCE, beside};
use crate::inventory::DatabaseFacts;
use crate::steps::{AnyStep, CloneDatabase, Dump, DumpKind, Known};

/// The oldest server that copies a database file by file when told so.
const COPIES: u32 = 15;

impl Planner<'_> {
    /// Why there is no copy within the server; none where there is one.
    fn no_clone(&self, database: &DatabaseFacts) -> Option<String> {
        let identity = &database.identity;
        let major = identity.version.split('.').next();
        let major: u32 = major.and_then(|text| text.parse().ok()).unwrap_or(0);
        if self.run.strict {
            Some("`--backup strict`".to_owned())
        } else if major < COPIES {
            Some(format!(
                "PostgreSQL {} does not copy files on request",
                identity.version
            ))
        } else if !identity.may_create {
            Some("the app's role may not make databases".to_owned())
        } else if identity.collation_moved {
            Some("its collation version is not the system's: PostgreSQL makes no copy".to_owned())
        } else {
            None
        }
    }

    /// The name of the copy, where one is made.
    fn clone_name(&self) -> Option<String> {
        let database = self.inventory.database.as_ref()?;
        let name = || beside(&database.name, "before", self.run.id.as_str());
        self.no_clone(database).is_none().then(name)
    }

    /// Nothing is missing in what this leaves.
    pub(super) fn secure(&self, plan: &mut Plan) {
        let Some(database) = &self.inventory.database else {
            return;
        };
        let unit = Some(QUIESCE);
        if let Some(gather) = self.gather_queue() {
            plan.push_in(
                unit,
                AnyStep::Gather(gather),
                "what it holds belongs with the rows of this moment",
            );
        }
        if let Some(name) = self.clone_name() {
            let database = database.name.clone();
            plan.push_in(
                unit,
                AnyStep::CloneDatabase(CloneDatabase { database, name }),
                "exact, and the way back takes a moment",
            );
        } else if let (Some(dump), Some(why)) =
            (self.dump(DumpKind::Exact), self.no_clone(database))
        {
            plan.push_in(
                unit,
                AnyStep::Dump(dump),
                format!("going back must lose nothing; a dump within the outage, because {why}"),
            );
        }
    }

    /// The copy is in the same server as what it is a copy of: a dump of it is durable.
    pub(super) fn dump_of_clone(&self) -> Option<Dump> {
        let source = Some(self.clone_name()?);
        let dump = self.dump(DumpKind::Exact)?;
        // Nobody waits for it.
        let proving = self.proving(DumpKind::Online)?;
        Some(Dump {
            proving,
            source,
            ..dump
        })
    }

    /// Where the rows can be counted as they were when nobody wrote any more.
    pub(super) fn known_rows(&self) -> Option<Known> {
        match self.clone_name() {
            Some(name) => Some(Known::Clone(name)),
            None => Some(Known::Manifest(self.dump(DumpKind::Exact)?.manifest())),
        }
    }
}
