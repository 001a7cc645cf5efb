//! Content digests, which identify bytes by their content.

use sha2::{Digest, Sha256};

/// Returns the SHA-256 digest of `bytes` as 64 lower-case hexadecimal digits.
#[must_use]
pub fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}
