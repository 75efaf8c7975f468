//! What a forger has: a valid token or the power to make one, what the target publishes, and keys of its own.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Mutex, OnceLock, PoisonError};

use serde_json::{Map, Value, json};

use super::certificate;
use super::forge::Unforgeable;
use super::needs::Need;
use crate::jose::{
    Algorithm, Jwk, Jwks, KeyError, KeyMaterial, KeyType, SigningKey, StrictJws, TokenError,
    base64url, json, mint_texts,
};

/// A valid token's contents, and whatever else is known about the target.
pub struct Material<'a> {
    pub(super) header: Vec<u8>,
    pub(super) claims: Vec<u8>,
    signature: Option<Vec<u8>>,
    another: Option<Vec<u8>>,
    pub(super) issuer: Option<&'a SigningKey>,
    pub(super) target: Option<&'a TargetKey>,
    pub(super) strangers: &'a Strangers,
    throw_away: bool,
    /// That of the valid token.
    pub(super) algorithm: Option<Algorithm>,
    parsed: OnceCell<(Map<String, Value>, Map<String, Value>)>,
}

impl<'a> Material<'a> {
    /// From a token that the target accepts. Its signature is not checked here.
    pub fn captured(token: &[u8], strangers: &'a Strangers) -> Result<Self, TokenError> {
        let token = StrictJws::parse(token)?;
        Ok(Self {
            header: token.header_text().into_bytes(),
            claims: token.payload().to_vec(),
            signature: Some(token.signature().to_vec()),
            another: None,
            issuer: None,
            target: None,
            strangers,
            throw_away: false,
            algorithm: Algorithm::of_name(token.header().alg()),
            parsed: OnceCell::new(),
        })
    }

    /// From contents that the target would accept if `issuer` signed them. Puts `alg` in front if the header has
    /// none.
    pub fn minted(
        header: &Map<String, Value>,
        claims: &Map<String, Value>,
        issuer: &'a SigningKey,
        strangers: &'a Strangers,
    ) -> Self {
        let named = header.get("alg").and_then(Value::as_str);
        let algorithm = named
            .and_then(Algorithm::of_name)
            .unwrap_or(issuer.algorithm());
        let mut full = Map::new();
        full.insert("alg".to_owned(), algorithm.name().into());
        full.extend(header.clone());
        Self {
            header: Value::Object(full).to_string().into_bytes(),
            claims: Value::Object(claims.clone()).to_string().into_bytes(),
            signature: None,
            another: None,
            issuer: Some(issuer),
            target: None,
            strangers,
            throw_away: false,
            algorithm: Some(algorithm),
            parsed: OnceCell::new(),
        }
    }

    pub fn with_issuer(mut self, issuer: &'a SigningKey) -> Self {
        self.issuer = Some(issuer);
        self
    }

    pub fn with_target(mut self, target: &'a TargetKey) -> Self {
        self.target = Some(target);
        self
    }

    /// Says that the signing key is of no worth after this run, as the key of a DPoP proof is, so that forgeries
    /// may give it away (`own.private_jwk`). Never for a key that a target trusts.
    pub fn with_throw_away_key(mut self) -> Self {
        self.throw_away = true;
        self
    }

    /// Another token that the target accepts, of any subject, for its signature.
    pub fn with_another(mut self, token: &[u8]) -> Result<Self, TokenError> {
        self.another = Some(StrictJws::parse(token)?.signature().to_vec());
        Ok(self)
    }

    /// The valid token: the captured one, else a newly made one.
    pub fn token(&self) -> Result<Vec<u8>, Unforgeable> {
        match (&self.signature, self.issuer) {
            (Some(signature), _) => {
                Ok(crate::jose::Compact::signed(&self.header, &self.claims, signature).to_bytes())
            }
            (None, Some(issuer)) => {
                let algorithm = self.algorithm.unwrap_or(issuer.algorithm());
                Ok(mint_texts(&self.header, &self.claims, issuer, algorithm)?)
            }
            (None, None) => Err(Unforgeable::Needs(Need::Token)),
        }
    }

    /// The signature of [`Material::token`].
    pub(super) fn signature(&self) -> Result<Vec<u8>, Unforgeable> {
        if let Some(signature) = &self.signature {
            return Ok(signature.clone());
        }
        let token = self.token()?;
        let at = token
            .iter()
            .rposition(|&octet| octet == b'.')
            .map_or(0, |at| at + 1);
        Ok(base64url::decode(&token[at..]).expect("we have just encoded it"))
    }

    pub(super) fn another(&self) -> Result<Vec<u8>, Unforgeable> {
        if let Some(signature) = &self.another {
            return Ok(signature.clone());
        }
        let issuer = self.issuer.ok_or(Unforgeable::Needs(Need::AnotherToken))?;
        let algorithm = self.algorithm.unwrap_or(issuer.algorithm());
        Ok(issuer.sign(algorithm, b"another token")?)
    }

    /// Values of placeholders; `stranger` is the algorithm whose stranger is meant.
    pub(super) fn value(&self, name: &str, stranger: Algorithm) -> Option<Value> {
        let (subject, name) = name.split_once('.')?;
        match subject {
            "header" | "claims" => {
                let parse = |text: &[u8]| json::parse_object(text).unwrap_or_default();
                let (header, claims) = self
                    .parsed
                    .get_or_init(|| (parse(&self.header), parse(&self.claims)));
                let members = if subject == "header" { header } else { claims };
                // A member of a member, where no member has the name with its dots.
                members.get(name).cloned().or_else(|| {
                    let (outer, inner) = name.split_once('.')?;
                    members.get(outer)?.get(inner).cloned()
                })
            }
            "stranger" => self.strangers.value(name, stranger, self.target),
            "target" => self.target?.value(name),
            "own" => match (name, &self.issuer?.jwk().material) {
                ("private_jwk", KeyMaterial::Private(key)) if self.throw_away => {
                    Some(key.private_jwk_members().into())
                }
                _ => None,
            },
            _ => None,
        }
    }
}

/// The public key that the target verifies with, as it is published.
#[derive(Debug, Clone)]
pub struct TargetKey {
    pub jwk: Jwk,
    /// The text of the JWK in the published set.
    pub published: Option<String>,
    /// The key set document.
    pub document: Option<Vec<u8>>,
    /// DER; the first of `x5c` unless set otherwise.
    pub certificate: Option<Vec<u8>>,
}

impl TargetKey {
    pub fn new(jwk: Jwk) -> Self {
        use base64::Engine as _;
        let first = jwk.x5c.first();
        let engine = base64::engine::general_purpose::STANDARD;
        Self {
            certificate: first.and_then(|text| engine.decode(text).ok()),
            jwk,
            published: None,
            document: None,
        }
    }

    /// The key of a published set that has this `kid`; without `kid`, the first that has a public half.
    pub fn of_set(document: &[u8], kid: Option<&str>) -> Result<Option<Self>, KeyError> {
        let set = Jwks::parse(document)?;
        let fits = |key: &Jwk| match kid {
            Some(kid) => key.kid.as_deref() == Some(kid),
            None => true,
        };
        let found = set
            .keys
            .into_iter()
            .find(|key| key.public().is_some() && fits(key));
        Ok(found.map(|jwk| Self {
            published: published(document, &jwk),
            document: Some(document.to_vec()),
            ..Self::new(jwk)
        }))
    }

    /// The published members, else those that we would publish.
    pub(super) fn members(&self) -> Option<Map<String, Value>> {
        let text = self.published.as_ref();
        let parsed = text.and_then(|text| json::parse_object(text.as_bytes()).ok());
        parsed.or_else(|| self.jwk.public_members())
    }

    fn value(&self, name: &str) -> Option<Value> {
        match name {
            "jwk" => self.members().map(Value::Object),
            "jwks" => Some(json!({ "keys": [self.members()?] })),
            "kid" => self.jwk.kid.clone().map(Value::String),
            _ => certificate::value(name, self.certificate.as_deref()?),
        }
    }
}

/// The exact text of a key in a set.
fn published(document: &[u8], wanted: &Jwk) -> Option<String> {
    let text = std::str::from_utf8(document).ok()?;
    let members = json::members(text).ok()?;
    let keys = members.iter().find(|member| member.name == "keys")?;
    let list = &text[keys.value_span.clone()];
    let texts = json::elements(list).ok()?;
    let mut texts = texts.into_iter().map(|span| &list[span]);
    texts
        .find(|text| Jwk::parse(text.as_bytes()).as_ref() == Ok(wanted))
        .map(str::to_owned)
}

/// Keys that no target has ever seen, one for each algorithm (RSA keys serve all that are RSA), made when first
/// asked for.
#[derive(Debug, Default)]
pub struct Strangers {
    keys: [OnceLock<SigningKey>; Algorithm::ALL.len()],
    /// By key and common name: `x5c` and `x5t` of one token must be of one certificate.
    certificates: Mutex<Certificates>,
}

type Certificates = BTreeMap<(Algorithm, Option<String>), Vec<u8>>;

impl Strangers {
    pub fn new() -> Self {
        Self::default()
    }

    /// Uses this key for its own algorithm instead of a fresh one.
    pub fn with(mut self, key: SigningKey) -> Self {
        let slot = index(key.algorithm());
        self.keys[slot] = OnceLock::from(key);
        self
    }

    pub fn key(&self, algorithm: Algorithm) -> Result<&SigningKey, Unforgeable> {
        let slot = &self.keys[index(algorithm)];
        if slot.get().is_none() {
            let fresh = SigningKey::generate(algorithm).map_err(Unforgeable::Key)?;
            // Whoever was first wins; both keys are as good.
            let _ = slot.set(fresh);
        }
        Ok(slot.get().expect("set above"))
    }

    /// The public keys that were made until now, as a key set.
    pub fn key_set(&self) -> Value {
        let made = self.keys.iter().filter_map(OnceLock::get);
        let public = made.filter_map(|key| key.jwk().public_members().map(Value::Object));
        json!({ "keys": public.collect::<Vec<_>>() })
    }

    /// A self-signed certificate of each of them that can have one, in PEM.
    pub fn chain_pem(&self) -> String {
        use base64::Engine as _;
        let made = self.keys.iter().filter_map(OnceLock::get);
        made.filter_map(|key| certificate::self_signed(key, None))
            .map(|der| {
                let text = base64::engine::general_purpose::STANDARD.encode(der);
                let lines: Vec<&str> = text
                    .as_bytes()
                    .chunks(64)
                    .map(|line| std::str::from_utf8(line).unwrap_or_default())
                    .collect();
                format!(
                    "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
                    lines.join("\n")
                )
            })
            .collect()
    }

    fn value(&self, name: &str, algorithm: Algorithm, target: Option<&TargetKey>) -> Option<Value> {
        let key = self.key(algorithm).ok()?;
        let public = || match &key.jwk().material {
            KeyMaterial::Secret(secret) => {
                Some(json!({"kty": "oct", "k": base64url::encode(secret.expose())}))
            }
            _ => key.jwk().public_members().map(|mut members| {
                members.insert("alg".to_owned(), algorithm.name().into());
                Value::Object(members)
            }),
        };
        match name {
            "jwk" => public(),
            "jwks" => Some(json!({ "keys": [public()?] })),
            "kid" => key.kid().map(Value::from),
            "private_jwk" => match &key.jwk().material {
                KeyMaterial::Private(private) => Some(private.private_jwk_members().into()),
                _ => public(),
            },
            _ => {
                let real = target.and_then(|target| target.certificate.as_deref());
                let like = real.and_then(certificate::common_name);
                let certificates = self.certificates.lock();
                let mut certificates = certificates.unwrap_or_else(PoisonError::into_inner);
                let der = match certificates.entry((algorithm, like)) {
                    Entry::Occupied(made) => made.into_mut(),
                    Entry::Vacant(slot) => {
                        let made = certificate::self_signed(key, slot.key().1.as_deref())?;
                        slot.insert(made)
                    }
                };
                certificate::value(name, der)
            }
        }
    }
}

fn index(algorithm: Algorithm) -> usize {
    let shared = match algorithm.key_type() {
        KeyType::Rsa => Algorithm::RS256,
        _ => algorithm,
    };
    let mut all = Algorithm::ALL.iter();
    all.position(|one| *one == shared)
        .expect("ALL has every one")
}
