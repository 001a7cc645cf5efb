//! The other side takes every letter and breaks off before it answers: a person says what became of them.

use std::time::Duration;

use serde_json::Value;
use tests::{Act, Browser, Phase, Sandbox, Script, Whom, until};

use crate::control::{a_relay, shown, taken, tally, wait};
use crate::pier;

/// A run to four readers that left all of them in doubt, by a relay that never answers.
fn in_doubt(sandbox: &Sandbox) {
    let hold = "template = \"newsletter\"\non_uncertain = \"hold\"";
    sandbox.edit("campaigns/letter.toml", "template = \"newsletter\"", hold).unwrap();
    pier::import(sandbox, 4);
    sandbox.chorus(&["send", "--yes", "letter"]).unwrap();
    let run = shown(sandbox).unwrap();
    assert_eq!(
        (run["state"].as_str(), tally(&run, "uncertain")),
        (Some("finished_with_failures"), 4),
        "{run:#}"
    );
}

/// How many deliveries of run 1 stand as sent because a person said so.
fn settled(run: &Value) -> i64 {
    let settled = run["tallies"].as_array().unwrap().iter().find(|tally| tally["reason"] == "settled");
    settled.map_or(0, |tally| tally["count"].as_i64().unwrap())
}

#[test]
fn what_nobody_knows_is_settled_by_command_and_by_page() {
    let tools = pier::tools();
    let (_silent, door) = a_relay(Script::default().with(Phase::Dot, Whom::All, Act::Close));
    let sandbox = pier::workspace_by(&tools, door.port, "{ at = 2035-03-02T10:00:00 }");
    in_doubt(&sandbox);
    let said = sandbox.done(&["runs", "show", "1"]).unwrap().out;
    assert!(
        said.contains("reader.3@example.com") && said.contains("chorus runs settle 1 --went-out"),
        "{said}"
    );
    let said = sandbox.done(&["explain", "reader.1@example.com", "letter"]).unwrap().out;
    assert!(said.contains("not certain") && said.contains("--send-again"), "{said}");
    nonsense_settles_nothing(&sandbox);

    let run =
        sandbox.json(&["runs", "settle", "1", "--went-out", "--contact", "reader.0@example.com"]).unwrap();
    assert_eq!((settled(&run), tally(&run, "uncertain")), (1, 3), "{run:#}");
    let said = sandbox.done(&["explain", "reader.0@example.com", "letter"]).unwrap().out;
    assert!(said.contains("sent") && said.contains("a person said that it went out"), "{said}");

    let (relay, door_of_relay) = a_relay(Script::default());
    let (old, new) = (format!("127.0.0.1:{}", door.port), format!("127.0.0.1:{}", door_of_relay.port));
    sandbox.edit("chorus.toml", &old, &new).unwrap();
    let server = sandbox.serve().unwrap();
    let browser = Browser::start(&tools).unwrap();
    browser.open(&format!("http://127.0.0.1:{}/runs/1", sandbox.port)).unwrap();
    assert!(browser.page_text().unwrap().contains("Did 3 deliveries arrive?"));
    browser.click("form[action$='/deliveries/2/went-out'] button").unwrap();
    let page = || Ok(browser.page_text()?.contains("Did 2 deliveries arrive?").then_some(()));
    until("the page to show it", Duration::from_secs(60), page).unwrap();
    assert_eq!(browser.complaints().unwrap(), Vec::<String>::new());
    assert_eq!(settled(&shown(&sandbox).unwrap()), 2);

    let said = sandbox.done(&["runs", "settle", "1", "--send-again"]).unwrap().out;
    assert_eq!(said.trim(), "Run 1 of letter/mail is settled: 2 deliveries will be sent again.");
    let ended = wait(&sandbox, "the run to end", |run| run["finished_at"].is_i64());
    server.stop().unwrap();
    assert_eq!(ended["state"], "finished", "{ended:#}");
    assert_eq!((tally(&ended, "sent"), settled(&ended), tally(&ended, "repeat")), (4, 2, 2), "{ended:#}");
    let taken: Vec<_> = taken(&relay).into_iter().collect();
    assert_eq!(taken, [(pier::address(2), 1), (pier::address(3), 1)], "exactly those are sent again");
    let total = &sandbox.json(&["report", "letter"]).unwrap()["total"]["counts"];
    assert_eq!(total["sent"], 4, "each counts once");
}

/// Neither answer, both, nobody, no run, and one of whom everything is known.
fn nonsense_settles_nothing(sandbox: &Sandbox) {
    for (args, code, says) in [
        (&["1"][..], 2, "--went-out"),
        (&["1", "--went-out", "--send-again"], 2, "cannot be used with"),
        (&["1", "--went-out", "--contact", "nobody@example.com"], 1, "nobody has the address"),
        (&["7", "--went-out"], 1, "there is no run 7"),
    ] {
        let ran = sandbox.chorus(&[&["runs", "settle"], args].concat()).unwrap();
        assert_eq!(ran.code, Some(code), "{args:?}: {}", ran.err);
        assert!(ran.err.contains(says), "{says:?} is not in {}", ran.err);
    }
    assert_eq!(tally(&shown(sandbox).unwrap(), "uncertain"), 4);
}

#[test]
fn a_run_whose_doubts_all_went_out_has_finished() {
    let tools = pier::tools();
    let (_silent, door) = a_relay(Script::default().with(Phase::Dot, Whom::All, Act::Close));
    let sandbox = pier::workspace_by(&tools, door.port, "{ at = 2035-03-02T10:00:00 }");
    in_doubt(&sandbox);
    let run = sandbox.json(&["runs", "settle", "1", "--went-out"]).unwrap();
    assert_eq!(
        (run["state"].as_str(), tally(&run, "sent"), tally(&run, "uncertain")),
        (Some("finished"), 4, 0)
    );
    let again = sandbox.chorus(&["runs", "settle", "1", "--send-again"]).unwrap();
    assert_eq!((again.code, again.err.trim()), (Some(1), "run 1 is finished: nothing is uncertain in it"));
}
