//! Replies that real servers gave, one a line in `replies.tsv`, and what each must mean.

use proptest::prelude::*;

use super::*;

/// One line of the table of replies.
struct Said {
    line: usize,
    family: &'static str,
    stage: Stage,
    /// Whose fault it is, as a person sees it: `us`, `them` (their server) or `person`.
    fault: &'static str,
    decision: &'static str,
    reply: Reply,
}

const STAGES: [Stage; 4] = [Stage::Mail, Stage::Rcpt, Stage::Data, Stage::Message];

fn replies() -> Vec<Said> {
    let lines = include_str!("replies.tsv").lines().enumerate();
    lines.filter(|(_, line)| !line.starts_with('#')).map(|(at, line)| said(at + 1, line)).collect()
}

fn said(line: usize, text: &'static str) -> Said {
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
    assert!(["us", "them", "person"].contains(&fault), "line {line}: {fault} is nobody");
    Said { line, family, stage, fault, decision, reply: Reply::read(&reply.replace("\\n", "\n")) }
}

/// The decision as the table writes it: `later 300 group`, `never policy`, `down`.
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

/// Whether it is held against the person: at once, or as one of several.
fn is_held_against_them(decision: &str) -> bool {
    decision == "never bad_address" || decision == "never inactive" || decision.ends_with(" mailbox")
}

#[test]
fn every_reply_means_what_it_says() {
    let mut wrong = String::new();
    for Said { line, family, stage, decision: expected, reply, .. } in replies() {
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
    let families: std::collections::BTreeSet<_> = replies.iter().map(|said| said.family).collect();
    assert!(replies.len() >= 400 && families.len() >= 60, "{} of {}", replies.len(), families.len());
    for family in ["gmail", "outlook", "yahoo", "icloud", "qq", "163", "postfix", "exim", "qmail", "ses"] {
        assert!(families.contains(family), "{family}");
    }
}

/// The rule that counts most.
#[test]
fn nobody_is_suppressed_for_our_fault_or_their_servers() {
    for Said { line, stage, fault, reply, .. } in replies() {
        let found = decision(stage, &reply);
        // A null MX is their choice: the address takes no mail at all.
        let no_mail_at_all = reply.code == 556;
        assert!(
            fault == "person" || no_mail_at_all || !is_held_against_them(&found),
            "line {line}: {found}: {reply}"
        );
    }
}

/// A reply to MAIL cannot be about a recipient, who is not named yet.
#[test]
fn what_is_said_before_the_recipient_is_not_about_them() {
    for Said { line, reply, .. } in replies() {
        let found = decision(Stage::Mail, &reply);
        assert!(!is_held_against_them(&found), "line {line}: {found}: {reply}");
    }
}

#[test]
fn a_channel_rests_only_for_what_it_would_hear_of_every_message() {
    let at_rcpt = replies().into_iter().filter(|said| said.stage == Stage::Rcpt);
    for Said { line, reply, .. } in at_rcpt.filter(|said| !matches!(said.reply.code, 530..=538)) {
        assert_ne!(decision(Stage::Rcpt, &reply), "down", "line {line}: {reply}");
    }
}

proptest! {
    /// A receiver that names a reason of ours gets nobody suppressed, whatever else it says.
    #[test]
    fn a_word_about_us_outweighs_words_about_them(
        code in prop::sample::select(vec![550_u16, 551, 552, 553, 554, 571]),
        stage in prop::sample::select(STAGES.to_vec()),
        ours in prop::sample::select(permanent::POLICY.to_vec()),
        theirs in prop::sample::select([permanent::NOBODY, permanent::INACTIVE].concat()),
        first in any::<bool>(),
    ) {
        let said = if first { format!("{ours} {theirs}") } else { format!("{theirs}: {ours}") };
        let found = decision(stage, &Reply::read(&format!("{code} {said}")));
        prop_assert!(!is_held_against_them(&found), "{found}: {said}");
    }

    /// 4yz is never for good, 5yz never for nothing, and no text is too strange.
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

    /// A person's own address is no word of the server.
    #[test]
    fn addresses_are_not_read(name in prop::sample::select([permanent::POLICY, transient::FULL].concat())) {
        let name: String = name.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
        let reply = Reply::read(&format!("550 5.1.1 <{name}@contact.example>: User unknown"));
        prop_assert_eq!(decision(Stage::Rcpt, &reply), "never bad_address");
    }
}
