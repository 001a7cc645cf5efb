//! One-click unsubscribe: a POST from a mail program unsubscribes, a GET of the link does not.

use tests::SmtpSink;

use crate::{fixture, received_mail};

#[test]
fn a_post_to_the_link_unsubscribes_and_a_get_does_not() {
    let tools = fixture::tools();
    let mail = tempfile::tempdir().unwrap();
    let sink = SmtpSink::start_with_dump(&tools.smtp_sink, &mail.path().join("dump"), &[]).unwrap();
    let sandbox = fixture::workspace(&tools, &sink, r#"{ cron = "0 0 29 2 *" }"#);
    fixture::import(&sandbox, 3);
    sandbox.chorus_ok(&["send", "--yes", "letter"]).unwrap();
    let first = received_mail::received(&sink);
    assert_eq!(first.len(), 3);

    let leaver = fixture::address(1);
    let path = first[&leaver][0].unsubscribe();
    let server = sandbox.serve().unwrap();
    // A scanner opens the link.
    let looked = server.http.get(path).unwrap();
    assert_eq!(looked.status, 200, "{}", looked.text());
    assert_eq!(count(&sandbox.json(&["report", "letter"]).unwrap()), 0);
    // A mail program posts to the link (RFC 8058 §3.2).
    let posted =
        server.http.post(path, "application/x-www-form-urlencoded", b"List-Unsubscribe=One-Click").unwrap();
    assert_eq!(posted.status, 200, "{}", posted.text());
    assert_eq!(count(&sandbox.json(&["report", "letter"]).unwrap()), 1);
    server.stop().unwrap();

    let run = sandbox.json(&["send", "--yes", "--again", "letter"]).unwrap();
    assert_eq!(run["state"], "finished", "{run:#}");
    let second = received_mail::received(&sink);
    let copies: Vec<usize> = (0..3).map(|number| second[&fixture::address(number)].len()).collect();
    assert_eq!(copies, [2, 1, 2], "they got a letter after they had asked to be left alone");

    let explained = sandbox.json(&["explain", &leaver, "letter"]).unwrap();
    let step = &explained["steps"][0];
    assert_eq!(step["reason"], "left_out", "{explained:#}");
    assert!(step["because"].as_str().unwrap().contains("unsubscribed"), "{explained:#}");
}

fn count(report: &serde_json::Value) -> i64 {
    report["total"]["counts"]["unsubscribed"].as_i64().unwrap()
}
