//! Tests of hostile templates and data: each is reported with its place or is harmless, and none
//! panics.

use proptest::prelude::*;
use serde_json::{Value, json};
use source::Diagnostic;

use crate::sample_workspace::{SampleWorkspace, mail, person};

/// Returns the errors of an e-mail with this HTML, which must not compile.
fn findings(body: &str) -> Vec<Diagnostic> {
    SampleWorkspace::with_html(body).compile("mail").expect_err(body)
}

fn codes(body: &str) -> Vec<&'static str> {
    findings(body).into_iter().map(|finding| finding.code).collect()
}

#[test]
fn partials_that_include_one_another_are_refused() {
    let sample = SampleWorkspace::with_html("{{> partials/a}}");
    sample
        .file("templates/partials/a.html", "a{{> partials/b}}")
        .file("templates/partials/b.html", "{{> partials/a}}");
    assert_eq!(sample.error_codes("mail"), ["template-recursion"]);
    let sample = SampleWorkspace::with_html("{{> partials/a}}");
    sample.file("templates/partials/a.html", "{{#if brand.name}}{{> partials/a}}{{/if}}");
    assert_eq!(sample.error_codes("mail"), ["template-recursion"]);
    let sample = SampleWorkspace::with_html("{{> partials/a}}");
    sample.file(
        "templates/partials/a.html",
        "{{#if contact.x}}{{#each facts}}{{> partials/a}}{{/each}}{{/if}}",
    );
    assert_eq!(sample.error_codes("mail"), ["template-recursion"]);
    let sample = SampleWorkspace::with_html("{{> partials/a}}");
    sample.file("templates/partials/a.html", "{{#if message.image}}{{> partials/a}}{{/if}}");
    assert_eq!(sample.error_codes("mail"), ["template-recursion"], "in a branch that is never rendered");
    let sample = SampleWorkspace::with_html("{{#> layouts/a}}x{{/layouts/a}}");
    sample.file("templates/layouts/a.html", "{{#> layouts/a}}{{> @partial-block}}{{/layouts/a}}");
    assert_eq!(sample.error_codes("mail"), ["template-recursion"]);
    assert_eq!(codes("{{#*inline \"x\"}}{{> x}}{{/inline}}{{> x}}"), ["template-recursion"]);
}

#[test]
fn templates_that_grow_without_end_are_refused() {
    let sample = SampleWorkspace::with_html("{{> partials/p0}}");
    for n in 0..30 {
        sample.file(
            &format!("templates/partials/p{n}.html"),
            format!("{{{{> partials/p{0}}}}}{{{{> partials/p{0}}}}}", n + 1),
        );
    }
    sample.file("templates/partials/p30.html", "x");
    assert_eq!(sample.error_codes("mail"), ["template-explodes"]);
    let inner = "{{#each @root.brand}}".repeat(40) + "x" + &"{{/each}}".repeat(40);
    assert_eq!(codes(&inner), ["template-explodes"]);
    let long = format!("{{{{#each brand}}}}{}{{{{/each}}}}", "x".repeat(900_000));
    assert_eq!(codes(&long), ["template-explodes"]);
    let sample = SampleWorkspace::with_html("{{> partials/p0}}");
    for n in 0..40 {
        sample.file(&format!("templates/partials/p{n}.html"), format!("{{{{> partials/p{}}}}}", n + 1));
    }
    sample.file("templates/partials/p40.html", "x");
    assert_eq!(sample.error_codes("mail"), ["template-recursion"], "a chain that exceeds the limit of depth");
}

#[test]
fn templates_that_take_long_to_read_are_refused() {
    for (count, text) in
        [(60_000, "{{brand.name}}"), (5_000, &("{{brand.name}}".to_owned() + &"x".repeat(190)))]
    {
        assert_eq!(codes(&text.repeat(count)), ["template-too-long"]);
    }
    let dead = format!("{{{{#if message.image}}}}{}{{{{/if}}}}", "x".repeat(900_000));
    let loops = format!("{}{dead}{}", "{{#each @root.brand}}".repeat(6), "{{/each}}".repeat(6));
    SampleWorkspace::with_html(&loops).compile("mail").unwrap();
    let wrong = codes(&"{{nope}}".repeat(3_000));
    assert!(wrong.len() <= 200 && wrong.contains(&"unknown-name"), "{}", wrong.len());
    let wrong = codes(&"<a href=\"nope\">x</a>".repeat(3_000));
    assert!(wrong.len() <= 200, "{}", wrong.len());
}

#[test]
fn depth_is_refused() {
    for text in [
        "{{#if brand.name}}".repeat(10_000) + &"{{/if}}".repeat(10_000),
        "{{#if brand.name}}".repeat(10_000),
        format!("{{{{default {} 1}}}}", "(upper ".repeat(10_000)),
        format!("{{{{#if brand.name}}}}{}{{{{/if}}}}", "{{else if brand.url}}".repeat(10_000)),
        "<div>".repeat(10_000),
    ] {
        assert_eq!(codes(&text), ["template-too-deep"], "{}", &text[..40]);
    }
    let sample = SampleWorkspace::new();
    sample.remove("templates/letter/email.html");
    sample.file("templates/letter/email.mjml", "<mjml><mj-body>".to_owned() + &"<mj-wrapper>".repeat(50_000));
    assert_eq!(sample.error_codes("mail"), ["template-too-deep"]);
}

#[test]
fn contact_data_is_never_written_unescaped() {
    for body in [
        "{{{contact.name}}}",
        "{{&contact.name}}",
        "{{{upper contact.name}}}",
        "{{#with contact}}{{{name}}}{{/with}}",
    ] {
        assert_eq!(codes(body), ["contact-unescaped"], "{body}");
    }
    for body in [
        "<p style=\"color: {{contact.colour}}\">x</p>",
        "<p {{contact.x}}>x</p>",
        "<p onclick=\"{{contact.x}}\">x</p>",
        "<style>p { color: {{contact.colour}} }</style>",
        "<a href=\"https://harbour.example/{{contact.x}}\">x</a>",
        "<a href=\"{{contact.site}}\">x</a>",
        "<img alt=\"\" src=\"{{contact.picture}}\">",
        "<p {{#if contact.x}}class=\"a\"{{/if}}>x</p>",
        "<a href=\"{{#if contact.x}}https://a.example{{/if}}\">x</a>",
    ] {
        assert!(SampleWorkspace::with_html(body).compile("mail").is_err(), "{body}");
    }
}

#[test]
fn contact_data_is_never_a_template() {
    let sample = SampleWorkspace::with_html("<p>{{contact.name}} {{> partials/p x=contact.name}}</p>");
    sample.file("templates/partials/p.html", "{{x}}{{lookup contact \"name\"}}");
    for text in
        ["{{brand.name}}", "{{> partials/p}}", "\u{F0000}\u{F0001}\u{100000}", "{{{{raw}}}}", "\\{{x}}"]
    {
        let email = sample.mail(json!({ "name": text }));
        assert_eq!(email.text.matches(text).count(), 3, "{text} {}", email.text);
    }
}

#[test]
fn undeclared_names_are_reported_with_a_suggestion() {
    for (body, help) in [
        ("{{user.name}}", "a template sees brand"),
        ("{{facts.dedline}}", "did you mean `facts.deadline`?"),
        ("{{message.headlin}}", "did you mean `message.headline`?"),
        ("{{contct.name}}", "did you mean `contact`?"),
        ("{{headline}}", "did you mean `message.headline`?"),
        ("{{email}}", "did you mean `contact.email`?"),
        ("{{#each facts}}{{nope}}{{/each}}", "a template sees"),
        ("{{../brand.name}}{{env.HOME}}", "a template sees"),
        ("{{brand.timezone}}", "there are brand.address"),
        ("{{@root.secret}}", "a template sees"),
        ("{{uper brand.name}}", "did you mean `upper`?"),
        ("{{execute brand.name}}", "functions are eq"),
        ("{{upper}}", "a template sees"),
        ("{{upper brand.name brand.url}}", "write them after"),
        ("{{> partials/nope}}", "partials are files"),
        ("{{> ../../etc/passwd}}", "partials are files"),
        ("{{> (lookup contact \"partial\")}}", "partials are files"),
        ("{{#raw}}x{{/raw}}", "use {{#if x}}"),
        ("{{#if}}x{{/if}}", "use {{#if x}}"),
        ("{{* decorate}}", "take it out"),
        ("{{facts}}", "name one of them"),
        ("{{contact}}", "name a part"),
        ("{{#if message.image}}{{nope.x}}{{/if}}", "a template sees"),
    ] {
        let found = findings(body);
        let place = found.iter().find(|f| f.help.as_deref().is_some_and(|text| text.contains(help)));
        let place = place.unwrap_or_else(|| panic!("{body}: {found:#?}"));
        assert_eq!(place.file.to_str(), Some("templates/letter/email.html"));
        let span = place.span.clone().unwrap();
        assert!(body[span.clone()].starts_with("{{") && body[span].ends_with("}}"), "{body}: {place:?}");
    }
}

#[test]
fn optional_values_that_are_missing_are_empty() {
    let sample = SampleWorkspace::with_html(
        "{{#if facts.nope}}{{facts.nope}}{{/if}}{{default facts.nope message.facts.deadline}}{{message.image}}|{{contact.nope.deep}}",
    );
    assert!(sample.mail(json!({})).text.starts_with("30 April|"));
}

fn any_value() -> impl Strategy<Value = Value> {
    let text = prop_oneof![any::<String>(), "[<>\"'&{}\\[\\]()\\\\ \r\n\0a=/:#-]{0,40}"];
    let leaf = prop_oneof![
        text.prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{0,3}", inner, 0..3).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

/// Returns the tags of an HTML text in order, without the values of attributes and without the text
/// between tags.
fn structure(html: &str) -> Vec<String> {
    let mut tags = Vec::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        let end = rest[at..].find('>').map_or(rest.len(), |end| at + end);
        tags.push(rest[at..end].split(['"']).step_by(2).collect());
        rest = &rest[end..];
    }
    tags
}

#[test]
fn no_value_changes_the_structure_around_it() {
    let sample = SampleWorkspace::with_html(
        "<p title=\"{{contact.a}}\">{{contact.a}} <b>{{default contact.b \"x\"}}</b></p><img src=\"https://a.example/i\" alt=\"{{contact.b}}\">",
    );
    let compiled = sample.compile_clean("mail");
    sample.file(
        "templates/letter/webhook.json",
        r#"{"a": "{{contact.a}}", "b": {{contact.b}}, "c": ["x{{contact.a}}y"]}"#,
    );
    let posted = sample.compile_clean("each");
    let plain = structure(&mail(&compiled, &person(json!({"a": "a", "b": "b"}))).html);
    let config = ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(a in any_value(), b in any_value())| {
        let person = person(json!({"a": a, "b": b}));
        prop_assert_eq!(&structure(&mail(&compiled, &person).html), &plain);
        let body = match crate::sample_workspace::render(&posted, Some(&person)) {
            channel::Message::Post(post) => post.text().to_owned(),
            channel::Message::Email(_) => unreachable!(),
        };
        let body: Value = serde_json::from_str(&body).unwrap();
        prop_assert_eq!(body.as_object().unwrap().keys().collect::<Vec<_>>(), ["a", "b", "c"]);
        prop_assert_eq!(body["c"].as_array().unwrap().len(), 1);
    });
}

#[test]
fn no_template_panics() {
    let pieces = prop::sample::select(vec![
        "{{",
        "}}",
        "{{{",
        "}}}",
        "{{#if ",
        "{{#each ",
        "{{/if}}",
        "{{/each}}",
        "{{else}}",
        "{{else if ",
        "{{> ",
        "{{#> ",
        "partials/p",
        "contact.x",
        "brand.name",
        "facts",
        "@index",
        "@root",
        "this",
        "../",
        "(",
        ")",
        "\"",
        "'",
        "[",
        "]",
        " ",
        "\n",
        "~",
        "\\",
        "!",
        "--",
        "!--",
        "<a href=\"",
        "<p ",
        ">",
        "</p>",
        "<!--",
        "-->",
        "<style>",
        "é",
        "\u{F0000}",
        "{{links.unsubscribe}}",
        "{{contact.x}}",
        "{{message.body}}",
        "{{#*inline \"q\"}}",
        "{{/inline}}",
        "=",
        "as |x|",
        "&",
    ]);
    let config = ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() };
    let sample = SampleWorkspace::new();
    sample.file("templates/partials/p.html", "{{x}}{{> @partial-block}}");
    proptest!(config, |(parts in prop::collection::vec(pieces, 0..25))| {
        sample.file("templates/letter/email.html", parts.concat());
        if let Ok((compiled, _)) = sample.compile("mail") {
            let _ = mail(&compiled, &person(json!({"x": "y"})));
        }
    });
}
