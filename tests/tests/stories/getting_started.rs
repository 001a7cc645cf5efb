//! The first steps of a new user: a new workspace, a check, a preview, and a message to the outbox.

use std::fs;

use tests::{Sandbox, until};

use crate::fixture;

#[test]
fn a_new_workspace_passes_the_check_shows_its_message_and_sends_to_the_outbox() {
    let tools = fixture::tools();
    let sandbox = Sandbox::empty(&tools.chorus).unwrap();
    sandbox.chorus_ok(&["init", "."]).unwrap();
    let port = sandbox.port;
    sandbox.edit("chorus.toml", "127.0.0.1:8080", &format!("127.0.0.1:{port}")).unwrap();

    let checked = sandbox.json(&["check"]).unwrap();
    assert_eq!((&checked["errors"], &checked["warnings"]), (&0.into(), &0.into()), "{checked:#}");

    sandbox.chorus_ok(&["contacts", "import", "contacts.csv"]).unwrap();
    let planned = sandbox.json(&["plan", "hello", "--to", "+8d"]).unwrap();
    assert_eq!(planned["occurrences"][0]["counts"]["reached"], 2, "{planned:#}");

    sandbox.chorus_ok(&["preview", "hello", "--contact", "ada@example.com", "--out", "shown"]).unwrap();
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
    let tools = fixture::tools();
    let log_level = ("CHORUS_LOG".to_owned(), "template=debug".to_owned());
    let sandbox = Sandbox::empty(&tools.chorus).unwrap().with_env(vec![log_level]);
    sandbox.chorus_ok(&["init", "."]).unwrap();
    sandbox.chorus_ok(&["contacts", "import", "contacts.csv"]).unwrap();
    let compiled = |args: &[&str]| sandbox.chorus_ok(args).unwrap().err.matches("step compiled").count();
    assert_eq!(compiled(&["send", "--yes", "hello"]), 1);
    assert_eq!(compiled(&["send", "--yes", "hello", "--to", "ada@example.com"]), 1, "a test copy");
}

#[test]
fn a_schedule_is_described_in_the_language_of_the_terminal() {
    let tools = fixture::tools();
    let set =
        vec![("LC_ALL".to_owned(), String::new()), ("LC_MESSAGES".to_owned(), "zh_CN.UTF-8".to_owned())];
    let sandbox = Sandbox::empty(&tools.chorus).unwrap().with_env(set);
    sandbox.chorus_ok(&["init", "."]).unwrap();
    sandbox.chorus_ok(&["contacts", "import", "contacts.csv"]).unwrap();
    let planned =
        |args: &[&str]| sandbox.chorus_ok(&[&["plan", "hello", "--to", "+8d"], args].concat()).unwrap().out;
    let chinese = planned(&[]);
    assert!(chinese.contains("hello/mail: 每周"), "{chinese}");
    let english = planned(&["--language", "en"]);
    assert!(english.contains("hello/mail: every"), "{english}");
    let refused = sandbox.chorus(&["plan", "--language", "?"]).unwrap();
    assert!(refused.code == Some(2) && refused.err.contains("is not a language tag"), "{refused:?}");
}

#[test]
fn a_test_copy_reaches_one_person_and_no_report() {
    let tools = fixture::tools();
    let sandbox = Sandbox::empty(&tools.chorus).unwrap();
    sandbox.chorus_ok(&["init", "."]).unwrap();
    sandbox.chorus_ok(&["contacts", "import", "contacts.csv"]).unwrap();
    let run = sandbox.json(&["send", "--yes", "hello", "--to", "ada@example.com"]).unwrap();
    assert_eq!((&run["kind"], &run["total"]), (&"test".into(), &1.into()), "{run:#}");
    let report = sandbox.json(&["report", "hello"]).unwrap();
    assert_eq!(report["total"]["counts"]["sent"], 0, "{report:#}");
}

#[test]
fn init_overwrites_no_existing_file() {
    let tools = fixture::tools();
    let sandbox = Sandbox::empty(&tools.chorus).unwrap();
    sandbox.write("chorus.toml", "mine").unwrap();
    let ran = sandbox.chorus(&["init", "."]).unwrap();
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert_eq!(fs::read_to_string(sandbox.path().join("chorus.toml")).unwrap(), "mine");
}

#[test]
fn a_renamed_campaign_keeps_its_history_where_no_server_runs() {
    let tools = fixture::tools();
    let sandbox = Sandbox::empty(&tools.chorus).unwrap();
    sandbox.chorus_ok(&["init", "."]).unwrap();
    sandbox.chorus_ok(&["contacts", "import", "contacts.csv"]).unwrap();
    sandbox.chorus_ok(&["send", "--yes", "hello"]).unwrap();
    let text = fs::read_to_string(sandbox.path().join("campaigns/hello.toml")).unwrap();
    fs::remove_file(sandbox.path().join("campaigns/hello.toml")).unwrap();
    sandbox.write("campaigns/hi.toml", &format!("was = \"hello\"\n{text}")).unwrap();
    let rules = "title = \"Not yet\"\nnone = [{ campaign = \"hi\", did = \"sent\" }]\n";
    sandbox.write("audiences/fresh.toml", rules).unwrap();
    let size = sandbox.json(&["audiences", "size", "fresh"]).unwrap();
    assert_eq!(size[0]["contacts"], 0, "both have it under its old name: {size:#}");
    let report = sandbox.json(&["report", "hi"]).unwrap();
    assert_eq!(report["total"]["counts"]["sent"], 2, "{report:#}");
}

#[test]
fn weeks_are_counted_from_the_day_that_the_file_says() {
    let tools = fixture::tools();
    let sandbox = Sandbox::empty(&tools.chorus).unwrap();
    sandbox.chorus_ok(&["init", "."]).unwrap();
    let text = fs::read_to_string(sandbox.path().join("campaigns/hello.toml")).unwrap();
    let when = "when     = { every = \"2 weeks monday 10:00\", timezone = \"America/New_York\" }";
    let text = text.replace("when     = { every = \"tuesday 10:00\" }", when);
    // In New York it is still 1 March, a Monday, when 2 March begins for the brand.
    sandbox.write("campaigns/hello.toml", &format!("starts = 2027-03-02\n{text}")).unwrap();
    let between = ["--from", "2027-03-01T00:00:00Z", "--to", "2027-04-01T00:00:00Z"];
    let plan = sandbox.json(&[&["plan", "hello"][..], &between].concat()).unwrap();
    let times: Vec<_> = plan["occurrences"].as_array().unwrap().iter().map(|it| &it["at"]).collect();
    assert_eq!(times, ["2027-03-08T15:00:00Z", "2027-03-22T14:00:00Z"], "{plan:#}");
}
