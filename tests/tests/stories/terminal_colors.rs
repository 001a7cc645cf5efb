//! Colours of states: where the user wants them, and nowhere else.

use tests::{Sandbox, Tools};

use crate::fixture;

/// The character that begins an escape sequence.
const ESCAPE: char = '\u{1b}';

/// Returns a new workspace with a finished run, with environment variables for its commands.
fn workspace(tools: &Tools, variables: &[(&str, &str)]) -> Sandbox {
    let sandbox = Sandbox::empty(&tools.chorus).unwrap();
    sandbox.chorus_ok(&["init", "."]).unwrap();
    sandbox.chorus_ok(&["contacts", "import", "contacts.csv"]).unwrap();
    sandbox.chorus_ok(&["send", "--yes", "hello"]).unwrap();
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    sandbox.with_env(variables.collect())
}

/// Returns a text without its escape sequences, all of which end in `m`.
fn without_escapes(text: &str) -> String {
    let mut parts = text.split(ESCAPE);
    let first = parts.next().unwrap_or_default().to_owned();
    first + &parts.map(|part| part.split_once('m').map_or("", |(_, rest)| rest)).collect::<String>()
}

#[test]
fn colours_are_written_where_the_user_wants_them_and_change_no_width() {
    let sandbox = workspace(&fixture::tools(), &[]);
    for command in [&["runs"][..], &["runs", "show", "1"], &["explain", "ada@example.com", "hello"]] {
        let run = |color: &str| sandbox.chorus(&[command, &["--color", color]].concat()).unwrap().out;
        let (auto, always) = (run("auto"), run("always"));
        assert!(!auto.contains(ESCAPE), "{command:?} in a pipe: {auto:?}");
        assert!(always.contains(ESCAPE), "{command:?}: {always:?}");
        assert_eq!(without_escapes(&always), auto, "{command:?}");
    }
    let json = sandbox.chorus_ok(&["runs", "--format", "json", "--color", "always"]).unwrap().out;
    assert!(!json.contains(ESCAPE), "{json}");
}

#[test]
fn variables_decide_where_the_option_does_not() {
    let tools = fixture::tools();
    let forced = workspace(&tools, &[("CLICOLOR_FORCE", "1")]);
    assert!(forced.chorus_ok(&["runs"]).unwrap().out.contains(ESCAPE));
    assert!(!forced.chorus_ok(&["runs", "--color", "never"]).unwrap().out.contains(ESCAPE));
    let without = workspace(&tools, &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]);
    assert!(!without.chorus_ok(&["runs"]).unwrap().out.contains(ESCAPE));
}
