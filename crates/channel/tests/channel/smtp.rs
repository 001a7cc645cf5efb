//! Tests of the SMTP session with a relay, with success and with failures at every stage.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use campaign::{Channel, ChannelId, ChannelKind, EmailAddress, Mailbox, Secret};
use channel::{Email, Message, RejectReason, SendOutcome, Sender, Session, Timeouts};
use jiff::Timestamp;

use crate::smtp_server::{Reaction, Server, Setup, Stage, reply};

pub(crate) fn channel(kind: ChannelKind) -> Channel {
    Channel {
        language: None,
        id: ChannelId::parse("email").unwrap(),
        kind,
        rate: None,
        connections: 1,
        daily: Default::default(),
        receivers: Default::default(),
        cost: None,
    }
}

pub(crate) fn smtp(url: String) -> Channel {
    let address = EmailAddress::parse("news@harbour.example").unwrap();
    channel(ChannelKind::Smtp {
        url: Secret::new(url),
        from: Mailbox { name: None, address },
        reply_to: None,
        dkim: None,
    })
}

/// Returns timeouts that no test reaches.
pub(crate) fn long_timeouts() -> Timeouts {
    limits(Duration::from_secs(20))
}

/// Returns timeouts for servers that never reply.
pub(crate) fn short_timeouts() -> Timeouts {
    limits(Duration::from_millis(700))
}

fn limits(limit: Duration) -> Timeouts {
    Timeouts {
        connect: Duration::from_secs(20),
        greeting: limit,
        command: limit,
        data: limit,
        block: limit,
        message: limit,
        request: limit,
    }
}

pub(crate) fn sender(url: String) -> Sender {
    Sender::with_roots(&smtp(url), Vec::new(), long_timeouts()).unwrap()
}

pub(crate) fn plaintext_session(server: &Server) -> Session {
    plaintext_session_at(server.address)
}

pub(crate) fn plaintext_session_at(address: std::net::SocketAddr) -> Session {
    sender(format!("smtp://{address}?tls=off")).session()
}

fn email(text: &str) -> Message {
    Message::Email(Email {
        envelope_from: "news@harbour.example".into(),
        envelope_to: "ada@contact.example".into(),
        subject: "s".into(),
        html: String::new(),
        text: text.into(),
        raw: format!("Subject: s\r\n\r\n{text}\r\n").into_bytes(),
    })
}

pub(crate) async fn send(session: &mut Session, text: &str) -> SendOutcome {
    session.send(&email(text), Timestamp::UNIX_EPOCH).await
}

pub(crate) fn is_accepted(outcome: &SendOutcome) -> bool {
    matches!(outcome, SendOutcome::Accepted { .. })
}

/// Returns the name of an outcome.
pub(crate) fn outcome_name(outcome: &SendOutcome) -> &'static str {
    match outcome {
        SendOutcome::Accepted { .. } => "accepted",
        SendOutcome::Deferred { .. } => "deferred",
        SendOutcome::Rejected { .. } => "rejected",
        SendOutcome::Withheld => "withheld",
        SendOutcome::Unknown { .. } => "unknown",
        SendOutcome::Down { .. } => "down",
        SendOutcome::ChannelBlocked { .. } => "blocked",
        SendOutcome::Doubtful { .. } => "doubtful",
    }
}

#[tokio::test]
async fn messages_go_over_one_connection() {
    for pipelining in [false, true] {
        let server = Setup::default().with_pipelining(pipelining).start().await;
        let mut session = plaintext_session(&server);
        for text in ["one", "two\r\n.\r\n..three", "bare\nfeeds\r.\rend"] {
            let outcome = send(&mut session, text).await;
            assert_eq!(outcome, SendOutcome::accepted("250 kept"));
        }
        session.close().await;
        let texts: Vec<_> = server.messages().into_iter().map(|(text, _)| text).collect();
        assert_eq!(
            texts,
            [
                "Subject: s\r\n\r\none\r\n",
                "Subject: s\r\n\r\ntwo\r\n..\r\n...three\r\n",
                "Subject: s\r\n\r\nbare\r\nfeeds\r\n..\r\nend\r\n"
            ]
        );
        let mut expected = vec!["EHLO"];
        expected.extend(["MAIL", "RCPT", "DATA"].repeat(3));
        expected.push("QUIT");
        assert_eq!(server.verbs(), expected);
        assert_eq!(server.connections(), 1);
        assert!(is_accepted(&send(&mut session, "after goodbye").await));
        assert_eq!(server.connections(), 2);
    }
}

#[tokio::test]
async fn size_is_declared_and_respected() {
    let server = Setup { extensions: vec!["SIZE 200"], ..Setup::default() }.start().await;
    let mut session = plaintext_session(&server);
    assert!(is_accepted(&send(&mut session, "small").await));
    let outcome = send(&mut session, &"x".repeat(300)).await;
    assert!(matches!(outcome, SendOutcome::Rejected { reason: RejectReason::TooBig, .. }), "{outcome:?}");
    assert!(is_accepted(&send(&mut session, "small again").await));
    let recording = server.recording.lock().unwrap();
    assert!(
        recording.commands.iter().any(|(_, command)| command == "MAIL FROM:<news@harbour.example> SIZE=21")
    );
    assert_eq!((recording.connections, recording.messages.len()), (1, 2));
}

#[tokio::test]
async fn a_refused_size_is_not_sent_again() {
    for at in [Stage::Mail, Stage::EndOfData] {
        let setup = Setup { extensions: vec![], ..Setup::default() };
        let big = reply("552 5.3.4 Message size exceeds fixed limit");
        let server =
            setup.script(move |now, _, count| (now == at && count == 0).then(|| big.clone())).start().await;
        let sender = sender(format!("smtp://{}?tls=off", server.address));
        assert_eq!(outcome_name(&send(&mut sender.session(), &"x".repeat(300)).await), "rejected");
        let before = server.verbs().len();
        let mut session = sender.session();
        let outcome = send(&mut session, &"y".repeat(300)).await;
        assert!(matches!(outcome, SendOutcome::Rejected { reason: RejectReason::TooBig, .. }), "{outcome:?}");
        let verbs = server.verbs();
        assert!(verbs[before..].iter().all(|verb| verb == "EHLO"), "{at:?}: {verbs:?}");
    }
}

#[tokio::test]
async fn the_size_limit_of_one_mailbox_applies_to_no_other() {
    let small = reply("552 5.2.3 message too large for this recipient");
    let setup = Setup::default()
        .script(move |at, _, count| (at == Stage::EndOfData && count == 0).then(|| small.clone()));
    let server = setup.start().await;
    let mut session = plaintext_session(&server);
    assert_eq!(outcome_name(&send(&mut session, &"x".repeat(300)).await), "rejected");
    assert!(is_accepted(&send(&mut session, &"y".repeat(300)).await));
}

#[tokio::test]
async fn invalid_addresses_and_bytes_are_refused_before_sending() {
    let server = Setup { extensions: vec![], ..Setup::default() }.start().await;
    let mut session = plaintext_session(&server);
    for address in ["ä@contact.example", "a@b\r\nRCPT TO:<c@d.example>", "", "a b@c.example", "<a@b.example>"]
    {
        let Message::Email(mut mail) = email("x") else { unreachable!() };
        mail.envelope_to = address.into();
        let outcome = session.send(&Message::Email(mail), Timestamp::UNIX_EPOCH).await;
        assert!(
            matches!(outcome, SendOutcome::Rejected { reason: RejectReason::BadAddress, .. }),
            "{outcome:?}"
        );
    }
    assert_eq!(outcome_name(&send(&mut session, "é").await), "rejected");
    assert!(is_accepted(&send(&mut session, "e").await));
    assert_eq!(server.verbs(), ["EHLO", "MAIL", "RCPT", "DATA"]);
}

#[tokio::test]
async fn a_refusal_keeps_the_connection() {
    for pipelining in [false, true] {
        let recipients = Arc::new(Mutex::new(0));
        let server = Setup::default()
            .with_pipelining(pipelining)
            .script(move |at, _, _| {
                let mut recipients = recipients.lock().unwrap();
                *recipients += usize::from(at == Stage::Rcpt);
                match at {
                    Stage::Rcpt if matches!(*recipients, 2 | 3) => Some(reply("550 5.1.1 no such user")),
                    Stage::Data if matches!(*recipients, 2 | 3) => {
                        Some(reply("554 5.5.1 no valid recipients"))
                    }
                    _ => None,
                }
            })
            .start()
            .await;
        let mut session = plaintext_session(&server);
        let mut outcomes = Vec::new();
        for text in ["one", "two", "three", "four"] {
            outcomes.push(outcome_name(&send(&mut session, text).await));
        }
        assert_eq!(outcomes, ["accepted", "rejected", "rejected", "accepted"], "{pipelining}");
        assert_eq!(server.connections(), 1);
        assert_eq!(server.verbs().iter().filter(|verb| *verb == "RSET").count(), 2);
    }
}

#[tokio::test]
async fn a_server_that_accepts_data_after_a_refusal_gets_no_message() {
    for (at, connections) in [(Stage::Rcpt, 1), (Stage::Mail, 2)] {
        let server = Setup::default()
            .with_pipelining(true)
            .script(move |here, connection, messages| match here {
                _ if connection > 1 || messages > 0 => None,
                _ if here == at => Some(reply("550 5.7.1 no")),
                // An empty message without recipients is refused, too.
                Stage::EndOfData => Some(reply("554 no recipients")),
                _ => None,
            })
            .start()
            .await;
        let mut session = plaintext_session(&server);
        assert_eq!(outcome_name(&send(&mut session, "one").await), "rejected", "{at:?}");
        assert_eq!(outcome_name(&send(&mut session, "two").await), "accepted", "{at:?}");
        assert_eq!(server.connections(), connections, "{at:?}");
        assert!(server.messages().iter().all(|(text, _)| !text.contains("one")), "{at:?}");
    }
}

#[tokio::test]
async fn each_failure_at_each_stage_has_its_outcome() {
    let stages = [Stage::Greeting, Stage::Hello, Stage::Mail, Stage::Rcpt, Stage::Data, Stage::EndOfData];
    type Case = (&'static str, Reaction, [&'static str; 6]);
    let cases: [Case; 9] = [
        ("later", reply("451 later"), ["down", "down", "deferred", "deferred", "deferred", "deferred"]),
        (
            "bye",
            Reaction::ReplyAndClose("421 bye".into()),
            ["down", "down", "deferred", "deferred", "deferred", "deferred"],
        ),
        ("never", reply("554 never"), ["down", "down", "rejected", "rejected", "rejected", "rejected"]),
        ("close", Reaction::Close, ["down", "down", "deferred", "deferred", "deferred", "unknown"]),
        ("silence", Reaction::Silence, ["down", "down", "deferred", "deferred", "deferred", "unknown"]),
        ("garbage", reply("\u{1F600} what"), ["down", "down", "deferred", "deferred", "deferred", "unknown"]),
        ("mixed", reply("250-a\r\n550 b"), ["down", "down", "deferred", "deferred", "deferred", "unknown"]),
        (
            "half",
            Reaction::ReplyAndClose("250-and then".into()),
            ["down", "down", "deferred", "deferred", "deferred", "unknown"],
        ),
        ("wrong yes", reply("220 yes?"), ["accepted", "down", "deferred", "deferred", "deferred", "unknown"]),
    ];
    let mut running = tokio::task::JoinSet::new();
    for pipelining in [false, true] {
        for (name, act, expected) in &cases {
            for (stage, expected) in stages.iter().zip(expected) {
                running.spawn(check_failure(*stage, name, act.clone(), expected, pipelining));
            }
        }
    }
    assert_eq!(running.len(), 108);
    running.join_all().await;
}

async fn check_failure(
    stage: Stage,
    name: &'static str,
    act: Reaction,
    expected: &'static str,
    pipelining: bool,
) {
    let limits = if matches!(act, Reaction::Silence) { short_timeouts() } else { long_timeouts() };
    let setup = Setup::default().with_pipelining(pipelining);
    let server = setup.script(move |at, _, _| (at == stage).then(|| act.clone())).start().await;
    let url = format!("smtp://{}?tls=off", server.address);
    let mut session = Sender::with_roots(&smtp(url), Vec::new(), limits).unwrap().session();
    let outcome = send(&mut session, "x").await;
    assert_eq!(outcome_name(&outcome), expected, "{name} at {stage:?}, pipelining {pipelining}: {outcome:?}");
}

#[tokio::test]
async fn unsolicited_replies_are_never_taken_for_acceptance() {
    for pipelining in [false, true] {
        for (place, extra) in [
            (Stage::Hello, "250 a\r\n250 ok\r\n250 ok\r\n354 go\r\n250 kept"),
            (Stage::Mail, "250 ok\r\n250 ok\r\n354 go\r\n250 kept"),
            (Stage::Rcpt, "250 ok\r\n354 go\r\n250 kept"),
            (Stage::Data, "354 go\r\n250 kept"),
        ] {
            let server = Setup { extensions: vec![], ..Setup::default() }
                .with_pipelining(pipelining)
                .script(move |at, connection, _| match at {
                    _ if at == place && connection == 1 => Some(reply(extra)),
                    Stage::EndOfData if connection == 1 => Some(reply("554 never")),
                    _ => None,
                })
                .start()
                .await;
            let mut session = plaintext_session(&server);
            let outcome = send(&mut session, "one").await;
            assert!(!is_accepted(&outcome), "{place:?} {pipelining}: {outcome:?}");
            assert!(is_accepted(&send(&mut session, "two").await), "{place:?} {pipelining}");
            assert!(server.messages().iter().any(|(text, yes)| text.contains("two") && *yes));
        }
    }
}

#[tokio::test]
async fn a_connection_that_the_server_closed_is_replaced() {
    for pipelining in [false, true] {
        for act in [Reaction::ReplyAndClose("421 4.4.2 idle too long".into()), Reaction::Close] {
            let gone = act.clone();
            let server = Setup::default()
                .with_pipelining(pipelining)
                .script(move |at, connection, messages| {
                    (at == Stage::Mail && connection == 1 && messages == 1).then(|| gone.clone())
                })
                .start()
                .await;
            let mut session = plaintext_session(&server);
            assert!(is_accepted(&send(&mut session, "one").await));
            assert!(is_accepted(&send(&mut session, "two").await), "{act:?}");
            assert_eq!((server.connections(), server.messages().len()), (2, 2));
        }
    }
}

#[tokio::test]
async fn a_connection_is_replaced_after_a_thousand_messages() {
    let server = Setup::default().with_pipelining(true).start().await;
    let mut session = plaintext_session(&server);
    for _ in 0..2_001 {
        assert!(is_accepted(&send(&mut session, "x").await));
    }
    assert_eq!((server.connections(), server.messages().len()), (3, 2_001));
}

/// Polls a future `times` times and then drops it. `None` if it did not complete.
pub(crate) async fn poll_times<F: Future>(future: F, times: usize) -> Option<F::Output> {
    let mut future = Box::pin(future);
    let mut left = times;
    std::future::poll_fn(move |context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        Pin::new(&mut future).poll(context).map(Some)
    })
    .await
}

#[tokio::test]
async fn a_send_dropped_at_any_poll_never_makes_a_later_one_look_accepted() {
    for pipelining in [false, true] {
        let mut finished = 0;
        for times in 1..200 {
            let server = Setup::default().with_pipelining(pipelining).start().await;
            let mut session = plaintext_session(&server);
            assert!(is_accepted(&send(&mut session, "zero").await));
            let message = email("one");
            let first = poll_times(session.send(&message, Timestamp::UNIX_EPOCH), times).await;
            for text in ["two", "three"] {
                let outcome = send(&mut session, text).await;
                assert!(is_accepted(&outcome), "{times}: {outcome:?}");
                let kept = server.messages().iter().any(|(kept, yes)| kept.contains(text) && *yes);
                assert!(kept, "{text} was reported as accepted after {times} polls, and is not there");
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
}

#[tokio::test]
async fn a_send_dropped_before_a_reply_does_not_affect_the_next() {
    for place in [Stage::Mail, Stage::Rcpt, Stage::Data, Stage::EndOfData] {
        let server = Setup::default()
            .script(move |at, connection, _| (at == place && connection == 1).then_some(Reaction::Silence))
            .start()
            .await;
        let mut session = plaintext_session(&server);
        let message = email("one");
        let dropped =
            tokio::time::timeout(Duration::from_millis(50), session.send(&message, Timestamp::UNIX_EPOCH))
                .await;
        assert!(dropped.is_err());
        assert!(is_accepted(&send(&mut session, "two").await), "{place:?}");
        assert_eq!(server.connections(), 2);
    }
}

#[tokio::test]
async fn malformed_extensions_are_ignored() {
    let server = Setup {
        extensions: vec!["   ", "", "SIZE x", "AUTH", "\u{1F600}", "PIPELINING extra"],
        ..Setup::default()
    };
    let server = server.start().await;
    assert!(is_accepted(&send(&mut plaintext_session(&server), "x").await));
}

#[tokio::test]
async fn endless_replies_are_cut_off() {
    for endless in ["250-x\r\n".repeat(5000) + "250 x", format!("250 {}", "x".repeat(100_000))] {
        let text = endless.clone();
        let server = Setup::default()
            .script(move |at, connection, _| (at == Stage::Mail && connection == 1).then(|| reply(&text)))
            .start()
            .await;
        assert_eq!(outcome_name(&send(&mut plaintext_session(&server), "x").await), "deferred");
    }
}

#[tokio::test]
async fn a_message_that_the_server_stops_reading_is_not_unknown() {
    let server = Setup::default()
        .script(|at, _, _| {
            (at == Stage::Data).then(|| Reaction::ReplyAndClose("354 go on, I am leaving".into()))
        })
        .start()
        .await;
    let outcome = send(&mut plaintext_session(&server), &"x\r\n".repeat(4_000_000)).await;
    assert!(matches!(outcome_name(&outcome), "rejected" | "deferred"), "{outcome:?}");
}

#[tokio::test]
async fn a_refused_connection_is_down() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let outcome = send(&mut sender(format!("smtp://user:secret@{address}?tls=off")).session(), "x").await;
    let SendOutcome::Down { answer } = &outcome else { panic!("{outcome:?}") };
    assert!(answer.contains("127.0.0.1") && !answer.contains("secret"), "{answer}");
}

#[tokio::test]
async fn a_message_of_another_kind_is_refused() {
    let server = Setup::default().start().await;
    let post = crate::webhook::message("1", "{}");
    assert_eq!(
        outcome_name(&plaintext_session(&server).send(&post, Timestamp::UNIX_EPOCH).await),
        "rejected"
    );
    assert!(Sender::new(&smtp("http://x".into()), Timeouts::default(), None).is_err());
    let missing = ChannelKind::Smtp {
        url: Secret::missing("SMTP_PASSWORD"),
        from: Mailbox { name: None, address: EmailAddress::parse("a@b.example").unwrap() },
        reply_to: None,
        dkim: None,
    };
    assert!(
        Sender::new(&channel(missing), Timeouts::default(), None)
            .unwrap_err()
            .to_string()
            .contains("SMTP_PASSWORD")
    );
}
