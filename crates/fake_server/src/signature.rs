//! Signatures and checksums, computed independently of the clients under test.

use aws_lc_rs::{digest, hmac};
use md5::{Digest as _, Md5};

/// Computes HMAC-SHA256 of `message`.
pub fn hmac_sha256(key: &[u8], message: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message).as_ref().to_vec()
}

/// Computes HMAC-SHA1, for Aliyun's older signature.
pub fn hmac_sha1(key: &[u8], message: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key), message).as_ref().to_vec()
}

/// Computes the SHA-256 digest.
pub fn sha256(bytes: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA256, bytes).as_ref().to_vec()
}

/// Computes MD5, in lower-case hexadecimal digits.
pub fn md5_hex(bytes: &[u8]) -> String {
    hex(&Md5::digest(bytes))
}

/// Encodes bytes in lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    hex::encode(bytes)
}

/// Encodes bytes in RFC 4648 base32, in lower case and without padding, as content ids are written.
pub fn base32(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let bit = |at: usize| bytes.get(at / 8).map_or(0, |byte| byte >> (7 - at % 8) & 1);
    let letter = |from: usize| LETTERS[(0..5).fold(0, |sum, n| sum << 1 | usize::from(bit(from + n)))];
    (0..bytes.len() * 8).step_by(5).map(|from| char::from(letter(from))).collect()
}

/// Returns the content id (CID v1, SHA-256) of bytes: `codec` is 0x55 for raw bytes and 0x71 for a
/// record.
pub fn cid(codec: u8, bytes: &[u8]) -> String {
    let mut whole = vec![1, codec, 0x12, 0x20];
    whole.extend(sha256(bytes));
    format!("b{}", base32(&whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_values_are_reproduced() {
        // RFC 1321 A.5, RFC 4231 case 2, RFC 2202 case 2, RFC 4648 §10.
        assert_eq!(md5_hex(b"abc"), "900150983cd24fb0d6963f7d28e17f72");
        let mac = hmac_sha256(b"Jefe", b"what do ya want for nothing?");
        assert_eq!(hex(&mac), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        let mac = hmac_sha1(b"Jefe", b"what do ya want for nothing?");
        assert_eq!(hex(&mac), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
        assert_eq!(base32(b"foobar"), "mzxw6ytboi");
        assert_eq!(base32(b"fooba"), "mzxw6ytb");
        assert!(cid(0x55, b"").starts_with("bafkrei") && cid(0x71, b"").starts_with("bafyrei"));
    }
}
