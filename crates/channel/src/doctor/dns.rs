//! DNS queries with a timeout: to the machine's own servers, to a given server, or to fixed
//! records.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::RData;

/// A source of DNS records.
#[derive(Debug)]
pub enum Dns {
    /// A resolver that queries servers.
    Resolver(Box<TokioResolver>),
    /// Fixed records, for tests.
    Fixed(Zone),
}

/// Fixed records by name; names are in lowercase and have no trailing dot.
#[derive(Debug, Clone, Default)]
pub struct Zone {
    /// TXT records, each as one string.
    pub txt: BTreeMap<String, Vec<String>>,
    /// MX records as preference and host; the host `.` means that the domain accepts no mail (RFC
    /// 7505).
    pub mx: BTreeMap<String, Vec<(u16, String)>>,
    /// A and AAAA records.
    pub addresses: BTreeMap<String, Vec<IpAddr>>,
    /// PTR records by address.
    pub names: BTreeMap<IpAddr, Vec<String>>,
    /// Names whose queries time out.
    pub unresponsive: Vec<String>,
}

/// The error of a query without an answer. The answer that there are no records is no error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("ask the DNS for {name}: {why}")]
pub struct DnsError {
    name: String,
    why: String,
}

/// The timeout of one query.
const QUERY_TIMEOUT: Duration = Duration::from_secs(3);

impl Dns {
    /// Returns a resolver that queries the servers in the machine's configuration.
    ///
    /// # Errors
    /// The configuration cannot be read.
    pub fn from_system() -> Result<Self, DnsError> {
        let fail = |error: &NetError| DnsError { name: "this machine".to_owned(), why: error.to_string() };
        let mut builder = TokioResolver::builder_tokio().map_err(|error| fail(&error))?;
        configure(builder.options_mut());
        Ok(Self::Resolver(Box::new(builder.build().map_err(|error| fail(&error))?)))
    }

    /// Returns a resolver that queries the server at `address`, over UDP, and over TCP for long
    /// answers. It ignores the machine's hosts file.
    ///
    /// # Errors
    /// The system provides no socket.
    pub fn from_server(address: SocketAddr) -> Result<Self, DnsError> {
        let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()];
        let connections = connections.map(|mut connection| {
            connection.port = address.port();
            connection
        });
        let server = NameServerConfig::new(address.ip(), true, connections.to_vec());
        let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
        let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        configure(builder.options_mut());
        builder.options_mut().use_hosts_file = ResolveHosts::Never;
        let resolver = builder.build();
        let fail = |error: NetError| DnsError { name: address.to_string(), why: error.to_string() };
        Ok(Self::Resolver(Box::new(resolver.map_err(fail)?)))
    }

    /// Returns the TXT records of a name, each joined to one string.
    pub(super) async fn txt(&self, name: &str) -> Result<Vec<String>, DnsError> {
        let text = |data: &RData| match data {
            RData::TXT(txt) => Some(String::from_utf8_lossy(&txt.txt_data.concat()).into_owned()),
            _ => None,
        };
        match self {
            Self::Resolver(resolver) => query(name, resolver.txt_lookup(fully_qualified(name)), text).await,
            Self::Fixed(zone) => zone.lookup(name, &zone.txt),
        }
    }

    /// Returns the hosts of a domain's MX records, the preferred one first; `.` means that the
    /// domain accepts no mail.
    ///
    /// # Errors
    /// No answer within three seconds, or a failure.
    pub async fn mx(&self, name: &str) -> Result<Vec<String>, DnsError> {
        let server = |data: &RData| match data {
            RData::MX(mx) => Some((mx.preference, normalize(&mx.exchange.to_string()))),
            _ => None,
        };
        let mut found = match self {
            Self::Resolver(resolver) => {
                query(name, resolver.mx_lookup(fully_qualified(name)), server).await?
            }
            Self::Fixed(zone) => zone.lookup(name, &zone.mx)?,
        };
        found.sort();
        Ok(found.into_iter().map(|(_, server)| server).collect())
    }

    /// Returns the IPv4 and IPv6 addresses of a name.
    pub(super) async fn addresses(&self, name: &str) -> Result<Vec<IpAddr>, DnsError> {
        let address = |data: &RData| match data {
            RData::A(address) => Some(IpAddr::V4(address.0)),
            RData::AAAA(address) => Some(IpAddr::V6(address.0)),
            _ => None,
        };
        let resolver = match self {
            Self::Resolver(resolver) => resolver,
            Self::Fixed(zone) => return zone.lookup(name, &zone.addresses),
        };
        let (four, six) = tokio::join!(
            query(name, resolver.ipv4_lookup(fully_qualified(name)), address),
            query(name, resolver.ipv6_lookup(fully_qualified(name)), address),
        );
        match (four, six) {
            (Err(error), Err(_)) => Err(error),
            (four, six) => Ok([four.unwrap_or_default(), six.unwrap_or_default()].concat()),
        }
    }

    /// Returns the names in the PTR records of an address.
    pub(super) async fn names(&self, address: IpAddr) -> Result<Vec<String>, DnsError> {
        let name = |data: &RData| match data {
            RData::PTR(name) => Some(normalize(&name.0.to_string())),
            _ => None,
        };
        match self {
            Self::Resolver(resolver) => {
                query(&address.to_string(), resolver.reverse_lookup(address), name).await
            }
            Self::Fixed(zone) => Ok(zone.names.get(&address).cloned().unwrap_or_default()),
        }
    }
}

impl Zone {
    fn lookup<T: Clone>(&self, name: &str, records: &BTreeMap<String, Vec<T>>) -> Result<Vec<T>, DnsError> {
        if self.unresponsive.iter().any(|unresponsive| unresponsive == name) {
            return Err(DnsError { name: name.to_owned(), why: "no answer within 3 s".to_owned() });
        }
        Ok(records.get(&name.to_ascii_lowercase()).cloned().unwrap_or_default())
    }
}

fn configure(options: &mut ResolverOpts) {
    options.timeout = QUERY_TIMEOUT / 2;
    options.attempts = 1;
    options.edns0 = true;
}

/// Awaits a lookup and returns the records that `read` accepts; empty if the name has none.
async fn query<T>(
    name: &str,
    lookup: impl Future<Output = Result<Lookup, NetError>>,
    read: impl Fn(&RData) -> Option<T>,
) -> Result<Vec<T>, DnsError> {
    let fail = |why: String| DnsError { name: name.to_owned(), why };
    match tokio::time::timeout(QUERY_TIMEOUT, lookup).await {
        Ok(Ok(lookup)) => Ok(lookup.answers().iter().filter_map(|record| read(&record.data)).collect()),
        Ok(Err(error)) if error.is_no_records_found() || error.is_nx_domain() => Ok(Vec::new()),
        Ok(Err(error)) => Err(fail(error.to_string())),
        Err(_) => Err(fail("no answer within 3 s".to_owned())),
    }
}

/// Returns the name with a trailing dot, so that the resolver appends no search domain.
fn fully_qualified(name: &str) -> String {
    format!("{}.", name.trim_end_matches('.'))
}

/// Returns a name in lowercase without its trailing dot; the root name stays `.`.
fn normalize(name: &str) -> String {
    match name {
        "." => ".".to_owned(),
        name => name.trim_end_matches('.').to_ascii_lowercase(),
    }
}
