//! JSON Web Keys, read strictly (RFC 7517, RFC 7518 §6, RFC 8037 §2).

use serde_json::{Map, Value};

use super::algorithm::Algorithm;
use super::base64url;
use super::der;
use super::json;
use super::key::{Curve, EcPublic, PrivateKey, PublicKey, RsaPublic, Secret};
use super::key_error::{KeyError, Weakness};
use super::{thumbprint, weakness};

/// Members that only a private or symmetric key has (RFC 7518 §6.2.2, §6.3.2, §6.4.1).
pub const PRIVATE_MEMBERS: [&str; 9] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];

/// What a JWK holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyMaterial {
    Public(PublicKey),
    Private(PrivateKey),
    Secret(Secret),
}

/// A key with what its owner says about it. `Debug` shows no private member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jwk {
    pub material: KeyMaterial,
    pub kid: Option<String>,
    /// As written; may name an algorithm that is not for signing, or none at all.
    pub alg: Option<String>,
    /// `use`.
    pub usage: Option<String>,
    pub key_ops: Option<Vec<String>>,
    /// Base64 DER certificates, unverified.
    pub x5c: Vec<String>,
}

impl Jwk {
    /// A key about which nothing is said.
    pub fn bare(material: KeyMaterial) -> Self {
        Self {
            material,
            kid: None,
            alg: None,
            usage: None,
            key_ops: None,
            x5c: Vec::new(),
        }
    }

    /// Reads JSON text with the bounds of [`json`].
    pub fn parse(text: &[u8]) -> Result<Self, KeyError> {
        Self::from_members(&json::parse_object(text)?)
    }

    /// Unknown members are passed over (RFC 7517 §4); known ones must have their types, canonical base64url,
    /// exact lengths, and points on their curve. Size rules are apart: [`Jwk::weaknesses`].
    pub fn from_members(members: &Map<String, Value>) -> Result<Self, KeyError> {
        let members = Members(members);
        let material = match members.text("kty")?.ok_or(KeyError::Missing("kty"))? {
            "EC" => members.ec()?,
            "RSA" => members.rsa()?,
            "OKP" => members.okp()?,
            "oct" => KeyMaterial::Secret(Secret::new(members.octets("k")?)),
            other => return Err(KeyError::UnknownType(other.to_owned())),
        };
        let key = Self {
            material,
            kid: members.text("kid")?.map(str::to_owned),
            alg: members.text("alg")?.map(str::to_owned),
            usage: members.text("use")?.map(str::to_owned),
            key_ops: members.texts("key_ops")?,
            x5c: members.texts("x5c")?.unwrap_or_default(),
        };
        if let (Some(usage), Some(operations)) = (&key.usage, &key.key_ops) {
            let signs = operations.iter().any(|op| op == "sign" || op == "verify");
            if signs != (usage == "sig") {
                return Err(KeyError::UseAgainstOperations);
            }
        }
        Ok(key)
    }

    /// The public half; `None` for a secret.
    pub fn public(&self) -> Option<PublicKey> {
        match &self.material {
            KeyMaterial::Public(key) => Some(key.clone()),
            KeyMaterial::Private(key) => Some(key.public()),
            KeyMaterial::Secret(_) => None,
        }
    }

    /// The JWK as it may be published: required members, then `kid`, `alg`, `use`, `key_ops`, `x5c` where said.
    /// `None` for a secret.
    pub fn public_members(&self) -> Option<Map<String, Value>> {
        let mut members = self.public()?.jwk_members();
        let said = [("kid", &self.kid), ("alg", &self.alg), ("use", &self.usage)];
        for (name, text) in said {
            if let Some(text) = text {
                members.insert(name.into(), text.clone().into());
            }
        }
        if self.key_ops.is_some() {
            // The public half verifies, whatever the private half does.
            members.insert("key_ops".into(), vec!["verify"].into());
        }
        if !self.x5c.is_empty() {
            members.insert("x5c".into(), self.x5c.clone().into());
        }
        Some(members)
    }

    /// RFC 7638 with SHA-256, base64url, 43 characters; `None` for a secret, whose digest is one too.
    pub fn thumbprint(&self) -> Option<String> {
        self.public().map(|key| thumbprint::thumbprint(&key))
    }

    /// Size and form faults for use with `algorithm` (which only matters for secrets).
    pub fn weaknesses(&self, algorithm: Option<Algorithm>) -> Vec<Weakness> {
        match (&self.material, self.public()) {
            (_, Some(PublicKey::Rsa(key))) => weakness::of_rsa(&key),
            (KeyMaterial::Secret(secret), _) => {
                let octets = secret.expose().len();
                let wanted = algorithm.unwrap_or(Algorithm::HS256).hash_octets();
                let short = octets < wanted;
                short
                    .then_some(Weakness::SecretTooShort { octets, wanted })
                    .into_iter()
                    .collect()
            }
            _ => Vec::new(),
        }
    }
}

/// The names of private members in a JWK, sound or not. What a published key must not have.
pub fn private_members(members: &Map<String, Value>) -> Vec<&'static str> {
    let there = PRIVATE_MEMBERS.into_iter();
    there.filter(|name| members.contains_key(*name)).collect()
}

struct Members<'m>(&'m Map<String, Value>);

impl<'m> Members<'m> {
    fn text(&self, name: &'static str) -> Result<Option<&'m str>, KeyError> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(KeyError::Type {
                name,
                wanted: "a string",
            }),
        }
    }

    fn texts(&self, name: &'static str) -> Result<Option<Vec<String>>, KeyError> {
        let wanted = "an array of strings";
        let Some(value) = self.0.get(name) else {
            return Ok(None);
        };
        let list = value.as_array().ok_or(KeyError::Type { name, wanted })?;
        let texts = list.iter().map(|text| text.as_str().map(str::to_owned));
        let texts = texts.collect::<Option<_>>();
        texts.ok_or(KeyError::Type { name, wanted }).map(Some)
    }

    fn octets(&self, name: &'static str) -> Result<Vec<u8>, KeyError> {
        let text = self.text(name)?.ok_or(KeyError::Missing(name))?;
        base64url::decode(text).map_err(|reason| KeyError::Base64 { name, reason })
    }

    fn exact(&self, name: &'static str, wanted: usize) -> Result<Vec<u8>, KeyError> {
        let octets = self.octets(name)?;
        let found = octets.len();
        if found == wanted {
            Ok(octets)
        } else {
            Err(KeyError::Length {
                name,
                found,
                wanted,
            })
        }
    }

    /// Base64urlUInt: as few octets as the number needs.
    fn uint(&self, name: &'static str) -> Result<Vec<u8>, KeyError> {
        let octets = self.octets(name)?;
        match octets.first() {
            None => Err(KeyError::Length {
                name,
                found: 0,
                wanted: 1,
            }),
            Some(0) => Err(KeyError::LeadingZeros(name)),
            Some(_) => Ok(octets),
        }
    }

    fn ec(&self) -> Result<KeyMaterial, KeyError> {
        let name = self.text("crv")?.ok_or(KeyError::Missing("crv"))?;
        let curve = Curve::of_name(name).ok_or_else(|| KeyError::UnknownCurve(name.to_owned()))?;
        let point = [
            vec![4],
            self.exact("x", curve.octets())?,
            self.exact("y", curve.octets())?,
        ];
        let public = EcPublic::new(curve, &point.concat())?;
        if !self.0.contains_key("d") {
            return Ok(KeyMaterial::Public(PublicKey::Ec(public)));
        }
        let d = Secret::new(self.exact("d", curve.octets())?);
        Ok(KeyMaterial::Private(PrivateKey::Ec { public, d }))
    }

    fn okp(&self) -> Result<KeyMaterial, KeyError> {
        match self.text("crv")?.ok_or(KeyError::Missing("crv"))? {
            "Ed25519" => {}
            other => return Err(KeyError::UnknownCurve(other.to_owned())),
        }
        let public = self.exact("x", 32)?.try_into().expect("32 octets");
        if !self.0.contains_key("d") {
            return Ok(KeyMaterial::Public(PublicKey::Ed25519(public)));
        }
        let seed = Secret::new(self.exact("d", 32)?);
        Ok(KeyMaterial::Private(PrivateKey::Ed25519 { public, seed }))
    }

    fn rsa(&self) -> Result<KeyMaterial, KeyError> {
        let public = RsaPublic::new(self.uint("n")?, self.uint("e")?)?;
        if self.0.contains_key("oth") {
            return Err(KeyError::MultiPrime);
        }
        if !self.0.contains_key("d") {
            return Ok(KeyMaterial::Public(PublicKey::Rsa(public)));
        }
        let mut numbers = vec![der::uint(&[]), der::uint(public.n()), der::uint(public.e())];
        for name in ["d", "p", "q", "dp", "dq", "qi"] {
            numbers.push(der::uint(&self.uint(name)?));
        }
        let numbers: Vec<&[u8]> = numbers.iter().map(Vec::as_slice).collect();
        if numbers.iter().map(|number| number.len()).sum::<usize>() > 0xf000 {
            return Err(KeyError::Inconsistent);
        }
        let pkcs1 = Secret::new(der::element(der::SEQUENCE, &numbers));
        Ok(KeyMaterial::Private(PrivateKey::Rsa { public, pkcs1 }))
    }
}
