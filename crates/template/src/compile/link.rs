//! The links of a step: each destination is registered once, and its link is rewritten for
//! tracking.

use std::collections::BTreeMap;

use url::Url;

use super::placeholder::{Placeholder, Placeholders, is_placeholder};

/// The destinations of a step, by position.
#[derive(Debug)]
pub(super) struct Links {
    list: Vec<String>,
    positions: BTreeMap<String, usize>,
    utm: [(&'static str, String); 4],
}

/// The treatment of a link.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// The link is tracked; its destination has this position.
    Click(usize),
    /// The link is left as it is: an anchor, `mailto:`, `tel:`, `sms:`, or the unsubscribe page.
    Stays,
}

/// The reason that a link is refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadTarget {
    #[error("the link `{0}` holds contact data")]
    Contact(String),
    #[error("the link `{0}` is not a whole address")]
    Relative(String),
    #[error("a link may not use `{0}:`")]
    Scheme(String),
    #[error("the link `{0}` is not an address: {1}")]
    Bad(String, url::ParseError),
}

impl BadTarget {
    pub(super) const fn help(&self) -> &'static str {
        match self {
            Self::Contact(_) => "a link must be the same for every contact; take the contact data out of it",
            Self::Relative(_) => "write it with https:// and the host",
            Self::Scheme(_) => "use https:, http:, mailto: or tel:",
            Self::Bad(..) => "correct the address",
        }
    }
}

/// The maximum length of a destination, in bytes.
const MAX_LINK: usize = 2048;

impl Links {
    /// Returns an empty list. The arguments are the values of the UTM parameters; `medium` is
    /// `email` or `social`.
    pub(super) fn new(channel: &str, medium: &str, campaign: &str, step: &str) -> Self {
        let utm = [
            ("utm_source", channel.to_owned()),
            ("utm_medium", medium.to_owned()),
            ("utm_campaign", campaign.to_owned()),
            ("utm_content", step.to_owned()),
        ];
        Self { list: Vec::new(), positions: BTreeMap::new(), utm }
    }

    /// Returns the treatment of a link whose `href` is `written`.
    pub(super) fn target(&mut self, written: &str, placeholders: &Placeholders) -> Result<Target, BadTarget> {
        let address = written.trim();
        let mut open = address.chars().filter_map(|c| placeholders.get(c));
        match (open.next(), open.next()) {
            (None, _) => {}
            (Some(Placeholder::Unsubscribe | Placeholder::Click(_)), None)
                if address.chars().count() == 1 =>
            {
                return Ok(Target::Stays);
            }
            _ => return Err(BadTarget::Contact(excerpt(address))),
        }
        if address.is_empty() || address.starts_with('#') {
            return Ok(Target::Stays);
        }
        let scheme = scheme(address).ok_or_else(|| BadTarget::Relative(excerpt(address)))?;
        match scheme.as_str() {
            "http" | "https" => self.register(address).map(Target::Click),
            "mailto" | "tel" | "sms" => Ok(Target::Stays),
            _ => Err(BadTarget::Scheme(scheme)),
        }
    }

    /// Registers an http or https destination with its UTM parameters, and returns its position.
    fn register(&mut self, address: &str) -> Result<usize, BadTarget> {
        let bad = |error| BadTarget::Bad(excerpt(address), error);
        let mut url = Url::parse(address).map_err(bad)?;
        if address.len() > MAX_LINK {
            return Err(bad(url::ParseError::Overflow));
        }
        let present: Vec<String> = url.query_pairs().map(|(name, _)| name.into_owned()).collect();
        let missing = self.utm.iter().filter(|(name, _)| !present.iter().any(|present| present == name));
        let missing: Vec<_> = missing.collect();
        if !missing.is_empty() {
            url.query_pairs_mut().extend_pairs(missing);
        }
        let url = String::from(url);
        let next = self.list.len();
        let position = *self.positions.entry(url).or_insert_with_key(|url| {
            self.list.push(url.clone());
            next
        });
        Ok(position)
    }

    /// Replaces each http(s) URL in `text` by a tracked link. `skip` gets the text before a URL,
    /// and returns true if the URL is to be left.
    pub(super) fn track_urls(
        &mut self,
        text: &str,
        placeholders: &mut Placeholders,
        skip: impl Fn(&str) -> bool,
    ) -> Result<String, BadTarget> {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = find_url(rest) {
            let length = url_length(&rest[start..]);
            let (before, address) = (&rest[..start], &rest[start..start + length]);
            let after = &rest[start + length..];
            out.push_str(before);
            if skip(&text[..text.len() - rest.len() + start]) {
                out.push_str(address);
            } else {
                if after
                    .chars()
                    .next()
                    .is_some_and(|c| placeholders.get(c).is_some() && !placeholders.is_block_mark(c))
                {
                    return Err(BadTarget::Contact(excerpt(address)));
                }
                let position = self.register(&unescaped(address))?;
                out.push(placeholders.insert(Placeholder::Click(position)));
            }
            rest = after;
        }
        out.push_str(rest);
        Ok(out)
    }

    /// Returns the destination with this position without the UTM parameters that were added to it.
    pub(super) fn original_url(&self, position: usize) -> String {
        let Some(mut url) = self.list.get(position).and_then(|url| Url::parse(url).ok()) else {
            return String::new();
        };
        let ours = |name: &str, value: &str| self.utm.iter().any(|(n, v)| *n == name && v == value);
        let kept: Vec<(String, String)> =
            url.query_pairs().filter(|(n, v)| !ours(n, v)).map(|(n, v)| (n.into(), v.into())).collect();
        url.set_query(None);
        if !kept.is_empty() {
            url.query_pairs_mut().extend_pairs(kept);
        }
        String::from(url)
    }

    pub(super) fn into_list(self) -> Vec<String> {
        self.list
    }
}

fn excerpt(address: &str) -> String {
    address.chars().map(|c| if is_placeholder(c) { '…' } else { c }).take(80).collect()
}

/// Returns the scheme of an address as a browser reads it: without control characters, in
/// lowercase.
fn scheme(address: &str) -> Option<String> {
    let address: String = address.chars().filter(|c| !c.is_ascii_control()).collect();
    let (scheme, _) = address.trim_start().split_once(':')?;
    let fits = scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    (fits && scheme.starts_with(|c: char| c.is_ascii_alphabetic())).then(|| scheme.to_ascii_lowercase())
}

fn find_url(text: &str) -> Option<usize> {
    let mut from = 0;
    while let Some(found) = text[from..].find("http") {
        let start = from + found;
        let rest = &text[start + 4..];
        let whole = rest.strip_prefix("://").or_else(|| rest.strip_prefix("s://"));
        let alone = !text[..start].ends_with(|c: char| c.is_ascii_alphanumeric());
        if alone && whole.is_some_and(|host| host.starts_with(|c: char| c.is_alphanumeric() || c == '[')) {
            return Some(start);
        }
        from = start + 4;
    }
    None
}

/// Returns the length of the URL at the start of `text`. It ends at white space, `<>"` and the
/// like; punctuation and closing brackets of the surrounding sentence are not part of it.
fn url_length(text: &str) -> usize {
    let ends = |c: char| {
        c.is_whitespace() || is_placeholder(c) || "<>\"`{}|^，。；：！？）】」』、《》“”".contains(c)
    };
    let mut address = &text[..text.find(ends).unwrap_or(text.len())];
    loop {
        let shorter = address.trim_end_matches(['.', ',', ';', ':', '!', '?', '\'', '*', '\\']);
        let unbalanced = |open: char, close: char| {
            shorter.ends_with(close) && shorter.matches(close).count() > shorter.matches(open).count()
        };
        let bracket = unbalanced('(', ')') || unbalanced('[', ']');
        let shorter = if bracket { &shorter[..shorter.len() - 1] } else { shorter };
        if shorter.len() == address.len() {
            return balanced_length(address);
        }
        address = shorter;
    }
}

/// Returns the length of the URL up to an unbalanced `)`, as in Markdown's
/// `](https://a.example) and (b)`.
fn balanced_length(address: &str) -> usize {
    let mut depth = 0_usize;
    for (at, c) in address.char_indices() {
        match c {
            '(' => depth += 1,
            ')' if depth == 0 => return at,
            ')' => depth -= 1,
            _ => {}
        }
    }
    address.len()
}

/// Removes Markdown's backslashes before punctuation.
fn unescaped(address: &str) -> String {
    let mut out = String::with_capacity(address.len());
    let mut chars = address.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\\' || !chars.peek().is_some_and(char::is_ascii_punctuation) {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expression::Expression;

    fn links() -> Links {
        Links::new("mail", "email", "spring", "s1")
    }

    const UTM: &str = "utm_source=mail&utm_medium=email&utm_campaign=spring&utm_content=s1";

    #[test]
    fn missing_utm_parameters_are_added() {
        let (mut links, placeholders) = (links(), Placeholders::default());
        let target = |links: &mut Links, text| links.target(text, &placeholders);
        assert_eq!(target(&mut links, "https://a.example/x?y=1#z"), Ok(Target::Click(0)));
        assert_eq!(target(&mut links, " https://a.example/x?y=1#z "), Ok(Target::Click(0)));
        assert_eq!(target(&mut links, "http://a.example?utm_source=me"), Ok(Target::Click(1)));
        assert_eq!(links.original_url(0), "https://a.example/x?y=1#z");
        assert_eq!(links.original_url(1), "http://a.example/?utm_source=me");
        let list = links.into_list();
        assert_eq!(list[0], format!("https://a.example/x?y=1&{UTM}#z"));
        assert_eq!(
            list[1],
            "http://a.example/?utm_source=me&utm_medium=email&utm_campaign=spring&utm_content=s1"
        );
    }

    #[test]
    fn other_links_are_left_or_refused() {
        let (mut links, mut placeholders) = (links(), Placeholders::default());
        let value = placeholders.insert(Placeholder::Value(Expression::Contact(vec!["x".into()]), None));
        let unsubscribe = placeholders.insert(Placeholder::Unsubscribe);
        for stays in ["", "#top", "mailto:a@b.example", "tel:+123", &unsubscribe.to_string()] {
            assert_eq!(links.target(stays, &placeholders), Ok(Target::Stays), "{stays}");
        }
        for bad in ["javascript:alert(1)", "JAVA\tSCRIPT:x", "data:text/html,x", "file:///etc", " vbscript:x"]
        {
            assert!(matches!(links.target(bad, &placeholders), Err(BadTarget::Scheme(_))), "{bad}");
        }
        for bad in ["renew", "/renew", "//a.example", "www.example.com"] {
            assert!(matches!(links.target(bad, &placeholders), Err(BadTarget::Relative(_))), "{bad}");
        }
        for bad in [format!("https://{value}.example"), format!("{unsubscribe}?{value}"), value.to_string()] {
            assert!(matches!(links.target(&bad, &placeholders), Err(BadTarget::Contact(_))), "{bad}");
        }
        assert!(matches!(links.target("https://a b", &placeholders), Err(BadTarget::Bad(..))));
        assert!(links.into_list().is_empty());
    }

    #[test]
    fn urls_in_text_are_replaced() {
        let (mut links, mut placeholders) = (links(), Placeholders::default());
        let text = "See https://a.example/x_(y), (http://b.example) or [c](https://c.example/a\\_b). \
                    去https://d.example。xhttps://no.example http:// httpx";
        let found = links.track_urls(text, &mut placeholders, |_| false).unwrap();
        let shown: String = found.chars().map(|c| if is_placeholder(c) { '@' } else { c }).collect();
        assert_eq!(shown, "See @, (@) or [c](@). 去@。xhttps://no.example http:// httpx");
        let shown: Vec<_> = (0..4).map(|position| links.original_url(position)).collect();
        assert_eq!(
            shown,
            ["https://a.example/x_(y)", "http://b.example/", "https://c.example/a_b", "https://d.example/"]
        );
    }

    #[test]
    fn contact_data_may_not_extend_an_address() {
        let (mut links, mut placeholders) = (links(), Placeholders::default());
        let value = placeholders.insert(Placeholder::Value(Expression::Contact(vec!["x".into()]), None));
        let text = format!("https://a.example/{value}");
        assert!(matches!(links.track_urls(&text, &mut placeholders, |_| false), Err(BadTarget::Contact(_))));
    }
}
