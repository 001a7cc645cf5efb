//! LinkedIn's little text format: the escapes and templates of a commentary
//! (learn.microsoft.com/linkedin/marketing/community-management/shares/little-text-format).

/// Characters that have a meaning unless a backslash stands before them.
const RESERVED: &str = "|{}@[]()<>#*_~";

/// Returns the text as LinkedIn stores it: it ends at the first reserved character that is not
/// escaped and begins no template.
pub(crate) fn read(commentary: &str) -> String {
    let mut out = String::with_capacity(commentary.len());
    let mut rest = commentary;
    while let Some(letter) = rest.chars().next() {
        let (words, length) = match letter {
            '\\' => match rest[1..].chars().next().filter(|next| RESERVED.contains(*next) || *next == '\\') {
                Some(next) => (next.to_string(), 1 + next.len_utf8()),
                None => return out,
            },
            '#' => match hashtag(rest) {
                Some(tag) => (tag.to_owned(), tag.len()),
                None => return out,
            },
            '{' => match template(rest) {
                Some((tag, length)) => (format!("#{tag}"), length),
                None => return out,
            },
            '@' => match mention(rest) {
                Some((name, length)) => (name, length),
                None => return out,
            },
            letter if RESERVED.contains(letter) => return out,
            letter => (letter.to_string(), letter.len_utf8()),
        };
        out.push_str(&words);
        rest = &rest[length..];
    }
    out
}

/// Reads a hashtag such as `#tag`.
fn hashtag(text: &str) -> Option<&str> {
    let end = text[1..].find(|c: char| !c.is_alphanumeric()).map_or(text.len(), |end| end + 1);
    (end > 1).then(|| &text[..end])
}

/// Reads a hashtag template such as `{hashtag|\#|tag}`, and returns its length in bytes.
fn template(text: &str) -> Option<(&str, usize)> {
    let rest = text.strip_prefix("{hashtag|\\#|").or_else(|| text.strip_prefix("{hashtag|#|"))?;
    let end = rest.find('}')?;
    (end > 0).then(|| (&rest[..end], text.len() - rest.len() + end + 1))
}

/// Reads a mention such as `@[Name](urn:li:organization:1)`, and returns its length in bytes.
fn mention(text: &str) -> Option<(String, usize)> {
    let rest = text.strip_prefix("@[")?;
    let (name, after) = rest.split_once("](")?;
    let end = after.find(')')?;
    let urn = after[..end].starts_with("urn:li:");
    urn.then(|| (name.replace('\\', ""), text.len() - after.len() + end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_tags_and_mentions_are_read_and_the_rest_cuts() {
        for (written, stored) in [
            ("Tea\\, no", "Tea"),
            ("Tea \\(new\\) \\\\ 100%", "Tea (new) \\ 100%"),
            ("#茶 and {hashtag|\\#|tea}!", "#茶 and #tea!"),
            ("@[Harbour Coffee](urn:li:organization:1) says", "Harbour Coffee says"),
            ("a_b", "a"),
            ("# 1", ""),
            ("mail a@b.example", "mail a"),
            ("", ""),
        ] {
            assert_eq!(read(written), stored, "{written}");
        }
    }
}
