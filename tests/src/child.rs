//! A process that ends with whoever started it, even when that one is killed.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

/// How long a process may take to end after it was asked to, before it is killed.
const GRACE: Duration = Duration::from_secs(5);

/// A child process; dropping it asks the process to end, waits a little, and kills it.
#[derive(Debug)]
pub struct Guard {
    child: Child,
    name: String,
    farewell: Signal,
}

impl Guard {
    /// Starts `command`, known as `name` in errors. `command` should come from [`bound`].
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn(name: &str, command: &mut Command) -> Result<Self> {
        let child = command.spawn().with_context(|| format!("cannot start {name}: {command:?}"))?;
        Ok(Self { child, name: name.to_owned(), farewell: Signal::TERM })
    }

    /// The same, asked to end by SIGQUIT, which PostgreSQL takes as "at once".
    #[must_use]
    pub const fn ending_by_quit(mut self) -> Self {
        self.farewell = Signal::QUIT;
        self
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The process itself, for its pipes.
    pub const fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    /// When the system will not tell.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.child.try_wait().with_context(|| format!("cannot ask after {}", self.name))
    }

    /// Kills it without warning, as a crash does, and waits until it is gone.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn crash(mut self) -> Result<()> {
        self.kill()
    }

    /// The same, for one whose owner has more to do with it.
    pub(crate) fn kill(&mut self) -> Result<()> {
        self.child.kill().with_context(|| format!("cannot kill {}", self.name))?;
        self.child.wait().with_context(|| format!("cannot wait for {}", self.name))?;
        Ok(())
    }

    /// Asks it to end and waits.
    ///
    /// # Errors
    /// When it is still there after `patience`.
    pub fn stop(mut self, patience: Duration) -> Result<ExitStatus> {
        self.ask();
        match self.wait(patience)? {
            Some(status) => Ok(status),
            None => bail!("{} did not end within {patience:?} of being asked", self.name),
        }
    }

    fn ask(&self) {
        // It may have ended by itself meanwhile: its id stays ours until somebody waits for it.
        let _ = kill_process(Pid::from_child(&self.child), self.farewell);
    }

    fn wait(&mut self, patience: Duration) -> Result<Option<ExitStatus>> {
        let start = Instant::now();
        loop {
            let ended = self.ended()?;
            if ended.is_some() || start.elapsed() > patience {
                return Ok(ended);
            }
            sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if matches!(self.ended(), Ok(None)) {
            self.ask();
            if !matches!(self.wait(GRACE), Ok(Some(_))) {
                let _ = self.child.kill();
                let _ = self.child.wait();
            }
        }
    }
}

/// A command whose process the kernel kills when the thread that starts it is gone.
///
/// `setpriv` is in Debian's essential util-linux; where there is none, only [`Guard`] ends the process.
#[must_use]
pub fn bound(program: &Path) -> Command {
    let setpriv = Path::new("/usr/bin/setpriv");
    if !setpriv.exists() {
        return Command::new(program);
    }
    let mut command = Command::new(setpriv);
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

/// A port of 127.0.0.1 that nobody listens on now.
///
/// # Errors
/// When the system has none to give.
pub fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("cannot find a free port")?;
    Ok(listener.local_addr().context("cannot read the free port")?.port())
}

/// Waits until `ready` gives something, asking it every 20 ms.
///
/// # Errors
/// What `ready` gave up with, or that `patience` ran out before `what`.
pub fn until<T>(what: &str, patience: Duration, mut ready: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let start = Instant::now();
    while start.elapsed() < patience {
        if let Some(value) = ready()? {
            return Ok(value);
        }
        sleep(Duration::from_millis(20));
    }
    bail!("waited {patience:?} in vain for {what}")
}
