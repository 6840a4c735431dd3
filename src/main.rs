//! `eneo-upgrade`, the command.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    ExitCode::from(eneo_upgrade::cli::run().await)
}
