//! `/metrics`: counters follow the sent messages, and no label has a value from outside.

use std::time::Duration;

use tests::{HttpClient, Phase, RecipientFilter, RelayAction, Script, Server, free_port, until};

use super::{scrape, with_admin};
use crate::fixture;
use crate::run_control::{scheduled_workspace, show_run, start_relay, tally, wait_for_run};

/// The answer of a hostile relay, which would end a label and begin another metric if it became a
/// label value.
const HOSTILE_ANSWER: &str = "550 5.1.1 \"} 7\\nchorus_evil{who=\"reader.1@example.com\"} no such user";

#[test]
fn counters_move_when_messages_go_out_and_nothing_hostile_becomes_a_label() {
    const READERS: i64 = 60;
    let tools = fixture::tools();
    let refuse = RelayAction::Answer(HOSTILE_ANSWER.to_owned());
    let (relay, listener) =
        start_relay(Script::default().with(Phase::Rcpt, RecipientFilter::Share(0.25), refuse));
    let sandbox = scheduled_workspace(&tools, listener.port, 60, "20/s");
    // The test needs many refusals, which must not stop the run.
    sandbox
        .edit("campaigns/letter.toml", "title ", "stop_at = { bounces = 1.0, refusals = 1.0 }\ntitle ")
        .unwrap();
    let server = sandbox.serve().unwrap();
    let before = scrape(&server.http);
    assert_eq!(before.value("chorus_queued_deliveries", &[("channel", "email")]), Some(0.0));
    assert!(before.value("chorus_process_start_time_seconds", &[]).is_some_and(|start| start > 1.7e9));
    assert_eq!(before.value("chorus_database_up", &[]), Some(1.0));
    hostile_requests(&server);
    let lagging = until("the queue and the lag to show", Duration::from_secs(60), || {
        let now = scrape(&server.http);
        let queued = now.value("chorus_queued_deliveries", &[("channel", "email")]).unwrap();
        let lag = now.value("chorus_schedule_lag_seconds", &[("channel", "email")]).unwrap();
        Ok((queued > 0.0 && lag > 0.0).then_some((queued, lag)))
    });
    let (queued, lag) = lagging.unwrap();
    assert!(queued <= 60.0 && lag < 60.0, "{queued} {lag}");
    let open = |run: &serde_json::Value| tally(run, "sent") + tally(run, "failed") < READERS;
    let ended = wait_for_run(&sandbox, "all to be answered", |run| !open(run));
    let after = until("the queue to be empty", Duration::from_secs(60), || {
        let now = scrape(&server.http);
        let is_empty = now.value("chorus_queued_deliveries", &[("channel", "email")]) == Some(0.0);
        Ok(is_empty.then_some(now))
    })
    .unwrap();
    let count =
        |outcome| after.count("chorus_deliveries_total", &[("channel", "email"), ("outcome", outcome)]);
    assert_eq!(
        (count("sent"), count("failed")),
        (tally(&ended, "sent"), tally(&ended, "failed")),
        "{ended:#}"
    );
    assert!(count("failed") > 0, "some were refused: {ended:#}");
    assert_eq!(usize::try_from(count("sent")).unwrap(), relay.accepted_count());
    assert_eq!(after.count("chorus_send_seconds_count", &[("channel", "email")]), READERS);
    let replies = |class| after.count("chorus_smtp_replies_total", &[("class", class)]);
    assert!(replies("5xx") >= count("failed"), "RCPT, and DATA that was sent along with it");
    assert!(replies("2xx") >= 2 * count("sent"), "MAIL, RCPT and the message itself");
    assert!(after.value("chorus_database_writer_wait_seconds_count", &[]).unwrap() > 0.0);
    assert!(show_run(&sandbox).is_some());
    only_known_labels(&after);
    server.stop().unwrap();
}

/// Sends requests whose path, method and headers would break a label or a line if they were used in
/// one.
fn hostile_requests(server: &Server) {
    let evil = "a\"} 1 chorus_evil{x=\"1";
    for path in ["/c/evil%22%7D%0Achorus_evil%201", "/nothing/\"}chorus_evil", "/runs/1?key=chorus_evil"] {
        server.http.get_as(path, evil).unwrap();
    }
    server.http.call("CHORUS_EVIL", "/", &[("Referer", evil)], b"").unwrap();
}

fn only_known_labels(metrics: &super::Exposition) {
    let mut labels = metrics.values_of_labels();
    let bounds = labels.remove("le").unwrap();
    assert!(bounds.iter().all(|bound| bound == "+Inf" || bound.parse::<f64>().is_ok()), "{bounds:?}");
    let versions = labels.remove("version").unwrap();
    assert!(versions.iter().all(|version| version.split('.').count() == 3), "{versions:?}");
    let sets: Vec<(&str, Vec<&str>)> = labels
        .iter()
        .map(|(label, values)| (label.as_str(), values.iter().map(String::as_str).collect()))
        .collect();
    assert_eq!(
        sets,
        [
            ("channel", vec!["email"]),
            ("class", vec!["1xx", "2xx", "3xx", "4xx", "5xx", "none"]),
            ("outcome", vec!["deferred", "failed", "returned", "sent", "unknown"]),
        ]
    );
}

#[test]
fn without_a_separate_address_metrics_are_for_this_machine() {
    let tools = fixture::tools();
    let sandbox = fixture::workspace_with_port(&tools, 9, "{ cron = \"0 9 1 1 *\" }");
    let server = sandbox.serve().unwrap();
    scrape(&server.http);
    for header in ["X-Forwarded-For", "Forwarded", "X-Real-IP"] {
        let proxied = |path| server.http.call("GET", path, &[(header, "127.0.0.1")], b"").unwrap();
        assert_eq!(proxied("/metrics").status, 404, "{header}");
        let ready = until("it to be ready", Duration::from_secs(60), || {
            Ok(Some(proxied("/readyz")).filter(|answer| answer.status == 200))
        });
        assert_eq!(ready.unwrap().text(), "{\"ready\":true}", "the status, and no reasons");
    }
    server.stop().unwrap();
}

#[test]
fn with_a_separate_address_pages_and_metrics_are_only_there() {
    let tools = fixture::tools();
    let sandbox = fixture::workspace_with_port(&tools, 9, "{ cron = \"0 9 1 1 *\" }");
    let admin = HttpClient::local(with_admin(&sandbox));
    let server = sandbox.serve().unwrap();
    scrape(&admin);
    for path in ["/", "/contacts", "/api/v1/report", "/healthz", "/readyz"] {
        assert_eq!(admin.get(path).unwrap().status, 200, "{path} for operators");
    }
    for path in ["/metrics", "/", "/contacts", "/api/v1/report", "/style.css"] {
        assert_eq!(server.http.get(path).unwrap().status, 404, "{path} on the open net");
    }
    assert_eq!(server.http.post("/api/v1/events", "application/json", b"{}").unwrap().status, 404);
    assert_ne!(admin.post("/api/v1/events", "application/json", b"{}").unwrap().status, 404);
    assert_eq!(server.http.get("/readyz").unwrap().text(), "{\"ready\":true}");
    let forged =
        |http: &HttpClient| http.get("/u/forged").unwrap().header("content-security-policy").is_some();
    assert!(forged(&server.http), "links stay where they were");
    server.stop().unwrap();
}

#[test]
fn a_separate_worker_has_its_own_metrics() {
    let tools = fixture::tools();
    let sandbox = fixture::workspace_with_port(&tools, 9, "{ cron = \"0 9 1 1 *\" }");
    let port = free_port().unwrap();
    let address = format!("127.0.0.1:{port}");
    let command = sandbox.command(&["serve", "--role", "worker", "--admin-listen", &address]);
    let worker = Server::start(command, port, &sandbox.path().join("worker.log")).unwrap();
    let command = sandbox.command(&["serve", "--role", "web"]);
    let web = Server::start(command, sandbox.port, &sandbox.path().join("web.log")).unwrap();
    let metrics = scrape(&worker.http);
    assert_eq!(metrics.value("chorus_event_queue_events", &[]), None, "it takes no events");
    assert_eq!(scrape(&web.http).value("chorus_event_queue_events", &[]), Some(0.0));
    assert_eq!(worker.http.get("/").unwrap().status, 404);
    let (status, body) = super::ready(&web.http);
    assert_eq!(status, 200, "{body:#}");
    assert_eq!(super::check(&body, "lease"), (true, "this process sends nothing".to_owned()));
    worker.stop().unwrap();
    web.stop().unwrap();
}
