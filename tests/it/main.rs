//! All integration tests: one binary.

mod arrows;
mod e2e;
mod laws;
mod offline;
mod schema;
