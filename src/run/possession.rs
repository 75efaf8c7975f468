//! Keys that credentials are bound to, the nonces that servers hand out, and proofs of possession for requests
//! (RFC 9449).

use std::collections::HashMap;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};

use serde_json::{Map, Value};
use tokio::sync::Mutex;

use crate::jose::proof::{Possession, Prover};
use crate::jose::{Algorithm, Jwk, SigningKey, StrictJws, import_one};
use crate::journal::RecordedAnswer;
use crate::suite::Secrets;
use crate::suite::model::ProofTerms;
use crate::suite::plan::Plan;
use crate::suite::template::fill_text;
use crate::wire::Request;

/// The field that carries a proof.
pub const FIELD: &str = "DPoP";

/// The error of a server that wants its nonce in the proof.
pub const NONCE_WANTED: &str = "use_dpop_nonce";

/// What servers handed out last, by origin, and by path: a token endpoint and an API may have nonces of their own
/// (RFC 9449 §8, §8.2).
#[derive(Default)]
pub struct Nonces(StdMutex<HashMap<String, String>>);

impl Nonces {
    pub fn note(&self, request: &Request, answer: &RecordedAnswer) {
        if let Some(nonce) = answer.header("dpop-nonce").last() {
            let mut all = self.all();
            for place in places(request) {
                all.insert(place, nonce.clone());
            }
        }
    }

    /// The one of this path, or else of the origin.
    pub fn of(&self, request: &Request) -> Option<String> {
        let all = self.all();
        if all.is_empty() {
            return None;
        }
        places(request)
            .iter()
            .find_map(|place| all.get(place).cloned())
    }

    fn all(&self) -> std::sync::MutexGuard<'_, HashMap<String, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn places(request: &Request) -> [String; 2] {
    let url = url_of(request);
    let path = url.split(['?', '#']).next().unwrap_or_default();
    [path.to_owned(), request.origin.to_string()]
}

/// Whether an answer asks for a proof with the nonce that it hands out, at a resource or a token endpoint
/// (RFC 9449 §8, §9).
pub fn asks_for_nonce(answer: &RecordedAnswer) -> bool {
    let challenged = answer
        .header("www-authenticate")
        .iter()
        .any(|line| line.contains(NONCE_WANTED));
    let told = || {
        let body: Value = serde_json::from_slice(&answer.body.0).unwrap_or_default();
        body.get("error").and_then(Value::as_str) == Some(NONCE_WANTED)
    };
    // A 401 that hands out a nonce is taken for the wish to see it, also where it says nothing.
    let wanted = challenged || answer.status == 401 || answer.status == 400 && told();
    wanted && !answer.header("dpop-nonce").is_empty()
}

/// The key that a principal proves its possession of.
#[derive(Clone)]
pub struct BoundKey {
    pub prover: Arc<Prover>,
    /// Made by us for this run alone.
    pub is_throw_away: bool,
}

/// By principal.
#[derive(Default)]
pub struct BoundKeys(Mutex<HashMap<String, BoundKey>>);

impl BoundKeys {
    /// Fails with a sentence.
    pub async fn of(
        &self,
        principal: &str,
        terms: &ProofTerms,
        plan: &Plan,
        secrets: &Secrets,
    ) -> Result<BoundKey, String> {
        let mut keys = self.0.lock().await;
        if let Some(known) = keys.get(principal) {
            return Ok(known.clone());
        }
        let given = plan.target.principals.get(principal);
        let written = given.and_then(|given| given.proof_key.as_deref());
        let key = match written {
            Some(text) => {
                let text = fill_text(text, secrets).map_err(|error| error.to_string())?;
                let key = import_one(text.as_bytes()).and_then(SigningKey::new);
                key.map_err(|e| format!("the proof key of `{principal}`: {e}"))?
            }
            None => {
                let name = terms.algorithm.as_deref().unwrap_or("ES256");
                let algorithm = Algorithm::of_name(name)
                    .ok_or_else(|| format!("`{name}` is no JWS algorithm"))?;
                SigningKey::generate(algorithm).map_err(|error| error.to_string())?
            }
        };
        let made = BoundKey {
            prover: Arc::new(Prover::new(Arc::new(key))),
            is_throw_away: written.is_none(),
        };
        keys.insert(principal.to_owned(), made.clone());
        Ok(made)
    }
}

/// What a fresh proof is for; each that is made of it has a `jti` of its own.
#[derive(Clone, Copy)]
pub struct Purpose<'a> {
    pub method: &'a str,
    pub url: &'a str,
    pub access_token: Option<&'a str>,
    pub nonce: Option<&'a str>,
    /// Seconds since 1970.
    pub now: i64,
}

impl Purpose<'_> {
    fn possession<R>(&self, take: impl FnOnce(&Possession<'_>) -> R) -> R {
        take(&Possession {
            method: self.method,
            url: self.url,
            access_token: self.access_token,
            nonce: self.nonce,
            jti: &format!("{:032x}", rand::random::<u128>()),
            iat: self.now,
        })
    }

    /// Header and claims, for a forgery to start from.
    pub fn members(&self, key: &SigningKey) -> (Map<String, Value>, Map<String, Value>) {
        self.possession(|possession| possession.members(key))
    }

    /// A right proof. Fails with a sentence.
    pub fn prove(&self, prover: &Prover) -> Result<String, String> {
        self.possession(|possession| prover.prove(possession))
            .map_err(|error| error.to_string())
    }
}

/// The thumbprint of the key in a proof (RFC 7638); `None` where none can be read there.
pub fn thumbprint(proof: &str) -> Option<String> {
    let jws = StrictJws::parse(proof.as_bytes()).ok()?;
    let jwk = jws.header().members().get("jwk")?.as_object()?;
    Jwk::from_members(jwk).ok()?.thumbprint()
}

/// The address of a request, its query included.
pub fn url_of(request: &Request) -> String {
    let target = String::from_utf8_lossy(&request.target);
    format!("{}{target}", request.origin)
}
