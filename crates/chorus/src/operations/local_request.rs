//! Detection of requests that were made on this machine and not through a proxy.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, Request};
use axum::http::header::{FORWARDED, HOST, VIA};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName};

/// Returns true if the peer has a loopback address, no header was added by a proxy, and the
/// request's host is `localhost` or a loopback address.
///
/// The last condition excludes sites whose name resolves to this machine (DNS rebinding), and
/// proxies that pass the host on. A proxy on this machine that adds no header and changes the host
/// cannot be distinguished from a local program.
pub(super) fn is_local(request: &Request) -> bool {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let is_loopback = |ip: IpAddr| ip.to_canonical().is_loopback();
    peer.is_some_and(|ConnectInfo(peer)| is_loopback(peer.ip()))
        && !is_forwarded(request.headers())
        && has_loopback_host(request)
}

/// Headers that proxies and content delivery networks add, besides the standardized ones.
const PROXY_HEADERS: [&str; 8] = [
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-original-forwarded-for",
    "x-envoy-external-address",
    "cf-connecting-ip",
    "true-client-ip",
    "cdn-loop",
];

fn is_forwarded(headers: &HeaderMap) -> bool {
    let is_proxy_header = |name: &HeaderName| {
        *name == FORWARDED
            || *name == VIA
            || name.as_str().starts_with("x-forwarded")
            || PROXY_HEADERS.contains(&name.as_str())
    };
    headers.keys().any(is_proxy_header)
}

/// Returns true if the request has a host, and all its hosts are this machine.
fn has_loopback_host(request: &Request) -> bool {
    let headers =
        request.headers().get_all(HOST).iter().map(|host| Authority::try_from(host.as_bytes()).ok());
    let hosts: Vec<_> = headers.chain(request.uri().authority().cloned().map(Some)).collect();
    let is_loopback = |authority: &Authority| {
        let name = authority.host().trim_matches(['[', ']']);
        name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    };
    !hosts.is_empty() && hosts.iter().all(|host| host.as_ref().is_some_and(is_loopback))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn request(peer: &str, headers: &[(&str, &str)]) -> Request {
        let mut request = Request::builder();
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let peer: SocketAddr = peer.parse().unwrap();
        request.extension(ConnectInfo(peer)).body(Body::empty()).unwrap()
    }

    #[test]
    fn requests_of_this_machine_are_local() {
        for (peer, host) in [
            ("127.0.0.1:40000", "127.0.0.1:8080"),
            ("127.0.0.1:40000", "localhost:8080"),
            ("[::1]:40000", "[::1]:8080"),
            ("[::ffff:127.0.0.1]:40000", "LOCALHOST"),
        ] {
            assert!(is_local(&request(peer, &[("host", host)])), "{peer} {host}");
        }
    }

    #[test]
    fn other_and_proxied_requests_are_not_local() {
        assert!(!is_local(&request("192.0.2.7:40000", &[("host", "127.0.0.1:8080")])));
        for header in [
            "Forwarded",
            "X-Forwarded-For",
            "X-Forwarded-Proto",
            "X-Real-IP",
            "Via",
            "CF-Connecting-IP",
            "CDN-Loop",
        ] {
            let headers = [("host", "127.0.0.1:8080"), (header, "127.0.0.1")];
            assert!(!is_local(&request("127.0.0.1:40000", &headers)), "{header}");
        }
        for host in ["news.harbour.example", "localhost.evil.example", "192.0.2.7:8080", "", "a@b@c"] {
            assert!(!is_local(&request("127.0.0.1:40000", &[("host", host)])), "{host}");
        }
        assert!(
            !is_local(&request("127.0.0.1:40000", &[])),
            "a request without a host may come through a proxy"
        );
        let two = [("host", "localhost"), ("host", "news.harbour.example")];
        assert!(!is_local(&request("127.0.0.1:40000", &two)), "two hosts");
        let mut absolute = request("127.0.0.1:40000", &[("host", "localhost")]);
        *absolute.uri_mut() = "http://news.harbour.example/metrics".parse().unwrap();
        assert!(!is_local(&absolute), "the address of the request counts, too");
        let without_peer = Request::builder().body(Body::empty()).unwrap();
        assert!(!is_local(&without_peer), "a request of an unknown peer is not local");
    }
}
