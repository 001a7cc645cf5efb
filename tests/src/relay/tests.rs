use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::net::TcpStream;
use std::sync::mpsc;
use std::time::Instant;

use super::*;

const MESSAGE: &str = "To: a@b.example\r\nMessage-ID: <1@a>\r\n\r\nHello\r\n.\r\n";

/// A client that writes given text and reads answers by line.
struct Client(BufReader<TcpStream>);

impl Client {
    fn connect(listener: &RelayListener) -> Self {
        Self(BufReader::new(TcpStream::connect(("127.0.0.1", listener.port)).unwrap()))
    }

    fn write(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).unwrap();
    }

    /// Reads the code of the next answer; `gone` after the end of the connection, `silent` when
    /// there is no answer yet.
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
    let listener = relay.listen().unwrap();
    let mut client = Client::connect(&listener);
    assert_eq!(client.read(), "220");
    client.write(&format!("EHLO me\r\n{}", envelope("a@b.example")));
    assert_eq!(client.read_many(8), ["250", "250", "250", "250", "250", "250", "250", "354"]);
    client.write(&format!("{MESSAGE}{}", envelope("c@b.example")));
    assert_eq!(client.read_many(4), ["250", "250", "250", "354"]);
    assert_eq!(
        relay.unconfirmed(listener.port, Instant::now()).len(),
        1,
        "the second envelope shows nothing"
    );
    client.write(&MESSAGE.replace("<1@a>", "<2@a>"));
    assert_eq!(client.read(), "250");
    assert_eq!(
        relay.unconfirmed(listener.port, Instant::now()),
        [MessageIndex { connection: 0, message: 1 }]
    );
    client.write("QUIT\r\n");
    assert_eq!(client.read(), "221");
    listener.wait_until_idle().unwrap();

    let connections = relay.connections();
    let [first, second] = connections[0].messages.as_slice() else { panic!("{connections:?}") };
    assert_eq!((first.recipient.as_str(), first.message_id.as_str()), ("a@b.example", "<1@a>"));
    assert_eq!((second.recipient.as_str(), second.message_id.as_str()), ("c@b.example", "<2@a>"));
    assert_eq!(
        (first.size, first.phase, first.accepted, first.read),
        (MESSAGE.len(), Phase::Answered, true, true)
    );
    assert_eq!((relay.accepted_count(), relay.unconfirmed(listener.port, Instant::now()).len()), (2, 0));
    relay.reset();
    assert_eq!((relay.accepted_count(), relay.connections().len()), (0, 0));
}

#[test]
fn a_refused_recipient_gets_no_message() {
    let refuse = RelayAction::Answer("550 5.1.1 No such user".to_owned());
    let relay = Relay::new(Script::default().with(
        Phase::Rcpt,
        RecipientFilter::Domain("no.example".to_owned()),
        refuse,
    ));
    let listener = relay.listen().unwrap();
    let mut client = Client::connect(&listener);
    client.write(&format!("{}RSET\r\n{}", envelope("a@no.example"), envelope("a@b.example")));
    assert_eq!(client.read_many(8), ["220", "250", "550", "554", "250", "250", "250", "354"]);
    client.write(MESSAGE);
    assert_eq!((client.read().as_str(), relay.accepted_count()), ("250", 1));
    let connections = relay.connections();
    assert_eq!(connections[0].messages[0].phase, Phase::Rcpt);
    assert!(!connections[0].messages[0].accepted && connections[0].messages[1].accepted);
}

#[test]
fn complete_messages_of_a_dead_client_are_counted_and_incomplete_ones_are_not() {
    let relay = Relay::new(Script::default());
    let listener = relay.listen().unwrap();
    for text in [MESSAGE, &MESSAGE[..MESSAGE.len() - 1]] {
        let mut client = Client::connect(&listener);
        client.write(&envelope("a@b.example"));
        assert_eq!(client.read_many(4), ["220", "250", "250", "354"]);
        client.write(text);
    }
    listener.wait_until_idle().unwrap();
    let connections = relay.connections();
    assert_eq!(
        relay.unconfirmed(listener.port, Instant::now()),
        [MessageIndex { connection: 0, message: 0 }]
    );
    assert!(connections[0].messages[0].accepted);
    assert_eq!((connections[1].messages[0].dot, connections[1].messages[0].accepted), (None, false));
}

#[test]
fn a_hook_runs_once_at_its_port_and_phase_before_any_answer() {
    let relay = Relay::new(Script::default());
    let (listener, other) = (relay.listen().unwrap(), relay.listen().unwrap());
    let (sender, receiver) = mpsc::channel();
    let watched = relay.clone();
    relay.on_phase(listener.port, Phase::Dot, 2, move || sender.send(watched.accepted_count()).unwrap());
    for listener in [&other, &listener, &listener, &listener] {
        let mut client = Client::connect(listener);
        client.write(&format!("{}{MESSAGE}", envelope("a@b.example")));
        assert_eq!(client.read_many(5), ["220", "250", "250", "354", "250"]);
    }
    assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [2]);
    relay.on_phase(listener.port, Phase::Connect, 1, || panic!("the hook was cleared"));
    relay.clear_hooks(listener.port);
    assert_eq!(Client::connect(&listener).read(), "220");
}

#[test]
fn a_relay_that_closes_stays_silent_or_says_421_does_so() {
    let goodbye = RelayAction::Answer("421 4.3.2 Not now".to_owned());
    for (action, answers) in [
        (goodbye, ["421", "gone"]),
        (RelayAction::Close, ["gone", "gone"]),
        (RelayAction::Silence, ["silent"; 2]),
    ] {
        let relay = Relay::new(Script::default().with(Phase::Mail, RecipientFilter::All, action));
        let listener = relay.listen().unwrap();
        let mut client = Client::connect(&listener);
        assert_eq!(client.read(), "220");
        client.0.get_ref().set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        client.write("MAIL FROM:<a@b.example>\r\n");
        assert_eq!(client.read_many(2), answers);
    }
}

#[test]
fn a_listener_closes_while_a_client_is_delayed() {
    let hour = Duration::from_secs(3600);
    let relay =
        Relay::new(Script::default().with(Phase::Mail, RecipientFilter::All, RelayAction::Delay(hour, hour)));
    let listener = relay.listen().unwrap();
    let mut client = Client::connect(&listener);
    client.write("MAIL FROM:<a@b.example>\r\n");
    assert_eq!(client.read(), "220");
    drop(listener);
    assert_eq!(client.read(), "gone");
}
