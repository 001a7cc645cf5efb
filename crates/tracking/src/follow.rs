//! `/c/…` and `/o/…`: a redirect and a picture that wait for nothing.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use store::{DeliveryName, EventKind, LinkId, LinkName, Millis, NewEvent};

use crate::actor::{self, Hit};
use crate::page;
use crate::public::{Public, SIMULATED_AT};

/// One transparent point: the 43 bytes that everybody uses.
pub(crate) const PIXEL: &[u8; 43] =
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\
\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;";

/// How much of what a stranger sent is kept, in characters.
const KEPT: usize = 200;

/// Redirects to the registered destination, and nowhere else.
pub(crate) async fn click(
    State(public): State<Arc<Public>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let Some((link, delivery)) = read_click(&public, last_segment(&uri)) else {
        return page::lost(&public.brand);
    };
    let target = match public.links.target(link).await {
        Ok(Some(target)) => target,
        Ok(None) => return page::lost(&public.brand),
        Err(error) => {
            tracing::warn!(%error, "a new link could not be looked up");
            return page::failed(&public.brand, None, &error);
        }
    };
    let actor = actor::classify(Hit::Click, &method, &headers);
    public.intake.take(event(&public, EventKind::Clicked, delivery, Some(target.id), actor, &headers));
    (StatusCode::FOUND, [(header::LOCATION, target.location)]).into_response()
}

/// The picture, whatever is asked: a stranger learns nothing.
pub(crate) async fn open(
    State(public): State<Arc<Public>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    if let Some(delivery) = public.signer.read_token(last_segment(&uri)) {
        let actor = actor::classify(Hit::Open, &method, &headers);
        public.intake.take(event(&public, EventKind::Opened, delivery, None, actor, &headers));
    }
    ([(header::CONTENT_TYPE, HeaderValue::from_static("image/gif"))], &PIXEL[..]).into_response()
}

/// What follows the last slash, as it was sent: our tokens need no decoding.
pub(crate) fn last_segment(uri: &Uri) -> &str {
    uri.path().rsplit('/').next().unwrap_or_default()
}

fn read_click(public: &Public, segment: &str) -> Option<(LinkName, DeliveryName)> {
    let (link, token) = segment.split_once('.')?;
    Some((public.signer.read_link(link)?, public.signer.read_token(token)?))
}

fn event(
    public: &Public,
    kind: EventKind,
    delivery: DeliveryName,
    link: Option<LinkId>,
    actor: String,
    headers: &HeaderMap,
) -> NewEvent {
    NewEvent {
        kind,
        delivery: delivery.into(),
        link,
        occurred_at: happened(public, headers),
        actor,
        detail: Some(detail(headers, None)),
    }
}

/// Returns the time of a hit: now, but for the demo's.
fn happened(public: &Public, headers: &HeaderMap) -> Millis {
    let said = headers.get(SIMULATED_AT).filter(|_| public.is_simulated);
    let said = said.and_then(|value| value.to_str().ok()?.parse().ok());
    said.map_or_else(|| public.clock.millis(), Millis::new)
}

/// What the other side said of itself, cut short, as JSON: hostile text.
pub(crate) fn detail(headers: &HeaderMap, source: Option<&str>) -> String {
    let referrer = kept(headers, &header::REFERER, |text| text.split(['?', '#']).next().unwrap_or_default());
    let pairs = [
        ("source", source.map(str::to_owned)),
        ("ua", kept(headers, &header::USER_AGENT, |text| text)),
        ("referrer", referrer),
    ];
    let fields = pairs.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.into())));
    serde_json::Value::Object(fields.collect()).to_string()
}

fn kept(headers: &HeaderMap, name: &HeaderName, part: fn(&str) -> &str) -> Option<String> {
    let text = String::from_utf8_lossy(headers.get(name)?.as_bytes());
    Some(part(&text).chars().take(KEPT).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_headers_are_kept_short_and_as_json() {
        let mut headers = HeaderMap::new();
        let agent = format!("<script>\"é\\{}", "x".repeat(9_000));
        headers.insert(header::USER_AGENT, HeaderValue::from_bytes(agent.as_bytes()).unwrap());
        headers
            .insert(header::REFERER, HeaderValue::from_static("https://mail.example/inbox?token=secret#x"));
        let detail: serde_json::Value = serde_json::from_str(&detail(&headers, Some("one-click"))).unwrap();
        assert_eq!(detail["ua"].as_str().unwrap().chars().count(), KEPT);
        assert_eq!(detail["referrer"], "https://mail.example/inbox");
        assert_eq!(detail["source"], "one-click");
    }

    #[test]
    fn the_picture_is_a_gif_of_one_point() {
        assert_eq!(&PIXEL[..6], b"GIF89a");
        assert_eq!((PIXEL[6], PIXEL[8], PIXEL[42]), (1, 1, b';'));
    }
}
