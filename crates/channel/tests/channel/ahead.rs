//! A message's last bytes and the next one's commands in one write (RFC 2920 §3.1): never a false yes.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use channel::{Email, Handover, Message, SendOutcome, Session};
use jiff::Timestamp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::server::{Act, At, Server, Setup, say};
use crate::smtp::{in_clear, in_clear_at, is_accepted, poll_times, word};

fn letter(name: &str) -> Message {
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

/// Sends all, each announced while the one before goes.
async fn send_all(session: &mut Session, names: &[&str]) -> Vec<&'static str> {
    let letters: Vec<_> = names.iter().map(|name| letter(name)).collect();
    let mut words = Vec::new();
    for (at, message) in letters.iter().enumerate() {
        words.push(word(&hand_over(session, message, letters.get(at + 1)).await));
    }
    words
}

fn kept(server: &Server, name: &str) -> bool {
    server.messages().iter().any(|(text, yes)| *yes && text.contains(&format!("to {name}.")))
}

#[tokio::test]
async fn the_next_is_announced_with_the_last_bytes() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let heard = Arc::new(Mutex::new(String::new()));
    let all = Arc::clone(&heard);
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
    let mut session = in_clear_at(address);
    assert_eq!(send_all(&mut session, &["one", "two"]).await, ["accepted", "accepted"]);
    let heard = heard.lock().unwrap().replace("\r\n", "|");
    let flights: Vec<_> = heard.split("][").collect();
    assert!(flights[2].starts_with("Subject: s||to one.|.|MAIL FROM:"), "{flights:?}");
    assert!(flights[2].ends_with("RCPT TO:<two@contact.example>|DATA|"), "{flights:?}");
    assert!(flights[3].starts_with("Subject: s||to two.|.|"), "{flights:?}");
}

#[tokio::test]
async fn many_go_over_one_connection_each_with_its_own_verdict() {
    let server = Setup::default()
        .pipelining(true)
        .manners(|at, _, messages| match (at, messages) {
            (At::Dot, 1) => Some(say("554 5.7.1 no")),
            (At::Dot, 3) => Some(say("451 4.3.0 later")),
            _ => None,
        })
        .start()
        .await;
    let mut session = in_clear(&server);
    let words = send_all(&mut session, &["a", "b", "c", "d", "e"]).await;
    assert_eq!(words, ["accepted", "rejected", "accepted", "deferred", "accepted"]);
    assert_eq!(server.connections(), 1);
    assert_eq!(["a", "b", "c", "d", "e"].map(|name| kept(&server, name)), [true, false, true, false, true]);
}

#[tokio::test]
async fn a_recipient_refused_ahead_costs_nobody_else_anything() {
    // RCPT is refused on the second message; DATA after it is, or is not, as RFC 2920 §3.1 allows.
    for data in ["554 no valid recipients", "354 go on"] {
        let recipients = Arc::new(Mutex::new(0));
        let server = Setup::default()
            .pipelining(true)
            .manners(move |at, _, _| {
                let mut recipients = recipients.lock().unwrap();
                *recipients += usize::from(at == At::Rcpt);
                match (at, *recipients) {
                    (At::Rcpt, 2) => Some(say("550 5.1.1 nobody")),
                    (At::Data, 2) => Some(say(data)),
                    (At::Dot, 2) => Some(say("554 5.5.1 no valid recipients")),
                    _ => None,
                }
            })
            .start()
            .await;
        let mut session = in_clear(&server);
        let words = send_all(&mut session, &["a", "b", "c", "d"]).await;
        assert_eq!(words[..2], ["accepted", "rejected"], "{data}");
        assert_eq!(words[2..], ["accepted", "accepted"], "{data}");
        assert!(kept(&server, "a") && !kept(&server, "b") && kept(&server, "c") && kept(&server, "d"));
        assert_eq!(server.connections(), 1, "{data}");
    }
}

#[tokio::test]
async fn what_was_announced_for_one_never_gets_another() {
    let server = Setup::default().pipelining(true).start().await;
    let mut session = in_clear(&server);
    let (one, two, other) = (letter("one"), letter("two"), letter("other"));
    assert!(is_accepted(&hand_over(&mut session, &one, Some(&two)).await));
    assert!(is_accepted(&hand_over(&mut session, &other, None).await));
    assert_eq!(server.connections(), 2, "the first connection waits for somebody else's message");
    assert_eq!(server.messages().len(), 2);
    assert!(kept(&server, "one") && kept(&server, "other"));
}

#[tokio::test]
async fn a_message_withheld_at_the_last_moment_never_arrives() {
    for announced in [false, true] {
        let server = Setup::default().pipelining(true).start().await;
        let mut session = in_clear(&server);
        let (one, two) = (letter("one"), letter("two"));
        assert!(is_accepted(&hand_over(&mut session, &one, announced.then_some(&two)).await));
        let handover = Handover { next: None, commit: &mut || false };
        let outcome = session.hand_over(&two, Timestamp::UNIX_EPOCH, handover).await;
        assert_eq!(outcome, SendOutcome::Withheld);
        assert!(is_accepted(&hand_over(&mut session, &one, None).await), "by a new connection");
        assert_eq!((server.messages().len(), server.connections()), (2, 2));
        assert!(!kept(&server, "two"));
    }
}

#[tokio::test]
async fn a_long_message_is_held_back_but_for_its_end_until_it_may_go() {
    let server = Setup::default().pipelining(true).start().await;
    let mut session = in_clear(&server);
    let mut long = letter("long");
    if let Message::Email(email) = &mut long {
        email.raw = format!("Subject: s\r\n\r\n{}to long.\r\n", "0123456789\r\n".repeat(20_000)).into_bytes();
    }
    let handover = Handover { next: None, commit: &mut || false };
    assert_eq!(session.hand_over(&long, Timestamp::UNIX_EPOCH, handover).await, SendOutcome::Withheld);
    assert!(is_accepted(&hand_over(&mut session, &long, None).await));
    assert_eq!(server.messages().len(), 1);
}

#[tokio::test]
async fn a_server_that_leaves_after_an_answer_gets_the_next_by_a_new_connection() {
    for answer in ["250 kept, bye", "421 4.3.2 bye"] {
        let server = Setup::default()
            .pipelining(true)
            .manners(move |at, connection, _| {
                (at == At::Dot && connection == 1).then(|| Act::Last(answer.to_owned()))
            })
            .start()
            .await;
        let mut session = in_clear(&server);
        let words = send_all(&mut session, &["a", "b", "c"]).await;
        let first = if answer.starts_with("250") { "accepted" } else { "deferred" };
        assert_eq!(words, [first, "accepted", "accepted"], "{answer}");
        assert_eq!(server.connections(), 2);
    }
}

#[tokio::test]
async fn one_answer_too_many_is_not_taken_for_another() {
    for extra in ["250 kept\r\n250 and again", "250 kept\r\n354 go on", "250 kept\r\n220 hello"] {
        let server = Setup::default()
            .pipelining(true)
            .manners(move |at, connection, messages| {
                (at == At::Dot && connection == 1 && messages == 0).then(|| say(extra))
            })
            .start()
            .await;
        let mut session = in_clear(&server);
        let names = ["a", "b", "c"];
        let words = send_all(&mut session, &names).await;
        for (name, word) in names.iter().zip(&words) {
            assert!(*word != "accepted" || kept(&server, name), "{extra:?}: {name} was said to be sent");
        }
        assert_eq!(words[1..], ["accepted", "accepted"], "{extra:?}");
    }
}

#[tokio::test]
async fn dropped_anywhere_no_later_one_looks_done() {
    let mut finished = 0;
    for times in 1..400 {
        let server = Setup::default().pipelining(true).start().await;
        let mut session = in_clear(&server);
        let letters = ["zero", "one", "two", "three"].map(letter);
        assert!(is_accepted(&hand_over(&mut session, &letters[0], Some(&letters[1])).await));
        let first = poll_times(hand_over(&mut session, &letters[1], Some(&letters[2])), times).await;
        for (name, at) in [("two", 2), ("three", 3)] {
            let outcome = hand_over(&mut session, &letters[at], letters.get(at + 1)).await;
            assert!(is_accepted(&outcome), "{times}: {outcome:?}");
            assert!(kept(&server, name), "{name} was reported as accepted after {times} polls");
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
async fn silence_at_any_place_leaves_the_other_in_no_doubt() {
    for place in [At::Mail, At::Rcpt, At::Data, At::Dot] {
        let server = Setup::default()
            .pipelining(true)
            .manners(move |at, connection, messages| {
                (at == place && connection == 1 && messages == 1).then_some(Act::Silence)
            })
            .start()
            .await;
        let mut session = in_clear(&server);
        let (one, two) = (letter("one"), letter("two"));
        assert!(is_accepted(&hand_over(&mut session, &one, Some(&two)).await), "{place:?}");
        let wait = Duration::from_millis(50);
        assert!(tokio::time::timeout(wait, hand_over(&mut session, &two, None)).await.is_err());
        assert!(is_accepted(&hand_over(&mut session, &two, None).await), "{place:?}");
        assert_eq!(server.connections(), 2);
    }
}
