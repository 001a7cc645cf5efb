//! Child processes that end with the process that started them, even when that one is killed.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

/// The time that a process has to end after a stop request, before it is killed.
const STOP_GRACE: Duration = Duration::from_secs(5);

/// A child process. Dropping it requests a stop, waits for a few seconds, and kills the
/// process.
#[derive(Debug)]
pub struct Guard {
    child: Child,
    name: String,
    stop_signal: Signal,
}

impl Guard {
    /// Starts `command`, known as `name` in errors. `command` should come from [`child_command`].
    ///
    /// # Errors
    /// Fails when the process cannot be started.
    pub fn spawn(name: &str, command: &mut Command) -> Result<Self> {
        let child = command.spawn().with_context(|| format!("cannot start {name}: {command:?}"))?;
        Ok(Self { child, name: name.to_owned(), stop_signal: Signal::TERM })
    }

    /// Makes SIGQUIT the stop signal, on which PostgreSQL ends immediately.
    #[must_use]
    pub const fn stopping_with_sigquit(mut self) -> Self {
        self.stop_signal = Signal::QUIT;
        self
    }

    /// The process id as the system assigned it.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The underlying process, for access to its pipes.
    pub const fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Returns the exit status, or `None` while the process runs.
    ///
    /// # Errors
    /// Fails when the system does not report the status.
    pub fn exit_status(&mut self) -> Result<Option<ExitStatus>> {
        self.child.try_wait().with_context(|| format!("cannot read the status of {}", self.name))
    }

    /// Kills the process with SIGKILL, as a crash would, and waits until it is gone.
    ///
    /// # Errors
    /// Fails when the system refuses.
    pub fn crash(mut self) -> Result<()> {
        self.kill()
    }

    /// Like [`Guard::crash`], for an owner that keeps the guard.
    pub(crate) fn kill(&mut self) -> Result<()> {
        self.child.kill().with_context(|| format!("cannot kill {}", self.name))?;
        self.child.wait().with_context(|| format!("cannot wait for {}", self.name))?;
        Ok(())
    }

    /// Requests a stop and waits for the end of the process.
    ///
    /// # Errors
    /// Fails when the process still runs after `timeout`.
    pub fn stop(mut self, timeout: Duration) -> Result<ExitStatus> {
        self.request_stop();
        match self.wait(timeout)? {
            Some(status) => Ok(status),
            None => bail!("{} did not end within {timeout:?} of being asked", self.name),
        }
    }

    fn request_stop(&self) {
        // The process may have ended meanwhile. Its id stays reserved until the process is waited
        // for.
        let _ = kill_process(Pid::from_child(&self.child), self.stop_signal);
    }

    fn wait(&mut self, timeout: Duration) -> Result<Option<ExitStatus>> {
        let start = Instant::now();
        loop {
            let ended = self.exit_status()?;
            if ended.is_some() || start.elapsed() > timeout {
                return Ok(ended);
            }
            sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if matches!(self.exit_status(), Ok(None)) {
            self.request_stop();
            if !matches!(self.wait(STOP_GRACE), Ok(Some(_))) {
                let _ = self.child.kill();
                let _ = self.child.wait();
            }
        }
    }
}

/// Returns a command whose process the kernel kills when the thread that started it ends.
///
/// `setpriv` belongs to Debian's essential package util-linux; where it is missing, only [`Guard`]
/// ends the process.
#[must_use]
pub fn child_command(program: &Path) -> Command {
    let setpriv = Path::new("/usr/bin/setpriv");
    if !setpriv.exists() {
        return Command::new(program);
    }
    let mut command = Command::new(setpriv);
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

/// Returns a port of 127.0.0.1 on which no process listens at the moment.
///
/// # Errors
/// Fails when the system has no free port.
pub fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("cannot find a free port")?;
    Ok(listener.local_addr().context("cannot read the free port")?.port())
}

/// Calls `ready` every 20 ms until it returns a value.
///
/// # Errors
/// Returns the error of `ready`, or a timeout error that names `what`.
pub fn until<T>(what: &str, timeout: Duration, mut ready: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let start = Instant::now();
    while start.elapsed() < timeout {
        if let Some(value) = ready()? {
            return Ok(value);
        }
        sleep(Duration::from_millis(20));
    }
    bail!("waited {timeout:?} in vain for {what}")
}
