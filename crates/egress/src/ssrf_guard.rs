//! The check that keeps outgoing requests from internal addresses (server-side request forgery).

use std::net::{IpAddr, SocketAddr};

use url::{Host, Url};

use crate::address_class::{self, AddressClass};

/// The reason that a destination is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BlockedAddress {
    /// The URL's scheme is neither `http` nor `https`.
    #[error("its url does not start with http:// or https://")]
    Scheme,
    /// The URL has no host.
    #[error("its url names no host")]
    Host,
    /// An address of class [`AddressClass::Forbidden`], with the reason.
    #[error("{0} can never be reached: it is {1}")]
    Forbidden(IpAddr, &'static str),
    /// A host, the address that it resolves to, and a description of that address's network, which
    /// is this machine or a private one.
    #[error("`{0}` leads to {1}, which is {2}; name the address itself in chorus.toml to allow it")]
    Internal(String, IpAddr, &'static str),
    /// A port that is used by another protocol than HTTP.
    #[error("port {0} is not one for the web")]
    Port(u16),
    /// A host name without an address.
    #[error("`{0}` leads to no address")]
    Nowhere(String),
}

/// Checks the host of a URL from a configuration file. An internal address is allowed if the URL
/// holds the address itself or `localhost`. Returns true for `localhost`: its name must resolve to
/// a loopback address.
///
/// # Errors
/// The URL's scheme or host is not allowed.
pub fn check_configured_url(url: &Url) -> Result<bool, BlockedAddress> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(BlockedAddress::Scheme);
    }
    let literal = match url.host().ok_or(BlockedAddress::Host)? {
        Host::Domain(name) => return Ok(name.eq_ignore_ascii_case("localhost")),
        Host::Ipv4(address) => IpAddr::V4(address),
        Host::Ipv6(address) => IpAddr::V6(address),
    };
    match address_class::classify(literal) {
        AddressClass::Public | AddressClass::Internal(_) => Ok(false),
        AddressClass::Forbidden(what) => Err(BlockedAddress::Forbidden(literal, what)),
    }
}

/// Checks the host and port of a URL from any other source: a literal address must be public, and a
/// name must not be `localhost`. The addresses of other names are checked when they are resolved.
/// Returns false.
///
/// # Errors
/// The URL's scheme, host or port is not allowed.
pub fn check_public_url(url: &Url) -> Result<bool, BlockedAddress> {
    check_configured_url(url)?;
    let inner = match url.host().ok_or(BlockedAddress::Host)? {
        Host::Domain(name) => {
            name.eq_ignore_ascii_case("localhost").then_some((name.to_owned(), IpAddr::from([127, 0, 0, 1])))
        }
        Host::Ipv4(address) => Some((address.to_string(), IpAddr::V4(address))),
        Host::Ipv6(address) => Some((address.to_string(), IpAddr::V6(address))),
    };
    match inner.map(|(name, address)| (name, address, address_class::classify(address))) {
        Some((name, address, AddressClass::Internal(what))) => {
            Err(BlockedAddress::Internal(name, address, what))
        }
        _ if is_blocked_port(url) => Err(BlockedAddress::Port(url.port().unwrap_or_default())),
        _ => Ok(false),
    }
}

/// Returns true if the URL's port is used by another protocol than HTTP: the well-known ones of
/// <https://fetch.spec.whatwg.org/#port-blocking>, and those of databases.
fn is_blocked_port(url: &Url) -> bool {
    const BLOCKED: [u16; 34] = [
        1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 79, 110, 111, 119, 135, 139,
        143, 389, 465, 587, 993, 995, 3306, 5432, 6379, 11211,
    ];
    url.port().is_some_and(|port| BLOCKED.contains(&port))
}

/// Returns the addresses in `found`, which `name` resolves to, that a request may be sent to:
/// public ones, or only loopback ones if `local` is set because a configuration file names
/// `localhost`.
///
/// # Errors
/// `found` holds no allowed address.
pub fn allowed_addresses(
    name: &str,
    found: &[SocketAddr],
    local: bool,
) -> Result<Vec<SocketAddr>, BlockedAddress> {
    let fits = |address: &&SocketAddr| match address_class::classify(address.ip()) {
        AddressClass::Public => !local,
        AddressClass::Internal(_) => local && address_class::canonical(address.ip()).is_loopback(),
        AddressClass::Forbidden(_) => false,
    };
    let allowed: Vec<_> = found.iter().filter(fits).copied().collect();
    match (allowed.is_empty(), found.first()) {
        (false, _) => Ok(allowed),
        (true, None) => Err(BlockedAddress::Nowhere(name.to_owned())),
        (true, Some(blocked)) => {
            let what = match address_class::classify(blocked.ip()) {
                AddressClass::Public => "not this machine",
                AddressClass::Internal(what) | AddressClass::Forbidden(what) => what,
            };
            Err(BlockedAddress::Internal(name.to_owned(), blocked.ip(), what))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(url: &str) -> Result<bool, BlockedAddress> {
        check_configured_url(&Url::parse(url).unwrap())
    }

    #[test]
    fn a_configured_url_may_hold_an_internal_address() {
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
            assert!(matches!(checked(url), Err(BlockedAddress::Forbidden(..))), "{url}");
        }
        for url in ["ftp://a.example", "file:///etc/passwd", "gopher://127.0.0.1"] {
            assert_eq!(checked(url), Err(BlockedAddress::Scheme), "{url}");
        }
    }

    #[test]
    fn a_name_may_not_resolve_to_an_internal_address() {
        let at = |address: &str| SocketAddr::new(address.parse().unwrap(), 0);
        let public = at("93.184.216.34");
        assert_eq!(allowed_addresses("a", &[at("10.0.0.1"), public], false), Ok(vec![public]));
        for internal in
            ["127.0.0.1", "10.0.0.1", "::1", "::ffff:192.168.0.1", "169.254.169.254", "64:ff9b::7f00:1"]
        {
            let blocked = allowed_addresses("a", &[at(internal)], false);
            assert!(matches!(blocked, Err(BlockedAddress::Internal(..))), "{internal}");
        }
        assert_eq!(allowed_addresses("localhost", &[at("127.0.0.1")], true), Ok(vec![at("127.0.0.1")]));
        for other in [public, at("10.0.0.1")] {
            assert!(allowed_addresses("localhost", &[other], true).is_err());
        }
        assert!(allowed_addresses("a", &[], false).is_err());
    }
}
