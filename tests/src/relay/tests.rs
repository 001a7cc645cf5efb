use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::net::TcpStream;
use std::sync::mpsc;
use std::time::Instant;

use super::*;

const MESSAGE: &str = "To: a@b.example\r\nMessage-ID: <1@a>\r\n\r\nHello\r\n.\r\n";

/// A client that writes what it is told and reads lines.
struct Client(BufReader<TcpStream>);

impl Client {
    fn connect(door: &Door) -> Self {
        Self(BufReader::new(TcpStream::connect(("127.0.0.1", door.port)).unwrap()))
    }

    fn write(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).unwrap();
    }

    /// The next answer's code; `gone` when there will be none, `silent` when there is none yet.
    fn read(&mut self) -> String {
        let mut line = String::new();
        match self.0.read_line(&mut line) {
            Ok(0) => "gone".to_owned(),
            Ok(_) => line[..3].to_owned(),
            Err(error) if error.kind() == ErrorKind::WouldBlock => "silent".to_owned(),
            Err(_) => "gone".to_owned(),
        }
    }

    fn read_many(&mut self, count: usize) -> Vec<String> {
        (0..count).map(|_| self.read()).collect()
    }
}

fn envelope(recipient: &str) -> String {
    format!("MAIL FROM:<n@m.example>\r\nRCPT TO:<{recipient}>\r\nDATA\r\n")
}

#[test]
fn a_client_may_write_the_next_envelope_with_the_final_dot() {
    let relay = Relay::new(Script::default());
    let door = relay.open().unwrap();
    let mut client = Client::connect(&door);
    assert_eq!(client.read(), "220");
    client.write(&format!("EHLO me\r\n{}", envelope("a@b.example")));
    assert_eq!(client.read_many(8), ["250", "250", "250", "250", "250", "250", "250", "354"]);
    client.write(&format!("{MESSAGE}{}", envelope("c@b.example")));
    assert_eq!(client.read_many(4), ["250", "250", "250", "354"]);
    assert_eq!(relay.awaiting(door.port, Instant::now()).len(), 1, "the second envelope shows nothing");
    client.write(&MESSAGE.replace("<1@a>", "<2@a>"));
    assert_eq!(client.read(), "250");
    assert_eq!(relay.awaiting(door.port, Instant::now()), [Place { line: 0, message: 1 }]);
    client.write("QUIT\r\n");
    assert_eq!(client.read(), "221");
    door.quiet().unwrap();

    let lines = relay.lines();
    let [first, second] = lines[0].messages.as_slice() else { panic!("{lines:?}") };
    assert_eq!((first.recipient.as_str(), first.message_id.as_str()), ("a@b.example", "<1@a>"));
    assert_eq!((second.recipient.as_str(), second.message_id.as_str()), ("c@b.example", "<2@a>"));
    assert_eq!(
        (first.size, first.phase, first.accepted, first.read),
        (MESSAGE.len(), Phase::Answered, true, true)
    );
    assert_eq!((relay.accepted(), relay.awaiting(door.port, Instant::now()).len()), (2, 0));
    relay.forget();
    assert_eq!((relay.accepted(), relay.lines().len()), (0, 0));
}

#[test]
fn a_refused_recipient_gets_no_message() {
    let refuse = Act::Answer("550 5.1.1 No such user".to_owned());
    let relay =
        Relay::new(Script::default().with(Phase::Rcpt, Whom::Domain("no.example".to_owned()), refuse));
    let door = relay.open().unwrap();
    let mut client = Client::connect(&door);
    client.write(&format!("{}RSET\r\n{}", envelope("a@no.example"), envelope("a@b.example")));
    assert_eq!(client.read_many(8), ["220", "250", "550", "554", "250", "250", "250", "354"]);
    client.write(MESSAGE);
    assert_eq!((client.read().as_str(), relay.accepted()), ("250", 1));
    let lines = relay.lines();
    assert_eq!(lines[0].messages[0].phase, Phase::Rcpt);
    assert!(!lines[0].messages[0].accepted && lines[0].messages[1].accepted);
}

#[test]
fn what_came_before_a_client_died_is_counted_and_what_did_not_is_not() {
    let relay = Relay::new(Script::default());
    let door = relay.open().unwrap();
    for text in [MESSAGE, &MESSAGE[..MESSAGE.len() - 1]] {
        let mut client = Client::connect(&door);
        client.write(&envelope("a@b.example"));
        assert_eq!(client.read_many(4), ["220", "250", "250", "354"]);
        client.write(text);
    }
    door.quiet().unwrap();
    let lines = relay.lines();
    assert_eq!(relay.awaiting(door.port, Instant::now()), [Place { line: 0, message: 0 }]);
    assert!(lines[0].messages[0].accepted);
    assert_eq!((lines[1].messages[0].dot, lines[1].messages[0].accepted), (None, false));
}

#[test]
fn a_trap_springs_once_at_its_port_and_phase_before_anything_is_answered() {
    let relay = Relay::new(Script::default());
    let (door, other) = (relay.open().unwrap(), relay.open().unwrap());
    let (tell, told) = mpsc::channel();
    let watched = relay.clone();
    relay.arm(door.port, Phase::Dot, 2, move || tell.send(watched.accepted()).unwrap());
    for door in [&other, &door, &door, &door] {
        let mut client = Client::connect(door);
        client.write(&format!("{}{MESSAGE}", envelope("a@b.example")));
        assert_eq!(client.read_many(5), ["220", "250", "250", "354", "250"]);
    }
    assert_eq!(told.try_iter().collect::<Vec<_>>(), [2]);
    relay.arm(door.port, Phase::Connect, 1, || panic!("it was disarmed"));
    relay.disarm(door.port);
    assert_eq!(Client::connect(&door).read(), "220");
}

#[test]
fn a_relay_that_closes_stays_silent_or_says_421_does_so() {
    let goodbye = Act::Answer("421 4.3.2 Not now".to_owned());
    for (act, answers) in
        [(goodbye, ["421", "gone"]), (Act::Close, ["gone", "gone"]), (Act::Silence, ["silent"; 2])]
    {
        let relay = Relay::new(Script::default().with(Phase::Mail, Whom::All, act));
        let door = relay.open().unwrap();
        let mut client = Client::connect(&door);
        assert_eq!(client.read(), "220");
        client.0.get_ref().set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        client.write("MAIL FROM:<a@b.example>\r\n");
        assert_eq!(client.read_many(2), answers);
    }
}

#[test]
fn a_door_closes_while_somebody_is_held_up() {
    let hour = Duration::from_secs(3600);
    let relay = Relay::new(Script::default().with(Phase::Mail, Whom::All, Act::Delay(hour, hour)));
    let door = relay.open().unwrap();
    let mut client = Client::connect(&door);
    client.write("MAIL FROM:<a@b.example>\r\n");
    assert_eq!(client.read(), "220");
    drop(door);
    assert_eq!(client.read(), "gone");
}
