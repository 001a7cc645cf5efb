//! Slow, throttling and rate-limited receivers: each is delayed separately, all other recipients
//! get their message, and the reason is reported.

use std::fmt::Write as _;
use std::time::Duration;

use tests::{Guard, Phase, RecipientFilter, Relay, RelayAction, Sandbox, Script, until};

use crate::fixture;

/// The number of recipients at each domain.
const READERS: usize = 300;
const DOMAINS: [&str; 5] = ["gmail.com", "tar.example", "yahoo.com", "pier.example", "quay.example"];

const CHORUS: &str = r#"
[brand]
name     = "Café am Pier"
url      = "https://pier.example"
address  = "1 Pier Road, Shanghai"

[channels.email]
kind = "smtp"
url  = "smtp://127.0.0.1:PORT?tls=off"
from = "news@pier.example"

[channels.email.groups.yahoo]
rate = "30/min"
"#;

const LETTER: &str = r#"
title    = "The letter"
audience = "everyone"

[message]
subject  = "Hello"
headline = "Hello"
link     = "https://pier.example/renew"

[[steps]]
id       = "mail"
channel  = "email"
template = "plain"
when     = { at = 2037-01-01T10:00:00 }
"#;

fn workspace(port: u16) -> Sandbox {
    let sandbox = Sandbox::empty(&fixture::tools().chorus).unwrap();
    let plain = "# {{message.headline}}\n\n[Go]({{message.link}})\n\n{{brand.address}} – [no]({{links.unsubscribe}})\n";
    sandbox.write("chorus.toml", &CHORUS.replace("PORT", &port.to_string())).unwrap();
    sandbox.write("audiences/everyone.toml", "title = \"Everyone\"\n").unwrap();
    sandbox.write("templates/plain/email.md", plain).unwrap();
    sandbox.write("campaigns/letter.toml", LETTER).unwrap();
    let mut readers = String::from("email,consent\n");
    for number in 0..READERS {
        for domain in DOMAINS {
            writeln!(readers, "reader.{number}@{domain},yes").unwrap();
        }
    }
    sandbox.write("readers.csv", &readers).unwrap();
    sandbox.chorus_ok(&["contacts", "import", "readers.csv"]).unwrap();
    sandbox
}

#[test]
fn slow_throttling_and_limited_receivers_do_not_delay_others() {
    let busy = "421 4.7.28 <reader@gmail.com> has detected an unusual rate of mail".to_owned();
    let minute = Duration::from_secs(60);
    let script = Script::default()
        .with(Phase::Rcpt, RecipientFilter::Domain("gmail.com".to_owned()), RelayAction::Answer(busy))
        .with(
            Phase::Dot,
            RecipientFilter::Domain("tar.example".to_owned()),
            RelayAction::Delay(minute, minute),
        );
    let relay = Relay::new(script);
    let listener = relay.listen().unwrap();
    let sandbox = workspace(listener.port);
    let sending = Guard::spawn("chorus send", &mut sandbox.command(&["send", "--yes", "letter"])).unwrap();

    let to =
        |domain: &str| relay.accepted_messages().iter().filter(|m| m.recipient.ends_with(domain)).count();
    until("all others to get it, long before the slow one answers", Duration::from_secs(40), || {
        let all = ["pier.example", "quay.example"].into_iter().all(|domain| to(domain) == READERS);
        Ok(all.then_some(()))
    })
    .unwrap();
    let shown =
        until("the run to show the waiting receiver and the expected end", Duration::from_secs(5), || {
            let shown = sandbox.json(&["runs", "show", "1"])?;
            let outlook = &shown["outlook"];
            let is_shown = outlook["waits"][0]["receiver"] == "gmail" && outlook["finish"].is_string();
            Ok(is_shown.then_some(shown))
        })
        .unwrap();
    let why = shown["outlook"]["waits"][0]["why"].as_str().unwrap();
    assert_eq!(why, "gmail said \"421 4.7.28 <…> has detected an unusual rate of mail\"");

    let last = READERS - 1;
    for (domain, reason) in [
        ("gmail.com", why),
        ("tar.example", "tar.example is slow to answer"),
        ("yahoo.com", "yahoo gets at most 30/min"),
    ] {
        let explanation =
            sandbox.chorus_ok(&["explain", &format!("reader.{last}@{domain}"), "letter"]).unwrap().out;
        assert!(explanation.contains(reason), "{explanation}");
    }
    sending.crash().unwrap();
    let attempts = |domain: &str| {
        let connections = relay.connections();
        let messages = connections.iter().flat_map(|connection| &connection.messages);
        messages.filter(|message| message.recipient.ends_with(domain)).count()
    };
    assert!(attempts("gmail.com") <= 2, "{} were attempted", attempts("gmail.com"));
    assert!(attempts("tar.example") <= 2, "{} were held", attempts("tar.example"));
}
