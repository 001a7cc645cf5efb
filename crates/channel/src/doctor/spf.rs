//! The check of SPF (RFC 7208), as far as is possible without the address of a sending server.

use std::collections::VecDeque;

use super::{Dns, DnsError, Finding};

const CHECK: &str = "spf";

/// The maximum number of terms that query the DNS (RFC 7208 §4.6.4). With more, receivers ignore
/// the record.
const MAX_LOOKUPS: usize = 10;

/// Checks the record of the domain that bounces go to.
pub(super) async fn examine(dns: &Dns, domain: &str) -> Finding {
    match read(dns, domain).await {
        Ok(policy) => policy.finding(domain),
        Err(error) => Finding::unanswered(CHECK, &error),
    }
}

/// The policy of a domain, collected from its record and the included ones.
#[derive(Debug, Default)]
struct Policy {
    /// The SPF records of the domain itself.
    records: Vec<String>,
    /// The number of terms that query the DNS, in included records too.
    lookups: usize,
    /// The errors that make receivers ignore the record.
    faults: Vec<String>,
    /// The qualifier of `all`: `-`, `~`, `?` or `+`.
    end: Option<char>,
}

/// A record that is still to be fetched.
struct Pending {
    domain: String,
    /// Set if its `all` term counts: in the domain's own record and in one that it redirects to.
    decides: bool,
}

async fn read(dns: &Dns, domain: &str) -> Result<Policy, DnsError> {
    let mut policy = Policy { records: records(dns, domain).await?, ..Policy::default() };
    let Some(record) = policy.records.first().cloned() else { return Ok(policy) };
    let mut pending = VecDeque::new();
    policy.add(&record, true, &mut pending);
    while let Some(next) = pending.pop_front() {
        // A domain with a macro depends on the message; it is counted, and not fetched.
        if policy.lookups > MAX_LOOKUPS || next.domain.contains('%') {
            continue;
        }
        match records(dns, &next.domain).await?.as_slice() {
            [record] => policy.add(record, next.decides, &mut pending),
            [] => policy.faults.push(format!("{} has no SPF record", next.domain)),
            _ => policy.faults.push(format!("{} has several SPF records", next.domain)),
        }
    }
    Ok(policy)
}

async fn records(dns: &Dns, domain: &str) -> Result<Vec<String>, DnsError> {
    let is_spf =
        |text: &String| text.split(' ').next().is_some_and(|version| version.eq_ignore_ascii_case("v=spf1"));
    Ok(dns.txt(domain).await?.into_iter().filter(is_spf).collect())
}

impl Policy {
    fn add(&mut self, record: &str, decides: bool, pending: &mut VecDeque<Pending>) {
        let mut redirect = None;
        for term in record.split_whitespace().skip(1) {
            let bare = term.trim_start_matches(['+', '-', '~', '?']);
            let qualifier = if bare.len() < term.len() { term.chars().next() } else { None };
            let (name, value) = bare.split_at(bare.find([':', '/', '=']).unwrap_or(bare.len()));
            let value = value.trim_start_matches([':', '=']);
            match (name.to_ascii_lowercase().as_str(), bare.contains('=')) {
                ("all", _) => {
                    if decides {
                        self.end = Some(qualifier.unwrap_or('+'));
                    }
                    // Terms after `all` are ignored, and so is a redirection.
                    return;
                }
                ("include", _) => {
                    self.lookups += 1;
                    pending.push_back(Pending { domain: value.to_owned(), decides: false });
                }
                ("redirect", true) => redirect = Some(value.to_owned()),
                ("a" | "mx" | "ptr" | "exists", false) => self.lookups += 1,
                ("ip4" | "ip6", false) if is_network(value) => {}
                // Unknown modifiers are ignored (RFC 7208 §6).
                (_, true) => {}
                _ => self.faults.push(format!("`{term}` cannot be read")),
            }
        }
        if let Some(domain) = redirect {
            self.lookups += 1;
            pending.push_back(Pending { domain, decides });
        }
    }

    fn finding(&self, domain: &str) -> Finding {
        let example = format!("{domain} TXT \"v=spf1 include:<your relay's SPF domain> -all\"");
        let [record] = self.records.as_slice() else {
            return match self.records.len() {
                0 => Finding::fail_outside(
                    CHECK,
                    format!("{domain} has no SPF record"),
                    format!("Publish {example}."),
                ),
                several => Finding::fail_outside(
                    CHECK,
                    format!("{domain} has {several} SPF records, so receivers use none"),
                    format!("Make them one: {example}."),
                ),
            };
        };
        let shown: String = record.chars().take(200).collect();
        if self.lookups > MAX_LOOKUPS {
            let found = format!("{shown} needs more than {MAX_LOOKUPS} lookups, so receivers ignore it");
            let fix = "Take out includes that you do not send through.";
            return Finding::fail_outside(CHECK, found, fix);
        }
        if let Some(fault) = self.faults.first() {
            let found = format!("{shown}: {fault}, so receivers ignore it");
            return Finding::fail_outside(CHECK, found, "Fix or take out that part.");
        }
        let lookups = self.lookups;
        match self.end {
            Some('-' | '~') => Finding::pass(CHECK, format!("{shown} ({lookups} of {MAX_LOOKUPS} lookups)")),
            Some('+') => Finding::fail_outside(
                CHECK,
                format!("{shown} lets anyone send in the name of {domain}"),
                "End it with `-all` or `~all`.",
            ),
            _ => Finding::warn(
                CHECK,
                format!("{shown} does not say what to do with e-mail from other servers"),
                "End it with `-all` or `~all`.",
            ),
        }
    }
}

/// Returns true for an address, or a network in CIDR notation: `10.0.0.0/8`.
fn is_network(text: &str) -> bool {
    text.parse::<ipnet::IpNet>().is_ok() || text.parse::<std::net::IpAddr>().is_ok()
}
