//! Tests of Mastodon's count, with the examples of the server's own tests
//! (`spec/validators/status_length_validator_spec.rb`).

use crate::{Measure, RESERVED_PER_URL, limit};

fn counted(text: &str) -> usize {
    Measure::Mastodon { url: RESERVED_PER_URL }.of(text)
}

#[test]
fn urls_and_mentions_count_as_the_server_counts_them() {
    let b = "b".repeat(30);
    let rows = [
        (format!("{} http://{b}.com/example", "a".repeat(476)), 500),
        (format!("{} @alice@{b}.com", "a".repeat(475)), 482),
        ("https://example.com/a，春节".to_owned(), 23),
        ("example.com".to_owned(), 11),
        ("https://example.com/(a) x".to_owned(), 25),
        ("gemini://example.com".to_owned(), 23),
        ("@alice and @bob@example.com.".to_owned(), 16),
        ("me@example.com".to_owned(), 14),
        ("/@alice@example.com".to_owned(), 19),
        ("@alice@example.com@".to_owned(), 19),
        ("https://m.example.com/@alice@b.com".to_owned(), 23),
        ("👨‍👩‍👧‍👦 春节 e\u{301}".to_owned(), 6),
        ("https://t.example/c/abc".to_owned(), 23),
    ];
    for (text, count) in rows {
        assert_eq!(counted(&text), count, "{text}");
    }
}

#[test]
fn an_instance_has_its_own_numbers() {
    assert_eq!(Measure::Mastodon { url: 5 }.of("a https://example.com/long"), 7);
    let text = "字".repeat(470) + " https://example.com/1 https://example.com/2 end";
    let budget = limit::mastodon(&text, 500, RESERVED_PER_URL);
    assert_eq!((budget.measured, budget.over_at), (522, text.find("https://example.com/2")));
    assert!(limit::mastodon(&text, 5_000, RESERVED_PER_URL).fits());
}

#[test]
fn the_cut_is_found_inside_and_after_mentions() {
    let text = "@alice@example.com abc";
    assert_eq!(limit::mastodon(text, 3, 23).over_at, Some(3));
    assert_eq!(limit::mastodon(text, 8, 23).over_at, Some(20));
}
