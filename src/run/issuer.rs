//! The issuer that we play: its keys, its published set, and the tokens that it makes.
//!
//! Private keys are made here, for one run, and leave neither this file nor the memory of the run.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand::RngExt;
use serde_json::{Map, Value, json};

use super::listener_port::{Asked, Port, Reply};
use crate::jose::{Algorithm, KeyMaterial, SigningKey, mint};
use crate::suite::Secrets;
use crate::suite::model::{Issue, IssuerTerms, Rotation};
use crate::suite::plan::{Bindings, Plan, PlanScope};
use crate::suite::template::{Found, Scope, fill_text, fill_value};
use crate::wire::server_tls;

/// Paths that the issuer answers at, below its address.
const KEY_SET: &str = "/.well-known/jwks.json";
const METADATA: [&str; 2] = [
    "/.well-known/openid-configuration",
    "/.well-known/oauth-authorization-server",
];
const DEFAULT_LIFETIME_S: i64 = 300;
/// Ten years, either way: times stay such as a clock shows.
const LONGEST_LIFE_S: i64 = 3653 * 24 * 3600;
/// How long the issuer is silent while it hangs.
const HANGS_FOR: Duration = Duration::from_secs(30);
/// Times that a token is signed again until its signature has a character in which base64 and base64url differ, so
/// that forgeries that confuse the two can be made of it.
const SIGNINGS: usize = 16;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mood {
    Answers,
    Fails,
    Empty,
    Hangs,
}

struct Keys {
    original: Arc<SigningKey>,
    published: Vec<Arc<SigningKey>>,
    withdrawn: Option<Arc<SigningKey>>,
    signing: Arc<SigningKey>,
    mood: Mood,
    /// Grows whenever another key signs; tokens of before are not those of now.
    generation: u64,
}

struct State {
    keys: Mutex<Keys>,
    fetches: AtomicU64,
    url: String,
    file: Option<PathBuf>,
}

/// Serves its keys until it is dropped.
pub struct Issuer {
    terms: IssuerTerms,
    algorithm: Algorithm,
    state: Arc<State>,
    _port: Option<Port>,
}

/// A token, and for how long it is good.
pub struct Issued {
    pub token: String,
    pub life: Duration,
}

impl Issuer {
    /// Makes the first key and opens the port. Fails with a sentence.
    pub fn open(terms: &IssuerTerms, secrets: &Secrets) -> Result<Self, String> {
        let says = |says: String| format!("the issuer: {says}");
        let name = terms.algorithm.as_deref().unwrap_or("ES256");
        let algorithm = Algorithm::of_name(name)
            .filter(|algorithm| !algorithm.name().starts_with("HS"))
            .ok_or_else(|| says(format!("`{name}` is no JWS algorithm with a key pair")))?;
        let secret = |text: &Option<String>| {
            let filled = text.as_ref().map(|text| fill_text(text, secrets));
            filled.transpose().map_err(|error| says(error.to_string()))
        };
        let tls = match (secret(&terms.certificate)?, secret(&terms.key)?) {
            (Some(certificate), Some(key)) => Some(server_tls(&certificate, &key).map_err(says)?),
            (None, None) => None,
            _ => return Err(says("`certificate` and `key` go together".to_owned())),
        };
        let scheme = if tls.is_some() { "https" } else { "http" };
        let url = match (&terms.url, &terms.listen) {
            (Some(url), _) => url.trim_end_matches('/').to_owned(),
            (None, Some(listen)) => format!("{scheme}://{listen}"),
            (None, None) => "https://issuer.invalid".to_owned(),
        };
        let first = fresh(algorithm).map_err(says)?;
        let state = Arc::new(State {
            keys: Mutex::new(Keys {
                original: first.clone(),
                published: vec![first.clone()],
                withdrawn: None,
                signing: first,
                mood: Mood::Answers,
                generation: 0,
            }),
            fetches: AtomicU64::new(0),
            url,
            file: terms.file.as_ref().map(PathBuf::from),
        });
        let answering = state.clone();
        let answer = Arc::new(move |asked: &Asked| answering.answer(asked));
        let port = match &terms.listen {
            Some(listen) => Some(Port::open(listen, tls, answer).map_err(says)?),
            None => None,
        };
        let issuer = Self {
            terms: terms.clone(),
            algorithm,
            state,
            _port: port,
        };
        issuer.write().map_err(says)?;
        Ok(issuer)
    }

    /// Under which the target reaches it.
    pub fn url(&self) -> &str {
        &self.state.url
    }

    /// Host and port of the address.
    pub fn host(&self) -> &str {
        let url = self.url();
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        rest.split('/').next().unwrap_or_default()
    }

    /// Changes when another key signs.
    pub fn generation(&self) -> u64 {
        self.state.keys().generation
    }

    /// How often the key set was asked for until now.
    pub fn fetches(&self) -> u64 {
        self.state.fetches.load(Ordering::Relaxed)
    }

    pub fn signing_key(&self) -> Arc<SigningKey> {
        self.state.keys().signing.clone()
    }

    /// The key set as it is published when nothing is amiss.
    pub fn key_set(&self) -> Vec<u8> {
        document(&self.state.keys().published)
    }

    /// Texts that must never be shown: the private members of all keys that there are now.
    pub fn private_texts(&self) -> Vec<String> {
        let keys = self.state.keys();
        let all = keys.published.iter().chain(&keys.withdrawn);
        let all = all.chain([&keys.original, &keys.signing]);
        all.filter_map(|key| match &key.jwk().material {
            KeyMaterial::Private(private) => {
                let members = private.private_jwk_members();
                let public = key.jwk().public_members().unwrap_or_default();
                let own = members
                    .into_iter()
                    .filter(move |(name, _)| !public.contains_key(name));
                Some(own.filter_map(|(_, value)| value.as_str().map(str::to_owned)))
            }
            _ => None,
        })
        .flatten()
        .collect()
    }

    /// A token of `now`, seconds since 1970. Fails with a sentence.
    pub fn issue(
        &self,
        issue: &Issue,
        plan: &Plan,
        secrets: &Secrets,
        now: i64,
    ) -> Result<Issued, String> {
        let usual = self.terms.lifetime_s.unwrap_or(DEFAULT_LIFETIME_S);
        let usual = usual.clamp(-LONGEST_LIFE_S, LONGEST_LIFE_S);
        let life = issue
            .lifetime_s
            .unwrap_or(usual)
            .clamp(-LONGEST_LIFE_S, LONGEST_LIFE_S);
        let issued = if life > 0 { now } else { now + life - usual };
        let bindings = Bindings::new();
        let scope = ClaimScope {
            secrets,
            plan: PlanScope {
                target: &plan.target,
                lists: &plan.lists,
                bindings: &bindings,
            },
            own: BTreeMap::from([
                ("now", json!(now)),
                (
                    "random",
                    json!(format!("{:032x}", rand::rng().random::<u128>())),
                ),
                ("issuer", json!(self.url())),
            ]),
        };
        let mut claims = Map::new();
        claims.insert("iss".to_owned(), json!(self.url()));
        claims.insert("iat".to_owned(), json!(issued));
        claims.insert("exp".to_owned(), json!(now + life));
        for (name, value) in self.terms.claims.iter().chain(&issue.claims) {
            match fill_value(value, &scope).map_err(|error| error.to_string())? {
                Value::Null => drop(claims.remove(name)),
                value => drop(claims.insert(name.clone(), value)),
            }
        }
        let key = self.signing_key();
        let mut header = Map::new();
        header.insert("alg".to_owned(), key.algorithm().name().into());
        header.insert("typ".to_owned(), "JWT".into());
        if let Some(kid) = key.kid() {
            header.insert("kid".to_owned(), kid.into());
        }
        let mut token = String::new();
        for _ in 0..SIGNINGS {
            let octets = mint(&header, &claims, &key).map_err(|error| error.to_string())?;
            token = String::from_utf8(octets).map_err(|_| "a token is ASCII".to_owned())?;
            let signature = token.rsplit('.').next().unwrap_or_default();
            if signature.contains(['-', '_']) {
                break;
            }
        }
        Ok(Issued {
            token,
            life: Duration::from_secs(life.max(0).unsigned_abs()),
        })
    }

    /// Changes what is published, and who signs. Fails with a sentence.
    pub fn rotate(&self, rotation: Rotation) -> Result<(), String> {
        let new = match rotation {
            Rotation::Publish | Rotation::Swap => Some(fresh(self.algorithm)?),
            _ => None,
        };
        self.state.keys().rotate(rotation, new);
        self.write()
    }

    /// Writes the published set to the file, if there is one.
    fn write(&self) -> Result<(), String> {
        let Some(file) = &self.state.file else {
            return Ok(());
        };
        let keys = self.state.keys();
        let document = match keys.mood {
            Mood::Answers => document(&keys.published),
            Mood::Empty => document(&[]),
            Mood::Fails | Mood::Hangs => Vec::new(),
        };
        drop(keys);
        std::fs::write(file, document).map_err(|error| {
            format!(
                "the key set cannot be written to {}: {error}",
                file.display()
            )
        })
    }
}

impl Keys {
    fn rotate(&mut self, rotation: Rotation, new: Option<Arc<SigningKey>>) {
        let before = self.signing.clone();
        match rotation {
            Rotation::Publish => {
                self.published.extend(new.clone());
                self.signing = new.unwrap_or_else(|| before.clone());
            }
            Rotation::Swap => {
                self.withdrawn = Some(before.clone());
                self.signing = new.unwrap_or_else(|| before.clone());
                self.published = vec![self.signing.clone()];
            }
            Rotation::Withdraw => {
                let newest = self.published.pop().unwrap_or_else(|| before.clone());
                let older = self.published.pop();
                self.withdrawn = older.or_else(|| self.withdrawn.take());
                self.published = vec![newest];
            }
            Rotation::SignWithOld => {
                self.signing = self.withdrawn.as_ref().unwrap_or(&self.original).clone();
            }
            Rotation::Fail => self.mood = Mood::Fails,
            Rotation::Empty => self.mood = Mood::Empty,
            Rotation::Hang => self.mood = Mood::Hangs,
            Rotation::Restore => {
                self.signing = self.original.clone();
                self.published = vec![self.original.clone()];
                self.withdrawn = None;
                self.mood = Mood::Answers;
            }
        }
        if !Arc::ptr_eq(&before, &self.signing) {
            self.generation += 1;
        }
    }
}

impl State {
    /// A panic elsewhere leaves the keys whole: they change last.
    fn keys(&self) -> MutexGuard<'_, Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, asked: &Asked) -> Reply {
        let path = asked.target.split('?').next().unwrap_or_default();
        let wanted = |known: &str| path.ends_with(known);
        if METADATA.into_iter().any(wanted) {
            let metadata = json!({
                "issuer": self.url,
                "jwks_uri": format!("{}{KEY_SET}", self.url),
                "response_types_supported": ["none"],
                "subject_types_supported": ["public"],
            });
            return Reply::new(200, "application/json", metadata.to_string());
        }
        if !wanted(KEY_SET) {
            return Reply::new(404, "text/plain", "there is nothing here\n");
        }
        self.fetches.fetch_add(1, Ordering::Relaxed);
        let keys = self.keys();
        let set = |document| Reply::new(200, "application/jwk-set+json", document);
        match keys.mood {
            Mood::Answers => set(document(&keys.published)),
            Mood::Empty => set(document(&[])),
            Mood::Fails => Reply::new(500, "text/plain", "the key set is not to be had\n"),
            Mood::Hangs => Reply {
                after: HANGS_FOR,
                ..Reply::new(503, "text/plain", "")
            },
        }
    }
}

fn fresh(algorithm: Algorithm) -> Result<Arc<SigningKey>, String> {
    SigningKey::generate(algorithm)
        .map(Arc::new)
        .map_err(|error| error.to_string())
}

fn document(keys: &[Arc<SigningKey>]) -> Vec<u8> {
    let keys: Vec<Value> = keys
        .iter()
        .filter_map(|key| key.jwk().public_members().map(Value::Object))
        .collect();
    json!({ "keys": keys }).to_string().into_bytes()
}

/// What claims refer to: `now`, `random`, `issuer`, secrets, and the names of the plan.
struct ClaimScope<'a> {
    secrets: &'a Secrets,
    plan: PlanScope<'a>,
    own: BTreeMap<&'static str, Value>,
}

impl Scope for ClaimScope<'_> {
    fn find(&self, path: &[&str]) -> Option<Found> {
        if let [name] = path
            && let Some(value) = self.own.get(name)
        {
            return Some(Found::Literal(value.clone()));
        }
        self.secrets.find(path).or_else(|| self.plan.find(path))
    }
}

#[cfg(test)]
mod tests;
