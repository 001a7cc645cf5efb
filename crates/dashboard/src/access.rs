//! Access control: the key and its cookie, and the origin check of requests that change something.

use std::hint::black_box;
use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, COOKIE, HOST, LOCATION, ORIGIN, SET_COOKIE};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::error::PageError;
use crate::state::Dashboard;

/// The name of the cookie with the key.
const COOKIE_NAME: &str = "chorus_key";

/// The lifetime of the cookie: 30 days.
const COOKIE_SECONDS: u32 = 30 * 24 * 60 * 60;

/// Middleware that requires the key: in the cookie, as `Authorization: Bearer …`, or once as
/// `?key=…`, which is stored in the cookie and removed from the address.
pub(crate) async fn require_key(
    State(dashboard): State<Arc<Dashboard>>,
    request: Request,
    next: Next,
) -> Response {
    let Some(key) = dashboard.access_key.as_deref() else {
        let local = names_this_machine(request.headers());
        return if local { next.run(request).await } else { PageError::ForeignHost.into_response() };
    };
    if request.method() == Method::GET
        && let Some(offered) = offered_key(request.uri())
    {
        return if constant_time_eq(&offered, key) {
            set_cookie(key, &request)
        } else {
            PageError::KeyRequired.into_response()
        };
    }
    if bearer(request.headers()).is_some_and(|offered| constant_time_eq(offered, key))
        || cookie(request.headers()).is_some_and(|offered| constant_time_eq(offered, key))
    {
        return next.run(request).await;
    }
    PageError::KeyRequired.into_response()
}

/// Middleware that rejects requests which change something, unless they come from these pages
/// (`Sec-Fetch-Site`, otherwise `Origin`) or from a program that sends the key itself.
pub(crate) async fn require_same_origin(
    State(dashboard): State<Arc<Dashboard>>,
    request: Request,
    next: Next,
) -> Response {
    let safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let program = match (dashboard.access_key.as_deref(), bearer(request.headers())) {
        (Some(key), Some(offered)) => constant_time_eq(offered, key),
        _ => false,
    };
    if safe || program || is_same_origin(request.headers()) {
        return next.run(request).await;
    }
    PageError::ForeignOrigin.into_response()
}

/// Returns true if the request's host is an IP address or `localhost`. Without a key this protects
/// against DNS rebinding: requests of a site whose name points to this machine carry its name.
fn names_this_machine(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(HOST) else { return true };
    let Ok(authority) = Authority::try_from(host.as_bytes()) else { return false };
    let name = authority.host().trim_matches(['[', ']']);
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
}

/// Returns true if the browser reports that one of these pages sent the request.
fn is_same_origin(headers: &HeaderMap) -> bool {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text(HeaderName::from_static("sec-fetch-site")) {
        return site == "same-origin";
    }
    let host_of = |origin: &str| origin.split_once("://").map(|(_, host)| host.to_ascii_lowercase());
    match (text(ORIGIN).and_then(host_of), text(HOST)) {
        (Some(origin), Some(host)) => origin == host.to_ascii_lowercase(),
        _ => false,
    }
}

/// Returns the key in the query, percent-decoded.
fn offered_key(uri: &Uri) -> Option<String> {
    let pairs = url::form_urlencoded::parse(uri.query()?.as_bytes());
    pairs.into_iter().find(|(name, _)| name == "key").map(|(_, value)| value.into_owned())
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let all = headers.get_all(COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE_NAME).map(|(_, value)| value)
}

/// Sets the cookie and redirects to the same page without the key in its address.
fn set_cookie(key: &str, request: &Request) -> Response {
    let forwarded = request.headers().get("x-forwarded-proto").is_some_and(|proto| proto == "https");
    let secure = if forwarded { "; Secure" } else { "" };
    let cookie =
        format!("{COOKIE_NAME}={key}; Path=/; HttpOnly; SameSite=Strict; Max-Age={COOKIE_SECONDS}{secure}");
    let (Ok(cookie), Ok(location)) =
        (HeaderValue::from_str(&cookie), HeaderValue::from_str(&without_key(request.uri())))
    else {
        return PageError::KeyRequired.into_response();
    };
    (StatusCode::SEE_OTHER, [(SET_COOKIE, cookie), (LOCATION, location)]).into_response()
}

/// Returns the path with the query except the key. Leading slashes are reduced to one, because a
/// path like `//evil.example` would lead to another site.
fn without_key(uri: &Uri) -> String {
    let query = uri.query().unwrap_or_default().as_bytes();
    let rest = url::form_urlencoded::parse(query).filter(|(name, _)| name != "key");
    let rest = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(rest).finish();
    let path = format!("/{}", uri.path().trim_start_matches(['/', '\\']));
    if rest.is_empty() { path } else { format!("{path}?{rest}") }
}

/// Compares in constant time, so that the duration does not reveal how much of the key matches.
fn constant_time_eq(offered: &str, key: &str) -> bool {
    let (offered, key) = (offered.as_bytes(), key.as_bytes());
    let different = key.iter().enumerate().fold(offered.len() ^ key.len(), |sum, (index, byte)| {
        let other = offered.get(index).copied().unwrap_or_default();
        black_box(sum | usize::from(byte ^ other))
    });
    black_box(different) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_equal_keys_match() {
        assert!(constant_time_eq("secret", "secret"));
        for wrong in ["", "secre", "secrets", "Secret", "secret\0"] {
            assert!(!constant_time_eq(wrong, "secret"), "{wrong}");
        }
    }

    #[test]
    fn the_key_is_removed_and_the_address_stays_on_this_site() {
        let strip = |uri: &str| without_key(&uri.parse().unwrap());
        assert_eq!(strip("/?key=abc"), "/");
        assert_eq!(strip("/runs/3?state=failed&key=abc"), "/runs/3?state=failed");
        assert_eq!(strip("//evil.example/?key=abc"), "/evil.example/");
    }

    #[test]
    fn an_origin_is_trusted_only_if_the_browser_reports_it() {
        let headers = |pairs: &[(&'static str, &'static str)]| -> HeaderMap {
            pairs.iter().map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v))).collect()
        };
        assert!(is_same_origin(&headers(&[("sec-fetch-site", "same-origin")])));
        assert!(is_same_origin(&headers(&[("origin", "http://127.0.0.1:8080"), ("host", "127.0.0.1:8080")])));
        assert!(!is_same_origin(&headers(&[
            ("sec-fetch-site", "same-site"),
            ("origin", "http://a"),
            ("host", "a")
        ])));
        assert!(!is_same_origin(&headers(&[("sec-fetch-site", "none")])));
        assert!(!is_same_origin(&headers(&[("origin", "http://evil.example"), ("host", "127.0.0.1:8080")])));
        assert!(!is_same_origin(&headers(&[("origin", "null"), ("host", "null")])));
        assert!(!is_same_origin(&headers(&[("host", "127.0.0.1:8080")])));
    }

    #[test]
    fn without_a_key_a_name_is_not_enough() {
        let host = |host: &'static str| {
            names_this_machine(&[(HOST, HeaderValue::from_static(host))].into_iter().collect())
        };
        for here in ["localhost:8080", "LOCALHOST", "127.0.0.1:8080", "[::1]:8080", "192.168.1.7"] {
            assert!(host(here), "{here}");
        }
        for elsewhere in
            ["evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example", "", "a@b@c"]
        {
            assert!(!host(elsewhere), "{elsewhere}");
        }
        assert!(names_this_machine(&HeaderMap::new()), "browsers always send a host");
    }

    #[test]
    fn the_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, HeaderValue::from_static("a=b; chorus_key=k=1; c=d"));
        assert_eq!(cookie(&headers), Some("k=1"));
    }
}
