//! The word that a robot's owner asked it to look for: DingTalk and Feishu refuse posts without it.

use egress::Body;
use serde_json::Value;

use crate::access::Access;

/// Returns the reason not to send a post that does not say the channel's keyword; `None` where it does, or where none
/// is wanted.
pub(crate) fn missing(access: &Access, body: &Body) -> Option<String> {
    let keyword = access.keyword.as_str();
    if keyword.is_empty() || is_said(keyword, body) {
        return None;
    }
    let title = access.network.title;
    Some(format!(
        "{title} takes only posts that say \"{keyword}\", and this one does not: say it in the message or change \
         the channel's `keyword`, then revise or resume the run"
    ))
}

/// Returns true if one of the texts of a request says `keyword`, letter for letter.
pub(crate) fn is_said(keyword: &str, body: &Body) -> bool {
    match body {
        Body::Json(json) => in_json(keyword, json),
        Body::JsonText(text) => serde_json::from_str(text).is_ok_and(|json| in_json(keyword, &json)),
        _ => false,
    }
}

fn in_json(keyword: &str, json: &Value) -> bool {
    match json {
        // An address alone is nothing that a post says.
        Value::String(text) => text.contains(keyword) && !text.starts_with("http"),
        Value::Array(items) => items.iter().any(|item| in_json(keyword, item)),
        Value::Object(members) => members.values().any(|member| in_json(keyword, member)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{access, known, next, post, post_of};

    #[test]
    fn the_finished_post_must_say_it() {
        for kind in ["dingtalk", "feishu"] {
            let with = |keyword: &str| Access { keyword: keyword.to_owned(), ..access(kind) };
            let card = next(kind, &post(), &known(&[])).body;
            for said in ["Spring Tide", "CNY 98", ""] {
                assert_eq!(missing(&with(said), &card), None, "{kind} {said}");
            }
            for unsaid in ["Autumn", "news.example/c"] {
                let why = missing(&with(unsaid), &card).unwrap();
                assert!(why.contains(unsaid) && why.contains("`keyword`"), "{kind}: {why}");
            }
            let plain = next(kind, &post_of("优惠"), &known(&[])).body;
            assert_eq!(missing(&with("优惠"), &plain), None, "{kind}");
            let own = Body::JsonText("{\"text\":{\"content\":\"a Tea b\"}}".to_owned());
            assert_eq!(missing(&with("Tea"), &own), None, "{kind}");
            assert!(missing(&with("Coffee"), &own).is_some(), "{kind}");
        }
    }
}
