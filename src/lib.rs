//! `eneo-upgrade`: upgrades of self-hosted apps that lose nothing. This page is the map.
//!
//! ```text
//! cli ─> ops ─> inventory ─> plan ─> engine(steps) ┬─> journal (SQLite)
//!                                                  ├─> event ─> render (terminal, plain, JSON)
//!                                                  └─> host (Docker, Compose, PostgreSQL, Redis, files)
//! ```
//!
//! A room uses only rooms to its right; `tests/it/arrows.rs` reads the paths used in every file and
//! fails on an arrow that is not in its table.
//!
//! | room | what it does |
//! |---|---|
//! | [`cli`] | parses the command line, makes one call into `ops`, exits with its code |
//! | [`ops`] | the verbs: check, plan, rehearse, upgrade, verify, drain, jobs, backup, resume, rollback, status, history, logs |
//! | [`settings`] | flags and environment, resolved once |
//! | [`inventory`] | what is there now: files, services, images, database, jobs; reads only |
//! | [`preflight`] | reasons not to start, all at once |
//! | [`plan`] | decides what a run does, and what a way back does; pure |
//! | [`engine`] | runs any list of steps so that it can be killed anywhere and taken up again |
//! | [`steps`] | everything a run can do to the world, one step per file |
//! | [`recipe`] | what is known about an app, as data |
//! | [`compose_file`] | edits the text of Compose and `.env` files by place, and proves every edit |
//! | [`host`] | the outside world, one file per system, and the ports that steps see of it |
//! | [`journal`] | the durable record of runs |
//! | [`report`] | from the records of a run to a summary of it |
//! | [`event`] | everything a run can say, as plain data |
//! | [`render`] | from events to people and programs |
//!
//! Where does a change go? A new step: a file in `steps`, a variant in `AnyStep`, a line in a
//! planner. A new check: `preflight`. A new app: a folder in `compose-templates`, no Rust. Other
//! wording: `render`. A new field of the JSON: `event`, `render/json.rs`, `docs/json-v1.md` and its schema.

pub mod cli;
pub mod compose_file;
pub mod engine;
pub mod event;
pub mod host;
pub mod inventory;
pub mod journal;
pub mod ops;
pub mod plan;
pub mod preflight;
pub mod recipe;
pub mod render;
pub mod report;
pub mod settings;
pub mod steps;
