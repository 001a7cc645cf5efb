//! E-mail addresses in one normal form, so that the same person is found again.

use std::fmt;

/// One e-mail address in its normal form: lower case, the domain in ASCII (A-labels), at most 254 bytes,
/// without control characters, spaces or comments (RFC 5321 §4.1.2, RFC 5322 §3.4.1).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct EmailAddress(String);

/// A text that is not an e-mail address Chorus can write to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadAddress {
    /// Nothing there.
    #[error("there is nothing in it")]
    Empty,
    /// No `@`, or more than one.
    #[error("it needs exactly one `@`, as in `ada@harbour.example`")]
    At,
    /// A local part in quotes, or a comment in brackets.
    #[error("quoted names and comments (`{0}`) are not taken; write the plain address")]
    Quoted(char),
    /// A letter beyond ASCII before the `@`.
    #[error("`{0}` stands before the `@`: mail servers take only unaccented letters there")]
    LocalNotAscii(char),
    /// Another character that cannot stand before the `@`.
    #[error("{0:?} cannot stand before the `@`")]
    LocalCharacter(char),
    /// A dot at an edge, or two in a row, before the `@`, or nothing before it.
    #[error("the part before the `@` is empty, or has a dot at its edge or two in a row")]
    LocalDots,
    /// More than 64 bytes before the `@` (RFC 5321 §4.5.3.1.1).
    #[error("the part before the `@` has {0} characters; 64 are allowed")]
    LocalTooLong(usize),
    /// `a@[127.0.0.1]`, `a@127.0.0.1`.
    #[error("a number in place of a domain is not taken; write a name such as `harbour.example`")]
    Number,
    /// The domain has no dot: nearly always a slip.
    #[error("`{0}` is not a complete domain; is `.com` or the like missing?")]
    NoDot(String),
    /// The domain is not one.
    #[error("`{0}` is not a domain")]
    Domain(String),
    /// More than 254 bytes in all (RFC 5321 §4.5.3.1.3 with erratum 1690).
    #[error("it has {0} characters; 254 are allowed")]
    TooLong(usize),
}

/// The longest domain in presentation form (RFC 1035 §2.3.4).
const DOMAIN_MAX: usize = 253;

impl EmailAddress {
    /// Takes an address and brings it into its normal form. Spaces around it are dropped.
    ///
    /// # Errors
    /// [`BadAddress`] says what is wrong. Addresses that are legal but never meant are refused as well:
    /// quoted local parts, comments, IP literals, domains without a dot (but `localhost`).
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

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part after the `@`.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

/// A dot-atom of RFC 5322 §3.2.3, in lower case.
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

/// A domain as A-labels (RFC 5890, by UTS #46) that mail can go to.
fn ascii_domain(text: &str) -> Result<String, BadAddress> {
    let bad = || BadAddress::Domain(text.chars().take(DOMAIN_MAX).collect());
    if text.starts_with('[') {
        return Err(BadAddress::Number);
    }
    // The URL parser would decode `%41`; in an address it is simply wrong.
    if text.len() > 4 * DOMAIN_MAX || text.contains(['%', ':', '/']) {
        return Err(bad());
    }
    let domain = match url::Host::parse(text) {
        Ok(url::Host::Domain(domain)) => domain,
        Ok(_) => return Err(BadAddress::Number),
        Err(_) => return Err(bad()),
    };
    if domain.len() > DOMAIN_MAX || !domain.split('.').all(is_label) {
        return Err(bad());
    }
    if !domain.contains('.') && domain != "localhost" {
        return Err(BadAddress::NoDot(domain));
    }
    Ok(domain)
}

/// Letters, digits and inner hyphens, at most 63 (RFC 1035 §2.3.1).
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

    fn fault(text: &str) -> BadAddress {
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
    fn refuses_what_mail_cannot_go_to() {
        assert_eq!(fault(""), BadAddress::Empty);
        assert_eq!(fault("ada"), BadAddress::At);
        assert_eq!(fault("a@b@c.example"), BadAddress::At);
        assert_eq!(fault("\"a b\"@c.example"), BadAddress::Quoted('"'));
        assert_eq!(fault("a(x)@c.example"), BadAddress::Quoted('('));
        assert_eq!(fault("jörg@c.example"), BadAddress::LocalNotAscii('ö'));
        assert_eq!(fault("a b@c.example"), BadAddress::LocalCharacter(' '));
        assert_eq!(fault("a\r\nBcc: x@c.example"), BadAddress::LocalCharacter('\r'));
        assert_eq!(fault("@c.example"), BadAddress::LocalDots);
        assert_eq!(fault("a..b@c.example"), BadAddress::LocalDots);
        assert_eq!(fault("a@[127.0.0.1]"), BadAddress::Number);
        assert_eq!(fault("a@127.1"), BadAddress::Number);
        assert_eq!(fault("bob@gmail"), BadAddress::NoDot("gmail".into()));
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
            assert_eq!(fault(&format!("a@{domain}")), BadAddress::Domain(domain.into()), "{domain}");
        }
    }

    #[test]
    fn has_the_lengths_of_rfc_5321() {
        let label = "d".repeat(63);
        assert!(EmailAddress::parse(&format!("{}@c.example", "a".repeat(64))).is_ok());
        assert_eq!(fault(&format!("{}@c.example", "a".repeat(65))), BadAddress::LocalTooLong(65));
        assert!(EmailAddress::parse(&format!("a@{label}.example")).is_ok());
        assert!(matches!(fault(&format!("a@{label}d.example")), BadAddress::Domain(_)));
        let long = format!("{}@{label}.{label}.{label}.example", "a".repeat(64));
        assert_eq!(fault(&long), BadAddress::TooLong(64 + 1 + 3 * 64 + 7));
    }

    proptest! {
        #[test]
        fn whatever_is_taken_is_plain_and_stays_itself(text in "[a-zé.@+%\"\\PC]{0,40}") {
            if let Ok(address) = EmailAddress::parse(&text) {
                prop_assert!(address.as_str().bytes().all(|b| b.is_ascii_graphic()));
                prop_assert_eq!(EmailAddress::parse(address.as_str()), Ok(address));
            }
        }
    }
}
