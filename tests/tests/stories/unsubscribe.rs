//! One click on "unsubscribe" in a mail program is enough, and a look at the link is not.

use tests::Sink;

use crate::{letters, pier};

#[test]
fn one_click_unsubscribes_for_good_and_a_look_does_not() {
    let tools = pier::tools();
    let mail = tempfile::tempdir().unwrap();
    let sink = Sink::dumping(&tools.smtp_sink, &mail.path().join("dump"), &[]).unwrap();
    let sandbox = pier::workspace(&tools, &sink, r#"{ cron = "0 0 29 2 *" }"#);
    pier::import(&sandbox, 3);
    sandbox.done(&["send", "--yes", "letter"]).unwrap();
    let first = letters::received(&sink);
    assert_eq!(first.len(), 3);

    let leaver = pier::address(1);
    let path = first[&leaver][0].unsubscribe();
    let server = sandbox.serve().unwrap();
    // What a scanner does.
    let looked = server.http.get(path).unwrap();
    assert_eq!(looked.status, 200, "{}", looked.text());
    assert_eq!(count(&sandbox.json(&["report", "letter"]).unwrap()), 0);
    // What a mail program does (RFC 8058, section 3.2).
    let posted =
        server.http.post(path, "application/x-www-form-urlencoded", b"List-Unsubscribe=One-Click").unwrap();
    assert_eq!(posted.status, 200, "{}", posted.text());
    assert_eq!(count(&sandbox.json(&["report", "letter"]).unwrap()), 1);
    server.stop().unwrap();

    let run = sandbox.json(&["send", "--yes", "--again", "letter"]).unwrap();
    assert_eq!(run["state"], "finished", "{run:#}");
    let second = letters::received(&sink);
    let copies: Vec<usize> = (0..3).map(|number| second[&pier::address(number)].len()).collect();
    assert_eq!(copies, [2, 1, 2], "they got a letter after they had asked to be left alone");

    let explained = sandbox.json(&["explain", &leaver, "letter"]).unwrap();
    let step = &explained["steps"][0];
    assert_eq!(step["reason"], "left_out", "{explained:#}");
    assert!(step["because"].as_str().unwrap().contains("unsubscribed"), "{explained:#}");
}

fn count(report: &serde_json::Value) -> i64 {
    report["total"]["counts"]["unsubscribed"].as_i64().unwrap()
}
