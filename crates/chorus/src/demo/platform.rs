//! A local endpoint that plays the social platforms: takes signed posts as Standard Webhooks 1.0.0 describes,
//! and shows them as people would see them.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use store::{Clock, Millis};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::feed_page;

/// How many posts are kept.
const KEPT: usize = 200;
/// The most that one post may have, in bytes.
const POST: usize = 64 * 1024;

/// The platforms, at work until they are [finished](Platform::finish).
#[derive(Debug)]
pub(crate) struct Platform {
    address: SocketAddr,
    feed: Feed,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// What was posted. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Feed {
    posts: Arc<Mutex<VecDeque<Post>>>,
    key: Arc<[u8]>,
    clock: Clock,
}

/// One post.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Post {
    /// `webhook-id`: the same on every try.
    pub(super) id: String,
    /// Where it was posted.
    pub(super) channel: String,
    /// When it came.
    pub(super) at: Millis,
    /// The `data` of the body: hostile.
    pub(super) data: Value,
}

impl Platform {
    /// Listens on a free port of 127.0.0.1. `secret` is `whsec_…` or base64, as the channel has it; `clock`
    /// says when a post came.
    ///
    /// # Errors
    /// The secret is no base64, or there is no port.
    pub(crate) async fn start(secret: &str, clock: Clock) -> anyhow::Result<Self> {
        let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap_or(secret));
        let key = key.context("read the secret of the demo's platform")?.into();
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("start the demo's platform")?;
        let address = listener.local_addr().context("start the demo's platform")?;
        let feed = Feed { posts: Arc::default(), key, clock };
        let stop = CancellationToken::new();
        let serve = axum::serve(listener, router(feed.clone()));
        let serve = serve.with_graceful_shutdown(stop.clone().cancelled_owned());
        let task = tokio::spawn(async move {
            if let Err(error) = serve.await {
                tracing::error!(%error, "the demo's platform ended");
            }
        });
        Ok(Self { address, feed, stop, task })
    }

    /// Where a channel posts to.
    pub(crate) fn hook(&self, channel: &str) -> String {
        format!("http://{}/hooks/{channel}", self.address)
    }

    /// Where people look at the posts.
    pub(crate) fn page(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// What was posted, for those who read it.
    pub(crate) fn feed(&self) -> Feed {
        self.feed.clone()
    }

    /// Stops listening.
    pub(crate) async fn finish(self) {
        self.stop.cancel();
        let abort = self.task.abort_handle();
        if tokio::time::timeout(std::time::Duration::from_secs(1), self.task).await.is_err() {
            abort.abort();
        }
    }
}

impl Feed {
    /// The posts, newest first.
    pub(super) fn posts(&self) -> Vec<Post> {
        self.posts.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Keeps a post, unless it is there already: a second try changes nothing.
    fn keep(&self, post: Post) {
        let mut posts = self.posts.lock().unwrap_or_else(PoisonError::into_inner);
        if posts.iter().any(|known| known.id == post.id) {
            return;
        }
        posts.push_front(post);
        posts.truncate(KEPT);
    }

    /// Whether one of the signatures is ours. The age of a request is not looked at: the demo's clock may run
    /// faster than the wall's, and a repeated id changes nothing here.
    fn is_signed(&self, headers: &HeaderMap, body: &[u8]) -> bool {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let (Some(id), Some(at), Some(signatures)) =
            (text("webhook-id"), text("webhook-timestamp"), text("webhook-signature"))
        else {
            return false;
        };
        let signed = |signature: &str| {
            let tag = signature.strip_prefix("v1,").and_then(|tag| STANDARD.decode(tag).ok());
            tag.is_some_and(|tag| self.mac(id, at, body).is_some_and(|mac| mac.verify_slice(&tag).is_ok()))
        };
        signatures.split(' ').any(signed)
    }

    fn mac(&self, id: &str, at: &str, body: &[u8]) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).ok()?;
        mac.update(format!("{id}.{at}.").as_bytes());
        mac.update(body);
        Some(mac)
    }
}

fn router(feed: Feed) -> Router {
    Router::new()
        .route("/", get(show))
        .route("/hooks/{channel}", post(take).layer(DefaultBodyLimit::max(POST)))
        .with_state(feed)
}

async fn show(State(feed): State<Feed>) -> Response {
    feed_page::page(&feed.posts())
}

async fn take(
    State(feed): State<Feed>,
    Path(channel): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if !feed.is_signed(&headers, &body) {
        return answer(StatusCode::UNAUTHORIZED, &json!({ "error": "the signature does not fit" }));
    }
    let Ok(whole) = serde_json::from_slice::<Value>(&body) else {
        return answer(StatusCode::BAD_REQUEST, &json!({ "error": "the body is not JSON" }));
    };
    // Signed, so it is there and a text.
    let id = headers.get("webhook-id").and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned();
    let data = whole.get("data").cloned().unwrap_or(Value::Null);
    feed.keep(Post { id: id.clone(), channel, at: feed.clock.millis(), data });
    answer(StatusCode::OK, &json!({ "id": id }))
}

fn answer(status: StatusCode, body: &Value) -> Response {
    (status, axum::Json(body)).into_response()
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use tower::ServiceExt as _;

    use super::*;

    /// Secret, id, time, body and signature as the libraries of Standard Webhooks compute them.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const AT: &str = "1674087231";
    const BODY: &str = "{\"test\": 2432232314}";
    const SIGNATURE: &str = "v1,AQG81rX2n4rTN1fkXoqILSHO9gAOcwya9dP41rhrQDI=";

    fn feed() -> Feed {
        let key = STANDARD.decode(SECRET.trim_start_matches("whsec_")).unwrap().into();
        Feed { posts: Arc::default(), key, clock: Clock::fixed(jiff::Timestamp::UNIX_EPOCH) }
    }

    async fn send(feed: &Feed, id: &str, signature: &str, body: &str) -> (StatusCode, String) {
        let request = Request::post("/hooks/community")
            .header("webhook-id", id)
            .header("webhook-timestamp", AT)
            .header("webhook-signature", signature)
            .body(Body::from(body.to_owned()))
            .unwrap();
        let response = router(feed.clone()).oneshot(request).await.unwrap();
        let status = response.status();
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_signed_post_is_kept_once_however_often_it_is_sent() {
        let feed = feed();
        for signature in [SIGNATURE.to_owned(), format!("v1,AAAA {SIGNATURE}")] {
            let (status, body) = send(&feed, ID, &signature, BODY).await;
            assert_eq!((status, body), (StatusCode::OK, format!("{{\"id\":\"{ID}\"}}")));
        }
        assert_eq!(feed.posts().len(), 1);
    }

    #[tokio::test]
    async fn what_is_not_signed_is_refused() {
        let feed = feed();
        for (id, signature, body) in [
            (ID, SIGNATURE, "{\"test\": 2432232315}"),
            ("msg_other", SIGNATURE, BODY),
            (ID, "v1,", BODY),
            (ID, "", BODY),
            (ID, &SIGNATURE.replace("v1,", "v1a,"), BODY),
        ] {
            assert_eq!(send(&feed, id, signature, body).await.0, StatusCode::UNAUTHORIZED, "{signature}");
        }
        let bare = Request::post("/hooks/community").body(Body::empty()).unwrap();
        let response = router(feed.clone()).oneshot(bare).await.unwrap();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        assert!(feed.posts().is_empty());
    }

    #[test]
    fn the_oldest_posts_go_first() {
        let feed = feed();
        for number in 0..=KEPT {
            let id = number.to_string();
            feed.keep(Post { id, channel: "community".to_owned(), at: 0, data: Value::Null });
        }
        let posts = feed.posts();
        assert_eq!((posts.len(), posts[0].id.as_str()), (KEPT, KEPT.to_string().as_str()));
    }

    #[tokio::test]
    async fn it_listens_on_this_machine_only_and_ends_when_told() {
        let platform = Platform::start(SECRET, Clock::System).await.unwrap();
        assert!(platform.address.ip().is_loopback());
        assert_eq!(platform.hook("community"), format!("{}hooks/community", platform.page()));
        let answer = reqwest::get(platform.page()).await.unwrap();
        assert!(answer.text().await.unwrap().contains("Nothing yet"));
        let page = platform.page();
        platform.finish().await;
        assert!(reqwest::get(page).await.is_err());
    }
}
