//! The body of a request as a template of the network's own says it, where something must be added to it.

use egress::Body;
use message::{Content, Parts, Post};
use serde_json::{Map, Value};

use crate::protocol::ComposeError;

/// `text` as a JSON object.
///
/// # Errors
/// It is none.
pub(crate) fn object(text: &str) -> Result<Map<String, Value>, ComposeError> {
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(ComposeError::from(
            "its template is JSON, but not an object: begin it with { and end it with }",
        )),
        Err(error) => Err(ComposeError::from(format!("its template is not JSON: {error}"))),
    }
}

/// Returns the body of a post: what its own template says, unread, or `message` of its parts.
pub(crate) fn body(post: &Post, message: impl FnOnce(&Parts) -> Value) -> Body {
    match &post.content {
        Content::Own(body) => Body::JsonText(body.clone()),
        Content::Parts(parts) => Body::Json(message(parts)),
    }
}

/// Puts `value` under `key`, unless the template has said it itself.
pub(crate) fn fill(object: &mut Map<String, Value>, key: &str, value: impl Into<Value>) {
    if !object.contains_key(key) {
        object.insert(key.to_owned(), value.into());
    }
}
