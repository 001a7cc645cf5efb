//! The first day: a new workspace, a check, a look at the message, and a letter to the outbox.

use std::fs;

use tests::{Sandbox, until};

use crate::pier;

#[test]
fn a_new_workspace_passes_the_check_shows_its_message_and_sends_to_the_outbox() {
    let tools = pier::tools();
    let sandbox = Sandbox::empty(&tools.chorus).unwrap();
    sandbox.done(&["init", "."]).unwrap();
    let port = sandbox.port;
    sandbox.edit("chorus.toml", "127.0.0.1:8080", &format!("127.0.0.1:{port}")).unwrap();

    let checked = sandbox.json(&["check"]).unwrap();
    assert_eq!((&checked["errors"], &checked["warnings"]), (&0.into(), &0.into()), "{checked:#}");

    sandbox.done(&["contacts", "import", "contacts.csv"]).unwrap();
    let planned = sandbox.json(&["plan", "hello", "--to", "+8d"]).unwrap();
    assert_eq!(planned["occurrences"][0]["counts"]["reached"], 2, "{planned:#}");

    sandbox.done(&["preview", "hello", "--contact", "ada@example.com", "--out", "shown"]).unwrap();
    let shown = fs::read_to_string(sandbox.path().join("shown/mail.html")).unwrap();
    assert!(shown.contains("Hello Ada,"), "{shown}");
    let raw = fs::read_to_string(sandbox.path().join("shown/mail.eml")).unwrap();
    assert!(raw.contains("To: ada@example.com"), "{raw}");

    let run = sandbox.json(&["send", "--yes", "hello"]).unwrap();
    assert_eq!((&run["state"], &run["total"]), (&"finished".into(), &2.into()), "{run:#}");
    let report = sandbox.json(&["report", "hello"]).unwrap();
    assert_eq!(report["total"]["counts"]["sent"], 2, "{report:#}");

    let server = sandbox.serve().unwrap();
    let page = until("the outbox page", std::time::Duration::from_secs(60), || {
        let answer = server.http.get("/outbox")?;
        Ok((answer.status == 200).then(|| answer.text()))
    })
    .unwrap();
    assert!(page.contains("ada@example.com") && page.contains("grace@example.com"), "{page}");
    server.stop().unwrap();
}

#[test]
fn a_step_that_is_sent_is_compiled_once() {
    let tools = pier::tools();
    let told = ("CHORUS_LOG".to_owned(), "template=debug".to_owned());
    let sandbox = Sandbox::empty(&tools.chorus).unwrap().knowing(vec![told]);
    sandbox.done(&["init", "."]).unwrap();
    sandbox.done(&["contacts", "import", "contacts.csv"]).unwrap();
    let compiled = |args: &[&str]| sandbox.done(args).unwrap().err.matches("step compiled").count();
    assert_eq!(compiled(&["send", "--yes", "hello"]), 1);
    assert_eq!(compiled(&["send", "--yes", "hello", "--to", "ada@example.com"]), 1, "a test copy");
}

#[test]
fn a_schedule_is_described_in_the_language_of_the_terminal() {
    let tools = pier::tools();
    let set =
        vec![("LC_ALL".to_owned(), String::new()), ("LC_MESSAGES".to_owned(), "zh_CN.UTF-8".to_owned())];
    let sandbox = Sandbox::empty(&tools.chorus).unwrap().knowing(set);
    sandbox.done(&["init", "."]).unwrap();
    sandbox.done(&["contacts", "import", "contacts.csv"]).unwrap();
    let planned =
        |args: &[&str]| sandbox.done(&[&["plan", "hello", "--to", "+8d"], args].concat()).unwrap().out;
    let chinese = planned(&[]);
    assert!(chinese.contains("hello/mail: 每周"), "{chinese}");
    let english = planned(&["--language", "en"]);
    assert!(english.contains("hello/mail: every"), "{english}");
    let refused = sandbox.chorus(&["plan", "--language", "?"]).unwrap();
    assert!(refused.code == Some(2) && refused.err.contains("is not a language tag"), "{refused:?}");
}

#[test]
fn a_test_copy_reaches_one_person_and_no_report() {
    let tools = pier::tools();
    let sandbox = Sandbox::empty(&tools.chorus).unwrap();
    sandbox.done(&["init", "."]).unwrap();
    sandbox.done(&["contacts", "import", "contacts.csv"]).unwrap();
    let run = sandbox.json(&["send", "--yes", "hello", "--to", "ada@example.com"]).unwrap();
    assert_eq!((&run["kind"], &run["total"]), (&"test".into(), &1.into()), "{run:#}");
    let report = sandbox.json(&["report", "hello"]).unwrap();
    assert_eq!(report["total"]["counts"]["sent"], 0, "{report:#}");
}

#[test]
fn nothing_that_somebody_wrote_is_written_over() {
    let tools = pier::tools();
    let sandbox = Sandbox::empty(&tools.chorus).unwrap();
    sandbox.write("chorus.toml", "mine").unwrap();
    let ran = sandbox.chorus(&["init", "."]).unwrap();
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert_eq!(fs::read_to_string(sandbox.path().join("chorus.toml")).unwrap(), "mine");
}
