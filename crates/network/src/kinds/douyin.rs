//! Douyin: a picture with its text, which is reviewed before it is shown:
//! <https://developer.open-douyin.com/docs/resource/zh-CN/dop/develop/openapi/video-management/douyin/create-image-text>,
//! codes:
//! <https://developer.open-douyin.com/docs/resource/zh-CN/dop/develop/openapi/api-common-code>.

use egress::{Body, Request, Response, segment};
use jiff::Timestamp;
use measure::{LengthBudget, Measure};
use message::{Content, Post, RejectReason};
use serde_json::{Value, json};

use crate::access::Access;
use crate::json_template;
use crate::picture::{self, FETCH, Upload};
use crate::protocol::{ComposeError, PriorAnswers, Protocol, text_at};
use crate::verdict::Verdict;

#[derive(Debug)]
pub(crate) struct Douyin;

const UPLOAD: &str = "upload";

impl Protocol for Douyin {
    fn next(&self, access: &Access, post: &Post, prior: &PriorAnswers) -> Result<Request, ComposeError> {
        let body = match &post.content {
            Content::Json(json) => Value::Object(json_template::parse_object(json)?),
            Content::Parts(parts) => {
                let file = match Upload::of(parts, prior)? {
                    Upload::None => {
                        return Err(
                            "Douyin takes no post without a picture: give the message an image".into()
                        );
                    }
                    Upload::Fetch(request) => return Ok(request),
                    Upload::File(file, _) => file,
                };
                let Some(id) = prior.text(UPLOAD, "/data/image/image_id") else {
                    let body = Body::Multipart(vec![picture::part("image", &file)]);
                    return Ok(request(UPLOAD, access, "upload_image", body));
                };
                json!({ "text": parts.text, "image_list": [id] })
            }
        };
        Ok(request("post", access, "create_image_text", Body::Json(body)).publishes())
    }

    /// Interprets `data.error_code`, `extra.error_code` or `err_no`; errors have status 200.
    fn verdict(&self, request: &Request, answer: &Response) -> Verdict {
        let json = answer.json();
        let codes = ["/data/error_code", "/extra/error_code", "/err_no"];
        let codes: Vec<_> = codes.iter().filter_map(|at| json.pointer(at)?.as_i64()).collect();
        let bad = codes.iter().copied().find(|code| *code != 0);
        match (request.name, bad) {
            (FETCH, _) => picture::verdict(answer),
            (_, Some(code)) => refusal(code, request, answer),
            (_, None) if codes.is_empty() || !answer.is_success() => {
                Verdict::by_status(answer, request.publishes)
            }
            (UPLOAD, None) if text_at(&json, "/data/image/image_id").is_none() => Verdict::rejected(),
            (_, None) if request.publishes => {
                text_at(&json, "/data/item_id").map_or(Verdict::Unknown, |id| Verdict::sent(id, None))
            }
            (_, None) => Verdict::Ready,
        }
    }

    /// The limit is 1,000 characters.
    fn budgets(&self, post: &Post, _prior: &PriorAnswers) -> Vec<LengthBudget> {
        let text = post.parts().map(|parts| Measure::Characters.budget("text", &parts.text, 1_000));
        text.into_iter().collect()
    }

    /// Requests one of the account's own posts.
    fn access_check(&self, access: &Access, _now: Timestamp) -> Option<Request> {
        let id = segment(&access.account);
        let target = format!("/api/douyin/v1/video/video_list/?open_id={id}&cursor=0&count=1");
        Some(Request::get("examine", target).credential("access-token", &*access.token))
    }

    fn example_answer(&self, _name: &str) -> Value {
        json!({ "data": { "error_code": 0, "image": { "image_id": "image-1" } } })
    }
}

fn request(name: &'static str, access: &Access, call: &str, body: Body) -> Request {
    let target = format!("/api/douyin/v1/video/{call}/?open_id={}", segment(&access.account));
    Request::new(name, "POST", target, body).credential("access-token", &*access.token)
}

fn refusal(code: i64, request: &Request, answer: &Response) -> Verdict {
    match code {
        // Limits of calls, and of posts per day.
        2_118_110 | 2_190_001 | 10_020 | 28_003_017 | 28_001_019 => {
            Verdict::RateLimited(answer.retry_after())
        }
        // "System busy, try again later".
        2_100_004 => Verdict::Retryable,
        2_100_001 | 28_001_005 | 28_001_006 if request.publishes => Verdict::Unknown,
        2_100_001 | 28_001_005 | 28_001_006 => Verdict::Retryable,
        // The token, or the permissions of the application.
        10_008
        | 2_190_002..=2_190_006
        | 2_190_008
        | 2_190_015
        | 2_190_016
        | 28_001_003
        | 28_001_008
        | 28_001_014
        | 28_001_016
        | 28_001_018 => Verdict::AuthExpired,
        // Refused by the review.
        2_114_019 | 2_119_002 | 2_111_101 => Verdict::Rejected(RejectReason::Policy),
        2_111_001 | 2_113_004 => Verdict::Rejected(RejectReason::TooBig),
        _ => Verdict::rejected(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{access, json, next, post, post_of, post_with_file, prior, verdict};

    const UP: (&str, &str) = (UPLOAD, r#"{"data":{"error_code":0,"image":{"image_id":"i1"}}}"#);

    #[test]
    fn a_picture_goes_up_and_is_posted_with_its_text() {
        let first = next("douyin", &post_with_file(), &prior(&[]));
        assert_eq!(
            (first.name, &*first.target),
            (UPLOAD, "/api/douyin/v1/video/upload_image/?open_id=account-1")
        );
        assert_eq!(first.credentials, [("access-token", "token-1".to_owned())]);
        let Body::Multipart(parts) = &first.body else { panic!() };
        assert_eq!((parts[0].name, &*parts[0].bytes), ("image", &[1, 2, 3, 4][..]));
        let post_ = next("douyin", &post_with_file(), &prior(&[UP]));
        assert_eq!(post_.target, "/api/douyin/v1/video/create_image_text/?open_id=account-1");
        assert_eq!(json(&post_), json!({ "text": "CNY 98 for 250 g & a cup", "image_list": ["i1"] }));
        assert!(post_.publishes && !first.publishes);
        assert_eq!(next("douyin", &post(), &prior(&[])).name, FETCH);
        let own = Post { content: Content::Json(r#"{"text":"a","image_list":["x"]}"#.into()), ..post() };
        assert!(next("douyin", &own, &prior(&[])).publishes);
        assert!(
            Douyin
                .next(&access("douyin"), &post_of("a"), &prior(&[]))
                .unwrap_err()
                .to_string()
                .contains("picture")
        );
    }

    #[test]
    fn every_answer_means_something() {
        let error = |code: i64| {
            format!(
                "{{\"data\":{{\"error_code\":{code},\"description\":\"d\"}},\"extra\":{{\"error_code\":{code}}}}}"
            )
        };
        for (name, publishes, status, body, expected) in [
            (
                "post",
                true,
                200,
                r#"{"data":{"error_code":0,"item_id":"@8"},"extra":{"error_code":0}}"#.to_owned(),
                Verdict::sent("@8".to_owned(), None),
            ),
            ("post", true, 200, error(0), Verdict::Unknown),
            ("post", true, 200, "{\"data\"".into(), Verdict::Unknown),
            ("post", true, 200, "<html>".into(), Verdict::Unknown),
            ("post", true, 200, error(2_100_005), Verdict::rejected()),
            ("post", true, 200, error(2_190_002), Verdict::AuthExpired),
            ("post", true, 200, error(2_190_008), Verdict::AuthExpired),
            ("post", true, 200, error(28_001_018), Verdict::AuthExpired),
            ("post", true, 200, error(2_118_110), Verdict::RateLimited(None)),
            ("post", true, 200, error(2_190_001), Verdict::RateLimited(None)),
            ("post", true, 200, error(2_100_004), Verdict::Retryable),
            ("post", true, 200, error(2_100_001), Verdict::Unknown),
            (
                "post",
                true,
                200,
                r#"{"err_no":28001003,"err_msg":"access_token"}"#.into(),
                Verdict::AuthExpired,
            ),
            ("post", true, 500, String::new(), Verdict::Unknown),
            ("post", true, 503, String::new(), Verdict::Retryable),
            (UPLOAD, false, 200, UP.1.into(), Verdict::Ready),
            (UPLOAD, false, 200, error(0), Verdict::rejected()),
            (UPLOAD, false, 200, error(2_100_001), Verdict::Retryable),
        ] {
            assert_eq!(
                verdict("douyin", name, publishes, status, &[], &body),
                expected,
                "{name} {status} {body}"
            );
        }
    }

    #[test]
    fn the_text_is_measured() {
        assert!(Douyin.budgets(&post_of(&"春".repeat(1_000)), &crate::sample::prior(&[]))[0].fits());
        assert_eq!(
            Douyin.budgets(&post_of(&"春".repeat(1_001)), &crate::sample::prior(&[]))[0].over_at,
            Some(3_000)
        );
    }
}
