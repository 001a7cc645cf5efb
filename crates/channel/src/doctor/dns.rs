//! Questions to the DNS, each with its time: to the machine's own servers, to one that was named, or to answers
//! written down beforehand.

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

/// Who answers.
#[derive(Debug)]
pub enum Dns {
    /// Servers.
    Network(Box<TokioResolver>),
    /// Nobody: the answers are known.
    Known(Zone),
}

/// Records by name, in lower case and without a dot at the end.
#[derive(Debug, Clone, Default)]
pub struct Zone {
    /// Texts.
    pub txt: BTreeMap<String, Vec<String>>,
    /// Mail servers: preference and name; `.` for none on purpose (RFC 7505).
    pub mx: BTreeMap<String, Vec<(u16, String)>>,
    /// Addresses.
    pub addresses: BTreeMap<String, Vec<IpAddr>>,
    /// Names of addresses.
    pub names: BTreeMap<IpAddr, Vec<String>>,
    /// Names about which nobody answers.
    pub silent: Vec<String>,
}

/// Why there is no answer; not that there is nothing, which is one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("ask the DNS for {name}: {why}")]
pub struct DnsError {
    name: String,
    why: String,
}

/// How long one question may take.
const PATIENCE: Duration = Duration::from_secs(3);

impl Dns {
    /// The machine's own servers.
    ///
    /// # Errors
    /// The machine does not say which they are.
    pub fn of_machine() -> Result<Self, DnsError> {
        let fail = |error: &NetError| DnsError { name: "this machine".to_owned(), why: error.to_string() };
        let mut builder = TokioResolver::builder_tokio().map_err(|error| fail(&error))?;
        settle(builder.options_mut());
        Ok(Self::Network(Box::new(builder.build().map_err(|error| fail(&error))?)))
    }

    /// The server at `address`, by UDP, and by TCP where an answer is long. The machine's own table of hosts does
    /// not count.
    ///
    /// # Errors
    /// The system gives no socket.
    pub fn at(address: SocketAddr) -> Result<Self, DnsError> {
        let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()];
        let connections = connections.map(|mut connection| {
            connection.port = address.port();
            connection
        });
        let server = NameServerConfig::new(address.ip(), true, connections.to_vec());
        let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
        let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        settle(builder.options_mut());
        builder.options_mut().use_hosts_file = ResolveHosts::Never;
        let resolver = builder.build();
        let fail = |error: NetError| DnsError { name: address.to_string(), why: error.to_string() };
        Ok(Self::Network(Box::new(resolver.map_err(fail)?)))
    }

    /// The texts at a name, each in one piece.
    pub(super) async fn txt(&self, name: &str) -> Result<Vec<String>, DnsError> {
        let text = |data: &RData| match data {
            RData::TXT(txt) => Some(String::from_utf8_lossy(&txt.txt_data.concat()).into_owned()),
            _ => None,
        };
        match self {
            Self::Network(resolver) => answer(name, resolver.txt_lookup(absolute(name)), text).await,
            Self::Known(zone) => zone.known(name, &zone.txt),
        }
    }

    /// The mail servers of a domain, the best first; `.` for none on purpose.
    ///
    /// # Errors
    /// Nobody answers in three seconds, or with a failure.
    pub async fn mx(&self, name: &str) -> Result<Vec<String>, DnsError> {
        let server = |data: &RData| match data {
            RData::MX(mx) => Some((mx.preference, plain(&mx.exchange.to_string()))),
            _ => None,
        };
        let mut found = match self {
            Self::Network(resolver) => answer(name, resolver.mx_lookup(absolute(name)), server).await?,
            Self::Known(zone) => zone.known(name, &zone.mx)?,
        };
        found.sort();
        Ok(found.into_iter().map(|(_, server)| server).collect())
    }

    /// The addresses of a name, of both families.
    pub(super) async fn addresses(&self, name: &str) -> Result<Vec<IpAddr>, DnsError> {
        let address = |data: &RData| match data {
            RData::A(address) => Some(IpAddr::V4(address.0)),
            RData::AAAA(address) => Some(IpAddr::V6(address.0)),
            _ => None,
        };
        let resolver = match self {
            Self::Network(resolver) => resolver,
            Self::Known(zone) => return zone.known(name, &zone.addresses),
        };
        let (four, six) = tokio::join!(
            answer(name, resolver.ipv4_lookup(absolute(name)), address),
            answer(name, resolver.ipv6_lookup(absolute(name)), address),
        );
        match (four, six) {
            (Err(error), Err(_)) => Err(error),
            (four, six) => Ok([four.unwrap_or_default(), six.unwrap_or_default()].concat()),
        }
    }

    /// The names of an address.
    pub(super) async fn names(&self, address: IpAddr) -> Result<Vec<String>, DnsError> {
        let name = |data: &RData| match data {
            RData::PTR(name) => Some(plain(&name.0.to_string())),
            _ => None,
        };
        match self {
            Self::Network(resolver) => {
                answer(&address.to_string(), resolver.reverse_lookup(address), name).await
            }
            Self::Known(zone) => Ok(zone.names.get(&address).cloned().unwrap_or_default()),
        }
    }
}

impl Zone {
    fn known<T: Clone>(&self, name: &str, records: &BTreeMap<String, Vec<T>>) -> Result<Vec<T>, DnsError> {
        if self.silent.iter().any(|silent| silent == name) {
            return Err(DnsError { name: name.to_owned(), why: "no answer within 3 s".to_owned() });
        }
        Ok(records.get(&name.to_ascii_lowercase()).cloned().unwrap_or_default())
    }
}

fn settle(options: &mut ResolverOpts) {
    options.timeout = PATIENCE / 2;
    options.attempts = 1;
    options.edns0 = true;
}

/// What `lookup` gives of what `read` knows; nothing where there is nothing.
async fn answer<T>(
    name: &str,
    lookup: impl Future<Output = Result<Lookup, NetError>>,
    read: impl Fn(&RData) -> Option<T>,
) -> Result<Vec<T>, DnsError> {
    let fail = |why: String| DnsError { name: name.to_owned(), why };
    match tokio::time::timeout(PATIENCE, lookup).await {
        Ok(Ok(lookup)) => Ok(lookup.answers().iter().filter_map(|record| read(&record.data)).collect()),
        Ok(Err(error)) if error.is_no_records_found() || error.is_nx_domain() => Ok(Vec::new()),
        Ok(Err(error)) => Err(fail(error.to_string())),
        Err(_) => Err(fail("no answer within 3 s".to_owned())),
    }
}

/// A name that is not looked for below the machine's own domain.
fn absolute(name: &str) -> String {
    format!("{}.", name.trim_end_matches('.'))
}

fn plain(name: &str) -> String {
    match name {
        "." => ".".to_owned(),
        name => name.trim_end_matches('.').to_ascii_lowercase(),
    }
}
