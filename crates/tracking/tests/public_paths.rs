//! The public paths as strangers, mailboxes and shops use them, over a real SQLite database.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on must stop")]

use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use campaign::OnUncertain;
use jiff::Timestamp;
use serde_json::{Value, json};
use store::{
    Address, AddressKind, Clock, ContactId, DeliveryId, DeliveryName, EventKind, Goal, LinkName, Metric,
    Millis, NewContact, NewRun, Planned, RollupFilter, RunId, RunKind, Store, Suppression, SuppressionReason,
};
use tower::ServiceExt as _;
use tracking::{Goals, Signer, Tracking};
use url::Url;

const NOW: &str = "2027-03-02T10:05:00Z";
const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
const KEY: &str = "the-api-key";
const EMAIL: &str = "mei@example.org";
const RENEW: &str = "https://harbour.example/renew?utm_source=email&x=1";
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";

/// One campaign that reached one person, and the public paths.
struct App {
    store: Store,
    signer: Signer,
    clock: Clock,
    tracking: Tracking,
    /// The delivery as its links and its Message-ID name it.
    name: DeliveryName,
    contact: ContactId,
    links: Vec<LinkName>,
    /// `/c/…` of the one link.
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

fn signer() -> Signer {
    Signer::new(&[7; 32], &Url::parse("https://news.example").unwrap())
}

async fn person(store: &Store, email: &str, now: Millis) -> ContactId {
    let person = NewContact {
        external_id: Some(format!("crm-{email}")),
        email: Some(email.to_owned()),
        phone: None,
        language: None,
        timezone: None,
        consent: None,
        attributes: serde_json::Map::new(),
    };
    store.contact_upsert(&[person], now).await.unwrap();
    store.contact_find(email).await.unwrap().unwrap().id
}

/// A run of the step `mail` that goes to one contact.
async fn sent(
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
        origin: store::Origin::default(),
    };
    let run = store.run_insert(&run, now).await.unwrap().unwrap();
    let whom = Planned::One { contact, address: Address::Email, due_at: now };
    assert_eq!(store.run_plan(run, &whom, now).await.unwrap(), 1);
    let name = store.run_get(run).await.unwrap().unwrap().name;
    (DeliveryName::new(name, DeliveryId::new(run, contact)), revision.links)
}

fn goals() -> Goals {
    let goal = Goal { campaign: "spring".to_owned(), window: 14 * DAY };
    Arc::new(RwLock::new(BTreeMap::from([("renewed".to_owned(), vec![goal])])))
}

async fn start(store: &Store, clock: &Clock, key: Option<&str>) -> Tracking {
    let key = key.map(str::to_owned);
    let brand = "Harbour <Coffee>".to_owned();
    Tracking::start(store.clone(), signer(), clock.clone(), goals(), key, brand, false).await.unwrap()
}

impl App {
    async fn new() -> Self {
        Self::with(RunKind::Manual, EMAIL).await
    }

    /// A run of this kind that reached this person.
    async fn with(kind: RunKind, email: &str) -> Self {
        let clock = Clock::fixed(NOW.parse::<Timestamp>().unwrap());
        let store = Store::open("sqlite::memory:").await.unwrap();
        store.migrate().await.unwrap();
        let now = clock.millis();
        let contact = person(&store, email, now).await;
        let (name, links) = sent(&store, kind, contact, now).await;
        let tracking = start(&store, &clock, Some(KEY)).await;
        let token = signer().token(name);
        let click = path(&signer().starts(&links).click[0]);
        let click = format!("{click}{token}");
        Self { store, signer: signer(), clock, tracking, name, contact, links, click, token }
    }

    fn now(&self) -> Millis {
        self.clock.millis()
    }

    fn pass(&self, millis: i64) {
        if let Clock::Fixed(at) = &self.clock {
            at.fetch_add(millis, std::sync::atomic::Ordering::Relaxed);
        }
    }

    /// Ends the writer, so that all that was queued is written, and starts again as after a restart.
    async fn settle(&mut self) {
        let next = start(&self.store, &self.clock, Some(KEY)).await;
        std::mem::replace(&mut self.tracking, next).finish().await;
    }

    async fn ask(&self, request: Request<Body>) -> Answer {
        ask(self.tracking.router(), request).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(request(Method::GET, path, FIREFOX, "")).await
    }

    async fn post_form(&self, body: &str) -> Answer {
        self.ask(form(&format!("/u/{}", self.token), body)).await
    }

    async fn post_events(&self, body: &str) -> Answer {
        self.ask(events(Some(KEY), "application/json", body)).await
    }

    async fn figure(&self, metric: Metric) -> i64 {
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

async fn ask(router: Router, request: Request<Body>) -> Answer {
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
    let mut app = App::new().await;
    for _ in 0..2 {
        let answer = app.get(&app.click).await;
        assert_eq!(answer.status, StatusCode::FOUND);
        assert_eq!(answer.headers[header::LOCATION], RENEW);
        assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
        assert_eq!(answer.headers[header::REFERRER_POLICY], "no-referrer");
        assert!(answer.body.is_empty());
    }
    app.settle().await;
    assert_eq!(app.figure(Metric::Clicked).await, 1);
    assert_eq!(app.figure(Metric::Clicks).await, 2);
    assert_eq!(app.figure(Metric::Opened).await, 1, "who clicks has opened");
}

#[tokio::test]
async fn machines_are_answered_and_labelled_and_do_not_count() {
    let mut app = App::new().await;
    for agent in ["", "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", "curl/8.5.0"] {
        let answer = app.ask(request(Method::GET, &app.click, agent, "")).await;
        assert_eq!(answer.status, StatusCode::FOUND, "{agent}");
        assert_eq!(answer.headers[header::LOCATION], RENEW);
    }
    assert_eq!(app.ask(request(Method::HEAD, &app.click, FIREFOX, "")).await.status, StatusCode::FOUND);
    let mut ahead = request(Method::GET, &app.click, FIREFOX, "");
    ahead.headers_mut().insert("sec-purpose", "prefetch;prerender".parse().unwrap());
    app.ask(ahead).await;
    let pixel = format!("/o/{}", app.token);
    app.ask(request(Method::GET, &pixel, "Mozilla/5.0", "")).await;
    app.settle().await;
    assert_eq!(app.figure(Metric::Clicked).await + app.figure(Metric::Clicks).await, 0);
    assert_eq!(app.figure(Metric::Opened).await, 0);
    let expected = ["machine:library", "machine:method", "machine:no-agent", "machine:unfurler", "prefetch"];
    assert_eq!(app.actors(EventKind::Clicked).await, expected);
    assert_eq!(app.actors(EventKind::Opened).await, ["proxy:apple"]);
}

#[tokio::test]
async fn the_picture_is_the_same_for_everybody_and_counts_for_people() {
    let mut app = App::new().await;
    let ours = app.get(&format!("/o/{}", app.token)).await;
    assert_eq!(ours.status, StatusCode::OK);
    assert_eq!(ours.body.len(), 43);
    assert_eq!(ours.headers[header::CONTENT_TYPE], "image/gif");
    assert_eq!(ours.headers[header::CACHE_CONTROL], "no-store");
    for forged in ["/o/x", "/o/%ff%00", "/o/AAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
        let answer = app.get(forged).await;
        assert_eq!((answer.status, &answer.body, &answer.headers), (ours.status, &ours.body, &ours.headers));
    }
    app.settle().await;
    assert_eq!(app.figure(Metric::Opened).await, 1);
}

#[tokio::test]
async fn nothing_redirects_but_what_was_registered() {
    let app = App::new().await;
    let (link, token) = app.click.strip_prefix("/c/").unwrap().split_once('.').unwrap();
    let starts = app.signer.starts(&[app.links[1], LinkName(999)]).click;
    let other = Signer::new(&[8; 32], &Url::parse("https://news.example").unwrap());
    let attempts = [
        format!("/c/{link}.{}", other.token(app.name)),
        format!("{}{token}", path(&other.starts(&app.links[..1]).click[0])),
        format!("{}{token}", path(&starts[0])), // registered, but not a web address
        format!("{}{token}", path(&starts[1])), // signed, but not registered
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
async fn links_registered_while_it_runs_are_found() {
    let app = App::new().await;
    let links = ["https://harbour.example/new".to_owned()];
    let revision = app.store.revision_put("later", "spring", "mail", "{}", &links, app.now()).await.unwrap();
    let click = path(&app.signer.starts(&revision.links).click[0]);
    let answer = app.get(&format!("{click}{}", app.token)).await;
    assert_eq!(answer.headers[header::LOCATION], "https://harbour.example/new");
}

#[tokio::test]
async fn looking_at_the_unsubscribe_page_changes_nothing() {
    let mut app = App::new().await;
    let page = app.get(&format!("/u/{}", app.token)).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(!page.text().contains(EMAIL));
    assert_eq!(app.get("/u/forged").await.body, page.body);
    app.ask(request(Method::HEAD, &format!("/u/{}", app.token), FIREFOX, "")).await;
    app.settle().await;
    assert_eq!(app.suppression().await, None);
    assert_eq!(app.figure(Metric::Unsubscribed).await, 0);
    assert!(app.actors(EventKind::Unsubscribed).await.is_empty());
}

#[tokio::test]
async fn one_click_unsubscribes_before_it_is_answered_and_only_once() {
    let app = App::new().await;
    let mut multipart = request(
        Method::POST,
        &format!("/u/{}", app.token),
        "",
        "--b\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--b--\r\n",
    );
    let kind = "multipart/form-data; boundary=b".parse().unwrap();
    multipart.headers_mut().insert(header::CONTENT_TYPE, kind);
    let first = app.ask(multipart).await;
    assert_eq!(first.status, StatusCode::OK, "no redirect");
    assert_eq!(app.suppression().await.unwrap().reason, SuppressionReason::Unsubscribed);
    assert!(!first.text().contains(EMAIL));

    let again = app.post_form("List-Unsubscribe=One-Click").await;
    let forged = app.ask(form("/u/forged", "List-Unsubscribe=One-Click")).await;
    for answer in [again, forged] {
        assert_eq!((answer.status, &answer.body), (first.status, &first.body));
        assert_eq!(answer.headers, first.headers);
    }
    assert_eq!(app.figure(Metric::Unsubscribed).await, 1);
}

#[tokio::test]
async fn the_button_unsubscribes_and_can_be_taken_back_for_an_hour() {
    let app = App::new().await;
    assert!(app.post_form("action=unsubscribe").await.text().contains("You are unsubscribed"));
    assert!(app.suppression().await.is_some());
    app.pass(HOUR / 2);
    assert!(app.post_form("action=undo").await.text().contains("You stay subscribed"));
    assert_eq!(app.suppression().await, None);
    assert_eq!(app.actors(EventKind::Custom).await.len(), 1, "the wish to stay is kept as evidence");

    app.post_form("action=unsubscribe").await;
    app.pass(HOUR + 1);
    assert_eq!(app.post_form("action=undo").await.status, StatusCode::OK);
    assert!(app.suppression().await.is_some(), "an older wish stays");
}

#[tokio::test]
async fn undo_never_takes_back_a_bounce() {
    let app = App::new().await;
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
async fn a_delivery_that_is_gone_still_unsubscribes_its_contact() {
    let mut app = App::new().await;
    app.token = app.signer.token(DeliveryName::Unnamed(DeliveryId::new(RunId(4_000), app.contact)));
    assert_eq!(app.post_form("List-Unsubscribe=One-Click").await.status, StatusCode::OK);
    assert_eq!(app.suppression().await.unwrap().source, "one-click");
}

/// What came back to `app` so far: figures, events and suppressions.
async fn nothing_came_back(app: &mut App) {
    app.settle().await;
    assert_eq!(app.store.rollup_read(&RollupFilter::default()).await.unwrap(), []);
    assert_eq!(app.store.event_recent(10).await.unwrap(), []);
    assert_eq!(app.store.suppression_list(10).await.unwrap(), []);
}

/// A database was restored from a copy made before its first run: its first contact, run and link have the numbers of
/// those that were lost.
#[tokio::test]
async fn links_of_a_lost_run_change_nothing_in_the_restored_database() {
    let lost = App::new().await;
    let mut app = App::with(RunKind::Manual, "noor@example.org").await;
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
    let leave = format!("/u/{}", lost.token);
    assert_eq!(app.get(&leave).await.body, app.get("/u/forged").await.body);
    for body in ["List-Unsubscribe=One-Click", "action=unsubscribe", "action=undo"] {
        let (ours, forged) = (app.ask(form(&leave, body)).await, app.ask(form("/u/forged", body)).await);
        assert_eq!((ours.status, ours.body), (StatusCode::OK, forged.body), "{body}");
    }
    // So does a link of a run without a name, whose number belongs to a run with one.
    let old = app.signer.token(DeliveryName::Unnamed(DeliveryId::new(RunId(1), app.contact)));
    app.get(&format!("{link}.{old}")).await;
    app.get(&format!("/o/{old}")).await;
    app.ask(form(&format!("/u/{old}"), "List-Unsubscribe=One-Click")).await;
    nothing_came_back(&mut app).await;

    // Who leaves by their own link is not taken back by the lost one.
    app.post_form("action=unsubscribe").await;
    for token in [&lost.token, &old] {
        app.ask(form(&format!("/u/{token}"), "action=undo")).await;
    }
    assert_eq!(app.store.suppression_list(10).await.unwrap()[0].address, "noor@example.org");
}

#[tokio::test]
async fn a_test_copy_changes_nothing_and_its_unsubscribe_page_says_so() {
    let mut app = App::with(RunKind::Test, EMAIL).await;
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
    app.settle().await;
    assert_eq!(app.store.rollup_read(&RollupFilter::default()).await.unwrap(), []);
    assert_eq!(app.suppression().await, None);

    // Nor does undoing take back what they asked for in another message.
    let asked = Suppression {
        kind: AddressKind::Email,
        address: EMAIL.to_owned(),
        reason: SuppressionReason::Unsubscribed,
        source: "one-click".to_owned(),
        created_at: app.now(),
    };
    app.store.suppression_add(std::slice::from_ref(&asked)).await.unwrap();
    app.post_form("action=undo").await;
    assert_eq!(app.suppression().await, Some(asked));
}

#[tokio::test]
async fn a_post_without_the_words_unsubscribes_nobody() {
    let app = App::new().await;
    for body in ["", "List-Unsubscribe=", "action=", "x=One-Click"] {
        assert_eq!(app.post_form(body).await.status, StatusCode::BAD_REQUEST, "{body}");
    }
    assert_eq!(app.post_form(&"x".repeat(17 * 1024)).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(app.suppression().await, None);
}

#[tokio::test]
async fn pages_allow_nothing_from_elsewhere_and_escape_the_brand() {
    let app = App::new().await;
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
    let mut app = App::new().await;
    app.get(&app.click).await;
    app.settle().await;
    app.pass(DAY);
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
    let app = App::new().await;
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
    let app = App::new().await;
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
    let app = App::new().await;
    let body = json!({ "contact": EMAIL, "event": "purchase" }).to_string();
    for key in [None, Some(""), Some("the-api-keX"), Some("the-api-key-and-more")] {
        let answer = app.ask(events(key, "application/json", &body)).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{key:?}");
    }
    let answer = app.ask(events(Some(KEY), "text/plain", &body)).await;
    assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert!(app.actors(EventKind::Custom).await.is_empty());
    let open = start(&app.store, &app.clock, None).await;
    let answer = ask(open.router(), events(None, "application/json; charset=utf-8", &body)).await;
    assert_eq!(answer.status, StatusCode::OK);
}

#[tokio::test]
async fn redirects_go_on_while_the_database_is_gone_and_nothing_else_is_acknowledged() {
    let app = App::new().await;
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
async fn an_event_that_cannot_be_stored_is_refused_and_never_asked_for_again() {
    let app = App::new().await;
    // Its whole units are within the limit, so that the store is the first to see that it is too much.
    let event = json!({ "contact": EMAIL, "event": "purchase", "value": "1000000000.5", "currency": "CNY" });
    let answer = app.post_events(&event.to_string()).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.text());
    assert_eq!(answer.json()["results"][0]["error"], "the value of an event is at most 1000000000");
    // The database's trouble stays the greater one.
    app.store.close().await;
    assert_eq!(app.post_events(&event.to_string()).await.status, StatusCode::SERVICE_UNAVAILABLE);
}
