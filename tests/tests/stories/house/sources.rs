//! What the code may say.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::{entries, none, root};

/// One Rust file.
#[derive(Debug)]
pub(super) struct Source {
    /// The crate it belongs to.
    pub(super) owner: String,
    /// Its path in the repository.
    pub(super) path: String,
    /// All of it.
    pub(super) text: String,
}

impl Source {
    /// Every Rust file of the workspace.
    pub(super) fn all() -> Vec<Self> {
        let crates = entries("crates", false).into_iter().map(|name| (format!("crates/{name}"), name));
        let others = ["tests", "xtask"].map(|name| (name.to_owned(), name.to_owned()));
        let mut sources = Vec::new();
        for (folder, owner) in crates.chain(others) {
            walk(&root().join(folder), &owner, &mut sources);
        }
        assert!(sources.len() > 50, "only {} files were found", sources.len());
        sources
    }

    /// What is no test: nothing of a file that is one, and of others what stands before the tests in them.
    fn code(&self) -> &str {
        let tests = self.path.contains("/tests/") || self.path.ends_with("/tests.rs");
        if tests || self.owner == "tests" {
            return "";
        }
        self.text.split("#[cfg(test)]").next().unwrap_or_default()
    }

    /// `path:line` of every line of the code, comments left out, that says one of `words`.
    fn lines_with(&self, words: &[&str]) -> Vec<String> {
        self.code()
            .lines()
            .enumerate()
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
            .filter(|(_, line)| words.iter().any(|word| line.contains(word)))
            .map(|(number, line)| format!("{}:{}: {}", self.path, number + 1, line.trim()))
            .collect()
    }
}

fn walk(folder: &Path, owner: &str, sources: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, owner, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let path = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
            sources.push(Source { owner: owner.to_owned(), path, text });
        }
    }
}

/// Offences of every file that `applies` to.
fn offences(words: &[&str], applies: impl Fn(&Source) -> bool) -> Vec<String> {
    Source::all()
        .iter()
        .filter(|source| applies(source))
        .flat_map(|source| source.lines_with(words))
        .collect()
}

#[test]
fn only_egress_smtp_and_the_doctor_connect_out() {
    let ways =
        ["reqwest::", "TcpStream::connect", "UdpSocket", "hyper::client", "lettre::transport", "lookup_host"];
    // The demo plays the people who follow its links, on loopback, in its own process. Benchmarks measure.
    let leave = |source: &Source| {
        ["egress", "smtp", "xtask"].contains(&source.owner.as_str())
            || source.path.starts_with("crates/channel/src/doctor")
            || source.path.starts_with("crates/chorus/src/demo")
    };
    none("only egress, smtp and the doctor connect out", &offences(&ways, |source| !leave(source)));
}

#[test]
fn only_chorus_reads_the_environment_and_the_command_line() {
    let ways = ["std::env", "env::var", "env::args", "use clap"];
    none("only chorus reads them", &offences(&ways, |s| s.owner != "chorus" && s.owner != "xtask"));
}

#[test]
fn pure_crates_read_no_clock_and_open_no_socket() {
    let ways = [
        "SystemTime",
        "Instant::now",
        "Timestamp::now",
        "Zoned::now",
        "TcpStream",
        "TcpListener",
        "async fn",
        "std::process",
    ];
    let pure = |source: &Source| {
        ["campaign", "facts", "insight", "money", "schedule", "source"].contains(&source.owner.as_str())
    };
    none("they are pure", &offences(&ways, pure));
    let files = ["std::fs", "File::", "std::io"];
    let reads_nothing =
        |source: &Source| ["facts", "insight", "money", "schedule"].contains(&source.owner.as_str());
    none("they read nothing", &offences(&files, reads_nothing));
}

#[test]
fn the_time_is_read_in_one_place() {
    let ways = ["SystemTime::now", "Timestamp::now", "Zoned::now", "TimeZone::system"];
    none("the clock is database's", &offences(&ways, |source| source.path != "crates/database/src/clock.rs"));
}

#[test]
fn how_a_delivery_is_numbered_is_written_once() {
    let ways = ["4294967296", "4_294_967_296", "<< 32", ">> 32", "0xffff_ffff"];
    let elsewhere =
        |source: &Source| source.path.starts_with("crates/") && source.path != "crates/database/src/ids.rs";
    none("a delivery is numbered by database's `ids`", &offences(&ways, elsewhere));
}

/// Every `Result<T, E>` of a code whose E is a text, with the line on which it begins.
fn string_errors(code: &str) -> Vec<(usize, String)> {
    let is_comment = |line: &str| line.trim_start().starts_with("//");
    let lines = code.lines().map(|line| if is_comment(line) { "" } else { line });
    let code = lines.collect::<Vec<_>>().join("\n");
    code.match_indices("Result<")
        .filter_map(|(start, word)| {
            let arguments = arguments(&code[start + word.len()..])?;
            let is_text = |error: &str| error == "String" || error.starts_with('&') && error.ends_with("str");
            let error = arguments.get(1).filter(|error| is_text(error))?;
            let line = code[..start].matches('\n').count() + 1;
            Some((line, format!("Result<{}, {error}>", arguments[0])))
        })
        .collect()
}

/// The arguments of a generic type, up to the `>` that closes it.
fn arguments(text: &str) -> Option<Vec<&str>> {
    let (mut depth, mut begun, mut found) = (0usize, 0, Vec::new());
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'<' | b'(' | b'[' => depth += 1,
            // The arrow of a function's type closes nothing.
            b'>' if text[..at].ends_with('-') => {}
            b'>' if depth == 0 => {
                found.push(text[begun..at].trim());
                return Some(found);
            }
            b'>' | b')' | b']' => depth = depth.checked_sub(1)?,
            b',' if depth == 0 => {
                found.push(text[begun..at].trim());
                begun = at + 1;
            }
            b';' | b'{' if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

#[test]
fn no_error_is_a_string() {
    let offences: Vec<String> = Source::all()
        .iter()
        .flat_map(|source| {
            let found = string_errors(source.code());
            found
                .into_iter()
                .map(|(line, what)| format!("{}:{line}: {what}", source.path))
                .collect::<Vec<_>>()
        })
        .collect();
    none("an error is a type that can be matched", &offences);
}

#[test]
fn an_error_that_is_a_string_is_noticed_and_a_value_that_is_one_is_not() {
    let code = "// Result<(), String>\nfn a() -> Result<Vec<(u8, u8)>, String> {}\nfn b() -> Result<\n    (),\n    &'static str,\n> {}";
    let found = string_errors(code);
    assert_eq!(
        found,
        [(2, "Result<Vec<(u8, u8)>, String>".to_owned()), (3, "Result<(), &'static str>".to_owned())]
    );
    let fine = "fn a() -> Result<String, E>; fn b() -> io::Result<String>; fn c() -> Result<BTreeMap<String, String>, E>; \
        let d: Result<impl Fn(&str) -> String, E>; if (x as Result) < 1 {}";
    assert_eq!(string_errors(fine), []);
}

#[test]
fn every_method_that_waits_for_the_database_has_a_span() {
    let attribute = "#[tracing::instrument(level = \"debug\", skip_all)]";
    let methods: Vec<String> = Source::all()
        .iter()
        .filter(|source| ["database", "contacts", "store"].contains(&source.owner.as_str()))
        // Single statements run within the span of a method.
        .filter(|source| source.path != "crates/database/src/transaction.rs")
        .flat_map(|source| {
            let lines: Vec<&str> = source.code().lines().map(str::trim).collect();
            let bare = |pair: &&[&str]| pair[1].starts_with("pub async fn") && pair[0] != attribute;
            let told = |pair: &[&str]| format!("{}: {}", source.path, pair[1]);
            lines.windows(2).filter(bare).map(told).collect::<Vec<_>>()
        })
        .collect();
    none("their methods have spans of their names, and nothing else in them", &methods);
}

#[test]
fn no_file_is_too_long() {
    let long: Vec<String> = Source::all()
        .iter()
        .map(|source| (source.text.split("#[cfg(test)]").next().unwrap_or_default().lines().count(), source))
        .filter(|(lines, _)| *lines > 600)
        .map(|(lines, source)| format!("{}: {lines} lines", source.path))
        .collect();
    none("600 lines are the end, tests not counted", &long);
}

/// The most lines that the files below `src` of one crate may have together, tests and comments included.
const MAX_CRATE_LINES: usize = 9_000;

#[test]
fn no_crate_is_too_long() {
    let mut lines: BTreeMap<String, usize> = BTreeMap::new();
    for source in Source::all() {
        if source.path.starts_with(&format!("crates/{}/src/", source.owner)) {
            *lines.entry(source.owner).or_default() += source.text.lines().count();
        }
    }
    let mut longest_first: Vec<(usize, String)> =
        lines.into_iter().map(|(name, count)| (count, name)).collect();
    longest_first.sort_by(|a, b| b.cmp(a));
    println!("the longest crates: {:?}", &longest_first[..3]);
    let long: Vec<String> = longest_first
        .into_iter()
        .filter(|(count, _)| *count > MAX_CRATE_LINES)
        .map(|(count, name)| format!("crates/{name}/src: {count} lines"))
        .collect();
    none("9,000 lines are the most of a crate", &long);
}

#[test]
fn nothing_is_left_unfinished_or_switched_off() {
    // Put together here, so that this file does not say them itself.
    let words = ["todo", "unimplemented", "dbg"].map(|word| format!("{word}!("));
    let ignore = format!("#[{}", "ignore");
    let offences: Vec<String> = Source::all()
        .iter()
        .flat_map(|source| source.text.lines().enumerate().map(move |(number, line)| (source, number, line)))
        .filter(|(_, _, line)| line.contains(&ignore) || words.iter().any(|word| line.contains(word)))
        .map(|(source, number, line)| format!("{}:{}: {}", source.path, number + 1, line.trim()))
        .collect();
    none("finish it or take it out", &offences);
}

#[test]
fn every_file_says_what_it_is_for() {
    let silent: Vec<String> = Source::all()
        .iter()
        .filter(|source| !source.text.starts_with("//! ") && !source.path.ends_with("/tests.rs"))
        .map(|source| source.path.clone())
        .collect();
    none("a file opens with one sentence", &silent);
}

#[test]
fn no_module_is_called_after_nothing() {
    let empty = ["utils", "util", "common", "helpers", "types", "models", "misc"];
    let offences: Vec<String> = Source::all()
        .into_iter()
        .map(|source| source.path)
        .filter(|path| path.trim_end_matches(".rs").split('/').any(|part| empty.contains(&part)))
        .collect();
    none("a name says what a thing is", &offences);
}

#[test]
fn an_offence_is_noticed_with_its_line_and_a_comment_or_a_test_is_none() {
    let text =
        "//! A file.\n// std::env is not read here\nlet a = std::env::var(\"A\");\n#[cfg(test)]\nstd::env";
    let source = |path: &str| Source { owner: "store".into(), path: path.into(), text: text.into() };
    let found = source("crates/store/src/a.rs").lines_with(&["std::env"]);
    assert_eq!(found, ["crates/store/src/a.rs:3: let a = std::env::var(\"A\");"]);
    assert!(source("crates/store/src/a/tests.rs").lines_with(&["std::env"]).is_empty());
}
