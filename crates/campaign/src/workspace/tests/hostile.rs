//! Whatever stands in the files: no panic, and nothing is left out without being told.

use proptest::prelude::*;
use proptest::sample::Index;

use super::folder::{AUDIENCE, CAMPAIGN, CHORUS, Folder};

const FILES: [(&str, &str); 3] = [
    ("chorus.toml", CHORUS),
    ("campaigns/spring-renewal.toml", CAMPAIGN),
    ("audiences/lapsing-members.toml", AUDIENCE),
];

/// Pieces that mean something in these files.
const PIECES: [&str; 24] = [
    "\"",
    "'",
    "=",
    "[",
    "]",
    "{",
    "}",
    "[[steps]]",
    "\n",
    "3",
    "-1",
    "true",
    "2027-03-01",
    "{{facts.",
    "}}",
    "${A}",
    "\u{0}",
    "春",
    "\\u0000",
    "all",
    "every",
    "\"\"\"",
    "a.b",
    "1e999",
];

/// Holds whatever the files say.
fn check(folder: &Folder) {
    let (workspace, findings) = folder.load();
    let text = findings.to_text(true);
    assert!(!text.contains("hunter2"));
    assert_eq!(findings.to_json().as_array().map(Vec::len), Some(findings.len()));
    for finding in findings.iter() {
        assert!(finding.help.as_ref().is_some_and(|help| !help.is_empty()), "{finding:?}");
    }
    let whole = workspace.is_some_and(|workspace| workspace.campaigns.contains_key("spring-renewal"));
    assert!(whole || findings.is_fatal(), "left out without a word:\n{text}");
}

/// `text` with `from` bytes at `at` replaced by `by`; bytes that are no text stay out of it.
fn spoilt(text: &str, edits: &[(Index, usize, Index)]) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for (at, length, piece) in edits {
        let at = at.index(bytes.len() + 1);
        let end = (at + length).min(bytes.len());
        bytes.splice(at..end, piece.get(&PIECES).bytes());
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_spoilt_file_is_told(
        file in 0usize..3,
        edits in proptest::collection::vec((any::<Index>(), 0usize..12, any::<Index>()), 1..4),
    ) {
        let folder = Folder::new();
        let (path, text) = FILES[file];
        folder.write(path, spoilt(text, &edits));
        check(&folder);
    }

    #[test]
    fn a_line_taken_away_is_told_or_not_missed(file in 0usize..3, line in any::<Index>()) {
        let folder = Folder::new();
        let (path, text) = FILES[file];
        let lines: Vec<_> = text.lines().collect();
        let gone = line.index(lines.len());
        let rest: Vec<_> = lines.iter().enumerate().filter(|(at, _)| *at != gone).map(|(_, line)| *line).collect();
        folder.write(path, rest.join("\n"));
        check(&folder);
    }

    #[test]
    fn any_bytes_are_told(file in 0usize..3, bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let folder = Folder::new();
        folder.write(FILES[file].0, bytes);
        check(&folder);
    }

    #[test]
    fn any_text_in_any_place_is_told(text in "[\\PC\n\t]{0,30}", at in 0usize..8) {
        let quoted = toml::Value::String(text).to_string();
        let folder = Folder::new();
        let campaign = "campaigns/spring-renewal.toml";
        match at {
            0 => folder.edit(campaign, "\"0 10 * * TUE\"", &quoted),
            1 => folder.edit(campaign, "\"Renew by {{facts.deadline}} and get {{facts.offer}}.\"", &quoted),
            2 => folder.edit(campaign, "\"https://harbour.example/renew\"", &quoted),
            3 => folder.edit(campaign, "\"images/spring.png\"", &quoted),
            4 => folder.edit(campaign, "2027-03-02T10:05:00", &quoted),
            5 => folder.edit("chorus.toml", "\"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"", &quoted),
            6 => folder.edit("chorus.toml", "\"Harbour Coffee <news@harbour.example>\"", &quoted),
            _ => folder.edit("audiences/lapsing-members.toml", "\"365d\"", &quoted),
        };
        check(&folder);
    }
}

#[test]
fn deep_nesting_and_long_lines_are_survived() {
    let folder = Folder::new();
    folder.write("audiences/everyone.toml", format!("title = \"E\"\nall = {}", "[{ any = ".repeat(20_000)));
    folder.write("campaigns/spring-renewal.toml", format!("title = \"{}\"", "x".repeat(1 << 19)));
    check(&folder);
}
