//! Who asks: whether a request was made on this machine, by itself and not through a proxy.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, Request};
use axum::http::header::{FORWARDED, HOST, VIA};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName};

/// Returns true if the other end of the connection is a loopback address, no header tells of a proxy, and the request
/// names this machine as `localhost` or by a loopback address.
///
/// The last keeps out a site whose name was pointed at this machine, and a proxy that passes the name on. A proxy on
/// this machine that adds no header and changes the name cannot be told from a local program.
pub(super) fn is_local(request: &Request) -> bool {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let is_loopback = |ip: IpAddr| ip.to_canonical().is_loopback();
    peer.is_some_and(|ConnectInfo(peer)| is_loopback(peer.ip()))
        && !is_forwarded(request.headers())
        && names_loopback(request)
}

/// Headers that proxies and delivery networks add, besides those that standards name.
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
    let tells = |name: &HeaderName| {
        *name == FORWARDED
            || *name == VIA
            || name.as_str().starts_with("x-forwarded")
            || PROXY_HEADERS.contains(&name.as_str())
    };
    headers.keys().any(tells)
}

/// Returns true if the request names a host, and every host that it names is this machine.
fn names_loopback(request: &Request) -> bool {
    let headers =
        request.headers().get_all(HOST).iter().map(|host| Authority::try_from(host.as_bytes()).ok());
    let named: Vec<_> = headers.chain(request.uri().authority().cloned().map(Some)).collect();
    let is_loopback = |authority: &Authority| {
        let name = authority.host().trim_matches(['[', ']']);
        name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    };
    !named.is_empty() && named.iter().all(|host| host.as_ref().is_some_and(is_loopback))
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
    fn a_program_of_this_machine_is_local() {
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
    fn others_and_whoever_comes_through_a_proxy_are_not() {
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
        let nobody = Request::builder().body(Body::empty()).unwrap();
        assert!(!is_local(&nobody), "who cannot be known is not local");
    }
}
