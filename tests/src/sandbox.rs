//! A workspace in a temporary folder, and the real `chorus` at work in it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use tempfile::TempDir;

use crate::child::{Guard, bound, free_port, until};
use crate::http::Http;

/// A workspace that is gone when this is dropped.
#[derive(Debug)]
pub struct Sandbox {
    folder: TempDir,
    chorus: PathBuf,
    /// What every `chorus` finds in its environment, besides what is there.
    variables: Vec<(String, String)>,
    /// The port that its `chorus.toml` may name; nobody else listens there.
    pub port: u16,
}

/// A command that has ended.
#[derive(Debug, Clone)]
pub struct Ran {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// What it printed.
    pub out: String,
    /// What it complained about.
    pub err: String,
}

/// A running `chorus serve`, or another command that serves pages.
#[derive(Debug)]
pub struct Server {
    /// Its pages.
    pub http: Http,
    /// Its port on 127.0.0.1.
    pub port: u16,
    /// From the start of the process to its first good answer.
    pub ready_after: Duration,
    guard: Guard,
    log: PathBuf,
}

impl Sandbox {
    /// An empty folder in which `chorus` will work.
    ///
    /// # Errors
    /// When there is no room for it.
    pub fn empty(chorus: &Path) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("chorus-").tempdir().context("no temporary folder")?;
        Ok(Self { folder, chorus: chorus.to_owned(), variables: Vec::new(), port: free_port()? })
    }

    /// The same, with more in the environment of every `chorus`.
    #[must_use]
    pub fn knowing(mut self, variables: Vec<(String, String)>) -> Self {
        self.variables = variables;
        self
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file, with the folders it needs.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn write(&self, file: &str, text: &str) -> Result<()> {
        let path = self.path().join(file);
        fs::create_dir_all(path.parent().context("a file has a folder")?)?;
        fs::write(&path, text).with_context(|| format!("cannot write {file}"))
    }

    /// Replaces `old`, which must be there, by `new` in a file.
    ///
    /// # Errors
    /// When `old` is not there.
    pub fn edit(&self, file: &str, old: &str, new: &str) -> Result<()> {
        let text = fs::read_to_string(self.path().join(file)).with_context(|| format!("no {file}"))?;
        ensure!(text.contains(old), "{file} does not say {old:?}");
        self.write(file, &text.replace(old, new))
    }

    /// A `chorus` command on this workspace, to be run.
    #[must_use]
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = bound(&self.chorus);
        command.args(args).current_dir(self.path()).stdin(Stdio::null());
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs `chorus` and waits.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn chorus(&self, args: &[&str]) -> Result<Ran> {
        let output = self.command(args).output().context("cannot start chorus")?;
        Ok(Ran {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).context("chorus printed something that is not UTF-8")?,
            err: String::from_utf8(output.stderr).context("chorus complained in something not UTF-8")?,
        })
    }

    /// Runs `chorus`, which must succeed.
    ///
    /// # Errors
    /// When it does not; with all it said.
    pub fn done(&self, args: &[&str]) -> Result<Ran> {
        let ran = self.chorus(args)?;
        ensure!(ran.code == Some(0), "chorus {args:?} ended with {:?}\n{}\n{}", ran.code, ran.out, ran.err);
        Ok(ran)
    }

    /// Runs `chorus … --format json`, which must succeed, and reads what it printed.
    ///
    /// # Errors
    /// When it does not, or prints something else.
    pub fn json(&self, args: &[&str]) -> Result<Value> {
        let ran = self.done(&[args, &["--format", "json"]].concat())?;
        serde_json::from_str(&ran.out).with_context(|| format!("chorus {args:?} printed {:?}", ran.out))
    }

    /// Starts `chorus serve` on this workspace's port and waits until it is ready.
    ///
    /// # Errors
    /// When it is not ready within ten seconds; with its log.
    pub fn serve(&self) -> Result<Server> {
        Server::start(self.command(&["serve"]), self.port, &self.path().join("serve.log"))
    }
}

impl Server {
    /// Starts a command that will answer on `port`, writing what it says to `log`.
    ///
    /// # Errors
    /// When it is not ready within ten seconds; with its log.
    pub fn start(mut command: Command, port: u16, log: &Path) -> Result<Self> {
        let said = File::options().create(true).append(true).open(log)?;
        command.stdout(said.try_clone()?).stderr(said);
        let start = Instant::now();
        let mut guard = Guard::spawn("chorus", &mut command)?;
        let http = Http::local(port);
        until("chorus to be ready", Duration::from_secs(60), || {
            if let Some(status) = guard.ended()? {
                bail!("it ended with {status}");
            }
            Ok(http.get("/healthz").ok().filter(|answer| answer.status == 200))
        })
        .with_context(|| fs::read_to_string(log).unwrap_or_default())?;
        Ok(Self { http, port, ready_after: start.elapsed(), guard, log: log.to_owned() })
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.guard.id()
    }

    /// What it said so far.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// kill -9.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn crash(self) -> Result<()> {
        self.guard.crash()
    }

    /// SIGTERM, and waits until it has drained.
    ///
    /// # Errors
    /// When it ends badly, or is still there after ten seconds.
    pub fn stop(self) -> Result<()> {
        let status = self.guard.stop(Duration::from_secs(10))?;
        ensure!(status.success(), "chorus ended with {status}\n{}", fs::read_to_string(&self.log)?);
        Ok(())
    }
}
