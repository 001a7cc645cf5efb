//! Conversion of the simple HTML that networks use to plain text.

use message::escape;

/// Returns the text of `html`, without tags and with entities decoded.
pub(crate) fn text(html: &str) -> String {
    let mut out = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find(['<', '&']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = if rest.starts_with('<') { rest.find('>') } else { rest.find(';').filter(|end| *end <= 8) };
        match end {
            Some(end) if rest.starts_with('<') => rest = &rest[end + 1..],
            Some(end) => {
                match escape::entity(&rest[1..end]) {
                    Some('\u{a0}') => out.push(' '),
                    Some(c) => out.push(c),
                    None => out.push_str(&rest[..=end]),
                }
                rest = &rest[end + 1..];
            }
            None => {
                out.push_str(&rest[..1]);
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

/// Returns the text without any white space, for comparisons with networks that turn lines into
/// paragraphs.
pub(crate) fn text_without_spaces(html: &str) -> String {
    text(html).chars().filter(|c| !c.is_whitespace()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_removed_and_entities_decoded() {
        for (html, expected) in [
            ("<b>a</b> &amp; <a href=\"x\">b</a>", "a & b"),
            ("&lt;b&gt; &quot;&#39;&#x27;&#x3D;", "<b> \"''="),
            ("a < b", "a < b"),
            ("AT&T; &unknown; & &#xZZ; &#xD800;", "AT&T; &unknown; & &#xZZ; &#xD800;"),
            ("<b", "<b"),
            ("茶&amp;", "茶&"),
            ("", ""),
        ] {
            assert_eq!(text(html), expected, "{html}");
        }
        assert_eq!(text_without_spaces("<p>a b</p><p>c</p>"), "abc");
    }
}
