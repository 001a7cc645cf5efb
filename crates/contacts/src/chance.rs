//! Random texts for salts and keys. One that a caller could choose would protect nothing.

use rand::Rng as _;

/// Returns 16 random bytes in hexadecimal, for a salt.
pub(crate) fn salt() -> String {
    random::<16>()
}

/// Returns 32 random bytes in hexadecimal, for a key.
pub(crate) fn key() -> String {
    random::<32>()
}

#[expect(clippy::disallowed_methods, reason = "the one place")]
fn random<const N: usize>() -> String {
    let mut bytes = [0; N];
    rand::rng().fill(&mut bytes[..]);
    hex::encode(bytes)
}
