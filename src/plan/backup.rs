//! A backup by itself, what belongs with any backup, and how it is proven.

use super::upgrade::Planner;
use super::{Changes, Fetched, Run, beside};
use crate::event::{Proof, RunId};
use crate::inventory::{Inventory, Place};
use crate::steps::{Dump, DumpKind, Gather, Part, Proving};

/// A backup outside any upgrade, while the app is up: what belongs with the dump, and the dump.
/// None where no database is known.
pub fn backup(inventory: &Inventory, run: &Run) -> Option<(Gather, Dump)> {
    let planner = Planner {
        inventory,
        changes: &Changes::of(inventory),
        edits: &[],
        fetched: &Fetched::default(),
        run,
    };
    Some((planner.gather(), planner.dump(DumpKind::Online)?))
}

/// The name under which a run restores its dumps to prove them.
pub fn scratch(database: &str, run: &RunId) -> String {
    beside(database, "proof", run.as_str())
}

/// Whether a run, whichever, restored its dump of `database` under this name.
pub fn is_scratch(database: &str, name: &str) -> bool {
    let run = name.rsplit('_').next().unwrap_or_default();
    run.parse().is_ok_and(|run| scratch(database, &run) == name)
}

impl Planner<'_> {
    /// What belongs with a dump. Volumes are as they were while the app was up: they may take long,
    /// and going back leaves them alone.
    pub(super) fn set(&self, kind: DumpKind) -> Vec<Part> {
        let (sources, wanted) = (&self.inventory.sources, &self.inventory.recipe.backup);
        let files = sources.texts.keys().chain(&sources.attached);
        let mut set = vec![Part::Project {
            directory: self.inventory.args.directory.clone(),
            files: files.cloned().collect(),
        }];
        set.extend(wanted.volumes.iter().filter_map(|volume| {
            let mut mounts = self.inventory.model.mounts_of(volume);
            let (service, target) = mounts.find(|(service, _)| self.has_containers(service))?;
            Some(Part::Volume {
                volume: volume.clone(),
                service: service.to_owned(),
                target,
            })
        }));
        set.extend(self.queue(kind));
        set
    }

    /// What the queue holds at the moment of a dump.
    fn queue(&self, kind: DumpKind) -> Option<Part> {
        let service = self.inventory.recipe.roles.queue.as_ref()?;
        let wanted = self.inventory.recipe.backup.queue && self.inventory.is_up(service);
        wanted.then(|| Part::Queue {
            file: format!("{}.rdb", kind.name()),
        })
    }

    /// Writes what belongs with the first dump.
    pub(super) fn gather(&self) -> Gather {
        Gather {
            folder: self.run.backups.clone(),
            parts: self.set(DumpKind::Online),
        }
    }

    /// The queue changes with the database until nobody writes any more.
    pub(super) fn gather_queue(&self) -> Option<Gather> {
        Some(Gather {
            folder: self.run.backups.clone(),
            parts: vec![self.queue(DumpKind::Exact)?],
        })
    }

    /// By a restore, where that is possible, there is room, and nobody waits for it meanwhile.
    pub(super) fn proving(&self, kind: DumpKind) -> Option<Proving> {
        let database = self.inventory.database.as_ref()?;
        let why = match (self.run.proof, kind) {
            (Some(Proof::List), _) => Some("as was asked for".to_owned()),
            _ if !database.identity.may_create => {
                Some("the app's login may not create a database to restore it into".to_owned())
            }
            (None, DumpKind::Exact) => Some("a restore would make the outage longer".to_owned()),
            (None, DumpKind::Online) => self.no_room(),
            (Some(Proof::Restore), _) => None,
        };
        Some(match why {
            Some(why) => Proving::List { why },
            None => Proving::Restore {
                scratch: scratch(&database.name, &self.run.id),
            },
        })
    }

    /// A restored copy is as large as the database, and so is the one to go back with.
    fn no_room(&self) -> Option<String> {
        let identity = &self.inventory.database.as_ref()?.identity;
        let rooms = &self.inventory.ground.rooms;
        let Some((_, room)) = rooms.get(&Place::Database) else {
            return Some("the room for a restored copy cannot be told".to_owned());
        };
        let backups = rooms.get(&Place::State);
        let dumps = match backups.is_some_and(|(_, other)| other.device == room.device) {
            true => identity.tables.saturating_mul(2),
            false => 0,
        };
        let needed = identity.size.saturating_mul(2).saturating_add(dumps);
        (room.free < needed).then(|| "there is no room for a restored copy".to_owned())
    }
}
