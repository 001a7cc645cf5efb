//! Postfix's smtp-sink, a mail server that accepts everything and stores messages as files if asked
//! to.

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::child::{Guard, child_command, free_port, until};

/// A running smtp-sink process, stopped when this is dropped.
#[derive(Debug)]
pub struct SmtpSink {
    /// The port on 127.0.0.1 on which it accepts SMTP.
    pub port: u16,
    dump: Option<PathBuf>,
    _guard: Guard,
}

impl SmtpSink {
    /// Starts a sink that discards mail; `extra` are further command-line arguments.
    ///
    /// # Errors
    /// Fails when the program does not start.
    pub fn start(program: &Path, extra: &[&str]) -> Result<Self> {
        Self::run(program, None, extra)
    }

    /// Starts a sink that writes each message to its own file in the folder `dump`, which is
    /// created.
    ///
    /// # Errors
    /// Fails when the program does not start.
    pub fn start_with_dump(program: &Path, dump: &Path, extra: &[&str]) -> Result<Self> {
        fs::create_dir_all(dump)?;
        Self::run(program, Some(dump.to_owned()), extra)
    }

    fn run(program: &Path, dump: Option<PathBuf>, extra: &[&str]) -> Result<Self> {
        let port = free_port()?;
        let mut command = child_command(program);
        if rustix::process::geteuid().is_root() {
            // As root it requires the name of the user to run as.
            command.args(["-u", "root"]);
        }
        if let Some(dump) = &dump {
            // File names are made of the minute and a random number; thousands of files in one
            // folder are fine.
            command.arg("-d").arg(dump.join("%M."));
        }
        command.args(extra).arg(format!("127.0.0.1:{port}")).arg("1000");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut guard = Guard::spawn("smtp-sink", &mut command)?;
        until("smtp-sink to listen", Duration::from_secs(60), || {
            if let Some(status) = guard.exit_status()? {
                anyhow::bail!("smtp-sink ended at once: {status}");
            }
            Ok(TcpStream::connect(("127.0.0.1", port)).ok())
        })?;
        Ok(Self { port, dump, _guard: guard })
    }

    /// The folder that contains the messages.
    ///
    /// # Errors
    /// Fails when the sink discards mail.
    pub fn folder(&self) -> Result<&Path> {
        self.dump.as_deref().context("this sink keeps nothing")
    }
}
