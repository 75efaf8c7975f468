//! JOSE headers whose registered parameters have the types that the RFCs give them.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::error::{CritFault, Part, TokenError};
use super::json;

/// Parameters of RFC 7515 §4.1, RFC 7516 §4.1 and RFC 7518 §4: those that `crit` must not name.
const REGISTERED: &[&str] = &[
    "alg", "enc", "zip", "jku", "jwk", "kid", "x5u", "x5c", "x5t", "x5t#S256", "typ", "cty",
    "crit", "epk", "apu", "apv", "iv", "tag", "p2s", "p2c",
];

/// A strictly read JOSE header. `alg` is there and a string, and so on for each registered parameter that
/// is there; `crit`, if there, keeps the rules of RFC 7515 §4.1.11.
#[derive(Debug, Clone, PartialEq)]
pub struct Header {
    members: Map<String, Value>,
}

impl Header {
    /// Refuses with [`TokenError::Json`], [`TokenError::MissingParameter`], [`TokenError::ParameterType`] or
    /// [`TokenError::Crit`].
    pub fn parse(text: &[u8]) -> Result<Self, TokenError> {
        let members = json::parse_object(text).map_err(|reason| TokenError::Json {
            part: Part::Header,
            reason,
        })?;
        if !members.contains_key("alg") {
            return Err(TokenError::MissingParameter { name: "alg" });
        }
        for name in [
            "alg", "enc", "zip", "typ", "cty", "kid", "jku", "x5u", "x5t", "x5t#S256",
        ] {
            typed(&members, name, "a string", Value::is_string)?;
        }
        typed(&members, "b64", "a boolean", Value::is_boolean)?;
        for name in ["jwk", "epk"] {
            typed(&members, name, "an object", Value::is_object)?;
        }
        for name in ["x5c", "crit"] {
            typed(
                &members,
                name,
                "an array of strings",
                |value| matches!(value, Value::Array(list) if list.iter().all(Value::is_string)),
            )?;
        }
        let header = Self { members };
        header.check_crit()?;
        Ok(header)
    }

    fn check_crit(&self) -> Result<(), TokenError> {
        let mut seen = HashSet::new();
        let fault = if self.members.contains_key("crit") && self.crit().next().is_none() {
            Some(CritFault::Empty)
        } else {
            self.crit().find_map(|name| {
                if !seen.insert(name) {
                    Some(CritFault::Twice(name.to_owned()))
                } else if REGISTERED.contains(&name) {
                    Some(CritFault::Registered(name.to_owned()))
                } else if !self.members.contains_key(name) {
                    Some(CritFault::Absent(name.to_owned()))
                } else {
                    None
                }
            })
        };
        fault.map_or(Ok(()), |fault| Err(TokenError::Crit { fault }))
    }

    /// All members in order.
    pub fn members(&self) -> &Map<String, Value> {
        &self.members
    }

    pub fn alg(&self) -> &str {
        self.text("alg").expect("checked when read")
    }

    pub fn kid(&self) -> Option<&str> {
        self.text("kid")
    }

    pub fn typ(&self) -> Option<&str> {
        self.text("typ")
    }

    /// Names of the extensions that the recipient has to understand.
    pub fn crit(&self) -> impl Iterator<Item = &str> {
        let list = self.members.get("crit").and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str)
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.members.get(name).and_then(Value::as_str)
    }
}

fn typed(
    members: &Map<String, Value>,
    name: &'static str,
    wanted: &'static str,
    is: impl Fn(&Value) -> bool,
) -> Result<(), TokenError> {
    match members.get(name) {
        Some(value) if !is(value) => Err(TokenError::ParameterType { name, wanted }),
        _ => Ok(()),
    }
}
