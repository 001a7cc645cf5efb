//! Name resolution that gives only addresses that may be reached.

use std::net::SocketAddr;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::guard::allowed;

/// Resolver of a client. The addresses of a proxy are the operator's choice, and pass.
#[derive(Debug, Clone)]
pub(crate) struct GuardedResolver {
    /// Set if names may lead to this machine, and nowhere else.
    pub(crate) is_loopback: bool,
    /// The host of the proxy.
    pub(crate) proxy: Option<String>,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let Self { is_loopback, proxy } = self.clone();
        Box::pin(async move {
            let name = name.as_str();
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name, 0)).await?.collect();
            let is_proxy = proxy.is_some_and(|proxy| proxy.eq_ignore_ascii_case(name));
            let good = if is_proxy { found } else { allowed(name, &found, is_loopback)? };
            Ok(Box::new(good.into_iter()) as Addrs)
        })
    }
}
