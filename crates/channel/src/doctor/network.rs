//! The check of a network's account: the address of the network, and the credentials. It posts
//! nothing.

use std::net::SocketAddr;

use campaign::Account;
use egress::Settings;
use jiff::Timestamp;
use network::{Endpoint, Verdict};
use url::{Host, Url};

use super::{Dns, Finding};

const CHECK: &str = "address";
const ACCESS: &str = "access";

/// Resolves the network's host, checks that its addresses are allowed, and checks the credentials
/// with a request. Behind a proxy, which resolves names itself, the addresses are not checked.
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
                "Fix it, or name an address that may be reached."
            };
            return vec![Finding::fail_here(CHECK, format!("cannot {error}"), fix)];
        }
    };
    let access = endpoint.access();
    let found = match endpoint.proxy() {
        // The proxy resolves names; this machine may be unable to.
        Some(proxy) => {
            Finding::pass(CHECK, format!("it is reached through the proxy {proxy}, which resolves its name"))
        }
        None => check_address(dns, &access.base, access.has_configured_base).await,
    };
    if found.verdict.word() == "fail" {
        return vec![found];
    }
    [vec![found], check_access(&endpoint, now).await].concat()
}

/// Checks the address of the network. `is_configured` is set if chorus.toml holds `base`.
async fn check_address(dns: &Dns, base: &str, is_configured: bool) -> Finding {
    let Ok(url) = Url::parse(base) else {
        return Finding::fail_here(CHECK, "its url is not a URL", "Write an http or https address.");
    };
    let checked =
        if is_configured { egress::check_configured_url(&url) } else { egress::check_public_url(&url) };
    let local = match checked {
        Ok(local) => local,
        Err(blocked) => {
            return Finding::fail_here(CHECK, blocked.to_string(), "Name an address that may be reached.");
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
    match egress::allowed_addresses(name, &found, false) {
        Ok(_) if url.scheme() == "http" => {
            let found = format!("{name} has an address, and posts go there unencrypted");
            Finding::warn(CHECK, found, "Write https:// if the server supports it.")
        }
        Ok(_) => Finding::pass(CHECK, format!("{name} has an address that may be reached")),
        Err(blocked) => {
            Finding::fail_outside(CHECK, blocked.to_string(), "Check the name and its DNS records.")
        }
    }
}

/// Checks the credentials, if the network has a request for that which posts nothing.
async fn check_access(endpoint: &Endpoint, now: Timestamp) -> Vec<Finding> {
    let access = endpoint.access();
    let title = access.network.title;
    let Some(examined) = endpoint.check_access(now).await else {
        let found = format!("{title} cannot check the credentials without posting");
        return vec![Finding::pass(ACCESS, format!("{found}; the first post will show"))];
    };
    let renew = "Renew the channel's credentials, and set them where Chorus runs.";
    let finding = match examined {
        Ok((Verdict::Ready | Verdict::Sent { .. }, _)) => Finding::pass(ACCESS, format!("{title} knows us")),
        Ok((Verdict::AuthExpired, answer)) => {
            Finding::fail_here(ACCESS, format!("{title} does not let us in: {}", answer.summary()), renew)
        }
        Ok((Verdict::Gone, answer)) => {
            let found = format!("{title} says that the place is gone: {}", answer.summary());
            Finding::fail_here(ACCESS, found, "Make a new one, and give the channel its address.")
        }
        Ok((_, answer)) => Finding::fail_outside(
            ACCESS,
            format!("{title} answers {}", answer.summary()),
            "Try again; if it stays, look at the network's status page.",
        ),
        Err(error) => Finding::fail_outside(
            ACCESS,
            format!("{title} does not answer: {}", access.masked(&error.to_string())),
            "Check the address, and whether this machine may reach it.",
        ),
    };
    vec![finding]
}
