//! Link scanners: a scanner that looks like a browser and fetches every link does not count as a
//! reader, and its recipient still gets the reminder.

use std::collections::BTreeSet;
use std::thread::sleep;
use std::time::Duration;

use tests::{SmtpSink, until};

use crate::fixture;
use crate::received_mail::{self, ReceivedMail};

const BROWSER: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36";

const REMINDER: &str = r#"
[[steps]]
id       = "reminder"
channel  = "email"
template = "newsletter"
message  = { subject = "Last days" }
when     = { after = "mail", delay = "6s", unless = "clicked" }
"#;

/// Returns the path of the tracking picture in a message.
fn picture(letter: &ReceivedMail) -> String {
    let start = letter.html.find("/o/").unwrap();
    letter.html[start..].split('"').next().unwrap().to_owned()
}

#[test]
fn a_scanner_that_fetches_every_link_does_not_prevent_the_reminder() {
    let tools = fixture::tools();
    let mail = tempfile::tempdir().unwrap();
    let sink = SmtpSink::start_with_dump(&tools.smtp_sink, &mail.path().join("dump"), &[]).unwrap();
    let sandbox = fixture::workspace(&tools, &sink, r#"{ cron = "0 0 29 2 *" }"#);
    let campaign = std::fs::read_to_string(sandbox.path().join("campaigns/letter.toml")).unwrap();
    sandbox.write("campaigns/letter.toml", &format!("{campaign}{REMINDER}")).unwrap();
    fixture::import(&sandbox, 3);
    let server = sandbox.serve().unwrap();
    sandbox.chorus_ok(&["send", "--yes", "letter", "--step", "mail"]).unwrap();
    let first = received_mail::received(&sink);
    let [scanned, reader, silent] = [0, 1, 2].map(fixture::address);

    // The mail gateway of the first recipient fetches every link, then the picture, at once and
    // with the user agent of a browser.
    let letter = &first[&scanned][0];
    for path in letter.links().iter().chain([&picture(letter)]) {
        server.http.get_as(path, BROWSER).unwrap();
    }
    // The second recipient opens the message, reads it, and clicks the button.
    let letter = &first[&reader][0];
    server.http.get_as(&picture(letter), BROWSER).unwrap();
    sleep(Duration::from_millis(1_300));
    server.http.get_as(&letter.links()[0], BROWSER).unwrap();

    until("the reminders to arrive", Duration::from_secs(60), || {
        let letters = received_mail::received(&sink).values().map(Vec::len).sum::<usize>();
        Ok((letters >= 5).then_some(()))
    })
    .unwrap();
    // A third reminder would have arrived by now.
    sleep(Duration::from_secs(1));
    let reminded: BTreeSet<_> = received_mail::received(&sink)
        .into_iter()
        .filter(|(_, letters)| letters.iter().any(|letter| letter.subject == "Last days"))
        .map(|(address, _)| address)
        .collect();
    assert_eq!(reminded, BTreeSet::from([scanned, silent]));
    let counts = &sandbox.json(&["report", "letter"]).unwrap()["total"]["counts"];
    assert_eq!((counts["clicked"].as_i64(), counts["opened"].as_i64()), (Some(1), Some(1)), "{counts:#}");
    server.stop().unwrap();
}
