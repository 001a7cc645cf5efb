//! Files of contacts from other programs, from the dry run to the export.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;
use tests::Sandbox;

use crate::fixture;

const FILE: &str = "Email Address;First Name;Phone;Opt-in;Level\n\
                    Ada <ada@example.com>;Ada;+44 (0)20 7946 0000;yes;=1+1\n\
                    grace@example.com;Grace;020 7946 0000;no;'-x\n\
                    ada@example.com;Ada;;;\n\
                    nobody;;;;\n";

fn workspace() -> Sandbox {
    let sandbox = Sandbox::empty(&fixture::tools().chorus).unwrap();
    sandbox.chorus_ok(&["init", "."]).unwrap();
    sandbox.write("people.csv", FILE).unwrap();
    sandbox
}

fn counts(result: &Value) -> Vec<u64> {
    let names = ["rows", "created", "updated", "unchanged", "repeated", "rejected", "dropped"];
    names.map(|name| result[name].as_u64().unwrap_or_else(|| panic!("{name}: {result:#}"))).to_vec()
}

fn import(sandbox: &Sandbox, args: &[&str]) -> Value {
    let all = [&["contacts", "import", "people.csv", "--format", "json"], args].concat();
    serde_json::from_str(&sandbox.chorus(&all).unwrap().out).unwrap()
}

#[test]
fn a_file_of_another_program_is_shown_first_and_its_counts_add_up() {
    let sandbox = workspace();
    let shown = sandbox.chorus(&["contacts", "import", "people.csv", "--dry-run"]).unwrap();
    assert_eq!(shown.code, Some(1), "a row would be rejected");
    for words in [
        "Email Address  email",
        "Opt-in         consent",
        "Level          attribute Level",
        "Nothing was written",
    ] {
        assert!(shown.out.contains(words), "{words}: {}", shown.out);
    }
    assert_eq!(sandbox.chorus_ok(&["contacts", "export"]).unwrap().out.lines().count(), 1, "only the header");

    for (file, words) in
        [("./people.csv", "the imported file itself"), ("data/chorus.db", "it is a database")]
    {
        let refused = sandbox.chorus(&["contacts", "import", "people.csv", "--rejected", file]).unwrap();
        assert!(refused.code == Some(1) && refused.err.contains(words), "{file}: {refused:?}");
    }

    let first = import(&sandbox, &["--rejected", "rejected.csv"]);
    assert_eq!(counts(&first), [4, 2, 0, 0, 1, 1, 1]);
    let rejected = sandbox.path().join("rejected.csv");
    assert_eq!(fs::metadata(&rejected).unwrap().permissions().mode() & 0o777, 0o600);
    let lines = fs::read_to_string(rejected).unwrap();
    assert!(lines.contains("\n5,,,email \"\"nobody\"\"") || lines.contains("\n5,,"), "{lines}");
    assert!(lines.contains("3,phone,020 7946 0000,"), "{lines}");
    assert_eq!(counts(&import(&sandbox, &[])), [4, 0, 0, 2, 1, 1, 1], "again");
    let with_country = import(&sandbox, &["--country", "GB"]);
    assert_eq!(counts(&with_country), [4, 0, 1, 1, 1, 1, 0]);
    assert_eq!(with_country["shared_phones"], 1, "{with_country:#}");
}

#[test]
fn an_export_is_read_back_as_it_was() {
    let sandbox = workspace();
    import(&sandbox, &[]);
    let exported = sandbox.chorus_ok(&["contacts", "export"]).unwrap().out;
    assert!(
        exported.contains("'=1+1") && exported.contains("''-x") || exported.contains("'-x"),
        "{exported}"
    );
    let other = Sandbox::empty(&fixture::tools().chorus).unwrap();
    other.chorus_ok(&["init", "."]).unwrap();
    other.write("people.csv", &exported).unwrap();
    assert_eq!(counts(&import(&other, &[]))[..2], [2, 2]);
    assert_eq!(other.chorus_ok(&["contacts", "export"]).unwrap().out, exported);
    let json = sandbox.chorus_ok(&["contacts", "export", "--format", "json"]).unwrap().out;
    other.write("people.csv", &json).unwrap();
    assert_eq!(counts(&import(&other, &[])), [2, 0, 0, 2, 0, 0, 0]);
}

#[test]
fn a_file_without_answers_says_what_is_missing() {
    let sandbox = workspace();
    sandbox.write("people.csv", "email\nlin@example.com\n").unwrap();
    let open = sandbox.chorus_ok(&["contacts", "import", "people.csv"]).unwrap();
    assert!(open.err.contains("--consent none"), "{}", open.err);
    let unproven = sandbox.chorus(&["contacts", "import", "people.csv", "--consent", "consent"]).unwrap();
    assert_eq!(unproven.code, Some(1), "{}", unproven.err);
    assert!(unproven.err.contains("--consent-source"), "{}", unproven.err);
    let proven = ["--consent", "soft-opt-in", "--consent-source", "shop", "--consent-time", "2026-03-02"];
    import(&sandbox, &proven);
    let shown = sandbox.json(&["consent", "show", "lin@example.com"]).unwrap();
    let entry = &shown["entries"][0];
    assert_eq!((&entry["basis"], &entry["source"]), (&"soft_opt_in".into(), &"shop".into()), "{shown:#}");
    assert!(entry["occurred_at"].as_str().unwrap_or_default().starts_with("2026-03-02"), "{shown:#}");
    assert_eq!(shown["contact"]["consents"]["news"]["email"], "granted");
}

#[test]
fn suppressed_addresses_come_from_another_program_and_go_back() {
    let sandbox = workspace();
    import(&sandbox, &[]);
    let list = "Email Address,reason\nada@example.com,unsubscribed\n\"x\",\nADA@example.com,\nnew@example.com,complained\n";
    sandbox.write("list.csv", list).unwrap();
    let result = sandbox.chorus(&["suppressions", "import", "list.csv", "--format", "json"]).unwrap();
    assert_eq!(result.code, Some(1), "a row is no address");
    let counts: Value = serde_json::from_str(&result.out).unwrap();
    assert_eq!(counts, serde_json::json!({ "added": 2, "known": 1, "rejected": 1 }));
    let plan = sandbox.json(&["plan", "hello", "--to", "+8d"]).unwrap();
    assert_eq!(plan["occurrences"][0]["counts"]["left_out"]["unsubscribed"], 1, "{plan:#}");
    let exported = sandbox.chorus_ok(&["suppressions", "export"]).unwrap().out;
    assert!(exported.contains("new@example.com,,complained,import,"), "{exported}");
    sandbox.chorus_ok(&["suppressions", "remove", "new@example.com"]).unwrap();
    assert_eq!(sandbox.json(&["suppressions"]).unwrap().as_array().unwrap().len(), 1);
    let wrong = sandbox.chorus(&["suppressions", "add", "nobody"]).unwrap();
    assert!(wrong.code == Some(1) && wrong.err.contains("neither"), "{wrong:?}");
}
