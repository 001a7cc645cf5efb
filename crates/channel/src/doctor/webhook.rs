//! Whether an endpoint can be reached as far as its name goes. Nothing is posted.

use std::net::SocketAddr;

use url::{Host, Url};

use super::{Dns, Finding};
use crate::egress;

const CHECK: &str = "address";

/// Finds the addresses of the endpoint and has the guard look at them.
pub(super) async fn examine(dns: &Dns, url: &str) -> Finding {
    let Ok(url) = Url::parse(url) else {
        return Finding::fail_here(CHECK, "its url is not one", "Write an http or https address.");
    };
    let local = match egress::check(&url) {
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
            Finding::warn(CHECK, found, "Write https:// if the endpoint knows it.")
        }
        Ok(_) => Finding::pass(CHECK, format!("{name} has an address that may be reached")),
        Err(barred) => {
            Finding::fail_outside(CHECK, barred.to_string(), "Check the name, and who answers for it.")
        }
    }
}
