//! X's weight of a text (docs.x.com/fundamentals/counting-characters; twitter-text configuration
//! 3).

use fake_server::text::link_at;
use unicode_normalization::UnicodeNormalization as _;
use unicode_segmentation::UnicodeSegmentation as _;

/// The weight of every URL.
const URL_WEIGHT: usize = 23;

/// Returns the weight of a text after NFC: Latin and punctuation 1, everything else 2, an emoji 2
/// whatever its parts, a URL 23.
pub(crate) fn weight(text: &str) -> usize {
    let text: String = text.nfc().collect();
    let mut sum = 0;
    let mut rest = text.as_str();
    let mut before = None;
    while let Some(cluster) = rest.graphemes(true).next() {
        let fresh = before.is_none_or(|c: char| !c.is_ascii_alphanumeric() && !"@#$_/.".contains(c));
        let taken = match fresh.then(|| link_at(rest)).flatten() {
            Some(link) => {
                sum += URL_WEIGHT;
                // A URL of X ends at the first character that no URL contains: here, at one that is
                // not ASCII.
                let end = link.find(|c: char| !c.is_ascii()).unwrap_or(link.len());
                &link[..end.max("http://".len())]
            }
            None => {
                sum += cluster_weight(cluster);
                cluster
            }
        };
        before = taken.chars().next_back();
        rest = &rest[taken.len()..];
    }
    sum
}

fn cluster_weight(cluster: &str) -> usize {
    // Joined, coloured, keycap and flag emoji count as one.
    let emoji = cluster.chars().any(|c| matches!(c, '\u{200d}' | '\u{fe0f}' | '\u{20e3}' | '\u{1f3fb}'..='\u{1f3ff}' | '\u{1f1e6}'..='\u{1f1ff}'));
    if emoji && cluster.chars().count() > 1 { 2 } else { cluster.chars().map(letter).sum() }
}

fn letter(letter: char) -> usize {
    match u32::from(letter) {
        0..=4351 | 8192..=8205 | 8208..=8223 | 8242..=8247 => 1,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_match_twitter_text() {
        let long = format!("👨‍👩‍👧‍👦 https://t.example/{}", "x".repeat(202));
        for (text, expected) in [
            ("✨ 春节大促 @alice.test 👨‍❤️‍👨 https://t.example/c/abc #春节", 56),
            (long.as_str(), 26),
            ("cafe\u{301}", 4),
            ("“Tea” – 茶", 10),
            ("🇨🇳👍🏽1️⃣", 6),
        ] {
            assert_eq!(weight(text), expected, "{text}");
        }
        assert_eq!(weight(&"春".repeat(141)), 282);
    }
}
