//! Whether the mail server takes us: connection, TLS, login, and what it can do. Nothing is sent.

use egress::{Reach, reach};
use jiff::Timestamp;
use message::SenderError;
use smtp::{Examined, Relay, Security};

use super::{Dns, Finding, mail};

/// A certificate that ends before so many days are over needs somebody's attention.
const DAYS: u32 = 21;

/// Connects, says who we are, and leaves.
pub(super) async fn examine(dns: &Dns, relay: Result<Relay, SenderError>, now: Timestamp) -> Vec<Finding> {
    let relay = match relay {
        Ok(relay) => relay,
        Err(error) => return vec![Finding::fail_here("relay", format!("cannot {error}"), "Mend `url`.")],
    };
    let seen = match relay.examine(now).await {
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
    // What stands between is the relay's own affair; from here to the world it is ours.
    if matches!(reach(seen.address.ip()), Reach::Inner(_)) {
        findings.push(mail::reverse(dns, &seen.name).await);
    }
    findings
}

fn tls(seen: &Examined) -> Finding {
    let local = matches!(reach(seen.address.ip()), Reach::Inner(_));
    match (&seen.tls, seen.security) {
        (Some(tls), _) if tls.days < DAYS => Finding::warn(
            "tls",
            format!("{}, and the server's certificate ends in {} days", tls.version, tls.days),
            "Have it renewed.",
        ),
        (Some(tls), _) => {
            let days =
                if tls.days >= 365 { "more than a year".to_owned() } else { format!("{} days", tls.days) };
            Finding::pass("tls", format!("{}; the server's certificate is good for {days}", tls.version))
        }
        (None, Security::Off) if local => {
            Finding::pass("tls", "none, as the file says, to a server of this network")
        }
        (None, _) => Finding::warn(
            "tls",
            "the line is in clear for everybody between here and there",
            "Write smtps://, or smtp:// without `tls`.",
        ),
    }
}

fn login(seen: &Examined) -> Finding {
    if seen.logged_in {
        return Finding::pass("login", "the server takes the user and password");
    }
    Finding::pass("login", "none: the server takes mail without one, or by address")
}

fn extensions(seen: &Examined) -> Finding {
    let size = match seen.size {
        Some(0) => "any size".to_owned(),
        Some(size) => format!("at most {} KiB", size >> 10),
        None => "any size it seems".to_owned(),
    };
    if seen.pipelining {
        return Finding::pass("extensions", format!("PIPELINING; {size}"));
    }
    let found = format!("no PIPELINING, so each message takes more round trips; {size}");
    Finding::warn("extensions", found, "Ask for a server that announces it, if speed matters.")
}
