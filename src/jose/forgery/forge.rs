//! From a forgery to the octets of a token.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::encode;
use super::material::Material;
use super::model::{Encode, Forgery, HmacKey, Patch, Payload, Signer};
use super::needs::Need;
use super::patch;
use super::signature;
use super::spelling::spell;
use super::template::{Env, Resolver, TemplateError};
use super::wrap;
use crate::jose::json::{self, JsonError};
use crate::jose::{
    Algorithm, Curve, KeyError, KeyType, Part, SignError, SigningKey, base64url, sign_onto,
};

/// Why a forgery cannot be made from this material. Not a finding: the check that wanted it is skipped.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Unforgeable {
    #[error("{0} is needed and not there")]
    Needs(Need),
    #[error("the {part} has no member `{name}` to change")]
    NoMember { part: Part, name: String },
    #[error("the {part} is no JSON object that could be changed: {reason}")]
    Json { part: Part, reason: JsonError },
    #[error("the {part} is not text that could be changed")]
    NotText { part: Part },
    #[error("nothing to change: {0}")]
    NothingToChange(&'static str),
    #[error("what is declared is longer than its bound")]
    TooLong,
    #[error("`{0}` is not hexadecimal")]
    Hex(String),
    #[error("`{0}` is no signature algorithm")]
    UnknownAlgorithm(String),
    #[error(transparent)]
    Template(#[from] TemplateError),
    #[error(transparent)]
    Sign(#[from] SignError),
    #[error("no attacker key could be made: {0}")]
    Key(KeyError),
    #[error("the encryption failed")]
    Encryption,
}

/// Makes the token. It differs from [`Material::token`] in what `forgery` names only.
pub fn forge(
    forgery: &Forgery,
    material: &Material<'_>,
    env: &Env,
) -> Result<Vec<u8>, Unforgeable> {
    let stranger = stranger_algorithm(forgery, material)?;
    let resolver = Resolver {
        env,
        material: &|name| material.value(name, stranger),
    };
    let header = patched(&forgery.header, Part::Header, &material.header, &resolver)?;
    let claims = patched(&forgery.claims, Part::Payload, &material.claims, &resolver)?;

    let mut token = Vec::with_capacity((header.len() + claims.len()) * 4 / 3 + 700);
    base64url::encode_into(&header, &mut token);
    token.push(b'.');
    match &forgery.payload {
        None => base64url::encode_into(&claims, &mut token),
        Some(Payload::Unencoded) => token.extend_from_slice(&claims),
        Some(Payload::Empty) => {}
        Some(Payload::Token(inner)) => {
            base64url::encode_into(&forge(inner, material, env)?, &mut token);
        }
        Some(Payload::Text(text)) => {
            base64url::encode_into(patch::text(text, &resolver)?.as_bytes(), &mut token);
        }
    }

    for step in &forgery.input {
        token = written(token, step, material, &resolver)?;
    }

    let unchanged = matches!((&header, &claims), (Cow::Borrowed(_), Cow::Borrowed(_)))
        || (*header == *material.header && *claims == *material.claims);
    let sign = Sign {
        material,
        resolver: &resolver,
        named: match header {
            Cow::Borrowed(_) => material.algorithm,
            Cow::Owned(_) => named_algorithm(&header),
        },
        stranger,
    };
    let signer = forgery.sign.as_ref().unwrap_or(&Signer::Issuer);
    if unchanged
        && forgery.payload.is_none()
        && [&forgery.input, &forgery.encode]
            .iter()
            .all(|steps| steps.is_empty())
        && forgery.signature.is_empty()
        && sign.as_the_valid_token(signer)?
    {
        return Err(Unforgeable::NothingToChange("the valid token is like that"));
    }
    if forgery.signature.is_empty()
        && let Some((key, algorithm)) = sign.key(signer)?
    {
        sign_onto(&mut token, key, algorithm)?;
    } else {
        let mut octets = match sign.key(signer)? {
            Some((key, algorithm)) => key.sign(algorithm, &token)?,
            None => sign.octets(signer, &token)?,
        };
        for edit in &forgery.signature {
            signature::edit(&mut octets, edit, sign.curve())?;
        }
        token.push(b'.');
        base64url::encode_into(&octets, &mut token);
    }

    for step in &forgery.encode {
        token = written(token, step, material, &resolver)?;
    }
    Ok(token)
}

/// The claims that the forged token would have, for an issuer that signs what it is given.
/// [`Unforgeable::NothingToChange`] where they are those of the valid token.
pub fn forged_claims(
    forgery: &Forgery,
    material: &Material<'_>,
    env: &Env,
) -> Result<Map<String, Value>, Unforgeable> {
    let stranger = stranger_algorithm(forgery, material)?;
    let resolver = Resolver {
        env,
        material: &|name| material.value(name, stranger),
    };
    let object = |text: &[u8]| {
        json::parse_object(text).map_err(|reason| Unforgeable::Json {
            part: Part::Payload,
            reason,
        })
    };
    let changed = object(&patched(
        &forgery.claims,
        Part::Payload,
        &material.claims,
        &resolver,
    )?)?;
    if changed == object(&material.claims)? {
        return Err(Unforgeable::NothingToChange("the valid token is like that"));
    }
    Ok(changed)
}

fn written(
    token: Vec<u8>,
    step: &Encode,
    material: &Material<'_>,
    resolver: &Resolver<'_>,
) -> Result<Vec<u8>, Unforgeable> {
    match step {
        Encode::Jwe(jwe) => wrap::wrap(token, jwe, material, resolver),
        step => encode::apply(token, step),
    }
}

fn patched<'t>(
    patch: &Patch,
    part: Part,
    text: &'t [u8],
    resolver: &Resolver<'_>,
) -> Result<Cow<'t, [u8]>, Unforgeable> {
    if patch.is_empty() {
        return Ok(Cow::Borrowed(text));
    }
    patch::apply(patch, part, text, resolver).map(Cow::Owned)
}

/// The last `alg` of a header, if it names an algorithm.
fn named_algorithm(header: &[u8]) -> Option<Algorithm> {
    let text = std::str::from_utf8(header).ok()?;
    let members = json::members(text).ok()?;
    let alg = members.iter().rev().find(|member| member.name == "alg")?;
    let value: Value = serde_json::from_str(&text[alg.value_span.clone()]).ok()?;
    Algorithm::of_name(value.as_str()?)
}

/// Which stranger's key is meant, both for signing and for placeholders: said, else named by the header that is
/// declared, else that of the valid token.
fn stranger_algorithm(
    forgery: &Forgery,
    material: &Material<'_>,
) -> Result<Algorithm, Unforgeable> {
    if let Some(Signer::StrangerAs(name)) = &forgery.sign {
        return algorithm(name);
    }
    let declared = forgery.header.set.get("alg").and_then(Value::as_str);
    let declared = declared.and_then(Algorithm::of_name);
    Ok(declared.or(material.algorithm).unwrap_or(Algorithm::ES256))
}

fn algorithm(name: &str) -> Result<Algorithm, Unforgeable> {
    Algorithm::of_name(name).ok_or_else(|| Unforgeable::UnknownAlgorithm(name.to_owned()))
}

struct Sign<'f> {
    material: &'f Material<'f>,
    resolver: &'f Resolver<'f>,
    /// By the changed header.
    named: Option<Algorithm>,
    stranger: Algorithm,
}

impl<'f> Sign<'f> {
    /// For signers that have a key.
    fn key(&self, signer: &Signer) -> Result<Option<(&'f SigningKey, Algorithm)>, Unforgeable> {
        let issuer = || {
            let issuer = self.material.issuer;
            issuer.ok_or(Unforgeable::Needs(Need::MintingKey))
        };
        Ok(match signer {
            Signer::Issuer => {
                let key = issuer()?;
                let named = self.named.filter(|algorithm| key.can(*algorithm));
                let usual = self
                    .material
                    .algorithm
                    .filter(|algorithm| key.can(*algorithm));
                Some((key, named.or(usual).unwrap_or(key.algorithm())))
            }
            Signer::IssuerAs(name) => Some((issuer()?, algorithm(name)?)),
            Signer::Stranger | Signer::StrangerAs(_) => {
                let key = self.material.strangers.key(self.stranger)?;
                Some((key, self.stranger))
            }
            _ => None,
        })
    }

    /// Whether the signature will be one that the target ought to accept.
    fn as_the_valid_token(&self, signer: &Signer) -> Result<bool, Unforgeable> {
        Ok(match signer {
            Signer::Keep => true,
            Signer::Issuer | Signer::IssuerAs(_) => {
                let key = self.key(signer)?;
                key.map(|(_, algorithm)| algorithm) == self.material.algorithm
            }
            _ => false,
        })
    }

    /// For those that have none.
    fn octets(&self, signer: &Signer, input: &[u8]) -> Result<Vec<u8>, Unforgeable> {
        match signer {
            Signer::Keep => self.material.signature(),
            Signer::Another => self.material.another(),
            Signer::Random => {
                let mut octets = self.material.signature()?;
                aws_lc_rs::rand::fill(&mut octets).map_err(|_| Unforgeable::Encryption)?;
                Ok(octets)
            }
            Signer::Hmac { key } => {
                let algorithm = self.named.filter(|a| a.key_type() == KeyType::Secret);
                let algorithm = algorithm.unwrap_or(Algorithm::HS256);
                let key = SigningKey::secret(self.hmac_key(key)?, algorithm);
                Ok(key.sign(algorithm, input)?)
            }
            Signer::Degenerate { r, s } => {
                let curve = self.curve().ok_or(Unforgeable::Needs(Need::EcdsaKey))?;
                Ok(signature::degenerate(curve, *r, *s))
            }
            _ => Ok(Vec::new()),
        }
    }

    fn hmac_key(&self, key: &HmacKey) -> Result<Vec<u8>, Unforgeable> {
        match key {
            HmacKey::Text(text) => Ok(self.resolver.text(text)?.into_bytes()),
            HmacKey::Hex(hex) => patch::unhex(hex),
            HmacKey::PublicKey(spelling) => {
                let spelt = self.material.target.and_then(|key| spell(key, *spelling));
                spelt.ok_or(Unforgeable::Needs(Need::of(*spelling)))
            }
        }
    }

    /// Of the valid token.
    fn curve(&self) -> Option<Curve> {
        match self.material.algorithm?.key_type() {
            KeyType::Ec(curve) => Some(curve),
            _ => None,
        }
    }
}
