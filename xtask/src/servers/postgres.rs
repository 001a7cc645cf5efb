//! A temporary PostgreSQL server with its own folder and port, stopped when its value is dropped.

use std::fs;
use std::io::Read;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use ::tests::{Guard, child_command, free_port, until};
use anyhow::{Context, Result, bail, ensure};

/// The user id that PostgreSQL runs as when this tool runs as root, which PostgreSQL refuses:
/// `nobody`, on every Debian.
const NOBODY: u32 = 65534;

/// The durability settings of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// The defaults of an installation.
    Default,
    /// No synchronous writes: no data has to survive a crash of the machine.
    Off,
}

/// A running server. Dropping it stops the process and removes its folder.
#[derive(Debug)]
pub(crate) struct Postgres {
    /// `postgres://…` with the password inside; the user may create databases.
    pub(crate) url: String,
    folder: PathBuf,
    guard: Option<Guard>,
}

/// The paths of the programs of PostgreSQL that are needed.
#[derive(Debug)]
pub(super) struct Programs {
    pub(super) initdb: PathBuf,
    pub(super) postgres: PathBuf,
    pub(super) pg_isready: PathBuf,
}

impl Postgres {
    /// Creates a database cluster below `run` and starts a server for it.
    pub(super) fn start(programs: &Programs, run: &Path, durability: Durability) -> Result<Self> {
        remove_stale_folders(run)?;
        let folder = run.join(std::process::id().to_string());
        fs::create_dir_all(&folder)?;
        give_to_nobody(&folder)?;
        let password = secret()?;
        let data = folder.join("data");
        initialise(&programs.initdb, &folder, &data, &password)?;
        let port = free_port()?;
        let log = folder.join("log");
        let guard = serve(&programs.postgres, &data, port, &log, durability)?;
        let url = format!("postgres://chorus:{password}@127.0.0.1:{port}/postgres");
        let mut server = Self { url, folder, guard: Some(guard) };
        server.wait(&programs.pg_isready, port, &log)?;
        Ok(server)
    }

    fn wait(&mut self, pg_isready: &Path, port: u16, log: &Path) -> Result<()> {
        until("PostgreSQL to accept connections", Duration::from_secs(60), || {
            if let Some(status) = self.guard.as_mut().map(Guard::exit_status).transpose()?.flatten() {
                bail!("PostgreSQL ended: {status}");
            }
            let mut ask = Command::new(pg_isready);
            ask.args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()]).stdin(Stdio::null());
            Ok(ask.status()?.success().then_some(()))
        })
        .with_context(|| fs::read_to_string(log).unwrap_or_default())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // The server is stopped before its folder is removed.
        self.guard.take();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Removes the folders of servers whose xtask process was killed.
fn remove_stale_folders(run: &Path) -> Result<()> {
    fs::create_dir_all(run)?;
    for entry in fs::read_dir(run)? {
        let entry = entry?;
        if !Path::new("/proc").join(entry.file_name()).exists() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    Ok(())
}

fn initialise(initdb: &Path, folder: &Path, data: &Path, password: &str) -> Result<()> {
    let file = folder.join("password");
    fs::write(&file, password)?;
    give_to_nobody(&file)?;
    let mut command = as_nobody(initdb);
    command
        .args(["--username=chorus", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8"])
        .args(["--no-sync", "--no-instructions"])
        .arg(format!("--pwfile={}", file.display()))
        .arg("-D")
        .arg(data)
        .stdin(Stdio::null());
    let output = command.output().context("cannot start initdb")?;
    fs::remove_file(file)?;
    ensure!(output.status.success(), "initdb failed\n{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

fn serve(postgres: &Path, data: &Path, port: u16, log: &Path, durability: Durability) -> Result<Guard> {
    let mut command = as_nobody(postgres);
    command.arg("-D").arg(data).args(["-p", &port.to_string()]);
    let own =
        ["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=200", "timezone=UTC"];
    let fast = ["fsync=off", "full_page_writes=off", "synchronous_commit=off"];
    let fast = fast.iter().filter(|_| durability == Durability::Off);
    for setting in own.iter().chain(fast) {
        command.args(["-c", setting]);
    }
    let log = fs::File::create(log)?;
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    Ok(Guard::spawn("PostgreSQL", &mut command)?.stopping_with_sigquit())
}

/// Returns a command that runs as `nobody` if this tool runs as root, with the capability to enter
/// folders that only root may.
fn as_nobody(program: &Path) -> Command {
    if !rustix::process::geteuid().is_root() {
        return child_command(program);
    }
    let mut command = child_command(Path::new("/usr/bin/setpriv"));
    command
        .args([&format!("--reuid={NOBODY}"), &format!("--regid={NOBODY}"), "--clear-groups"])
        .args(["--inh-caps=+dac_override", "--ambient-caps=+dac_override"])
        // The kernel clears the parent-death signal when the user changes: set it again.
        .args(["--pdeathsig", "KILL", "--"])
        .arg(program);
    command
}

fn give_to_nobody(path: &Path) -> Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(0o700))?;
    if rustix::process::geteuid().is_root() {
        chown(path, Some(NOBODY), Some(NOBODY)).with_context(|| format!("cannot give {}", path.display()))?;
    }
    Ok(())
}

fn secret() -> Result<String> {
    let mut bytes = [0_u8; 16];
    fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
