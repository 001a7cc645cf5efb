//! Extraction of the tracked links from the text of a message.

use url::Url;

/// The links of one message to the demo's own server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct TrackedLinks {
    /// The links that can be clicked, in the message's order and with repetitions.
    pub(super) clicks: Vec<String>,
    /// The URL of the open pixel.
    pub(super) open: Option<String>,
    /// The URL of the unsubscribe page.
    pub(super) unsubscribe: Option<String>,
}

impl TrackedLinks {
    /// Finds the URLs in `text` that start with `base` and one of the tracking paths.
    pub(super) fn find(text: &str, base: &Url) -> Self {
        let base = base.as_str().trim_end_matches('/');
        Self {
            clicks: all(text, &format!("{base}/c/")),
            open: all(text, &format!("{base}/o/")).pop(),
            unsubscribe: all(text, &format!("{base}/u/")).pop(),
        }
    }
}

/// Returns all URLs in `text` that start with `start`.
fn all(text: &str, start: &str) -> Vec<String> {
    let token = |found: usize| {
        let rest = text.get(found + start.len()..).unwrap_or_default();
        let end =
            rest.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c))).unwrap_or(rest.len());
        // A full stop after a link belongs to the sentence.
        rest.get(..end).unwrap_or_default().trim_end_matches('.')
    };
    text.match_indices(start)
        .map(|(found, _)| token(found))
        .filter(|token| !token.is_empty())
        .map(|token| format!("{start}{token}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_links_to_the_server_are_found() {
        let base = Url::parse("http://127.0.0.1:8080").unwrap();
        let text = r#"<a href="http://127.0.0.1:8080/c/a-1.b_2">x</a> http://127.0.0.1:8080/c/c.d. and
            <a href="http://127.0.0.1:80801/c/e.f"> <a href="https://harbour.example/c/g.h">
            <img src="http://127.0.0.1:8080/o/t"> <a href='http://127.0.0.1:8080/u/t?x'> http://127.0.0.1:8080/c/"#;
        let found = TrackedLinks::find(text, &base);
        assert_eq!(found.clicks, ["http://127.0.0.1:8080/c/a-1.b_2", "http://127.0.0.1:8080/c/c.d"]);
        assert_eq!(found.open.as_deref(), Some("http://127.0.0.1:8080/o/t"));
        assert_eq!(found.unsubscribe.as_deref(), Some("http://127.0.0.1:8080/u/t"));
    }

    #[test]
    fn a_text_without_links_has_none() {
        let base = Url::parse("http://127.0.0.1:8080/").unwrap();
        assert_eq!(TrackedLinks::find("茶 http://127.0.0.1:8080", &base), TrackedLinks::default());
    }
}
