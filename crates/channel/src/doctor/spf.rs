//! Who may send for a domain: SPF (RFC 7208), as far as it can be judged without a sender's address.

use std::collections::VecDeque;

use super::{Dns, DnsError, Finding};

const CHECK: &str = "spf";

/// The most terms that ask the DNS (RFC 7208 §4.6.4). One more, and the record counts as none.
const MOST: usize = 10;

/// Looks at the record of the domain that bounces go to.
pub(super) async fn examine(dns: &Dns, domain: &str) -> Finding {
    match read(dns, domain).await {
        Ok(policy) => policy.finding(domain),
        Err(error) => Finding::unanswered(CHECK, &error),
    }
}

/// What is known of a domain's policy.
#[derive(Debug, Default)]
struct Policy {
    /// The records at the domain itself.
    records: Vec<String>,
    /// Terms that ask the DNS, those of included records too.
    lookups: usize,
    /// What makes the whole of no use.
    faults: Vec<String>,
    /// What `all` says: `-`, `~`, `?` or `+`.
    end: Option<char>,
}

/// A record that is still to be read.
struct Pending {
    domain: String,
    /// Whether its `all` decides: that of the domain itself, or of where it redirects to.
    decides: bool,
}

async fn read(dns: &Dns, domain: &str) -> Result<Policy, DnsError> {
    let mut policy = Policy { records: records(dns, domain).await?, ..Policy::default() };
    let Some(record) = policy.records.first().cloned() else { return Ok(policy) };
    let mut pending = VecDeque::new();
    policy.add(&record, true, &mut pending);
    while let Some(next) = pending.pop_front() {
        // What can only be known with a message in hand is counted, and not followed.
        if policy.lookups > MOST || next.domain.contains('%') {
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
                    // What follows is not read, a redirection neither.
                    return;
                }
                ("include", _) => {
                    self.lookups += 1;
                    pending.push_back(Pending { domain: value.to_owned(), decides: false });
                }
                ("redirect", true) => redirect = Some(value.to_owned()),
                ("a" | "mx" | "ptr" | "exists", false) => self.lookups += 1,
                ("ip4" | "ip6", false) if is_network(value) => {}
                // Modifiers that nobody knows are passed over (RFC 7208 §6).
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
                    format!("{domain} has {several} SPF records, so receivers take none"),
                    format!("Make them one: {example}."),
                ),
            };
        };
        let shown: String = record.chars().take(200).collect();
        if self.lookups > MOST {
            let found = format!("{shown} needs more than {MOST} lookups, so receivers take it for none");
            let fix = "Take out includes that you do not send through.";
            return Finding::fail_outside(CHECK, found, fix);
        }
        if let Some(fault) = self.faults.first() {
            let found = format!("{shown}: {fault}, so receivers take it for none");
            return Finding::fail_outside(CHECK, found, "Mend or take out that part.");
        }
        let lookups = self.lookups;
        match self.end {
            Some('-' | '~') => Finding::pass(CHECK, format!("{shown} ({lookups} of {MOST} lookups)")),
            Some('+') => Finding::fail_outside(
                CHECK,
                format!("{shown} lets everybody send in the name of {domain}"),
                "End it with `-all` or `~all`.",
            ),
            _ => Finding::warn(
                CHECK,
                format!("{shown} does not say what to think of others"),
                "End it with `-all` or `~all`.",
            ),
        }
    }
}

/// An address, or a network as `10.0.0.0/8`.
fn is_network(text: &str) -> bool {
    text.parse::<ipnet::IpNet>().is_ok() || text.parse::<std::net::IpAddr>().is_ok()
}
