//! Tokens whose signature anybody can guess the secret of.

use serde_json::json;

use super::Issuer;
use crate::jose::{Algorithm, Jwk, SigningKey, base64url, import_one};
use crate::reference::flaw::{Flaw, FlawSet, flaw};

pub const FLAWS: &[Flaw] = &[flaw(
    "tokens-signed-with-weak-secret",
    "Signs its tokens by HMAC, with a secret out of the documentation of a library.",
    "RFC 8725 §3.5",
)];

/// As long as RFC 7518 §3.2 demands, so that only whoever knows the list finds it; and none of those that checks try by
/// asking the target.
const SECRET: &str = "a-string-secret-at-least-256-bits-long";

/// The secret as a JWK.
pub fn jwk() -> String {
    let key = base64url::encode(SECRET);
    json!({ "kty": "oct", "alg": Algorithm::HS256.name(), "kid": "shared", "k": key }).to_string()
}

impl Issuer {
    /// With a fresh key for this algorithm, or, if it is flawed so, with the secret.
    pub fn new_or_weak(
        name: String,
        audience: String,
        algorithm: Algorithm,
        flaws: &FlawSet,
    ) -> Self {
        if !flaws.has("tokens-signed-with-weak-secret") {
            return Self::new(name, audience, algorithm);
        }
        let jwk: Jwk = import_one(jwk().as_bytes()).expect("written as a JWK above");
        let signing = SigningKey::new(jwk).expect("any octets are a secret");
        Self::signing_with(name, audience, signing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::weak_secret::well_known;

    #[test]
    fn the_secret_is_on_the_list_and_long_enough_not_to_look_weak() {
        assert!(well_known().any(|secret| secret == SECRET));
        assert!(SECRET.len() >= Algorithm::HS256.hash_octets());
    }
}
