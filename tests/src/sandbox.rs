//! A workspace in a temporary folder, and the real `chorus` executable run in it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use tempfile::TempDir;

use crate::child::{Guard, child_command, free_port, until};
use crate::http::HttpClient;

/// A temporary workspace, removed when this is dropped.
#[derive(Debug)]
pub struct Sandbox {
    folder: TempDir,
    chorus: PathBuf,
    /// Environment variables of every `chorus` process, besides the inherited ones.
    variables: Vec<(String, String)>,
    /// The port for `listen` in its `chorus.toml`; it was free when the sandbox was created.
    pub port: u16,
}

/// The result of a `chorus` command that has exited.
#[derive(Debug, Clone)]
pub struct CommandOutput {
    /// The exit code; `None` when a signal ended the process.
    pub code: Option<i32>,
    /// The text on standard output.
    pub out: String,
    /// The text on standard error.
    pub err: String,
}

/// A running `chorus serve`, or another command that serves HTTP.
#[derive(Debug)]
pub struct Server {
    /// A client of the server's pages.
    pub http: HttpClient,
    /// The server's port on 127.0.0.1.
    pub port: u16,
    /// The time from the start of the process to its first successful response.
    pub ready_after: Duration,
    guard: Guard,
    log: PathBuf,
}

impl Sandbox {
    /// Creates an empty folder for a workspace.
    ///
    /// # Errors
    /// Fails when the folder cannot be created.
    pub fn empty(chorus: &Path) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("chorus-").tempdir().context("no temporary folder")?;
        Ok(Self { folder, chorus: chorus.to_owned(), variables: Vec::new(), port: free_port()? })
    }

    /// Sets environment variables for every `chorus` process of this sandbox.
    #[must_use]
    pub fn with_env(mut self, variables: Vec<(String, String)>) -> Self {
        self.variables = variables;
        self
    }

    /// The path of the workspace folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file, creating its parent folders.
    ///
    /// # Errors
    /// Fails when the system refuses.
    pub fn write(&self, file: &str, text: &str) -> Result<()> {
        let path = self.path().join(file);
        fs::create_dir_all(path.parent().context("a file has a folder")?)?;
        fs::write(&path, text).with_context(|| format!("cannot write {file}"))
    }

    /// Replaces every `old` by `new` in a file.
    ///
    /// # Errors
    /// Fails when the file does not contain `old`.
    pub fn edit(&self, file: &str, old: &str, new: &str) -> Result<()> {
        let text = fs::read_to_string(self.path().join(file)).with_context(|| format!("no {file}"))?;
        ensure!(text.contains(old), "{file} does not say {old:?}");
        self.write(file, &text.replace(old, new))
    }

    /// Returns a `chorus` command for this workspace, not yet started.
    #[must_use]
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = child_command(&self.chorus);
        command.args(args).current_dir(self.path()).stdin(Stdio::null());
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs `chorus` and waits for its exit.
    ///
    /// # Errors
    /// Fails when the process cannot be started, not when it exits with an error.
    pub fn chorus(&self, args: &[&str]) -> Result<CommandOutput> {
        let output = self.command(args).output().context("cannot start chorus")?;
        Ok(CommandOutput {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).context("chorus printed something that is not UTF-8")?,
            err: String::from_utf8(output.stderr).context("chorus complained in something not UTF-8")?,
        })
    }

    /// Runs `chorus`, which must exit with 0.
    ///
    /// # Errors
    /// Fails on any other exit code, with the output of the command.
    pub fn chorus_ok(&self, args: &[&str]) -> Result<CommandOutput> {
        let ran = self.chorus(args)?;
        ensure!(ran.code == Some(0), "chorus {args:?} ended with {:?}\n{}\n{}", ran.code, ran.out, ran.err);
        Ok(ran)
    }

    /// Runs `chorus … --format json`, which must exit with 0, and parses its output.
    ///
    /// # Errors
    /// Fails on any other exit code, or when the output is not JSON.
    pub fn json(&self, args: &[&str]) -> Result<Value> {
        let ran = self.chorus_ok(&[args, &["--format", "json"]].concat())?;
        serde_json::from_str(&ran.out).with_context(|| format!("chorus {args:?} printed {:?}", ran.out))
    }

    /// Starts `chorus serve` on this workspace's port and waits until it is ready.
    ///
    /// # Errors
    /// Fails with the log when the server exits or is not ready within 60 seconds.
    pub fn serve(&self) -> Result<Server> {
        Server::start(self.command(&["serve"]), self.port, &self.path().join("serve.log"))
    }
}

impl Server {
    /// Starts a command that serves HTTP on `port`, with its output appended to `log`.
    ///
    /// # Errors
    /// Fails with the log when the server exits or is not ready within 60 seconds.
    pub fn start(mut command: Command, port: u16, log: &Path) -> Result<Self> {
        let said = File::options().create(true).append(true).open(log)?;
        command.stdout(said.try_clone()?).stderr(said);
        let start = Instant::now();
        let mut guard = Guard::spawn("chorus", &mut command)?;
        let http = HttpClient::local(port);
        until("chorus to be ready", Duration::from_secs(60), || {
            if let Some(status) = guard.exit_status()? {
                bail!("it ended with {status}");
            }
            Ok(http.get("/healthz").ok().filter(|answer| answer.status == 200))
        })
        .with_context(|| fs::read_to_string(log).unwrap_or_default())?;
        Ok(Self { http, port, ready_after: start.elapsed(), guard, log: log.to_owned() })
    }

    /// The process id as the system assigned it.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.guard.id()
    }

    /// Returns the log as written so far.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Kills the process with SIGKILL.
    ///
    /// # Errors
    /// Fails when the system refuses.
    pub fn crash(self) -> Result<()> {
        self.guard.crash()
    }

    /// Sends SIGTERM and waits until the process has drained and exited.
    ///
    /// # Errors
    /// Fails when it exits with an error, or still runs after ten seconds.
    pub fn stop(self) -> Result<()> {
        let status = self.guard.stop(Duration::from_secs(10))?;
        ensure!(status.success(), "chorus ended with {status}\n{}", fs::read_to_string(&self.log)?);
        Ok(())
    }
}
