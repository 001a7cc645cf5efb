//! Arbitrary contents of files: nothing panics, and nothing is left out without a finding.

use proptest::prelude::*;
use proptest::sample::Index;

use crate::folder::{AUDIENCE, CAMPAIGN, CAMPAIGN_WITH_HISTORY, CHORUS, Folder};

const FILES: [(&str, &str); 4] = [
    ("chorus.toml", CHORUS),
    ("campaigns/spring-renewal.toml", CAMPAIGN),
    ("campaigns/spring-renewal.toml", CAMPAIGN_WITH_HISTORY),
    ("audiences/lapsing-members.toml", AUDIENCE),
];

/// Fragments that have a meaning in these files.
const PIECES: [&str; 32] = [
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
    "was = \"by-hand\"\n",
    "was = \"spring-renewal\"\n",
    "hold = true\n",
    "hold = \"",
    "when = {}\n",
    "at = 9999-12-31T23:59:59",
    "\"allow\"",
    "seeds = [\"a@b.example\"]\n",
];

/// Checks what must hold for any contents of the files.
fn check(folder: &Folder) {
    let (workspace, findings) = folder.load();
    let text = findings.to_text(true);
    assert!(!text.contains("hunter2"));
    assert_eq!(findings.to_json().as_array().map(Vec::len), Some(findings.len()));
    for finding in findings.iter() {
        assert!(finding.help.as_ref().is_some_and(|help| !help.is_empty()), "{finding:?}");
    }
    let is_loaded = workspace.is_some_and(|workspace| workspace.campaigns.contains_key("spring-renewal"));
    assert!(is_loaded || findings.is_fatal(), "left out without a finding:\n{text}");
}

/// Returns the bytes of `text` with each edit applied: `length` bytes at `at` are replaced by a
/// piece.
fn damaged(text: &str, edits: &[(Index, usize, Index)]) -> Vec<u8> {
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
    fn a_damaged_file_is_reported(
        file in 0usize..4,
        edits in proptest::collection::vec((any::<Index>(), 0usize..12, any::<Index>()), 1..4),
    ) {
        let folder = Folder::new();
        let (path, text) = FILES[file];
        folder.write(path, damaged(text, &edits));
        check(&folder);
    }

    #[test]
    fn a_removed_line_is_reported_or_optional(file in 0usize..4, line in any::<Index>()) {
        let folder = Folder::new();
        let (path, text) = FILES[file];
        let lines: Vec<_> = text.lines().collect();
        let removed = line.index(lines.len());
        let rest = lines.iter().enumerate().filter(|(at, _)| *at != removed).map(|(_, line)| *line);
        let rest: Vec<_> = rest.collect();
        folder.write(path, rest.join("\n"));
        check(&folder);
    }

    #[test]
    fn any_value_of_the_history_keys_is_reported(
        key in 0usize..6,
        text in "[\\PC\n\t]{0,20}",
        kind in 0usize..6,
    ) {
        let quoted = toml::Value::String(text).to_string();
        let value = match kind {
            0..=2 => quoted.as_str(),
            3 => "-1",
            4 => "[\"by-hand\", {}]",
            _ => "0001-01-01T00:00:00Z",
        };
        let folder = Folder::new();
        let campaign = "campaigns/spring-renewal.toml";
        folder.write(campaign, CAMPAIGN_WITH_HISTORY);
        match key {
            0 => folder.edit(campaign, "\"winter-renewal\"", value),
            1 => folder.edit(campaign, "true", value),
            2 => folder.edit(campaign, "\"reminder\"", value),
            3 => folder.edit(campaign, "\"allow\"", value),
            4 => folder.edit(campaign, "2027-03-02T10:05:00", value),
            _ => folder.edit("chorus.toml", "[attributes]", &format!("seeds = [{value}]\n[attributes]")),
        };
        check(&folder);
    }

    #[test]
    fn shared_histories_are_reported(names in proptest::collection::vec("[ab]{0,2}", 5)) {
        let folder = Folder::new();
        for (own, was) in ["a", "b", "ab", "ba", "c"].iter().zip(&names) {
            let text = CAMPAIGN_WITH_HISTORY.replace("winter-renewal", was);
            let text = text.replace("\"letter\"", &format!("\"{was}\""));
            folder.write(&format!("campaigns/{own}.toml"), text);
        }
        let (workspace, _) = folder.load();
        check(&folder);
        let mut histories = std::collections::BTreeSet::new();
        for campaign in workspace.unwrap().campaigns.values() {
            let is_unique = campaign.previous_id.as_ref().is_none_or(|was| histories.insert(was.clone()));
            prop_assert!(is_unique, "{names:?}");
        }
    }

    #[test]
    fn any_bytes_are_reported(file in 0usize..4, bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let folder = Folder::new();
        folder.write(FILES[file].0, bytes);
        check(&folder);
    }

    #[test]
    fn any_text_in_any_place_is_reported(text in "[\\PC\n\t]{0,30}", at in 0usize..8) {
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
fn deep_nesting_and_long_lines_do_not_crash() {
    let folder = Folder::new();
    folder.write("audiences/everyone.toml", format!("title = \"E\"\nall = {}", "[{ any = ".repeat(20_000)));
    folder.write("campaigns/spring-renewal.toml", format!("title = \"{}\"", "x".repeat(1 << 19)));
    check(&folder);
}
