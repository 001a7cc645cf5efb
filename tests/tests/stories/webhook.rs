//! A webhook with one request for each contact: it needs no address, so it covers every contact
//! with consent.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::fixture;

/// Starts a server that accepts every request after the time `delay`. Returns its port and the
/// `webhook-id` of every request.
pub(crate) fn receiver(delay: Duration) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let received = Arc::new(Mutex::new(Vec::new()));
    let ids = Arc::clone(&received);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, ids) = (stream.unwrap(), Arc::clone(&ids));
            std::thread::spawn(move || answer(&stream, &ids, delay));
        }
    });
    (port, received)
}

/// Answers the requests of one connection until it ends.
fn answer(stream: &TcpStream, ids: &Mutex<Vec<String>>, delay: Duration) -> Option<()> {
    let (mut reader, mut writer) = (BufReader::new(stream), stream);
    loop {
        let (mut length, mut id) = (0, None);
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            match line.trim().split_once(':') {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.trim().parse().ok()?;
                }
                Some((name, value)) if name.eq_ignore_ascii_case("webhook-id") => {
                    id = Some(value.trim().to_owned());
                }
                None if line.trim().is_empty() => break,
                _ => {}
            }
        }
        reader.read_exact(&mut vec![0; length]).ok()?;
        ids.lock().ok()?.extend(id);
        std::thread::sleep(delay);
        writer.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").ok()?;
    }
}

pub(crate) const STEP: &str = r#"
[[steps]]
id       = "tell"
channel  = "hook"
template = "note"
when     = { at = 2035-03-02T10:00:00 }
"#;

#[test]
fn a_webhook_covers_contacts_without_an_address() {
    let tools = fixture::tools();
    let (port, received) = receiver(Duration::ZERO);
    let sandbox = fixture::workspace_with_port(&tools, 9, "{ at = 2035-03-02T10:00:00 }");
    let channels = format!(
        "[channels.hook]\nkind = \"webhook\"\nurl = \"http://127.0.0.1:{port}\"\nper = \"contact\"\n\n"
    );
    sandbox.edit("chorus.toml", "[channels.email]", &format!("{channels}[channels.email]")).unwrap();
    sandbox.edit("campaigns/letter.toml", "[[steps]]", &format!("{STEP}\n[[steps]]")).unwrap();
    sandbox
        .write("templates/note/post.md", "{{message.headline}}: {{facts.offer}} {{message.link}}\n")
        .unwrap();
    sandbox.chorus_ok(&["check"]).unwrap();
    let people = "external_id,email,phone,consent\nm-1,ada@example.com,,yes\nm-2,,+8613800138000,yes\nm-3,,,yes\nm-4,,,no\n";
    sandbox.write("people.csv", people).unwrap();
    sandbox.chorus_ok(&["contacts", "import", "people.csv"]).unwrap();
    let said = sandbox.chorus_ok(&["explain", "m-3", "letter"]).unwrap().out;
    let of = |step: &str| said.lines().find(|line| line.trim_start().starts_with(step)).unwrap().to_owned();
    assert!(of("mail").contains("no address") && !of("tell").contains("left out"), "{said}");

    sandbox.chorus_ok(&["send", "--yes", "letter", "--step", "tell"]).unwrap();
    let run = &sandbox.json(&["runs", "show", "1"]).unwrap()["run"];
    let tallies: BTreeSet<_> = run["tallies"].as_array().unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(
        tallies,
        BTreeSet::from([
            r#"{"count":1,"reason":"no_consent","state":"suppressed"}"#.to_owned(),
            r#"{"count":3,"reason":"","state":"sent"}"#.to_owned(),
        ])
    );
    let received = received.lock().unwrap();
    assert_eq!(
        (received.len(), received.iter().collect::<BTreeSet<_>>().len()),
        (3, 3),
        "once for each: {received:?}"
    );
}
