//! Tests of the escapes for LinkedIn.

use crate::linkedin::escaped;

#[test]
fn linkedin_shows_what_was_written_and_keeps_hashtags() {
    let rows = [
        ("plain", "plain"),
        (
            "a (b) [c] {d} <e> f_g *h* ~i~ j|k \\ @l",
            "a \\(b\\) \\[c\\] \\{d\\} \\<e\\> f\\_g \\*h\\* \\~i\\~ j\\|k \\\\ \\@l",
        ),
        ("new #Tech, #春节!", "new {hashtag|\\#|Tech}, {hashtag|\\#|春节}!"),
        ("#one_two #2", "{hashtag|\\#|one\\_two} \\#2"),
        ("C# and a#b and ##c", "C\\# and a\\#b and \\#\\#c"),
        ("https://x.example/#top", "https://x.example/\\#top"),
        ("#", "\\#"),
        ("", ""),
    ];
    for (text, expected) in rows {
        assert_eq!(escaped(text), expected, "{text}");
    }
}
