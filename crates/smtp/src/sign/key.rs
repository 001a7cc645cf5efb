//! The private keys of DKIM signatures, held by AWS-LC.

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use campaign::DkimKey;
use message::SenderError;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use sha2::{Digest as _, Sha256};

/// A private key with its selector.
pub(super) struct Key {
    selector: String,
    pair: Pair,
}

enum Pair {
    Rsa(RsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key").field("selector", &self.selector).finish_non_exhaustive()
    }
}

impl Key {
    /// Reads an RSA key of 2048 to 8192 bits, in PKCS#1 or PKCS#8.
    pub(super) fn rsa(key: &DkimKey) -> Result<Self, SenderError> {
        let pair = match der(key)? {
            PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()),
            PrivateKeyDer::Pkcs8(der) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()),
            _ => return Err(SenderError("its dkim.key is not an RSA key".to_owned())),
        };
        let pair = pair.map_err(|error| SenderError(format!("its dkim.key cannot be used: {error}")))?;
        Ok(Self { selector: key.selector.clone(), pair: Pair::Rsa(pair) })
    }

    /// Reads an Ed25519 key in PKCS#8.
    pub(super) fn ed25519(key: &DkimKey) -> Result<Self, SenderError> {
        let PrivateKeyDer::Pkcs8(der) = der(key)? else {
            return Err(SenderError("its dkim.ed25519.key is not an Ed25519 key".to_owned()));
        };
        // OpenSSL writes such keys without their public half.
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der.secret_pkcs8_der());
        let pair =
            pair.map_err(|error| SenderError(format!("its dkim.ed25519.key cannot be used: {error}")))?;
        Ok(Self { selector: key.selector.clone(), pair: Pair::Ed25519(pair) })
    }

    pub(super) fn selector(&self) -> &str {
        &self.selector
    }

    /// Returns the algorithm's name for `a=`.
    pub(super) const fn algorithm(&self) -> &'static str {
        match self.pair {
            Pair::Rsa(_) => "rsa-sha256",
            Pair::Ed25519(_) => "ed25519-sha256",
        }
    }

    /// Returns the TXT record of the public key: RSA as SubjectPublicKeyInfo, the common practice
    /// (RFC 6376 §3.6.1 with erratum 3017), Ed25519 as bare bytes (RFC 8463 §4).
    pub(super) fn record(&self) -> String {
        let (name, public) = match &self.pair {
            Pair::Rsa(pair) => {
                let der = pair.public_key().as_der();
                ("rsa", der.map(|der: PublicKeyX509Der<'_>| STANDARD.encode(der.as_ref())))
            }
            Pair::Ed25519(pair) => ("ed25519", Ok(STANDARD.encode(pair.public_key().as_ref()))),
        };
        format!("v=DKIM1; k={name}; p={}", public.unwrap_or_default())
    }

    /// Returns the signature of a canonical header. Ed25519 signs its hash (RFC 8463 §3).
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Unspecified> {
        match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)?;
                Ok(signature)
            }
            Pair::Ed25519(pair) => Ok(pair.try_sign(&Sha256::digest(message))?.as_ref().to_vec()),
        }
    }
}

fn der(key: &DkimKey) -> Result<PrivateKeyDer<'static>, SenderError> {
    let pem = key.key.expose().map_err(|error| SenderError(error.to_string()))?;
    PrivateKeyDer::from_pem_slice(pem.as_bytes())
        .map_err(|_| SenderError("its DKIM key is not in PEM form".to_owned()))
}
