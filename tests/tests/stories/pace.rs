//! Receivers that are slow, put us off or are limited: each waits by itself, everybody else gets their letter, and
//! whoever asks is told why.

use std::fmt::Write as _;
use std::time::Duration;

use tests::{Act, Guard, Phase, Relay, Sandbox, Script, Whom, until};

use crate::pier;

/// For each domain.
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
    let sandbox = Sandbox::empty(&pier::tools().chorus).unwrap();
    let plain = "# {{message.headline}}\n\n[Go]({{message.link}})\n\n{{brand.address}} – [no]({{links.unsubscribe}})\n";
    sandbox.write("chorus.toml", &CHORUS.replace("PORT", &port.to_string())).unwrap();
    sandbox.write("audiences/everyone.toml", "title = \"Everyone\"\n").unwrap();
    sandbox.write("templates/plain/email.md", plain).unwrap();
    sandbox.write("campaigns/letter.toml", LETTER).unwrap();
    let mut readers = String::from("email\n");
    for number in 0..READERS {
        for domain in DOMAINS {
            writeln!(readers, "reader.{number}@{domain}").unwrap();
        }
    }
    sandbox.write("readers.csv", &readers).unwrap();
    sandbox.done(&["contacts", "import", "readers.csv"]).unwrap();
    sandbox
}

#[test]
fn a_slow_a_throttling_and_a_limited_receiver_hold_up_nobody_else() {
    let busy = "421 4.7.28 <reader@gmail.com> has detected an unusual rate of mail".to_owned();
    let minute = Duration::from_secs(60);
    let script = Script::default()
        .with(Phase::Rcpt, Whom::Domain("gmail.com".to_owned()), Act::Answer(busy))
        .with(Phase::Dot, Whom::Domain("tar.example".to_owned()), Act::Delay(minute, minute));
    let relay = Relay::new(script);
    let door = relay.open().unwrap();
    let sandbox = workspace(door.port);
    let sending = Guard::spawn("chorus send", &mut sandbox.command(&["send", "--yes", "letter"])).unwrap();

    let to = |domain: &str| relay.taken().iter().filter(|m| m.recipient.ends_with(domain)).count();
    until("everybody else to get it, long before the slow one answers", Duration::from_secs(40), || {
        let all = ["pier.example", "quay.example"].into_iter().all(|domain| to(domain) == READERS);
        Ok(all.then_some(()))
    })
    .unwrap();
    let shown = until("the run to say who waits, and until when", Duration::from_secs(5), || {
        let shown = sandbox.json(&["runs", "show", "1"])?;
        let outlook = &shown["outlook"];
        let told = outlook["waits"][0]["receiver"] == "gmail" && outlook["finish"].is_string();
        Ok(told.then_some(shown))
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
        let told = sandbox.done(&["explain", &format!("reader.{last}@{domain}"), "letter"]).unwrap().out;
        assert!(told.contains(reason), "{told}");
    }
    sending.crash().unwrap();
    let asked = |domain: &str| {
        let lines = relay.lines();
        let messages = lines.iter().flat_map(|line| &line.messages);
        messages.filter(|message| message.recipient.ends_with(domain)).count()
    };
    assert!(asked("gmail.com") <= 2, "{} were asked for", asked("gmail.com"));
    assert!(asked("tar.example") <= 2, "{} were held", asked("tar.example"));
}
