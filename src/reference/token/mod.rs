//! Access tokens of the deployments: JWTs of a key made for each deployment (RFC 7515, RFC 7519, RFC 8725).
//!
//! The strict way is that of [`crate::jose`]; each flaw bends one line of it.

mod authentic;
mod claims;
mod key_set;
mod read;
mod upset;
mod weak_secret;

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};

use super::flaw::{Flaw, FlawSet, flaw};
use crate::jose::{Algorithm, Jwk, KeyMaterial, SigningKey, VerifyingKey, mint};

pub use claims::Claims;
pub use key_set::PATH as KEY_SET_PATH;
pub use read::{Parts, first_members};
pub use upset::upset;

/// Faults that every deployment can have.
pub const FLAWS: &[&[Flaw]] = &[
    read::FLAWS,
    authentic::FLAWS,
    claims::FLAWS,
    key_set::FLAWS,
    upset::FLAWS,
];

/// Faults of verifiers, whoever issues the tokens.
pub const VERIFIER_FLAWS: &[&[Flaw]] =
    &[read::FLAWS, authentic::FLAWS, claims::FLAWS, upset::FLAWS];

/// Faults of deployments whose key is one for ECDSA.
pub const ECDSA_FLAWS: &[Flaw] = authentic::ECDSA_FLAWS;

/// Faults of deployments whose key is RSA.
pub const RSA_FLAWS: &[Flaw] = authentic::RSA_FLAWS;

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

/// Faults of deployments that may come with a secret in place of their key.
pub const SECRET_FLAWS: &[Flaw] = weak_secret::FLAWS;

/// Seconds that an access token is good for.
pub const LIFETIME: u64 = 900;
/// Seconds that a token may be good for at most.
const MAX_LIFE: f64 = 3600.0;
/// Seconds that clocks may differ.
const LEEWAY: f64 = 5.0;

/// Mints and verifies.
pub struct Issuer {
    name: String,
    audience: String,
    /// With its private half, unless the tokens are somebody else's.
    signing: Option<SigningKey>,
    key: Jwk,
    verifying: VerifyingKey,
    /// Seconds that a token may be good for at most.
    max_life: f64,
    /// Subjects that tokens were made for, in order.
    subjects: Mutex<Vec<String>>,
    /// What a deployment remembers of tokens that it verified; a correct one never looks.
    remembered: Mutex<HashMap<String, Vec<u8>>>,
}

impl Issuer {
    /// With a fresh key; RSA keys, which take long to find, are one for all deployments of this process.
    pub fn new(name: String, audience: String, algorithm: Algorithm) -> Self {
        static RSA: OnceLock<Jwk> = OnceLock::new();
        let fresh =
            || SigningKey::generate(algorithm).expect("the generators have no reason to fail");
        let signing = match algorithm {
            Algorithm::RS256 => {
                let jwk = RSA.get_or_init(|| fresh().jwk().clone());
                SigningKey::new(jwk.clone()).expect("a key of our own making is sound")
            }
            _ => fresh(),
        };
        Self::signing_with(name, audience, signing)
    }

    fn signing_with(name: String, audience: String, signing: SigningKey) -> Self {
        let verifying = VerifyingKey::new(signing.jwk(), None).expect("so is its public half");
        Self {
            name,
            audience,
            key: signing.jwk().clone(),
            signing: Some(signing),
            verifying,
            max_life: MAX_LIFE,
            subjects: Mutex::default(),
            remembered: Mutex::default(),
        }
    }

    /// Verifies what somebody else signs with this key. `None` where the key verifies nothing.
    pub fn trusting(
        name: String,
        audience: String,
        key: Jwk,
        subjects: Vec<String>,
        max_life: u64,
    ) -> Option<Self> {
        Some(Self {
            name,
            audience,
            signing: None,
            verifying: VerifyingKey::new(&key, None).ok()?,
            key,
            max_life: max_life as f64,
            subjects: Mutex::new(subjects),
            remembered: Mutex::default(),
        })
    }

    pub fn kid(&self) -> Option<&str> {
        self.key.kid.as_deref()
    }

    fn signing(&self) -> &SigningKey {
        let signing = self.signing.as_ref();
        signing.expect("whoever only trusts an issuer mints nothing")
    }

    /// A token that is good from now on.
    pub fn mint(&self, subject: &str, tenant: &str, role: &str, flaws: &FlawSet) -> String {
        self.mint_bound(subject, tenant, role, None, flaws)
    }

    /// The same, bound to what `cnf` says.
    pub fn mint_bound(
        &self,
        subject: &str,
        tenant: &str,
        role: &str,
        cnf: Option<Value>,
        flaws: &FlawSet,
    ) -> String {
        let now = now();
        let exp = match () {
            () if flaws.has_if_declared("token-never-expires") => None,
            () if flaws.has_if_declared("token-lives-a-day") => Some(now + 86_400),
            () => Some(now + LIFETIME),
        };
        {
            let mut subjects = self.subjects.lock().unwrap_or_else(PoisonError::into_inner);
            if !subjects.iter().any(|known| known == subject) {
                subjects.push(subject.to_owned());
            }
        }
        let mut claims = self.claims(subject, tenant, role, now, exp);
        if let Some(cnf) = cnf {
            claims.insert("cnf".to_owned(), cnf);
        }
        self.sign(&claims)
    }

    /// A secure token: it names its subject by an e-mail address, too.
    pub fn mint_named(&self, subject: &str, tenant: &str, name: &str, lifetime: u64) -> String {
        let issued = now();
        let mut claims = self.claims(subject, tenant, "", issued, Some(issued + lifetime));
        claims.remove("role");
        claims.insert("name".to_owned(), name.into());
        self.sign(&claims)
    }

    /// A token that ran out an hour ago.
    pub fn mint_expired(&self, subject: &str, tenant: &str, role: &str) -> String {
        let issued = now() - 3600 - LIFETIME;
        self.sign(&self.claims(subject, tenant, role, issued, Some(issued + LIFETIME)))
    }

    /// The key that tokens are signed with, as a JWK, for the target file.
    pub fn minting_key(&self) -> String {
        let KeyMaterial::Private(private) = &self.signing().jwk().material else {
            return weak_secret::jwk();
        };
        let mut members = private.private_jwk_members();
        members.extend(self.signing().jwk().public_members().unwrap_or_default());
        Value::Object(members).to_string()
    }

    fn claims(
        &self,
        subject: &str,
        tenant: &str,
        role: &str,
        iat: u64,
        exp: Option<u64>,
    ) -> Map<String, Value> {
        let mut claims = json!({
            "iss": self.name,
            "aud": self.audience,
            "sub": subject,
            "iat": iat,
        });
        if let Some(exp) = exp {
            claims["exp"] = exp.into();
        }
        claims["jti"] = format!("{:032x}", rand::random::<u128>()).into();
        claims["tenant"] = tenant.into();
        claims["role"] = role.into();
        match claims {
            Value::Object(members) => members,
            _ => unreachable!("written as an object above"),
        }
    }

    /// Signs until the signature has a character in which base64 and base64url differ, as nearly all have at once: a
    /// forgery that confuses the two can then be made of every token.
    fn sign(&self, claims: &Map<String, Value>) -> String {
        let mut claims = claims.clone();
        loop {
            let mut header = Map::new();
            header.insert("alg".to_owned(), self.signing().algorithm().name().into());
            header.insert("typ".to_owned(), "JWT".into());
            if let Some(kid) = self.signing().kid() {
                header.insert("kid".to_owned(), kid.into());
            }
            let token = mint(&header, &claims, self.signing())
                .expect("claims of our own making can be signed");
            let token = String::from_utf8(token).expect("a token is ASCII");
            let signature = token.rsplit('.').next().unwrap_or_default();
            if signature.contains(['-', '_']) {
                return token;
            }
            claims["jti"] = format!("{:032x}", rand::random::<u128>()).into();
        }
    }

    /// The claims of a token that this issuer made and that is good now.
    pub fn verify(&self, token: &str, flaws: &FlawSet) -> Option<Claims> {
        let token = read::read(token, flaws)?;
        if !authentic::is_authentic(self, &token, flaws) {
            return None;
        }
        let nested = read::nested(&token, flaws);
        claims::judge(self, nested.as_deref().unwrap_or(&token.payload), flaws)
    }

    /// The claims of a token that is good now, whoever signed it; for deployments that are flawed so.
    pub fn believe(&self, token: &str, flaws: &FlawSet) -> Option<Claims> {
        claims::judge(self, &read::read(token, flaws)?.payload, flaws)
    }
}

/// Seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
