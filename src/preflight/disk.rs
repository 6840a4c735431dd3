//! Room on disk, summed up per file system: several things may be written to the same one.

use std::collections::BTreeMap;

use super::{Case, refusal};
use crate::event::Finding;
use crate::inventory::{Inventory, Place};
use crate::plan::Changes;

pub(super) const TOO_SMALL: &str = "disk-too-small";

/// What a scratch server needs besides the data: its log of changes, mostly.
const SERVER: u64 = 512 << 20;

/// The journal, reports and copies of edited files.
const STATE: u64 = 16 << 20;

pub(super) fn check(case: Case<'_>) -> Vec<Finding> {
    let Case {
        inventory,
        changes,
        outage,
        ..
    } = case;
    judge(inventory, "the upgrade", wanted(inventory, changes, outage))
}

/// Why there is no room for a copy of the database, where there is none. The dump is counted also
/// where one is there already; the migration may write every table anew.
pub fn room_to_rehearse(inventory: &Inventory) -> Vec<Finding> {
    let Some(database) = &inventory.database else {
        return Vec::new();
    };
    let (size, tables) = (database.identity.size, database.identity.tables);
    let wanted = vec![
        (Place::State, "a dump of the database".to_owned(), tables),
        (
            Place::Images,
            "a database server with a copy".to_owned(),
            2 * size + SERVER,
        ),
    ];
    judge(inventory, "the rehearsal", wanted)
}

fn judge(inventory: &Inventory, who: &str, wanted: Vec<(Place, String, u64)>) -> Vec<Finding> {
    let mut needs: BTreeMap<u64, Vec<(String, u64)>> = BTreeMap::new();
    for (place, what, bytes) in wanted {
        if let Some((_, room)) = inventory.ground.rooms.get(&place).filter(|_| bytes > 0) {
            needs.entry(room.device).or_default().push((what, bytes));
        }
    }
    needs
        .into_iter()
        .filter_map(|(device, needs)| {
            let all: u64 = needs.iter().map(|(_, bytes)| bytes).sum();
            let mut here = inventory.ground.rooms.values();
            let (path, room) = here.find(|(_, room)| room.device == device)?;
            (room.free < all).then(|| {
                let parts: Vec<String> = needs
                    .iter()
                    .map(|(what, bytes)| format!("{what} {}", mebibytes(*bytes)))
                    .collect();
                refusal(
                    TOO_SMALL,
                    format!(
                        "the file system of `{}` has {} free, and {who} may need {}: {}",
                        path.display(),
                        mebibytes(room.free),
                        mebibytes(all),
                        parts.join(", ")
                    ),
                    "make room, or put backups elsewhere with `--state-dir`",
                )
            })
        })
        .collect()
}

/// What would be written, and where. A dump is taken to be as large as the tables, without
/// their indexes: vectors hardly get smaller. A new image is taken to be as large as the one it replaces.
fn wanted(inventory: &Inventory, changes: &Changes, outage: bool) -> Vec<(Place, String, u64)> {
    let mut wanted = Vec::new();
    let database = inventory.database.as_ref().filter(|_| outage);
    if let Some(database) = database {
        let (size, tables) = (database.identity.size, database.identity.tables);
        wanted.push((
            Place::State,
            "two dumps of the database".to_owned(),
            2 * tables,
        ));
        wanted.push((
            Place::State,
            "volumes that belong with it".to_owned(),
            inventory.ground.backed_up,
        ));
        wanted.push((
            Place::Database,
            "a copy of the database to go back with".to_owned(),
            size,
        ));
    }
    if outage || !changes.is_empty() {
        wanted.push((Place::State, "journal and reports".to_owned(), STATE));
    }
    let mut seen = std::collections::BTreeSet::new();
    let images = inventory.services.iter().filter_map(|(name, facts)| {
        let image = facts.image.as_ref().filter(|image| image.is_new())?;
        (changes.replaces(name) && seen.insert(image.target.as_str())).then_some(image.running_size)
    });
    let images: u64 = images.sum();
    wanted.push((Place::Images, "new images".to_owned(), images));
    wanted
}

pub(super) fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes.div_ceil(1 << 20))
}
