//! The JSON log: one object for each line, spans with their durations, and no addresses.

use std::collections::BTreeSet;

use serde_json::Value;
use tests::{Script, Server};

use crate::fixture;
use crate::run_control::{scheduled_workspace, start_relay, tally, wait_for_run};

const CRATES: [&str; 5] = ["chorus", "scheduler", "channel", "store", "tracking"];

#[test]
fn every_line_is_an_object_and_spans_contain_no_addresses() {
    let tools = fixture::tools();
    let (_relay, listener) = start_relay(Script::default());
    let sandbox = scheduled_workspace(&tools, listener.port, 10, "100/s");
    let filter: Vec<String> = CRATES.iter().map(|name| format!("{name}=debug")).collect();
    let mut command = sandbox.command(&["serve", "--format", "json"]);
    command.env("CHORUS_LOG_FORMAT", "json").env("CHORUS_LOG", format!("info,{}", filter.join(",")));
    let server = Server::start(command, sandbox.port, &sandbox.path().join("serve.log")).unwrap();
    wait_for_run(&sandbox, "all to get it", |run| tally(run, "sent") == 10);
    let secrets = ["secret-token", "secret-query", "secret-agent"];
    server.http.get_as("/u/secret-token?email=secret-query", "secret-agent").unwrap();
    server.http.get("/runs/1?key=secret-query").unwrap();
    let log = sandbox.path().join("serve.log");
    server.stop().unwrap();
    let log = std::fs::read_to_string(log).unwrap();
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
        .collect();
    assert!(lines[0]["listening"].is_string() || lines[0]["level"].is_string(), "{}", lines[0]);
    let events: Vec<&Value> = lines.iter().filter(|line| line["listening"].is_null()).collect();
    for event in &events {
        for key in ["timestamp", "level", "target"] {
            assert!(event[key].is_string(), "no {key}: {event}");
        }
        assert!(event["fields"]["message"].is_string(), "{event}");
    }
    let ended: Vec<&Value> = events
        .iter()
        .filter(|event| event["fields"]["message"] == "close")
        .map(|event| &event["span"])
        .collect();
    let spans: BTreeSet<&str> = ended.iter().filter_map(|span| span["name"].as_str()).collect();
    for name in ["lane", "run", "send", "request", "delivery_record", "delivery_claim"] {
        assert!(spans.contains(name), "no span {name} in {spans:?}");
    }
    let sends: Vec<_> = ended.iter().filter(|span| span["name"] == "send").collect();
    assert!(sends.len() == 10 && sends.iter().all(|span| span["delivery"].is_i64()), "{sends:?}");
    let request = log.lines().find(|line| line.contains("/u/{token}")).expect("the route as it is written");
    assert!(request.contains("\"method\":\"GET\"") && request.contains("\"status\":200"), "{request}");
    for secret in secrets.into_iter().chain(["@example.com", "one free month"]) {
        assert!(!log.contains(secret), "the log contains {secret:?}");
    }
}

#[test]
fn an_unknown_format_is_reported_and_the_log_is_text() {
    let tools = fixture::tools();
    let sandbox = fixture::workspace_with_port(&tools, 9, "{ cron = \"0 9 1 1 *\" }");
    let mut command = sandbox.command(&["serve"]);
    command.env("CHORUS_LOG_FORMAT", "yaml");
    let server = Server::start(command, sandbox.port, &sandbox.path().join("serve.log")).unwrap();
    assert!(server.log().contains("CHORUS_LOG_FORMAT is neither text nor json"), "{}", server.log());
    server.stop().unwrap();
}
