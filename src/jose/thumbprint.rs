//! JWK thumbprints (RFC 7638; for OKP keys RFC 8037 §2).

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::Value;

use super::base64url;
use super::key::PublicKey;

/// The JSON text that is hashed: required members only, in lexicographic order, no white space.
pub fn canonical_json(key: &PublicKey) -> String {
    Value::Object(key.jwk_members()).to_string()
}

/// base64url of the SHA-256 of [`canonical_json`]: 43 characters.
pub fn thumbprint(key: &PublicKey) -> String {
    base64url::encode(digest(&SHA256, canonical_json(key).as_bytes()))
}
