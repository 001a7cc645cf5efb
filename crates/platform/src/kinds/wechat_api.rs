//! The common part of WeChat's official accounts: tokens, errors, uploads
//! (developers.weixin.qq.com/doc/offiaccount). Every answer has status 200.

use fake_server::text::chars;
use fake_server::{
    Answer, Kind, NetworkState, Reply, Request, VendorError, account, ensure, required, text_field,
};
use serde_json::{Value, json};

/// The lifetime of a token, in milliseconds.
const TOKEN_LIFETIME: i64 = 7_200_000;
/// The largest picture as material, and inside an article, in bytes.
const MAX_MATERIAL_BYTES: usize = 10 << 20;
const MAX_INLINE_IMAGE_BYTES: usize = 1 << 20;

/// Returns an error as WeChat words it.
pub(crate) fn refuse(code: i64, message: &str) -> Reply {
    let hint = format!("{message} rid: 66c70a00-1f2e3d4c-5b6a7988");
    Reply::json(200, &json!({ "errcode": code, "errmsg": hint })).with_reason(format!("{code} {message}"))
}

/// Returns the reply to a vendor error, the same on all of WeChat's APIs.
pub(crate) fn error_reply(error: &VendorError) -> Reply {
    match error {
        VendorError::RateLimited(_) => refuse(45009, "reach max api daily quota limit"),
        VendorError::Expired => refuse(42001, "access_token expired"),
        VendorError::Revoked => refuse(48001, "api unauthorized"),
        VendorError::Rejected(reason) => refuse(87014, &format!("risky content: {reason}")),
    }
}

/// Answers the requests that all accounts share: tokens, uploads, checks. `None` for other
/// requests.
pub(crate) fn shared(state: &mut NetworkState, request: &Request, kind: Kind) -> Option<Answer> {
    let method = request.method.as_str();
    Some(match (method, request.path.as_str()) {
        ("GET", "/cgi-bin/token") => token(state, request, kind),
        ("POST", "/cgi-bin/stable_token") => stable_token(state, request, kind),
        ("GET", "/cgi-bin/get_api_domain_ip" | "/cgi-bin/getcallbackip") => {
            check_token(state, request).map(|()| Reply::json(200, &json!({ "ip_list": ["127.0.0.1"] })))
        }
        ("POST", "/cgi-bin/material/add_material" | "/cgi-bin/media/upload") => {
            check_token(state, request).and_then(|()| upload(state, request, MAX_MATERIAL_BYTES))
        }
        ("POST", "/cgi-bin/media/uploadimg") => check_token(state, request).and_then(|()| {
            let reply = upload(state, request, MAX_INLINE_IMAGE_BYTES)?;
            let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
            Ok(Reply::json(200, &json!({ "url": body["url"] })))
        }),
        _ => return None,
    })
}

fn issued(state: &mut NetworkState, request: &Request) -> Reply {
    let token = format!("token_{}_{}", request.at, state.serial());
    state.sessions.put(format!("token {token}"), json!(request.at + TOKEN_LIFETIME));
    Reply::json(200, &json!({ "access_token": token, "expires_in": TOKEN_LIFETIME / 1000 }))
}

fn check_credentials(kind: Kind, app: Option<&str>, secret: Option<&str>) -> Result<(), Reply> {
    let keys = account(kind);
    ensure(app.is_some(), || refuse(41002, "appid missing"))?;
    ensure(app == keys.account, || refuse(40013, "invalid appid"))?;
    ensure(secret.is_some(), || refuse(41004, "appsecret missing"))?;
    ensure(secret == Some(required(keys.secret)), || refuse(40125, "invalid appsecret"))
}

/// Issues a new token; the one before is valid for five minutes more.
fn token(state: &mut NetworkState, request: &Request, kind: Kind) -> Answer {
    ensure(request.param("grant_type") == Some("client_credential"), || refuse(40002, "invalid grant_type"))?;
    check_credentials(kind, request.param("appid"), request.param("secret"))?;
    Ok(issued(state, request))
}

/// Returns the current token until it expires, unless the request asks for a new one.
fn stable_token(state: &mut NetworkState, request: &Request, kind: Kind) -> Answer {
    let body = request.json().filter(Value::is_object).ok_or_else(|| refuse(47001, "data format error"))?;
    ensure(text_field(&body, "grant_type") == Some("client_credential"), || {
        refuse(40002, "invalid grant_type")
    })?;
    check_credentials(kind, text_field(&body, "appid"), text_field(&body, "secret"))?;
    let stable = state.replies.get("stable").filter(|(at, _)| request.at - at < TOKEN_LIFETIME - 300_000);
    if let Some((at, reply)) = stable.filter(|_| body["force_refresh"] != true) {
        let mut known: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        known["expires_in"] = json!((at + TOKEN_LIFETIME - request.at) / 1000);
        return Ok(Reply::json(200, &known));
    }
    let reply = issued(state, request);
    state.replies.put("stable", (request.at, reply.clone()));
    Ok(reply)
}

/// Checks the access token in the query.
pub(crate) fn check_token(state: &NetworkState, request: &Request) -> Result<(), Reply> {
    let token = request.param("access_token").filter(|token| !token.is_empty());
    let token = token.ok_or_else(|| refuse(41001, "access_token missing"))?;
    let until = state.sessions.get(&format!("token {token}")).and_then(Value::as_i64);
    let until =
        until.ok_or_else(|| refuse(40001, "invalid credential, access_token is invalid or not latest"))?;
    ensure(request.at < until, || refuse(42001, "access_token expired"))
}

fn upload(state: &mut NetworkState, request: &Request, max: usize) -> Answer {
    let kind = request.param("type").unwrap_or("image");
    ensure(["image", "thumb"].contains(&kind), || refuse(40004, "invalid media type"))?;
    let files = request.files();
    let file = files.iter().find(|part| part.name == "media" && part.file.is_some());
    let file = file.ok_or_else(|| refuse(41005, "media data missing"))?;
    ensure(fake_server::image_type(&file.body).is_some_and(|kind| kind != "image/webp"), || {
        refuse(40005, "invalid file type")
    })?;
    ensure(file.body.len() <= max, || refuse(40009, "invalid image size"))?;
    let id = format!("media_{:08}", state.serial());
    state.add_upload(&id, file.body.clone(), None);
    let url = format!("http://mmbiz.qpic.cn/{id}/0");
    Ok(Reply::json(
        200,
        &json!({ "type": kind, "media_id": id, "created_at": request.seconds(), "url": url, "item": [] }),
    ))
}

/// Returns the body as a JSON object; WeChat does not require a Content-Type.
pub(crate) fn body(request: &Request) -> Result<Value, Reply> {
    ensure(!request.body.is_empty(), || refuse(44002, "empty post data"))?;
    request.json().filter(Value::is_object).ok_or_else(|| refuse(47001, "data format error"))
}

/// Checks a follower's id: `o` and 27 letters. `oUNFOLLOWED` and 17 zeros has unfollowed the
/// account.
pub(crate) fn follower(id: &str) -> Result<(), Reply> {
    let letters = id.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    ensure(id.starts_with('o') && chars(id) == 28 && letters, || refuse(40003, "invalid openid"))?;
    ensure(!id.starts_with("oUNFOLLOWED"), || refuse(43004, "require subscribe"))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::probe::Probe;

    /// Returns a network state with a token, and the token.
    pub(crate) fn signed_in(kind: Kind) -> (Probe, String) {
        let path =
            "/cgi-bin/token?grant_type=client_credential&appid=wx0123456789abcdef&secret=wechat-app-secret";
        let mut probe = Probe::get(kind, path);
        let token = probe.value()["access_token"].as_str().unwrap().to_owned();
        (probe, token)
    }

    #[test]
    fn tokens_are_issued_for_valid_credentials() {
        let (_, token) = signed_in(Kind::Wechat);
        assert!(token.starts_with("token_"));
        let get = |query: &str| Probe::get(Kind::Wechat, &format!("/cgi-bin/token?{query}"));
        Probe::table([
            (get("appid=wx0123456789abcdef&secret=wechat-app-secret"), 200, "40002"),
            (get("grant_type=client_credential&secret=x"), 200, "41002"),
            (get("grant_type=client_credential&appid=x"), 200, "40013"),
            (get("grant_type=client_credential&appid=wx0123456789abcdef"), 200, "41004"),
            (get("grant_type=client_credential&appid=wx0123456789abcdef&secret=x"), 200, "40125"),
            (Probe::post(Kind::Wechat, "/cgi-bin/stable_token").json(&json!([])), 200, "47001"),
        ]);
    }

    #[test]
    fn a_stable_token_stays_until_it_expires() {
        let body = json!({ "grant_type": "client_credential", "appid": "wx0123456789abcdef", "secret": "wechat-app-secret" });
        let mut probe = Probe::post(Kind::Wechat, "/cgi-bin/stable_token").json(&body);
        let first = probe.value()["access_token"].clone();
        assert_eq!(probe.value()["access_token"], first);
        let mut late = probe.at(crate::probe::NOW + TOKEN_LIFETIME);
        assert_ne!(late.value()["access_token"], first);
    }
}
