//! The interfaces for operators: metrics, readiness, signals and logs of the real process.

mod exposition;
mod guide;
mod logs;
mod metrics;
mod readiness;
mod signals;

use exposition::Exposition;
use serde_json::Value;
use tests::{HttpClient, Sandbox, free_port};

/// Fetches and parses the metrics of a server, which must be well formed.
fn scrape(http: &HttpClient) -> Exposition {
    let answer = http.get("/metrics").unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    Exposition::read(&answer.text())
}

/// Returns the status code and the JSON body of `/readyz`.
fn ready(http: &HttpClient) -> (u16, Value) {
    let answer = http.get("/readyz").unwrap();
    let body = serde_json::from_str(&answer.text()).unwrap_or_else(|error| panic!("{error}: {answer:?}"));
    (answer.status, body)
}

/// Returns the result and the explanation of one check of `/readyz`.
fn check(body: &Value, name: &str) -> (bool, String) {
    let checks = body["checks"].as_array().unwrap_or_else(|| panic!("{body:#}"));
    let check = checks.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("{body:#}"));
    (check["ok"].as_bool().unwrap(), check["why"].as_str().unwrap().to_owned())
}

/// Gives a workspace a separate address for operators, and returns its port.
fn with_admin(sandbox: &Sandbox) -> u16 {
    let port = free_port().unwrap();
    let setting = format!("admin_listen = \"127.0.0.1:{port}\"\npublic_url");
    sandbox.edit("chorus.toml", "public_url", &setting).unwrap();
    port
}
