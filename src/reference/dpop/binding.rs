//! Access tokens bound to a key, and the scheme that they come by (RFC 9449 §6.1, §7.1, §7.2).

use serde_json::{Value, json};

use super::Proof;
use crate::reference::edge::credentials::{self, Presented};
use crate::reference::flaw::{Flaw, FlawSet, flaw};
use crate::reference::http::Request;

pub const FLAWS: &[Flaw] = &[
    flaw(
        "dpop-key-uncompared",
        "Takes a bound token with a proof by any key.",
        "RFC 9449 §4.3 item 12",
    ),
    flaw(
        "dpop-thumbprint-of-key-as-received",
        "Hashes the key of a proof as it is spelt, to compare it with that of the token.",
        "RFC 7638 §3",
    ),
    flaw(
        "dpop-jkt-compared-by-beginning",
        "Compares no more characters of jkt than there are.",
        "RFC 9449 §6.1",
    ),
    flaw(
        "dpop-jkt-case-ignored",
        "Compares jkt without regard to case.",
        "RFC 9449 §6.1",
    ),
    flaw(
        "dpop-jkt-searched-in-list",
        "Takes a list with the thumbprint in it for the thumbprint.",
        "RFC 9449 §6.1",
    ),
    flaw(
        "dpop-jkt-optional",
        "Takes a token whose cnf names no key for one that is bound to any.",
        "RFC 9449 §6.1",
    ),
    flaw(
        "dpop-first-authorization-read",
        "Takes the first of two Authorization lines for the only one.",
        "RFC 6750 §2",
    ),
    flaw(
        "dpop-proxy-authorization-read",
        "Takes a token from Proxy-Authorization, too.",
        "RFC 9449 §7.1",
    ),
];

/// `cnf` of a token that is bound to this key.
pub fn cnf(thumbprint: &str) -> Value {
    json!({ "jkt": thumbprint })
}

/// RFC 9449 §4.3 item 12.
pub fn fits(cnf: &Value, proof: &Proof, flaws: &FlawSet) -> bool {
    let own = proof.thumbprint.as_str();
    // Most clients spell their key the canonical way, and nothing of it shows.
    if proof.as_received != own && flaws.has("dpop-thumbprint-of-key-as-received") {
        return cnf["jkt"] == proof.as_received.as_str();
    }
    match &cnf["jkt"] {
        Value::String(jkt) => {
            jkt == own
                || (own.starts_with(jkt.as_str()) && flaws.has("dpop-jkt-compared-by-beginning"))
                || (jkt.eq_ignore_ascii_case(own) && flaws.has("dpop-jkt-case-ignored"))
                || (jkt.len() == own.len() && flaws.has("dpop-key-uncompared"))
        }
        Value::Array(list) => {
            list.iter().any(|one| one == own) && flaws.has("dpop-jkt-searched-in-list")
        }
        Value::Null => flaws.has("dpop-jkt-optional"),
        _ => false,
    }
}

/// How a token is presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    Bearer,
    Dpop,
}

impl Scheme {
    pub fn name(self) -> &'static str {
        match self {
            Scheme::Bearer => "Bearer",
            Scheme::Dpop => "DPoP",
        }
    }
}

/// The token of a request and the scheme that it came by.
pub fn presented(request: &Request, flaws: &FlawSet) -> (Scheme, Presented) {
    let mut name = "authorization";
    if !request.fields.has(name)
        && request.fields.has("proxy-authorization")
        && flaws.has("dpop-proxy-authorization-read")
    {
        name = "proxy-authorization";
    }
    let lines: Vec<&[u8]> = request.fields.all(name).collect();
    if let [first, _, ..] = lines.as_slice()
        && let Some(token) = after_scheme(first)
        && flaws.has("dpop-first-authorization-read")
    {
        return (Scheme::Dpop, Presented::Bearer(token.to_owned()));
    }
    match lines.last().and_then(|line| after_scheme(line)) {
        None => (Scheme::Bearer, credentials::bearer(request, flaws)),
        Some(token) => (Scheme::Dpop, credentials::sole(request, name, token, flaws)),
    }
}

/// What stands after the DPoP scheme; `None` under any other.
fn after_scheme(line: &[u8]) -> Option<&str> {
    let line = std::str::from_utf8(line).ok()?;
    let (scheme, token) = line.split_once(' ').unwrap_or((line, ""));
    scheme
        .eq_ignore_ascii_case(Scheme::Dpop.name())
        .then(|| token.trim_matches(' '))
}

/// The token alone, whatever it is good for.
pub fn token(request: &Request, flaws: &FlawSet) -> Option<String> {
    match presented(request, flaws) {
        (_, Presented::Bearer(token)) => Some(token),
        _ => None,
    }
}
