//! Tests of the pages over a real database, with the requests of a browser.

mod preview;
mod uncertain;

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode};
use axum::response::Response;
use campaign::OnUncertain;
use serde_json::{Map, Value};
use store::{
    Clock, ContactId, Conversion, DeliveryId, EventKind, GroupCommit, Millis, NewContact, NewEvent, NewRun,
    OutboxMessage, Outcome, RecipientAddress, RecipientSource, RunId, RunKind, RunState, Store,
};
use tower::ServiceExt;

use crate::{Dashboard, sample};

/// A database with three contacts, one of which opened, clicked and bought, and one finished run.
struct Seeded {
    store: Store,
    dashboard: Dashboard,
    run: RunId,
    delivery: DeliveryId,
    // Keeps the sender of the workspace alive for the pages.
    _files: tokio::sync::watch::Sender<Arc<(campaign::Workspace, source::Diagnostics)>>,
}

impl Seeded {
    async fn new(access_key: Option<&str>) -> Self {
        let store = Store::open("sqlite::memory:").await.unwrap();
        store.migrate().await.unwrap();
        let (run, delivery) = seed(&store).await;
        let context = sample::context(sample::findings(), false);
        let (sender, workspace) = tokio::sync::watch::channel(Arc::clone(&context.files));
        let dashboard = Dashboard {
            store: store.clone(),
            workspace,
            clock: Clock::fixed(sample::now()),
            access_key: access_key.map(str::to_owned),
            simulated: false,
        };
        Self { store, dashboard, run, delivery, _files: sender }
    }

    fn router(&self) -> Router {
        self.dashboard.clone().router()
    }

    async fn get(&self, path: &str) -> (StatusCode, String) {
        let answer = ask(self.router(), Method::GET, path, &[]).await;
        let status = answer.status();
        (status, text(answer).await)
    }

    async fn page(&self, path: &str) -> String {
        let (status, text) = self.get(path).await;
        assert_eq!(status, StatusCode::OK, "{path}: {text}");
        text
    }
}

async fn ask(router: Router, method: Method, path: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = Request::builder().method(method).uri(path).header("host", "127.0.0.1:8080");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

async fn text(answer: Response) -> String {
    String::from_utf8(to_bytes(answer.into_body(), 4 << 20).await.unwrap().to_vec()).unwrap()
}

fn header<'a>(answer: &'a Response, name: &str) -> &'a str {
    answer.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

async fn seed(store: &Store) -> (RunId, DeliveryId) {
    let start = sample::ago(30);
    let people = ["ada@example.org", "grace@example.org", "edsger@example.org"].map(person);
    store.contact_upsert(&people, start).await.unwrap();
    let links = ["https://harbour.example/spring".to_owned()];
    let revision = store.revision_put("h", "spring-tide", "mail", "{}", &links, start).await.unwrap();
    let run = store.run_insert(&a_run(revision.id), start).await.unwrap().unwrap();
    send(store, run, start).await;
    let delivery = DeliveryId::new(run, ContactId(1));
    let link = store.link_after(store::LinkId(0)).await.unwrap()[0].id;
    record_events(store, delivery, link, start).await;
    (run, delivery)
}

/// Returns a run of the sample campaign's first step.
fn a_run(revision: store::RevisionId) -> NewRun {
    let (start, now) = (sample::ago(30), sample::ago(0));
    NewRun {
        campaign: "spring-tide".into(),
        step: "mail".into(),
        channel: "email".into(),
        instant: start,
        kind: RunKind::Scheduled,
        revision_id: revision,
        parent_id: None,
        condition: None,
        on_uncertain: OnUncertain::Resend,
        look_after: 0,
        cost_micros: campaign::Money::from_millionths(1_000),
        currency: "CNY".into(),
        expires_at: now + 3_600_000,
        origin: store::RunOrigin::default(),
    }
}

fn person(email: &str) -> NewContact {
    let mut attributes = Map::new();
    attributes.insert("note".into(), Value::String(sample::HOSTILE.into()));
    NewContact {
        external_id: None,
        email: Some(email.into()),
        phone: None,
        language: Some("en".into()),
        timezone: None,
        consent: Some(store::Consent::Yes),
        attributes,
        ..NewContact::default()
    }
}

/// Plans the run's deliveries to all three contacts.
async fn plan(store: &Store, run: RunId, start: Millis) {
    let context = sample::context(source::Diagnostics::default(), false);
    let audiences = &context.workspace().audiences;
    let recipients = RecipientSource::Audience {
        audiences,
        audience: audiences.keys().next().unwrap(),
        address: RecipientAddress::Email,
        moment: schedule::Moment::Instant(start.timestamp().unwrap()),
        fallback: &context.workspace().brand.timezone,
        catch_up_window: 3_600_000,
        by_hand: None,
    };
    assert_eq!(store.run_plan(run, &recipients, start).await.unwrap(), 3);
}

/// Claims and begins all deliveries of the run.
async fn begin(store: &Store, run: RunId, start: Millis) -> (store::LeaseId, Vec<DeliveryId>) {
    let lease = store.lease_open("test", true, start, sample::ago(-60)).await.unwrap();
    let claimed = store.delivery_claim(lease, run, start, 10).await.unwrap();
    let intents: Vec<DeliveryId> = claimed.iter().map(|claimed| claimed.id).collect();
    let begun = GroupCommit { intents: intents.clone(), ..GroupCommit::default() };
    store.delivery_record(lease, &begun, start).await.unwrap();
    (lease, intents)
}

/// Sends the run: two messages go to the outbox, one is rejected.
async fn send(store: &Store, run: RunId, start: Millis) {
    plan(store, run, start).await;
    let (lease, intents) = begin(store, run, start).await;
    let outcome = |id: DeliveryId| match id.contact() {
        ContactId(2) => Outcome::Rejected(store::Rejection {
            reason: "bad_address".into(),
            answer: format!("550 {}", sample::HOSTILE),
            suppress: None,
            soft: None,
        }),
        _ => Outcome::Accepted { answer: "in the outbox".into(), post: None },
    };
    let stored = intents
        .iter()
        .filter(|id| id.contact() != ContactId(2))
        .map(|id| OutboxMessage { delivery: *id, ..message(*id) });
    let ended = GroupCommit {
        outcomes: intents.iter().map(|id| (*id, outcome(*id))).collect(),
        outbox: stored.collect(),
        ..GroupCommit::default()
    };
    assert_eq!(store.delivery_record(lease, &ended, start).await.unwrap().recorded, 3);
    store.run_finish(start + 60_000).await.unwrap();
}

fn message(delivery: DeliveryId) -> OutboxMessage {
    let sample = sample::message();
    OutboxMessage {
        delivery,
        channel: sample.channel,
        recipient: sample.recipient,
        subject: sample.subject,
        html: sample.html,
        text: sample.text,
        raw: sample.raw,
    }
}

/// Records an open, a click and a purchase of the first contact.
async fn record_events(store: &Store, delivery: DeliveryId, link: store::LinkId, start: Millis) {
    let event = |kind, link, minutes: i64| NewEvent {
        kind,
        delivery: delivery.into(),
        link,
        occurred_at: start + minutes * 60_000,
        actor: "human".into(),
        detail: None,
    };
    let events = [event(EventKind::Opened, None, 1), event(EventKind::Clicked, Some(link), 2)];
    assert_eq!(store.event_record(&events, start).await.unwrap(), 2);
    let bought = Conversion {
        name: "purchase".into(),
        contact: ContactId(1),
        occurred_at: start + 5 * 60_000,
        value_micros: Some(campaign::Money::from_millionths(98_000_000)),
        currency: Some("CNY".into()),
        idempotency_key: None,
        detail: None,
    };
    let goal = store::AttributionGoal { campaign: "spring-tide".into(), window: 86_400_000 };
    let credit = store.event_convert(&bought, &[goal], start).await.unwrap();
    assert_eq!(credit, store::Credit::Delivery(delivery));
}

#[tokio::test]
async fn the_overview_counts_what_happened() {
    let seeded = Seeded::new(None).await;
    let page = seeded.page("/").await;
    for expected in
        ["2 messages went out on 1 channel", "Spring Tide", "98.00", "held back", "/campaigns/spring-tide"]
    {
        assert!(page.contains(expected), "{expected}: {page}");
    }
    assert!(!page.contains("http-equiv") && !page.contains("<script"), "{page}");
    let report: Value = serde_json::from_str(&seeded.page("/api/v1/report").await).unwrap();
    assert_eq!(report["people"]["rates"]["click"]["numerator"], 1);
    assert_eq!(report["people"]["rates"]["click"]["denominator"], 2);
    assert_eq!(report["all"]["money"]["CNY"]["profit"], "97.998");
    assert!(report["span"]["from"].as_str().is_some_and(|from| from.ends_with(":00:00Z")), "{report}");
    assert_eq!(
        report["series"].as_array().and_then(|series| series[0]["start"].as_str()),
        report["span"]["from"].as_str()
    );
}

#[tokio::test]
async fn every_page_leads_to_the_rows_behind_it() {
    let seeded = Seeded::new(None).await;
    let (run, delivery) = (seeded.run, seeded.delivery);
    assert!(seeded.page("/campaigns/spring-tide").await.contains(&format!("/runs/{run}")));
    assert!(seeded.page("/campaigns/letter").await.contains("chorus send letter"));
    let failed = seeded.page(&format!("/runs/{run}?state=failed")).await;
    assert!(failed.contains("grace@example.org") && !failed.contains("ada@example.org"), "{failed}");
    assert!(failed.contains("there is no such address"), "{failed}");
    assert!(seeded.page(&format!("/runs/{run}")).await.contains(&format!("/outbox/{delivery}")));
    assert!(seeded.page(&format!("/runs/{run}?repeated=1")).await.contains(crate::words::NO_DELIVERIES));
    let person = seeded.page("/contacts/1").await;
    for expected in ["Clicked", "Converted", "purchase", "98.00", "https://harbour.example/spring"] {
        assert!(person.contains(expected), "{expected}: {person}");
    }
    assert!(seeded.page("/contacts").await.contains("edsger@example.org"));
    assert!(seeded.page("/contacts?q=nobody").await.contains("No contact has"));
    assert!(seeded.page("/outbox?campaign=spring-tide").await.contains(&format!("/outbox/{delivery}")));
    assert!(seeded.page("/outbox?campaign=letter").await.contains(crate::words::OUTBOX_EMPTY));
    assert!(seeded.page(&format!("/outbox/{delivery}")).await.contains(&format!("/outbox/{delivery}/html")));
    for path in ["/", "/?period=quarter", "/contacts/2", "/style.css", "/icon.svg"] {
        let page = seeded.page(path).await;
        assert!(!page.contains("<script"), "{path}: hostile text is text");
    }
}

#[tokio::test]
async fn a_contact_is_found_by_address_in_any_case() {
    let seeded = Seeded::new(None).await;
    let answer = ask(seeded.router(), Method::GET, "/contacts?q=%20Ada@Example.org", &[]).await;
    assert_eq!((answer.status(), header(&answer, "location")), (StatusCode::SEE_OTHER, "/contacts/1"));
}

#[tokio::test]
async fn an_unknown_path_is_a_404_with_help() {
    let seeded = Seeded::new(None).await;
    for path in ["/runs/999", "/contacts/999", "/outbox/999", "/outbox/1/html", "/campaigns/none", "/nowhere"]
    {
        let (status, page) = seeded.get(path).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
        assert!(page.contains("There is no such"), "{path}: {page}");
    }
    for path in ["/?period=century", "/runs/1?state=lost", "/campaigns/..%2f", "/runs/x", "/contacts?after=x"]
    {
        let (status, _) = seeded.get(path).await;
        assert!(status.is_client_error(), "{path}: {status}");
    }
    for path in [format!("/runs/{}", i64::MAX), format!("/contacts/{}", i64::MIN), "/contacts/-1".to_owned()]
    {
        let (status, _) = seeded.get(&path).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn security_headers_forbid_scripts_and_remote_content() {
    let seeded = Seeded::new(None).await;
    let page = ask(seeded.router(), Method::GET, "/", &[]).await;
    let policy = header(&page, "content-security-policy");
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(!policy.contains("script-src") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(header(&page, "x-content-type-options"), "nosniff");
    let frame = ask(seeded.router(), Method::GET, &format!("/outbox/{}/html", seeded.delivery), &[]).await;
    let policy = header(&frame, "content-security-policy");
    assert!(policy.starts_with("sandbox;") && policy.contains("img-src data:;"), "{policy}");
    let file =
        ask(seeded.router(), Method::GET, &format!("/outbox/{}/message.eml", seeded.delivery), &[]).await;
    assert!(header(&file, "content-disposition").starts_with("attachment"));
    let lost = ask(seeded.router(), Method::GET, "/nowhere", &[]).await;
    assert!(!header(&lost, "content-security-policy").is_empty());
}

/// Every page that shows rows, and every form: a path, and whether it changes something.
const GUARDED: [(&str, Method); 16] = [
    ("/", Method::GET),
    ("/campaigns/spring-tide", Method::GET),
    ("/campaigns/spring-tide/preview", Method::GET),
    ("/campaigns/spring-tide/preview/mail/html", Method::GET),
    ("/runs/1", Method::GET),
    ("/contacts", Method::GET),
    ("/contacts/1", Method::GET),
    ("/outbox", Method::GET),
    ("/outbox/1", Method::GET),
    ("/outbox/1/html", Method::GET),
    ("/outbox/1/message.eml", Method::GET),
    ("/api/v1/report", Method::GET),
    ("/runs/1/cancel", Method::POST),
    ("/runs/1/pause", Method::POST),
    ("/runs/1/went-out", Method::POST),
    ("/runs/1/deliveries/1/send-again", Method::POST),
];

#[tokio::test]
async fn pages_need_the_key() {
    let seeded = Seeded::new(Some("k3y")).await;
    for (path, method) in GUARDED {
        for headers in [&[][..], &[("cookie", "chorus_key=wrong")], &[("authorization", "Bearer k3")]] {
            let own = [headers, &[("sec-fetch-site", "same-origin")]].concat();
            let answer = ask(seeded.router(), method.clone(), path, &own).await;
            assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{method} {path} {headers:?}");
            assert!(text(answer).await.contains("chorus serve"));
        }
    }
    let wrong = ask(seeded.router(), Method::GET, "/?key=k4y", &[]).await;
    assert_eq!((wrong.status(), header(&wrong, "set-cookie")), (StatusCode::UNAUTHORIZED, ""));
}

#[tokio::test]
async fn the_link_with_the_key_opens_the_pages_once_and_for_all() {
    let seeded = Seeded::new(Some("k3y")).await;
    let answer = ask(seeded.router(), Method::GET, "/?period=day&key=k3y", &[]).await;
    assert_eq!((answer.status(), header(&answer, "location")), (StatusCode::SEE_OTHER, "/?period=day"));
    let cookie = header(&answer, "set-cookie");
    assert!(cookie.starts_with("chorus_key=k3y;"), "{cookie}");
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    let answer = ask(seeded.router(), Method::GET, "/", &[("cookie", "chorus_key=k3y")]).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let answer =
        ask(seeded.router(), Method::GET, "/api/v1/report", &[("authorization", "Bearer k3y")]).await;
    assert_eq!(answer.status(), StatusCode::OK);
}

#[tokio::test]
async fn without_a_key_only_this_machine_is_answered() {
    let seeded = Seeded::new(None).await;
    let request = Request::builder().uri("/contacts").header("host", "evil.example").body(Body::empty());
    let answer = seeded.router().oneshot(request.unwrap()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn another_site_can_change_nothing() {
    for key in [None, Some("k3y")] {
        let seeded = Seeded::new(key).await;
        let foreign: [&[(&str, &str)]; 4] = [
            &[],
            &[("sec-fetch-site", "cross-site")],
            &[("origin", "https://evil.example")],
            &[("sec-fetch-site", "same-site"), ("origin", "http://127.0.0.1:8080")],
        ];
        for action in ["pause", "resume", "cancel", "retry", "went-out", "deliveries/2/send-again"] {
            for headers in foreign {
                let headers = [headers, &[("cookie", "chorus_key=k3y")]].concat();
                let path = format!("/runs/{}/{action}", seeded.run);
                let answer = ask(seeded.router(), Method::POST, &path, &headers).await;
                assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{action} {headers:?}");
            }
        }
        let run = seeded.store.run_get(seeded.run).await.unwrap().unwrap();
        assert_eq!(run.state, RunState::FinishedWithFailures);
    }
}

#[tokio::test]
async fn a_run_is_tried_again_paused_and_cancelled_from_its_page() {
    let seeded = Seeded::new(None).await;
    let own = [("sec-fetch-site", "same-origin")];
    let state = async || seeded.store.run_get(seeded.run).await.unwrap().unwrap().state;
    let steps = [
        ("retry", RunState::Running),
        ("pause", RunState::Paused),
        ("resume", RunState::Running),
        ("cancel", RunState::Cancelled),
    ];
    for (action, expected) in steps {
        let path = format!("/runs/{}/{action}", seeded.run);
        let answer = ask(seeded.router(), Method::POST, &path, &own).await;
        assert_eq!(answer.status(), StatusCode::SEE_OTHER, "{action}");
        assert_eq!(header(&answer, "location"), format!("/runs/{}", seeded.run));
        assert_eq!(state().await, expected, "{action}");
    }
    let (path, none) = (format!("/runs/{}/explode", seeded.run), "/runs/999/pause");
    let answer = ask(seeded.router(), Method::POST, &path, &own).await;
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    let answer = ask(seeded.router(), Method::POST, none, &own).await;
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_page_with_a_live_run_loads_itself_again_until_asked_not_to() {
    let seeded = Seeded::new(None).await;
    let refresh = async |path: &str| {
        let answer = ask(seeded.router(), Method::GET, path, &[]).await;
        header(&answer, "refresh").to_owned()
    };
    assert_eq!(refresh("/").await, "", "everything has ended");
    assert_eq!(seeded.store.run_retry(seeded.run, sample::ago(0)).await.unwrap(), 1);
    let run = format!("/runs/{}", seeded.run);
    for path in ["/", "/campaigns/spring-tide", &run] {
        assert_eq!(refresh(path).await, "4", "{path}");
        assert_eq!(refresh(&format!("{path}?live=off")).await, "", "{path}");
    }
    assert_eq!(refresh("/contacts").await, "");
}
