//! `eneo-upgrade`, the command.

use std::process::ExitCode;

use rustix::fs::Mode;

#[tokio::main]
async fn main() -> ExitCode {
    // Programs that write for us leave the mode of their files to this.
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    ExitCode::from(eneo_upgrade::cli::run().await)
}
