//! Classification of IP addresses, by IANA's special-purpose registries (RFC 6890) and the metadata
//! services of clouds.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::LazyLock;

use ipnet::IpNet;

/// The kind of network that an address belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressClass {
    /// A globally reachable address.
    Public,
    /// An address of this machine or of a private network, with a description of the network. It
    /// can be reached only if a configuration file names it.
    Internal(&'static str),
    /// An address that is never reached, with the reason: unassigned, multicast, reserved, or a
    /// cloud's metadata service.
    Forbidden(&'static str),
}

use AddressClass::{Forbidden, Internal, Public};

/// Networks with their classes. The first that contains an address decides.
const NETWORKS: &[(&str, AddressClass)] = &[
    ("100.100.100.200/32", Forbidden("a cloud's metadata")),
    ("168.63.129.16/32", Forbidden("a cloud's metadata")),
    ("192.0.0.192/32", Forbidden("a cloud's metadata")),
    ("169.254.0.0/16", Forbidden("link-local, where clouds keep metadata")),
    ("0.0.0.0/8", Forbidden("no address")),
    ("127.0.0.0/8", Internal("this machine")),
    ("10.0.0.0/8", Internal("private")),
    ("172.16.0.0/12", Internal("private")),
    ("192.168.0.0/16", Internal("private")),
    ("100.64.0.0/10", Internal("shared by a carrier")),
    ("198.18.0.0/15", Internal("for benchmarks")),
    ("192.0.0.0/24", Forbidden("for protocols")),
    ("192.0.2.0/24", Forbidden("for documentation")),
    ("198.51.100.0/24", Forbidden("for documentation")),
    ("203.0.113.0/24", Forbidden("for documentation")),
    ("192.88.99.0/24", Forbidden("a relay of 6to4")),
    ("224.0.0.0/4", Forbidden("multicast")),
    ("240.0.0.0/4", Forbidden("reserved")),
    ("0.0.0.0/0", Public),
    ("::/128", Forbidden("no address")),
    ("::1/128", Internal("this machine")),
    ("fd00:ec2::254/128", Forbidden("a cloud's metadata")),
    ("fd20:ce::254/128", Forbidden("a cloud's metadata")),
    ("fc00::/7", Internal("private")),
    ("2001::/23", Forbidden("for protocols and tunnels")),
    ("2001:db8::/32", Forbidden("for documentation")),
    ("3fff::/20", Forbidden("for documentation")),
    ("2000::/3", Public),
];

/// Iterates over the networks of class [`Internal`] in CIDR notation: `10.0.0.0/8`.
pub(crate) fn internal_networks() -> impl Iterator<Item = &'static str> {
    NETWORKS.iter().filter(|(_, reach)| matches!(reach, Internal(_))).map(|(network, _)| *network)
}

/// [`NETWORKS`], with each network parsed, in the same order.
static TABLE: LazyLock<Vec<(IpNet, AddressClass)>> = LazyLock::new(|| {
    NETWORKS.iter().filter_map(|(network, reach)| Some((network.parse().ok()?, *reach))).collect()
});

/// Returns the class of `address`. An IPv4 address that is embedded in an IPv6 one counts as
/// itself. An address in no listed network is [`Forbidden`]; among these are the link-local,
/// site-local and multicast addresses of IPv6.
pub fn classify(address: IpAddr) -> AddressClass {
    let address = canonical(address);
    let holds = |(network, _): &&(IpNet, AddressClass)| network.contains(&address);
    TABLE.iter().find(holds).map_or(Forbidden("not assigned"), |(_, reach)| *reach)
}

/// Returns the IPv4 address that an IPv6 address embeds: mapped and compatible (RFC 4291 §2.5.5),
/// translated (RFC 2765), NAT64 (RFC 6052, RFC 8215) or 6to4 (RFC 3056). Returns any other address
/// unchanged.
pub(crate) fn canonical(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let parts = v6.segments();
    let v4 = |high: u16, low: u16| IpAddr::V4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
    match parts {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => address,
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] | [0, 0, 0, 0, 0xffff, 0, high, low] => v4(high, low),
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => v4(high, low),
        [0x64, 0xff9b, 1, _, _, _, high, low] => v4(high, low),
        [0x2002, high, low, ..] => v4(high, low),
        _ => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLIC: &str = "\
        1.1.1.1 8.8.8.8 93.184.216.34 172.15.255.255 172.32.0.0 192.167.255.255 192.169.0.0 \
        100.63.255.255 100.128.0.0 11.0.0.0 9.255.255.255 126.255.255.255 128.0.0.0 \
        223.255.255.255 198.17.255.255 198.20.0.0 2606:4700::1111 2a00:1450:4001::1 \
        ::ffff:8.8.8.8 64:ff9b::808:808 2002:808:808::1 169.253.255.255";

    const INTERNAL: &str = "\
        127.0.0.1 127.255.255.255 10.0.0.0 10.255.255.255 172.16.0.1 172.31.255.255 192.168.0.1 \
        192.168.255.255 100.64.0.0 100.127.255.255 198.18.0.1 ::1 fc00::1 fdff:ffff::1 \
        ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::127.0.0.1 64:ff9b::7f00:1 64:ff9b:1::c0a8:1 \
        2002:7f00:1:: 2002:c0a8:101::1 ::ffff:0:192.168.0.1";

    const FORBIDDEN: &str = "\
        0.0.0.0 0.1.2.3 169.254.169.254 169.254.0.1 100.100.100.200 168.63.129.16 192.0.0.192 \
        192.0.0.1 192.0.2.1 198.51.100.1 203.0.113.1 192.88.99.1 224.0.0.1 239.255.255.255 \
        240.0.0.1 255.255.255.255 :: fe80::1 febf::1 fec0::1 ff02::1 fd00:ec2::254 2001::1 \
        2001:db8::1 3fff::1 5f00::1 100::1 ::ffff:169.254.169.254 64:ff9b::a9fe:a9fe \
        2002:a9fe:a9fe:: 4000::1 ::fffe:1:2:3 2001:10::1";

    fn class_name(address: &str) -> &'static str {
        match classify(address.parse().unwrap()) {
            Public => "public",
            Internal(_) => "internal",
            Forbidden(_) => "forbidden",
        }
    }

    #[test]
    fn every_network_is_valid_cidr() {
        assert_eq!(TABLE.len(), NETWORKS.len());
    }

    #[test]
    fn addresses_are_classified() {
        let addresses = [("public", PUBLIC), ("internal", INTERNAL), ("forbidden", FORBIDDEN)];
        let addresses =
            addresses.map(|(expected, list)| (expected, list.split_whitespace().collect::<Vec<_>>()));
        assert!(addresses.iter().map(|(_, list)| list.len()).sum::<usize>() > 60);
        for (expected, list) in addresses {
            for address in list {
                assert_eq!(class_name(address), expected, "{address}");
            }
        }
    }
}
