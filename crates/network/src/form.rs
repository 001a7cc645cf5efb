//! URL-encoded forms made of a custom JSON template.

use egress::Body;
use serde_json::Value;
use url::form_urlencoded;

use crate::json_template;
use crate::protocol::ComposeError;

/// Converts a JSON object to a form: texts and numbers as they are, an array as one field per item,
/// nested objects as JSON. `fixed` fields of the account and the post replace those of the object.
///
/// # Errors
/// The text is not a JSON object.
pub(crate) fn of(json: &str, fixed: Vec<(&'static str, String)>) -> Result<Body, ComposeError> {
    let mut form = form_urlencoded::Serializer::new(String::new());
    for (name, value) in json_template::parse_object(json)? {
        if fixed.iter().any(|(fixed, _)| *fixed == name) {
            continue;
        }
        match value {
            Value::Array(values) => values.iter().for_each(|value| {
                form.append_pair(&name, &text(value));
            }),
            value => {
                form.append_pair(&name, &text(&value));
            }
        }
    }
    form.extend_pairs(fixed);
    Ok(Body::Bytes("application/x-www-form-urlencoded".to_owned(), form.finish().into_bytes()))
}

/// Returns one field of the object as text.
pub(crate) fn field(json: &str, name: &str) -> Option<String> {
    json_template::parse_object(json).ok()?.get(name).map(text)
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_a_form() {
        let json = r#"{"Body":"a & b","MediaUrl":["x","y"],"n":5,"To":"evil","o":{"a":1}}"#;
        let Ok(Body::Bytes(media, bytes)) = of(json, vec![("To", "+1".into())]) else { panic!() };
        assert_eq!(media, "application/x-www-form-urlencoded");
        let form = String::from_utf8(bytes).unwrap();
        assert_eq!(form, "Body=a+%26+b&MediaUrl=x&MediaUrl=y&n=5&o=%7B%22a%22%3A1%7D&To=%2B1");
        assert!(of("[1]", Vec::new()).is_err());
        assert_eq!(field(json, "Body").as_deref(), Some("a & b"));
    }
}
