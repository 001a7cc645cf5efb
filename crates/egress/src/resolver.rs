//! Name resolution that returns only allowed addresses.

use std::net::SocketAddr;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::ssrf_guard::allowed_addresses;

/// The DNS resolver of an HTTP client. The proxy's addresses are not checked: the operator chose
/// the proxy.
#[derive(Debug, Clone)]
pub(crate) struct GuardedResolver {
    /// Set if names must resolve to loopback addresses instead of public ones.
    pub(crate) is_loopback: bool,
    /// The host name of the proxy, if there is one.
    pub(crate) proxy: Option<String>,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let Self { is_loopback, proxy } = self.clone();
        Box::pin(async move {
            let name = name.as_str();
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name, 0)).await?.collect();
            let is_proxy = proxy.is_some_and(|proxy| proxy.eq_ignore_ascii_case(name));
            let good = if is_proxy { found } else { allowed_addresses(name, &found, is_loopback)? };
            Ok(Box::new(good.into_iter()) as Addrs)
        })
    }
}
