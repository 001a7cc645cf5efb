//! DomainKeys Identified Mail (RFC 6376): says in the brand's name that a message is the brand's,
//! unchanged.
//!
//! Signs bytes, after everything else was done to them: RSA with SHA-256 always, Ed25519 (RFC 8463)
//! besides where a key is given, both relaxed/relaxed. The same message gets the same signatures:
//! their time is the message's date.

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
pub use verify::{Broken, verify};

/// What signs the messages of a channel.
#[derive(Debug)]
pub struct Signer {
    domain: String,
    /// In the order of their signatures, from the top.
    keys: Vec<Key>,
}

/// Signed, and once more than they occur, so that none of them can be added (RFC 6376 §5.4.2,
/// §8.15). A field that is not there is listed too.
const SEALED: [&str; 12] = [
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

/// Signed as often as they occur. Relays and lists add some of their own.
const SIGNED: [&str; 4] = ["List-ID", "Feedback-ID", "Precedence", "Auto-Submitted"];

impl Signer {
    /// What signs the messages of `channel`; nothing if they are not to be signed.
    ///
    /// # Errors
    /// A key is missing in the environment, or is none that can sign.
    pub fn of(channel: &Channel) -> Result<Option<Self>, SenderError> {
        match &channel.kind {
            ChannelKind::Smtp { dkim: Some(dkim), .. } => Self::new(dkim).map(Some),
            _ => Ok(None),
        }
    }

    /// What signs with these keys.
    ///
    /// # Errors
    /// As [`Signer::of`].
    pub fn new(dkim: &Dkim) -> Result<Self, SenderError> {
        let mut keys = vec![Key::rsa(&dkim.rsa)?];
        if let Some(second) = &dkim.ed25519 {
            keys.push(Key::ed25519(second)?);
        }
        Ok(Self { domain: dkim.domain.clone(), keys })
    }

    /// Where the public halves stand in the DNS, and what must stand there: `v=DKIM1; k=rsa; p=…`.
    pub fn records(&self) -> Vec<(String, String)> {
        let name = |key: &Key| format!("{}._domainkey.{}", key.selector(), self.domain);
        self.keys.iter().map(|key| (name(key), key.record())).collect()
    }

    /// The domain that signs: `d=`.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The same message with its signatures in front. Costs processor time, most of it for RSA:
    /// about a millisecond, so call it off the reactor.
    ///
    /// # Errors
    /// The cryptographic library could not sign, which happens when the machine is out of memory or
    /// broken. The message must not go out then.
    pub fn sign(&self, email: Email) -> Result<Email, RenderError> {
        let raw = self.signed(&email.raw)?;
        Ok(Email { raw, ..email })
    }

    fn signed(&self, raw: &[u8]) -> Result<Vec<u8>, RenderError> {
        let (fields, body) = Fields::read(raw);
        let mut hash = Sha256::new();
        canonical::body(body, |bytes| hash.update(bytes));
        let names = fields.names(&SEALED, &SIGNED);
        let covered = fields.canonical(&names);
        let statement = header::Statement {
            domain: &self.domain,
            time: fields.date(),
            names: &names,
            body_hash: &hash.finalize(),
        };
        let mut out = Vec::with_capacity(raw.len() + 1024 * self.keys.len());
        for key in &self.keys {
            let unsigned = statement.unsigned(key.algorithm(), key.selector());
            let mut message = covered.clone();
            canonical::field(unsigned.as_bytes(), &mut message);
            let signature = key.sign(&message).map_err(|_| RenderError("it cannot be signed".to_owned()))?;
            out.extend_from_slice(header::finished(unsigned, &signature).as_bytes());
        }
        out.extend_from_slice(raw);
        Ok(out)
    }
}
