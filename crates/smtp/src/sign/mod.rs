//! DKIM signatures (DomainKeys Identified Mail, RFC 6376): they confirm in the brand's name that a
//! message is the brand's and unchanged.
//!
//! Signing is the last step on the bytes of a message: always with RSA and SHA-256, and also with
//! Ed25519 (RFC 8463) where such a key is given, both relaxed/relaxed. The same message gets the
//! same signatures, because their time is the message's date.

mod canonical;
mod header;
mod key;
pub mod tags;
#[cfg(test)]
mod tests;
mod verify;

use campaign::{Channel, ChannelKind, Dkim};
use message::{Email, RenderError, SenderError};
use sha2::{Digest as _, Sha256};

use header::Fields;
use key::Key;
pub use verify::{VerifyError, verify};

/// The DKIM keys and domain with which a channel's messages are signed.
#[derive(Debug)]
pub struct DkimSigner {
    domain: String,
    /// The keys in the order of their signatures, from the top.
    keys: Vec<Key>,
}

/// Oversigned fields: listed once more than they occur, so that none of them can be added (RFC 6376
/// §5.4.2, §8.15). A field that is absent is listed, too.
const OVERSIGNED: [&str; 12] = [
    "From",
    "Reply-To",
    "To",
    "Cc",
    "Subject",
    "Date",
    "Message-ID",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
];

/// Fields signed as often as they occur, because relays and lists add their own.
const SIGNED_IF_PRESENT: [&str; 4] = ["List-ID", "Feedback-ID", "Precedence", "Auto-Submitted"];

impl DkimSigner {
    /// Returns the signer of `channel`; `None` if its messages are not signed.
    ///
    /// # Errors
    /// A key is missing in the environment, or cannot sign.
    pub fn of(channel: &Channel) -> Result<Option<Self>, SenderError> {
        match &channel.kind {
            ChannelKind::Smtp { dkim: Some(dkim), .. } => Self::new(dkim).map(Some),
            _ => Ok(None),
        }
    }

    /// Reads the keys.
    ///
    /// # Errors
    /// As [`DkimSigner::of`].
    pub fn new(dkim: &Dkim) -> Result<Self, SenderError> {
        let mut keys = vec![Key::rsa(&dkim.rsa)?];
        if let Some(second) = &dkim.ed25519 {
            keys.push(Key::ed25519(second)?);
        }
        Ok(Self { domain: dkim.domain.clone(), keys })
    }

    /// Returns the DNS name of each public key with its TXT record, `v=DKIM1; k=rsa; p=…`.
    pub fn records(&self) -> Vec<(String, String)> {
        let name = |key: &Key| format!("{}._domainkey.{}", key.selector(), self.domain);
        self.keys.iter().map(|key| (name(key), key.record())).collect()
    }

    /// Returns the signing domain, `d=`.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// Returns the message with its signatures in front. Takes about a millisecond of processor
    /// time, most of it for RSA, so call it off the reactor.
    ///
    /// # Errors
    /// The cryptographic library could not sign, which happens when the machine is out of memory or
    /// broken. The message must not be sent then.
    pub fn sign(&self, email: Email) -> Result<Email, RenderError> {
        let raw = self.signed(&email.raw)?;
        Ok(Email { raw, ..email })
    }

    fn signed(&self, raw: &[u8]) -> Result<Vec<u8>, RenderError> {
        let (fields, body) = Fields::read(raw);
        let mut hash = Sha256::new();
        canonical::body(body, |bytes| hash.update(bytes));
        let names = fields.names(&OVERSIGNED, &SIGNED_IF_PRESENT);
        let covered = fields.canonical(&names);
        let signature_fields = header::SignatureFields {
            domain: &self.domain,
            time: fields.date(),
            names: &names,
            body_hash: &hash.finalize(),
        };
        let mut out = Vec::with_capacity(raw.len() + 1024 * self.keys.len());
        for key in &self.keys {
            let unsigned = signature_fields.unsigned(key.algorithm(), key.selector());
            let mut message = covered.clone();
            canonical::field(unsigned.as_bytes(), &mut message);
            let signature = key.sign(&message).map_err(|_| RenderError("it cannot be signed".to_owned()))?;
            out.extend_from_slice(header::with_signature(unsigned, &signature).as_bytes());
        }
        out.extend_from_slice(raw);
        Ok(out)
    }
}
