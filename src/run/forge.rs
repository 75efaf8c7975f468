//! Makes forged tokens: fetches what is needed, and applies the plan's forgeries.

use std::collections::HashMap;
use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::{Map, Value, json};
use tokio::sync::{Mutex, OnceCell};

use super::issuer::Issuer;
use super::keyring::Keyring;
use super::minting::issue;
use super::possession::BoundKey;
use super::send::{Line, Subject};
use crate::jose::forgery::{
    Env, Forgery, Material, Strangers, TargetKey, Unforgeable, forge, forged_claims,
};
use crate::jose::{Algorithm, SigningKey, import, import_one};
use crate::suite::Secrets;
use crate::suite::model::TokenTerms;
use crate::suite::plan::Plan;
use crate::suite::template::{Found, Scope, fill_text};
use crate::wire::{Request, Version};

/// Why there is no forged token.
#[derive(Debug)]
pub enum ForgeFault {
    /// It cannot be made of what this target has; the case is not covered.
    NotHere(String),
    /// Something that should be there could not be had; the case is in doubt.
    Trouble(String),
}

/// A key set document, fetched once; `None` inside where the target publishes none.
type Published = Arc<OnceCell<Option<Vec<u8>>>>;

/// The valid token that a forgery starts from.
pub struct Valid<'a> {
    /// Kind of credential.
    pub kind: &'a str,
    pub terms: &'a TokenTerms,
    pub token: &'a str,
    /// A second valid token, of somebody else, if there is one.
    pub another: Option<&'a str>,
    /// The address of our listener for this attempt.
    pub listener: Option<&'a str>,
}

/// A right proof of possession that a forgery starts from.
pub struct Fresh<'a> {
    pub header: &'a Map<String, Value>,
    pub claims: &'a Map<String, Value>,
    pub key: &'a BoundKey,
    /// What else the forgery may refer to.
    pub values: Vec<(&'static str, String)>,
}

/// Keys by kind of credential, and those of the attacker.
pub struct Forger {
    secrets: Secrets,
    strangers: Arc<Strangers>,
    published: Mutex<HashMap<String, Published>>,
}

impl Forger {
    pub fn new(secrets: Secrets, strangers: Arc<Strangers>) -> Self {
        Self {
            secrets,
            strangers,
            published: Mutex::default(),
        }
    }

    /// The token, changed as the plan's forgery of this name says.
    pub async fn token(
        &self,
        plan: &Plan,
        line: &Line,
        keyring: &Keyring,
        valid: &Valid<'_>,
        name: &str,
    ) -> Result<String, ForgeFault> {
        let planned = plan
            .forgeries
            .get(name)
            .ok_or_else(|| ForgeFault::Trouble(format!("the plan has no forgery `{name}`")))?;
        let issuer = issuer(plan, line, valid);
        let document = match issuer {
            Some(issuer) => Some(issuer.key_set()),
            None => self
                .public_keys(plan, line, valid.kind, valid.terms)
                .await
                .map_err(ForgeFault::Trouble)?,
        };
        match &valid.terms.minting_operation {
            Some(minting)
                if valid.terms.minting_key.is_none()
                    && issuer.is_none()
                    && planned.change.is_of_claims() =>
            {
                let material = self.captured(valid)?;
                let env = environment(plan, line, valid);
                let wanted =
                    forged_claims(&planned.change, &material, &env).map_err(unforgeable)?;
                issue(minting, &wanted, valid, keyring, plan, line).await
            }
            _ => self.forge(plan, &planned.change, valid, document.as_deref(), line),
        }
    }

    /// The proof of possession, changed as the plan's forgery of this name says.
    pub fn proof(
        &self,
        plan: &Plan,
        line: &Line,
        name: &str,
        fresh: Fresh<'_>,
    ) -> Result<String, ForgeFault> {
        let planned = plan
            .forgeries
            .get(name)
            .ok_or_else(|| ForgeFault::Trouble(format!("the plan has no forgery `{name}`")))?;
        let BoundKey {
            prover,
            is_throw_away,
        } = fresh.key;
        let key = prover.key();
        let public = key.public().map(|public| public.jwk_members());
        let document = json!({ "keys": Vec::from_iter(public) }).to_string();
        let own = TargetKey::of_set(document.as_bytes(), None)
            .map_err(|error| ForgeFault::Trouble(error.to_string()))?;
        let material = Material::minted(fresh.header, fresh.claims, key, &self.strangers);
        let material = match is_throw_away {
            true => material.with_throw_away_key(),
            false => material,
        };
        let material = match &own {
            Some(own) => material.with_target(own),
            None => material,
        };
        let mut env = Env::new(line.clock.now());
        set_values(&mut env, plan, &plan.target.params);
        for (name, value) in fresh.values {
            env.set(name, value);
        }
        let proof = forge(&planned.change, &material, &env).map_err(unforgeable)?;
        String::from_utf8(proof)
            .map_err(|_| ForgeFault::NotHere("the forged proof is no text".to_owned()))
    }

    fn captured(&self, valid: &Valid<'_>) -> Result<Material<'_>, ForgeFault> {
        Material::captured(valid.token.as_bytes(), &self.strangers)
            .map_err(|error| ForgeFault::NotHere(format!("the token is no signed JWT: {error}")))
    }

    fn forge(
        &self,
        plan: &Plan,
        change: &Forgery,
        valid: &Valid<'_>,
        document: Option<&[u8]>,
        line: &Line,
    ) -> Result<String, ForgeFault> {
        let terms = valid.terms;
        let issuer = issuer(plan, line, valid);
        let minting = match issuer {
            Some(issuer) => Some(issuer.signing_key()),
            None => self
                .minting_key(terms)
                .map_err(ForgeFault::Trouble)?
                .map(Arc::new),
        };
        let material = self.captured(valid)?;
        let target = match document {
            Some(document) => target_key(document, valid.token).map_err(ForgeFault::Trouble)?,
            None => None,
        };
        let material = match &target {
            Some(key) => material.with_target(key),
            None => material,
        };
        let material = match &minting {
            Some(key) => material.with_issuer(key),
            None => material,
        };
        let material = match valid.another {
            Some(token) => material
                .with_another(token.as_bytes())
                .map_err(|e| ForgeFault::Trouble(e.to_string()))?,
            None => material,
        };
        let env = environment(plan, line, valid);
        let token = forge(change, &material, &env).map_err(unforgeable)?;
        // Field values are octets; a token that is not UTF-8 would be another one if it were sent as text.
        String::from_utf8(token)
            .map_err(|_| ForgeFault::NotHere("the forged token is no text".to_owned()))
    }

    fn minting_key(&self, terms: &TokenTerms) -> Result<Option<SigningKey>, String> {
        let Some(minting) = &terms.minting_key else {
            return Ok(None);
        };
        let text = fill_text(&minting.key, &self.secrets).map_err(|error| error.to_string())?;
        let algorithm = minting.algorithm.as_deref().map(|name| {
            Algorithm::of_name(name).ok_or_else(|| format!("`{name}` is no JWS algorithm"))
        });
        match (import_one(text.as_bytes()), algorithm.transpose()?) {
            (Ok(jwk), _) => SigningKey::new(jwk)
                .map(Some)
                .map_err(|error| format!("the minting key: {error}")),
            (Err(_), Some(algorithm)) if algorithm.name().starts_with("HS") => {
                Ok(Some(SigningKey::secret(text.into_bytes(), algorithm)))
            }
            (Err(error), _) => Err(format!("the minting key: {error}")),
        }
    }

    /// The key set of the target, fetched once.
    pub async fn public_keys(
        &self,
        plan: &Plan,
        line: &Line,
        kind: &str,
        terms: &TokenTerms,
    ) -> Result<Option<Vec<u8>>, String> {
        if let Some(text) = &terms.public_key {
            let text = fill_text(text, &self.secrets).map_err(|error| error.to_string())?;
            let set =
                import(text.as_bytes()).map_err(|error| format!("the public key: {error}"))?;
            return Ok(Some(set.public_document().to_string().into_bytes()));
        }
        let Some(jwks) = &terms.jwks else {
            return Ok(None);
        };
        let cell = self
            .published
            .lock()
            .await
            .entry(kind.to_owned())
            .or_default()
            .clone();
        let fetched = cell
            .get_or_try_init(|| async {
                let path = plan
                    .target
                    .operations
                    .get(jwks)
                    .map_or(jwks.as_str(), |operation| operation.path.as_str());
                let target = &plan.target;
                let request = Request {
                    origin: target.https.clone(),
                    version: Version::H1,
                    method: "GET".to_owned(),
                    target: format!("{}{path}", target.prefix).into_bytes(),
                    headers: vec![
                        ("Host".to_owned(), target.https.authority().into_bytes()),
                        ("Accept".to_owned(), b"application/json".to_vec()),
                    ],
                    body: bytes::Bytes::new(),
                    fresh_connection: false,
                    await_continue: false,
                    cut: None,
                };
                let sent = line
                    .send(&request, Subject::default(), |_| Vec::new())
                    .await
                    .map_err(|error| error.to_string())?;
                match sent.raw {
                    Some(raw) if raw.status == 200 => Ok(Some(raw.body.0)),
                    Some(raw) => Err(format!("the key set at {path} was answered {}", raw.status)),
                    None => Err(format!("the key set at {path} was not answered")),
                }
            })
            .await;
        fetched.cloned().map_err(|says: String| says)
    }
}

/// The issuer that we play, where the token is one of its.
fn issuer<'a>(plan: &Plan, line: &'a Line, valid: &Valid<'_>) -> Option<&'a Issuer> {
    let issuer = line.outside.issuer.as_ref();
    issuer.filter(|_| plan.target.issues(valid.kind))
}

/// What forgeries may refer to by name.
fn environment(plan: &Plan, line: &Line, valid: &Valid<'_>) -> Env {
    let mut env = Env::new(line.clock.now());
    set_values(&mut env, plan, &plan.target.params);
    set_values(&mut env, plan, &valid.terms.values);
    if let Some(issuer) = issuer(plan, line, valid) {
        env.set("issuer", issuer.url());
        env.set("issuer_host", issuer.host());
    }
    if let Some(address) = valid.listener {
        let host = address.split_once("://").map_or(address, |(_, rest)| rest);
        env.set("listener", address);
        // With the path of the attempt, so that a call by host alone is known as its doing.
        env.set("listener_host", host);
    }
    env
}

fn set_values(env: &mut Env, plan: &Plan, values: &IndexMap<String, Value>) {
    for (name, value) in values {
        let value = match value {
            Value::String(text) => {
                crate::suite::template::fill(text, &PlanValues { plan }).unwrap_or(value.clone())
            }
            other => other.clone(),
        };
        env.set(name.clone(), value);
    }
}

fn unforgeable(error: Unforgeable) -> ForgeFault {
    match error {
        Unforgeable::Encryption => ForgeFault::Trouble(error.to_string()),
        other => ForgeFault::NotHere(format!("the forgery cannot be made here: {other}")),
    }
}

/// The key that the valid token names, or the first of the set.
fn target_key(document: &[u8], valid: &str) -> Result<Option<TargetKey>, String> {
    let kid = crate::jose::StrictJws::parse(valid.as_bytes())
        .ok()
        .and_then(|jws| jws.header().kid().map(str::to_owned));
    let named = TargetKey::of_set(document, kid.as_deref())
        .map_err(|error| format!("the key set: {error}"))?;
    match named {
        Some(key) => Ok(Some(key)),
        None => TargetKey::of_set(document, None).map_err(|error| format!("the key set: {error}")),
    }
}

struct PlanValues<'a> {
    plan: &'a Plan,
}

impl Scope for PlanValues<'_> {
    fn find(&self, path: &[&str]) -> Option<Found> {
        let bindings = serde_json::Map::new();
        crate::suite::plan::PlanScope {
            target: &self.plan.target,
            lists: &self.plan.lists,
            bindings: &bindings,
        }
        .find(path)
    }
}
