//! The keyword check of group robots: DingTalk and Feishu refuse posts without the robot's keyword.

use egress::Body;
use serde_json::Value;

use crate::access::Access;

/// Returns the reason not to send a post that does not contain the channel's keyword; `None` if it
/// does, or if the channel has no keyword.
pub(crate) fn missing_keyword_error(access: &Access, body: &Body) -> Option<String> {
    let keyword = access.keyword.as_str();
    if keyword.is_empty() || body_contains(keyword, body) {
        return None;
    }
    let title = access.network.title;
    Some(format!(
        "{title} accepts only posts that contain \"{keyword}\", and this one does not: add it to the \
         message or change the channel's `keyword`, then revise or resume the run"
    ))
}

/// Returns true if one of the texts of a request's body contains `keyword`, in the same case.
pub(crate) fn body_contains(keyword: &str, body: &Body) -> bool {
    match body {
        Body::Json(json) => json_contains(keyword, json),
        Body::JsonText(text) => serde_json::from_str(text).is_ok_and(|json| json_contains(keyword, &json)),
        _ => false,
    }
}

fn json_contains(keyword: &str, json: &Value) -> bool {
    match json {
        // A string that is only a URL is not text of the post.
        Value::String(text) => text.contains(keyword) && !text.starts_with("http"),
        Value::Array(items) => items.iter().any(|item| json_contains(keyword, item)),
        Value::Object(members) => members.values().any(|member| json_contains(keyword, member)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{access, next, post, post_of, prior};

    #[test]
    fn the_finished_post_must_contain_the_keyword() {
        for kind in ["dingtalk", "feishu"] {
            let with = |keyword: &str| Access { keyword: keyword.to_owned(), ..access(kind) };
            let card = next(kind, &post(), &prior(&[])).body;
            for contained in ["Spring Tide", "CNY 98", ""] {
                assert_eq!(missing_keyword_error(&with(contained), &card), None, "{kind} {contained}");
            }
            for absent in ["Autumn", "news.example/c"] {
                let why = missing_keyword_error(&with(absent), &card).unwrap();
                assert!(why.contains(absent) && why.contains("`keyword`"), "{kind}: {why}");
            }
            let plain = next(kind, &post_of("优惠"), &prior(&[])).body;
            assert_eq!(missing_keyword_error(&with("优惠"), &plain), None, "{kind}");
            let own = Body::JsonText("{\"text\":{\"content\":\"a Tea b\"}}".to_owned());
            assert_eq!(missing_keyword_error(&with("Tea"), &own), None, "{kind}");
            assert!(missing_keyword_error(&with("Coffee"), &own).is_some(), "{kind}");
        }
    }
}
