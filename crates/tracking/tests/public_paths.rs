//! The tracking routes as contacts, mail services and shops use them, with a real SQLite database.

#![allow(clippy::unwrap_used, reason = "a failed test stops")]

use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use campaign::OnUncertain;
use jiff::Timestamp;
use serde_json::{Value, json};
use store::{
    AddressKind, AttributionGoal, Clock, ContactId, DeliveryId, DeliveryName, EventKind, LinkName, Metric,
    Millis, NewContact, NewRun, RecipientAddress, RecipientSource, RollupFilter, RunId, RunKind, Store,
    Suppression, SuppressionReason,
};
use tower::ServiceExt as _;
use tracking::{Goals, LinkSigner, Tracking};
use url::Url;

const NOW: &str = "2027-03-02T10:05:00Z";
const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
const KEY: &str = "the-api-key";
const EMAIL: &str = "mei@example.org";
const RENEW: &str = "https://harbour.example/renew?utm_source=email&x=1";
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";

/// A database with one run that was planned for one contact, and the tracking routes on it.
struct TrackingFixture {
    store: Store,
    signer: LinkSigner,
    clock: Clock,
    tracking: Tracking,
    /// The name of the delivery, which its links and Message-ID are derived from.
    name: DeliveryName,
    contact: ContactId,
    links: Vec<LinkName>,
    /// Path of the first link, `/c/…`.
    click: String,
    token: String,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

fn signer() -> LinkSigner {
    LinkSigner::new(&[7; 32], &Url::parse("https://news.example").unwrap())
}

async fn insert_contact(store: &Store, email: &str, now: Millis) -> ContactId {
    let contact = NewContact {
        external_id: Some(format!("crm-{email}")),
        email: Some(email.to_owned()),
        phone: None,
        language: None,
        timezone: None,
        consent: Some(store::Consent::Yes),
        attributes: serde_json::Map::new(),
        ..NewContact::default()
    };
    store.contact_upsert(&[contact], now).await.unwrap();
    store.contact_find(email).await.unwrap().unwrap().id
}

/// Inserts a run of the step `mail` with one recipient.
async fn insert_run(
    store: &Store,
    kind: RunKind,
    contact: ContactId,
    now: Millis,
) -> (DeliveryName, Vec<LinkName>) {
    let links = [RENEW.to_owned(), "javascript:alert(1)".to_owned()];
    let revision = store.revision_put("hash", "spring", "mail", "{}", &links, now).await.unwrap();
    let run = NewRun {
        campaign: "spring".to_owned(),
        step: "mail".to_owned(),
        channel: "email".to_owned(),
        instant: now,
        kind,
        revision_id: revision.id,
        parent_id: None,
        condition: None,
        on_uncertain: OnUncertain::Resend,
        look_after: 0,
        cost_micros: campaign::Money::ZERO,
        currency: String::new(),
        expires_at: now + 7 * DAY,
        origin: store::RunOrigin::default(),
    };
    let run = store.run_insert(&run, now).await.unwrap().unwrap();
    let recipients = RecipientSource::One { contact, address: RecipientAddress::Email, due_at: now };
    assert_eq!(store.run_plan(run, &recipients, now).await.unwrap(), 1);
    let name = store.run_get(run).await.unwrap().unwrap().name;
    (DeliveryName::new(name, DeliveryId::new(run, contact)), revision.links)
}

fn goals() -> Goals {
    let goal = AttributionGoal { campaign: "spring".to_owned(), window: 14 * DAY };
    Arc::new(RwLock::new(BTreeMap::from([("renewed".to_owned(), vec![goal])])))
}

async fn start(store: &Store, clock: &Clock, key: Option<&str>) -> Tracking {
    let key = key.map(str::to_owned);
    let brand = "Harbour <Coffee>".to_owned();
    Tracking::start(store.clone(), signer(), clock.clone(), goals(), key, brand, false).await.unwrap()
}

impl TrackingFixture {
    async fn new() -> Self {
        Self::with(RunKind::Manual, EMAIL).await
    }

    /// Creates the fixture with a run of this kind to the contact with this address.
    async fn with(kind: RunKind, email: &str) -> Self {
        let clock = Clock::fixed(NOW.parse::<Timestamp>().unwrap());
        let store = Store::open("sqlite::memory:").await.unwrap();
        store.migrate().await.unwrap();
        let now = clock.millis();
        let contact = insert_contact(&store, email, now).await;
        let (name, links) = insert_run(&store, kind, contact, now).await;
        let tracking = start(&store, &clock, Some(KEY)).await;
        let token = signer().token(name);
        let click = path(&signer().prefixes(&links).click[0]);
        let click = format!("{click}{token}");
        Self { store, signer: signer(), clock, tracking, name, contact, links, click, token }
    }

    fn now(&self) -> Millis {
        self.clock.millis()
    }

    fn advance(&self, millis: i64) {
        if let Clock::Fixed(at) = &self.clock {
            at.fetch_add(millis, std::sync::atomic::Ordering::Relaxed);
        }
    }

    /// Stops the writer, so that all queued events are written, and starts a new one.
    async fn flush(&mut self) {
        let next = start(&self.store, &self.clock, Some(KEY)).await;
        std::mem::replace(&mut self.tracking, next).finish().await;
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        send(self.tracking.router(), request).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.send(request(Method::GET, path, FIREFOX, "")).await
    }

    async fn post_form(&self, body: &str) -> Answer {
        self.send(form(&format!("/u/{}", self.token), body)).await
    }

    async fn post_events(&self, body: &str) -> Answer {
        self.send(events(Some(KEY), "application/json", body)).await
    }

    async fn metric_count(&self, metric: Metric) -> i64 {
        let rows = self.store.rollup_read(&RollupFilter::default()).await.unwrap();
        rows.iter().filter(|row| row.metric == metric).map(|row| row.count).sum()
    }

    async fn suppression(&self) -> Option<Suppression> {
        self.store.suppression_get(AddressKind::Email, EMAIL).await.unwrap()
    }

    async fn actors(&self, kind: EventKind) -> Vec<String> {
        let rows = self.store.event_of_contact(self.contact, 100).await.unwrap();
        let mut actors: Vec<_> =
            rows.into_iter().filter(|row| row.kind == kind).map(|row| row.actor).collect();
        actors.sort();
        actors
    }
}

async fn send(router: Router, request: Request<Body>) -> Answer {
    let response = router.oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap().to_vec();
    Answer { status: head.status, headers: head.headers, body }
}

fn request(method: Method, path: &str, agent: &str, body: &str) -> Request<Body> {
    let request = Request::builder().method(method).uri(path).header(header::USER_AGENT, agent);
    request.body(Body::from(body.to_owned())).unwrap()
}

fn form(path: &str, body: &str) -> Request<Body> {
    let mut request = request(Method::POST, path, "Mail-Service/1.0", body);
    let kind = "application/x-www-form-urlencoded".parse().unwrap();
    request.headers_mut().insert(header::CONTENT_TYPE, kind);
    request
}

fn events(key: Option<&str>, kind: &str, body: &str) -> Request<Body> {
    let mut request = request(Method::POST, "/api/v1/events", "shop/1.0", body);
    request.headers_mut().insert(header::CONTENT_TYPE, kind.parse().unwrap());
    if let Some(key) = key {
        request.headers_mut().insert(header::AUTHORIZATION, format!("Bearer {key}").parse().unwrap());
    }
    request
}

fn path(url: &str) -> String {
    url.strip_prefix("https://news.example").unwrap().to_owned()
}

#[tokio::test]
async fn a_click_redirects_to_the_registered_link_and_counts_once_for_a_person() {
    let mut app = TrackingFixture::new().await;
    for _ in 0..2 {
        let answer = app.get(&app.click).await;
        assert_eq!(answer.status, StatusCode::FOUND);
        assert_eq!(answer.headers[header::LOCATION], RENEW);
        assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
        assert_eq!(answer.headers[header::REFERRER_POLICY], "no-referrer");
        assert!(answer.body.is_empty());
    }
    app.flush().await;
    assert_eq!(app.metric_count(Metric::Clicked).await, 1);
    assert_eq!(app.metric_count(Metric::Clicks).await, 2);
    assert_eq!(app.metric_count(Metric::Opened).await, 1, "a click counts as an open");
}

#[tokio::test]
async fn machines_are_redirected_but_do_not_count() {
    let mut app = TrackingFixture::new().await;
    for agent in ["", "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", "curl/8.5.0"] {
        let answer = app.send(request(Method::GET, &app.click, agent, "")).await;
        assert_eq!(answer.status, StatusCode::FOUND, "{agent}");
        assert_eq!(answer.headers[header::LOCATION], RENEW);
    }
    assert_eq!(app.send(request(Method::HEAD, &app.click, FIREFOX, "")).await.status, StatusCode::FOUND);
    let mut ahead = request(Method::GET, &app.click, FIREFOX, "");
    ahead.headers_mut().insert("sec-purpose", "prefetch;prerender".parse().unwrap());
    app.send(ahead).await;
    let pixel = format!("/o/{}", app.token);
    app.send(request(Method::GET, &pixel, "Mozilla/5.0", "")).await;
    app.flush().await;
    assert_eq!(app.metric_count(Metric::Clicked).await + app.metric_count(Metric::Clicks).await, 0);
    assert_eq!(app.metric_count(Metric::Opened).await, 0);
    let expected = ["machine:library", "machine:method", "machine:no-agent", "machine:unfurler", "prefetch"];
    assert_eq!(app.actors(EventKind::Clicked).await, expected);
    assert_eq!(app.actors(EventKind::Opened).await, ["proxy:apple"]);
}

#[tokio::test]
async fn the_pixel_is_the_same_for_every_token_and_counts_for_people() {
    let mut app = TrackingFixture::new().await;
    let ours = app.get(&format!("/o/{}", app.token)).await;
    assert_eq!(ours.status, StatusCode::OK);
    assert_eq!(ours.body.len(), 43);
    assert_eq!(ours.headers[header::CONTENT_TYPE], "image/gif");
    assert_eq!(ours.headers[header::CACHE_CONTROL], "no-store");
    for forged in ["/o/x", "/o/%ff%00", "/o/AAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
        let answer = app.get(forged).await;
        assert_eq!((answer.status, &answer.body, &answer.headers), (ours.status, &ours.body, &ours.headers));
    }
    app.flush().await;
    assert_eq!(app.metric_count(Metric::Opened).await, 1);
}

#[tokio::test]
async fn only_registered_links_are_redirected() {
    let app = TrackingFixture::new().await;
    let (link, token) = app.click.strip_prefix("/c/").unwrap().split_once('.').unwrap();
    let prefixes = app.signer.prefixes(&[app.links[1], LinkName(999)]).click;
    let other = LinkSigner::new(&[8; 32], &Url::parse("https://news.example").unwrap());
    let attempts = [
        format!("/c/{link}.{}", other.token(app.name)),
        format!("{}{token}", path(&other.prefixes(&app.links[..1]).click[0])),
        format!("{}{token}", path(&prefixes[0])), // registered, but not a web address
        format!("{}{token}", path(&prefixes[1])), // signed, but not registered
        format!("/c/{link}"),
        format!("/c/{link}."),
        format!("/c/.{token}"),
        format!("/c/{token}.{link}"),
        format!("/c/{link}.{token}.x"),
        "/c/https:%2f%2fevil.example".to_owned(),
        "/c/x?url=https://evil.example".to_owned(),
        "/c/%ff".to_owned(),
    ];
    for attempt in attempts {
        let answer = app.get(&attempt).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{attempt}");
        assert!(!answer.headers.contains_key(header::LOCATION), "{attempt}");
        assert!(answer.text().contains("leads nowhere"));
    }
    let answer = app.get(&format!("{}?url=https://evil.example#//evil.example", app.click)).await;
    assert_eq!(answer.headers[header::LOCATION], RENEW);
}

#[tokio::test]
async fn links_registered_after_the_start_are_found() {
    let app = TrackingFixture::new().await;
    let links = ["https://harbour.example/new".to_owned()];
    let revision = app.store.revision_put("later", "spring", "mail", "{}", &links, app.now()).await.unwrap();
    let click = path(&app.signer.prefixes(&revision.links).click[0]);
    let answer = app.get(&format!("{click}{}", app.token)).await;
    assert_eq!(answer.headers[header::LOCATION], "https://harbour.example/new");
}

#[tokio::test]
async fn a_get_of_the_unsubscribe_page_changes_nothing() {
    let mut app = TrackingFixture::new().await;
    let page = app.get(&format!("/u/{}", app.token)).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(!page.text().contains(EMAIL));
    assert_eq!(app.get("/u/forged").await.body, page.body);
    app.send(request(Method::HEAD, &format!("/u/{}", app.token), FIREFOX, "")).await;
    app.flush().await;
    assert_eq!(app.suppression().await, None);
    assert_eq!(app.metric_count(Metric::Unsubscribed).await, 0);
    assert!(app.actors(EventKind::Unsubscribed).await.is_empty());
}

#[tokio::test]
async fn one_click_unsubscribes_before_the_response_and_counts_once() {
    let app = TrackingFixture::new().await;
    let mut multipart = request(
        Method::POST,
        &format!("/u/{}", app.token),
        "",
        "--b\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--b--\r\n",
    );
    let kind = "multipart/form-data; boundary=b".parse().unwrap();
    multipart.headers_mut().insert(header::CONTENT_TYPE, kind);
    let first = app.send(multipart).await;
    assert_eq!(first.status, StatusCode::OK, "no redirect");
    assert_eq!(app.suppression().await.unwrap().reason, SuppressionReason::Unsubscribed);
    assert!(!first.text().contains(EMAIL));

    let again = app.post_form("List-Unsubscribe=One-Click").await;
    let forged = app.send(form("/u/forged", "List-Unsubscribe=One-Click")).await;
    for answer in [again, forged] {
        assert_eq!((answer.status, &answer.body), (first.status, &first.body));
        assert_eq!(answer.headers, first.headers);
    }
    assert_eq!(app.metric_count(Metric::Unsubscribed).await, 1);
}

#[tokio::test]
async fn the_button_unsubscribes_and_can_be_undone_for_an_hour() {
    let app = TrackingFixture::new().await;
    assert!(app.post_form("action=unsubscribe").await.text().contains("You are unsubscribed"));
    assert!(app.suppression().await.is_some());
    app.advance(HOUR / 2);
    assert!(app.post_form("action=undo").await.text().contains("You stay subscribed"));
    assert_eq!(app.suppression().await, None);
    assert_eq!(app.actors(EventKind::Custom).await.len(), 1, "the wish to stay is recorded");

    app.post_form("action=unsubscribe").await;
    app.advance(HOUR + 1);
    assert_eq!(app.post_form("action=undo").await.status, StatusCode::OK);
    assert!(app.suppression().await.is_some(), "an older unsubscription remains");
}

#[tokio::test]
async fn undo_never_removes_a_bounce() {
    let app = TrackingFixture::new().await;
    let bounced = Suppression {
        kind: AddressKind::Email,
        address: EMAIL.to_owned(),
        reason: SuppressionReason::Bounced,
        source: "smtp 550 5.1.1".to_owned(),
        created_at: app.now(),
    };
    app.store.suppression_add(std::slice::from_ref(&bounced)).await.unwrap();
    app.post_form("action=undo").await;
    assert_eq!(app.suppression().await, Some(bounced));
}

#[tokio::test]
async fn a_deleted_delivery_still_unsubscribes_its_contact() {
    let mut app = TrackingFixture::new().await;
    app.token = app.signer.token(DeliveryName::Unnamed(DeliveryId::new(RunId(4_000), app.contact)));
    assert_eq!(app.post_form("List-Unsubscribe=One-Click").await.status, StatusCode::OK);
    assert_eq!(app.suppression().await.unwrap().source, "one-click");
}

/// Asserts that there are no rollups, events or suppressions.
async fn assert_nothing_recorded(app: &mut TrackingFixture) {
    app.flush().await;
    assert_eq!(app.store.rollup_read(&RollupFilter::default()).await.unwrap(), []);
    assert_eq!(app.store.event_recent(10).await.unwrap(), []);
    assert_eq!(app.store.suppression_list(10).await.unwrap(), []);
}

/// The database is restored from an empty backup: its first contact, run and link reuse lost ids.
#[tokio::test]
async fn links_of_a_lost_run_change_nothing_in_the_restored_database() {
    let lost = TrackingFixture::new().await;
    let mut app = TrackingFixture::with(RunKind::Manual, "noor@example.org").await;
    assert_eq!((lost.contact, lost.store.link_after(store::LinkId(0)).await.unwrap()[0].id), {
        (app.contact, app.store.link_after(store::LinkId(0)).await.unwrap()[0].id)
    });
    assert_ne!(app.signer.message_id(lost.name), app.signer.message_id(app.name));

    let answer = app.get(&lost.click).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert!(answer.text().contains("leads nowhere"));
    let link = app.click.split_once('.').unwrap().0;
    let answer = app.get(&format!("{link}.{}", lost.token)).await;
    assert_eq!(answer.headers[header::LOCATION], RENEW, "the link is known");
    assert_eq!(app.get(&format!("/o/{}", lost.token)).await.status, StatusCode::OK);
    let page = format!("/u/{}", lost.token);
    assert_eq!(app.get(&page).await.body, app.get("/u/forged").await.body);
    for body in ["List-Unsubscribe=One-Click", "action=unsubscribe", "action=undo"] {
        let (ours, forged) = (app.send(form(&page, body)).await, app.send(form("/u/forged", body)).await);
        assert_eq!((ours.status, ours.body), (StatusCode::OK, forged.body), "{body}");
    }
    // The same holds for a link of a run without a name whose id now belongs to a run with one.
    let old = app.signer.token(DeliveryName::Unnamed(DeliveryId::new(RunId(1), app.contact)));
    app.get(&format!("{link}.{old}")).await;
    app.get(&format!("/o/{old}")).await;
    app.send(form(&format!("/u/{old}"), "List-Unsubscribe=One-Click")).await;
    assert_nothing_recorded(&mut app).await;

    // An unsubscription by a valid link cannot be undone by the lost one.
    app.post_form("action=unsubscribe").await;
    for token in [&lost.token, &old] {
        app.send(form(&format!("/u/{token}"), "action=undo")).await;
    }
    assert_eq!(app.store.suppression_list(10).await.unwrap()[0].address, "noor@example.org");
}

#[tokio::test]
async fn a_test_copy_changes_nothing_and_its_unsubscribe_page_says_so() {
    let mut app = TrackingFixture::with(RunKind::Test, EMAIL).await;
    assert_eq!(app.get(&app.click).await.headers[header::LOCATION], RENEW);
    assert_eq!(app.get(&format!("/o/{}", app.token)).await.status, StatusCode::OK);
    let page = app.get(&format!("/u/{}", app.token)).await;
    assert_eq!(page.status, StatusCode::OK);
    insta::assert_snapshot!("test_copy_page", without_style(page.text()));
    for body in ["List-Unsubscribe=One-Click", "action=unsubscribe", "action=undo"] {
        let answer = app.post_form(body).await;
        assert_eq!((answer.status, answer.body), (StatusCode::OK, page.body.clone()), "{body}");
    }
    let event = json!({ "contact": EMAIL, "event": "renewed", "value": "1", "currency": "CNY" }).to_string();
    assert_eq!(app.post_events(&event).await.json(), json!({"results": [{"status": "recorded"}]}));
    let events = app.store.event_recent(10).await.unwrap();
    assert_eq!(events.iter().map(|event| event.kind).collect::<Vec<_>>(), [EventKind::Custom]);
    app.flush().await;
    assert_eq!(app.store.rollup_read(&RollupFilter::default()).await.unwrap(), []);
    assert_eq!(app.suppression().await, None);

    // Its undo does not remove an unsubscription by another message either.
    let existing = Suppression {
        kind: AddressKind::Email,
        address: EMAIL.to_owned(),
        reason: SuppressionReason::Unsubscribed,
        source: "one-click".to_owned(),
        created_at: app.now(),
    };
    app.store.suppression_add(std::slice::from_ref(&existing)).await.unwrap();
    app.post_form("action=undo").await;
    assert_eq!(app.suppression().await, Some(existing));
}

#[tokio::test]
async fn a_post_without_a_valid_action_changes_nothing() {
    let app = TrackingFixture::new().await;
    for body in ["", "List-Unsubscribe=", "action=", "x=One-Click"] {
        assert_eq!(app.post_form(body).await.status, StatusCode::BAD_REQUEST, "{body}");
    }
    assert_eq!(app.post_form(&"x".repeat(17 * 1024)).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(app.suppression().await, None);
}

#[tokio::test]
async fn pages_allow_no_external_resources_and_escape_the_brand() {
    let app = TrackingFixture::new().await;
    let page = app.get(&format!("/u/{}", app.token)).await;
    let policy = page.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    assert_eq!(page.headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
    assert!(page.text().contains("Harbour &lt;Coffee&gt;") && !page.text().contains("<script"));
    insta::assert_snapshot!("unsubscribe_page", without_style(page.text()));
    let done = app.post_form("action=unsubscribe").await;
    insta::assert_snapshot!("unsubscribed_page", without_style(done.text()));
}

fn without_style(page: &str) -> String {
    let (before, rest) = page.split_once("<style>").unwrap();
    let (_, after) = rest.split_once("</style>").unwrap();
    format!("{before}{after}").replace("><", ">\n<")
}

#[tokio::test]
async fn a_purchase_is_credited_to_the_campaign_that_was_clicked() {
    let mut app = TrackingFixture::new().await;
    app.get(&app.click).await;
    app.flush().await;
    app.advance(DAY);
    let event = json!({
        "contact": EMAIL, "event": "renewed", "value": "199.50", "currency": "CNY",
        "idempotency_key": "order-1", "properties": { "sku": "gold" },
    })
    .to_string();
    let answer = app.post_events(&event).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.json(), json!({"results": [{"status": "credited", "campaign": "spring"}]}));
    assert_eq!(app.post_events(&event).await.json(), json!({"results": [{"status": "repeated"}]}));
    let rows = app.store.rollup_read(&RollupFilter::default()).await.unwrap();
    let revenue = rows.iter().find(|row| row.metric == Metric::Converted).unwrap();
    assert_eq!(
        (revenue.count, revenue.amount.millionths(), revenue.currency.as_str()),
        (1, 199_500_000, "CNY")
    );
}

#[tokio::test]
async fn each_event_of_an_array_has_its_own_result() {
    let app = TrackingFixture::new().await;
    let body = json!([
        { "contact": format!("crm-{EMAIL}"), "event": "purchase" },
        { "contact": "nobody@example.org", "event": "purchase" },
        { "contact": EMAIL.to_uppercase(), "event": "purchase" },
    ]);
    let results = app.post_events(&body.to_string()).await.json();
    let statuses: Vec<_> =
        results["results"].as_array().unwrap().iter().map(|r| r["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["recorded", "error", "recorded"]);
    assert!(results["results"][1]["error"].as_str().unwrap().contains("import it first"));
}

#[tokio::test]
async fn a_malformed_body_writes_nothing() {
    let app = TrackingFixture::new().await;
    let good = json!({ "contact": EMAIL, "event": "purchase" });
    let body = json!([good, { "contact": EMAIL, "event": "purchase", "valeu": 1 }]).to_string();
    let answer = app.post_events(&body).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer.json()["errors"][0]["index"], 1);
    assert!(app.actors(EventKind::Custom).await.is_empty());
    let big = format!("[{}]", " ".repeat(1 << 20));
    assert_eq!(app.post_events(&big).await.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn events_need_the_key_and_json() {
    let app = TrackingFixture::new().await;
    let body = json!({ "contact": EMAIL, "event": "purchase" }).to_string();
    for key in [None, Some(""), Some("the-api-keX"), Some("the-api-key-and-more")] {
        let answer = app.send(events(key, "application/json", &body)).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{key:?}");
    }
    let answer = app.send(events(Some(KEY), "text/plain", &body)).await;
    assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert!(app.actors(EventKind::Custom).await.is_empty());
    let open = start(&app.store, &app.clock, None).await;
    let answer = send(open.router(), events(None, "application/json; charset=utf-8", &body)).await;
    assert_eq!(answer.status, StatusCode::OK);
}

#[tokio::test]
async fn redirects_work_without_the_database_and_writes_are_refused() {
    let app = TrackingFixture::new().await;
    app.store.close().await;
    assert_eq!(app.get(&app.click).await.headers[header::LOCATION], RENEW);
    assert_eq!(app.get(&format!("/o/{}", app.token)).await.status, StatusCode::OK);
    assert_eq!(app.get(&format!("/u/{}", app.token)).await.status, StatusCode::OK);
    let answer = app.post_form("List-Unsubscribe=One-Click").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.headers.contains_key(header::RETRY_AFTER));
    let event = json!({ "contact": EMAIL, "event": "purchase" }).to_string();
    assert_eq!(app.post_events(&event).await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(app.get("/healthz").await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_event_that_cannot_be_stored_is_a_client_error() {
    let app = TrackingFixture::new().await;
    // The whole units are within the limit of the parser, so that the store rejects the value.
    let event = json!({ "contact": EMAIL, "event": "purchase", "value": "1000000000.5", "currency": "CNY" });
    let answer = app.post_events(&event.to_string()).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.text());
    assert_eq!(answer.json()["results"][0]["error"], "the value of an event is at most 1000000000");
    // A database failure takes precedence.
    app.store.close().await;
    assert_eq!(app.post_events(&event.to_string()).await.status, StatusCode::SERVICE_UNAVAILABLE);
}
