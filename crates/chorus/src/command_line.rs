//! Parsing of the command line, with the output formats that each command has.

use std::ffi::OsString;

use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgMatches, Command, CommandFactory as _, FromArgMatches as _, ValueEnum as _};

use crate::Options;
use crate::output::Format;

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
mod tests {
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
}
