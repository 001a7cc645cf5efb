//! Rules about language: how doc comments open, how wide comments are, which words are not used,
//! and that a core noun names one thing.

use std::collections::{BTreeMap, BTreeSet};

use super::sources::Source;
use super::{assert_none, entries, text};

/// One doc comment: its lines joined by spaces, with its place.
#[derive(Debug)]
struct DocComment {
    /// The path of the file and the number of the first line, `path:line`.
    place: String,
    /// The text without `///` or `//!`.
    text: String,
}

/// Returns the doc comments of a file.
fn doc_comments(source: &Source) -> Vec<DocComment> {
    let mut comments: Vec<DocComment> = Vec::new();
    let mut open = None;
    for (number, line) in source.text.lines().enumerate() {
        let line = line.trim_start();
        let marker = ["///", "//!"].into_iter().find(|marker| line.starts_with(marker));
        let Some(marker) = marker.filter(|_| !line.starts_with("////")) else {
            open = None;
            continue;
        };
        let words = line[3..].trim();
        match comments.last_mut().filter(|_| open == Some(marker)) {
            Some(comment) => comment.text = format!("{} {words}", comment.text),
            None => {
                let place = format!("{}:{}", source.path, number + 1);
                comments.push(DocComment { place, text: words.to_owned() });
            }
        }
        open = Some(marker);
    }
    comments
}

/// Fails, with the offending comments, if more than `limit` percent of all comments match.
fn at_most(limit: usize, rule: &str, is_offence: impl Fn(&str) -> bool) {
    let comments: Vec<DocComment> = Source::all().iter().flat_map(doc_comments).collect();
    let offences: Vec<String> = comments
        .iter()
        .filter(|comment| is_offence(&comment.text))
        .map(|comment| format!("{}: {}", comment.place, comment.text))
        .collect();
    if offences.len() * 100 > comments.len() * limit {
        assert_none(
            &format!("{rule}: {} of {}, {limit} % allowed", offences.len(), comments.len()),
            &offences,
        );
    }
}

/// Words that open a question and define nothing.
const QUESTIONS: [&str; 10] =
    ["What", "Who", "Whom", "Whose", "Whether", "How", "Why", "Which", "Where", "When"];

#[test]
fn doc_comments_define() {
    at_most(2, "doc comments that open with a question word", |text| {
        text.split(|c: char| !c.is_alphabetic()).next().is_some_and(|word| QUESTIONS.contains(&word))
    });
}

#[test]
fn doc_comments_are_sentences() {
    at_most(3, "doc comments of three words or fewer", |text| text.split_whitespace().count() <= 3);
}

/// The width of a comment line, its indent included.
const WIDTH: usize = 100;

#[test]
fn comments_wrap() {
    let mut offences = Vec::new();
    for source in Source::all() {
        for (number, line) in source.text.lines().enumerate() {
            let comment = line.trim_start();
            // An address or a row of a table cannot be broken.
            let whole = comment.contains("http") || comment.contains(" |");
            if comment.starts_with("//") && line.chars().count() > WIDTH && !whole {
                offences.push(format!("{}:{}: {comment}", source.path, number + 1));
            }
        }
    }
    assert_none("comments wrap at 100 columns", &offences);
}

/// Words that are archaic or quaint, each with the plain one.
const QUAINT: [(&str, &str); 14] = [
    ("whom", "who, or the noun"),
    ("whomever", "anyone who"),
    ("whoever", "anyone who"),
    ("whosoever", "anyone who"),
    ("anew", "again"),
    ("afresh", "again"),
    ("mend", "fix"),
    ("mended", "fixed"),
    ("hurry", "shut down"),
    ("somebody", "the noun, or someone"),
    ("anybody", "the noun, or anyone"),
    ("thereby", "so"),
    ("wherein", "in which"),
    ("hence", "so"),
];

/// Names that were metaphors; what they named has a name of the field now.
const METAPHORS: [&str; 28] = [
    "Purse", "Seat", "Shift", "Slip", "Courier", "Jail", "Shelf", "Veil", "Hole", "Moves", "Book", "Town",
    "Barred", "Saying", "Worked", "Hungry", "PATIENCE", "BREATH", "SOON", "FADE", "COURTESY", "LET_GO",
    "zombie", "hurry", "comeback", "whom", "somebody", "mend",
];

/// Returns the words of a text: runs of letters, digits and underscores.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

/// Returns `path:line: word (plain word)` of every quaint word of a text.
fn quaint(path: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for word in words(line) {
            let lower = word.to_lowercase();
            if let Some((word, plain)) = QUAINT.iter().find(|(quaint, _)| *quaint == lower) {
                found.push(format!("{path}:{}: {word} ({plain})", number + 1));
            }
        }
    }
    found
}

/// This file, which has to name the words.
const HERE: &str = "tests/tests/stories/architecture/plain_words.rs";

#[test]
fn quaint_words_are_not_used() {
    let mut offences = Vec::new();
    for source in Source::all().iter().filter(|source| source.path != HERE) {
        offences.extend(quaint(&source.path, &source.text));
    }
    let mut papers: Vec<String> = entries("docs", true).iter().map(|name| format!("docs/{name}")).collect();
    papers.extend(["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"].map(str::to_owned));
    for paper in papers.iter().filter(|paper| paper.ends_with(".md")) {
        offences.extend(quaint(paper, &text(paper)));
    }
    assert_none("plain words", &offences);
}

#[test]
fn metaphors_name_nothing() {
    let mut offences = Vec::new();
    for source in Source::all().iter().filter(|source| source.path != HERE) {
        for (number, line) in source.text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            let code: String = code.split('"').step_by(2).collect::<Vec<_>>().join(" ");
            for word in words(&code).filter(|word| METAPHORS.contains(word)) {
                offences.push(format!("{}:{}: {word}", source.path, number + 1));
            }
        }
    }
    assert_none("names are the field's terms", &offences);
}

/// Returns the types that a crate defines and exports at its root.
fn core_nouns<'a>(owner: &str, sources: &'a [Source]) -> BTreeSet<&'a str> {
    let folder = format!("crates/{owner}/src/");
    let own: Vec<&Source> = sources.iter().filter(|source| source.path.starts_with(&folder)).collect();
    let root = own.iter().find(|source| source.path == format!("{folder}lib.rs"));
    let exported: BTreeSet<&str> = root
        .into_iter()
        .flat_map(|root| root.text.split("pub use ").skip(1))
        .flat_map(|rest| words(rest.split(';').next().unwrap_or_default()))
        .collect();
    own.iter()
        .flat_map(|source| source.text.lines().map(move |line| (source.path.ends_with("lib.rs"), line)))
        .filter_map(|(in_root, line)| {
            let kinds = ["pub struct ", "pub enum ", "pub trait ", "pub type "];
            let rest = kinds.iter().find_map(|kind| line.trim_start().strip_prefix(kind))?;
            let name = words(rest).next()?;
            (in_root || exported.contains(name)).then_some(name)
        })
        .collect()
}

#[test]
fn a_core_noun_names_one_thing() {
    let sources = Source::all();
    let mut owners: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    // The fake server is the other side of the connection: it has a `Post` and a `Request`, too.
    for owner in entries("crates", false).into_iter().filter(|owner| owner != "fake_server") {
        for noun in core_nouns(&owner, &sources) {
            owners.entry(noun).or_default().push(owner.clone());
        }
    }
    assert!(owners.len() > 200, "only {} types were found", owners.len());
    let offences: Vec<String> = owners
        .into_iter()
        .filter(|(_, owners)| owners.len() > 1)
        .map(|(noun, owners)| format!("{noun}: {}", owners.join(", ")))
        .collect();
    assert_none("exported types have unique names", &offences);
}
