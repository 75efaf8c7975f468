//! Access tokens of the deployments: ES256 JWTs of a key made for each deployment (RFC 7515, RFC 7519, RFC 8725).

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use super::flaw::{Flaw, FlawSet, flaw};

pub const FLAWS: &[Flaw] = &[
    flaw(
        "expired-token-accepted",
        "Takes tokens that ran out.",
        "RFC 7519 §4.1.4",
    ),
    flaw(
        "token-signature-unchecked",
        "Reads the claims of a token without verifying its signature.",
        "RFC 8725 §3.1",
    ),
];

/// Faults of deployments whose contract bounds the life of tokens.
pub const LIFETIME_FLAWS: &[Flaw] = &[
    flaw(
        "token-lives-a-day",
        "Hands out tokens that are good for 24 hours.",
        "contract",
    ),
    flaw(
        "token-never-expires",
        "Hands out tokens without exp, and takes them.",
        "RFC 7519 §4.1.4",
    ),
];

/// What a token says. Times are seconds since 1970.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Claims {
    pub iss: String,
    pub aud: String,
    pub sub: String,
    pub iat: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exp: Option<u64>,
    pub jti: String,
    /// The tenant that the subject belongs to.
    pub tenant: String,
    pub role: String,
}

/// Seconds that an access token is good for.
pub const LIFETIME: u64 = 900;
/// Seconds that clocks may differ.
const LEEWAY: u64 = 5;

/// Mints and verifies.
pub struct Issuer {
    name: String,
    audience: String,
    key_id: String,
    signing: EncodingKey,
    verifying: DecodingKey,
}

impl Issuer {
    pub fn new(name: String, audience: String) -> Self {
        let document = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
            .expect("the P-256 generator has no reason to fail");
        let private = document
            .to_pkcs8v1()
            .expect("a fresh key can be written down");
        let public = document.public_key().as_ref();
        // Uncompressed point: 0x04, x, y (SEC 1 §2.3.3).
        let (x, y) = (&public[1..33], &public[33..65]);
        let verifying =
            DecodingKey::from_ec_components(&URL_SAFE_NO_PAD.encode(x), &URL_SAFE_NO_PAD.encode(y))
                .expect("coordinates of a fresh key are well formed");
        Self {
            name,
            audience,
            key_id: format!("{:016x}", rand::random::<u64>()),
            signing: EncodingKey::from_ec_der(private.as_ref()),
            verifying,
        }
    }

    /// A token that is good from now on.
    pub fn mint(&self, subject: &str, tenant: &str, role: &str, flaws: &FlawSet) -> String {
        let now = now();
        let exp = match () {
            () if flaws.has_if_declared("token-never-expires") => None,
            () if flaws.has_if_declared("token-lives-a-day") => Some(now + 86_400),
            () => Some(now + LIFETIME),
        };
        self.sign(&self.claims(subject, tenant, role, now, exp))
    }

    /// A token that ran out an hour ago.
    pub fn mint_expired(&self, subject: &str, tenant: &str, role: &str) -> String {
        let issued = now() - 3600 - LIFETIME;
        self.sign(&self.claims(subject, tenant, role, issued, Some(issued + LIFETIME)))
    }

    fn claims(
        &self,
        subject: &str,
        tenant: &str,
        role: &str,
        iat: u64,
        exp: Option<u64>,
    ) -> Claims {
        Claims {
            iss: self.name.clone(),
            aud: self.audience.clone(),
            sub: subject.to_owned(),
            iat,
            exp,
            jti: format!("{:032x}", rand::random::<u128>()),
            tenant: tenant.to_owned(),
            role: role.to_owned(),
        }
    }

    fn sign(&self, claims: &Claims) -> String {
        let header = Header {
            typ: Some("JWT".to_owned()),
            kid: Some(self.key_id.clone()),
            ..Header::new(Algorithm::ES256)
        };
        jsonwebtoken::encode(&header, claims, &self.signing)
            .expect("claims of our own making can be signed")
    }

    /// The claims of a token that this issuer made and that is good now.
    pub fn verify(&self, token: &str, flaws: &FlawSet) -> Option<Claims> {
        if flaws.has("token-signature-unchecked") {
            let claims: Claims = jsonwebtoken::dangerous::insecure_decode_claims(token).ok()?;
            return claims
                .exp
                .is_none_or(|exp| exp + LEEWAY > now())
                .then_some(claims);
        }
        let mut rules = Validation::new(Algorithm::ES256);
        rules.leeway = LEEWAY;
        rules.set_issuer(&[&self.name]);
        rules.set_audience(&[&self.audience]);
        rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        if flaws.has("expired-token-accepted") {
            rules.validate_exp = false;
        }
        if flaws.has_if_declared("token-never-expires") {
            rules.set_required_spec_claims(&["iss", "aud", "sub"]);
        }
        jsonwebtoken::decode::<Claims>(token, &self.verifying, &rules)
            .ok()
            .map(|data| data.claims)
    }
}

/// Seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
