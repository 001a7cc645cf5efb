//! The check of the mail server: connection, TLS, login and extensions. It sends no message.

use egress::{AddressClass, classify};
use jiff::Timestamp;
use message::SenderError;
use smtp::{Relay, RelayProbe, Security};

use super::{Dns, Finding, mail};

/// The remaining validity of a certificate below which a warning is given, in days.
const RENEWAL_WARNING_DAYS: u32 = 21;

/// Connects, logs in, and disconnects.
pub(super) async fn examine(dns: &Dns, relay: Result<Relay, SenderError>, now: Timestamp) -> Vec<Finding> {
    let relay = match relay {
        Ok(relay) => relay,
        Err(error) => return vec![Finding::fail_here("relay", format!("cannot {error}"), "Fix `url`.")],
    };
    let seen = match relay.probe(now).await {
        Ok(seen) => seen,
        Err(why) => {
            return vec![Finding::fail_outside(
                "relay",
                why.to_string(),
                "Check `url`, the password and the server.",
            )];
        }
    };
    let mut findings = vec![
        Finding::pass("relay", format!("{} at {} answers", seen.name, seen.address)),
        tls(&seen),
        login(&seen),
        extensions(&seen),
    ];
    // A relay on an internal address is our own, and so is its reverse DNS.
    if matches!(classify(seen.address.ip()), AddressClass::Internal(_)) {
        findings.push(mail::examine_reverse_dns(dns, &seen.name).await);
    }
    findings
}

fn days(count: u32) -> String {
    if count == 1 { "1 day".to_owned() } else { format!("{count} days") }
}

fn tls(seen: &RelayProbe) -> Finding {
    let local = matches!(classify(seen.address.ip()), AddressClass::Internal(_));
    match (&seen.tls, seen.security) {
        (Some(tls), _) if tls.days < RENEWAL_WARNING_DAYS => Finding::warn(
            "tls",
            format!("{}, and the server's certificate ends in {}", tls.version, days(tls.days)),
            "Have it renewed.",
        ),
        (Some(tls), _) => {
            let days = if tls.days >= 365 { "more than a year".to_owned() } else { days(tls.days) };
            Finding::pass("tls", format!("{}; the server's certificate is good for {days}", tls.version))
        }
        (None, Security::Off) if local => {
            Finding::pass("tls", "none, as the file says, to a server of this network")
        }
        (None, _) => Finding::warn(
            "tls",
            "the connection is not encrypted",
            "Write smtps://, or smtp:// without `tls`.",
        ),
    }
}

fn login(seen: &RelayProbe) -> Finding {
    if seen.logged_in {
        return Finding::pass("login", "the server takes the user and password");
    }
    Finding::pass("login", "none: the server takes mail without one, or by address")
}

fn extensions(seen: &RelayProbe) -> Finding {
    let size = match seen.size {
        Some(0) => "any size".to_owned(),
        Some(size) => format!("at most {} KiB", size >> 10),
        None => "no announced limit of size".to_owned(),
    };
    if seen.pipelining {
        return Finding::pass("extensions", format!("PIPELINING; {size}"));
    }
    let found = format!("no PIPELINING, so each message takes more round trips; {size}");
    Finding::warn("extensions", found, "Ask for a server that announces it, if speed matters.")
}
