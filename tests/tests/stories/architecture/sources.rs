//! Rules about the text of source files: forbidden calls, error types, file and crate sizes, and
//! names.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::{assert_none, entries, root};

/// One Rust source file of the workspace.
#[derive(Debug)]
pub(super) struct Source {
    /// The name of the crate it belongs to.
    pub(super) owner: String,
    /// The path, relative to the repository.
    pub(super) path: String,
    /// The complete text.
    pub(super) text: String,
}

impl Source {
    /// Reads every Rust file of the workspace.
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

    /// Returns the code that is no test: nothing for a test file, and for others the text before
    /// `#[cfg(test)]`.
    fn code(&self) -> &str {
        let tests = self.path.contains("/tests/") || self.path.ends_with("/tests.rs");
        if tests || self.owner == "tests" {
            return "";
        }
        self.text.split("#[cfg(test)]").next().unwrap_or_default()
    }

    /// Returns `path:line: text` of every line of code that contains one of `words`, comments
    /// excluded.
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

/// Returns the offending lines of every file for which `applies` returns true.
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
    // The simulated people follow the demo's links, on loopback and in its own process.
    // Benchmarks open connections to measure.
    let is_allowed = |source: &Source| {
        ["egress", "smtp", "xtask"].contains(&source.owner.as_str())
            || source.path.starts_with("crates/channel/src/doctor")
            || source.path.starts_with("crates/simulation/src/")
    };
    assert_none(
        "only egress, smtp and the doctor connect out",
        &offences(&ways, |source| !is_allowed(source)),
    );
}

#[test]
fn only_chorus_reads_the_environment_and_the_command_line() {
    let ways = ["std::env", "env::var", "env::args"];
    assert_none("only chorus reads them", &offences(&ways, |s| s.owner != "chorus" && s.owner != "xtask"));
    // `terminal` has the values of `--format`, and the style of the help texts.
    let others = |source: &Source| !["chorus", "terminal", "xtask"].contains(&source.owner.as_str());
    assert_none("only chorus defines a command line", &offences(&["use clap"], others));
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
    assert_none("they are pure", &offences(&ways, pure));
    let files = ["std::fs", "File::", "std::io"];
    let reads_nothing =
        |source: &Source| ["facts", "insight", "money", "schedule"].contains(&source.owner.as_str());
    assert_none("they read nothing", &offences(&files, reads_nothing));
}

#[test]
fn the_time_is_read_in_one_place() {
    let ways = ["SystemTime::now", "Timestamp::now", "Zoned::now", "TimeZone::system"];
    assert_none(
        "the clock is database's",
        &offences(&ways, |source| source.path != "crates/database/src/clock.rs"),
    );
}

#[test]
fn the_numbering_of_deliveries_is_defined_once() {
    let ways = ["4294967296", "4_294_967_296", "<< 32", ">> 32", "0xffff_ffff"];
    let elsewhere =
        |source: &Source| source.path.starts_with("crates/") && source.path != "crates/database/src/ids.rs";
    assert_none("a delivery is numbered by database's `ids`", &offences(&ways, elsewhere));
}

/// Returns every `Result<T, E>` whose error type is a string, with the number of its first line.
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

/// Splits the arguments of a generic type, up to the `>` that closes it.
fn arguments(text: &str) -> Option<Vec<&str>> {
    let (mut depth, mut begun, mut found) = (0usize, 0, Vec::new());
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'<' | b'(' | b'[' => depth += 1,
            // The `->` of a function type closes nothing.
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
    assert_none("an error is a type that can be matched", &offences);
}

#[test]
fn a_string_error_is_found_and_a_string_value_is_not() {
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
        // Single statements run within the span of the calling method.
        .filter(|source| source.path != "crates/database/src/transaction.rs")
        .flat_map(|source| {
            let lines: Vec<&str> = source.code().lines().map(str::trim).collect();
            let bare = |pair: &&[&str]| pair[1].starts_with("pub async fn") && pair[0] != attribute;
            let describe = |pair: &[&str]| format!("{}: {}", source.path, pair[1]);
            lines.windows(2).filter(bare).map(describe).collect::<Vec<_>>()
        })
        .collect();
    assert_none("their methods have spans of their names, and nothing else in them", &methods);
}

#[test]
fn no_file_is_too_long() {
    let long: Vec<String> = Source::all()
        .iter()
        .map(|source| (source.text.split("#[cfg(test)]").next().unwrap_or_default().lines().count(), source))
        .filter(|(lines, _)| *lines > 600)
        .map(|(lines, source)| format!("{}: {lines} lines", source.path))
        .collect();
    assert_none("a file has at most 600 lines, tests not counted", &long);
}

/// The largest number of lines of all files below `src` of one crate, tests and comments included.
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
    assert_none("a crate has at most 9,000 lines", &long);
}

#[test]
fn no_code_is_unfinished_and_no_test_is_ignored() {
    // The words are assembled here, so that this file does not contain them.
    let words = ["todo", "unimplemented", "dbg"].map(|word| format!("{word}!("));
    let ignore = format!("#[{}", "ignore");
    let offences: Vec<String> = Source::all()
        .iter()
        .flat_map(|source| source.text.lines().enumerate().map(move |(number, line)| (source, number, line)))
        .filter(|(_, _, line)| line.contains(&ignore) || words.iter().any(|word| line.contains(word)))
        .map(|(source, number, line)| format!("{}:{}: {}", source.path, number + 1, line.trim()))
        .collect();
    assert_none("finish or remove it", &offences);
}

#[test]
fn every_file_says_what_it_is_for() {
    let silent: Vec<String> = Source::all()
        .iter()
        .filter(|source| !source.text.starts_with("//! ") && !source.path.ends_with("/tests.rs"))
        .map(|source| source.path.clone())
        .collect();
    assert_none("a file opens with one sentence", &silent);
}

#[test]
fn no_module_has_a_meaningless_name() {
    let empty = ["utils", "util", "common", "helpers", "types", "models", "misc"];
    let offences: Vec<String> = Source::all()
        .into_iter()
        .map(|source| source.path)
        .filter(|path| path.trim_end_matches(".rs").split('/').any(|part| empty.contains(&part)))
        .collect();
    assert_none("a name says what a thing is", &offences);
}

#[test]
fn an_offence_is_found_with_its_line_except_in_comments_and_tests() {
    let text =
        "//! A file.\n// std::env is not read here\nlet a = std::env::var(\"A\");\n#[cfg(test)]\nstd::env";
    let source = |path: &str| Source { owner: "store".into(), path: path.into(), text: text.into() };
    let found = source("crates/store/src/a.rs").lines_with(&["std::env"]);
    assert_eq!(found, ["crates/store/src/a.rs:3: let a = std::env::var(\"A\");"]);
    assert!(source("crates/store/src/a/tests.rs").lines_with(&["std::env"]).is_empty());
}
