//! From the text of a proof to its parts (RFC 7515 §5.2, RFC 7519 §7.2).

use serde_json::{Map, Value};

use crate::jose::json::{self, JsonError};
use crate::jose::{StrictJws, TokenError};
use crate::reference::flaw::{Flaw, FlawSet, flaw};
use crate::reference::token::{Parts, first_members};

pub const FLAWS: &[Flaw] = &[
    flaw(
        "dpop-first-duplicate-wins",
        "Lets the first of two members of one name count in a proof.",
        "RFC 7519 §4",
    ),
    flaw(
        "dpop-crit-ignored",
        "Passes over extensions of a proof that it should understand.",
        "RFC 7515 §4.1.11",
    ),
];

/// A proof of which nothing is verified yet.
pub struct Read {
    pub header: Map<String, Value>,
    pub claims: Map<String, Value>,
    /// What the signature is over.
    pub input: Vec<u8>,
    pub signature: Vec<u8>,
}

impl Read {
    pub fn text(&self, name: &str) -> Option<&str> {
        self.header.get(name).and_then(Value::as_str)
    }
}

/// Strictly; no extension is understood (`crit`, `b64`), no name stands twice.
pub fn read(text: &str, flaws: &FlawSet) -> Option<Read> {
    let jws = match StrictJws::parse(text.as_bytes()) {
        Ok(jws) => jws,
        Err(reason) => return forgiven(text, &reason, flaws),
    };
    let header = jws.header().members().clone();
    if (header.contains_key("crit") || header.contains_key("b64"))
        && !flaws.has("dpop-crit-ignored")
    {
        return None;
    }
    Some(Read {
        header,
        claims: object(jws.payload(), flaws)?,
        input: jws.signing_input().to_vec(),
        signature: jws.signature().to_vec(),
    })
}

/// What a flawed reader makes of a text that a strict one refuses for this reason. `typ` and `jwk` of an odd type are
/// read: what they say is refused further on.
fn forgiven(text: &str, reason: &TokenError, flaws: &FlawSet) -> Option<Read> {
    match reason {
        TokenError::Json {
            reason: JsonError::DuplicateMember { .. },
            ..
        } if flaws.has("dpop-first-duplicate-wins") => loose(text, flaws),
        TokenError::Crit { .. } | TokenError::ParameterType { name: "crit", .. }
            if flaws.has("dpop-crit-ignored") =>
        {
            loose(text, flaws)
        }
        TokenError::ParameterType {
            name: "typ" | "jwk",
            ..
        } => loose(text, flaws),
        _ => None,
    }
}

/// Without the rules for header parameters.
fn loose(text: &str, flaws: &FlawSet) -> Option<Read> {
    let parts = Parts::of(text)?;
    Some(Read {
        header: object(&parts.header, flaws)?,
        claims: object(&parts.payload, flaws)?,
        input: parts.input,
        signature: parts.signature,
    })
}

fn object(octets: &[u8], flaws: &FlawSet) -> Option<Map<String, Value>> {
    match json::parse_object(octets) {
        Ok(members) => Some(members),
        Err(JsonError::DuplicateMember { .. }) if flaws.has("dpop-first-duplicate-wins") => {
            first_members(octets)
        }
        Err(_) => None,
    }
}
