//! What a tree says as a Compose file: services, aliases and `<<` followed, nothing edited.

use std::cell::Cell;
use std::collections::HashMap;

use super::locate::{Entry, Kind, Node, Tree};
use super::refusal::{Reason, Stop};

pub(super) const STARTED: &str = "service_started";
pub(super) const COMPLETED: &str = "service_completed_successfully";

/// Steps through aliases and merges one question may take; `<<` chains can be exponential.
const FUEL: u32 = 20_000;

#[derive(Debug)]
pub(super) struct Model<'t> {
    tree: &'t Tree,
    /// By name; one entry for each document that has it. None where there is no `services`.
    services: Option<HashMap<&'t str, Vec<&'t Entry>>>,
    fuel: Cell<u32>,
}

/// A service's own mapping and the place of its name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Service<'t> {
    pub(super) name: &'t Node,
    pub(super) body: &'t Node,
}

/// An entry of a mapping, or one that `<<` brings in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found<'t> {
    pub(super) entry: &'t Entry,
    pub(super) merged: bool,
}

/// One dependency as written: a list item (`settings: None`) or an entry of a mapping.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dependency<'t> {
    pub(super) name: &'t str,
    pub(super) key: &'t Node,
    pub(super) settings: Option<&'t Node>,
}

/// How a dependency stands against "must have completed successfully".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Satisfied,
    Weaker,
}

impl<'t> Model<'t> {
    /// # Errors
    /// `services` is removed by `!reset`.
    pub(super) fn new(tree: &'t Tree) -> Result<Self, Stop> {
        let mut model = Self {
            tree,
            services: None,
            fuel: Cell::new(FUEL),
        };
        for document in &tree.documents {
            let Some(entry) = document.own("services") else {
                continue;
            };
            refuse_reset(&entry.value)?;
            let services = model.follow(&entry.value)?;
            if !matches!(services.kind, Kind::Map { .. }) {
                continue;
            }
            let index = model.services.get_or_insert_default();
            for entry in services.entries() {
                if let Some(name) = entry.key.text() {
                    index.entry(name).or_default().push(entry);
                }
            }
        }
        Ok(model)
    }

    /// Makes the next question as free as the first.
    pub(super) fn refuel(&self) {
        self.fuel.set(FUEL);
    }

    fn burn(&self, node: &Node) -> Result<(), Stop> {
        match self.fuel.get().checked_sub(1) {
            Some(left) => {
                self.fuel.set(left);
                Ok(())
            }
            None => Err(Stop::at(node.line, Reason::TooDeep)),
        }
    }

    /// The node an alias stands for.
    pub(super) fn follow(&self, mut node: &'t Node) -> Result<&'t Node, Stop> {
        while let Kind::Alias(id) = node.kind {
            self.burn(node)?;
            let target = self.tree.anchored(id);
            node = target.ok_or_else(|| {
                Stop::at(
                    node.line,
                    Reason::Unparsable("an alias inside its own anchor".into()),
                )
            })?;
        }
        Ok(node)
    }

    /// Own entries first, then what `<<` brings in, the earlier source winning.
    pub(super) fn get(&self, map: &'t Node, key: &str) -> Result<Option<Found<'t>>, Stop> {
        self.get_at(map, key, 0)
    }

    fn get_at(&self, map: &'t Node, key: &str, depth: u8) -> Result<Option<Found<'t>>, Stop> {
        self.burn(map)?;
        if let Some(entry) = map.own(key) {
            return Ok(Some(Found {
                entry,
                merged: depth > 0,
            }));
        }
        for source in self.merge_sources(map, depth)? {
            if let Some(found) = self.get_at(source, key, depth + 1)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn merge_sources(&self, map: &'t Node, depth: u8) -> Result<Vec<&'t Node>, Stop> {
        let Some(merge) = map.own("<<") else {
            return Ok(Vec::new());
        };
        if depth > 30 {
            return Err(Stop::at(map.line, Reason::TooDeep));
        }
        let target = self.follow(&merge.value)?;
        let Kind::Seq { items, .. } = &target.kind else {
            return Ok(vec![target]);
        };
        items.iter().map(|item| self.follow(item)).collect()
    }

    /// All entries, merged ones included, `<<` left out; own entries first.
    pub(super) fn all_entries(&self, map: &'t Node) -> Result<Vec<&'t Entry>, Stop> {
        let mut found: Vec<&'t Entry> = Vec::new();
        self.collect(map, 0, &mut found)?;
        Ok(found)
    }

    fn collect(&self, map: &'t Node, depth: u8, found: &mut Vec<&'t Entry>) -> Result<(), Stop> {
        for entry in map.entries() {
            self.burn(map)?;
            let name = entry.key.text();
            if name != Some("<<") && !found.iter().any(|seen| seen.key.text() == name) {
                found.push(entry);
            }
        }
        for source in self.merge_sources(map, depth)? {
            self.collect(source, depth + 1, found)?;
        }
        Ok(())
    }

    fn services(&self) -> Result<&HashMap<&'t str, Vec<&'t Entry>>, Stop> {
        self.services
            .as_ref()
            .ok_or_else(|| Reason::NoServices.into())
    }

    /// The bodies of a service, one for each document that has it.
    pub(super) fn bodies_of(&self, name: &str) -> impl Iterator<Item = &'t Node> {
        let services = self.services.as_ref();
        let entries = services.and_then(|services| services.get(name));
        entries.into_iter().flatten().map(|entry| &*entry.value)
    }

    /// Whether what a service waits for may be written where others have it from, too.
    pub(super) fn may_share(&self, name: &str) -> bool {
        self.bodies_of(name)
            .any(|body| match body.own("depends_on") {
                Some(entry) => matches!(entry.value.kind, Kind::Alias(_)),
                None => body.own("<<").is_some(),
            })
    }

    /// Every service with its bodies, one for each document that has it.
    pub(super) fn bodies(&self) -> impl Iterator<Item = (&'t str, impl Iterator<Item = &'t Node>)> {
        self.services.iter().flatten().map(|(name, entries)| {
            let bodies = entries.iter().map(|entry| &*entry.value);
            (*name, bodies)
        })
    }

    /// # Errors
    /// Not defined in this text, or in more than one document of it.
    pub(super) fn service(&self, name: &str) -> Result<Service<'t>, Stop> {
        let entries = self.services()?.get(name).map_or(&[][..], Vec::as_slice);
        let [entry] = entries else {
            let reason = if entries.is_empty() {
                Reason::UnknownService(name.to_owned())
            } else {
                Reason::SeveralDocuments(name.to_owned())
            };
            return Err(Stop {
                reason,
                line: entries.last().map(|entry| entry.key.line),
            });
        };
        refuse_reset(&entry.value)?;
        if !matches!(entry.value.kind, Kind::Map { .. }) {
            let reason = Reason::UnsupportedShape("the service is not a mapping of its own");
            return Err(Stop::at(entry.value.line, reason));
        }
        Ok(Service {
            name: &entry.key,
            body: &entry.value,
        })
    }

    /// # Errors
    /// Shapes that Compose itself rejects.
    pub(super) fn dependencies(&self, value: &'t Node) -> Result<Vec<Dependency<'t>>, Stop> {
        let value = self.follow(value)?;
        match &value.kind {
            _ if value.is_null() => Ok(Vec::new()),
            Kind::Seq { items, .. } => items.iter().map(|item| self.list_item(item)).collect(),
            Kind::Map { .. } => {
                let entries = self.all_entries(value)?.into_iter();
                entries.map(|entry| self.map_entry(entry)).collect()
            }
            _ => Err(invalid(value, "it is neither a list nor a mapping")),
        }
    }

    fn list_item(&self, item: &'t Node) -> Result<Dependency<'t>, Stop> {
        let name = self.follow(item)?.text();
        let name = name.ok_or_else(|| invalid(item, "a list item is no scalar"))?;
        Ok(Dependency {
            name,
            key: item,
            settings: None,
        })
    }

    fn map_entry(&self, entry: &'t Entry) -> Result<Dependency<'t>, Stop> {
        let name = entry
            .key
            .text()
            .ok_or_else(|| invalid(&entry.key, "a key is no scalar"))?;
        refuse_reset(&entry.value)?;
        let settings = Some(self.follow(&entry.value)?);
        Ok(Dependency {
            name,
            key: &entry.key,
            settings,
        })
    }

    /// # Errors
    /// `required` other than true; a condition that is a variable.
    pub(super) fn standing(&self, dependency: &Dependency<'t>) -> Result<Standing, Stop> {
        let Some(settings) = dependency.settings else {
            return Ok(Standing::Weaker);
        };
        self.refuse_optional(settings)?;
        let Some(found) = self.get(settings, "condition")? else {
            return Ok(Standing::Weaker);
        };
        let condition = self.follow(&found.entry.value)?;
        match condition.text() {
            Some(COMPLETED) => Ok(Standing::Satisfied),
            Some(text) if text.contains('$') => {
                Err(Stop::at(condition.line, Reason::InterpolatedCondition))
            }
            Some(_) => Ok(Standing::Weaker),
            None => Err(invalid(condition, "a condition is no scalar")),
        }
    }

    fn refuse_optional(&self, settings: &'t Node) -> Result<(), Stop> {
        let Some(found) = self.get(settings, "required")? else {
            return Ok(());
        };
        let value = self.follow(&found.entry.value)?;
        if matches!(value.text(), Some("true" | "True" | "TRUE")) {
            Ok(())
        } else {
            Err(Stop::at(value.line, Reason::NotRequired))
        }
    }
}

/// # Errors
/// `!reset`: an earlier file's value is removed here, so there is nothing to add to.
pub(super) fn refuse_reset(node: &Node) -> Result<(), Stop> {
    if node.is_reset() {
        Err(Stop::at(node.line, Reason::ResetTag))
    } else {
        Ok(())
    }
}

pub(super) fn invalid(node: &Node, why: &'static str) -> Stop {
    Stop::at(node.line, Reason::InvalidDependsOn(why))
}

/// What Compose accepts as the name of a service.
pub(super) fn is_service_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    !name.is_empty() && name.bytes().all(allowed)
}
