//! Verification of our own signatures, as a receiver does it, with the keys in the DNS.

use aws_lc_rs::signature::{ED25519, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::canonical;
use super::header::{Fields, signatures};
use super::tags::Tags;

/// The reason for which a signature is invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// The message has no `DKIM-Signature` field.
    #[error("there is no signature")]
    NoSignature,
    /// The signature's field cannot be parsed.
    #[error("its field cannot be read")]
    InvalidField,
    /// The body hash differs.
    #[error("the body is not what was signed")]
    BodyHash,
    /// The key is missing in the DNS, or the signature does not match it.
    #[error("the signature does not match the key")]
    Key,
}

/// Verifies all signatures of a message and returns their number. `record` returns the TXT record
/// of a key by its name, `SELECTOR._domainkey.DOMAIN`.
///
/// # Errors
/// A signature is invalid, or there is none.
pub fn verify(raw: &[u8], record: impl Fn(&str) -> Option<String>) -> Result<usize, VerifyError> {
    let (fields, body) = Fields::read(raw);
    let mut hash = Sha256::new();
    canonical::body(body, |bytes| hash.update(bytes));
    let hash = STANDARD.encode(hash.finalize());
    let found = signatures(&fields);
    for field in &found {
        verify_signature(&fields, field, &hash, &record)?;
    }
    if found.is_empty() { Err(VerifyError::NoSignature) } else { Ok(found.len()) }
}

fn verify_signature(
    fields: &Fields<'_>,
    field: &[u8],
    hash: &str,
    record: impl Fn(&str) -> Option<String>,
) -> Result<(), VerifyError> {
    let text = std::str::from_utf8(field).map_err(|_| VerifyError::InvalidField)?;
    let (_, value) = text.split_once(':').ok_or(VerifyError::InvalidField)?;
    let tags = Tags::read(value);
    let tag = |name| tags.without_spaces(name).ok_or(VerifyError::InvalidField);
    if tag("bh")? != hash {
        return Err(VerifyError::BodyHash);
    }
    let names = tag("h")?;
    let mut message = fields.canonical(&names.split(':').collect::<Vec<_>>());
    // Our own fields end with the signature, on separate lines.
    let (unsigned, _) = text.rsplit_once("\r\n b=").ok_or(VerifyError::InvalidField)?;
    canonical::field(format!("{unsigned}\r\n b=").as_bytes(), &mut message);
    let signature = STANDARD.decode(tag("b")?).map_err(|_| VerifyError::InvalidField)?;
    let name = format!("{}._domainkey.{}", tag("s")?, tag("d")?);
    let record = record(&name).ok_or(VerifyError::Key)?;
    let public = Tags::read(&record).without_spaces("p").and_then(|key| STANDARD.decode(key).ok());
    let public = public.ok_or(VerifyError::Key)?;
    let verdict = match tag("a")?.as_str() {
        "rsa-sha256" => {
            UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public).verify(&message, &signature)
        }
        "ed25519-sha256" => {
            UnparsedPublicKey::new(&ED25519, public).verify(&Sha256::digest(&message), &signature)
        }
        _ => return Err(VerifyError::InvalidField),
    };
    verdict.map_err(|_| VerifyError::Key)
}
