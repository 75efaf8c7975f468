//! Claims: who made the token, for whom, about whom, and from when to when (RFC 7519 §4.1).

use std::sync::PoisonError;

use serde_json::{Map, Value};

use super::{Issuer, LEEWAY, now, read};
use crate::reference::flaw::{Flaw, FlawSet, flaw};

pub const FLAWS: &[Flaw] = &[
    flaw(
        "expired-token-accepted",
        "Takes tokens that ran out.",
        "RFC 7519 §4.1.4",
    ),
    flaw(
        "leeway-of-an-hour",
        "Takes tokens for another hour after their end.",
        "RFC 7519 §4.1.4",
    ),
    flaw(
        "exp-optional",
        "Takes tokens that have no end.",
        "RFC 9068 §4",
    ),
    flaw(
        "exp-coerced",
        "Makes a number of an end that is none, or takes it for no end.",
        "RFC 7519 §2",
    ),
    flaw(
        "nbf-ignored",
        "Takes tokens before their time.",
        "RFC 7519 §4.1.5",
    ),
    flaw(
        "nbf-of-odd-type-skipped",
        "Passes over a beginning that is no number.",
        "RFC 7519 §4.1.5",
    ),
    flaw(
        "iat-ignored",
        "Takes tokens that were issued later than now.",
        "RFC 7519 §4.1.6",
    ),
    flaw(
        "token-life-unchecked",
        "Takes tokens whose life is longer than it allows.",
        "contract",
    ),
    flaw(
        "issuer-unchecked",
        "Takes tokens of its key whatever issuer they name.",
        "RFC 8725 §3.8",
    ),
    flaw(
        "issuer-compared-by-beginning",
        "Takes issuers whose name begins like the trusted one.",
        "RFC 8725 §3.8",
    ),
    flaw(
        "audience-unchecked",
        "Takes tokens that are for somebody else.",
        "RFC 8725 §3.9",
    ),
    flaw(
        "audience-searched-in-text",
        "Takes audiences that contain its own name.",
        "RFC 8725 §3.9",
    ),
    flaw(
        "audience-list-refused",
        "Refuses tokens that are for others, too.",
        "RFC 7519 §4.1.3",
    ),
    flaw(
        "unknown-subject-accepted",
        "Takes tokens of subjects that it does not know, for the first one that it does.",
        "RFC 8725 §3.8",
    ),
    flaw(
        "subject-normalised",
        "Compares subjects after compatibility normalisation and up to NUL.",
        "RFC 7515 §10.13",
    ),
    flaw(
        "claim-names-folded",
        "Takes any spelling of a claim's name for the name.",
        "RFC 7519 §4",
    ),
];

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    pub sub: String,
    pub jti: String,
    /// What `name` says.
    pub name: String,
    /// The tenant that the subject belongs to.
    pub tenant: String,
    pub role: String,
    /// What the token is bound to (RFC 7800 §3), if it is.
    pub cnf: Option<Value>,
}

pub fn judge(issuer: &Issuer, payload: &[u8], flaws: &FlawSet) -> Option<Claims> {
    let mut claims = read::object(payload, flaws)?;
    if let Some(other) = folded(&claims)
        && flaws.has("claim-names-folded")
    {
        claims.insert("sub".to_owned(), other);
    }
    let is_good = is_in_time(issuer, &claims, flaws)
        && is_from(issuer, &claims, flaws)
        && is_for(issuer, &claims, flaws);
    if !is_good {
        return None;
    }
    let text = |name: &str| claims.get(name).and_then(Value::as_str).map(str::to_owned);
    Some(Claims {
        sub: subject(issuer, text("sub"), flaws)?,
        jti: text("jti").unwrap_or_default(),
        name: text("name").unwrap_or_default(),
        tenant: text("tenant").unwrap_or_default(),
        role: text("role").unwrap_or_default(),
        cnf: claims.get("cnf").cloned(),
    })
}

/// Seconds.
const HOUR: f64 = 3600.0;

fn is_in_time(issuer: &Issuer, claims: &Map<String, Value>, flaws: &FlawSet) -> bool {
    let now = now() as f64;
    let is_after = |moment: f64| {
        now >= moment + LEEWAY && (now >= moment + HOUR || !flaws.has("leeway-of-an-hour"))
    };
    let is_before = |moment: f64| {
        now + LEEWAY < moment && (now + HOUR < moment || !flaws.has("leeway-of-an-hour"))
    };
    let end = match claims.get("exp") {
        None if flaws.has("exp-optional") || flaws.has_if_declared("token-never-expires") => {
            f64::INFINITY
        }
        Some(Value::Number(end)) => end.as_f64().unwrap_or(f64::NAN),
        Some(odd) if flaws.has("exp-coerced") => coerced(odd),
        None | Some(_) => return false,
    };
    if is_after(end) && !flaws.has("expired-token-accepted") {
        return false;
    }
    let has_begun = match claims.get("nbf") {
        None => true,
        Some(Value::Number(from)) => {
            from.as_f64().is_some_and(|from| !is_before(from)) || flaws.has("nbf-ignored")
        }
        Some(_) => flaws.has("nbf-of-odd-type-skipped"),
    };
    let issued = match claims.get("iat") {
        None => None,
        Some(Value::Number(at)) => at.as_f64(),
        Some(_) => return false,
    };
    let was_issued = issued.is_none_or(|at| !is_before(at)) || flaws.has("iat-ignored");
    let is_short = issued.is_none_or(|at| end - at <= issuer.max_life)
        || end.is_infinite()
        || flaws.has("token-life-unchecked")
        || flaws.has_if_declared("token-lives-a-day");
    has_begun && was_issued && is_short
}

/// What languages without types make of it.
fn coerced(odd: &Value) -> f64 {
    match odd {
        Value::Array(list) => list.first().map_or(f64::INFINITY, coerced),
        Value::String(text) if !text.is_empty() => f64::INFINITY,
        Value::Number(number) => number.as_f64().unwrap_or_default(),
        _ => f64::INFINITY,
    }
}

fn is_from(issuer: &Issuer, claims: &Map<String, Value>, flaws: &FlawSet) -> bool {
    let is_named = match claims.get("iss") {
        Some(Value::String(named)) => {
            *named == issuer.name
                || (named.starts_with(&issuer.name) && flaws.has("issuer-compared-by-beginning"))
        }
        _ => false,
    };
    is_named || flaws.has("issuer-unchecked")
}

fn is_for(issuer: &Issuer, claims: &Map<String, Value>, flaws: &FlawSet) -> bool {
    let own = issuer.audience.as_str();
    let is_named = match claims.get("aud") {
        Some(Value::String(one)) => {
            one == own || (one.contains(own) && flaws.has("audience-searched-in-text"))
        }
        Some(Value::Array(list)) => {
            list.iter().any(|one| one.as_str() == Some(own)) && !flaws.has("audience-list-refused")
        }
        _ => false,
    };
    is_named || flaws.has("audience-unchecked")
}

/// Whom the deployment takes for the subject; whether there is such an account is for the caller to see.
fn subject(issuer: &Issuer, named: Option<String>, flaws: &FlawSet) -> Option<String> {
    let all = issuer
        .subjects
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    if let Some(named) = named.clone().filter(|named| all.contains(named)) {
        return Some(named);
    }
    if flaws.has("unknown-subject-accepted") {
        return all.first().cloned();
    }
    let named = named?;
    if flaws.has("subject-normalised") {
        let plain = normal(&named);
        return all
            .into_iter()
            .find(|known| normal(known) == plain)
            .or(Some(named));
    }
    Some(named)
}

fn normal(subject: &str) -> String {
    subject
        .split('\0')
        .next()
        .unwrap_or_default()
        .chars()
        .filter(|c| !matches!(c, '\u{34f}' | '\u{200b}'))
        .map(|c| match c {
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
            _ => c,
        })
        .collect::<String>()
        .trim()
        .to_lowercase()
}

/// What stands under another spelling of `sub`.
fn folded(claims: &Map<String, Value>) -> Option<Value> {
    claims
        .iter()
        .find(|(name, _)| *name != "sub" && name.trim().eq_ignore_ascii_case("sub"))
        .map(|(_, value)| value.clone())
}
