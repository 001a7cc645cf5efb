//! Tests of SMTP pipelining (RFC 2920 §3.1): the last bytes of a message and the commands of the
//! next go out in one write, and no message is wrongly reported as accepted.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use channel::{Email, Handover, Message, SendOutcome, Session};
use jiff::Timestamp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::smtp::{is_accepted, outcome_name, plaintext_session, plaintext_session_at, poll_times};
use crate::smtp_server::{Reaction, Server, Setup, Stage, reply};

fn email(name: &str) -> Message {
    Message::Email(Email {
        envelope_from: "news@harbour.example".into(),
        envelope_to: format!("{name}@contact.example"),
        subject: "s".into(),
        html: String::new(),
        text: name.into(),
        raw: format!("Subject: s\r\n\r\nto {name}.\r\n").into_bytes(),
    })
}

async fn hand_over(session: &mut Session, message: &Message, next: Option<&Message>) -> SendOutcome {
    session.hand_over(message, Timestamp::UNIX_EPOCH, Handover { next, commit: &mut || true }).await
}

/// Sends a message for each name, and announces each together with the one before. Returns the
/// names of the outcomes.
async fn send_all(session: &mut Session, names: &[&str]) -> Vec<&'static str> {
    let emails: Vec<_> = names.iter().map(|name| email(name)).collect();
    let mut words = Vec::new();
    for (at, message) in emails.iter().enumerate() {
        words.push(outcome_name(&hand_over(session, message, emails.get(at + 1)).await));
    }
    words
}

/// Returns true if the server accepted the message with this name.
fn was_accepted(server: &Server, name: &str) -> bool {
    server.messages().iter().any(|(text, yes)| *yes && text.contains(&format!("to {name}.")))
}

#[tokio::test]
async fn the_next_message_is_announced_with_the_last_bytes() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let received = Arc::new(Mutex::new(String::new()));
    let all = Arc::clone(&received);
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut buffer = vec![0; 1 << 16];
        let answers = [
            "220 ready\r\n",
            "250-hello\r\n250 PIPELINING\r\n",
            "250 a\r\n250 b\r\n354 c\r\n",
            "250 kept\r\n250 a\r\n250 b\r\n354 c\r\n",
            "250 kept too\r\n",
        ];
        for answer in answers {
            stream.write_all(answer.as_bytes()).await.unwrap();
            let read = stream.read(&mut buffer).await.unwrap_or(0);
            all.lock().unwrap().push_str(&format!("[{}]", String::from_utf8_lossy(&buffer[..read])));
        }
    });
    let mut session = plaintext_session_at(address);
    assert_eq!(send_all(&mut session, &["one", "two"]).await, ["accepted", "accepted"]);
    let received = received.lock().unwrap().replace("\r\n", "|");
    let flights: Vec<_> = received.split("][").collect();
    assert!(flights[2].starts_with("Subject: s||to one.|.|MAIL FROM:"), "{flights:?}");
    assert!(flights[2].ends_with("RCPT TO:<two@contact.example>|DATA|"), "{flights:?}");
    assert!(flights[3].starts_with("Subject: s||to two.|.|"), "{flights:?}");
}

#[tokio::test]
async fn many_messages_go_over_one_connection_each_with_its_outcome() {
    let server = Setup::default()
        .with_pipelining(true)
        .script(|at, _, messages| match (at, messages) {
            (Stage::EndOfData, 1) => Some(reply("554 5.7.1 no")),
            (Stage::EndOfData, 3) => Some(reply("451 4.3.0 later")),
            _ => None,
        })
        .start()
        .await;
    let mut session = plaintext_session(&server);
    let words = send_all(&mut session, &["a", "b", "c", "d", "e"]).await;
    assert_eq!(words, ["accepted", "rejected", "accepted", "deferred", "accepted"]);
    assert_eq!(server.connections(), 1);
    assert_eq!(
        ["a", "b", "c", "d", "e"].map(|name| was_accepted(&server, name)),
        [true, false, true, false, true]
    );
}

#[tokio::test]
async fn a_refused_recipient_does_not_affect_other_messages() {
    // RCPT is refused for the second message. RFC 2920 §3.1 allows the server to accept or refuse
    // DATA.
    for data in ["554 no valid recipients", "354 go on"] {
        let recipients = Arc::new(Mutex::new(0));
        let server = Setup::default()
            .with_pipelining(true)
            .script(move |at, _, _| {
                let mut recipients = recipients.lock().unwrap();
                *recipients += usize::from(at == Stage::Rcpt);
                match (at, *recipients) {
                    (Stage::Rcpt, 2) => Some(reply("550 5.1.1 nobody")),
                    (Stage::Data, 2) => Some(reply(data)),
                    (Stage::EndOfData, 2) => Some(reply("554 5.5.1 no valid recipients")),
                    _ => None,
                }
            })
            .start()
            .await;
        let mut session = plaintext_session(&server);
        let words = send_all(&mut session, &["a", "b", "c", "d"]).await;
        assert_eq!(words[..2], ["accepted", "rejected"], "{data}");
        assert_eq!(words[2..], ["accepted", "accepted"], "{data}");
        assert!(
            was_accepted(&server, "a")
                && !was_accepted(&server, "b")
                && was_accepted(&server, "c")
                && was_accepted(&server, "d")
        );
        assert_eq!(server.connections(), 1, "{data}");
    }
}

#[tokio::test]
async fn an_announced_message_is_never_replaced_by_another() {
    let server = Setup::default().with_pipelining(true).start().await;
    let mut session = plaintext_session(&server);
    let (one, two, other) = (email("one"), email("two"), email("other"));
    assert!(is_accepted(&hand_over(&mut session, &one, Some(&two)).await));
    assert!(is_accepted(&hand_over(&mut session, &other, None).await));
    assert_eq!(server.connections(), 2, "the first connection waits for another message");
    assert_eq!(server.messages().len(), 2);
    assert!(was_accepted(&server, "one") && was_accepted(&server, "other"));
}

#[tokio::test]
async fn a_withheld_message_never_arrives() {
    for announced in [false, true] {
        let server = Setup::default().with_pipelining(true).start().await;
        let mut session = plaintext_session(&server);
        let (one, two) = (email("one"), email("two"));
        assert!(is_accepted(&hand_over(&mut session, &one, announced.then_some(&two)).await));
        let handover = Handover { next: None, commit: &mut || false };
        let outcome = session.hand_over(&two, Timestamp::UNIX_EPOCH, handover).await;
        assert_eq!(outcome, SendOutcome::Withheld);
        assert!(is_accepted(&hand_over(&mut session, &one, None).await), "by a new connection");
        assert_eq!((server.messages().len(), server.connections()), (2, 2));
        assert!(!was_accepted(&server, "two"));
    }
}

#[tokio::test]
async fn a_long_withheld_message_is_sent_without_its_end() {
    let server = Setup::default().with_pipelining(true).start().await;
    let mut session = plaintext_session(&server);
    let mut long = email("long");
    if let Message::Email(email) = &mut long {
        email.raw = format!("Subject: s\r\n\r\n{}to long.\r\n", "0123456789\r\n".repeat(20_000)).into_bytes();
    }
    let handover = Handover { next: None, commit: &mut || false };
    assert_eq!(session.hand_over(&long, Timestamp::UNIX_EPOCH, handover).await, SendOutcome::Withheld);
    assert!(is_accepted(&hand_over(&mut session, &long, None).await));
    assert_eq!(server.messages().len(), 1);
}

#[tokio::test]
async fn a_server_that_closes_after_a_reply_gets_the_next_message_over_a_new_connection() {
    for answer in ["250 kept, bye", "421 4.3.2 bye"] {
        let server = Setup::default()
            .with_pipelining(true)
            .script(move |at, connection, _| {
                (at == Stage::EndOfData && connection == 1)
                    .then(|| Reaction::ReplyAndClose(answer.to_owned()))
            })
            .start()
            .await;
        let mut session = plaintext_session(&server);
        let words = send_all(&mut session, &["a", "b", "c"]).await;
        let first = if answer.starts_with("250") { "accepted" } else { "deferred" };
        assert_eq!(words, [first, "accepted", "accepted"], "{answer}");
        assert_eq!(server.connections(), 2);
    }
}

#[tokio::test]
async fn a_surplus_reply_is_not_taken_for_another() {
    for extra in ["250 kept\r\n250 and again", "250 kept\r\n354 go on", "250 kept\r\n220 hello"] {
        let server = Setup::default()
            .with_pipelining(true)
            .script(move |at, connection, messages| {
                (at == Stage::EndOfData && connection == 1 && messages == 0).then(|| reply(extra))
            })
            .start()
            .await;
        let mut session = plaintext_session(&server);
        let names = ["a", "b", "c"];
        let words = send_all(&mut session, &names).await;
        for (name, word) in names.iter().zip(&words) {
            assert!(
                *word != "accepted" || was_accepted(&server, name),
                "{extra:?}: {name} was reported as accepted"
            );
        }
        assert_eq!(words[1..], ["accepted", "accepted"], "{extra:?}");
    }
}

#[tokio::test]
async fn a_send_dropped_at_any_poll_never_makes_a_later_one_look_accepted() {
    let mut finished = 0;
    for times in 1..400 {
        let server = Setup::default().with_pipelining(true).start().await;
        let mut session = plaintext_session(&server);
        let emails = ["zero", "one", "two", "three"].map(email);
        assert!(is_accepted(&hand_over(&mut session, &emails[0], Some(&emails[1])).await));
        let first = poll_times(hand_over(&mut session, &emails[1], Some(&emails[2])), times).await;
        for (name, at) in [("two", 2), ("three", 3)] {
            let outcome = hand_over(&mut session, &emails[at], emails.get(at + 1)).await;
            assert!(is_accepted(&outcome), "{times}: {outcome:?}");
            assert!(was_accepted(&server, name), "{name} was reported as accepted after {times} polls");
        }
        if first.is_some() {
            finished += 1;
            if finished == 3 {
                break;
            }
        }
    }
    assert_eq!(finished, 3, "no send ever ended");
}

#[tokio::test]
async fn silence_at_any_stage_does_not_affect_the_next_message() {
    for stage in [Stage::Mail, Stage::Rcpt, Stage::Data, Stage::EndOfData] {
        let server = Setup::default()
            .with_pipelining(true)
            .script(move |at, connection, messages| {
                (at == stage && connection == 1 && messages == 1).then_some(Reaction::Silence)
            })
            .start()
            .await;
        let mut session = plaintext_session(&server);
        let (one, two) = (email("one"), email("two"));
        assert!(is_accepted(&hand_over(&mut session, &one, Some(&two)).await), "{stage:?}");
        let wait = Duration::from_millis(50);
        assert!(tokio::time::timeout(wait, hand_over(&mut session, &two, None)).await.is_err());
        assert!(is_accepted(&hand_over(&mut session, &two, None).await), "{stage:?}");
        assert_eq!(server.connections(), 2);
    }
}
