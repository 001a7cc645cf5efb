//! Receivers: who takes the mail of a domain, and what each of them may get.
//!
//! Many domains are one receiver (`googlemail.com` is Gmail), and a receiver counts what it gets by its servers,
//! not by domains. Limits are therefore set for receivers: well-known ones by name, all others by their domain,
//! rolled up by the MX record where that is known.

mod known;

use std::collections::BTreeMap;

use crate::pace::{Daily, Rate};
use known::FAMILIES;

/// What one receiver may get from a channel.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Limits {
    /// How fast, if bounded.
    pub rate: Option<Rate>,
    /// How many messages may be under way to it at once, if bounded: 1 or more.
    pub connections: Option<usize>,
    /// How many in a day, if bounded.
    pub daily: Daily,
}

/// The `[channels.NAME.groups]` of a channel: which domains are one receiver, and what it may get.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Receivers {
    /// Limits by the receiver's name.
    limits: BTreeMap<String, Limits>,
    /// Domains that the file puts into a group.
    domains: BTreeMap<String, String>,
    /// What every other receiver may get, each by itself.
    default: Option<Limits>,
    by_server: bool,
}

/// The name of the group that stands for all receivers without one of their own.
pub const DEFAULT: &str = "default";

impl Receivers {
    /// Adds a receiver with its domains (lower case, A-labels). One that is called [`DEFAULT`] has no domains.
    pub fn add(&mut self, name: &str, domains: impl IntoIterator<Item = String>, limits: Limits) {
        if name == DEFAULT {
            self.default = Some(limits);
            return;
        }
        self.domains.extend(domains.into_iter().map(|domain| (domain, name.to_owned())));
        self.limits.insert(name.to_owned(), limits);
    }

    /// Sets whether a domain that nobody names belongs to whoever runs its mail servers.
    pub fn set_by_server(&mut self, by_server: bool) {
        self.by_server = by_server;
    }

    /// Whether it does: else it is a receiver by itself.
    #[must_use]
    pub const fn by_server(&self) -> bool {
        self.by_server
    }

    /// The receiver of a domain's mail. `server` is the name of the domain's first mail server, where known. The
    /// file comes first, then the well-known domains, then the server; else a domain is a receiver by itself.
    #[must_use]
    pub fn name_of<'a>(&'a self, domain: &'a str, server: Option<&str>) -> &'a str {
        if let Some(name) = self.domains.get(domain) {
            return name;
        }
        family_of_domain(domain).or_else(|| server.and_then(family_of_server)).unwrap_or(domain)
    }

    /// What the receiver of that name may get; `None` when nothing bounds it.
    #[must_use]
    pub fn limits(&self, name: &str) -> Option<&Limits> {
        self.limits.get(name).or(self.default.as_ref())
    }

    /// Whether no receiver is limited.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.limits.is_empty() && self.default.is_none()
    }
}

/// Whether a well-known receiver is called `name`.
#[must_use]
pub fn is_known(name: &str) -> bool {
    FAMILIES.iter().any(|family| family.name == name)
}

/// The names of the well-known receivers.
pub fn known_names() -> impl Iterator<Item = &'static str> {
    FAMILIES.iter().map(|family| family.name)
}

/// The well-known receiver that a domain (lower case) belongs to.
#[must_use]
pub fn family_of_domain(domain: &str) -> Option<&'static str> {
    FAMILIES.iter().find(|family| family.domains.contains(&domain)).map(|family| family.name)
}

/// The well-known receiver that runs a mail server (lower case, with or without the dot at its end).
#[must_use]
pub fn family_of_server(server: &str) -> Option<&'static str> {
    let server = server.trim_end_matches('.');
    let runs = |suffix: &&'static str| {
        let before = server.strip_suffix(*suffix);
        before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
    };
    FAMILIES.iter().find(|family| family.servers.iter().any(runs)).map(|family| family.name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::text::EmailAddress;

    #[test]
    fn well_known_domains_are_one_receiver_and_others_are_their_own() {
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
    fn a_server_tells_whose_mail_it_takes() {
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
            assert_eq!(family_of_server(server), name, "{server}");
        }
    }

    #[test]
    fn the_file_comes_before_what_is_known_and_the_server_last() {
        let limits = |count| Limits { connections: Some(count), ..Limits::default() };
        let mut receivers = Receivers::default();
        receivers.add("ours", ["gmail.com".to_owned(), "harbour.example".to_owned()], limits(1));
        receivers.add("yahoo", [], limits(2));
        assert_eq!(receivers.name_of("gmail.com", None), "ours");
        assert_eq!(receivers.name_of("harbour.example", Some("mx.google.com")), "ours");
        assert_eq!(receivers.name_of("pier.example", Some("mx.google.com")), "gmail");
        assert_eq!(receivers.limits("ours").and_then(|limits| limits.connections), Some(1));
        assert_eq!(receivers.limits("yahoo").and_then(|limits| limits.connections), Some(2));
        assert_eq!(receivers.limits("pier.example"), None);
        receivers.add(DEFAULT, [], limits(3));
        assert_eq!(receivers.limits("pier.example").and_then(|limits| limits.connections), Some(3));
    }

    #[test]
    fn no_domain_belongs_to_two_and_each_can_be_written_to() {
        let mut seen = BTreeSet::new();
        for family in FAMILIES {
            assert_ne!(family.name, DEFAULT);
            for domain in family.domains {
                assert!(seen.insert(domain), "{domain} stands twice");
                assert_eq!(EmailAddress::parse(&format!("a@{domain}")).unwrap().domain(), *domain);
            }
        }
    }
}
