//! The parts that Facebook's and Threads' Graph APIs share
//! (developers.facebook.com/docs/graph-api).

use axum::http::Method;
use fake_server::{Reply, Request, VendorError, ensure, field};
use serde_json::{Value, json};

/// Returns an error as the Graph API words it.
pub(crate) fn refuse(status: u16, code: u32, subcode: u32, message: &str) -> Reply {
    let kind = if code == 100 { "GraphMethodException" } else { "OAuthException" };
    let mut error = json!({ "message": message, "type": kind, "code": code, "fbtrace_id": "AharbourTrace" });
    if subcode > 0 {
        error["error_subcode"] = json!(subcode);
    }
    Reply::json(status, &json!({ "error": error })).with_reason(format!("{code}: {message}"))
}

/// Returns the refusal of a parameter.
pub(crate) fn param(message: &str) -> Reply {
    refuse(400, 100, 0, &format!("(#100) {message}"))
}

/// Returns the parameters in the query and in the body, which is a form or JSON.
pub(crate) fn parameters(request: &Request) -> Vec<(String, String)> {
    let mut fields = request.query.clone();
    if request.is_json() {
        let body = request.object().and_then(|body| body.as_object().cloned()).unwrap_or_default();
        let text = |value: Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        fields.extend(body.into_iter().map(|(key, value)| (key, text(value))));
    } else {
        fields.extend(request.fields());
    }
    fields
}

/// Checks the version, the method and the token.
pub(crate) fn check_access(
    request: &Request,
    fields: &[(String, String)],
    version: &str,
    token: &str,
) -> Result<(), Reply> {
    let right = ["v", "V"].iter().any(|v| version.strip_prefix(v).is_some_and(is_supported_version));
    ensure(right, || refuse(400, 2500, 0, "Unknown path components: /"))?;
    ensure([Method::GET, Method::POST].contains(&request.method), || param("Unsupported method"))?;
    let given = field(fields, "access_token").or(request.bearer());
    ensure(given.is_some(), || {
        refuse(
            400,
            2500,
            0,
            "An active access token must be used to query information about the current user.",
        )
    })?;
    ensure(given == Some(token), || {
        refuse(400, 190, 0, "Invalid OAuth access token - Cannot parse access token")
    })
}

/// Returns true for a version of the last two years, such as `26.0`, or Threads' `1.0`.
fn is_supported_version(number: &str) -> bool {
    let major = number
        .split_once('.')
        .filter(|(_, minor)| *minor == "0")
        .and_then(|(major, _)| major.parse::<u8>().ok());
    major.is_some_and(|major| major == 1 || (20..=26).contains(&major))
}

/// Returns the reply to a vendor error, the same on both networks.
pub(crate) fn error_reply(error: &VendorError, owner: &str) -> Reply {
    match error {
        VendorError::RateLimited(seconds) => {
            let minutes = seconds.div_ceil(60);
            let usage = json!({ owner: [{ "type": "pages", "call_count": 100, "total_cputime": 25,
                "total_time": 25,
                "estimated_time_to_regain_access": minutes }] });
            refuse(400, 32, 0, "(#32) Page request limit reached")
                .with("x-business-use-case-usage", usage)
                .with("x-app-usage", json!({ "call_count": 100, "total_cputime": 25, "total_time": 25 }))
        }
        VendorError::Expired => {
            let message =
                "Error validating access token: Session has expired on Saturday, 22-Aug-26 02:00:00 PDT.";
            refuse(400, 190, 463, message)
        }
        VendorError::Revoked => {
            let message = "Error validating access token: The user has not authorized application 1.";
            refuse(400, 190, 458, message)
        }
        // Not 368, which concerns the account: "Temporarily blocked. Wait and retry."
        VendorError::Rejected(reason) => param(reason),
    }
}
