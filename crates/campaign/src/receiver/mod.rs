//! Receivers: the operators that accept a domain's mail, and the sending limits of each.
//!
//! Many domains are one receiver (`googlemail.com` is Gmail), and a receiver counts mail by its
//! servers, not by domains. Limits are therefore set for receivers: well-known ones by
//! name, all others by their domain, rolled up by the MX record where that is known.

mod providers;

use std::collections::BTreeMap;

use crate::pace::{DailyLimit, Rate};
use providers::PROVIDERS;

/// The limits on what a channel may send to one receiver.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ReceiverLimits {
    /// Maximum sending rate, if limited.
    pub rate: Option<Rate>,
    /// Maximum number of messages in flight at once, if limited: 1 or more.
    pub connections: Option<usize>,
    /// Maximum number of messages per day, if limited.
    pub daily: DailyLimit,
}

/// The `[channels.NAME.groups]` of a channel: the domains of each receiver, and its limits.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Receivers {
    /// Limits by the name of the receiver.
    limits: BTreeMap<String, ReceiverLimits>,
    /// Domains that the file assigns to a group, each with the group's name.
    domains: BTreeMap<String, String>,
    /// Limits of every other receiver, each by itself.
    default: Option<ReceiverLimits>,
    /// True if domains that no group names are grouped by the operator of their mail servers.
    groups_by_mx: bool,
}

/// Name of the group that stands for all receivers without their own group.
pub const DEFAULT_GROUP: &str = "default";

impl Receivers {
    /// Adds a receiver with its domains (lower case, A-labels). The group [`DEFAULT_GROUP`] has no
    /// domains.
    pub fn add(&mut self, name: &str, domains: impl IntoIterator<Item = String>, limits: ReceiverLimits) {
        if name == DEFAULT_GROUP {
            self.default = Some(limits);
            return;
        }
        self.domains.extend(domains.into_iter().map(|domain| (domain, name.to_owned())));
        self.limits.insert(name.to_owned(), limits);
    }

    /// Sets the grouping of domains that no group names: by the operator of their mail servers
    /// (true), or each by itself (false).
    pub fn set_group_by_mx(&mut self, group_by_mx: bool) {
        self.groups_by_mx = group_by_mx;
    }

    /// Returns true if domains that no group names are grouped by the operator of their mail
    /// servers.
    #[must_use]
    pub const fn groups_by_mx(&self) -> bool {
        self.groups_by_mx
    }

    /// Returns the name of the receiver of a domain's mail. `server` is the name of the domain's
    /// first mail server, where known. The file comes first, then the well-known domains, then the
    /// server; otherwise a domain is a receiver by itself.
    #[must_use]
    pub fn name_of<'a>(&'a self, domain: &'a str, server: Option<&str>) -> &'a str {
        if let Some(name) = self.domains.get(domain) {
            return name;
        }
        provider_of_domain(domain).or_else(|| server.and_then(provider_of_server)).unwrap_or(domain)
    }

    /// Returns the limits of the receiver of that name; `None` if it is not limited.
    #[must_use]
    pub fn limits(&self, name: &str) -> Option<&ReceiverLimits> {
        self.limits.get(name).or(self.default.as_ref())
    }

    /// Returns true if no receiver is limited.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.limits.is_empty() && self.default.is_none()
    }
}

/// Returns true if a well-known mailbox provider has that name.
#[must_use]
pub fn is_provider(name: &str) -> bool {
    PROVIDERS.iter().any(|provider| provider.name == name)
}

/// Iterates over the names of the well-known mailbox providers.
pub fn provider_names() -> impl Iterator<Item = &'static str> {
    PROVIDERS.iter().map(|provider| provider.name)
}

/// Returns the name of the well-known mailbox provider that a domain (lower case) belongs to.
#[must_use]
pub fn provider_of_domain(domain: &str) -> Option<&'static str> {
    PROVIDERS.iter().find(|provider| provider.domains.contains(&domain)).map(|provider| provider.name)
}

/// Returns the name of the well-known mailbox provider that runs a mail server (lower case, with or
/// without the dot at its end).
#[must_use]
pub fn provider_of_server(server: &str) -> Option<&'static str> {
    let server = server.trim_end_matches('.');
    let runs = |suffix: &&'static str| {
        let before = server.strip_suffix(*suffix);
        before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
    };
    PROVIDERS.iter().find(|provider| provider.servers.iter().any(runs)).map(|provider| provider.name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::text::EmailAddress;

    #[test]
    fn well_known_domains_share_a_receiver_and_others_are_their_own() {
        let none = Receivers::default();
        for (domain, name) in [
            ("gmail.com", "gmail"),
            ("googlemail.com", "gmail"),
            ("hotmail.co.uk", "outlook"),
            ("msn.com", "outlook"),
            ("aol.com", "yahoo"),
            ("yahoo.co.jp", "yahoo.co.jp"),
            ("foxmail.com", "qq"),
            ("126.com", "netease"),
            ("harbour.example", "harbour.example"),
            ("notgmail.com", "notgmail.com"),
        ] {
            assert_eq!(none.name_of(domain, None), name, "{domain}");
        }
    }

    #[test]
    fn a_mail_server_belongs_to_its_provider() {
        for (server, name) in [
            ("aspmx.l.google.com", Some("gmail")),
            ("ASPMX.L.GOOGLE.COM.".to_ascii_lowercase().as_str(), Some("gmail")),
            ("harbour-example.mail.protection.outlook.com", Some("office365")),
            ("hotmail-com.olc.protection.outlook.com", Some("outlook")),
            ("mta5.am0.yahoodns.net", Some("yahoo")),
            ("mxbiz1.qq.com", Some("qq")),
            ("mx.evilgoogle.com", None),
            ("google.com.evil.example", None),
            ("", None),
        ] {
            assert_eq!(provider_of_server(server), name, "{server}");
        }
    }

    #[test]
    fn the_file_comes_before_known_domains_and_the_server_last() {
        let limits = |count| ReceiverLimits { connections: Some(count), ..ReceiverLimits::default() };
        let mut receivers = Receivers::default();
        receivers.add("ours", ["gmail.com".to_owned(), "harbour.example".to_owned()], limits(1));
        receivers.add("yahoo", [], limits(2));
        assert_eq!(receivers.name_of("gmail.com", None), "ours");
        assert_eq!(receivers.name_of("harbour.example", Some("mx.google.com")), "ours");
        assert_eq!(receivers.name_of("pier.example", Some("mx.google.com")), "gmail");
        assert_eq!(receivers.limits("ours").and_then(|limits| limits.connections), Some(1));
        assert_eq!(receivers.limits("yahoo").and_then(|limits| limits.connections), Some(2));
        assert_eq!(receivers.limits("pier.example"), None);
        receivers.add(DEFAULT_GROUP, [], limits(3));
        assert_eq!(receivers.limits("pier.example").and_then(|limits| limits.connections), Some(3));
    }

    #[test]
    fn every_domain_is_valid_and_belongs_to_one_provider() {
        let mut seen = BTreeSet::new();
        for provider in PROVIDERS {
            assert_ne!(provider.name, DEFAULT_GROUP);
            for domain in provider.domains {
                assert!(seen.insert(domain), "{domain} stands twice");
                assert_eq!(EmailAddress::parse(&format!("a@{domain}")).unwrap().domain(), *domain);
            }
        }
    }
}
