//! Replies that real servers gave, and what each must mean.

use super::*;

#[derive(Debug, PartialEq)]
enum Expected {
    Later(u64),
    Never(RejectReason),
    Down,
}

fn means(stage: Stage, reply: &str) -> Expected {
    match verdict(stage, &Reply::read(reply)) {
        SendOutcome::Deferred { retry_after, .. } => {
            Expected::Later(retry_after.map_or(0, |after| after.as_secs()))
        }
        SendOutcome::Rejected { reason, .. } => Expected::Never(reason),
        SendOutcome::Down { .. } => Expected::Down,
        other => panic!("{other:?}"),
    }
}

fn check(stage: Stage, expected: &Expected, replies: &[&str]) {
    for reply in replies {
        assert_eq!(means(stage, reply), *expected, "{stage:?}: {reply}");
    }
}

#[test]
fn nobody_is_there() {
    let replies = [
        "550-5.1.1 The email account that you tried to reach does not exist. Please try\n550-5.1.1 double-checking the recipient's email address for typos or\n550 5.1.1 unnecessary spaces. gsmtp",
        "550 5.1.1 <x@example.com>: Recipient address rejected: User unknown in virtual mailbox table",
        "550 5.1.1 <x@example.com>... User unknown",
        "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup",
        "550 5.4.1 Recipient address rejected: Access denied. [DB5EUR03FT.eop-EUR03.prod.protection.outlook.com]",
        "550 5.5.0 Requested action not taken: mailbox unavailable",
        "550 5.2.1 The email account that you tried to reach is disabled.",
        "550 5.2.1 The email account that you tried to reach is inactive.",
        "554 delivery error: dd This user doesn't have a yahoo.com account (x@yahoo.com) [0] - Unknown address",
        "550 Requested action not taken: mailbox unavailable",
        "550 No Such User Here",
        "550 x@163.com User not found",
        "550 Invalid recipient x@example.com (#5.1.1)",
        "550 5.1.2 Host unknown (Name server: host not found)",
        "553 5.1.3 invalid address",
        "556 5.1.10 Recipient address has null MX",
        "550 5.1.6 recipient no longer on server",
        "550 Unrouteable address",
        "551 5.1.6 User has moved",
        "550 Mailbox not found",
        "550",
        "553 sorry, that domain isn't in my list of allowed rcpthosts... invalid mailbox",
    ];
    check(Stage::Rcpt, &Expected::Never(BadAddress), &replies);
    check(Stage::Message, &Expected::Never(BadAddress), &["550 5.1.1 user unknown", "550 User unknown"]);
}

#[test]
fn we_are_refused_and_nobody_is_suppressed() {
    let replies = [
        "550-5.7.26 This mail has been blocked because the sender is unauthenticated.\n550 5.7.26 gsmtp",
        "550 5.7.515 Access denied, sending domain example.com does not meet the required authentication level.",
        "550-5.7.1 [192.0.2.1] Our system has detected that this message is likely unsolicited mail.\n550 5.7.1 gsmtp",
        "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org",
        "550 5.7.1 Service unavailable, Client host blocked using Spamhaus",
        "554 5.7.9 Message not accepted for policy reasons. See https://postmaster.yahooinc.com/error-codes",
        "550 SC-001 (BAY004) Unfortunately, messages from 192.0.2.1 weren't sent. Please contact your provider since part of their network is on our block list",
        "554 DT:SPM 163 smtp5, please see http://mail.163.com/help/help_spam_16.htm",
        "550 Mail content denied by spam filter",
        "550 5.1.8 <news@example.com>: Sender address rejected: Domain not found",
        "550 5.1.7 Invalid sender address",
        "554 5.7.1 <x@example.com>: Relay access denied",
        "550 relay not permitted",
        "554 Denied by policy: mailbox unavailable",
        "550 5.7.350 Remote server returned message detected as spam",
    ];
    for stage in [Stage::Rcpt, Stage::Data, Stage::Message] {
        check(stage, &Expected::Never(Policy), &replies);
    }
    check(
        Stage::Message,
        &Expected::Never(Policy),
        &["554 Transaction failed", "550 no", "571 Delivery not authorized"],
    );
    check(
        Stage::Mail,
        &Expected::Never(Policy),
        &["550 5.7.1 Sender not allowed", "553 sorry", "550 user unknown"],
    );
}

#[test]
fn it_is_full() {
    let replies = [
        "552 5.2.2 The email account that you tried to reach is over quota. Please direct the recipient to gsmtp",
        "552 5.2.2 mailbox full",
        "554 5.2.2 mailbox is full",
        "552 Quota exceeded (mailbox for user is full)",
        "550 Mailbox is full / Blocks limit exceeded / Inode limit exceeded",
    ];
    check(Stage::Rcpt, &Expected::Never(MailboxFull), &replies);
}

#[test]
fn it_is_too_big() {
    let replies = [
        "552-5.3.4 Your message exceeded Google's message size limits.\n552 5.3.4 gsmtp",
        "552 5.2.3 Message size exceeds fixed maximum message size",
        "552 Message size exceeds maximum value",
        "550 5.3.4 message too big",
    ];
    for stage in [Stage::Mail, Stage::Message] {
        check(stage, &Expected::Never(TooBig), &replies);
    }
}

#[test]
fn not_now() {
    check(
        Stage::Rcpt,
        &Expected::Later(0),
        &[
            "452 4.2.2 The email account that you tried to reach is over quota. gsmtp",
            "452 4.5.3 Too many recipients",
            "452 4.3.1 Insufficient system storage",
            "451 4.3.0 Mail server temporarily rejected message",
            "450 4.1.1 <x@example.com>: Recipient address rejected: unverified address",
            "451 Requested action aborted: local error in processing",
            "421 4.4.2 timeout exceeded",
            "421 Service not available, closing transmission channel",
            "450 4.3.2 Service currently unavailable",
        ],
    );
    check(
        Stage::Rcpt,
        &Expected::Later(300),
        &[
            "450 4.7.1 <x@example.com>: Recipient address rejected: Greylisted, see http://postgrey.schweikert.ch",
            "451 4.7.1 Greylisting in action, please come back later",
            "450 4.2.1 The user you are trying to contact is receiving mail at a rate that",
            "451 Temporary local problem - please try later",
            "451 4.7.0 Temporary server error. Please try again later. PRX5",
        ],
    );
    for stage in [Stage::Rcpt, Stage::Message] {
        check(
            stage,
            &Expected::Later(7200),
            &[
                "421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume or user complaints",
                "451 4.7.1 [TS04] deferred",
            ],
        );
        check(
            stage,
            &Expected::Later(5400),
            &[
                "421-4.7.28 Gmail has detected an unusual rate of unsolicited mail originating from\n421 4.7.28 gsmtp",
                "451 4.7.650 The mail server [192.0.2.1] has been temporarily rate limited due to IP reputation.",
                "451 4.7.500 Server busy. Please try again later from [192.0.2.1]",
                "450 4.7.32 DMARC",
                "451 Message temporarily deferred - [160]",
            ],
        );
    }
}

#[test]
fn it_is_about_us_and_not_about_the_message() {
    check(
        Stage::Mail,
        &Expected::Down,
        &[
            "421 4.3.2 Service shutting down",
            "421 Too many concurrent SMTP connections",
            "530 5.7.0 Must issue a STARTTLS command first.",
            "530-5.7.0 Authentication Required.\n530 5.7.0 gsmtp",
            "535 5.7.8 Username and Password not accepted.",
            "550 5.7.1 Client was not authenticated: authentication required",
            "554 Please authenticate first",
            "454 4.7.0 Temporary authentication failure",
        ],
    );
    check(Stage::Rcpt, &Expected::Down, &["530 Authentication required"]);
}

#[test]
fn syntax_is_our_own() {
    check(
        Stage::Rcpt,
        &Expected::Never(Rejected),
        &[
            "501 5.5.4 Syntax error in parameters",
            "503 5.5.1 Bad sequence of commands",
            "555 5.5.2 Syntax error. gsmtp",
            "550 5.4.6 Routing loop detected",
            "554 5.4.14 Hop count exceeded",
            "554 nobody knows why",
        ],
    );
}

#[test]
fn every_refusal_means_something() {
    for code in 400..600 {
        for stage in [Stage::Mail, Stage::Rcpt, Stage::Data, Stage::Message] {
            let outcome = means(stage, &format!("{code} something"));
            assert_eq!(
                code < 500,
                !matches!(outcome, Expected::Never(_)) && code < 500,
                "{code} {outcome:?}"
            );
        }
    }
}
