//! Checks the type and size of a private key without using it.

use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;

/// The signature algorithm of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Algorithm {
    /// RSA with PKCS#1 v1.5 signatures.
    Rsa,
    /// Ed25519 signatures (RFC 8032).
    Ed25519,
}

/// The reason why a text is not the key that is needed. It never repeats the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadKey {
    /// There is no private key in PEM form.
    #[error("there is no private key in it, which begins with `-----BEGIN PRIVATE KEY-----`")]
    NotPem,
    /// The key is encrypted with a password.
    #[error("the key in it is locked with a password; `openssl pkey -in FILE -out FILE` unlocks it")]
    Locked,
    /// The text is a public key.
    #[error("it is the public half; the private one signs")]
    Public,
    /// The key is incomplete or malformed.
    #[error("the key in it is damaged")]
    Damaged,
    /// The key is of another type; holds the found and the needed type.
    #[error("the key in it is {0}, and {1} is needed")]
    Other(&'static str, &'static str),
    /// The RSA key has this many bits, fewer than 2048.
    #[error("the RSA key in it has {0} bits, and the large receivers refuse mail signed with less than 2048")]
    Short(usize),
    /// The RSA key has this many bits, more than 4096.
    #[error("the RSA key in it has {0} bits, and receivers need not read more than 4096 (RFC 8301 §3.2)")]
    Long(usize),
}

/// The type of a private key.
enum KeyKind {
    Rsa { bits: usize },
    Ed25519,
    Elliptic,
    Unknown,
}

/// Checks that `pem` holds a private key of that algorithm; an RSA key must have 2048 to 4096 bits.
pub(crate) fn check(pem: &str, wanted: Algorithm) -> Result<(), BadKey> {
    match (wanted, kind(pem)?) {
        (Algorithm::Rsa, KeyKind::Rsa { bits: 2048..=4096 }) | (Algorithm::Ed25519, KeyKind::Ed25519) => {
            Ok(())
        }
        (Algorithm::Rsa, KeyKind::Rsa { bits }) if bits < 2048 => Err(BadKey::Short(bits)),
        (Algorithm::Rsa, KeyKind::Rsa { bits }) => Err(BadKey::Long(bits)),
        (Algorithm::Rsa, other) => Err(BadKey::Other(other.name(), "an RSA key")),
        (Algorithm::Ed25519, other) => Err(BadKey::Other(other.name(), "an Ed25519 key")),
    }
}

fn kind(pem: &str) -> Result<KeyKind, BadKey> {
    if pem.contains("ENCRYPTED") {
        return Err(BadKey::Locked);
    }
    match PrivateKeyDer::from_pem_slice(pem.as_bytes()) {
        Ok(PrivateKeyDer::Pkcs1(der)) => rsa(der.secret_pkcs1_der()).ok_or(BadKey::Damaged),
        Ok(PrivateKeyDer::Pkcs8(der)) => pkcs8(der.secret_pkcs8_der()).ok_or(BadKey::Damaged),
        Ok(PrivateKeyDer::Sec1(_)) => Ok(KeyKind::Elliptic),
        Ok(_) => Ok(KeyKind::Unknown),
        Err(_) if pem.contains("PUBLIC KEY-----") => Err(BadKey::Public),
        Err(_) => Err(BadKey::NotPem),
    }
}

impl KeyKind {
    const fn name(&self) -> &'static str {
        match self {
            Self::Rsa { .. } => "an RSA key",
            Self::Ed25519 => "an Ed25519 key",
            Self::Elliptic => "a key of another elliptic curve",
            Self::Unknown => "of another kind",
        }
    }
}

const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const OBJECT: u8 = 0x06;
const SEQUENCE: u8 = 0x30;

/// Reads the type of a `PrivateKeyInfo` (RFC 5208 §5, RFC 5958 §2): version, algorithm, key.
fn pkcs8(der: &[u8]) -> Option<KeyKind> {
    let (info, _) = split_element(SEQUENCE, der)?;
    let (_version, rest) = split_element(INTEGER, info)?;
    let (algorithm, rest) = split_element(SEQUENCE, rest)?;
    let (object, _) = split_element(OBJECT, algorithm)?;
    match object {
        // rsaEncryption, 1.2.840.113549.1.1.1 (RFC 8017 appendix A).
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01] => rsa(split_element(OCTETS, rest)?.0),
        // id-Ed25519, 1.3.101.112 (RFC 8410 §3).
        [0x2b, 0x65, 0x70] => Some(KeyKind::Ed25519),
        // id-ecPublicKey, 1.2.840.10045.2.1 (RFC 5480 §2.1.1).
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01] => Some(KeyKind::Elliptic),
        _ => Some(KeyKind::Unknown),
    }
}

/// Reads the size of an `RSAPrivateKey` (RFC 8017 appendix A.1.2): version, modulus and more.
fn rsa(der: &[u8]) -> Option<KeyKind> {
    let (key, _) = split_element(SEQUENCE, der)?;
    let (_version, rest) = split_element(INTEGER, key)?;
    let (modulus, _) = split_element(INTEGER, rest)?;
    let start = modulus.iter().position(|byte| *byte != 0)?;
    let digits = modulus.get(start..)?;
    let unused = digits.first()?.leading_zeros() as usize;
    Some(KeyKind::Rsa { bits: digits.len() * 8 - unused })
}

/// Splits the element with that tag off the start of `der`: its content, and the bytes after it
/// (X.690 §8.1).
fn split_element(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&first, rest) = der.split_first()?;
    let (&short, rest) = rest.split_first()?;
    let (length, rest) = match short {
        0..=0x7f => (usize::from(short), rest),
        0x81..=0x83 => {
            let (digits, rest) = rest.split_at_checked(usize::from(short & 0x7f))?;
            (digits.iter().fold(0, |length, digit| (length << 8) | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    if first == tag { rest.split_at_checked(length) } else { None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::workspace::chorus_file::sample_key::{ed25519_pem, pem, pkcs8_pem, rsa_der, rsa_pem};

    #[test]
    fn valid_keys_are_accepted_in_either_form() {
        assert_eq!(check(&rsa_pem(2048), Algorithm::Rsa), Ok(()));
        assert_eq!(check(&pem("RSA PRIVATE KEY", &rsa_der(4096)), Algorithm::Rsa), Ok(()));
        assert_eq!(check(&ed25519_pem(), Algorithm::Ed25519), Ok(()));
    }

    #[test]
    fn unusable_keys_are_refused_with_the_reason() {
        for bits in [1024, 2047] {
            assert_eq!(check(&rsa_pem(bits), Algorithm::Rsa), Err(BadKey::Short(bits)));
        }
        assert_eq!(check(&rsa_pem(4097), Algorithm::Rsa), Err(BadKey::Long(4097)));
        let other = |pem: &str, wanted| check(pem, wanted).unwrap_err().to_string();
        assert_eq!(
            other(&ed25519_pem(), Algorithm::Rsa),
            "the key in it is an Ed25519 key, and an RSA key is needed"
        );
        assert_eq!(
            other(&rsa_pem(2048), Algorithm::Ed25519),
            "the key in it is an RSA key, and an Ed25519 key is needed"
        );
        let curve = pkcs8_pem(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01], &[1]);
        assert!(matches!(check(&curve, Algorithm::Rsa), Err(BadKey::Other(..))));
        assert!(matches!(check(&pem("EC PRIVATE KEY", &[1]), Algorithm::Rsa), Err(BadKey::Other(..))));
        assert_eq!(check(&pem("ENCRYPTED PRIVATE KEY", &[1]), Algorithm::Rsa), Err(BadKey::Locked));
        assert_eq!(check(&pem("PUBLIC KEY", &[1]), Algorithm::Rsa), Err(BadKey::Public));
        assert_eq!(check(&pem("CERTIFICATE", &[1]), Algorithm::Rsa), Err(BadKey::NotPem));
        assert_eq!(check("hunter2", Algorithm::Rsa), Err(BadKey::NotPem));
        let whole = rsa_der(2048);
        let half = pem("RSA PRIVATE KEY", whole.get(..100).unwrap());
        assert_eq!(check(&half, Algorithm::Rsa), Err(BadKey::Damaged));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_do_not_panic(der in proptest::collection::vec(any::<u8>(), 0..40)) {
            for label in ["PRIVATE KEY", "RSA PRIVATE KEY"] {
                let _ = check(&pem(label, &der), Algorithm::Rsa);
            }
        }
    }
}
