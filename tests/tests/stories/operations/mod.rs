//! What operators see: metrics, readiness, signals and logs of the real process.

mod exposition;
mod guide;
mod logs;
mod metrics;
mod readiness;
mod signals;

use exposition::Exposition;
use serde_json::Value;
use tests::{Http, Sandbox, free_port};

/// The metrics that a server shows, which must be well formed.
fn scrape(http: &Http) -> Exposition {
    let answer = http.get("/metrics").unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    Exposition::read(&answer.text())
}

/// The status of `/readyz`, and its body.
fn ready(http: &Http) -> (u16, Value) {
    let answer = http.get("/readyz").unwrap();
    let body = serde_json::from_str(&answer.text()).unwrap_or_else(|error| panic!("{error}: {answer:?}"));
    (answer.status, body)
}

/// What a check of `/readyz` found: whether it is passed, and why.
fn check(body: &Value, name: &str) -> (bool, String) {
    let checks = body["checks"].as_array().unwrap_or_else(|| panic!("{body:#}"));
    let check = checks.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("{body:#}"));
    (check["ok"].as_bool().unwrap(), check["why"].as_str().unwrap().to_owned())
}

/// Gives a workspace an address for operators, and says which port it is.
fn with_admin(sandbox: &Sandbox) -> u16 {
    let port = free_port().unwrap();
    let setting = format!("admin_listen = \"127.0.0.1:{port}\"\npublic_url");
    sandbox.edit("chorus.toml", "public_url", &setting).unwrap();
    port
}
