//! The proxy for outgoing HTTP requests.

use std::sync::Arc;

use hyper::Uri;
use hyper_util::client::proxy::matcher::Matcher;
use url::{Host, Url};

use crate::address_class::internal_networks;

/// The HTTP proxy from `[server] proxy` or `HTTPS_PROXY`. Addresses of this machine and of private
/// networks are reached without it. `Debug` shows neither its user nor its password.
#[derive(Clone)]
pub struct Proxy {
    url: Url,
    /// The hosts that are reached without the proxy, comma-separated, as the HTTP library parses
    /// them.
    direct: String,
    /// The HTTP library's rule for the proxy and the exceptions.
    matcher: Arc<Matcher>,
}

/// The error of a text that is not the URL of an HTTP proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "write the proxy as http://host:port, with user:password@ before the host if it asks for them, and @ # / ? : % in them \
     as %40 %23 %2F %3F %3A %25"
)]
pub struct BadProxy;

impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Proxy").field(&self.url.host_str()).field(&self.url.port()).finish()
    }
}

impl std::str::FromStr for Proxy {
    type Err = BadProxy;

    fn from_str(text: &str) -> Result<Self, BadProxy> {
        let text = text.trim();
        let whole = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let url = Url::parse(&whole).map_err(|_| BadProxy)?;
        // Text after the port is most likely a part of a password with an unescaped `#`, `/` or
        // `?`.
        let is_bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
        let is_good = matches!(url.scheme(), "http" | "https") && url.host_str().is_some() && is_bare;
        if is_good { Ok(Self::new(url, "")) } else { Err(BadProxy) }
    }
}

impl Proxy {
    /// Returns a proxy that is not used for `hosts`: a list of names, domains, addresses and
    /// networks in the syntax of NO_PROXY.
    #[must_use]
    pub fn except(self, hosts: Option<&str>) -> Self {
        Self::new(self.url, &normalized(hosts.unwrap_or_default()))
    }

    /// Returns a proxy for all hosts but this machine, private networks, and the list `except`.
    fn new(url: Url, except: &str) -> Self {
        let internal = internal_networks().collect::<Vec<_>>().join(",");
        let direct = format!("localhost,{internal},{except}");
        let matcher = Matcher::builder().all(url.as_str()).no(direct.as_str()).build();
        Self { url, direct, matcher: Arc::new(matcher) }
    }

    /// Returns the proxy as `host:port`, without user and password.
    pub(crate) fn host_and_port(&self) -> String {
        let port = self.url.port_or_known_default().unwrap_or(80);
        format!("{}:{port}", self.url.host_str().unwrap_or_default())
    }

    /// Returns true if a request for `url` goes through the proxy, by the rules of the HTTP
    /// library.
    pub(crate) fn applies_to(&self, url: &Url) -> bool {
        url.as_str().parse::<Uri>().is_ok_and(|uri| self.matcher.intercept(&uri).is_some())
    }

    /// Returns the proxy's host if it is a name and not an address.
    pub(crate) fn host_name(&self) -> Option<String> {
        match self.url.host() {
            Some(Host::Domain(name)) => Some(name.to_owned()),
            _ => None,
        }
    }

    /// Returns the proxy in the HTTP library's type.
    pub(crate) fn to_library(&self) -> reqwest::Result<reqwest::Proxy> {
        let proxy = reqwest::Proxy::all(self.url.clone())?;
        Ok(proxy.no_proxy(reqwest::NoProxy::from_string(&self.direct)))
    }
}

/// Converts a NO_PROXY list to the syntax that the HTTP library parses. It also accepts the syntax
/// of other programs: blanks between entries, `*.` before a domain, brackets around an address, a
/// port after a host (which is dropped, so that the entry covers all ports), and a dot at the end.
fn normalized(list: &str) -> String {
    let entry = |entry: &str| {
        let entry = entry.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(entry);
        if let Some((address, _)) = entry.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            return address.to_owned();
        }
        let host = match entry.split_once(':') {
            Some((host, port)) if port.parse::<u16>().is_ok() => host,
            _ => entry,
        };
        host.trim_end_matches('.').to_owned()
    };
    list.split([',', ' ', '\t']).filter(|text| !text.is_empty()).map(entry).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_proxy_accepts_the_syntax_of_other_programs() {
        let list = "*.wild.example, ported.example:8443 spaced.example,[2001:db8::1],[2001:db8::2]:443,dot.example.,10.1.0.0/16";
        let proxy = "http://proxy.example:3128".parse::<Proxy>().unwrap().except(Some(list));
        for direct in [
            "https://a.wild.example/x",
            "https://ported.example/",
            "http://spaced.example/",
            "https://[2001:db8::1]/",
            "https://[2001:db8::2]/",
            "https://dot.example/",
            "http://10.1.2.3/",
            "http://localhost:9/",
            "http://127.0.0.1:9/",
        ] {
            assert!(!proxy.applies_to(&direct.parse().unwrap()), "{direct}");
        }
        for through in ["https://other.example/", "https://notspaced.example/", "https://[2001:db8::3]/"] {
            assert!(proxy.applies_to(&through.parse().unwrap()), "{through}");
        }
        assert_eq!(proxy.host_and_port(), "proxy.example:3128");
    }

    #[test]
    fn a_proxy_is_an_http_url() {
        for good in
            ["http://proxy.example:3128", "proxy.example:3128", "https://u:p@10.0.0.1:8443", " http://p "]
        {
            assert!(good.parse::<Proxy>().is_ok(), "{good}");
        }
        for bad in ["", "socks5://a.example:1", "http://", "a b", "file:///etc/passwd"] {
            assert!(bad.parse::<Proxy>().is_err(), "{bad}");
        }
        let shown = format!("{:?}", "https://user:hunter2@proxy.example:8443".parse::<Proxy>().unwrap());
        assert!(!shown.contains("hunter2") && shown.contains("proxy.example"), "{shown}");
    }
}
