//! The key set that a deployment publishes (RFC 7517 §5).

use serde_json::{Value, json};

use super::Issuer;
use crate::jose::{KeyMaterial, base64url};
use crate::reference::flaw::{Flaw, FlawSet, flaw};
use crate::reference::http::{Holds, Response};

pub const FLAWS: &[Flaw] = &[
    flaw(
        "weak-key-published",
        "Publishes an RSA key of 1024 bits, too.",
        "RFC 7518 §3.3",
    ),
    flaw(
        "private-key-published",
        "Publishes the private members of its key.",
        "RFC 7517 §9.2",
    ),
];

/// Under the prefix of the API.
pub const PATH: &str = "/.well-known/jwks.json";

impl Issuer {
    /// The public key alone.
    pub fn public_key_set(&self) -> Response {
        let own = self.key.public_members().unwrap_or_default();
        Response::json(200, &json!({ "keys": [own] })).holds(Holds::Public)
    }

    /// The answer to whoever asks for the keys.
    pub fn key_set(&self, flaws: &FlawSet) -> Response {
        let jwk = &self.key;
        // Of a secret there is nothing to publish.
        let Some(mut own) = jwk.public_members() else {
            return Response::json(200, &json!({ "keys": [] })).holds(Holds::Public);
        };
        if flaws.has("private-key-published")
            && let KeyMaterial::Private(private) = &jwk.material
        {
            own.extend(private.private_jwk_members());
        }
        let mut keys = vec![Value::Object(own)];
        if flaws.has("weak-key-published") {
            let mut n = [0x5a; 128];
            n[0] = 0xc3;
            n[127] = 0x01;
            keys.push(json!({
                "kty": "RSA", "kid": "old", "use": "sig", "alg": "RS256",
                "n": base64url::encode(n), "e": "AQAB",
            }));
        }
        Response::json(200, &json!({ "keys": keys })).holds(Holds::Public)
    }
}
