//! Whether a domain takes mail, and whether the machine that sends is who it says.

use std::net::IpAddr;

use egress::{Reach, reach};

use super::{Dns, DnsError, Finding};

/// Where mail to a domain goes.
enum Way {
    /// To this server.
    Server(String),
    /// To this server, which has no address.
    Lost(String),
    /// To the domain's own address.
    Itself,
    /// Nowhere, on purpose (RFC 7505).
    Refused,
    /// Nowhere.
    Nowhere,
}

async fn way(dns: &Dns, domain: &str) -> Result<Way, DnsError> {
    let servers = dns.mx(domain).await?;
    let Some(server) = servers.into_iter().next() else {
        let itself = !dns.addresses(domain).await?.is_empty();
        return Ok(if itself { Way::Itself } else { Way::Nowhere });
    };
    if server == "." {
        return Ok(Way::Refused);
    }
    let found = !dns.addresses(&server).await?.is_empty();
    Ok(if found { Way::Server(server) } else { Way::Lost(server) })
}

/// Whether answers to the sender arrive: receivers doubt mail from a domain that takes none.
pub(super) async fn sender(dns: &Dns, domain: &str) -> Finding {
    judged("sender", dns, domain, false).await
}

/// Whether bounces arrive.
pub(super) async fn bounces(dns: &Dns, domain: &str) -> Finding {
    judged("bounces", dns, domain, true).await
}

async fn judged(check: &'static str, dns: &Dns, domain: &str, needs_server: bool) -> Finding {
    let fix = format!("Publish {domain} MX 10 <your mail server>.");
    let fail = |found: String| Finding::fail_outside(check, found, fix.as_str());
    match way(dns, domain).await {
        Ok(Way::Server(server)) => Finding::pass(check, format!("mail to {domain} goes to {server}")),
        Ok(Way::Lost(server)) => fail(format!("mail to {domain} goes to {server}, which has no address")),
        Ok(Way::Itself) if needs_server => {
            Finding::warn(check, format!("{domain} has no MX record, only an address"), fix)
        }
        Ok(Way::Itself) => Finding::pass(check, format!("mail to {domain} goes to its own address")),
        Ok(Way::Refused) => fail(format!("{domain} says that it takes no mail")),
        Ok(Way::Nowhere) => fail(format!("{domain} has neither an MX record nor an address")),
        Err(error) => Finding::unanswered(check, &error),
    }
}

const REVERSE: &str = "reverse_dns";

/// Whether the machine that calls itself `name` has that name by its addresses too.
pub(super) async fn reverse(dns: &Dns, name: &str) -> Finding {
    if !name.contains('.') || name.parse::<IpAddr>().is_ok() || name.starts_with('[') {
        let found = format!("this network's own relay calls itself `{name}`, which is no whole name");
        return Finding::warn(
            REVERSE,
            found,
            "Give it one, such as mail.harbour.example (Postfix: `myhostname`).",
        );
    }
    match confirmed(dns, name).await {
        Ok(finding) => finding,
        Err(error) => Finding::unanswered(REVERSE, &error),
    }
}

/// Every public address of the name must lead back to it.
async fn confirmed(dns: &Dns, name: &str) -> Result<Finding, DnsError> {
    let addresses = dns.addresses(name).await?;
    let public: Vec<_> = addresses.into_iter().filter(|address| reach(*address) == Reach::Public).collect();
    if public.is_empty() {
        let found = format!("this network's own relay calls itself {name}, which has no public address");
        let fix = format!("Publish {name} A <the address it sends from>.");
        return Ok(Finding::fail_outside(REVERSE, found, fix));
    }
    for address in &public {
        let names = dns.names(*address).await?;
        if !names.iter().any(|own| own.eq_ignore_ascii_case(name)) {
            let called = if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
            let found = format!("{name} is at {address}, and {address} is called {called}");
            let fix = format!("Have whoever gave you {address} set its PTR record to {name}.");
            return Ok(Finding::fail_outside(REVERSE, found, fix));
        }
    }
    let shown: Vec<_> = public.iter().map(ToString::to_string).collect();
    Ok(Finding::pass(REVERSE, format!("{name} is at {}, and the other way round", shown.join(", "))))
}
