//! Postfix's smtp-sink: a mail server that takes everything, and keeps it in files where asked to.

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::child::{Guard, bound, free_port, until};

/// A running smtp-sink.
#[derive(Debug)]
pub struct Sink {
    /// Its port on 127.0.0.1.
    pub port: u16,
    dump: Option<PathBuf>,
    _guard: Guard,
}

impl Sink {
    /// Starts one that throws mail away.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(program: &Path, extra: &[&str]) -> Result<Self> {
        Self::run(program, None, extra)
    }

    /// Starts one that writes each message to a file of its own below `dump`, which it makes.
    ///
    /// # Errors
    /// When it does not start.
    pub fn dumping(program: &Path, dump: &Path, extra: &[&str]) -> Result<Self> {
        fs::create_dir_all(dump)?;
        Self::run(program, Some(dump.to_owned()), extra)
    }

    fn run(program: &Path, dump: Option<PathBuf>, extra: &[&str]) -> Result<Self> {
        let port = free_port()?;
        let mut command = bound(program);
        if rustix::process::geteuid().is_root() {
            // As root it insists on being told whom to be.
            command.args(["-u", "root"]);
        }
        if let Some(dump) = &dump {
            // A file is named by the minute and a random number: thousands of files in one folder are fine.
            command.arg("-d").arg(dump.join("%M."));
        }
        command.args(extra).arg(format!("127.0.0.1:{port}")).arg("1000");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut guard = Guard::spawn("smtp-sink", &mut command)?;
        until("smtp-sink to listen", Duration::from_secs(60), || {
            if let Some(status) = guard.ended()? {
                anyhow::bail!("smtp-sink ended at once: {status}");
            }
            Ok(TcpStream::connect(("127.0.0.1", port)).ok())
        })?;
        Ok(Self { port, dump, _guard: guard })
    }

    /// The folder of its messages.
    ///
    /// # Errors
    /// When it was not asked to keep them.
    pub fn folder(&self) -> Result<&Path> {
        self.dump.as_deref().context("this sink keeps nothing")
    }
}
