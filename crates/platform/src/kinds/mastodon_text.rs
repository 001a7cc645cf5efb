//! Mastodon's count of a status, and its conversion to HTML (docs.joinmastodon.org/user/posting,
//! "Text").

use fake_server::text::{graphemes, link_at};

/// The number of characters that every URL counts.
const URL_LENGTH: usize = 23;

/// Returns the length in graphemes, with a URL counted as 23 and `@user@host` as `@user`.
pub(crate) fn length(status: &str) -> usize {
    let mut counted = String::with_capacity(status.len());
    let mut urls = 0;
    let mut rest = status;
    while let Some(letter) = rest.chars().next() {
        let fresh = !counted.chars().next_back().is_some_and(|c| c.is_ascii_alphanumeric());
        if let Some(link) = link_at(rest).filter(|_| fresh) {
            urls += 1;
            // A separator prevents the text before and after from joining into one grapheme.
            counted.push('\n');
            rest = &rest[link.len()..];
        } else if let Some((user, whole)) = mention(rest).filter(|_| fresh) {
            counted.push_str(user);
            rest = &rest[whole..];
        } else {
            counted.push(letter);
            rest = &rest[letter.len_utf8()..];
        }
    }
    graphemes(&counted) - urls + urls * URL_LENGTH
}

/// Returns `@user` and the length of `@user@host` in bytes.
fn mention(text: &str) -> Option<(&str, usize)> {
    let name = text.strip_prefix('@')?;
    let end = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|end| *end > 0)?;
    let host = name[end..].strip_prefix('@')?;
    let host_end = host.find(|c: char| !c.is_alphanumeric() && !".-".contains(c)).unwrap_or(host.len());
    let host_end = host[..host_end].trim_end_matches(['.', '-']).len();
    (host_end > 0).then(|| (&text[..=end], 1 + end + 1 + host_end))
}

/// Converts a status to paragraphs, line breaks and links.
pub(crate) fn html(status: &str) -> String {
    let escaped = |text: &str| {
        let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        text.replace("\n\n", "</p><p>").replace('\n', "<br />")
    };
    let mut out = String::from("<p>");
    let mut rest = status;
    while let Some((at, link)) =
        rest.match_indices("http").find_map(|(at, _)| Some((at, link_at(&rest[at..])?)))
    {
        out.push_str(&escaped(&rest[..at]));
        let shown = escaped(link).replace('"', "&quot;");
        out.push_str(&format!("<a href=\"{shown}\">{shown}</a>"));
        rest = &rest[at + link.len()..];
    }
    out.push_str(&escaped(rest));
    out + "</p>"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_count_23_and_mentions_without_their_host() {
        for (status, expected) in [
            ("", 0),
            ("茶 https://a.example/ 茶", 27),
            ("https://a.example/x，茶", 25),
            ("@harbour@mastodon.test hi", 11),
            ("@harbour@mastodon.test. hi", 12),
            ("a@b@c.d", 7),
            ("👨‍👩‍👧‍👦", 1),
        ] {
            assert_eq!(length(status), expected, "{status}");
        }
    }
}
