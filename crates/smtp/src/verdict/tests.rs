//! Tests of the table with the replies of real servers, one per line in `replies.tsv` with the
//! expected decision.

use proptest::prelude::*;

use super::*;

/// One line of the table of replies.
struct SampleReply {
    line: usize,
    family: &'static str,
    stage: Stage,
    /// The party at fault, as a person judges it: `us`, `them` (the receiver's server) or `person`.
    fault: &'static str,
    decision: &'static str,
    reply: Reply,
}

const STAGES: [Stage; 4] = [Stage::Mail, Stage::Rcpt, Stage::Data, Stage::Message];

fn replies() -> Vec<SampleReply> {
    let lines = include_str!("replies.tsv").lines().enumerate();
    lines.filter(|(_, line)| !line.starts_with('#')).map(|(at, line)| sample_reply(at + 1, line)).collect()
}

fn sample_reply(line: usize, text: &'static str) -> SampleReply {
    let [family, stage, fault, decision, reply] = text.split('\t').collect::<Vec<_>>()[..] else {
        panic!("line {line} has not five fields: {text}")
    };
    let stage = match stage {
        "mail" => Stage::Mail,
        "rcpt" => Stage::Rcpt,
        "data" => Stage::Data,
        "message" => Stage::Message,
        other => panic!("line {line}: {other} is no stage"),
    };
    assert!(["us", "them", "person"].contains(&fault), "line {line}: {fault} is not a party");
    SampleReply { line, family, stage, fault, decision, reply: Reply::read(&reply.replace("\\n", "\n")) }
}

/// Returns the decision in the notation of the table: `later 300 group`, `never policy`, `down`.
fn decision(stage: Stage, reply: &Reply) -> String {
    match verdict(stage, reply) {
        SendOutcome::Deferred { retry_after, scope, .. } => {
            let scope = format!("{scope:?}").to_lowercase();
            format!("later {} {scope}", retry_after.map_or(0, |after| after.as_secs()))
        }
        SendOutcome::Rejected { reason, .. } => format!("never {}", reason.name()),
        SendOutcome::Down { .. } => "down".to_owned(),
        other => panic!("a refusal came to {other:?}"),
    }
}

/// Returns true if the decision counts against the address: at once, or as one of several.
fn counts_against_address(decision: &str) -> bool {
    decision == "never bad_address" || decision == "never inactive" || decision.ends_with(" mailbox")
}

#[test]
fn every_sample_reply_gets_its_expected_decision() {
    let mut wrong = String::new();
    for SampleReply { line, family, stage, decision: expected, reply, .. } in replies() {
        let found = decision(stage, &reply);
        if found != expected {
            wrong += &format!("{line} {family} {stage:?}: {found}, not {expected}: {reply}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn the_table_holds_many_families_and_every_decision() {
    let replies = replies();
    let families: std::collections::BTreeSet<_> = replies.iter().map(|sample| sample.family).collect();
    assert!(replies.len() >= 400 && families.len() >= 60, "{} of {}", replies.len(), families.len());
    for family in ["gmail", "outlook", "yahoo", "icloud", "qq", "163", "postfix", "exim", "qmail", "ses"] {
        assert!(families.contains(family), "{family}");
    }
}

/// The most important rule of the table.
#[test]
fn no_address_is_suppressed_for_our_fault_or_the_servers() {
    for SampleReply { line, stage, fault, reply, .. } in replies() {
        let found = decision(stage, &reply);
        // A null MX is the receiver's choice: the address accepts no mail at all.
        let no_mail_at_all = reply.code == 556;
        assert!(
            fault == "person" || no_mail_at_all || !counts_against_address(&found),
            "line {line}: {found}: {reply}"
        );
    }
}

/// A refusal of MAIL cannot be about a recipient who was not named yet.
#[test]
fn a_refused_sender_does_not_count_against_the_recipient() {
    for SampleReply { line, reply, .. } in replies() {
        let found = decision(Stage::Mail, &reply);
        assert!(!counts_against_address(&found), "line {line}: {found}: {reply}");
    }
}

#[test]
fn a_channel_stops_only_for_refusals_that_every_message_would_get() {
    let at_rcpt = replies().into_iter().filter(|sample| sample.stage == Stage::Rcpt);
    for SampleReply { line, reply, .. } in at_rcpt.filter(|sample| !matches!(sample.reply.code, 530..=538)) {
        assert_ne!(decision(Stage::Rcpt, &reply), "down", "line {line}: {reply}");
    }
}

proptest! {
    /// A reply with a reason on our side suppresses no address, whatever else it contains.
    #[test]
    fn a_word_about_us_outweighs_words_about_them(
        code in prop::sample::select(vec![550_u16, 551, 552, 553, 554, 571]),
        stage in prop::sample::select(STAGES.to_vec()),
        ours in prop::sample::select(permanent::POLICY.to_vec()),
        theirs in prop::sample::select([permanent::UNKNOWN_USER, permanent::INACTIVE].concat()),
        first in any::<bool>(),
    ) {
        let text = if first { format!("{ours} {theirs}") } else { format!("{theirs}: {ours}") };
        let found = decision(stage, &Reply::read(&format!("{code} {text}")));
        prop_assert!(!counts_against_address(&found), "{found}: {text}");
    }

    /// A 4yz reply is never permanent, a 5yz reply is always decided, and every text is accepted.
    #[test]
    fn any_text_at_all_gets_a_decision(
        code in 400_u16..600,
        stage in prop::sample::select(STAGES.to_vec()),
        text in "\\PC{0,120}",
    ) {
        let reply = Reply { code, lines: vec![text] };
        let found = decision(stage, &reply);
        prop_assert!(code >= 500 || !found.starts_with("never"), "{found}: {reply}");
    }

    /// The words in a person's own address are not words of the server.
    #[test]
    fn addresses_are_not_read(
        name in prop::sample::select([permanent::POLICY, transient::MAILBOX_FULL].concat()),
    ) {
        let name: String = name.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
        let reply = Reply::read(&format!("550 5.1.1 <{name}@contact.example>: User unknown"));
        prop_assert_eq!(decision(Stage::Rcpt, &reply), "never bad_address");
    }
}
