//! Destinations: found once, counted by position, and followed through the tracker.

use std::collections::BTreeMap;

use url::Url;

use super::hole::{Hole, Holes, is_hole};

/// The destinations of a step.
#[derive(Debug)]
pub(super) struct Links {
    list: Vec<String>,
    positions: BTreeMap<String, usize>,
    utm: [(&'static str, String); 4],
}

/// What a place that leads somewhere leads to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// Through the tracker, to the destination with this position.
    Click(usize),
    /// Where it says: an anchor, `mailto:`, `tel:`, `sms:`, the address to unsubscribe at.
    Stays,
}

/// Why a place may not lead there.
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
            Self::Contact(_) => "links lead only where the campaign says; say the same thing to everybody",
            Self::Relative(_) => "write it with https:// and the host",
            Self::Scheme(_) => "use https:, http:, mailto: or tel:",
            Self::Bad(..) => "correct the address",
        }
    }
}

/// The longest destination, in bytes.
const MAX_LINK: usize = 2048;

impl Links {
    /// No links yet. `medium` is `email` or `social`.
    pub(super) fn new(channel: &str, medium: &str, campaign: &str, step: &str) -> Self {
        let utm = [
            ("utm_source", channel.to_owned()),
            ("utm_medium", medium.to_owned()),
            ("utm_campaign", campaign.to_owned()),
            ("utm_content", step.to_owned()),
        ];
        Self { list: Vec::new(), positions: BTreeMap::new(), utm }
    }

    /// Where `written`, the value of an `href`, leads.
    pub(super) fn target(&mut self, written: &str, holes: &Holes) -> Result<Target, BadTarget> {
        let address = written.trim();
        let mut open = address.chars().filter_map(|c| holes.get(c));
        match (open.next(), open.next()) {
            (None, _) => {}
            (Some(Hole::Unsubscribe | Hole::Click(_)), None) if address.chars().count() == 1 => {
                return Ok(Target::Stays);
            }
            _ => return Err(BadTarget::Contact(shown(address))),
        }
        if address.is_empty() || address.starts_with('#') {
            return Ok(Target::Stays);
        }
        let scheme = scheme(address).ok_or_else(|| BadTarget::Relative(shown(address)))?;
        match scheme.as_str() {
            "http" | "https" => self.register(address).map(Target::Click),
            "mailto" | "tel" | "sms" => Ok(Target::Stays),
            _ => Err(BadTarget::Scheme(scheme)),
        }
    }

    /// The position of an http or https destination.
    fn register(&mut self, address: &str) -> Result<usize, BadTarget> {
        let bad = |error| BadTarget::Bad(shown(address), error);
        let mut url = Url::parse(address).map_err(bad)?;
        if address.len() > MAX_LINK {
            return Err(bad(url::ParseError::Overflow));
        }
        let said: Vec<String> = url.query_pairs().map(|(name, _)| name.into_owned()).collect();
        let missing = self.utm.iter().filter(|(name, _)| !said.iter().any(|said| said == name));
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

    /// `text` with each http(s) address in it led through the tracker; `skip` says which starts are left.
    pub(super) fn in_text(
        &mut self,
        text: &str,
        holes: &mut Holes,
        skip: impl Fn(&str) -> bool,
    ) -> Result<String, BadTarget> {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = find_address(rest) {
            let length = address_length(&rest[start..]);
            let (before, address) = (&rest[..start], &rest[start..start + length]);
            let after = &rest[start + length..];
            out.push_str(before);
            if skip(&text[..text.len() - rest.len() + start]) {
                out.push_str(address);
            } else {
                if after.chars().next().is_some_and(|c| holes.get(c).is_some() && !holes.is_mark(c)) {
                    return Err(BadTarget::Contact(shown(address)));
                }
                let position = self.register(&unescaped(address))?;
                out.push(holes.put(Hole::Click(position)));
            }
            rest = after;
        }
        out.push_str(rest);
        Ok(out)
    }

    /// The destination with this position, without what was added to it.
    pub(super) fn shown(&self, position: usize) -> String {
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

fn shown(address: &str) -> String {
    address.chars().map(|c| if is_hole(c) { '…' } else { c }).take(80).collect()
}

/// The scheme as a browser reads it: tabs and newlines inside do not count, nor does case.
fn scheme(address: &str) -> Option<String> {
    let address: String = address.chars().filter(|c| !c.is_ascii_control()).collect();
    let (scheme, _) = address.trim_start().split_once(':')?;
    let fits = scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    (fits && scheme.starts_with(|c: char| c.is_ascii_alphabetic())).then(|| scheme.to_ascii_lowercase())
}

fn find_address(text: &str) -> Option<usize> {
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

/// How much of `text` is the address it starts with: to white space, `<>"` and the like, less the full stop
/// or closing bracket of the sentence around it.
fn address_length(text: &str) -> usize {
    let ends =
        |c: char| c.is_whitespace() || is_hole(c) || "<>\"`{}|^，。；：！？）】」』、《》“”".contains(c);
    let mut address = &text[..text.find(ends).unwrap_or(text.len())];
    loop {
        let shorter = address.trim_end_matches(['.', ',', ';', ':', '!', '?', '\'', '*', '\\']);
        let unbalanced = |open: char, close: char| {
            shorter.ends_with(close) && shorter.matches(close).count() > shorter.matches(open).count()
        };
        let bracket = unbalanced('(', ')') || unbalanced('[', ']');
        let shorter = if bracket { &shorter[..shorter.len() - 1] } else { shorter };
        if shorter.len() == address.len() {
            return inner_end(address);
        }
        address = shorter;
    }
}

/// Markdown's `](https://a.example) and (b)`: the address ends at the bracket that was open before it.
fn inner_end(address: &str) -> usize {
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

/// Markdown's backslashes before punctuation are not part of an address.
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
    fn adds_what_is_not_there() {
        let (mut links, holes) = (links(), Holes::default());
        let target = |links: &mut Links, text| links.target(text, &holes);
        assert_eq!(target(&mut links, "https://a.example/x?y=1#z"), Ok(Target::Click(0)));
        assert_eq!(target(&mut links, " https://a.example/x?y=1#z "), Ok(Target::Click(0)));
        assert_eq!(target(&mut links, "http://a.example?utm_source=me"), Ok(Target::Click(1)));
        assert_eq!(links.shown(0), "https://a.example/x?y=1#z");
        assert_eq!(links.shown(1), "http://a.example/?utm_source=me");
        let list = links.into_list();
        assert_eq!(list[0], format!("https://a.example/x?y=1&{UTM}#z"));
        assert_eq!(
            list[1],
            "http://a.example/?utm_source=me&utm_medium=email&utm_campaign=spring&utm_content=s1"
        );
    }

    #[test]
    fn leads_nowhere_else() {
        let (mut links, mut holes) = (links(), Holes::default());
        let value = holes.put(Hole::Value(Expression::Contact(vec!["x".into()]), None));
        let unsubscribe = holes.put(Hole::Unsubscribe);
        for stays in ["", "#top", "mailto:a@b.example", "tel:+123", &unsubscribe.to_string()] {
            assert_eq!(links.target(stays, &holes), Ok(Target::Stays), "{stays}");
        }
        for bad in ["javascript:alert(1)", "JAVA\tSCRIPT:x", "data:text/html,x", "file:///etc", " vbscript:x"]
        {
            assert!(matches!(links.target(bad, &holes), Err(BadTarget::Scheme(_))), "{bad}");
        }
        for bad in ["renew", "/renew", "//a.example", "www.example.com"] {
            assert!(matches!(links.target(bad, &holes), Err(BadTarget::Relative(_))), "{bad}");
        }
        for bad in [format!("https://{value}.example"), format!("{unsubscribe}?{value}"), value.to_string()] {
            assert!(matches!(links.target(&bad, &holes), Err(BadTarget::Contact(_))), "{bad}");
        }
        assert!(matches!(links.target("https://a b", &holes), Err(BadTarget::Bad(..))));
        assert!(links.into_list().is_empty());
    }

    #[test]
    fn finds_addresses_in_text() {
        let (mut links, mut holes) = (links(), Holes::default());
        let text = "See https://a.example/x_(y), (http://b.example) or [c](https://c.example/a\\_b). \
                    去https://d.example。xhttps://no.example http:// httpx";
        let found = links.in_text(text, &mut holes, |_| false).unwrap();
        let shown: String = found.chars().map(|c| if is_hole(c) { '@' } else { c }).collect();
        assert_eq!(shown, "See @, (@) or [c](@). 去@。xhttps://no.example http:// httpx");
        let shown: Vec<_> = (0..4).map(|position| links.shown(position)).collect();
        assert_eq!(
            shown,
            ["https://a.example/x_(y)", "http://b.example/", "https://c.example/a_b", "https://d.example/"]
        );
    }

    #[test]
    fn contact_data_may_not_extend_an_address() {
        let (mut links, mut holes) = (links(), Holes::default());
        let value = holes.put(Hole::Value(Expression::Contact(vec!["x".into()]), None));
        let text = format!("https://a.example/{value}");
        assert!(matches!(links.in_text(&text, &mut holes, |_| false), Err(BadTarget::Contact(_))));
    }
}
