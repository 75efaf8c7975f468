//! Proofs of possession (RFC 9449 §4.2).

use std::sync::Arc;

use aws_lc_rs::digest;
use serde::Serialize;
use serde_json::{Map, Value};

use super::sign::{SignError, SigningKey};
use super::{base64url, sign_onto};

/// What one proof is for.
#[derive(Clone, Copy, Debug)]
pub struct Possession<'a> {
    pub method: &'a str,
    /// Of the request, with its query or without.
    pub url: &'a str,
    /// The access token that goes along; none at a token endpoint.
    pub access_token: Option<&'a str>,
    /// What the server handed out last.
    pub nonce: Option<&'a str>,
    pub jti: &'a str,
    /// Seconds since 1970.
    pub iat: i64,
}

impl Possession<'_> {
    /// Header and claims of the proof, made with `key`, for a forgery to start from.
    pub fn members(&self, key: &SigningKey) -> (Map<String, Value>, Map<String, Value>) {
        let claims = serde_json::to_value(self.claims()).ok();
        let claims = match claims {
            Some(Value::Object(claims)) => claims,
            _ => Map::new(),
        };
        (header(key), claims)
    }

    fn claims(&self) -> Claims<'_> {
        Claims {
            jti: self.jti,
            htm: self.method,
            htu: self.url.split(['?', '#']).next().unwrap_or_default(),
            iat: self.iat,
            ath: self.access_token.map(access_token_hash),
            nonce: self.nonce,
        }
    }
}

/// In the order in which they are written.
#[derive(Serialize)]
struct Claims<'a> {
    jti: &'a str,
    htm: &'a str,
    htu: &'a str,
    iat: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    ath: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
}

fn header(key: &SigningKey) -> Map<String, Value> {
    let mut header = Map::new();
    header.insert("typ".to_owned(), "dpop+jwt".into());
    header.insert("alg".to_owned(), key.algorithm().name().into());
    if let Some(public) = key.public() {
        header.insert("jwk".to_owned(), public.jwk_members().into());
    }
    header
}

/// A key with what all proofs made with it have in common: their header, encoded once.
pub struct Prover {
    key: Arc<SigningKey>,
    /// With the dot behind it.
    header: Vec<u8>,
}

impl Prover {
    pub fn new(key: Arc<SigningKey>) -> Self {
        let text = serde_json::to_vec(&header(&key)).expect("a map of JSON values has a text");
        let mut header = Vec::with_capacity(text.len() * 4 / 3 + 3);
        base64url::encode_into(&text, &mut header);
        header.push(b'.');
        Self { key, header }
    }

    pub fn key(&self) -> &Arc<SigningKey> {
        &self.key
    }

    /// A right proof: what minting [`Possession::members`] gives, at the cost of the signature and little else.
    pub fn prove(&self, possession: &Possession<'_>) -> Result<String, SignError> {
        let claims = serde_json::to_vec(&possession.claims()).expect("texts and a number");
        // A third more for base64, the dot, and the largest signature that is usual (RSA of 4096 bits).
        let mut proof = Vec::with_capacity(self.header.len() + claims.len() * 4 / 3 + 700);
        proof.extend_from_slice(&self.header);
        base64url::encode_into(&claims, &mut proof);
        sign_onto(&mut proof, &self.key, self.key.algorithm())?;
        Ok(String::from_utf8(proof).expect("base64url and dots"))
    }
}

/// `ath`: base64url of the SHA-256 of the token's ASCII (RFC 9449 §4.2).
pub fn access_token_hash(token: &str) -> String {
    base64url::encode(digest::digest(&digest::SHA256, token.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::{Algorithm, StrictJws, VerifyingKey, mint};

    #[test]
    fn the_hash_is_that_of_the_rfc() {
        // RFC 9449 §7.1, figure 12 and 13.
        let token = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";
        assert_eq!(
            access_token_hash(token),
            "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"
        );
    }

    #[test]
    fn a_proof_verifies_with_the_key_in_its_header() {
        let key = SigningKey::generate(Algorithm::ES256).unwrap();
        let (header, claims) = Possession {
            method: "GET",
            url: "https://api.test/me?page=2",
            access_token: None,
            nonce: Some("n"),
            jti: "j",
            iat: 5,
        }
        .members(&key);
        let proof = mint(&header, &claims, &key).unwrap();
        let jws = StrictJws::parse(&proof).unwrap();
        assert_eq!(claims["htu"], "https://api.test/me");
        assert!(!claims.contains_key("ath"));
        let public = VerifyingKey::new(key.jwk(), None).unwrap();
        public.verify(&jws).unwrap();
    }

    #[test]
    fn a_prover_writes_what_minting_the_members_gives() {
        for algorithm in [Algorithm::ES256, Algorithm::ES384, Algorithm::EdDSA] {
            let prover = Prover::new(Arc::new(SigningKey::generate(algorithm).unwrap()));
            for (access_token, nonce) in [(None, None), (Some("a.b-c"), Some("\"n\""))] {
                let possession = Possession {
                    method: "POST",
                    url: "https://api.test/me?page=2#x",
                    access_token,
                    nonce,
                    jti: "j",
                    iat: 1_700_000_000,
                };
                let (header, claims) = possession.members(prover.key());
                let minted = mint(&header, &claims, prover.key()).unwrap();
                let proof = prover.prove(&possession).unwrap();
                let signed = |text: &[u8]| {
                    let end = text.iter().rposition(|octet| *octet == b'.').unwrap();
                    text[..end].to_vec()
                };
                assert_eq!(signed(proof.as_bytes()), signed(&minted));
                let jws = StrictJws::parse(proof.as_bytes()).unwrap();
                let public = VerifyingKey::new(prover.key().jwk(), None).unwrap();
                public.verify(&jws).unwrap();
            }
        }
    }
}
