//! Previews and dry runs: they show every request, send nothing and write nothing; text that is too
//! long for a contact is reported before it is scheduled.

use std::fs;
use std::net::TcpListener;

use tests::Sandbox;

use crate::fixture;

const STEPS: &str = r#"
[[steps]]
id       = "team"
channel  = "slack"
template = "note"
when     = { at = 2035-03-02T10:00:00 }

[[steps]]
id       = "text"
channel  = "sms"
template = "note"
when     = { at = 2035-03-02T10:00:00 }
"#;

const PEOPLE: &str = "email,phone,first_name,consent\nada@example.com,+8613800138001,Ada,yes\ngrace@example.com,+8613800138002,Grace,yes\n\
     edsger@example.com,,Edsger,yes\nalan@example.com,+8613800138004,Alan,yes\nbarbara@example.com,+8613800138005,Barbara,yes\n";

/// Creates a workspace whose posts and text messages would go to `port`.
fn workspace(port: u16) -> Sandbox {
    let sandbox = fixture::workspace_with_port(&fixture::tools(), port, "{ at = 2035-03-02T10:00:00 }");
    let channels = format!(
        "[channels.slack]\nkind = \"slack\"\nurl = \"http://127.0.0.1:{port}/services/T1/B1/hush-hush\"\n\
         base_url = \"http://127.0.0.1:{port}\"\n\n\
         [channels.sms]\nkind = \"twilio\"\naccount = \"AC1\"\ntoken = \"hush-hush-token\"\nfrom = \"+15005550006\"\n\
         base_url = \"http://127.0.0.1:{port}\"\ncost = {{ per_message = 0.05, currency = \"EUR\" }}\n\n"
    );
    sandbox.edit("chorus.toml", "[channels.email]", &format!("{channels}[channels.email]")).unwrap();
    sandbox.edit("campaigns/letter.toml", "[[steps]]", &format!("{STEPS}\n[[steps]]")).unwrap();
    let note = "{{contact.first_name}} {{message.headline}}: {{facts.offer}} {{message.link}}\n";
    sandbox.write("templates/note/post.md", note).unwrap();
    sandbox.write("people.csv", PEOPLE).unwrap();
    sandbox.chorus_ok(&["contacts", "import", "people.csv"]).unwrap();
    sandbox
}

/// Returns every byte of the database and its write-ahead log.
fn database(sandbox: &Sandbox) -> Vec<u8> {
    let read = |name: &str| fs::read(sandbox.path().join("data").join(name)).unwrap_or_default();
    [read("chorus.db"), read("chorus.db-wal")].concat()
}

#[test]
fn a_preview_shows_the_exact_requests_without_their_secrets() {
    let sandbox = workspace(9);
    let shown = sandbox
        .chorus_ok(&["preview", "letter", "--contact", "grace@example.com", "--out", "shown"])
        .unwrap()
        .out;
    for expected in
        ["POST http://127.0.0.1:9/services/T1/B1/••••", "authorization: Basic ••••", "To=+8613800138002"]
    {
        assert!(shown.contains(expected), "{expected}: {shown}");
    }
    assert!(shown.contains("of 3,000 characters [") && shown.contains("of 10 segments ["), "{shown}");
    let request = fs::read_to_string(sandbox.path().join("shown/text.http")).unwrap();
    assert!(
        request.starts_with("POST http://127.0.0.1:9/2010-04-01/Accounts/AC1/Messages.json\n"),
        "{request}"
    );
    assert!(request.contains("Body=Grace It is time to renew: one free month, 12 € off"), "{request}");
    let json = sandbox.json(&["preview", "letter", "--step", "team"]).unwrap();
    assert_eq!(json[0]["requests"][0]["publishes"], true, "{json:#}");
    assert_eq!(
        (&json[0]["kind"], &json[0]["budgets"][0]["allowed"]),
        (&"slack".into(), &3_000.into()),
        "{json:#}"
    );
    assert!(!format!("{shown}{request}{json}").contains("hush-hush"), "no secret is shown");
    let foreign = sandbox.chorus(&["preview", "letter", "--language", "fr"]).unwrap();
    assert_eq!(foreign.code, Some(1));
    assert!(foreign.err.contains("say it in fr: it is in en"), "{}", foreign.err);
}

#[test]
fn a_dry_run_sends_nothing_and_writes_nothing() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let sandbox = workspace(listener.local_addr().unwrap().port());
    sandbox.chorus_ok(&["runs", "list"]).unwrap();
    let before = database(&sandbox);
    let text = sandbox.json(&["send", "--yes", "letter", "--step", "text", "--dry-run"]).unwrap();
    assert_eq!((&text["deliveries"], &text["left_out"]), (&4.into(), &1.into()), "{text:#}");
    let to: Vec<_> =
        text["first"].as_array().unwrap().iter().map(|one| one["to"].as_str().unwrap()).collect();
    assert_eq!(to, ["+8613800138001", "+8613800138002", "+8613800138004"]);
    let mail = sandbox.chorus_ok(&["send", "--yes", "letter", "--step", "mail", "--dry-run"]).unwrap().out;
    assert!(mail.contains("5 messages; nothing is sent") && mail.contains("To: ada@example.com"), "{mail}");
    assert!(mail.contains("… and 2 more"), "{mail}");
    let one = ["send", "--yes", "letter", "--step", "mail", "--dry-run", "--to", "alan@example.com"];
    assert!(sandbox.chorus_ok(&one).unwrap().out.contains("To: alan@example.com"));
    assert!(
        sandbox
            .chorus_ok(&["send", "--yes", "letter", "--step", "team", "--dry-run"])
            .unwrap()
            .out
            .contains("1 message;")
    );
    assert!(before == database(&sandbox), "the database is what it was");
    assert_eq!(
        listener.accept().unwrap_err().kind(),
        std::io::ErrorKind::WouldBlock,
        "no connection was made"
    );
}

#[test]
fn a_text_that_is_too_long_for_a_contact_is_reported_and_not_sent() {
    let sandbox = workspace(9);
    let fine = sandbox.json(&["plan", "letter", "--from", "2035-03-01", "--to", "2035-03-03"]).unwrap();
    assert_eq!(fine["matrices"]["letter"]["facts"], serde_json::json!(["offer"]), "{fine:#}");
    let cost = |plan: &serde_json::Value| {
        let rows = plan["occurrences"].as_array().unwrap();
        rows.iter().find(|row| row["step"] == "text").unwrap()["cost"].clone()
    };
    assert_eq!(cost(&fine), "0.20", "the euro sign is one of the alphabet: one segment each");
    let middling =
        format!("email,phone,first_name,consent\nemmy@example.com,+8613800138007,{},yes\n", "E".repeat(120));
    sandbox.write("middling.csv", &middling).unwrap();
    sandbox.chorus_ok(&["contacts", "import", "middling.csv"]).unwrap();
    let more = sandbox.json(&["plan", "letter", "--from", "2035-03-01", "--to", "2035-03-03"]).unwrap();
    assert_eq!(cost(&more), "0.50", "the contact with the longest text takes two");
    let long = format!(
        "email,phone,first_name,consent\nkurt@example.com,+8613800138006,{},yes\n",
        "K".repeat(1_600)
    );
    sandbox.write("long.csv", &long).unwrap();
    sandbox.chorus_ok(&["contacts", "import", "long.csv"]).unwrap();
    let plan = sandbox.chorus(&["plan", "letter"]).unwrap();
    assert_eq!(plan.code, Some(1), "{plan:?}");
    for expected in [
        "text-too-long",
        "`text` (sms, en)",
        "Twilio takes 1600",
        "the first over is",
        "first_name has up to 1600",
    ] {
        assert!(plan.out.contains(expected), "{expected}: {}", plan.out);
    }
    assert!(
        plan.out.contains("templates/note/post.md") || plan.out.contains("campaigns/letter.toml"),
        "{}",
        plan.out
    );
    let refused = sandbox.chorus(&["send", "--yes", "letter", "--step", "text"]).unwrap();
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(
        refused.err.contains("begin the run") && refused.err.contains("Twilio takes 1600"),
        "{}",
        refused.err
    );
    assert_eq!(sandbox.json(&["runs", "list"]).unwrap(), serde_json::json!([]));
}
