//! A brand's own endpoint by Standard Webhooks: checks the signature of every request and accepts
//! it. Writes the first request as a script for wrk, so that the same bytes can be sent again.
//!
//! Reads the path of that script from standard input, on one line; prints its own URL.

use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use aws_lc_rs::hmac;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

struct Endpoint {
    key: hmac::Key,
    script: PathBuf,
    first: OnceLock<()>,
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let mut script = String::new();
    io::stdin().read_line(&mut script)?;
    let script = PathBuf::from(script.trim_end());
    let secret = platform::account(platform::Kind::Webhook).secret.unwrap_or_default();
    let key = STANDARD.decode(secret.trim_start_matches("whsec_")).map_err(io::Error::other)?;
    let endpoint = Endpoint { key: hmac::Key::new(hmac::HMAC_SHA256, &key), script, first: OnceLock::new() };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    {
        use std::io::Write as _;
        writeln!(io::stdout(), "http://{}/hook", listener.local_addr()?)?;
        io::stdout().flush()?;
    }
    let router = Router::new().route("/hook", post(take)).with_state(Arc::new(endpoint));
    axum::serve(listener, router).await
}

async fn take(State(endpoint): State<Arc<Endpoint>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut signed = format!("{}.{}.", text("webhook-id"), text("webhook-timestamp")).into_bytes();
    signed.extend_from_slice(&body);
    let good = text("webhook-signature").split(' ').any(|signature| {
        let tag = signature.strip_prefix("v1,").and_then(|tag| STANDARD.decode(tag).ok());
        tag.is_some_and(|tag| hmac::verify(&endpoint.key, &signed, &tag).is_ok())
    });
    if !good {
        return StatusCode::UNAUTHORIZED;
    }
    if endpoint.first.set(()).is_ok()
        && let Err(error) = std::fs::write(&endpoint.script, script(&headers, &body))
    {
        tracing::error!(%error, "cannot write the script");
    }
    StatusCode::NO_CONTENT
}

/// Returns the request as a script for wrk, in Lua.
fn script(headers: &HeaderMap, body: &[u8]) -> String {
    let quoted = |bytes: &[u8]| {
        let escaped = bytes.iter().fold(String::new(), |mut out, byte| {
            // Writing to a String cannot fail.
            let _ = write!(out, "\\{byte:03}");
            out
        });
        format!("\"{escaped}\"")
    };
    let mut script = format!("wrk.method = \"POST\"\nwrk.body = {}\n", quoted(body));
    for (name, value) in
        headers.iter().filter(|(name, _)| !["host", "content-length"].contains(&name.as_str()))
    {
        let _ = writeln!(script, "wrk.headers[\"{name}\"] = {}", quoted(value.as_bytes()));
    }
    script
}
