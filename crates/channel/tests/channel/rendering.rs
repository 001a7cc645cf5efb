//! Tests of compiled steps and the messages rendered from them.

use channel::{Compiled, Person, Renderer};
use serde_json::{Value, json};

use crate::sample_workspace::{FOOTER, SampleWorkspace, link_prefixes, mail, person, recipient, render};

#[test]
fn an_email_is_compiled_and_rendered() {
    let sample = SampleWorkspace::new();
    sample.remove("templates/letter/email.html");
    sample.file(
        "templates/letter/email.mjml",
        r#"{{#> layouts/main title=message.headline}}
<mj-text css-class="big">Hi {{#if contact.first_name}}{{contact.first_name}}{{else}}friend{{/if}},</mj-text>
<mj-text>{{message.body}}</mj-text>
{{#if (gte contact.points 100)}}
<mj-text>You have {{contact.points}} points.</mj-text>
{{/if}}
<mj-button href="{{message.link}}">{{message.call_to_action}}</mj-button>
{{/layouts/main}}
"#,
    );
    sample.file(
        "templates/layouts/main.mjml",
        r#"<mjml><mj-head><mj-title>{{title}}</mj-title><mj-style inline="inline">.big { color: #123456 }</mj-style></mj-head>
<mj-body><mj-section><mj-column>
{{> @partial-block}}
<mj-text>{{brand.name}}, {{brand.address}}. <a href="{{links.unsubscribe}}">Unsubscribe</a></mj-text>
</mj-column></mj-section></mj-body></mjml>
"#,
    );
    let compiled = sample.compile_clean("mail");
    insta::assert_json_snapshot!("compiled", compiled);
    let known = person(json!({"first_name": "Ada <b>", "points": 120}));
    insta::assert_snapshot!(
        "known",
        String::from_utf8(mail(&compiled, &known).raw).unwrap().replace('\r', "")
    );
    let email = mail(&compiled, &person(json!({})));
    assert_eq!(email.subject, "Hello you");
    insta::assert_snapshot!("unknown", email.text);
}

#[test]
fn compilation_is_deterministic_and_survives_json() {
    let sample = SampleWorkspace::new();
    let compiled = sample.compile_clean("mail");
    assert_eq!(compiled.hash(), sample.compile_clean("mail").hash());
    let read: Compiled = serde_json::from_str(&serde_json::to_string(&compiled).unwrap()).unwrap();
    assert_eq!(read, compiled);
    assert_eq!(compiled.hash().len(), 64);
    sample.edit_campaign("Half price", "Full price");
    assert_ne!(compiled.hash(), sample.compile_clean("mail").hash());
}

#[test]
fn each_language_has_its_variant() {
    let sample = SampleWorkspace::new();
    sample.edit_campaign(
        "[message.facts]",
        "[message.translations.zh-CN]\nsubject = \"你好\"\nheadline = \"半价\"\n\n[message.facts]",
    );
    sample.file("templates/letter/email.fr.html", format!("<h1>Bonjour</h1>{FOOTER}"));
    let compiled = sample.compile_clean("mail");
    let rendered = |language: &str| {
        let someone = Person { language: Some(language.into()), ..person(json!({})) };
        let email = mail(&compiled, &someone);
        (email.subject, email.text.lines().next().unwrap().to_owned())
    };
    assert_eq!(rendered("zh-CN"), ("你好".into(), "半价".into()));
    assert_eq!(rendered("ZH_cn").1, "半价");
    assert_eq!(rendered("zh-TW").1, "半价");
    assert_eq!(rendered("fr-CA").1, "Bonjour");
    assert_eq!(rendered("de").1, "Half price & more");
    assert_eq!(mail(&compiled, &person(json!({}))).subject, "Hello you");
}

#[test]
fn partials_may_have_languages() {
    let sample = SampleWorkspace::with_html("{{> partials/greeting}}");
    sample.file("templates/partials/greeting.html", "<p>Hello</p>");
    sample.file("templates/partials/greeting.zh-CN.html", "<p>你好</p>");
    sample.edit_campaign(
        "[message.facts]",
        "[message.translations.zh-CN]\nheadline = \"半价\"\n\n[message.facts]",
    );
    let compiled = sample.compile_clean("mail");
    let chinese = Person { language: Some("zh".into()), ..person(json!({})) };
    assert!(mail(&compiled, &chinese).text.starts_with("你好"));
    assert!(mail(&compiled, &person(json!({}))).text.starts_with("Hello"));
}

#[test]
fn a_post_is_a_standard_webhook() {
    let sample = SampleWorkspace::new();
    let body: Value = serde_json::from_str(&sample.post("post", None)).unwrap();
    let expected = json!({
        "type": "campaign.post",
        "timestamp": "2026-03-02T02:05:00Z",
        "data": {
            "campaign": "spring", "step": "post", "channel": "feed", "language": "en",
            "headline": "Half price & more",
            "text": "Half price & more\n\nUntil 30 April, see the shop (https://t.example/c/0.tok-1.x).\n\nGo: https://t.example/c/1.tok-1.x",
            "markdown": "**Half price \\& more**\n\nUntil **30 April**, see [the shop](https://t.example/c/0.tok-1.x).\n\n[Go](https://t.example/c/1.tok-1.x)",
            "html": "<p><strong>Half price &amp; more</strong></p>\n<p>Until <strong>30 April</strong>, see <a href=\"https://t.example/c/0.tok-1.x\">the shop</a>.</p>\n<p><a href=\"https://t.example/c/1.tok-1.x\">Go</a></p>",
            "link": "https://t.example/c/1.tok-1.x",
            "call_to_action": "Go", "image": null, "image_alt": null,
            "facts": {"deadline": "30 April"},
            "contact": null,
        }
    });
    assert_eq!(body, expected);
}

#[test]
fn a_post_for_a_contact_has_their_data_escaped() {
    let sample = SampleWorkspace::new();
    sample.file("templates/letter/post.md", "Hi {{contact.first_name}}: {{message.link}}");
    let hostile = person(json!({"first_name": "*a* <b> \"q\" [x](y)"}));
    let body: Value = serde_json::from_str(&sample.post("each", Some(&hostile))).unwrap();
    let data = &body["data"];
    assert_eq!(data["contact"]["email"], "ada@contact.example");
    assert_eq!(data["contact"]["phone"], Value::Null);
    assert_eq!(data["text"], "Hi *a* <b> \"q\" [x](y): https://t.example/c/1.tok-1.x");
    assert_eq!(
        data["markdown"],
        "Hi \\*a\\* \\<b\\> \\\"q\\\" \\[x\\]\\(y\\): https://t.example/c/1.tok-1.x"
    );
    let html = "<p>Hi *a* &lt;b&gt; &quot;q&quot; [x](y): <a href=\"https://t.example/c/1.tok-1.x\">https://harbour.example/renew?a=1</a></p>";
    assert_eq!(data["html"], html);
    let feed: Value = serde_json::from_str(&sample.post("post", None)).unwrap();
    assert_eq!(feed["data"]["text"], "Hi : https://t.example/c/1.tok-1.x");
}

#[test]
fn a_kind_may_have_its_own_json() {
    let sample = SampleWorkspace::new();
    sample.file(
        "templates/letter/webhook.json",
        r#"{"head": "{{message.headline}}", "all": {{message.headline}}, "name": "{{contact.first_name}}",
            "points": {{contact.points}}, "link": "{{message.link}}", "body": "{{message.body}}"
            {{#if contact.first_name}}, "known": true{{/if}}}"#,
    );
    let known = person(json!({"first_name": "A\"\\\n{{x}}", "points": 7}));
    let body: Value = serde_json::from_str(&sample.post("each", Some(&known))).unwrap();
    let expected = json!({
        "head": "Half price & more", "all": "Half price & more", "name": "A\"\\\n{{x}}", "points": 7,
        "link": "https://t.example/c/1.tok-1.x", "known": true,
        "body": "Until **30 April**, see [the shop](https://t.example/c/0.tok-1.x).",
    });
    assert_eq!(body, expected);
    let hostile = person(json!({"first_name": "", "points": "1, \"admin\": true"}));
    let body: Value = serde_json::from_str(&sample.post("each", Some(&hostile))).unwrap();
    assert_eq!((&body["points"], &body["admin"]), (&json!("1, \"admin\": true"), &Value::Null));
    sample.file("templates/letter/webhook.json", "{\"a\": {{#if contact.first_name}}1{{/if}}}");
    assert_eq!(sample.error_codes("each"), ["post-not-json"]);
    sample.file("templates/letter/webhook.json", "[1]");
    assert_eq!(sample.error_codes("each"), ["post-not-json"]);
}

#[test]
fn markdown_makes_a_mail() {
    let sample = SampleWorkspace::new();
    sample.remove("templates/letter/email.html");
    sample.file(
        "templates/letter/email.md",
        "# {{message.headline}}\n\nHello {{contact.first_name}}!\n\n{{message.body}}\n\n\
         {{#if contact.vip}}\n\nYou are a VIP.\n\n{{/if}}\n\n{{brand.address}}\n[Leave]({{links.unsubscribe}})\n",
    );
    let email = sample.mail(json!({"first_name": "_Ada_ <i>", "vip": true}));
    assert!(email.html.contains("<h1 style=\""), "{}", email.html);
    assert!(email.html.contains("Hello _Ada_ &lt;i&gt;!"), "{}", email.html);
    let lines: Vec<_> = email.text.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(
        lines,
        [
            "Half price & more",
            "Hello _Ada_ <i>!",
            "Until 30 April, see the shop <https://t.example/c/0.tok-1.x>.",
            "You are a VIP.",
            "1 Pier Road, Shanghai Leave <https://t.example/u/tok-1.x>",
        ]
    );
    let email = sample.mail(json!({}));
    assert!(!email.html.contains("VIP") && !email.html.contains("<p></p>"), "{}", email.html);
}

#[test]
fn a_separate_text_is_used_and_its_links_are_tracked() {
    let sample = SampleWorkspace::new();
    sample.file(
        "templates/letter/email.txt",
        "Hi {{contact.first_name}} & co.\nSee https://harbour.example/renew?a=1.\n{{message.body}}\n{{brand.address}} {{links.unsubscribe}}\n",
    );
    let email = sample.mail(json!({"first_name": "<Ada>"}));
    assert_eq!(
        email.text,
        "Hi <Ada> & co.\nSee https://t.example/c/1.tok-1.x.\nUntil 30 April, see the shop <https://t.example/c/0.tok-1.x>.\n\
         1 Pier Road, Shanghai https://t.example/u/tok-1.x\n"
    );
}

#[test]
fn equal_links_are_tracked_once_and_have_utm_parameters() {
    let sample = SampleWorkspace::with_html(
        "<a href=\"{{message.link}}\">a</a><a href=\"https://harbour.example/renew?a=1\">b</a>\
         <a href=\"https://harbour.example/x?utm_source=mine\">c</a><a href=\"#top\">d</a><a href=\"tel:+1\">e</a>",
    );
    let compiled = sample.compile_clean("mail");
    let utm = "utm_source=email&utm_medium=email&utm_campaign=spring&utm_content=mail";
    assert_eq!(
        compiled.links,
        [
            "https://harbour.example/shop?".to_owned() + utm,
            "https://harbour.example/renew?a=1&".to_owned() + utm,
            "https://harbour.example/x?utm_source=mine&utm_medium=email&utm_campaign=spring&utm_content=mail"
                .to_owned(),
        ]
    );
    let html = mail(&compiled, &person(json!({}))).html;
    assert_eq!(html.matches("href=\"https://t.example/c/1.tok-1.x\"").count(), 2);
    assert!(
        html.contains("<img src=\"https://t.example/o/tok-1.x\"") && html.contains("href=\"#top\""),
        "{html}"
    );
    let posted = SampleWorkspace::new().compile_clean("post");
    assert!(posted.links.iter().all(|link| link.contains("utm_medium=social")), "{:?}", posted.links);
}

#[test]
fn each_and_with_over_contact_data() {
    let sample = SampleWorkspace::with_html(
        "<ul>{{#each contact.items}}<li>{{@index}} {{this.name}} at {{brand.name}}{{#if @last}}!{{/if}}</li>{{else}}<li>none</li>{{/each}}</ul>\
         {{#with contact.boat}}<p>{{name}} {{length}}</p>{{else}}<p>no boat</p>{{/with}}",
    );
    let some = sample
        .mail(json!({"items": [{"name": "<a>"}, {"name": "b"}], "boat": {"name": "Gull", "length": 7}}));
    assert!(
        some.text.starts_with("- 0 <a> at Harbour & Sons\n- 1 b at Harbour & Sons!\n\nGull 7\n"),
        "{:?}",
        some.text
    );
    let none = sample.mail(json!({}));
    assert!(none.text.starts_with("- none\n\nno boat\n"), "{:?}", none.text);
}

#[test]
fn pictures_and_attachments_are_included() {
    let sample = SampleWorkspace::with_html(
        "<img src=\"images/cup.png\" alt=\"A cup\"><img src=\"https://cdn.example/x.png\" alt=\"\">",
    );
    sample.file("images/cup.png", b"\x89PNG fake").file("terms.pdf", vec![0u8; 1000]);
    sample.edit_campaign("[message.facts]", "attachments = [\"terms.pdf\"]\n\n[message.facts]");
    let email = sample.mail(json!({}));
    let parsed = mail_parser::MessageParser::default().parse(&email.raw).unwrap();
    let attachments: Vec<_> = parsed.attachments().map(|part| part.contents().to_vec()).collect();
    assert!(attachments.contains(&b"\x89PNG fake".to_vec()) && attachments.contains(&vec![0u8; 1000]));
    let id = email.html.split("cid:").nth(1).unwrap().split('"').next().unwrap();
    assert!(String::from_utf8_lossy(&email.raw).contains(&format!("Content-ID: <{id}>")));
    assert!(email.html.contains("src=\"https://cdn.example/x.png\""));
}

#[test]
fn a_renderer_refuses_invalid_arguments() {
    let sample = SampleWorkspace::new();
    let compiled = sample.compile_clean("mail");
    let mut wrong = link_prefixes(&compiled);
    wrong.click.pop();
    assert!(Renderer::new(&compiled, &wrong).is_err());
    for bad in ["javascript:x", "https://a\"b/", "https://a b/", "https://ä/", "https://a<b/"] {
        let mut wrong = link_prefixes(&compiled);
        wrong.open = bad.to_owned();
        assert!(Renderer::new(&compiled, &wrong).is_err(), "{bad}");
    }
    let mut json = serde_json::to_value(&compiled).unwrap();
    json["version"] = json!(99);
    let newer: Compiled = serde_json::from_value(json).unwrap();
    assert!(Renderer::new(&newer, &link_prefixes(&newer)).is_err());
    let renderer = Renderer::new(&compiled, &link_prefixes(&compiled)).unwrap();
    let someone = person(json!({}));
    for (person, token, message_id) in [
        (None, "t", "m"),
        (Some(&someone), "", "m"),
        (Some(&someone), "a\r\nb", "m"),
        (Some(&someone), "t", "a>b"),
        (Some(&someone), "t", "\u{e9}"),
    ] {
        let mut recipient = recipient(person);
        (recipient.token, recipient.message_id) = (token, message_id);
        assert!(renderer.render(&recipient).is_err(), "{token:?} {message_id:?}");
    }
    for address in ["", "nobody", "a@b@c", "a b@c.example", "a@c.example\r\nBcc: d@e.example", "ä@c.example"]
    {
        let other = Person { email: Some(address.into()), ..person(json!({})) };
        assert!(renderer.render(&recipient(Some(&other))).is_err(), "{address:?}");
    }
    let _ = render(&compiled, Some(&someone));
}
