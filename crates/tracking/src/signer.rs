//! Links that nobody can forge: what they name, and a truncated HMAC-SHA256 over it.

use channel::LinkStarts;
use store::{DeliveryId, LinkId};
use url::Url;

/// Signs and reads links. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Signer {}

impl Signer {
    /// A signer with this installation's key (32 bytes or more) for links below `public_url`.
    #[must_use]
    pub fn new(_key: &[u8], _public_url: &Url) -> Self {
        todo!()
    }

    /// The starts of the links of a compiled step: done once per revision. `{public_url}/c/{link}.`,
    /// `{public_url}/o/`, `{public_url}/u/`; a recipient's [`Signer::token`] is put after them.
    #[must_use]
    pub fn starts(&self, _links: &[LinkId]) -> LinkStarts {
        todo!()
    }

    /// What names one delivery in a link: URL-safe characters.
    #[must_use]
    pub fn token(&self, _delivery: DeliveryId) -> String {
        todo!()
    }

    /// An opaque name of a delivery for Message-ID and webhook-id: 128 bits of keyed hash, hexadecimal.
    #[must_use]
    pub fn message_id(&self, _delivery: DeliveryId) -> String {
        todo!()
    }

    /// The delivery that `token` names, if this installation signed it.
    #[must_use]
    pub fn read_token(&self, _token: &str) -> Option<DeliveryId> {
        todo!()
    }

    /// A key for people and programs, derived from the installation's: `purpose` is `dashboard` or `api`.
    #[must_use]
    pub fn access_key(&self, _purpose: &str) -> String {
        todo!()
    }
}
