//! Sets of keys (RFC 7517 §5).

use serde_json::{Map, Value};

use super::json;
use super::jwk::Jwk;
use super::key_error::KeyError;

/// A key set: the keys that can be used, and why the others cannot.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Jwks {
    pub keys: Vec<Jwk>,
    /// Implementations should pass over what they do not understand (RFC 7517 §5).
    pub unusable: Vec<Unusable>,
}

/// A member of a set that is no key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unusable {
    /// In `keys` of the document.
    pub index: usize,
    /// Its name is taken all the same.
    pub kid: Option<String>,
    pub reason: KeyError,
}

impl Jwks {
    /// Refuses the document as a whole only if it is not an object with an array `keys` of objects.
    pub fn parse(text: &[u8]) -> Result<Self, KeyError> {
        Self::from_members(&json::parse_object(text)?)
    }

    pub fn from_members(document: &Map<String, Value>) -> Result<Self, KeyError> {
        let list = document.get("keys").ok_or(KeyError::Missing("keys"))?;
        let wrong = KeyError::Type {
            name: "keys",
            wanted: "an array of objects",
        };
        let list = list.as_array().ok_or(wrong.clone())?;
        let mut set = Self::default();
        for (index, key) in list.iter().enumerate() {
            let members = key.as_object().ok_or(wrong.clone())?;
            match Jwk::from_members(members) {
                Ok(key) => set.keys.push(key),
                Err(reason) => set.unusable.push(Unusable {
                    index,
                    kid: members
                        .get("kid")
                        .and_then(Value::as_str)
                        .map(str::to_owned),
                    reason,
                }),
            }
        }
        Ok(set)
    }

    /// The keys as they may be published; secrets are left out.
    pub fn public_document(&self) -> Value {
        let keys = self.keys.iter().filter_map(Jwk::public_members);
        serde_json::json!({ "keys": keys.collect::<Vec<_>>() })
    }
}
