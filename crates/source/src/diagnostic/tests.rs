use proptest::prelude::*;

use super::*;

fn sample() -> Diagnostics {
    let mut findings = Diagnostics::new();
    findings.push(Diagnostic::warning("b", "b.toml", "second file").help("Do this.\nOr that."));
    findings.push(Diagnostic::error("late", "a.toml", "late in the file").at(9..13).help("Fix it."));
    findings.push(Diagnostic::error("early", "a.toml", "early in the file").at(0..1));
    findings.add_source(Path::new("a.toml"), || "x = 1\nß = \"ü\" # é\n".to_owned());
    findings
}

#[test]
fn text_shows_file_line_caret_and_fix() {
    insta::assert_snapshot!(sample().to_text(false));
}

#[test]
fn json_form_is_stable() {
    insta::assert_json_snapshot!(sample().to_json());
}

#[test]
fn colours_only_when_asked() {
    assert!(!sample().to_text(false).contains('\u{1b}'));
    assert!(sample().to_text(true).contains('\u{1b}'));
}

#[test]
fn errors_and_warnings_are_separated() {
    let findings = sample();
    assert_eq!(findings.errors().map(|finding| finding.code).collect::<Vec<_>>(), ["early", "late"]);
    assert_eq!(findings.warnings().map(|finding| finding.code).collect::<Vec<_>>(), ["b"]);
    assert!(findings.is_fatal());
}

#[test]
fn files_outside_folders_come_first() {
    let mut findings = sample();
    findings.push(Diagnostic::error("first", "a/a.toml", "in a folder"));
    let codes: Vec<_> = findings.iter().map(|finding| finding.code).collect();
    assert_eq!(codes, ["early", "late", "b", "first"]);
    let of_one = findings.of_file(Path::new("a.toml"));
    assert_eq!((of_one.len(), of_one.sources.len()), (2, 1));
    assert!(of_one.to_text(false).contains("--> a.toml:1:1"));
}

#[test]
fn equal_findings_are_kept_once() {
    let mut findings = sample();
    findings.push(Diagnostic::error("early", "a.toml", "early in the file").at(0..1));
    assert_eq!(findings.len(), 3);
}

#[test]
fn a_source_is_only_read_for_a_file_with_findings() {
    let mut findings = Diagnostics::new();
    findings.add_source(Path::new("a.toml"), || unreachable!("nothing points into this file"));
    assert!(findings.is_empty());
    findings.push(Diagnostic::warning("x", "b.toml", "about the file as a whole"));
    for other in ["a.toml", "b.tom", "b.toml2", "c.toml"] {
        findings.add_source(Path::new(other), || unreachable!("nothing points into this file"));
    }
    findings.add_source(Path::new("b.toml"), || "x".to_owned());
    assert_eq!(findings.sources.len(), 1);
}

#[test]
fn a_file_cannot_control_the_terminal() {
    let mut findings = Diagnostics::new();
    findings.push(Diagnostic::error("x", "a.toml", "\u{1b}[2Jgone").at(0..4));
    findings.add_source(Path::new("a.toml"), || "\u{1b}[2J\u{7}\n".to_owned());
    assert!(!findings.to_text(false).contains('\u{1b}'));
}

proptest! {
    #[test]
    fn any_span_in_any_text_can_be_shown(text in any::<String>(), start in 0usize..80, length in 0usize..80) {
        let mut findings = Diagnostics::new();
        findings.push(Diagnostic::error("x", "a.toml", text.clone()).at(start..start + length).help(text.clone()));
        findings.add_source(Path::new("a.toml"), || text);
        prop_assert!(findings.to_text(false).contains("a.toml"));
        prop_assert!(findings.to_json()[0]["line"].as_u64().is_some_and(|line| line >= 1));
    }
}
