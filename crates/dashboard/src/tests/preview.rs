//! Tests of the preview page over this repository's own workspace.

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::http::{Method, StatusCode};
use campaign::Workspace;
use serde_json::{Map, Value};
use store::NewContact;

use super::{Seeded, ask, header, person, text};
use crate::{Dashboard, sample};

const PAGE: &str = "/campaigns/spring-launch/preview";

/// Returns the value of every secret; `None` unless `set`.
fn secrets(name: &str, set: bool) -> Option<String> {
    let value = match name {
        name if name.ends_with("URL") => "https://hooks.example/services/T1/B1/hush-hush".to_owned(),
        name if name.ends_with("SECRET") => format!("whsec_{}", "aHVzaC1o".repeat(4)),
        _ => "hush-hush-token".to_owned(),
    };
    set.then_some(value)
}

/// Returns the pages of the repository's workspace, with a contact whose attributes contain markup.
async fn pages(set: bool) -> Router {
    let seeded = Seeded::new(None).await;
    let attributes = ["first_name", "tier"].map(|name| (name.to_owned(), Value::from(sample::HOSTILE)));
    let mallory = NewContact { attributes: Map::from_iter(attributes), ..person("mallory@example.org") };
    seeded.store.contact_upsert(&[mallory], sample::ago(30)).await.unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let loaded = Workspace::load(&root, &|name| secrets(name, set)).unwrap();
    let (_sender, workspace) = tokio::sync::watch::channel(Arc::new(loaded));
    Dashboard { workspace, ..seeded.dashboard.clone() }.router()
}

async fn page(pages: &Router, path: &str, headers: &[(&str, &str)]) -> String {
    let answer = ask(pages.clone(), Method::GET, path, headers).await;
    assert_eq!(answer.status(), StatusCode::OK, "{path}");
    text(answer).await
}

#[tokio::test]
async fn every_channel_is_shown_with_its_limits_and_its_request() {
    let pages = pages(false).await;
    let html = page(&pages, &format!("{PAGE}?contact=mallory@example.org"), &[]).await;
    for expected in [
        "How does “Spring Tide” look everywhere?",
        "✓ said",
        "id=\"step-mail\"",
        "/campaigns/spring-launch/preview/mail/html?contact=mallory%40example.org",
        "sandbox=\"\"",
        "POST ${COMMUNITY_WEBHOOK_URL}",
        "<progress",
        "of 3,000 characters",
        "A bag of Spring Tide and a white cup beneath blossoming magnolias",
        "Choose your bag",
    ] {
        assert!(html.contains(expected), "{expected}: {html}");
    }
    assert!(!html.contains("stand-in") && !html.contains("<script"), "{html}");
    let made_up = page(&pages, PAGE, &[]).await;
    assert!(made_up.contains("a made-up contact") && made_up.contains("someone@example.com"), "{made_up}");
    let lost = page(&pages, &format!("{PAGE}?contact=none@example.org"), &[]).await;
    assert!(lost.contains("No contact has this address"), "{lost}");
}

#[tokio::test]
async fn no_secret_is_on_the_page() {
    let pages = pages(true).await;
    let html = page(&pages, PAGE, &[]).await;
    assert!(html.contains("https://hooks.example/services/T1/B1/••••"), "{html}");
    for secret in ["hush-hush", "aHVzaC1o"] {
        assert!(!html.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn the_page_and_the_campaign_have_other_languages() {
    let pages = pages(false).await;
    let chinese = page(&pages, &format!("{PAGE}?lang=zh&language=zh-CN"), &[]).await;
    for expected in ["lang=\"zh-CN\"", "✓ 已说明", "【广告】「春潮」上新", "确切的请求"] {
        assert!(chinese.contains(expected), "{expected}: {chinese}");
    }
    let liked = page(&pages, PAGE, &[("accept-language", "zh-CN,zh;q=0.9,en;q=0.8")]).await;
    assert!(liked.contains("✓ 已说明"));
    let foreign = page(&pages, &format!("{PAGE}?language=fr"), &[]).await;
    assert!(foreign.contains("There is no version in fr; shown in en."), "{foreign}");
}

#[tokio::test]
async fn the_email_is_in_a_frame_without_scripts() {
    let pages = pages(false).await;
    let path = format!("{PAGE}/mail/html?contact=mallory@example.org");
    let answer = ask(pages.clone(), Method::GET, &path, &[]).await;
    let policy = header(&answer, "content-security-policy");
    assert!(policy.starts_with("sandbox;") && policy.contains("img-src data:;"), "{policy}");
    let html = text(answer).await;
    assert!(html.contains("&lt;script&gt;") && !html.contains("<script>alert"), "{html}");
    for path in
        [format!("{PAGE}/post/html"), format!("{PAGE}/none/html"), "/campaigns/none/preview".to_owned()]
    {
        let answer = ask(pages.clone(), Method::GET, &path, &[]).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn a_bad_request_is_a_400_and_an_unreachable_database_a_503() {
    let seeded = Seeded::new(None).await;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let (mut workspace, findings) = Workspace::load(&root, &|name| secrets(name, false)).unwrap();
    workspace.audiences.clear();
    let (_sender, workspace) = tokio::sync::watch::channel(Arc::new((workspace, findings)));
    let pages = Dashboard { workspace, ..seeded.dashboard.clone() }.router();
    let answer = ask(pages.clone(), Method::GET, PAGE, &[]).await;
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    let html = text(answer).await;
    assert!(html.contains("There is no audience"), "{html}");
    seeded.store.close().await;
    let answer = ask(pages, Method::GET, PAGE, &[]).await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    let html = text(answer).await;
    assert!(html.contains("The database does not answer"), "{html}");
}
