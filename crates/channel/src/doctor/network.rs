//! Whether an account on a network can be used: its address, and what lets us in. Nothing is posted.

use std::net::SocketAddr;

use campaign::Account;
use egress::Settings;
use jiff::Timestamp;
use network::{Endpoint, Verdict};
use url::{Host, Url};

use super::{Dns, Finding};

const CHECK: &str = "address";
const ACCESS: &str = "access";

/// Finds the addresses of the network, has the guard look at them, and asks the network who we are. Behind a proxy the
/// addresses are not looked for.
pub(super) async fn examine(
    dns: &Dns,
    account: &Account,
    now: Timestamp,
    settings: Settings,
) -> Vec<Finding> {
    let endpoint = match Endpoint::new(account, settings) {
        Ok(endpoint) => endpoint,
        Err(error) => {
            let unset = error.0.contains("is not set");
            let fix = if unset {
                "Set it where Chorus runs."
            } else {
                "Mend it, or name an address that may be reached."
            };
            return vec![Finding::fail_here(CHECK, format!("cannot {error}"), fix)];
        }
    };
    let access = endpoint.access();
    let found = match endpoint.proxy() {
        // Names are the proxy's to resolve: this machine may know none of them.
        Some(proxy) => {
            Finding::pass(CHECK, format!("it is reached through the proxy {proxy}, which resolves its name"))
        }
        None => address(dns, &access.base, access.is_own_base).await,
    };
    if found.verdict.word() == "fail" {
        return vec![found];
    }
    [vec![found], self::access(&endpoint, now).await].concat()
}

async fn address(dns: &Dns, base: &str, own: bool) -> Finding {
    let Ok(url) = Url::parse(base) else {
        return Finding::fail_here(CHECK, "its url is not one", "Write an http or https address.");
    };
    let local = match if own { egress::check(&url) } else { egress::check_public(&url) } {
        Ok(local) => local,
        Err(barred) => {
            return Finding::fail_here(CHECK, barred.to_string(), "Name an address that may be reached.");
        }
    };
    let Some(Host::Domain(name)) = url.host() else {
        return Finding::pass(CHECK, "it is an address, and chorus.toml names it");
    };
    if local {
        return Finding::pass(CHECK, "it is on this machine, and chorus.toml names it");
    }
    let found = match dns.addresses(name).await {
        Ok(found) => found,
        Err(error) => return Finding::unanswered(CHECK, &error),
    };
    let found: Vec<_> = found.into_iter().map(|address| SocketAddr::new(address, 0)).collect();
    match egress::allowed(name, &found, false) {
        Ok(_) if url.scheme() == "http" => {
            let found = format!("{name} has an address, and posts go there in clear");
            Finding::warn(CHECK, found, "Write https:// if the other side knows it.")
        }
        Ok(_) => Finding::pass(CHECK, format!("{name} has an address that may be reached")),
        Err(barred) => {
            Finding::fail_outside(CHECK, barred.to_string(), "Check the name, and who answers for it.")
        }
    }
}

/// What the network says of us, where it can be asked without posting.
async fn access(endpoint: &Endpoint, now: Timestamp) -> Vec<Finding> {
    let access = endpoint.access();
    let title = access.network.title;
    let Some(examined) = endpoint.examine(now).await else {
        let found = format!("{title} cannot be asked who we are without posting");
        return vec![Finding::pass(ACCESS, format!("{found}; the first post will tell"))];
    };
    let renew = "Renew what lets the channel in, and set it where Chorus runs.";
    let finding = match examined {
        Ok((Verdict::Ready | Verdict::Sent { .. }, _)) => Finding::pass(ACCESS, format!("{title} knows us")),
        Ok((Verdict::AuthExpired, answer)) => {
            Finding::fail_here(ACCESS, format!("{title} does not let us in: {}", answer.shown()), renew)
        }
        Ok((Verdict::Gone, answer)) => {
            let found = format!("{title} says that the place is gone: {}", answer.shown());
            Finding::fail_here(ACCESS, found, "Make a new one, and give the channel its address.")
        }
        Ok((_, answer)) => Finding::fail_outside(
            ACCESS,
            format!("{title} answers {}", answer.shown()),
            "Try again; if it stays, look at what the network says of itself.",
        ),
        Err(error) => Finding::fail_outside(
            ACCESS,
            format!("{title} does not answer: {}", access.masked(&error.to_string())),
            "Check the address, and whether this machine may reach it.",
        ),
    };
    vec![finding]
}
