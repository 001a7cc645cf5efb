//! The checks that a domain accepts e-mail, and that the sending server's name matches its address.

use std::net::IpAddr;

use egress::{AddressClass, classify};

use super::{Dns, DnsError, Finding};

/// The destination of e-mail to a domain.
enum MailRoute {
    /// The host of the preferred MX record, which has an address.
    Server(String),
    /// The host of the preferred MX record, which has no address.
    UnreachableServer(String),
    /// The domain's own address, as it has no MX record.
    OwnAddress,
    /// None: a null MX record says that the domain accepts no e-mail (RFC 7505).
    NullMx,
    /// None: the domain has neither an MX record nor an address.
    Missing,
}

/// Finds the destination of e-mail to a domain, by its preferred MX record only.
async fn mail_route(dns: &Dns, domain: &str) -> Result<MailRoute, DnsError> {
    let servers = dns.mx(domain).await?;
    let Some(server) = servers.into_iter().next() else {
        let has_address = !dns.addresses(domain).await?.is_empty();
        return Ok(if has_address { MailRoute::OwnAddress } else { MailRoute::Missing });
    };
    if server == "." {
        return Ok(MailRoute::NullMx);
    }
    let found = !dns.addresses(&server).await?.is_empty();
    Ok(if found { MailRoute::Server(server) } else { MailRoute::UnreachableServer(server) })
}

/// Checks that the sender's domain accepts replies: receivers distrust e-mail from a domain that
/// does not.
pub(super) async fn examine_sender(dns: &Dns, domain: &str) -> Finding {
    examine_route("sender", dns, domain, false).await
}

/// Checks that the domain that bounces go to accepts e-mail.
pub(super) async fn examine_bounces(dns: &Dns, domain: &str) -> Finding {
    examine_route("bounces", dns, domain, true).await
}

async fn examine_route(check: &'static str, dns: &Dns, domain: &str, needs_server: bool) -> Finding {
    let fix = format!("Publish {domain} MX 10 <your mail server>.");
    let fail = |found: String| Finding::fail_outside(check, found, fix.as_str());
    match mail_route(dns, domain).await {
        Ok(MailRoute::Server(server)) => Finding::pass(check, format!("mail to {domain} goes to {server}")),
        Ok(MailRoute::UnreachableServer(server)) => {
            fail(format!("mail to {domain} goes to {server}, which has no address"))
        }
        Ok(MailRoute::OwnAddress) if needs_server => {
            Finding::warn(check, format!("{domain} has no MX record, only an address"), fix)
        }
        Ok(MailRoute::OwnAddress) => {
            Finding::pass(check, format!("mail to {domain} goes to its own address"))
        }
        Ok(MailRoute::NullMx) => fail(format!("{domain} says that it takes no mail")),
        Ok(MailRoute::Missing) => fail(format!("{domain} has neither an MX record nor an address")),
        Err(error) => Finding::unanswered(check, &error),
    }
}

const REVERSE: &str = "reverse_dns";

/// Checks the reverse DNS of the mail server that calls itself `name`: each public address of the
/// name must have a PTR record with the name.
pub(super) async fn examine_reverse_dns(dns: &Dns, name: &str) -> Finding {
    if !name.contains('.') || name.parse::<IpAddr>().is_ok() || name.starts_with('[') {
        let found =
            format!("this network's own relay calls itself `{name}`, which is no fully qualified name");
        return Finding::warn(
            REVERSE,
            found,
            "Give it one, such as mail.harbour.example (Postfix: `myhostname`).",
        );
    }
    match confirm_reverse_dns(dns, name).await {
        Ok(finding) => finding,
        Err(error) => Finding::unanswered(REVERSE, &error),
    }
}

/// Compares the PTR records of the name's public addresses with the name.
async fn confirm_reverse_dns(dns: &Dns, name: &str) -> Result<Finding, DnsError> {
    let addresses = dns.addresses(name).await?;
    let public: Vec<_> =
        addresses.into_iter().filter(|address| classify(*address) == AddressClass::Public).collect();
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
            let fix = format!("Ask the provider of {address} to set its PTR record to {name}.");
            return Ok(Finding::fail_outside(REVERSE, found, fix));
        }
    }
    let shown: Vec<_> = public.iter().map(ToString::to_string).collect();
    Ok(Finding::pass(REVERSE, format!("{name} is at {}, and the other way round", shown.join(", "))))
}
