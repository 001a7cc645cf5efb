//! A cron campaign to ten thousand contacts: each gets exactly one well-formed message, and a click
//! is reported.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tests::{Sandbox, Server, SmtpSink, until};

use crate::fixture::{self, ADDRESS, DESTINATION, OFFER};
use crate::received_mail::{self, ReceivedMail};

const READERS: usize = 10_000;

#[test]
fn a_cron_campaign_writes_once_to_each_of_ten_thousand_and_a_click_is_reported() {
    let tools = fixture::tools();
    let mail = tempfile::tempdir().unwrap();
    let sink = SmtpSink::start_with_dump(&tools.smtp_sink, &mail.path().join("dump"), &[]).unwrap();
    // The campaign fires every minute until its first run: then the file is changed while the
    // server runs.
    let sandbox = fixture::workspace(&tools, &sink, r#"{ cron = "* * * * *" }"#);
    fixture::import(&sandbox, READERS);
    let server = sandbox.serve().unwrap();
    let run = first_run(&sandbox);
    sandbox.edit("campaigns/letter.toml", "* * * * *", "0 0 29 2 *").unwrap();
    wait_until_finished(&sandbox, run);

    let letters = received_mail::received(&sink);
    let expected: BTreeSet<String> = (0..READERS).map(fixture::address).collect();
    assert_eq!(letters.keys().cloned().collect::<BTreeSet<_>>(), expected);
    for (number, letter) in (0..READERS).map(|number| (number, &letters[&fixture::address(number)])) {
        assert_eq!(letter.len(), 1, "{} got {}", fixture::address(number), letter.len());
        assert_well_formed(number, &letter[0]);
    }
    let ids: BTreeSet<&str> = letters.values().map(|letter| letter[0].message_id.as_str()).collect();
    assert_eq!(ids.len(), READERS, "every Message-ID is its own");
    received_mail::python_agrees(&tools, &sink, &letters);

    a_click_redirects_and_is_reported(&sandbox, &server, &letters);
    server.stop().unwrap();
}

/// Waits for the schedule to fire at the next full minute, and returns the id of the run.
fn first_run(sandbox: &Sandbox) -> i64 {
    until("the schedule to fire", Duration::from_secs(75), || {
        let runs = sandbox.json(&["runs", "list"])?;
        Ok(runs[0]["id"].as_i64())
    })
    .unwrap()
}

fn wait_until_finished(sandbox: &Sandbox, run: i64) {
    let run = run.to_string();
    let ended = until("the run to finish", Duration::from_secs(120), || {
        let shown = sandbox.json(&["runs", "show", &run])?;
        Ok(Some(shown["run"].clone()).filter(|run| run["finished_at"].is_string()))
    })
    .unwrap();
    assert_eq!(ended["state"], "finished", "{ended:#}");
    assert_eq!(ended["kind"], "scheduled", "{ended:#}");
    assert!(ended["instant"].as_str().unwrap().ends_with(":00Z"), "{ended:#}");
}

fn assert_well_formed(number: usize, letter: &ReceivedMail) {
    assert_eq!(letter.to, fixture::address(number));
    assert_eq!(letter.from, "news@pier.example");
    assert_eq!(letter.subject, format!("Grüße vom Pier: {OFFER}"));
    assert_eq!(letter.headers["list-unsubscribe-post"], "List-Unsubscribe=One-Click");
    for header in ["date", "mime-version", "list-id", "precedence", "feedback-id", "reply-to"] {
        assert!(letter.headers.contains_key(header), "no {header} in {:?}", letter.headers);
    }
    let greeting = format!("Hello {},", fixture::name(number));
    assert!(letter.text.contains(&greeting), "{greeting:?} is not in {:?}", letter.text);
    let escaped = greeting.replace('<', "&lt;").replace('>', "&gt;").replace('\'', "&#x27;");
    assert!(
        letter.html.contains(&escaped) || letter.html.contains(&greeting),
        "{escaped:?}: {}",
        letter.html
    );
    for body in [&letter.text, &letter.html] {
        assert!(
            body.contains(ADDRESS) && body.contains("/u/"),
            "the law requires an address and an unsubscribe link"
        );
        assert!(body.contains(OFFER), "a fact is repeated unchanged");
    }
    assert!(letter.html.contains("/o/"), "the picture that tracks opens");
}

fn a_click_redirects_and_is_reported(
    sandbox: &Sandbox,
    server: &Server,
    letters: &BTreeMap<String, Vec<ReceivedMail>>,
) {
    let links = letters[&fixture::address(4_711)][0].links();
    let follow = |path: &String| {
        let answer = server.http.get(path).unwrap();
        assert_eq!(answer.status, 302, "{path}");
        answer.header("location").unwrap().to_owned()
    };
    let targets: Vec<String> = links.iter().map(follow).collect();
    assert!(targets.iter().all(|target| target.starts_with("https://pier.example")), "{targets:?}");
    let renewal = targets.iter().find(|target| target.starts_with(DESTINATION)).unwrap();
    assert!(renewal.contains("utm_campaign=letter"), "{renewal}");
    // Clicks on all links at once count as a scanner's; a click on one counts as a person's.
    follow(&letters[&fixture::address(4_712)][0].links()[0]);
    until("the click to be reported", Duration::from_secs(60), || {
        let total = &sandbox.json(&["report", "letter"])?["total"]["counts"];
        assert_eq!(total["sent"], READERS);
        Ok((total["clicked"] == 1 && total["machine"] == links.len()).then_some(()))
    })
    .unwrap();
    let mut forged = links[0].clone();
    forged.replace_range(forged.len() - 1.., if forged.ends_with('A') { "B" } else { "A" });
    let answer = server.http.get(&forged).unwrap();
    assert_eq!((answer.status, answer.header("location")), (404, None), "a tampered link has no target");
}
