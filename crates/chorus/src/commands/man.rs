//! `chorus man`: prints the manual page of `chorus`, or writes one page for each command.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Command};
use clap_mangen::Man;

use crate::setup::Env;
use terminal::help;
use terminal::output::{self, Format};

/// Print the manual page, or write a page for each command
#[derive(Debug, Args)]
#[command(after_help = help::examples(&[
    ("chorus man", "the page of chorus itself, as roff"),
    ("chorus man --out man1", "chorus.1, chorus-runs.1, chorus-runs-show.1, …"),
]))]
pub(crate) struct Options {
    /// Write the pages to this folder, which is created if it does not exist.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// A manual page: its file name and its text in roff.
struct Page {
    name: String,
    roff: Vec<u8>,
}

/// Prints or writes the pages for `command`, the whole command line.
pub(crate) fn run(env: &Env, options: &Options, command: Command) -> anyhow::Result<ExitCode> {
    let pages = pages(command).context("make the manual pages")?;
    let Some(folder) = &options.out else {
        if let Some(page) = pages.first() {
            io::stdout().write_all(&page.roff)?;
        }
        return Ok(ExitCode::SUCCESS);
    };
    std::fs::create_dir_all(folder).with_context(|| format!("make the folder {}", folder.display()))?;
    for page in &pages {
        let path = folder.join(&page.name);
        std::fs::write(&path, &page.roff).with_context(|| format!("write {}", path.display()))?;
    }
    if env.format == Format::Json {
        output::json(&serde_json::json!({ "folder": folder, "pages": pages.len() }))?;
    } else {
        output::line(format!("{} manual pages in {}", pages.len(), folder.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns the pages of a command and its subcommands, its own first.
fn pages(command: Command) -> io::Result<Vec<Page>> {
    // The page of `help` would repeat the tree of all commands.
    let mut command = command.disable_help_subcommand(true);
    command.build();
    let mut pages = Vec::new();
    add_pages(&command, &mut pages)?;
    Ok(pages)
}

fn add_pages(command: &Command, pages: &mut Vec<Page>) -> io::Result<()> {
    let source = format!("Chorus {}", env!("CARGO_PKG_VERSION"));
    // The examples get a section of their own below. An empty date would shift the arguments after
    // it, since it is written without quotes.
    let without_examples = command.clone().after_help(None::<&str>);
    let man = Man::new(without_examples).source(source).date(" ").manual("Chorus manual");
    let mut roff = Vec::new();
    man.render(&mut roff)?;
    roff.extend(examples_section(command).into_bytes());
    pages.push(Page { name: man.get_filename(), roff });
    command.get_subcommands().try_for_each(|subcommand| add_pages(subcommand, pages))
}

/// Returns the section EXAMPLES, whose lines keep their breaks (groff_man(7), `.EX`).
fn examples_section(command: &Command) -> String {
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let mut section = ".SH EXAMPLES\n.EX\n".to_owned();
    for line in help.lines().filter(|line| *line != help::HEADING) {
        // A line must not begin with a control character, and a hyphen must remain an ASCII one.
        let _ = writeln!(section, "\\&{}", line.trim().replace('\\', "\\e").replace('-', "\\-"));
    }
    section + ".EE\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the definition of a small command line with the parts that the pages show.
    fn command() -> Command {
        let option = clap::Arg::new("color").long("color").global(true).help_heading("Global options");
        let example = |line| help::examples(&[(line, "")]);
        let show = Command::new("show").after_help(example("chorus runs show 1"));
        let runs = Command::new("runs").after_help(example("chorus runs")).subcommand(show);
        Command::new("chorus").after_help(example("chorus check")).arg(option).subcommand(runs)
    }

    #[test]
    fn every_command_has_a_page_with_its_options_and_examples() {
        let pages = pages(command()).unwrap();
        assert_eq!(pages[0].name, "chorus.1");
        for name in ["chorus-runs.1", "chorus-runs-show.1"] {
            assert!(pages.iter().any(|page| page.name == name), "there is no {name}");
        }
        for Page { name, roff } in &pages {
            let text = String::from_utf8(roff.clone()).unwrap();
            assert!(text.contains(" 1 \" \" \"Chorus "), "{name} has no title:\n{text}");
            for section in
                [".SH NAME", ".SH SYNOPSIS", ".SH \"GLOBAL OPTIONS\"", ".SH EXAMPLES\n.EX\n\\&chorus"]
            {
                assert!(text.contains(section), "{name} has no {section}:\n{text}");
            }
            assert!(!text.contains('\u{1b}'), "{name} has an escape sequence");
        }
    }
}
