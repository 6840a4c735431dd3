//! Programs inside a container, through the API: passwords travel in its body, never in argv.

use std::path::Path;
use std::time::{Duration, Instant};

use bollard::container::LogOutput;
use bollard::exec::{CreateExecOptions, StartExecOptions, StartExecResults};
use futures_util::StreamExt;
use tokio::io::{AsyncRead, AsyncWriteExt};

use super::{Docker, failed};
use crate::host::{HostError, Secret, files};

/// Chunks as large as the engine makes them: a dump passes through here.
const CAPACITY: usize = 64 * 1024;
/// How long the engine may take to say how a program ended.
const ENDING: Duration = Duration::from_secs(10);
/// Bytes kept of what a program said on standard error.
const ERROR_KEPT: usize = 8 * 1024;

/// A program to run in a container.
pub struct Exec<'a> {
    /// The container.
    pub container: &'a str,
    /// The program and its arguments.
    pub argv: &'a [&'a str],
    /// Its variables; they may be secret.
    pub environment: Vec<(&'a str, Secret)>,
}

/// How a program in a container ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecOutput {
    /// Its exit code.
    pub code: i64,
    /// The end of what it said on standard error.
    pub errors: String,
}

impl Docker {
    /// Runs a program to its end. `input`, where given, becomes its standard input; every chunk
    /// of its standard output goes to `output`.
    pub async fn exec(
        &self,
        exec: &Exec<'_>,
        input: Option<&mut (dyn AsyncRead + Send + Unpin)>,
        mut output: impl FnMut(&[u8]) -> Result<(), HostError> + Send,
    ) -> Result<ExecOutput, HostError> {
        let program = exec.argv.first().copied().unwrap_or_default();
        let failed = failed(format!("run `{program}` in a container"));
        let variables: Vec<String> = exec
            .environment
            .iter()
            .map(|(name, value)| format!("{name}={}", value.expose()))
            .collect();
        let created = self
            .client
            .create_exec(
                exec.container,
                CreateExecOptions {
                    attach_stdin: Some(input.is_some()),
                    attach_stdout: Some(true),
                    attach_stderr: Some(true),
                    env: Some(variables.iter().map(String::as_str).collect()),
                    cmd: Some(exec.argv.to_vec()),
                    ..CreateExecOptions::default()
                },
            )
            .await
            .map_err(&failed)?;
        let started = self
            .client
            .start_exec(
                &created.id,
                Some(StartExecOptions {
                    output_capacity: Some(CAPACITY),
                    ..StartExecOptions::default()
                }),
            )
            .await
            .map_err(&failed)?;
        let StartExecResults::Attached {
            output: mut stream,
            input: mut writer,
        } = started
        else {
            return Err(HostError::Unexpected(format!("`{program}` ran detached")));
        };
        let feed = async {
            if let Some(input) = input {
                // A program that has seen enough closes its end; its exit code tells the rest.
                let _ = tokio::io::copy(input, &mut writer).await;
            }
            let _ = writer.shutdown().await;
        };
        let drain = async {
            let mut errors = Vec::new();
            while let Some(chunk) = stream.next().await {
                match chunk.map_err(&failed)? {
                    LogOutput::StdErr { message } => {
                        errors.extend_from_slice(&message);
                        let surplus = errors.len().saturating_sub(ERROR_KEPT);
                        errors.drain(..surplus);
                    }
                    LogOutput::StdOut { message } | LogOutput::Console { message } => {
                        output(&message)?;
                    }
                    LogOutput::StdIn { .. } => {}
                }
            }
            Ok::<_, HostError>(errors)
        };
        let ((), errors) = tokio::join!(feed, drain);
        let errors = String::from_utf8_lossy(&errors?).trim().to_owned();
        let code = self.exit_code(&created.id, program).await?;
        Ok(ExecOutput { code, errors })
    }

    /// Writes what a program prints to the new file `to`; an exit code other than 0 is an error.
    pub async fn exec_to_file(&self, exec: &Exec<'_>, to: &Path) -> Result<(), HostError> {
        let mut file = files::create_private(to)?;
        let append = |chunk: &[u8]| files::append(&mut file, to, chunk);
        self.exec(exec, None, append).await?.must_succeed(exec)
    }

    /// Feeds the file `from` to a program and listens to what it prints; an exit code other than 0
    /// is an error.
    pub async fn exec_from_file(
        &self,
        exec: &Exec<'_>,
        from: &Path,
        mut output: impl FnMut(&[u8]) + Send,
    ) -> Result<(), HostError> {
        let mut file = tokio::fs::File::from_std(files::open(from)?);
        let ended = self.exec(exec, Some(&mut file), |chunk| {
            output(chunk);
            Ok(())
        });
        ended.await?.must_succeed(exec)
    }

    /// The engine closes the output of a program a moment before it knows how it ended.
    async fn exit_code(&self, exec: &str, program: &str) -> Result<i64, HostError> {
        let failed = failed(format!("ask how `{program}` in a container ended"));
        let asked = Instant::now();
        loop {
            let found = self.client.inspect_exec(exec).await.map_err(&failed)?;
            match found.exit_code {
                Some(code) if found.running != Some(true) => return Ok(code),
                _ if asked.elapsed() < ENDING => tokio::time::sleep(ENDING / 500).await,
                _ => {
                    return Err(HostError::Unexpected(format!(
                        "the connection to `{program}` in a container broke before it ended"
                    )));
                }
            }
        }
    }

    /// Runs a program to its end and returns its standard output; an exit code other than 0 is
    /// an error.
    pub async fn exec_text(
        &self,
        exec: &Exec<'_>,
        input: Option<&str>,
    ) -> Result<String, HostError> {
        let mut text = Vec::new();
        let mut input = input.map(str::as_bytes);
        let input = input
            .as_mut()
            .map(|bytes| bytes as &mut (dyn AsyncRead + Send + Unpin));
        let ended = self
            .exec(exec, input, |chunk| {
                text.extend_from_slice(chunk);
                Ok(())
            })
            .await?;
        ended.must_succeed(exec)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}

impl ExecOutput {
    /// An exit code other than 0 as an error.
    pub fn must_succeed(&self, exec: &Exec<'_>) -> Result<(), HostError> {
        if self.code == 0 {
            return Ok(());
        }
        Err(HostError::Program {
            command: exec.argv.join(" "),
            status: format!("exit code {}", self.code),
            tail: self.errors.lines().map(str::to_owned).collect(),
        })
    }
}
