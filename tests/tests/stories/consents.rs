//! What people agreed to decides who gets a message, from the import to the last moment.

use serde_json::Value;
use tests::Sandbox;

use crate::fixture;

/// Returns a new workspace whose mails go to the outbox, with three people: one agreed, one
/// refused, of one nothing is known.
fn workspace() -> Sandbox {
    let sandbox = Sandbox::empty(&fixture::tools().chorus).unwrap();
    sandbox.chorus_ok(&["init", "."]).unwrap();
    let people = "email,first_name,consent\nyes@example.com,Ada,yes\nno@example.com,Grace,no\nunknown@example.com,Edsger,\n";
    sandbox.write("people.csv", people).unwrap();
    sandbox.chorus_ok(&["contacts", "import", "people.csv"]).unwrap();
    sandbox
}

/// Returns the addresses to which the step `hello/mail` was sent.
fn reached(sandbox: &Sandbox, run: &str) -> Vec<String> {
    let shown = sandbox.json(&["runs", "show", run, "--state", "sent"]).unwrap();
    let mut addresses: Vec<_> = shown["deliveries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["address"].as_str().unwrap().to_owned())
        .collect();
    addresses.sort();
    addresses
}

#[test]
fn only_people_who_agreed_get_a_message() {
    let sandbox = workspace();
    let plan = sandbox.json(&["plan", "hello", "--to", "+8d"]).unwrap();
    let counts = &plan["occurrences"][0]["counts"];
    assert_eq!(counts["reached"], 1, "{plan:#}");
    assert!(counts["left_out"].to_string().contains("no_consent"), "{plan:#}");
    let why = sandbox.chorus_ok(&["explain", "unknown@example.com", "hello"]).unwrap().out;
    assert!(why.contains("they did not agree"), "{why}");
    sandbox.chorus_ok(&["send", "--yes", "hello"]).unwrap();
    assert_eq!(reached(&sandbox, "1"), ["yes@example.com"]);

    let granted =
        ["consent", "grant", "unknown@example.com", "--source", "fair, form 12", "--text-version", "3"];
    let out = sandbox.chorus_ok(&granted).unwrap().out;
    assert!(out.contains("news: agreed to"), "{out}");
    sandbox.chorus_ok(&["consent", "withdraw", "yes@example.com", "--kind", "email"]).unwrap();
    sandbox.chorus_ok(&["send", "--yes", "--again", "hello"]).unwrap();
    assert_eq!(reached(&sandbox, "2"), ["unknown@example.com"]);
}

#[test]
fn an_import_never_brings_back_somebody_who_left() {
    let sandbox = workspace();
    sandbox.chorus_ok(&["consent", "withdraw", "yes@example.com", "--source", "letter"]).unwrap();
    sandbox.chorus_ok(&["contacts", "import", "people.csv"]).unwrap();
    let shown = sandbox.json(&["consent", "show", "yes@example.com"]).unwrap();
    assert_eq!(shown["contact"]["consents"]["news"]["email"], "withdrawn", "{shown:#}");
    let entries: Vec<_> =
        shown["entries"].as_array().unwrap().iter().map(|entry| entry["entry"].as_str().unwrap()).collect();
    assert_eq!(entries, ["withdraw", "grant"]);
    // Their own yes counts.
    sandbox.chorus_ok(&["consent", "grant", "yes@example.com", "--source", "call"]).unwrap();
    let shown = sandbox.json(&["consent", "show", "yes@example.com"]).unwrap();
    assert_eq!(shown["contact"]["consents"]["news"]["email"], "granted", "{shown:#}");
}

#[test]
fn a_changed_ledger_is_found() {
    let sandbox = workspace();
    let verify = || sandbox.chorus(&["consent", "verify"]).unwrap();
    let sound = verify();
    assert_eq!(
        (sound.code, sound.out.trim()),
        (Some(0), "2 entries are as they were made, and every contact's consents are what they say.",)
    );
    let tools = fixture::tools();
    let database = sandbox.path().join("data/chorus.db");
    let edit = "update consent_entries set entry = 'grant' where id = 2";
    assert!(std::process::Command::new(&tools.sqlite3).arg(database).arg(edit).status().unwrap().success());
    let broken = verify();
    assert_eq!(broken.code, Some(1), "{broken:?}");
    assert!(broken.out.starts_with("Entry 2 was changed"), "{}", broken.out);
    let json: Value =
        serde_json::from_str(&sandbox.chorus(&["consent", "verify", "--format", "json"]).unwrap().out)
            .unwrap();
    assert_eq!((&json["sound"], &json["report"]["broken_at"]), (&false.into(), &2.into()), "{json:#}");
}
