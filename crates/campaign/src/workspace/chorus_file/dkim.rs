//! Reads `[channels.NAME.dkim]` into DKIM signing keys.

use std::ops::Range;
use std::path::Path;

use source::{Field, Located};

use crate::secret::Secret;
use crate::text::{EmailAddress, Mailbox};
use crate::workspace::chorus_file::format::{DkimFile, SecondKeyFile};
use crate::workspace::chorus_file::private_key;
use crate::workspace::chorus_file::private_key::Algorithm;
use crate::workspace::chorus_file::read::ReadContext;
use crate::workspace::{Dkim, DkimKey, variable};

/// Maximum size of a key file, in MiB.
const MAX_KEY_FILE_MIB: u64 = 1;

/// Reads the signing keys of a channel whose sender is `from`.
pub(crate) fn dkim(
    context: &ReadContext<'_>,
    table: &Located<DkimFile>,
    from: Option<&Mailbox>,
) -> Option<Dkim> {
    let domain = match &table.domain {
        Field::Absent => from.map(|from| from.address.domain().to_owned()),
        Field::Invalid => None,
        Field::Present(text) => domain(context, text, from),
    };
    let rsa = key(context, &table.span, &table.selector, &table.key, Algorithm::Rsa);
    let ed25519 = match &table.ed25519 {
        Field::Absent => Some(None),
        Field::Invalid => None,
        Field::Present(table) => ed25519_key(context, table).map(Some),
    };
    let dkim = Dkim { domain: domain?, rsa: rsa?, ed25519: ed25519? };
    refuse_shared_selector(context, table, &dkim)?;
    Some(dkim)
}

fn ed25519_key(context: &ReadContext<'_>, table: &Located<SecondKeyFile>) -> Option<DkimKey> {
    key(context, &table.span, &table.selector, &table.key, Algorithm::Ed25519)
}

/// Reads the signing domain; warns if it cannot be aligned with the domain of `from` under DMARC.
fn domain(context: &ReadContext<'_>, text: &Located<String>, from: Option<&Mailbox>) -> Option<String> {
    let address = EmailAddress::parse(&format!("postmaster@{}", text.value));
    let help = "Write the domain of `from`, or leave the line out.";
    let address = context.source.ok_or_report("bad-domain", &text.span, address, "`domain`", help)?;
    let domain = address.domain().to_owned();
    if let Some(from) = from.filter(|from| !can_align(&domain, from.address.domain())) {
        let message = format!(
            "messages from {} are signed by {domain}: receivers that check DMARC will not count the signature",
            from.address
        );
        let help = "Sign with the domain of `from`, or one above or below it.";
        context.source.warning("dkim-not-aligned", text.span.clone(), message, help);
    }
    Some(domain)
}

/// Returns true if DMARC can align two domains (RFC 7489 §3.1): one is above the other, or both
/// have the same last two labels. Public suffixes are not known here; `chorus doctor` asks the DNS.
fn can_align(one: &str, other: &str) -> bool {
    let below = |one: &str, other: &str| {
        one.strip_suffix(other).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    let last_labels = |name: &str| name.rsplitn(3, '.').take(2).map(str::to_owned).collect::<Vec<_>>();
    below(one, other) || below(other, one) || last_labels(one) == last_labels(other)
}

fn key(
    context: &ReadContext<'_>,
    owner: &Range<usize>,
    name: &Field<String>,
    key: &Field<String>,
    algorithm: Algorithm,
) -> Option<DkimKey> {
    let source = context.source;
    let name = source.require(name, "selector", "selector = \"chorus2026\"", Some(owner));
    let name = name.and_then(|name| selector(context, name));
    let key = source.require(key, "key", "key = \"keys/dkim.pem\"", Some(owner));
    let key = key.and_then(|key| private_key_text(context, key, algorithm));
    Some(DkimKey { selector: name?, key: key? })
}

/// Reads a selector: one or more labels (RFC 6376 §3.1), at most 120 characters, so that it fits
/// before `._domainkey.`.
fn selector(context: &ReadContext<'_>, text: &Located<String>) -> Option<String> {
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
        context.source.error("bad-selector", text.span.clone(), message, help);
    }
    fits.then(|| text.to_ascii_lowercase())
}

/// Reads a private key: from `${NAME}`, from the text itself, or from the file that it names.
fn private_key_text(
    context: &ReadContext<'_>,
    text: &Located<String>,
    algorithm: Algorithm,
) -> Option<Secret> {
    let is_inline = !variable::variables(text).is_empty() || text.contains("-----BEGIN");
    let secret = if is_inline {
        let secret = variable::fill_secret(context.source, text, context.env);
        // Environments that cannot hold line breaks have `\n` in their place.
        secret.expose().map(|pem| Secret::new(pem.replace("\\n", "\n"))).unwrap_or(secret)
    } else {
        key_file(context, text)?
    };
    let checked = secret.expose().map_or(Ok(()), |pem| private_key::check(pem, algorithm));
    let help = match algorithm {
        Algorithm::Rsa => "Make one with `openssl genrsa -out keys/dkim.pem 2048`.",
        Algorithm::Ed25519 => {
            "Make one with `openssl genpkey -algorithm ed25519 -out keys/dkim-ed25519.pem`."
        }
    };
    context.source.ok_or_report("bad-key", &text.span, checked, "`key` cannot sign", help)?;
    Some(secret)
}

/// Reads the key in a file; reports a file that others than its owner may access.
fn key_file(context: &ReadContext<'_>, text: &Located<String>) -> Option<Secret> {
    let (source, dir) = (context.source, context.dir);
    let help =
        "Name a PEM file of this workspace, or write `${DKIM_KEY}` and keep the PEM text in the environment.";
    let path =
        source.ok_or_report("bad-key-file", &text.span, dir.file(text), "`key` cannot be read", help)?;
    let access = dir.permissions_of_others(&path);
    let access = source.ok_or_report("bad-key-file", &text.span, access, "`key`", help)?;
    if access != 0 {
        let message = format!("others on this machine may read or change {}", shown(&path));
        let help = format!("Run `chmod 600 {}`, and keep the file out of Git.", shown(&path));
        source.error("open-key-file", text.span.clone(), message, help);
        return None;
    }
    let pem = dir.read_secret(&path, MAX_KEY_FILE_MIB);
    let pem = source.ok_or_report("bad-key-file", &text.span, pem, "`key`", help)?;
    Some(Secret::new(pem))
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().chars().take(100).collect()
}

/// Reports two keys with the same selector: a receiver could not tell them apart.
fn refuse_shared_selector(context: &ReadContext<'_>, table: &Located<DkimFile>, dkim: &Dkim) -> Option<()> {
    let shared = dkim.ed25519.as_ref().is_some_and(|second| second.selector == dkim.rsa.selector);
    if shared {
        let span = table.ed25519.value().and_then(|second| second.selector.span());
        let message = format!("both keys have the selector `{}`", dkim.rsa.selector);
        context.source.error("twice", span, message, "Give the Ed25519 key its own selector.");
    }
    (!shared).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_align_as_dmarc_allows() {
        for (one, other) in [
            ("harbour.example", "harbour.example"),
            ("news.harbour.example", "harbour.example"),
            ("harbour.example", "news.harbour.example"),
            ("mail.harbour.example", "news.harbour.example"),
        ] {
            assert!(can_align(one, other), "{one} {other}");
        }
        for (one, other) in [("harbour.example", "pier.example"), ("ourharbour.example", "harbour.example")] {
            assert!(!can_align(one, other), "{one} {other}");
        }
    }
}
