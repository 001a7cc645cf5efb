//! E-mail addresses in one normal form, so that equal addresses compare equal.

use std::fmt;

/// One e-mail address in its normal form: lower case, the domain in ASCII (A-labels), at most 254
/// bytes, without control characters, spaces or comments (RFC 5321 §4.1.2, RFC 5322 §3.4.1).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct EmailAddress(String);

/// The reason why a text is not an e-mail address that Chorus can write to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadAddress {
    /// The text is empty.
    #[error("there is nothing in it")]
    Empty,
    /// The text has no `@`, or more than one.
    #[error("it needs exactly one `@`, as in `ada@harbour.example`")]
    At,
    /// A local part in quotes, or a comment in brackets.
    #[error("quoted names and comments (`{0}`) are not taken; write the plain address")]
    Quoted(char),
    /// A letter outside ASCII stands before the `@`.
    #[error("`{0}` stands before the `@`: mail servers take only unaccented letters there")]
    LocalNotAscii(char),
    /// Another character that cannot stand before the `@`, such as a space.
    #[error("{0:?} cannot stand before the `@`")]
    LocalCharacter(char),
    /// The part before the `@` is empty, starts or ends with a dot, or has two dots in a row.
    #[error("the part before the `@` is empty, or has a dot at its edge or two in a row")]
    LocalDots,
    /// More than 64 bytes before the `@` (RFC 5321 §4.5.3.1.1).
    #[error("the part before the `@` has {0} characters; 64 are allowed")]
    LocalTooLong(usize),
    /// An IP address in place of a domain: `a@[127.0.0.1]`, `a@127.0.0.1`.
    #[error("a number in place of a domain is not taken; write a name such as `harbour.example`")]
    Number,
    /// The domain has no dot, which is nearly always a typing mistake.
    #[error("`{0}` is not a complete domain; is `.com` or the like missing?")]
    NoDot(String),
    /// The domain is not a valid domain name.
    #[error("`{0}` is not a domain")]
    Domain(String),
    /// More than 254 bytes in all (RFC 5321 §4.5.3.1.3 with erratum 1690).
    #[error("it has {0} characters; 254 are allowed")]
    TooLong(usize),
}

/// Maximum length of a domain in presentation form, in characters (RFC 1035 §2.3.4).
const MAX_DOMAIN_LENGTH: usize = 253;

impl EmailAddress {
    /// Parses an address and brings it into its normal form. Spaces around it are dropped.
    ///
    /// # Errors
    /// [`BadAddress`] if the text is no e-mail address. Addresses that are legal but never meant
    /// are refused as well: quoted local parts, comments, IP literals, domains without a dot other
    /// than `localhost`.
    pub fn parse(text: &str) -> Result<Self, BadAddress> {
        let text = text.trim();
        if text.is_empty() {
            return Err(BadAddress::Empty);
        }
        if let Some(c) = text.chars().find(|c| matches!(c, '"' | '(' | ')')) {
            return Err(BadAddress::Quoted(c));
        }
        let (local, domain) = text.split_once('@').ok_or(BadAddress::At)?;
        if domain.contains('@') {
            return Err(BadAddress::At);
        }
        let address = format!("{}@{}", local_part(local)?, ascii_domain(domain)?);
        if address.len() > 254 { Err(BadAddress::TooLong(address.len())) } else { Ok(Self(address)) }
    }

    /// Returns the normalized address as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the domain, the part after the `@`, in lower-case A-labels.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

/// Parses a dot-atom of RFC 5322 §3.2.3 and lower-cases it.
fn local_part(text: &str) -> Result<String, BadAddress> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c);
    match text.chars().find(|&c| !fits(c)) {
        Some(c) if c.is_alphabetic() => return Err(BadAddress::LocalNotAscii(c)),
        Some(c) => return Err(BadAddress::LocalCharacter(c)),
        None => {}
    }
    if text.split('.').any(str::is_empty) {
        return Err(BadAddress::LocalDots);
    }
    if text.len() > 64 {
        return Err(BadAddress::LocalTooLong(text.len()));
    }
    Ok(text.to_ascii_lowercase())
}

/// Parses a domain that can receive mail into A-labels (RFC 5890, by UTS #46).
fn ascii_domain(text: &str) -> Result<String, BadAddress> {
    let bad = || BadAddress::Domain(text.chars().take(MAX_DOMAIN_LENGTH).collect());
    if text.starts_with('[') {
        return Err(BadAddress::Number);
    }
    // The URL parser would decode `%41`; in an address it is invalid.
    if text.len() > 4 * MAX_DOMAIN_LENGTH || text.contains(['%', ':', '/']) {
        return Err(bad());
    }
    let domain = match url::Host::parse(text) {
        Ok(url::Host::Domain(domain)) => domain,
        Ok(_) => return Err(BadAddress::Number),
        Err(_) => return Err(bad()),
    };
    if domain.len() > MAX_DOMAIN_LENGTH || !domain.split('.').all(is_label) {
        return Err(bad());
    }
    if !domain.contains('.') && domain != "localhost" {
        return Err(BadAddress::NoDot(domain));
    }
    Ok(domain)
}

/// Returns true for 1 to 63 letters, digits and inner hyphens (RFC 1035 §2.3.1).
fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for EmailAddress {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn normal(text: &str) -> String {
        EmailAddress::parse(text).unwrap().to_string()
    }

    fn error(text: &str) -> BadAddress {
        EmailAddress::parse(text).unwrap_err()
    }

    #[test]
    fn has_one_normal_form() {
        assert_eq!(normal(" Ada.Lovelace+News@Harbour.EXAMPLE "), "ada.lovelace+news@harbour.example");
        assert_eq!(normal("o'brien@mail.harbour.example"), "o'brien@mail.harbour.example");
        // From the IDNA test page of ICANN: 例え.テスト.
        assert_eq!(normal("info@例え.テスト"), "info@xn--r8jz45g.xn--zckzah");
        assert_eq!(normal("info@Bücher.example"), "info@xn--bcher-kva.example");
        assert_eq!(normal("root@localhost"), "root@localhost");
    }

    #[test]
    fn refuses_undeliverable_addresses() {
        assert_eq!(error(""), BadAddress::Empty);
        assert_eq!(error("ada"), BadAddress::At);
        assert_eq!(error("a@b@c.example"), BadAddress::At);
        assert_eq!(error("\"a b\"@c.example"), BadAddress::Quoted('"'));
        assert_eq!(error("a(x)@c.example"), BadAddress::Quoted('('));
        assert_eq!(error("jörg@c.example"), BadAddress::LocalNotAscii('ö'));
        assert_eq!(error("a b@c.example"), BadAddress::LocalCharacter(' '));
        assert_eq!(error("a\r\nBcc: x@c.example"), BadAddress::LocalCharacter('\r'));
        assert_eq!(error("@c.example"), BadAddress::LocalDots);
        assert_eq!(error("a..b@c.example"), BadAddress::LocalDots);
        assert_eq!(error("a@[127.0.0.1]"), BadAddress::Number);
        assert_eq!(error("a@127.1"), BadAddress::Number);
        assert_eq!(error("bob@gmail"), BadAddress::NoDot("gmail".into()));
        for domain in [
            "c..example",
            "-c.example",
            "c-.example",
            "c_d.example",
            "c.example.",
            "%41.example",
            "a b.example",
            "",
        ] {
            assert_eq!(error(&format!("a@{domain}")), BadAddress::Domain(domain.into()), "{domain}");
        }
    }

    #[test]
    fn has_the_lengths_of_rfc_5321() {
        let label = "d".repeat(63);
        assert!(EmailAddress::parse(&format!("{}@c.example", "a".repeat(64))).is_ok());
        assert_eq!(error(&format!("{}@c.example", "a".repeat(65))), BadAddress::LocalTooLong(65));
        assert!(EmailAddress::parse(&format!("a@{label}.example")).is_ok());
        assert!(matches!(error(&format!("a@{label}d.example")), BadAddress::Domain(_)));
        let long = format!("{}@{label}.{label}.{label}.example", "a".repeat(64));
        assert_eq!(error(&long), BadAddress::TooLong(64 + 1 + 3 * 64 + 7));
    }

    proptest! {
        #[test]
        fn a_parsed_address_is_ascii_and_parses_to_itself(text in "[a-zé.@+%\"\\PC]{0,40}") {
            if let Ok(address) = EmailAddress::parse(&text) {
                prop_assert!(address.as_str().bytes().all(|b| b.is_ascii_graphic()));
                prop_assert_eq!(EmailAddress::parse(address.as_str()), Ok(address));
            }
        }
    }
}
