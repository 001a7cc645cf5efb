//! Functions on the texts of posts: links, lengths, HTML character references.

use std::collections::HashSet;

use unicode_segmentation::UnicodeSegmentation as _;

/// Returns the URLs in a text, in order, each once.
pub fn links(text: &str) -> Vec<String> {
    let (mut found, mut known, mut at) = (Vec::new(), HashSet::new(), 0);
    while let Some(next) = text[at..].find("http").map(|next| at + next) {
        at = next + "http".len();
        let fresh = text[..next].chars().next_back().is_none_or(|c| !c.is_ascii_alphanumeric());
        let Some(link) = fresh.then(|| link_at(&text[next..])).flatten() else { continue };
        at = next + link.len();
        if known.insert(link) {
            found.push(link.to_owned());
        }
    }
    found
}

/// Returns the URL at the start of the text.
pub fn link_at(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
    let ends = |c: char| c.is_whitespace() || "<>\"'|`，。；！？、）】》」』".contains(c);
    let end = text.len() - rest.len() + rest.find(ends).unwrap_or(rest.len());
    let mut link = text[..end].trim_end_matches(['.', ',', ';', ':', '!', '?']);
    // A closing bracket without an opening one in the URL belongs to the sentence.
    let mut surplus = link.matches(')').count().saturating_sub(link.matches('(').count());
    while surplus > 0 && link.ends_with(')') {
        link = &link[..link.len() - 1];
        surplus -= 1;
    }
    (link.len() > text.len() - rest.len()).then_some(link)
}

/// Returns true if the text is an absolute http or https URL.
pub fn is_web(link: &str) -> bool {
    url::Url::parse(link).is_ok_and(|url| ["http", "https"].contains(&url.scheme()) && url.has_host())
}

/// Decodes HTML's five named character references and numeric ones; others stay.
pub fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = rest.bytes().take(12).position(|byte| byte == b';');
        match end.and_then(|end| Some((reference(&rest[1..end])?, end))) {
            Some((letter, end)) => {
                out.push(letter);
                rest = &rest[end + 1..];
            }
            None => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

fn reference(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = name.strip_prefix('#')?;
            let hex = number.strip_prefix(['x', 'X']);
            let code = hex.map_or_else(|| number.parse().ok(), |hex| u32::from_str_radix(hex, 16).ok());
            char::from_u32(code?)
        }
    }
}

/// Returns the first whole characters of a text, at most `max` bytes.
pub fn clipped(text: &str, max: usize) -> &str {
    let mut end = max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Returns the length in UTF-16 code units, as Telegram and Discord's clients count.
pub fn utf16(text: &str) -> usize {
    text.encode_utf16().count()
}

/// Returns the number of Unicode code points.
pub fn chars(text: &str) -> usize {
    text.chars().count()
}

/// Returns the number of extended grapheme clusters (UAX #29), the user-perceived characters.
pub fn graphemes(text: &str) -> usize {
    text.graphemes(true).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_in_both_languages() {
        let text = "Renew: https://a.example/x?y=(1). 现在续订https://b.example/茶，再见 (http://c.example/) xhttps://no";
        assert_eq!(links(text), ["https://a.example/x?y=(1)", "https://b.example/茶", "http://c.example/"]);
        assert_eq!(links("见 https://b.example/茶，再见https://"), ["https://b.example/茶"]);
        assert!(is_web("http://127.0.0.1:1/") && !is_web("javascript:alert(1)") && !is_web("https://"));
    }

    #[test]
    fn references_are_resolved_once() {
        assert_eq!(unescaped("&lt;b&gt; &amp;lt; &#33; &#x8336; &nbsp; & &;"), "<b> &lt; ! 茶 &nbsp; & &;");
        assert_eq!(clipped("茶茶", 4), "茶");
    }
}
