//! Signing of tracking links: a masked payload (a delivery or a registered link) and a truncated
//! HMAC-SHA256 over it, so that links can be neither forged nor read without the key.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::digest::generic_array::GenericArray;
use hmac::{Hmac, Mac};
use message::LinkPrefixes;
use sha2::{Digest, Sha256};
use store::{ContactId, DeliveryId, DeliveryName, LinkName, RunName};
use url::Url;

/// Length of the authentication tag in a link, in bytes: 96 bits. Half of the hash, as RFC 2104 §5
/// advises, would guard against collisions found offline; here every guess is a request, and a
/// successful one takes 2⁹⁵ of them.
const TAG_BYTES: usize = 12;
/// Length of a link's name or of a delivery's id, in bytes.
const ID_BYTES: usize = 8;
/// Length of a run's name with a contact's id, in bytes.
const NAMED_DELIVERY_BYTES: usize = 12;

/// The purpose of a tag. A tag for one purpose is not valid for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Delivery,
    NamedDelivery,
    Link,
    Mask,
    MessageId,
    NamedMessageId,
    AccessKey,
    Comparison,
}

impl Purpose {
    const fn label(self) -> &'static [u8] {
        match self {
            Self::Delivery => b"delivery\0",
            Self::NamedDelivery => b"named-delivery\0",
            Self::Link => b"link\0",
            Self::Mask => b"mask\0",
            Self::MessageId => b"message-id\0",
            Self::NamedMessageId => b"named-message-id\0",
            Self::AccessKey => b"access-key\0",
            Self::Comparison => b"comparison\0",
        }
    }
}

/// Signs tracking links and reads signed ones. Cheap to clone.
#[derive(Clone)]
pub struct LinkSigner {
    /// HMAC with the key already set; cloned for every tag, which halves the work of a short HMAC.
    keyed: Hmac<Sha256>,
    /// `public_url` without query, fragment and last slash.
    base: Arc<str>,
}

impl fmt::Debug for LinkSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinkSigner").field("base", &self.base).finish_non_exhaustive()
    }
}

impl LinkSigner {
    /// Creates a signer with this installation's key (32 bytes or more) for links below
    /// `public_url`.
    #[must_use]
    pub fn new(key: &[u8], public_url: &Url) -> Self {
        let mut base = public_url.clone();
        base.set_query(None);
        base.set_fragment(None);
        Self { keyed: keyed(key), base: base.as_str().trim_end_matches('/').into() }
    }

    /// Returns the prefixes of the links of a compiled step, which are the same for all recipients:
    /// `{public_url}/c/{link}.`, `{public_url}/o/` and `{public_url}/u/`. A recipient's
    /// [`LinkSigner::token`] is appended to them.
    #[must_use]
    pub fn prefixes(&self, links: &[LinkName]) -> LinkPrefixes {
        let base = &self.base;
        let click = |link: &LinkName| format!("{base}/c/{}.", self.sign(Purpose::Link, link.0.to_be_bytes()));
        LinkPrefixes {
            click: links.iter().map(click).collect(),
            open: format!("{base}/o/"),
            unsubscribe: format!("{base}/u/"),
        }
    }

    /// Returns the token of a delivery for its links: 32 URL-safe characters, or 27 in a run
    /// without a name, that reveal neither the run nor the contact.
    #[must_use]
    pub fn token(&self, delivery: DeliveryName) -> String {
        match delivery {
            DeliveryName::Unnamed(id) => self.sign(Purpose::Delivery, id.0.to_be_bytes()),
            DeliveryName::Named { run, contact } => {
                self.sign(Purpose::NamedDelivery, named_payload(run, contact))
            }
        }
    }

    /// Returns an opaque id of a delivery for Message-ID and webhook-id: 128 bits of keyed hash, in
    /// hexadecimal.
    #[must_use]
    pub fn message_id(&self, delivery: DeliveryName) -> String {
        let hash = match delivery {
            DeliveryName::Unnamed(id) => self.tag::<16>(Purpose::MessageId, &id.0.to_be_bytes()),
            DeliveryName::Named { run, contact } => {
                self.tag::<16>(Purpose::NamedMessageId, &named_payload(run, contact))
            }
        };
        hex::encode(hash)
    }

    /// Returns the delivery that `token` refers to; `None` if this installation did not sign it.
    #[must_use]
    pub fn read_token(&self, token: &str) -> Option<DeliveryName> {
        if let Some(id) = self.read(Purpose::Delivery, token) {
            return Some(DeliveryName::Unnamed(DeliveryId(i64::from_be_bytes(id))));
        }
        let named: [u8; NAMED_DELIVERY_BYTES] = self.read(Purpose::NamedDelivery, token)?;
        let (run, contact) = named.split_first_chunk::<ID_BYTES>()?;
        let contact = u32::from_be_bytes(contact.try_into().ok()?);
        let (run, contact) = (RunName(i64::from_be_bytes(*run)), ContactId(i64::from(contact)));
        Some(DeliveryName::Named { run, contact })
    }

    /// Returns the link that the part before the dot of a click's path refers to; `None` if this
    /// installation did not sign it.
    #[must_use]
    pub fn read_link(&self, link: &str) -> Option<LinkName> {
        self.read(Purpose::Link, link).map(|name| LinkName(i64::from_be_bytes(name)))
    }

    /// Returns an access key for people and programs, derived from the installation's key: 32
    /// URL-safe characters. `purpose` is `dashboard` or `api`.
    #[must_use]
    pub fn access_key(&self, purpose: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.tag::<24>(Purpose::AccessKey, purpose.as_bytes()))
    }

    /// Returns true if two secrets are equal, in a time that does not depend on where they differ.
    #[must_use]
    pub fn secrets_are_equal(&self, given: &str, expected: &str) -> bool {
        let expected = self.mac(Purpose::Comparison, expected.as_bytes()).finalize().into_bytes();
        self.mac(Purpose::Comparison, given.as_bytes()).verify(&expected).is_ok()
    }

    /// Returns the masked payload and its tag, in URL-safe Base64. The tag is the synthetic IV of
    /// the mask (as in RFC 5297): equal payloads give equal tokens, and a token does not reveal its
    /// payload without the key.
    fn sign<const N: usize>(&self, purpose: Purpose, payload: [u8; N]) -> String {
        let tag = self.tag::<TAG_BYTES>(purpose, &payload);
        let mut bytes = Vec::with_capacity(N + TAG_BYTES);
        bytes.extend_from_slice(&self.mask(&tag, payload));
        bytes.extend_from_slice(&tag);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Returns the payload of a token of exactly N + 12 bytes, if its tag is valid for `purpose`.
    fn read<const N: usize>(&self, purpose: Purpose, token: &str) -> Option<[u8; N]> {
        let mut bytes = [0; NAMED_DELIVERY_BYTES + TAG_BYTES];
        // The decoder rejects a last character whose spare bits are set: a token has one spelling.
        let length = URL_SAFE_NO_PAD.decode_slice(token, &mut bytes).ok()?;
        let (masked, tag) = bytes.get(..length)?.split_first_chunk::<N>()?;
        let tag: &[u8; TAG_BYTES] = tag.try_into().ok()?;
        let payload = self.mask(tag, *masked);
        self.mac(purpose, &payload).verify_truncated_left(tag).ok()?;
        Some(payload)
    }

    fn mask<const N: usize>(&self, tag: &[u8; TAG_BYTES], payload: [u8; N]) -> [u8; N] {
        let stream = self.tag::<N>(Purpose::Mask, tag);
        std::array::from_fn(|at| payload[at] ^ stream[at])
    }

    fn tag<const N: usize>(&self, purpose: Purpose, data: &[u8]) -> [u8; N] {
        let hash = self.mac(purpose, data).finalize().into_bytes();
        std::array::from_fn(|at| hash[at])
    }

    fn mac(&self, purpose: Purpose, data: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.keyed.clone();
        mac.update(purpose.label());
        mac.update(data);
        mac
    }
}

/// Returns the payload of a delivery in a named run: the run's name and the low 32 bits of the
/// contact's id, whose other bits are zero.
fn named_payload(run: RunName, contact: ContactId) -> [u8; NAMED_DELIVERY_BYTES] {
    let (run, contact) = (run.0.to_be_bytes(), contact.0.to_be_bytes());
    std::array::from_fn(|at| if at < ID_BYTES { run[at] } else { contact[at - ID_BYTES / 2] })
}

/// Returns an HMAC keyed with the hash of `key`, padded to a block, so that keys of any length fit.
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
    use store::RunId;

    use super::*;

    fn signer() -> LinkSigner {
        LinkSigner::new(b"0123456789abcdef0123456789abcdef", &Url::parse("https://news.example").unwrap())
    }

    /// Returns the delivery of run 1 to the contact, where the run has no name.
    fn unnamed(contact: i64) -> DeliveryName {
        DeliveryName::new(None, DeliveryId::new(RunId(1), ContactId(contact)))
    }

    /// Returns the delivery of run 1 to the contact, where the run has this name.
    fn with_name(name: i64, contact: i64) -> DeliveryName {
        DeliveryName::new(Some(RunName(name)), DeliveryId::new(RunId(1), ContactId(contact)))
    }

    #[test]
    fn links_are_short_and_below_the_public_url() {
        let prefixes = signer().prefixes(&[LinkName(1), LinkName(i64::MAX)]);
        let token = signer().token(with_name(i64::MAX, 0xffff_ffff));
        for click in &prefixes.click {
            let path = click.strip_prefix("https://news.example").unwrap();
            assert!(path.starts_with("/c/") && path.ends_with('.'), "{path}");
            assert!(path.len() + token.len() < 64, "{path}{token}");
        }
        // The length of texts is checked with sample links, which must be as long as signed ones.
        let sample = LinkPrefixes::sample(&Url::parse("https://news.example").unwrap(), 2);
        let lengths = |prefixes: &LinkPrefixes| prefixes.click.iter().map(String::len).collect::<Vec<_>>();
        assert_eq!((lengths(&sample), message::SAMPLE_TOKEN.len()), (lengths(&prefixes), token.len()));
        assert_eq!((&sample.open, &sample.unsubscribe), (&prefixes.open, &prefixes.unsubscribe));
        assert_eq!(prefixes.open, "https://news.example/o/");
        assert_eq!(prefixes.unsubscribe, "https://news.example/u/");
    }

    #[test]
    fn a_public_url_may_have_a_path() {
        let url = Url::parse("https://example.org/news/?x=1#y").unwrap();
        assert_eq!(LinkSigner::new(b"k", &url).prefixes(&[]).open, "https://example.org/news/o/");
    }

    #[test]
    fn a_token_reveals_neither_the_run_nor_the_contact() {
        let old: Vec<_> = (1..=3).map(|n| signer().token(unnamed(n))).collect();
        assert!(old.iter().all(|token| token.len() == 27));
        let new: Vec<_> = (1..=3).map(|n| signer().token(with_name(5, n))).collect();
        assert!(new.iter().all(|token| token.len() == 32));
        for tokens in [old, new] {
            assert_ne!(tokens[0][..4], tokens[1][..4]);
            assert_ne!(tokens[1][..4], tokens[2][..4]);
        }
    }

    /// Retries in runs that earlier versions created must produce the same bytes. The values were
    /// computed with another implementation, Python's `hmac`.
    #[test]
    fn runs_without_a_name_keep_their_tokens_and_message_ids() {
        let delivery = DeliveryName::Unnamed(DeliveryId::new(RunId(7), ContactId(9)));
        assert_eq!(signer().token(delivery), "tsJ8u_SISVLq2mjOQGPHVNWLNxI");
        assert_eq!(signer().message_id(delivery), "2b549fa6258f156e5dbfbedad4cbaacf");
        assert_eq!(
            signer().prefixes(&[LinkName(3)]).click[0],
            "https://news.example/c/BboHVMq51IRmw47tMmUWxt3KGDk."
        );
    }

    #[test]
    fn a_token_for_one_purpose_is_not_valid_for_another() {
        let signer = signer();
        let start = &signer.prefixes(&[LinkName(7)]).click[0];
        let link = start.trim_start_matches("https://news.example/c/").trim_end_matches('.');
        assert_eq!(signer.read_link(link), Some(LinkName(7)));
        assert_eq!(signer.read_token(link), None);
        assert_eq!(signer.read_link(&signer.token(unnamed(7))), None);
        assert_eq!(signer.read_link(&signer.token(with_name(7, 7))), None);
    }

    #[test]
    fn tokens_of_another_installation_are_not_valid() {
        let other = LinkSigner::new(b"another", &Url::parse("https://news.example").unwrap());
        assert_eq!(other.read_token(&signer().token(unnamed(7))), None);
        assert_eq!(other.read_token(&signer().token(with_name(7, 7))), None);
        assert_ne!(other.access_key("api"), signer().access_key("api"));
    }

    #[test]
    fn message_ids_are_opaque_and_stable() {
        for (name, others) in [
            (unnamed(7), [unnamed(8), with_name(5, 7)]),
            (with_name(5, 7), [with_name(5, 8), with_name(6, 7)]),
        ] {
            let id = signer().message_id(name);
            assert_eq!(id, signer().message_id(name));
            assert!(others.iter().all(|other| signer().message_id(*other) != id));
            assert!(id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()), "{id}");
        }
    }

    #[test]
    fn access_keys_differ_by_purpose_and_compare() {
        let signer = signer();
        let key = signer.access_key("api");
        assert_ne!(key, signer.access_key("dashboard"));
        assert_eq!(key.len(), 32);
        assert!(signer.secrets_are_equal(&key, &signer.access_key("api")));
        assert!(!signer.secrets_are_equal("", &key));
        assert!(!signer.secrets_are_equal(&key[1..], &key));
    }

    #[test]
    fn debug_output_does_not_contain_the_key() {
        assert_eq!(format!("{:?}", signer()), "LinkSigner { base: \"https://news.example\", .. }");
    }

    proptest! {
        #[test]
        fn every_delivery_and_link_round_trips(id in any::<i64>(), contact in any::<u32>()) {
            let signer = signer();
            for name in [DeliveryName::Unnamed(DeliveryId(id)), with_name(id, contact.into())] {
                prop_assert_eq!(signer.read_token(&signer.token(name)), Some(name));
            }
            prop_assert_eq!(signer.read_link(&signer.sign(Purpose::Link, id.to_be_bytes())), Some(LinkName(id)));
        }

        #[test]
        fn a_token_with_any_byte_changed_is_not_valid(id in any::<i64>(), has_name: bool, with in 0u8..128) {
            let name = if has_name { with_name(id, id & 0xffff_ffff) } else { DeliveryName::Unnamed(DeliveryId(id)) };
            let token = signer().token(name);
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
        fn random_text_is_not_a_token(text in "\\PC{0,40}", like in "[A-Za-z0-9_-]{27}|[A-Za-z0-9_-]{32}") {
            prop_assert_eq!(signer().read_token(&text), None);
            prop_assert_eq!(signer().read_token(&like), None);
            prop_assert_eq!(signer().read_link(&like), None);
        }
    }
}
