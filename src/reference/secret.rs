//! Keys and proofs that a deployment gives out: random, and kept as hashes.

use aws_lc_rs::digest::{SHA256, digest};

/// What is stored of a credential with at least 128 random bits: its SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Hashed([u8; 32]);

impl Hashed {
    pub fn of(secret: &str) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, secret.as_bytes()).as_ref());
        Self(hash)
    }
}

/// 256 random bits in lower-case hex: 64 characters.
pub fn random_hex() -> String {
    hex::encode(rand::random::<[u8; 32]>())
}

/// An id that cannot be guessed: 128 random bits in lower-case hex.
pub fn random_id() -> String {
    hex::encode(rand::random::<[u8; 16]>())
}
