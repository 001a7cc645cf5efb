//! The check of the addresses that may be reached.

use std::net::{IpAddr, SocketAddr};

use url::{Host, Url};

use crate::address::{self, Reach};

/// A destination that may not be reached.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BlockedAddress {
    /// It is no address of the web.
    #[error("its url does not start with http:// or https://")]
    Scheme,
    /// It has no host.
    #[error("its url names no host")]
    Host,
    /// Nobody's, everybody's at once, or where a cloud hands out keys.
    #[error("{0} can never be reached: it is {1}")]
    Never(IpAddr, &'static str),
    /// Of this machine or of a private network.
    #[error("`{0}` leads to {1}, which is {2}; name the address itself in chorus.toml to allow it")]
    Inner(String, IpAddr, &'static str),
    /// A port on which something else than HTTP listens.
    #[error("port {0} is not one for the web")]
    Port(u16),
    /// The name has no address.
    #[error("`{0}` leads to no address")]
    Nowhere(String),
}

/// Checks the host of a URL that a file names. An inner address is allowed when it stands there itself, or as
/// `localhost`: then the file asks for it. Returns true if names may lead to this machine.
///
/// # Errors
/// It may not be reached.
pub fn check(url: &Url) -> Result<bool, BlockedAddress> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(BlockedAddress::Scheme);
    }
    let literal = match url.host().ok_or(BlockedAddress::Host)? {
        Host::Domain(name) => return Ok(name.eq_ignore_ascii_case("localhost")),
        Host::Ipv4(address) => IpAddr::V4(address),
        Host::Ipv6(address) => IpAddr::V6(address),
    };
    match address::reach(literal) {
        Reach::Public | Reach::Inner(_) => Ok(false),
        Reach::Never(what) => Err(BlockedAddress::Never(literal, what)),
    }
}

/// Checks the host of a URL that no file names as an inner one: an address must be public, and a name must not be
/// this machine's. Where names lead is checked when they are resolved.
///
/// # Errors
/// It may not be reached.
pub fn check_public(url: &Url) -> Result<bool, BlockedAddress> {
    check(url)?;
    let inner = match url.host().ok_or(BlockedAddress::Host)? {
        Host::Domain(name) => {
            name.eq_ignore_ascii_case("localhost").then_some((name.to_owned(), IpAddr::from([127, 0, 0, 1])))
        }
        Host::Ipv4(address) => Some((address.to_string(), IpAddr::V4(address))),
        Host::Ipv6(address) => Some((address.to_string(), IpAddr::V6(address))),
    };
    match inner.map(|(name, address)| (name, address, address::reach(address))) {
        Some((name, address, Reach::Inner(what))) => Err(BlockedAddress::Inner(name, address, what)),
        _ if is_blocked_port(url) => Err(BlockedAddress::Port(url.port().unwrap_or_default())),
        _ => Ok(false),
    }
}

/// Ports on which something else than HTTP listens: <https://fetch.spec.whatwg.org/#port-blocking>, and databases.
fn is_blocked_port(url: &Url) -> bool {
    const BLOCKED: [u16; 34] = [
        1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 79, 110, 111, 119, 135, 139,
        143, 389, 465, 587, 993, 995, 3306, 5432, 6379, 11211,
    ];
    url.port().is_some_and(|port| BLOCKED.contains(&port))
}

/// Returns those of `found`, the addresses of `name`, that may be reached; `local` is set if the file says `localhost`.
///
/// # Errors
/// None of them may be reached.
pub fn allowed(name: &str, found: &[SocketAddr], local: bool) -> Result<Vec<SocketAddr>, BlockedAddress> {
    let fits = |address: &&SocketAddr| match address::reach(address.ip()) {
        Reach::Public => !local,
        Reach::Inner(_) => local && address::canonical(address.ip()).is_loopback(),
        Reach::Never(_) => false,
    };
    let good: Vec<_> = found.iter().filter(fits).copied().collect();
    match (good.is_empty(), found.first()) {
        (false, _) => Ok(good),
        (true, None) => Err(BlockedAddress::Nowhere(name.to_owned())),
        (true, Some(bad)) => {
            let what = match address::reach(bad.ip()) {
                Reach::Public => "not this machine",
                Reach::Inner(what) | Reach::Never(what) => what,
            };
            Err(BlockedAddress::Inner(name.to_owned(), bad.ip(), what))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(url: &str) -> Result<bool, BlockedAddress> {
        check(&Url::parse(url).unwrap())
    }

    #[test]
    fn a_file_may_name_an_inner_address_itself() {
        for url in [
            "http://127.0.0.1:8080/x",
            "http://[::1]/",
            "https://10.1.2.3/",
            "http://2130706433/",
            "https://a.example",
        ] {
            assert_eq!(checked(url), Ok(false), "{url}");
        }
        assert_eq!(checked("http://LOCALHOST:1/"), Ok(true));
        for url in [
            "http://169.254.169.254/latest",
            "http://[::ffff:a9fe:a9fe]/",
            "http://0.0.0.0/",
            "http://255.255.255.255",
        ] {
            assert!(matches!(checked(url), Err(BlockedAddress::Never(..))), "{url}");
        }
        for url in ["ftp://a.example", "file:///etc/passwd", "gopher://127.0.0.1"] {
            assert_eq!(checked(url), Err(BlockedAddress::Scheme), "{url}");
        }
    }

    #[test]
    fn a_name_may_not_lead_inside() {
        let at = |address: &str| SocketAddr::new(address.parse().unwrap(), 0);
        let public = at("93.184.216.34");
        assert_eq!(allowed("a", &[at("10.0.0.1"), public], false), Ok(vec![public]));
        for inner in
            ["127.0.0.1", "10.0.0.1", "::1", "::ffff:192.168.0.1", "169.254.169.254", "64:ff9b::7f00:1"]
        {
            assert!(matches!(allowed("a", &[at(inner)], false), Err(BlockedAddress::Inner(..))), "{inner}");
        }
        assert_eq!(allowed("localhost", &[at("127.0.0.1")], true), Ok(vec![at("127.0.0.1")]));
        for other in [public, at("10.0.0.1")] {
            assert!(allowed("localhost", &[other], true).is_err());
        }
        assert!(allowed("a", &[], false).is_err());
    }
}
