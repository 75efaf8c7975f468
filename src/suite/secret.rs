//! Secrets of a target file, by name. Values never leave through `Debug`, `Display` or serde.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use super::template::{Found, Scope};

/// Names to secret values.
#[derive(Clone, Default)]
pub struct Secrets(BTreeMap<String, String>);

impl Secrets {
    pub fn insert(&mut self, name: &str, value: String) {
        self.0.insert(name.to_owned(), value);
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// `secret.NAME`; names may hold dots.
impl Scope for Secrets {
    fn find(&self, path: &[&str]) -> Option<Found> {
        let ["secret", rest @ ..] = path else {
            return None;
        };
        let value = self.get(&rest.join("."))?;
        Some(Found::Literal(Value::String(value.to_owned())))
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
