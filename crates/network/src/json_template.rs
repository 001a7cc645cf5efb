//! Custom JSON templates of a network: the request body that the template's author wrote, completed
//! where a field is missing.

use egress::Body;
use message::{Content, Parts, Post};
use serde_json::{Map, Value};

use crate::protocol::ComposeError;

/// Parses `text` as a JSON object.
///
/// # Errors
/// The text is not JSON, or is not an object.
pub(crate) fn parse_object(text: &str) -> Result<Map<String, Value>, ComposeError> {
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(ComposeError::from(
            "its template is JSON, but not an object: begin it with { and end it with }",
        )),
        Err(error) => Err(ComposeError::from(format!("its template is not JSON: {error}"))),
    }
}

/// Returns the body of a post: the author's custom JSON unchanged, or `message` of the post's
/// parts.
pub(crate) fn body(post: &Post, message: impl FnOnce(&Parts) -> Value) -> Body {
    match &post.content {
        Content::Json(body) => Body::JsonText(body.clone()),
        Content::Parts(parts) => Body::Json(message(parts)),
    }
}

/// Sets `key` to `value`, unless the template already has it.
pub(crate) fn set_default(object: &mut Map<String, Value>, key: &str, value: impl Into<Value>) {
    if !object.contains_key(key) {
        object.insert(key.to_owned(), value.into());
    }
}
