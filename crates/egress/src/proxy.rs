//! The proxy that HTTP requests go through.

use url::{Host, Url};

use crate::address::inner_networks;

/// A proxy, as `[server] proxy` or `HTTPS_PROXY` names it. Addresses of this machine and of private
/// networks are reached without it. `Debug` does not show its user and password.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    url: Url,
    /// Hosts that are reached without it, as NO_PROXY lists them.
    except: Option<String>,
}

/// The text names no proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write the proxy as http://host:port, with user:password@ before the host if it asks for them")]
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
        let is_good = matches!(url.scheme(), "http" | "https") && url.host_str().is_some();
        if is_good { Ok(Self { url, except: None }) } else { Err(BadProxy) }
    }
}

impl Proxy {
    /// Returns the same for all but some hosts: a list of names, domains, addresses and networks, as NO_PROXY has it.
    #[must_use]
    pub fn except(self, hosts: Option<String>) -> Self {
        Self { except: hosts, ..self }
    }

    /// Returns the proxy's host if it is a name.
    pub(crate) fn host(&self) -> Option<String> {
        match self.url.host() {
            Some(Host::Domain(name)) => Some(name.to_owned()),
            _ => None,
        }
    }

    /// Returns the proxy as the HTTP library has it.
    pub(crate) fn rule(&self) -> reqwest::Result<reqwest::Proxy> {
        let inner = inner_networks().collect::<Vec<_>>().join(",");
        let direct = format!("localhost,{inner},{}", self.except.as_deref().unwrap_or_default());
        let proxy = reqwest::Proxy::all(self.url.clone())?;
        Ok(proxy.no_proxy(reqwest::NoProxy::from_string(&direct)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_an_address_of_the_web() {
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
