//! Proofs of possession (RFC 9449): what a resource server and a token endpoint do with a `DPoP` header field.
//!
//! Each file is one of the checks of §4.3, with the flaws that bend it; [`Verifier::judge`] says in which order they
//! come. The last of them, and the only one that leaves a trace, is that a proof is used once.

mod address;
pub mod binding;
pub mod challenge;
mod claims;
mod key;
mod line;
mod memory;
mod nonce;
mod read;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value};

use super::flaw::{Flaw, FlawSet};
use super::http::Request;
use crate::jose::Algorithm;
use memory::Memory;
use nonce::Nonces;

pub const FLAWS: &[&[Flaw]] = &[
    address::FLAWS,
    binding::FLAWS,
    challenge::FLAWS,
    claims::FLAWS,
    key::FLAWS,
    line::FLAWS,
    memory::FLAWS,
    nonce::FLAWS,
    read::FLAWS,
];

/// The policy (RFC 9449 §4.3 item 5). RS256 is sound and not among them, so that the policy is one.
pub const ALGORITHMS: [Algorithm; 4] = [
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
    Algorithm::PS256,
];
/// Seconds that a proof is good for.
pub const WINDOW: f64 = 60.0;
/// Seconds that the clock of a client may be ahead of ours.
pub const SKEW: f64 = 10.0;
/// Seconds that a nonce is good for.
pub const NONCE_LIFE: f64 = 10.0;
/// Keys that are kept beside their thumbprints; a correct deployment never looks.
const KEYS: usize = 1000;

/// Who asks for the proof; each hands out nonces of its own (RFC 9449 §8, §9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Resource,
    TokenEndpoint,
}

/// What a proof has to fit.
pub struct Occasion<'a> {
    pub request: &'a Request,
    pub place: Place,
    /// The access token that came with it.
    pub token: Option<&'a str>,
    /// `cnf` of the token.
    pub cnf: Option<&'a Value>,
    pub demands_nonce: bool,
    /// Whether the proof is used up by this. It is not where the head of a request is judged before its body comes.
    pub is_use: bool,
    /// Seconds since 1970.
    pub now: f64,
}

/// What a proof proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The thumbprint of the key that made it (RFC 7638).
    pub thumbprint: String,
    /// The digest of the key as the proof spells it; a correct deployment never looks.
    pub as_received: String,
}

/// Why there is no proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No field line.
    Absent,
    /// What came is no JWT.
    Malformed,
    /// The check that failed.
    Check(&'static str),
    /// The proof is right in itself, by a key that the token is not bound to.
    Key,
    /// No nonce where one is demanded, or none of ours.
    Nonce,
    /// A flawed verifier fell over it.
    Crash,
}

/// The memory of a deployment for everything about proofs.
pub struct Verifier {
    /// Scheme, host and port of the deployment, by its own configuration.
    origin: String,
    memory: Memory,
    resource_nonces: Nonces,
    token_nonces: Nonces,
    keys: Mutex<HashMap<String, Map<String, Value>>>,
}

impl Verifier {
    pub fn new(origin: String) -> Self {
        Self {
            origin,
            memory: Memory::default(),
            resource_nonces: Nonces::new(),
            token_nonces: Nonces::new(),
            keys: Mutex::default(),
        }
    }

    /// The twelve checks of RFC 9449 §4.3, in the order in which they are cheapest but for the last: only a proof that
    /// is right in every other respect is remembered.
    pub fn judge(&self, occasion: &Occasion<'_>, flaws: &FlawSet) -> Result<Proof, Fault> {
        let text = line::only(occasion.request, flaws)?;
        let read = read::read(&text, flaws).ok_or(Fault::Malformed)?;
        key::is_proof(&read, flaws)?;
        let kept = occasion.cnf.and_then(|cnf| self.kept(cnf));
        let key = key::proven(&read, kept, flaws)?;
        let is_known = || self.memory.has_seen(&text);
        let jti = claims::judge(&read.claims, occasion, &self.origin, is_known, flaws)?;
        if occasion.demands_nonce {
            self.judge_nonce(&read.claims, occasion, flaws)?;
        }
        let proof = key::named(&key);
        if let Some(cnf) = occasion.cnf
            && !binding::fits(cnf, &proof, flaws)
        {
            return Err(Fault::Key);
        }
        if let Some(jti) = jti.filter(|_| occasion.is_use)
            && !self.memory.is_first(&proof, &jti, &text, occasion, flaws)
        {
            return Err(Fault::Check("was used before"));
        }
        if occasion.place == Place::TokenEndpoint {
            self.keep(&proof.thumbprint, key);
        }
        Ok(proof)
    }

    fn judge_nonce(
        &self,
        claims: &Map<String, Value>,
        occasion: &Occasion<'_>,
        flaws: &FlawSet,
    ) -> Result<(), Fault> {
        let (own, other) = match occasion.place {
            Place::Resource => (&self.resource_nonces, &self.token_nonces),
            Place::TokenEndpoint => (&self.token_nonces, &self.resource_nonces),
        };
        match nonce::is_good(claims.get("nonce"), own, other, occasion.now, flaws) {
            true => Ok(()),
            false => Err(Fault::Nonce),
        }
    }

    /// A nonce for the next proof.
    pub fn nonce(&self, place: Place, flaws: &FlawSet) -> String {
        self.memory.nonce_issued(flaws);
        match place {
            Place::Resource => self.resource_nonces.issue(now(), flaws),
            Place::TokenEndpoint => self.token_nonces.issue(now(), flaws),
        }
    }

    fn keep(&self, thumbprint: &str, key: Map<String, Value>) {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if keys.len() < KEYS {
            keys.insert(thumbprint.to_owned(), key);
        }
    }

    fn kept(&self, cnf: &Value) -> Option<Map<String, Value>> {
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.get(cnf.get("jkt")?.as_str()?).cloned()
    }
}

/// Seconds since 1970, with their fraction.
pub fn now() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |since| since.as_secs_f64())
}
