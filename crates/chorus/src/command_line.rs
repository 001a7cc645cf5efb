//! The command line: its definition and its parsing, with the output formats that each command has.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{
    ArgMatches, ColorChoice, Command, CommandFactory as _, FromArgMatches as _, Parser, Subcommand,
    ValueEnum as _,
};
use terminal::help;
use terminal::output::Format;

use crate::commands;

/// The heading of the options that every command has.
const GLOBAL: &str = "Global options";

/// One message, every channel, on time, measured.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100)]
#[command(after_help = help::examples(&[
    ("chorus check", "all findings, each with its fix"),
    ("chorus plan", "what runs when, to how many, at what cost"),
    ("chorus serve", "schedules, links and the dashboard"),
]))]
pub(crate) struct Options {
    /// The workspace's folder. Default: this folder or the nearest one above it that has a
    /// chorus.toml.
    #[arg(long, global = true, value_name = "DIR", help_heading = GLOBAL)]
    pub(crate) workspace: Option<PathBuf>,
    /// Format of the output.
    #[arg(long, global = true, value_enum, default_value_t = Format::Text, help_heading = GLOBAL)]
    pub(crate) format: Format,
    /// Colours in the output. `auto`: on a terminal, and as NO_COLOR and CLICOLOR_FORCE say.
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "WHEN",
        default_value_t = ColorChoice::Auto,
        help_heading = GLOBAL
    )]
    pub(crate) color: ColorChoice,
    #[command(subcommand)]
    pub(crate) command: Action,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    Init(commands::init::Options),
    Demo(commands::demo::Options),
    Check(commands::check::Options),
    Plan(commands::plan::Options),
    Preview(commands::preview::Options),
    Send(commands::send::Options),
    Serve(commands::serve::Options),
    Stop(commands::stop::Options),
    Start(commands::start::Options),
    Runs(commands::runs::Options),
    Audiences(commands::audiences::Options),
    Contacts(commands::contacts::Options),
    Consent(commands::consent::Options),
    Suppressions(commands::suppressions::Options),
    Explain(commands::explain::Options),
    Report(commands::report::Options),
    Doctor(commands::doctor::Options),
    Migrate(commands::migrate::Options),
    Schema(commands::schema::Options),
    Completions(commands::completions::Options),
    Man(commands::man::Options),
}

/// Id of the argument `--format`.
const FORMAT: &str = "format";

/// Returns the formats of a command, the default first. `names` are the names of the command from
/// the outside in. A group of commands has the formats of all of them.
fn formats(names: &[&str]) -> &'static [Format] {
    match names {
        ["report"] | ["contacts"] => &[Format::Text, Format::Json, Format::Csv],
        ["contacts", "export"] => &[Format::Csv, Format::Json],
        _ => &[Format::Text, Format::Json],
    }
}

/// Returns the definition of the command line, in which each command offers only its own formats.
pub(crate) fn command() -> Command {
    Options::command().mut_subcommands(|command| with_formats(command, &[]))
}

/// Gives a command and those in it their own argument `--format`, in place of the general one.
fn with_formats(command: Command, outer: &[&str]) -> Command {
    let name = command.get_name().to_owned();
    let names: Vec<&str> = outer.iter().copied().chain([name.as_str()]).collect();
    let offered = formats(&names);
    let general = Options::command().get_arguments().find(|arg| arg.get_id() == FORMAT).cloned();
    let own = general.map(|arg| {
        let parser = PossibleValuesParser::new(offered.iter().filter_map(Format::to_possible_value));
        let arg = arg.value_parser(parser.try_map(|name| Format::from_str(&name, false)));
        arg.default_value(offered.first().copied().unwrap_or(Format::Text).name())
    });
    command.args(own).mut_subcommands(|command| with_formats(command, &names))
}

/// Parses the arguments of the process, the name of the program first.
///
/// # Errors
/// Returns the usage error that clap prints with exit code 2, or the help or version that it prints
/// with exit code 0.
pub(crate) fn parse<T>(args: impl IntoIterator<Item = T>) -> Result<Options, clap::Error>
where
    T: Into<OsString> + Clone,
{
    let mut command = command();
    let matches = command.try_get_matches_from_mut(args)?;
    require_format(&command, &matches)?;
    Options::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

/// Returns an error if `--format` before the name of the command is a format that it does not have.
/// After the name only its formats are parsed.
fn require_format(command: &Command, matches: &ArgMatches) -> Result<(), clap::Error> {
    let (mut names, mut matches, mut command) = (Vec::new(), matches, command);
    while let Some((name, inner)) = matches.subcommand() {
        names.push(name);
        (matches, command) = (inner, command.find_subcommand(name).unwrap_or(command));
    }
    let offered = formats(&names);
    let Some(given) = matches.get_one::<Format>(FORMAT).filter(|given| !offered.contains(given)) else {
        return Ok(());
    };
    let mut error = clap::Error::new(ErrorKind::InvalidValue).with_cmd(command);
    let offered = offered.iter().map(|format| format.name().to_owned()).collect();
    error.insert(ContextKind::InvalidArg, ContextValue::String("--format <FORMAT>".to_owned()));
    error.insert(ContextKind::InvalidValue, ContextValue::String(given.name().to_owned()));
    error.insert(ContextKind::ValidValue, ContextValue::Strings(offered));
    Err(error)
}

#[cfg(test)]
mod argument_tests;
#[cfg(test)]
mod tests {
    use clap_complete::Shell;

    use super::*;

    fn format(args: &[&str]) -> Result<Format, String> {
        let options = parse([&["chorus"], args].concat()).map_err(|error| {
            assert_eq!(error.exit_code(), 2);
            error.to_string()
        })?;
        Ok(options.format)
    }

    #[test]
    fn the_definition_is_valid() {
        command().debug_assert();
    }

    #[test]
    fn a_format_is_taken_before_and_after_the_command_that_has_it() {
        assert_eq!(format(&["report", "--format", "csv"]), Ok(Format::Csv));
        assert_eq!(format(&["--format", "csv", "report"]), Ok(Format::Csv));
        assert_eq!(format(&["contacts", "--format", "csv", "export"]), Ok(Format::Csv));
        assert_eq!(format(&["contacts", "export", "--format", "json"]), Ok(Format::Json));
        assert_eq!(format(&["--format", "json", "contacts", "export"]), Ok(Format::Json));
        assert_eq!(format(&["contacts", "export"]), Ok(Format::Csv));
        assert_eq!(format(&["runs", "show", "1", "--format", "json"]), Ok(Format::Json));
        assert_eq!(format(&["--format", "json", "runs", "show", "1"]), Ok(Format::Json));
        assert_eq!(format(&["plan"]), Ok(Format::Text));
    }

    #[test]
    fn a_format_that_a_command_does_not_have_is_refused_with_those_it_has() {
        let refused = |args: &[&str], offered: &str| {
            let error = format(args).unwrap_err();
            assert!(error.contains("for '--format <FORMAT>'"), "{args:?}: {error}");
            assert!(error.contains(&format!("[possible values: {offered}]")), "{args:?}: {error}");
        };
        refused(&["plan", "--format", "csv"], "text, json");
        refused(&["--format", "csv", "plan"], "text, json");
        refused(&["runs", "--format", "csv"], "text, json");
        refused(&["contacts", "--format", "csv", "show", "ada@example.com"], "text, json");
        refused(&["contacts", "show", "ada@example.com", "--format", "csv"], "text, json");
        refused(&["report", "--format", "xml"], "text, json, csv");
        refused(&["contacts", "export", "--format", "text"], "csv, json");
    }

    #[test]
    fn the_help_of_a_command_offers_its_formats_only() {
        let help = |args: &[&str]| parse([&["chorus"], args].concat()).unwrap_err().to_string();
        assert!(!help(&["plan", "--help"]).contains("csv"));
        assert!(!help(&["contacts", "show", "--help"]).contains("csv"));
        assert!(help(&["report", "--help"]).contains("csv"));
        assert!(help(&["contacts", "export", "--help"]).contains("csv"));
    }

    /// Returns the command lines of the examples in a command's help, without their comments.
    fn command_lines(command: &Command) -> Vec<String> {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let lines = help.lines().skip_while(|line| *line != help::HEADING).skip(1);
        lines.map(|line| line.split(" # ").next().unwrap_or_default().trim().to_owned()).collect()
    }

    fn check(command: &Command, path: &str) {
        let lines = command_lines(command);
        assert!((1..=3).contains(&lines.len()), "the help of `{path}` has {} examples", lines.len());
        for line in &lines {
            assert!(line.starts_with(path), "{line:?} is no example of `{path}`");
            let parsed = Options::try_parse_from(line.split_whitespace());
            assert!(parsed.is_ok(), "{line:?}: {}", parsed.unwrap_err());
        }
        assert!(command.get_after_long_help().is_none(), "`{path} --help` has no examples");
        for subcommand in command.get_subcommands() {
            check(subcommand, &format!("{path} {}", subcommand.get_name()));
        }
    }

    #[test]
    fn every_help_has_examples_that_are_valid_command_lines() {
        check(&Options::command(), "chorus");
    }

    #[test]
    fn examples_and_their_comments_have_at_most_80_columns() {
        fn too_long(command: &Command) -> Vec<String> {
            let help = command.get_after_help().unwrap().to_string();
            let own = help.lines().filter(|line| line.chars().count() > 80).map(str::to_owned);
            own.chain(command.get_subcommands().flat_map(too_long)).collect()
        }
        assert_eq!(too_long(&Options::command()), [""; 0]);
    }

    #[test]
    fn a_help_text_is_wrapped_at_100_columns() {
        let mut command = Options::command().term_width(100);
        let help = command.render_help().to_string();
        assert!(help.lines().all(|line| line.chars().count() <= 100), "{help}");
    }

    #[test]
    fn global_options_have_a_group_of_their_own() {
        let mut command = Options::command();
        command.build();
        let check = command.find_subcommand_mut("check").unwrap();
        let help = check.render_help().to_string();
        let (own, global) = help.split_once("Global options:").unwrap();
        for option in ["--workspace", "--format", "--color"] {
            assert!(global.contains(option) && !own.contains(option), "{option}: {help}");
        }
    }

    #[test]
    fn the_script_of_every_shell_completes_subcommands() {
        for shell in Shell::value_variants() {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut command(), "chorus", &mut script);
            let script = String::from_utf8(script).unwrap();
            for word in ["reconcile", "admin-listen", "completions"] {
                assert!(script.contains(word), "the script of {shell} does not complete {word}");
            }
        }
    }
}
