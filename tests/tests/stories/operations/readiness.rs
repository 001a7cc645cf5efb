//! `/readyz`: it reports each fault with its reason, and recovers with it.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tests::{Script, Server, until};

use super::{check, ready};
use crate::faults::{limit_file_size, serve_with_disk_errors};
use crate::fixture;
use crate::run_control::{scheduled_workspace, start_relay};

const CHECKS: [&str; 5] = ["database", "lease", "lag", "disk", "files"];

fn wait(server: &Server, what: &str, status: u16) -> Value {
    let seen = until(what, Duration::from_secs(60), || {
        Ok(Some(ready(&server.http)).filter(|(found, _)| *found == status))
    });
    seen.unwrap_or_else(|error| panic!("{error}: {:#}\n{}", ready(&server.http).1, server.log())).1
}

#[test]
fn a_process_is_ready_or_reports_the_reason() {
    let tools = fixture::tools();
    let (_relay, listener) = start_relay(Script::default());
    let sandbox = scheduled_workspace(&tools, listener.port, 20, "100/s");
    let server = serve_with_disk_errors(&sandbox, &tools);
    let body = wait(&server, "it to be ready", 200);
    assert_eq!(body["ready"], true);
    let names: Vec<&str> =
        body["checks"].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap()).collect();
    assert_eq!(names, CHECKS);

    // The disk is full.
    limit_file_size(&server, Some(16 * 1024));
    let body = wait(&server, "it to report a full disk", 503);
    let (ok, why) = check(&body, "database");
    assert!(!ok && why.contains("disk"), "{why}");
    assert_eq!(body["ready"], false);
    assert_eq!(server.http.get("/healthz").unwrap().status, 200, "it is alive anyway");
    limit_file_size(&server, None);
    wait(&server, "it to be ready again", 200);

    // The files cannot be read.
    sandbox.edit("chorus.toml", "[brand]", "[brand").unwrap();
    let body = wait(&server, "it to report a broken file", 503);
    let (ok, why) = check(&body, "files");
    assert!(!ok && why.contains("chorus.toml cannot be used; those read at 2"), "{why}");
    assert!(why.contains("`chorus check`"), "it says what to do: {why}");
    sandbox.edit("chorus.toml", "[brand", "[brand]").unwrap();
    let body = wait(&server, "it to be ready again", 200);
    assert!(check(&body, "files").0);

    // A campaign with an error does not affect other campaigns.
    sandbox.edit("campaigns/letter.toml", "channel  = \"email\"", "channel  = \"emial\"").unwrap();
    let seen = until("the error to be counted", Duration::from_secs(60), || {
        let (status, body) = ready(&server.http);
        assert_eq!(status, 200, "{body:#}");
        Ok(Some(check(&body, "files").1).filter(|why| why.contains("left out")))
    });
    seen.unwrap();
    server.stop().unwrap();
}

#[test]
fn a_channel_without_progress_is_reported_as_late() {
    let tools = fixture::tools();
    // No server listens on port 9, and the message was due an hour ago.
    let sandbox = scheduled_workspace(&tools, 9, 5, "100/s");
    let server = sandbox.serve().unwrap();
    crate::run_control::wait_for_run(&sandbox, "the run to be planned", |run| run["state"] == "running");
    age(&sandbox, &tools, "data/chorus.db");
    let body = wait(&server, "it to report the lag", 503);
    let (ok, why) = check(&body, "lag");
    assert!(!ok && why.starts_with("email is 3") && why.contains("nothing of it went out"), "{why}");
    let lag = super::scrape(&server.http).value("chorus_schedule_lag_seconds", &[("channel", "email")]);
    assert!(lag.is_some_and(|lag| lag >= 3_600.0), "{lag:?}");
    server.stop().unwrap();
}

/// Moves the due time of every open delivery back by an hour.
fn age(sandbox: &tests::Sandbox, tools: &tests::Tools, file: &str) {
    let file: &Path = &sandbox.path().join(file);
    let sql = "pragma busy_timeout = 10000; update deliveries set due_at = due_at - 3600000 where due_at is not null";
    let ran = std::process::Command::new(&tools.sqlite3).arg(file).arg(sql).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}
