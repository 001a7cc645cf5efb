//! What a private key is, as far as it can be told without using it.

use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;

/// The algorithm that a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Algorithm {
    /// PKCS#1 v1.5 signatures.
    Rsa,
    /// RFC 8032.
    Ed25519,
}

/// Why a text is not the key that is needed. Never says what the text is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadKey {
    #[error("there is no private key in it, which begins with `-----BEGIN PRIVATE KEY-----`")]
    NotPem,
    #[error("the key in it is locked with a password; `openssl pkey -in FILE -out FILE` unlocks it")]
    Locked,
    #[error("it is the public half; the private one signs")]
    Public,
    #[error("the key in it is damaged")]
    Damaged,
    #[error("the key in it is {0}, and {1} is needed")]
    Other(&'static str, &'static str),
    #[error("the RSA key in it has {0} bits, and the large receivers refuse mail signed with less than 2048")]
    Short(usize),
    #[error("the RSA key in it has {0} bits, and receivers need not read more than 4096 (RFC 8301 §3.2)")]
    Long(usize),
}

/// What a key is for.
enum Kind {
    Rsa { bits: usize },
    Ed25519,
    Elliptic,
    Unknown,
}

/// Whether `pem` holds a private key of that algorithm; an RSA key must have 2048 to 4096 bits.
pub(crate) fn check(pem: &str, wanted: Algorithm) -> Result<(), BadKey> {
    match (wanted, kind(pem)?) {
        (Algorithm::Rsa, Kind::Rsa { bits: 2048..=4096 }) | (Algorithm::Ed25519, Kind::Ed25519) => Ok(()),
        (Algorithm::Rsa, Kind::Rsa { bits }) if bits < 2048 => Err(BadKey::Short(bits)),
        (Algorithm::Rsa, Kind::Rsa { bits }) => Err(BadKey::Long(bits)),
        (Algorithm::Rsa, other) => Err(BadKey::Other(other.name(), "an RSA key")),
        (Algorithm::Ed25519, other) => Err(BadKey::Other(other.name(), "an Ed25519 key")),
    }
}

fn kind(pem: &str) -> Result<Kind, BadKey> {
    if pem.contains("ENCRYPTED") {
        return Err(BadKey::Locked);
    }
    match PrivateKeyDer::from_pem_slice(pem.as_bytes()) {
        Ok(PrivateKeyDer::Pkcs1(der)) => rsa(der.secret_pkcs1_der()).ok_or(BadKey::Damaged),
        Ok(PrivateKeyDer::Pkcs8(der)) => pkcs8(der.secret_pkcs8_der()).ok_or(BadKey::Damaged),
        Ok(PrivateKeyDer::Sec1(_)) => Ok(Kind::Elliptic),
        Ok(_) => Ok(Kind::Unknown),
        Err(_) if pem.contains("PUBLIC KEY-----") => Err(BadKey::Public),
        Err(_) => Err(BadKey::NotPem),
    }
}

impl Kind {
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

/// `PrivateKeyInfo` of RFC 5208 §5 and RFC 5958 §2: version, algorithm, key.
fn pkcs8(der: &[u8]) -> Option<Kind> {
    let (info, _) = take(SEQUENCE, der)?;
    let (_version, rest) = take(INTEGER, info)?;
    let (algorithm, rest) = take(SEQUENCE, rest)?;
    let (object, _) = take(OBJECT, algorithm)?;
    match object {
        // rsaEncryption, 1.2.840.113549.1.1.1 (RFC 8017 appendix A).
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01] => rsa(take(OCTETS, rest)?.0),
        // id-Ed25519, 1.3.101.112 (RFC 8410 §3).
        [0x2b, 0x65, 0x70] => Some(Kind::Ed25519),
        // id-ecPublicKey, 1.2.840.10045.2.1 (RFC 5480 §2.1.1).
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01] => Some(Kind::Elliptic),
        _ => Some(Kind::Unknown),
    }
}

/// `RSAPrivateKey` of RFC 8017 appendix A.1.2: version, modulus and more.
fn rsa(der: &[u8]) -> Option<Kind> {
    let (key, _) = take(SEQUENCE, der)?;
    let (_version, rest) = take(INTEGER, key)?;
    let (modulus, _) = take(INTEGER, rest)?;
    let start = modulus.iter().position(|byte| *byte != 0)?;
    let digits = modulus.get(start..)?;
    let unused = digits.first()?.leading_zeros() as usize;
    Some(Kind::Rsa { bits: digits.len() * 8 - unused })
}

/// The content of the element with that tag at the start of `der`, and what follows it (X.690 §8.1).
fn take(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
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
    fn keys_are_what_they_are_in_either_form() {
        assert_eq!(check(&rsa_pem(2048), Algorithm::Rsa), Ok(()));
        assert_eq!(check(&pem("RSA PRIVATE KEY", &rsa_der(4096)), Algorithm::Rsa), Ok(()));
        assert_eq!(check(&ed25519_pem(), Algorithm::Ed25519), Ok(()));
    }

    #[test]
    fn what_cannot_sign_says_why() {
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
        fn no_bytes_are_too_odd(der in proptest::collection::vec(any::<u8>(), 0..40)) {
            for label in ["PRIVATE KEY", "RSA PRIVATE KEY"] {
                let _ = check(&pem(label, &der), Algorithm::Rsa);
            }
        }
    }
}
