//! Children: argv only, no terminal, in a session of their own, and never two at a time.
//!
//! A child outlives a killed parent. So each one holds a lock for as long as it lives: the
//! locked file is its standard input (empty, so it also reads as closed). A second start can
//! wait for that lock, and find the holder by looking whose standard input the file is.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use process_wrap::tokio::{CommandWrap, ProcessSession};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};

use super::{HostError, files};

/// Lines kept of what a failed program printed.
const TAIL: usize = 20;
/// How long a child that was asked to end may take before it is killed.
const END_GRACE: Duration = Duration::from_secs(10);

/// A program to run.
#[derive(Debug, Clone)]
pub struct Program {
    /// Its path.
    pub path: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
    /// The folder it runs in.
    pub folder: PathBuf,
    /// Variables to set.
    pub set: Vec<(String, String)>,
    /// Variables to take out of the environment.
    pub unset: &'static [&'static str],
}

impl Program {
    fn command(&self) -> CommandWrap {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the place that starts children"
        )]
        let mut command = tokio::process::Command::new(&self.path);
        command.args(&self.args).current_dir(&self.folder);
        command.envs(self.set.iter().map(|(k, v)| (k, v)));
        for name in self.unset {
            command.env_remove(name);
        }
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut wrap = CommandWrap::from(command);
        wrap.wrap(ProcessSession);
        wrap
    }

    /// The program and what it was asked to do, for messages.
    fn title(&self) -> String {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        format!("{name} {}", self.args.join(" "))
    }
}

/// What a program printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Printed {
    /// On standard output.
    pub output: String,
    /// On standard error.
    pub errors: String,
}

/// Runs children for one project, one at a time.
#[derive(Debug, Clone)]
pub struct Children {
    /// The file that a child keeps locked; none for children that only read.
    lock: Option<PathBuf>,
}

impl Children {
    /// For programs that change nothing.
    pub fn reading() -> Self {
        Self { lock: None }
    }

    /// For programs that change something; `lock` is a file in the project's state folder.
    pub fn locking(lock: PathBuf) -> Self {
        Self { lock: Some(lock) }
    }

    /// Runs a program to its end and returns what it printed.
    pub async fn run(&self, program: &Program) -> Result<Printed, HostError> {
        let mut bytes = Vec::new();
        let errors = self
            .stream(program, |chunk| bytes.extend_from_slice(chunk))
            .await?;
        let output = String::from_utf8_lossy(&bytes).into_owned();
        Ok(Printed { output, errors })
    }

    /// Runs a program to its end, handing on what it prints on standard output as it comes;
    /// returns what it printed on standard error.
    pub async fn stream(
        &self,
        program: &Program,
        mut output: impl FnMut(&[u8]),
    ) -> Result<String, HostError> {
        let start_failed = |source| HostError::Start {
            program: program.path.display().to_string(),
            source,
        };
        let mut wrap = program.command();
        wrap.command_mut().stdin(self.standard_input()?);
        let mut child = wrap.spawn().map_err(start_failed)?;
        // Our own copy of the locked file has to go, or the lock would not end with the child.
        drop(wrap);
        let (stdout, stderr) = (child.stdout().take(), child.stderr().take());
        let mut errors = Vec::new();
        let (status, (), ()) = tokio::join!(
            child.wait(),
            hand_on(stdout, &mut output),
            hand_on(stderr, |chunk| errors.extend_from_slice(chunk)),
        );
        let status = status.map_err(start_failed)?;
        let errors = String::from_utf8_lossy(&errors).into_owned();
        if status.success() {
            return Ok(errors);
        }
        // Compose takes what follows a dollar sign in a secret for a variable, and says its name.
        let lines = errors
            .lines()
            .filter(|line| !line.contains("variable is not set"));
        let lines: Vec<&str> = lines.collect();
        let tail = &lines[lines.len().saturating_sub(TAIL)..];
        Err(HostError::Program {
            command: program.title(),
            status: status.to_string(),
            tail: tail.iter().map(ToString::to_string).collect(),
        })
    }

    fn standard_input(&self) -> Result<Stdio, HostError> {
        let Some(lock) = &self.lock else {
            return Ok(Stdio::null());
        };
        let file = files::lock_file(lock)?;
        match file.try_lock() {
            Ok(()) => Ok(Stdio::from(file)),
            Err(_) => Err(alive(lock)),
        }
    }

    /// Waits until no child of an earlier process is left: first with `patience`, then asking it
    /// to end, then by force. `note` is told of one that is still there.
    pub async fn settle(&self, patience: Duration, note: impl Fn(String)) -> Result<(), HostError> {
        let Some(lock) = self.lock.as_deref().filter(|lock| lock.exists()) else {
            return Ok(());
        };
        let file = files::lock_file(lock)?;
        if file.try_lock().is_ok() {
            return Ok(());
        }
        for (pid, command) in holders(lock) {
            note(format!(
                "waiting for `{command}` of an earlier process ({pid}) to end"
            ));
        }
        let mut free = tokio::task::spawn_blocking(move || file.lock());
        let ways = [
            (patience, rustix::process::Signal::TERM),
            (END_GRACE, rustix::process::Signal::KILL),
        ];
        for (limit, signal) in ways {
            if tokio::time::timeout(limit, &mut free).await.is_ok() {
                return Ok(());
            }
            for (pid, command) in holders(lock) {
                note(format!("ending `{command}` of an earlier process ({pid})"));
                if let Some(pid) = i32::try_from(pid)
                    .ok()
                    .and_then(rustix::process::Pid::from_raw)
                {
                    // It may have ended by itself in between.
                    let _ = rustix::process::kill_process(pid, signal);
                }
            }
        }
        match tokio::time::timeout(END_GRACE, &mut free).await {
            Ok(_) => Ok(()),
            Err(_) => Err(alive(lock)),
        }
    }
}

/// Runs a small program that is handed `input` and changes nothing, such as a credential helper.
pub async fn ask(program: &Program, input: &str) -> Result<String, HostError> {
    let failed = |source| HostError::Start {
        program: program.path.display().to_string(),
        source,
    };
    let mut wrap = program.command();
    wrap.command_mut().stdin(Stdio::piped());
    let mut child = wrap.spawn().map_err(failed)?;
    if let Some(mut stdin) = child.stdin().take() {
        stdin.write_all(input.as_bytes()).await.map_err(failed)?;
    }
    let output = Box::into_pin(child.wait_with_output())
        .await
        .map_err(failed)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(HostError::Program {
        command: program.title(),
        status: output.status.to_string(),
        // A credential helper may print what it was given.
        tail: Vec::new(),
    })
}

/// An end of a program that is ours.
pub enum Piped {
    /// What it reads.
    Input(std::process::ChildStdin),
    /// What it prints.
    Output(std::process::ChildStdout),
}

impl Program {
    /// Runs it between a file and us, to its end: the end that has no file is handed to `work`. How
    /// the program ended counts more than what became of the work. It may ask on the terminal.
    pub fn pipe<T>(
        &self,
        input: Option<File>,
        output: Option<File>,
        work: impl FnOnce(Piped) -> T,
    ) -> Result<T, HostError> {
        let failed = |source| HostError::Start {
            program: self.path.display().to_string(),
            source,
        };
        let end = |file: Option<File>| file.map_or_else(Stdio::piped, Stdio::from);
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the place that starts children"
        )]
        let mut command = std::process::Command::new(&self.path);
        command.args(&self.args).current_dir(&self.folder);
        command.stdin(end(input)).stdout(end(output));
        command.stderr(Stdio::piped());
        let mut child = command.spawn().map_err(failed)?;
        let ours = (child.stdin.take(), child.stdout.take());
        let done = match ours {
            (Some(input), _) => work(Piped::Input(input)),
            (None, Some(output)) => work(Piped::Output(output)),
            (None, None) => {
                return Err(HostError::Unexpected(format!(
                    "`{}` has no end",
                    self.title()
                )));
            }
        };
        let ended = child.wait_with_output().map_err(failed)?;
        match ended.status.success() {
            true => Ok(done),
            false => Err(HostError::Program {
                command: self.title(),
                status: ended.status.to_string(),
                tail: String::from_utf8_lossy(&ended.stderr)
                    .lines()
                    .map(str::to_owned)
                    .collect(),
            }),
        }
    }
}

async fn hand_on(stream: Option<impl AsyncRead + Unpin>, mut output: impl FnMut(&[u8])) {
    let Some(mut stream) = stream else {
        return;
    };
    let mut buffer = vec![0; 1 << 16];
    // What could be read is worth having; the exit code tells the rest.
    while let Ok(n @ 1..) = stream.read(&mut buffer).await {
        output(&buffer[..n]);
    }
}

fn alive(lock: &Path) -> HostError {
    let (pid, command) = holders(lock)
        .into_iter()
        .next()
        .unwrap_or((0, "a child process".to_owned()));
    HostError::ChildAlive { command, pid }
}

/// The processes whose standard input is the lock, other than this one.
fn holders(lock: &Path) -> Vec<(u32, String)> {
    let Ok(lock) = lock.canonicalize() else {
        return Vec::new();
    };
    let Ok(processes) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    processes
        .flatten()
        .filter_map(|entry| {
            let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
            let input = std::fs::read_link(entry.path().join("fd/0")).ok()?;
            if input != lock || pid == std::process::id() {
                return None;
            }
            let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let words: Vec<_> = line
                .split(|byte| *byte == 0)
                .map(String::from_utf8_lossy)
                .collect();
            Some((pid, words.join(" ").trim().to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Program {
        Program {
            path: PathBuf::from("/bin/sh"),
            args: vec!["-c".to_owned(), script.to_owned()],
            folder: PathBuf::from("/"),
            set: Vec::new(),
            unset: &[],
        }
    }

    fn children() -> (tempfile::TempDir, Children) {
        let folder = tempfile::tempdir().expect("a folder");
        let children = Children::locking(folder.path().join("child.lock"));
        (folder, children)
    }

    #[tokio::test]
    async fn a_failed_program_leaves_its_last_lines() {
        let (_folder, children) = children();
        let error = children.run(&shell("echo out; echo no >&2; exit 3")).await;
        let failure = crate::event::Failure::from(error.expect_err("failed"));
        assert!(
            failure.error.contains("exit status: 3"),
            "{}",
            failure.error
        );
        assert_eq!(failure.details, ["no"]);
    }

    #[tokio::test]
    async fn standard_input_reads_as_closed_and_the_session_is_its_own() {
        let (_folder, children) = children();
        let printed = children
            .run(&shell("cat; echo $$; cut -d' ' -f6 /proc/self/stat"))
            .await
            .expect("runs");
        // The shell leads its session. (The test's own session may have no number: its leader
        // may be outside of the process namespace.)
        let numbers: Vec<_> = printed.output.split_whitespace().collect();
        assert!(
            matches!(numbers[..], [shell, session] if shell == session),
            "{numbers:?}"
        );
    }

    #[tokio::test]
    async fn a_leftover_is_waited_for_then_ended_and_never_run_beside() {
        let (folder, children) = children();
        // The shell ends at once; what it leaves behind holds on to the lock. (A shell gives what
        // runs in the background another standard input, unless told otherwise.)
        children
            .run(&shell("exec 3<&0; sleep 600 <&3 >/dev/null 2>&1 & :"))
            .await
            .expect("runs");
        let beside = children.run(&shell("true")).await.expect_err("refused");
        assert!(
            matches!(beside, HostError::ChildAlive { pid, .. } if pid > 0),
            "{beside}"
        );
        let notes = std::sync::Mutex::new(Vec::new());
        children
            .settle(Duration::ZERO, |note| {
                notes.lock().expect("unpoisoned").push(note);
            })
            .await
            .expect("settled");
        let notes = notes.into_inner().expect("unpoisoned");
        assert!(
            notes.iter().any(|note| note.contains("ending `sleep 600`")),
            "{notes:?}"
        );
        assert!(holders(&folder.path().join("child.lock")).is_empty());
        children.run(&shell("true")).await.expect("free again");
    }
}
