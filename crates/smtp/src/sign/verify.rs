//! Reads our own signatures back, as a receiver would, with the keys that the DNS has.

use aws_lc_rs::signature::{ED25519, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::canonical;
use super::header::{Fields, signatures};
use super::tags::Tags;

/// Why a signature does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// No field `DKIM-Signature`.
    #[error("there is no signature")]
    None,
    /// A field that is none.
    #[error("its field cannot be read")]
    Unreadable,
    /// Another body hash.
    #[error("the body is not what was signed")]
    Body,
    /// No key, or another.
    #[error("the key does not fit")]
    Key,
}

/// How many signatures of a message hold, all of them. `record` gives the TXT record of a key by
/// its name, `SELECTOR._domainkey.DOMAIN`.
///
/// # Errors
/// One of them does not hold, or there is none.
pub fn verify(raw: &[u8], record: impl Fn(&str) -> Option<String>) -> Result<usize, Broken> {
    let (fields, body) = Fields::read(raw);
    let mut hash = Sha256::new();
    canonical::body(body, |bytes| hash.update(bytes));
    let hash = STANDARD.encode(hash.finalize());
    let found = signatures(&fields);
    for field in &found {
        one(&fields, field, &hash, &record)?;
    }
    if found.is_empty() { Err(Broken::None) } else { Ok(found.len()) }
}

fn one(
    fields: &Fields<'_>,
    field: &[u8],
    hash: &str,
    record: impl Fn(&str) -> Option<String>,
) -> Result<(), Broken> {
    let text = std::str::from_utf8(field).map_err(|_| Broken::Unreadable)?;
    let (_, value) = text.split_once(':').ok_or(Broken::Unreadable)?;
    let tags = Tags::read(value);
    let tag = |name| tags.bare(name).ok_or(Broken::Unreadable);
    if tag("bh")? != hash {
        return Err(Broken::Body);
    }
    let names = tag("h")?;
    let mut message = fields.canonical(&names.split(':').collect::<Vec<_>>());
    // Ours end with the signature, on lines of its own.
    let (unsigned, _) = text.rsplit_once("\r\n b=").ok_or(Broken::Unreadable)?;
    canonical::field(format!("{unsigned}\r\n b=").as_bytes(), &mut message);
    let signature = STANDARD.decode(tag("b")?).map_err(|_| Broken::Unreadable)?;
    let name = format!("{}._domainkey.{}", tag("s")?, tag("d")?);
    let record = record(&name).ok_or(Broken::Key)?;
    let public =
        Tags::read(&record).bare("p").and_then(|key| STANDARD.decode(key).ok()).ok_or(Broken::Key)?;
    let verdict = match tag("a")?.as_str() {
        "rsa-sha256" => {
            UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public).verify(&message, &signature)
        }
        "ed25519-sha256" => {
            UnparsedPublicKey::new(&ED25519, public).verify(&Sha256::digest(&message), &signature)
        }
        _ => return Err(Broken::Unreadable),
    };
    verdict.map_err(|_| Broken::Key)
}
