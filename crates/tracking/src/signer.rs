//! Links that nobody can forge or read: what they name, masked, and a truncated HMAC-SHA256 over it.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use channel::LinkStarts;
use hmac::digest::generic_array::GenericArray;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use store::{DeliveryId, LinkId};
use url::Url;

/// Bytes of a tag in a link: 96 bits. Half of the hash, as RFC 2104 §5 advises, would guard against collisions
/// found offline; here every guess is a request, and a hit takes 2⁹⁵ of them.
const TAG: usize = 12;
/// Bytes of what a link names.
const ID: usize = 8;
/// Characters of a token: 20 bytes in base64url without padding.
const TOKEN: usize = 27;

/// What a tag is for. Nothing signed for one use is valid for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Delivery,
    Link,
    Mask,
    MessageId,
    AccessKey,
    Comparison,
}

impl Use {
    const fn label(self) -> &'static [u8] {
        match self {
            Self::Delivery => b"delivery\0",
            Self::Link => b"link\0",
            Self::Mask => b"mask\0",
            Self::MessageId => b"message-id\0",
            Self::AccessKey => b"access-key\0",
            Self::Comparison => b"comparison\0",
        }
    }
}

/// Signs and reads links. Cheap to clone.
#[derive(Clone)]
pub struct Signer {
    /// Keyed once; cloned for every tag, which saves half of the work of a short HMAC.
    keyed: Hmac<Sha256>,
    /// `public_url` without its last slash.
    base: Arc<str>,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("base", &self.base).finish_non_exhaustive()
    }
}

impl Signer {
    /// A signer with this installation's key (32 bytes or more) for links below `public_url`.
    #[must_use]
    pub fn new(key: &[u8], public_url: &Url) -> Self {
        let mut base = public_url.clone();
        base.set_query(None);
        base.set_fragment(None);
        Self { keyed: keyed(key), base: base.as_str().trim_end_matches('/').into() }
    }

    /// The starts of the links of a compiled step: done once per revision. `{public_url}/c/{link}.`,
    /// `{public_url}/o/`, `{public_url}/u/`; a recipient's [`Signer::token`] is put after them.
    #[must_use]
    pub fn starts(&self, links: &[LinkId]) -> LinkStarts {
        let base = &self.base;
        let click = |link: &LinkId| format!("{base}/c/{}.", self.sign(Use::Link, link.0));
        LinkStarts {
            click: links.iter().map(click).collect(),
            open: format!("{base}/o/"),
            unsubscribe: format!("{base}/u/"),
        }
    }

    /// What names one delivery in a link: 27 URL-safe characters, which tell neither the run nor the contact.
    #[must_use]
    pub fn token(&self, delivery: DeliveryId) -> String {
        self.sign(Use::Delivery, delivery.0)
    }

    /// An opaque name of a delivery for Message-ID and webhook-id: 128 bits of keyed hash, hexadecimal.
    #[must_use]
    pub fn message_id(&self, delivery: DeliveryId) -> String {
        use fmt::Write as _;
        let hash = self.tag::<16>(Use::MessageId, &delivery.0.to_be_bytes());
        hash.iter().fold(String::with_capacity(32), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// The delivery that `token` names, if this installation signed it.
    #[must_use]
    pub fn read_token(&self, token: &str) -> Option<DeliveryId> {
        self.read(Use::Delivery, token).map(DeliveryId)
    }

    /// The link that the first half of a click's path names, if this installation signed it.
    #[must_use]
    pub fn read_link(&self, link: &str) -> Option<LinkId> {
        self.read(Use::Link, link).map(LinkId)
    }

    /// A key for people and programs, derived from the installation's: `purpose` is `dashboard` or `api`.
    #[must_use]
    pub fn access_key(&self, purpose: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.tag::<24>(Use::AccessKey, purpose.as_bytes()))
    }

    /// Whether two secrets are the same, in a time that does not tell where they differ.
    #[must_use]
    pub fn same(&self, given: &str, expected: &str) -> bool {
        let expected = self.mac(Use::Comparison, expected.as_bytes()).finalize().into_bytes();
        self.mac(Use::Comparison, given.as_bytes()).verify(&expected).is_ok()
    }

    /// The tag is the synthetic IV of the mask (as in RFC 5297): equal ids give equal tokens, and nobody
    /// without the key can tell a row's number from them.
    fn sign(&self, purpose: Use, id: i64) -> String {
        let id = id.to_be_bytes();
        let tag = self.tag::<TAG>(purpose, &id);
        let mut bytes = [0; ID + TAG];
        let (masked, rest) = bytes.split_at_mut(ID);
        masked.copy_from_slice(&self.mask(&tag, id));
        rest.copy_from_slice(&tag);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn read(&self, purpose: Use, token: &str) -> Option<i64> {
        if token.len() != TOKEN {
            return None;
        }
        let mut bytes = [0; ID + TAG];
        // Refuses a last character whose spare bits are set: one token, one spelling.
        let length = URL_SAFE_NO_PAD.decode_slice(token, &mut bytes).ok()?;
        let (masked, tag) = bytes.get(..length)?.split_first_chunk::<ID>()?;
        let tag: &[u8; TAG] = tag.try_into().ok()?;
        let id = self.mask(tag, *masked);
        self.mac(purpose, &id).verify_truncated_left(tag).ok()?;
        Some(i64::from_be_bytes(id))
    }

    fn mask(&self, tag: &[u8; TAG], id: [u8; ID]) -> [u8; ID] {
        let stream = self.tag::<ID>(Use::Mask, tag);
        std::array::from_fn(|at| id[at] ^ stream[at])
    }

    fn tag<const N: usize>(&self, purpose: Use, data: &[u8]) -> [u8; N] {
        let hash = self.mac(purpose, data).finalize().into_bytes();
        std::array::from_fn(|at| hash[at])
    }

    fn mac(&self, purpose: Use, data: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.keyed.clone();
        mac.update(purpose.label());
        mac.update(data);
        mac
    }
}

/// HMAC keyed with the hash of `key`, padded to a block: fits a key of any length.
fn keyed(key: &[u8]) -> Hmac<Sha256> {
    let mut block = GenericArray::default();
    for (slot, byte) in block.iter_mut().zip(Sha256::digest(key)) {
        *slot = byte;
    }
    <Hmac<Sha256> as Mac>::new(&block)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use store::{ContactId, RunId};

    use super::*;

    fn signer() -> Signer {
        Signer::new(b"0123456789abcdef0123456789abcdef", &Url::parse("https://news.example").unwrap())
    }

    #[test]
    fn links_are_short_and_below_the_public_address() {
        let starts = signer().starts(&[LinkId(1), LinkId(i64::MAX)]);
        let token = signer().token(DeliveryId::new(RunId(i64::from(i32::MAX)), ContactId(0xffff_ffff)));
        for click in &starts.click {
            let path = click.strip_prefix("https://news.example").unwrap();
            assert!(path.starts_with("/c/") && path.ends_with('.'), "{path}");
            assert!(path.len() + token.len() < 60, "{path}{token}");
        }
        assert_eq!(starts.open, "https://news.example/o/");
        assert_eq!(starts.unsubscribe, "https://news.example/u/");
    }

    #[test]
    fn a_public_address_may_have_a_path() {
        let url = Url::parse("https://example.org/news/?x=1#y").unwrap();
        assert_eq!(Signer::new(b"k", &url).starts(&[]).open, "https://example.org/news/o/");
    }

    #[test]
    fn a_token_tells_neither_the_run_nor_the_contact() {
        let tokens: Vec<_> =
            (1..=3).map(|n| signer().token(DeliveryId::new(RunId(1), ContactId(n)))).collect();
        assert!(tokens.iter().all(|token| token.len() == TOKEN));
        assert_ne!(tokens[0][..4], tokens[1][..4]);
        assert_ne!(tokens[1][..4], tokens[2][..4]);
    }

    #[test]
    fn what_is_signed_for_one_use_is_not_valid_for_another() {
        let signer = signer();
        let start = &signer.starts(&[LinkId(7)]).click[0];
        let link = start.trim_start_matches("https://news.example/c/").trim_end_matches('.');
        assert_eq!(signer.read_link(link), Some(LinkId(7)));
        assert_eq!(signer.read_token(link), None);
        assert_eq!(signer.read_link(&signer.token(DeliveryId(7))), None);
    }

    #[test]
    fn another_installation_reads_nothing() {
        let other = Signer::new(b"another", &Url::parse("https://news.example").unwrap());
        assert_eq!(other.read_token(&signer().token(DeliveryId(7))), None);
        assert_ne!(other.access_key("api"), signer().access_key("api"));
    }

    #[test]
    fn message_ids_are_opaque_and_stable() {
        let id = signer().message_id(DeliveryId(7));
        assert_eq!(id, signer().message_id(DeliveryId(7)));
        assert_ne!(id, signer().message_id(DeliveryId(8)));
        assert!(id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()), "{id}");
    }

    #[test]
    fn access_keys_differ_by_purpose_and_compare() {
        let signer = signer();
        let key = signer.access_key("api");
        assert_ne!(key, signer.access_key("dashboard"));
        assert_eq!(key.len(), 32);
        assert!(signer.same(&key, &signer.access_key("api")));
        assert!(!signer.same("", &key));
        assert!(!signer.same(&key[1..], &key));
    }

    #[test]
    fn debug_output_holds_no_key() {
        assert_eq!(format!("{:?}", signer()), "Signer { base: \"https://news.example\", .. }");
    }

    proptest! {
        #[test]
        fn every_delivery_and_link_comes_back(id in any::<i64>()) {
            let signer = signer();
            prop_assert_eq!(signer.read_token(&signer.token(DeliveryId(id))), Some(DeliveryId(id)));
            prop_assert_eq!(signer.read_link(&signer.sign(Use::Link, id)), Some(LinkId(id)));
        }

        #[test]
        fn a_token_with_any_byte_changed_is_not_valid(id in any::<i64>(), with in 0u8..128) {
            let token = signer().token(DeliveryId(id));
            for at in 0..token.len() {
                let mut bytes = token.clone().into_bytes();
                if bytes[at] == with {
                    continue;
                }
                bytes[at] = with;
                let forged = String::from_utf8(bytes).unwrap();
                prop_assert_eq!(signer().read_token(&forged), None, "{}", forged);
            }
        }

        #[test]
        fn no_text_reads_as_a_token(text in "\\PC{0,40}", like in "[A-Za-z0-9_-]{27}") {
            prop_assert_eq!(signer().read_token(&text), None);
            prop_assert_eq!(signer().read_link(&like), None);
        }
    }
}
