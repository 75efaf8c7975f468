//! Proofs of possession (RFC 9449 §4.2).

use aws_lc_rs::digest;
use serde_json::{Map, Value};

use super::base64url;
use super::sign::SigningKey;

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
    /// Header and claims of the proof, made with `key`.
    pub fn members(&self, key: &SigningKey) -> (Map<String, Value>, Map<String, Value>) {
        let mut header = Map::new();
        header.insert("typ".to_owned(), "dpop+jwt".into());
        header.insert("alg".to_owned(), key.algorithm().name().into());
        if let Some(public) = key.public() {
            header.insert("jwk".to_owned(), public.jwk_members().into());
        }
        let mut claims = Map::new();
        claims.insert("jti".to_owned(), self.jti.into());
        claims.insert("htm".to_owned(), self.method.into());
        let url = self.url.split(['?', '#']).next().unwrap_or_default();
        claims.insert("htu".to_owned(), url.into());
        claims.insert("iat".to_owned(), self.iat.into());
        if let Some(token) = self.access_token {
            claims.insert("ath".to_owned(), access_token_hash(token).into());
        }
        if let Some(nonce) = self.nonce {
            claims.insert("nonce".to_owned(), nonce.into());
        }
        (header, claims)
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
}
