//! `chorus completions`: prints the completion script of a shell.

use std::io::Write;
use std::process::ExitCode;

use clap::{Args, Command};
use clap_complete::Shell;

use terminal::help;

/// Print the completion script of a shell
#[derive(Debug, Args)]
#[command(after_help = help::examples(&[
    ("chorus completions bash", "for ~/.local/share/bash-completion/completions/"),
    ("chorus completions fish", "for ~/.config/fish/completions/chorus.fish"),
    ("chorus completions zsh", "for _chorus in a folder of $fpath"),
]))]
pub(crate) struct Options {
    /// The shell.
    shell: Shell,
}

/// Prints the script for `command`, the whole command line.
pub(crate) fn run(options: &Options, command: &mut Command) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(options.shell, command, "chorus", &mut script);
    std::io::stdout().write_all(&script)?;
    Ok(ExitCode::SUCCESS)
}
