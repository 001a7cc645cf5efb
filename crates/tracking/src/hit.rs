//! Opens and clicks as events: the parts of a request that are stored.

use axum::http::{HeaderMap, HeaderName, Uri, header};
use store::{DeliveryName, EventKind, LinkId, Millis, NewEvent};

use crate::state::{SIMULATED_AT, TrackingState};

/// Maximum length of a stored header, in characters.
const MAX_HEADER_CHARS: usize = 200;

/// Returns the text after the last slash of the path, undecoded: tokens hold no escaped characters.
pub(crate) fn last_segment(uri: &Uri) -> &str {
    uri.path().rsplit('/').next().unwrap_or_default()
}

/// Returns the event of an open or click. `link` is the registered link of a click.
pub(crate) fn hit_event(
    state: &TrackingState,
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
        occurred_at: hit_time(state, headers),
        actor,
        detail: Some(request_detail(headers, None)),
    }
}

/// Returns the time of a hit: now, or in the demo the time that the request states.
fn hit_time(state: &TrackingState, headers: &HeaderMap) -> Millis {
    let simulated = headers.get(SIMULATED_AT).filter(|_| state.is_simulated);
    let simulated = simulated.and_then(|value| value.to_str().ok()?.parse().ok());
    simulated.map_or_else(|| state.clock.millis(), Millis::new)
}

/// Returns the user agent and referrer (without query and fragment) of a request as a JSON object,
/// each cut to [`MAX_HEADER_CHARS`]. The texts are untrusted. `source` is added if there is one.
pub(crate) fn request_detail(headers: &HeaderMap, source: Option<&str>) -> String {
    let pairs = [
        ("source", source.map(str::to_owned)),
        ("ua", header_text(headers, &header::USER_AGENT, |text| text)),
        ("referrer", header_text(headers, &header::REFERER, without_query)),
    ];
    let fields = pairs.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.into())));
    serde_json::Value::Object(fields.collect()).to_string()
}

fn without_query(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or_default()
}

fn header_text(headers: &HeaderMap, name: &HeaderName, part: fn(&str) -> &str) -> Option<String> {
    let text = String::from_utf8_lossy(headers.get(name)?.as_bytes());
    Some(part(&text).chars().take(MAX_HEADER_CHARS).collect())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn untrusted_headers_are_truncated_and_escaped() {
        let mut headers = HeaderMap::new();
        let agent = format!("<script>\"é\\{}", "x".repeat(9_000));
        headers.insert(header::USER_AGENT, HeaderValue::from_bytes(agent.as_bytes()).unwrap());
        headers
            .insert(header::REFERER, HeaderValue::from_static("https://mail.example/inbox?token=secret#x"));
        let detail = request_detail(&headers, Some("one-click"));
        let detail: serde_json::Value = serde_json::from_str(&detail).unwrap();
        assert_eq!(detail["ua"].as_str().unwrap().chars().count(), MAX_HEADER_CHARS);
        assert_eq!(detail["referrer"], "https://mail.example/inbox");
        assert_eq!(detail["source"], "one-click");
    }
}
