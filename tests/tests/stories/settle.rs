//! The relay accepts every message and disconnects before it answers: a person decides on the
//! uncertain deliveries.

use std::time::Duration;

use serde_json::Value;
use tests::{Browser, Phase, RecipientFilter, RelayAction, Sandbox, Script, until};

use crate::fixture;
use crate::run_control::{accepted_by_address, show_run, start_relay, tally, wait_for_run};

/// Makes a run to four recipients whose deliveries are all uncertain, through a relay that never
/// answers.
fn make_uncertain_run(sandbox: &Sandbox) {
    let hold = "template = \"newsletter\"\non_uncertain = \"hold\"";
    sandbox.edit("campaigns/letter.toml", "template = \"newsletter\"", hold).unwrap();
    fixture::import(sandbox, 4);
    sandbox.chorus(&["send", "--yes", "letter"]).unwrap();
    let run = show_run(sandbox).unwrap();
    assert_eq!(
        (run["state"].as_str(), tally(&run, "uncertain")),
        (Some("finished_with_failures"), 4),
        "{run:#}"
    );
}

/// Returns the number of deliveries of run 1 that count as sent by a person's decision.
fn settled(run: &Value) -> i64 {
    let settled = run["tallies"].as_array().unwrap().iter().find(|tally| tally["reason"] == "settled");
    settled.map_or(0, |tally| tally["count"].as_i64().unwrap())
}

#[test]
fn uncertain_deliveries_are_settled_by_command_and_by_page() {
    let tools = fixture::tools();
    let (_silent, listener) =
        start_relay(Script::default().with(Phase::Dot, RecipientFilter::All, RelayAction::Close));
    let sandbox = fixture::workspace_with_port(&tools, listener.port, "{ at = 2035-03-02T10:00:00 }");
    make_uncertain_run(&sandbox);
    let output = sandbox.chorus_ok(&["runs", "show", "1"]).unwrap().out;
    assert!(
        output.contains("reader.3@example.com") && output.contains("chorus runs settle 1 --went-out"),
        "{output}"
    );
    let output = sandbox.chorus_ok(&["explain", "reader.1@example.com", "letter"]).unwrap().out;
    assert!(output.contains("not certain") && output.contains("--send-again"), "{output}");
    check_invalid_calls(&sandbox);

    let run =
        sandbox.json(&["runs", "settle", "1", "--went-out", "--contact", "reader.0@example.com"]).unwrap();
    assert_eq!((settled(&run), tally(&run, "uncertain")), (1, 3), "{run:#}");
    let output = sandbox.chorus_ok(&["explain", "reader.0@example.com", "letter"]).unwrap().out;
    assert!(output.contains("sent") && output.contains("a person said that it went out"), "{output}");

    let (relay, working_listener) = start_relay(Script::default());
    let (old, new) = (format!("127.0.0.1:{}", listener.port), format!("127.0.0.1:{}", working_listener.port));
    sandbox.edit("chorus.toml", &old, &new).unwrap();
    let server = sandbox.serve().unwrap();
    let browser = Browser::start(&tools).unwrap();
    browser.open(&format!("http://127.0.0.1:{}/runs/1", sandbox.port)).unwrap();
    assert!(browser.page_text().unwrap().contains("Did 3 deliveries arrive?"));
    browser.click("form[action$='/deliveries/2/went-out'] button").unwrap();
    let page = || Ok(browser.page_text()?.contains("Did 2 deliveries arrive?").then_some(()));
    until("the page to show it", Duration::from_secs(60), page).unwrap();
    assert_eq!(browser.complaints().unwrap(), Vec::<String>::new());
    assert_eq!(settled(&show_run(&sandbox).unwrap()), 2);

    let output = sandbox.chorus_ok(&["runs", "settle", "1", "--send-again"]).unwrap().out;
    assert_eq!(output.trim(), "Run 1 of letter/mail is settled: 2 deliveries will be sent again.");
    let ended = wait_for_run(&sandbox, "the run to end", |run| run["finished_at"].is_string());
    server.stop().unwrap();
    assert_eq!(ended["state"], "finished", "{ended:#}");
    assert_eq!((tally(&ended, "sent"), settled(&ended), tally(&ended, "repeat")), (4, 2, 2), "{ended:#}");
    let taken: Vec<_> = accepted_by_address(&relay).into_iter().collect();
    assert_eq!(taken, [(fixture::address(2), 1), (fixture::address(3), 1)], "exactly those are sent again");
    let total = &sandbox.json(&["report", "letter"]).unwrap()["total"]["counts"];
    assert_eq!(total["sent"], 4, "each counts once");
}

/// Checks the refusal of calls without an answer, with both answers, for an unknown contact, and
/// for a missing run.
fn check_invalid_calls(sandbox: &Sandbox) {
    for (args, code, says) in [
        (&["1"][..], 2, "--went-out"),
        (&["1", "--went-out", "--send-again"], 2, "cannot be used with"),
        (&["1", "--went-out", "--contact", "nobody@example.com"], 1, "no contact has the address"),
        (&["7", "--went-out"], 1, "there is no run 7"),
    ] {
        let ran = sandbox.chorus(&[&["runs", "settle"], args].concat()).unwrap();
        assert_eq!(ran.code, Some(code), "{args:?}: {}", ran.err);
        assert!(ran.err.contains(says), "{says:?} is not in {}", ran.err);
    }
    assert_eq!(tally(&show_run(sandbox).unwrap(), "uncertain"), 4);
}

#[test]
fn a_run_is_finished_when_all_uncertain_deliveries_are_settled_as_sent() {
    let tools = fixture::tools();
    let (_silent, listener) =
        start_relay(Script::default().with(Phase::Dot, RecipientFilter::All, RelayAction::Close));
    let sandbox = fixture::workspace_with_port(&tools, listener.port, "{ at = 2035-03-02T10:00:00 }");
    make_uncertain_run(&sandbox);
    let run = sandbox.json(&["runs", "settle", "1", "--went-out"]).unwrap();
    assert_eq!(
        (run["state"].as_str(), tally(&run, "sent"), tally(&run, "uncertain")),
        (Some("finished"), 4, 0)
    );
    let again = sandbox.chorus(&["runs", "settle", "1", "--send-again"]).unwrap();
    assert_eq!((again.code, again.err.trim()), (Some(1), "run 1 is finished: nothing is uncertain in it"));
}
