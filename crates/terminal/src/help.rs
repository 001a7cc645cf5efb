//! The "Examples:" section of the help texts.

use clap::builder::StyledStr;
use clap::builder::styling::Style;

/// The heading of the section.
pub const HEADING: &str = "Examples:";

/// Returns the section of a command's help: its heading, then a line for each command line and the
/// comment about it, which may be empty. The comments are aligned.
pub fn examples(lines: &[(&str, &str)]) -> StyledStr {
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
