//! Tests of the facets found in Bluesky posts.

use serde_json::json;

use crate::facet::{RichText, Span};

fn plain(text: &str) -> RichText {
    RichText::new(&[Span { text, link: None }], &|handle| Some(format!("did:web:{handle}")))
}

/// Returns each facet found in `text`, as `start-end value`.
fn found(text: &str) -> Vec<String> {
    let facets = serde_json::to_value(plain(text).facets).unwrap();
    let describe = |facet: &serde_json::Value| {
        let feature = facet["features"][0].as_object().unwrap();
        let (_, value) = feature.iter().find(|(name, _)| *name != "$type").unwrap();
        format!("{}-{} {}", facet["index"]["byteStart"], facet["index"]["byteEnd"], value.as_str().unwrap())
    };
    facets.as_array().unwrap().iter().map(describe).collect()
}

#[test]
fn facets_are_byte_ranges() {
    let text = "✨ 春节大促 @alice.test 👨‍❤️‍👨 https://t.example/c/abc #春节";
    assert_eq!(found(text), ["17-28 did:web:alice.test", "50-73 https://t.example/c/abc", "74-81 春节"]);
}

#[test]
fn detection_matches_the_atproto_library() {
    let rows: [(&str, &[&str]); 14] = [
        ("see example.com.", &["4-15 https://example.com"]),
        ("(example.com/a)", &["1-14 https://example.com/a"]),
        ("https://x.com/a_(b)", &["0-19 https://x.com/a_(b)"]),
        ("node.js 1.5 a.b", &[]),
        ("foo.zzz(example.com", &[]),
        ("Example.COM", &[]),
        ("#a #1 #1a #!! #a!! ＃春", &["0-2 a", "6-9 1a", "14-16 a", "19-25 春"]),
        ("##a", &["0-3 #a"]),
        ("a#b", &[]),
        ("$aapl, $TOOLONG ($x)", &["0-5 $AAPL", "17-19 $X"]),
        ("@alice.test. @alice @a.zzz", &["0-11 did:web:alice.test"]),
        ("(@a.bsky.social)", &["1-15 did:web:a.bsky.social"]),
        ("#a\u{200B}b", &["0-2 a"]),
        ("", &[]),
    ];
    for (text, facets) in rows {
        assert_eq!(found(text), facets, "{text}");
    }
    let long = |size| format!("#{}", "x".repeat(size));
    assert_eq!((found(&long(64)).len(), found(&long(65)).len()), (1, 0));
}

#[test]
fn a_url_without_a_scheme_gets_one_even_if_it_begins_like_one() {
    // @atproto/api leaves "httpbin.org" as it is, which is no URI, and the server refuses the
    // record.
    assert_eq!(found("httpbin.org"), ["0-11 https://httpbin.org"]);
}

#[test]
fn given_links_win_over_detected_facets() {
    let spans = [
        Span { text: "春节: ", link: None },
        Span { text: "example.com #1", link: Some("https://harbour.example/r?a=1") },
        Span { text: " by @nobody.test #tea", link: None },
    ];
    let text = RichText::new(&spans, &|_| None);
    let link = json!([{ "$type": "app.bsky.richtext.facet#link", "uri": "https://harbour.example/r?a=1" }]);
    let tag = json!([{ "$type": "app.bsky.richtext.facet#tag", "tag": "tea" }]);
    assert_eq!(
        serde_json::to_value(text).unwrap(),
        json!({
            "text": "春节: example.com #1 by @nobody.test #tea",
            "facets": [
                { "index": { "byteStart": 8, "byteEnd": 22 }, "features": link },
                { "index": { "byteStart": 39, "byteEnd": 43 }, "features": tag },
            ],
        })
    );
}
