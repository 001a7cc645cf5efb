//! From `[channels.NAME.dkim]` as written to the keys that sign.

use std::ops::Range;
use std::path::Path;

use source::{Field, Located};

use crate::secret::Secret;
use crate::text::{EmailAddress, Mailbox};
use crate::workspace::chorus_file::format::{DkimFile, SecondKeyFile};
use crate::workspace::chorus_file::private_key;
use crate::workspace::chorus_file::private_key::Algorithm;
use crate::workspace::chorus_file::read::Reading;
use crate::workspace::{Dkim, DkimKey, variable};

/// The largest key file, in MiB.
const LARGEST: u64 = 1;

/// What signs the messages of a channel whose sender is `from`.
pub(crate) fn dkim(reading: &Reading<'_>, table: &Located<DkimFile>, from: Option<&Mailbox>) -> Option<Dkim> {
    let domain = match &table.domain {
        Field::Absent => from.map(|from| from.address.domain().to_owned()),
        Field::Bad => None,
        Field::Here(text) => domain(reading, text, from),
    };
    let rsa = key(reading, &table.span, &table.selector, &table.key, Algorithm::Rsa);
    let ed25519 = match &table.ed25519 {
        Field::Absent => Some(None),
        Field::Bad => None,
        Field::Here(table) => second(reading, table).map(Some),
    };
    let dkim = Dkim { domain: domain?, rsa: rsa?, ed25519: ed25519? };
    refuse_twins(reading, table, &dkim)?;
    Some(dkim)
}

fn second(reading: &Reading<'_>, table: &Located<SecondKeyFile>) -> Option<DkimKey> {
    key(reading, &table.span, &table.selector, &table.key, Algorithm::Ed25519)
}

/// A name of the DNS; a warning if receivers will not take it for the sender's.
fn domain(reading: &Reading<'_>, text: &Located<String>, from: Option<&Mailbox>) -> Option<String> {
    let address = EmailAddress::parse(&format!("postmaster@{}", text.value));
    let help = "Write the domain of `from`, or leave the line out.";
    let address = reading.source.take("bad-domain", &text.span, address, "`domain`", help)?;
    let domain = address.domain().to_owned();
    if let Some(from) = from.filter(|from| !is_near(&domain, from.address.domain())) {
        let message = format!(
            "messages from {} are signed by {domain}: receivers that ask for DMARC will not count the signature",
            from.address
        );
        let help = "Sign with the domain of `from`, or one above or below it.";
        reading.source.warning("dkim-not-aligned", text.span.clone(), message, help);
    }
    Some(domain)
}

/// Whether two domains can belong together in the eyes of DMARC (RFC 7489 §3.1): one is above the other, or they
/// end alike. Which endings belong to a registry is not known here; `chorus doctor` asks the DNS.
fn is_near(one: &str, other: &str) -> bool {
    let below = |one: &str, other: &str| {
        one.strip_suffix(other).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    let end = |name: &str| name.rsplitn(3, '.').take(2).map(str::to_owned).collect::<Vec<_>>();
    below(one, other) || below(other, one) || end(one) == end(other)
}

fn key(
    reading: &Reading<'_>,
    owner: &Range<usize>,
    name: &Field<String>,
    key: &Field<String>,
    algorithm: Algorithm,
) -> Option<DkimKey> {
    let source = reading.source;
    let name = source.need(name, "selector", "selector = \"chorus2026\"", Some(owner));
    let name = name.and_then(|name| selector(reading, name));
    let key = source.need(key, "key", "key = \"keys/dkim.pem\"", Some(owner));
    let key = key.and_then(|key| private(reading, key, algorithm));
    Some(DkimKey { selector: name?, key: key? })
}

/// One or more labels (RFC 6376 §3.1), short enough to stand before `._domainkey.`.
fn selector(reading: &Reading<'_>, text: &Located<String>) -> Option<String> {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let fits = text.len() <= 120 && text.split('.').all(label);
    if !fits {
        let shown: String = text.chars().take(64).collect();
        let message = format!("`selector` cannot be {shown:?}");
        let help = "Write letters, digits and hyphens, such as `chorus2026`.";
        reading.source.error("bad-selector", text.span.clone(), message, help);
    }
    fits.then(|| text.to_ascii_lowercase())
}

/// The key that `${NAME}` holds, that stands here, or that is in the file named here.
fn private(reading: &Reading<'_>, text: &Located<String>, algorithm: Algorithm) -> Option<Secret> {
    let here = !variable::variables(text).is_empty() || text.contains("-----BEGIN");
    let secret = if here {
        let secret = variable::secret(reading.source, text, reading.env);
        // Where an environment cannot hold line breaks, they are written so.
        secret.expose().map(|pem| Secret::new(pem.replace("\\n", "\n"))).unwrap_or(secret)
    } else {
        file(reading, text)?
    };
    let known = secret.expose().map_or(Ok(()), |pem| private_key::check(pem, algorithm));
    let help = match algorithm {
        Algorithm::Rsa => "Make one with `openssl genrsa -out keys/dkim.pem 2048`.",
        Algorithm::Ed25519 => {
            "Make one with `openssl genpkey -algorithm ed25519 -out keys/dkim-ed25519.pem`."
        }
    };
    reading.source.take("bad-key", &text.span, known, "`key` cannot sign", help)?;
    Some(secret)
}

/// The key in a file that nobody but its owner may read.
fn file(reading: &Reading<'_>, text: &Located<String>) -> Option<Secret> {
    let (source, dir) = (reading.source, reading.dir);
    let help =
        "Name a PEM file of this workspace, or write `${DKIM_KEY}` and keep the PEM text in the environment.";
    let path = source.take("bad-key-file", &text.span, dir.file(text), "`key` cannot be read", help)?;
    let open = source.take("bad-key-file", &text.span, dir.open_to_others(&path), "`key`", help)?;
    if open != 0 {
        let message = format!("others on this machine may read or change {}", shown(&path));
        let help = format!("Run `chmod 600 {}`, and keep the file out of Git.", shown(&path));
        source.error("open-key-file", text.span.clone(), message, help);
        return None;
    }
    let pem = source.take("bad-key-file", &text.span, dir.read_secret(&path, LARGEST), "`key`", help)?;
    Some(Secret::new(pem))
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().chars().take(100).collect()
}

/// Two keys cannot stand under one name: a receiver would take either for the other.
fn refuse_twins(reading: &Reading<'_>, table: &Located<DkimFile>, dkim: &Dkim) -> Option<()> {
    let twins = dkim.ed25519.as_ref().is_some_and(|second| second.selector == dkim.rsa.selector);
    if twins {
        let span = table.ed25519.value().and_then(|second| second.selector.span());
        let message = format!("both keys have the selector `{}`", dkim.rsa.selector);
        reading.source.error("twice", span, message, "Give the Ed25519 key a selector of its own.");
    }
    (!twins).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_are_near_when_dmarc_can_align_them() {
        for (one, other) in [
            ("harbour.example", "harbour.example"),
            ("news.harbour.example", "harbour.example"),
            ("harbour.example", "news.harbour.example"),
            ("mail.harbour.example", "news.harbour.example"),
        ] {
            assert!(is_near(one, other), "{one} {other}");
        }
        for (one, other) in [("harbour.example", "pier.example"), ("ourharbour.example", "harbour.example")] {
            assert!(!is_near(one, other), "{one} {other}");
        }
    }
}
