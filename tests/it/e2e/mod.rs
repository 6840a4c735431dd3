//! The tool on a real stack: real engine, Compose, registry, PostgreSQL, Redis, Alembic.
//!
//! `scripts/test` starts the registry that these need and names it in `ENEO_TESTBED_REGISTRY`.

#![allow(
    clippy::disallowed_methods,
    reason = "tests start programs, write files and read the environment"
)]

mod backup;
mod corpus;
mod crawls;
mod door;
mod drain;
mod engine;
mod external;
mod failure;
mod identity;
mod install;
mod kill;
mod migration;
mod preflight;
mod rehearse;
mod restore;
mod rollback;
mod secrets;
mod spec;
mod stack;
mod upgrade;
mod why;
