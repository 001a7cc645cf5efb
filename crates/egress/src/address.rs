//! Which addresses are whose: the special-purpose registries of IANA (RFC 6890), and where clouds keep secrets.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::LazyLock;

use ipnet::IpNet;

/// The reach of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Anybody's.
    Public,
    /// This machine's or this network's: only if a file names it.
    Inner(&'static str),
    /// Nobody's, everybody's at once, or where a cloud hands out keys.
    Never(&'static str),
}

use Reach::{Inner, Never, Public};

/// The first network that holds an address decides.
const NETWORKS: &[(&str, Reach)] = &[
    ("100.100.100.200/32", Never("a cloud's metadata")),
    ("168.63.129.16/32", Never("a cloud's metadata")),
    ("192.0.0.192/32", Never("a cloud's metadata")),
    ("169.254.0.0/16", Never("link-local, where clouds keep metadata")),
    ("0.0.0.0/8", Never("no address")),
    ("127.0.0.0/8", Inner("this machine")),
    ("10.0.0.0/8", Inner("private")),
    ("172.16.0.0/12", Inner("private")),
    ("192.168.0.0/16", Inner("private")),
    ("100.64.0.0/10", Inner("shared by a carrier")),
    ("198.18.0.0/15", Inner("for benchmarks")),
    ("192.0.0.0/24", Never("for protocols")),
    ("192.0.2.0/24", Never("for documentation")),
    ("198.51.100.0/24", Never("for documentation")),
    ("203.0.113.0/24", Never("for documentation")),
    ("192.88.99.0/24", Never("a relay of 6to4")),
    ("224.0.0.0/4", Never("multicast")),
    ("240.0.0.0/4", Never("reserved")),
    ("0.0.0.0/0", Public),
    ("::/128", Never("no address")),
    ("::1/128", Inner("this machine")),
    ("fd00:ec2::254/128", Never("a cloud's metadata")),
    ("fd20:ce::254/128", Never("a cloud's metadata")),
    ("fc00::/7", Inner("private")),
    ("2001::/23", Never("for protocols and tunnels")),
    ("2001:db8::/32", Never("for documentation")),
    ("3fff::/20", Never("for documentation")),
    ("2000::/3", Public),
];

/// Iterates over the networks of this machine and of those beside it, as they are written: `10.0.0.0/8`.
pub(crate) fn inner_networks() -> impl Iterator<Item = &'static str> {
    NETWORKS.iter().filter(|(_, reach)| matches!(reach, Inner(_))).map(|(network, _)| *network)
}

/// The same, read once.
static TABLE: LazyLock<Vec<(IpNet, Reach)>> = LazyLock::new(|| {
    NETWORKS.iter().filter_map(|(network, reach)| Some((network.parse().ok()?, *reach))).collect()
});

/// Returns the reach of `address`, whatever way it is written. What no registry gives to anybody is nobody's:
/// link-local, site-local and multicast addresses of IPv6 among it.
pub fn reach(address: IpAddr) -> Reach {
    let address = canonical(address);
    let holds = |(network, _): &&(IpNet, Reach)| network.contains(&address);
    TABLE.iter().find(holds).map_or(Never("not assigned"), |(_, reach)| *reach)
}

/// The IPv4 address inside an IPv6 one that is only a way to write or reach it: mapped and compatible (RFC 4291
/// §2.5.5), NAT64 (RFC 6052, RFC 8215), 6to4 (RFC 3056).
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

    const INNER: &str = "\
        127.0.0.1 127.255.255.255 10.0.0.0 10.255.255.255 172.16.0.1 172.31.255.255 192.168.0.1 \
        192.168.255.255 100.64.0.0 100.127.255.255 198.18.0.1 ::1 fc00::1 fdff:ffff::1 \
        ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::127.0.0.1 64:ff9b::7f00:1 64:ff9b:1::c0a8:1 \
        2002:7f00:1:: 2002:c0a8:101::1 ::ffff:0:192.168.0.1";

    const NEVER: &str = "\
        0.0.0.0 0.1.2.3 169.254.169.254 169.254.0.1 100.100.100.200 168.63.129.16 192.0.0.192 \
        192.0.0.1 192.0.2.1 198.51.100.1 203.0.113.1 192.88.99.1 224.0.0.1 239.255.255.255 \
        240.0.0.1 255.255.255.255 :: fe80::1 febf::1 fec0::1 ff02::1 fd00:ec2::254 2001::1 \
        2001:db8::1 3fff::1 5f00::1 100::1 ::ffff:169.254.169.254 64:ff9b::a9fe:a9fe \
        2002:a9fe:a9fe:: 4000::1 ::fffe:1:2:3 2001:10::1";

    fn of(address: &str) -> &'static str {
        match reach(address.parse().unwrap()) {
            Public => "public",
            Inner(_) => "inner",
            Never(_) => "never",
        }
    }

    #[test]
    fn every_network_can_be_read() {
        assert_eq!(TABLE.len(), NETWORKS.len());
    }

    #[test]
    fn sixty_addresses() {
        let addresses = [("public", PUBLIC), ("inner", INNER), ("never", NEVER)];
        let addresses =
            addresses.map(|(expected, list)| (expected, list.split_whitespace().collect::<Vec<_>>()));
        assert!(addresses.iter().map(|(_, list)| list.len()).sum::<usize>() > 60);
        for (expected, list) in addresses {
            for address in list {
                assert_eq!(of(address), expected, "{address}");
            }
        }
    }
}
