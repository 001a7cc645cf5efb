//! Private keys for tests: well-formed files that hold no usable key.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const OBJECT: u8 = 0x06;
const SEQUENCE: u8 = 0x30;

/// Encodes one element of DER.
fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut der = vec![tag];
    let length = content.len();
    match length {
        0..=0x7f => der.push(u8::try_from(length).unwrap()),
        _ => der.extend([0x82, u8::try_from(length >> 8).unwrap(), u8::try_from(length & 0xff).unwrap()]),
    }
    der.extend_from_slice(content);
    der
}

/// Returns `der` as PEM.
pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// Returns an RSA key in the form of PKCS #1 (RFC 8017 appendix A.1.2), up to the modulus.
pub(crate) fn rsa_der(bits: usize) -> Vec<u8> {
    let mut modulus = vec![0, 0x80 >> ((8 - bits % 8) % 8)];
    modulus.resize(1 + bits.div_ceil(8), 7);
    element(SEQUENCE, &[element(INTEGER, &[0]), element(INTEGER, &modulus)].concat())
}

/// Returns a key in the form of PKCS #8 (RFC 5208 §5) as PEM: the algorithm, then the key.
pub(crate) fn pkcs8_pem(object: &[u8], key: &[u8]) -> String {
    let algorithm = element(SEQUENCE, &[element(OBJECT, object), element(0x05, &[])].concat());
    let parts = [element(INTEGER, &[0]), algorithm, element(OCTETS, key)].concat();
    pem("PRIVATE KEY", &element(SEQUENCE, &parts))
}

/// Returns a PEM text in the form of an RSA key of `bits` bits; it can sign nothing.
pub(crate) fn rsa_pem(bits: usize) -> String {
    pkcs8_pem(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01], &rsa_der(bits))
}

/// Returns a PEM text in the form of an Ed25519 key; it can sign nothing.
pub(crate) fn ed25519_pem() -> String {
    pkcs8_pem(&[0x2b, 0x65, 0x70], &[7; 34])
}
