//! What looking at the project finds, as `Inventory::look` would put it together.

use std::collections::BTreeMap;
use std::path::PathBuf;

use eneo_upgrade::host::compose::ProjectArgs;
use eneo_upgrade::host::docker::EngineFacts;
use eneo_upgrade::host::postgres::Identity;
use eneo_upgrade::host::{Redactor, files};
use eneo_upgrade::inventory::{
    DatabaseFacts, Ground, ImageFacts, Inventory, ServiceFacts, Sources, Wanted,
};
use eneo_upgrade::recipe::{Recipe, Reference};

use super::scene::{Scene, model};
use super::world::{DATABASE, Made, World, digest};

impl Scene {
    pub(super) fn inventory(&self) -> Inventory {
        let model = model(self.folder()).expect("a model");
        let references = self.references();
        let recipe = Recipe::built_in(&references)
            .expect("reads")
            .expect("Eneo's");
        let world = self.world();
        let services = references.iter().map(|(name, reference)| {
            let made = world.containers.get(name);
            let facts = ServiceFacts {
                containers: made
                    .map(|made| made.container.clone())
                    .into_iter()
                    .collect(),
                diverged: made.is_some() && world.differs(name, reference),
                image: Some(self.image(&world, reference, made, &recipe)),
                data: None,
            };
            (name.clone(), facts)
        });
        let paths = ["compose.yml", ".env"].map(|name| self.folder().join(name));
        let text = |path: &PathBuf| files::read_text(path).expect("read").expect("there");
        let data = world.databases.get(DATABASE).filter(|_| world.is_up("db"));
        Inventory {
            args: ProjectArgs {
                files: vec![paths[0].clone()],
                beside: None,
                directory: self.folder().to_owned(),
                name: Some(model.name.clone()),
                env_files: Vec::new(),
                profiles: Vec::new(),
            },
            compose_version: "2.40.3".to_owned(),
            engine: EngineFacts {
                id: "engine".to_owned(),
                version: "28".to_owned(),
                ..EngineFacts::default()
            },
            inferred: false,
            migrations: Vec::new(),
            services: services.collect(),
            database: data.map(|data| DatabaseFacts {
                name: DATABASE.to_owned(),
                identity: Identity {
                    system: "1".to_owned(),
                    version: "17.5".to_owned(),
                    size: 1,
                    tables: 1,
                    oid: data.oid,
                    may_create: true,
                    collation_moved: false,
                },
                revisions: data.revision.clone().map(|revision| vec![revision]),
                sessions: Vec::new(),
                beside: BTreeMap::new(),
                conditions: BTreeMap::new(),
            }),
            database_trouble: None,
            has_volumes: data.is_some(),
            jobs: Vec::new(),
            sources: Sources {
                compose: vec![paths[0].clone()],
                variables: vec![paths[1].clone()],
                texts: paths
                    .iter()
                    .map(|path| (path.clone(), text(path)))
                    .collect(),
                ..Sources::default()
            },
            ground: Ground::default(),
            redactor: Redactor::default(),
            model,
            recipe,
        }
    }

    fn image(
        &self,
        world: &World,
        reference: &str,
        made: Option<&Made>,
        recipe: &Recipe,
    ) -> ImageFacts {
        let repository = Reference::parse(reference).repository;
        let target = match self.to() {
            Some(to) if recipe.carries_release(reference) => format!("{repository}:{to}"),
            _ => reference.to_owned(),
        };
        let running = made.map(|made| made.container.image.clone());
        let known = running
            .iter()
            .map(|id| format!("{repository}@{}", digest(id)));
        ImageFacts {
            reference: reference.to_owned(),
            running_release: None,
            running_size: 0,
            platforms: Vec::new(),
            running_digests: known.collect(),
            running,
            tagged: world.tags.get(&target).cloned(),
            wanted: Wanted::Digest {
                repository: repository.to_owned(),
                digest: digest(&world.registry[&target]),
            },
            target,
        }
    }
}
