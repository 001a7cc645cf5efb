//! The "Examples:" section of the help texts.

use clap::builder::StyledStr;
use clap::builder::styling::Style;

/// The heading of the section.
pub(crate) const HEADING: &str = "Examples:";

/// Returns the section of a command's help: its heading, then a line for each command line and the
/// comment about it, which may be empty. The comments are aligned.
pub(crate) fn examples(lines: &[(&str, &str)]) -> StyledStr {
    let style = Style::new().bold().underline();
    let mut text = format!("{style}{HEADING}{style:#}");
    let width = lines.iter().map(|(command, _)| command.len()).max().unwrap_or(0);
    for (command, comment) in lines {
        let line = match *comment {
            "" => (*command).to_owned(),
            comment => format!("{command:width$}   # {comment}"),
        };
        text.push_str("\n  ");
        text.push_str(&line);
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use clap::{Command, CommandFactory, Parser};

    use super::HEADING;
    use crate::Options;

    /// Returns the command lines of the examples in a command's help, without their comments.
    fn command_lines(command: &Command) -> Vec<String> {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let lines = help.lines().skip_while(|line| *line != HEADING).skip(1);
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
}
