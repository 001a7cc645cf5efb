//! The check of DKIM: the published keys match the signing keys, and a signed message verifies (RFC
//! 6376).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use message::Email;
use smtp::DkimSigner;
use smtp::sign::tags::Tags;
use smtp::sign::verify;

use super::{Dns, Finding};

const CHECK: &str = "dkim";

/// Compares the published records of a channel's keys with the keys, then signs `sample` and
/// verifies its signature with the published records.
pub(super) async fn examine(dns: &Dns, signer: &DkimSigner, sample: Email) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut known = Vec::new();
    for (name, record) in signer.records() {
        let published = dns.txt(&name).await;
        findings.push(match &published {
            Ok(published) => compare_record(&name, &record, published),
            Err(error) => Finding::unanswered(CHECK, error),
        });
        // A missing record is reported above; the signature is then verified with our own.
        let published = published.unwrap_or_default().into_iter().next();
        known.push((name, published.unwrap_or(record)));
    }
    findings.push(check_signature(signer, sample, &known));
    findings
}

/// Returns the warning for a channel without `[channels.NAME.dkim]`, which leaves signing to its
/// relay.
pub(super) fn not_configured() -> Finding {
    let fix = "Add [channels.NAME.dkim], unless your relay signs for your domain.";
    Finding::warn(CHECK, "messages leave unsigned", fix)
}

/// Compares the published records of a key with the wanted one.
fn compare_record(name: &str, wanted: &str, published: &[String]) -> Finding {
    let fix = format!("Publish {name} TXT \"{wanted}\".");
    let fail = |found: String| Finding::fail_outside(CHECK, found, fix.as_str());
    let text = match published {
        [] => return fail(format!("{name} has no key")),
        [text] => text,
        several => return fail(format!("{name} has {} records, and must have one", several.len())),
    };
    let (tags, own) = (Tags::read(text), Tags::read(wanted));
    let key = |tags: &Tags<'_>| tags.without_spaces("p").and_then(|key| STANDARD.decode(key).ok());
    if tags.get("v").is_some_and(|version| !version.eq_ignore_ascii_case("DKIM1")) || tags.get("p").is_none()
    {
        return fail(format!("{name} is no record of a key"));
    }
    if tags.without_spaces("p").is_some_and(|key| key.is_empty()) {
        return fail(format!("the key at {name} is revoked"));
    }
    if tags.get("k").unwrap_or("rsa") != own.get("k").unwrap_or("rsa") {
        return fail(format!("the key at {name} is of another kind than ours"));
    }
    if key(&tags) != key(&own) {
        return fail(format!("the key at {name} is not the public half of ours"));
    }
    if !tags.list_contains("h", "sha256", true) {
        return fail(format!("{name} does not let SHA-256 be used"));
    }
    if !tags.list_contains("s", "*", true) && !tags.list_contains("s", "email", true) {
        return fail(format!("the key at {name} is not for e-mail"));
    }
    if tags.list_contains("t", "y", false) {
        let found = format!("{name} says that DKIM is only being tested (t=y)");
        return Finding::warn(CHECK, found, "Take `t=y` out when all is well.");
    }
    Finding::pass(CHECK, format!("{name} has the public half of our key"))
}

/// Signs a message as sending does, and verifies the signature as a receiver does.
fn check_signature(signer: &DkimSigner, sample: Email, records: &[(String, String)]) -> Finding {
    let fix = "Fix the findings about `dkim`; if there are none, report this as a bug.";
    let signed = match signer.sign(sample) {
        Ok(email) => email,
        Err(error) => return Finding::fail_here("sample", format!("cannot {error}"), fix),
    };
    let record = |name: &str| records.iter().find(|(known, _)| known == name).map(|(_, text)| text.clone());
    match verify(&signed.raw, record) {
        Ok(1) => Finding::pass("sample", "a message was signed, and the signature holds"),
        Ok(count) => {
            Finding::pass("sample", format!("a message was signed, and its {count} signatures hold"))
        }
        Err(error) => {
            Finding::fail_outside("sample", format!("a signed message does not hold: {error}"), fix)
        }
    }
}
