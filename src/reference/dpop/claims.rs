//! What a proof says about the request, the time and the token (RFC 9449 §4.2, §4.3 items 3, 8, 9, 11 and 12).

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::{Fault, Occasion, SKEW, WINDOW, address};
use crate::jose::base64url;
use crate::reference::flaw::{Flaw, FlawSet, flaw};

pub const FLAWS: &[Flaw] = &[
    flaw(
        "dpop-htm-unchecked",
        "Takes a proof for another method.",
        "RFC 9449 §4.3 item 8",
    ),
    flaw(
        "dpop-htm-case-ignored",
        "Compares htm without regard to case.",
        "RFC 9110 §9.1",
    ),
    flaw(
        "dpop-head-taken-for-get",
        "Takes a proof for GET with HEAD.",
        "RFC 9449 §4.3 item 8",
    ),
    flaw(
        "dpop-htu-unchecked",
        "Takes a proof for any address, and for none.",
        "RFC 9449 §4.3 item 9",
    ),
    flaw(
        "dpop-verified-proof-trusted-elsewhere",
        "Does not judge method and address of a proof that it verified before.",
        "RFC 9449 §11.1",
    ),
    flaw(
        "dpop-old-proof-accepted",
        "Takes proofs of any age.",
        "RFC 9449 §4.3 item 11",
    ),
    flaw(
        "dpop-future-proof-accepted",
        "Takes proofs that have yet to be made.",
        "RFC 9449 §4.3 item 11",
    ),
    flaw(
        "dpop-skew-refused",
        "Refuses a proof whose clock is a little ahead.",
        "RFC 9449 §11.1",
    ),
    flaw(
        "dpop-iat-coerced",
        "Makes a number of a time that is none.",
        "RFC 7519 §2",
    ),
    flaw(
        "dpop-iat-optional",
        "Takes a proof without a time for one that was made now.",
        "RFC 9449 §4.3 item 3",
    ),
    flaw(
        "dpop-exp-ignored",
        "Passes over an end or a beginning that a proof gives itself.",
        "RFC 7519 §4.1.4",
    ),
    flaw(
        "dpop-unknown-claims-refused",
        "Refuses a proof that says more than it must.",
        "RFC 7519 §4",
    ),
    flaw(
        "dpop-jti-empty-accepted",
        "Takes an empty jti, and does not remember it.",
        "RFC 9449 §4.2",
    ),
    flaw(
        "dpop-jti-optional",
        "Takes proofs that cannot be told from others.",
        "RFC 9449 §4.3 item 3",
    ),
    flaw(
        "dpop-long-jti-crashes",
        "Answers 500 to a jti that is too long for its table.",
        "RFC 9449 §11.1",
    ),
    flaw(
        "dpop-jti-truncated",
        "Keeps no more than 255 characters of a jti.",
        "RFC 9449 §11.1",
    ),
    flaw(
        "dpop-ath-optional",
        "Takes a proof that says nothing about the token.",
        "RFC 9449 §4.3 item 12",
    ),
    flaw(
        "dpop-ath-uncompared",
        "Looks whether ath has the length of a hash, and no further.",
        "RFC 9449 §4.3 item 12",
    ),
    flaw(
        "dpop-ath-decoded-leniently",
        "Takes an ath in hex or in base64 as well.",
        "RFC 9449 §4.2",
    ),
    flaw(
        "dpop-ath-compared-by-beginning",
        "Compares no more characters of ath than come.",
        "RFC 9449 §4.2",
    ),
];

/// Claims that mean something in a proof (RFC 9449 §4.2; RFC 7519 §4.1).
const KNOWN: [&str; 8] = ["jti", "htm", "htu", "iat", "ath", "nonce", "exp", "nbf"];
/// Characters of a jti that the flawed deployments have room for.
const ROOM: usize = 255;

/// The jti, by which the proof is remembered; `None` where a flaw does without. `is_known` says whether this very proof
/// was verified before.
pub fn judge(
    claims: &Map<String, Value>,
    occasion: &Occasion<'_>,
    origin: &str,
    is_known: impl Fn() -> bool,
    flaws: &FlawSet,
) -> Result<Option<String>, Fault> {
    let is_elsewhere = match () {
        () if !is_for_method(claims, &occasion.request.method, flaws) => {
            Some(Fault::Check("is for another method"))
        }
        () if !is_for_address(claims, occasion, origin, flaws) => {
            Some(Fault::Check("is for another address"))
        }
        () => None,
    };
    if let Some(fault) = is_elsewhere
        && !(is_known() && flaws.has("dpop-verified-proof-trusted-elsewhere"))
    {
        return Err(fault);
    }
    if claims.keys().any(|name| !KNOWN.contains(&name.as_str()))
        && flaws.has("dpop-unknown-claims-refused")
    {
        return Err(Fault::Check("says more than it must"));
    }
    judge_time(claims, occasion.now, flaws)?;
    if let Some(token) = occasion.token
        && !is_for_token(claims.get("ath"), token, flaws)
    {
        return Err(Fault::Check("is for another access token"));
    }
    jti(claims, flaws)
}

fn is_for_method(claims: &Map<String, Value>, method: &str, flaws: &FlawSet) -> bool {
    let is_right = match claims.get("htm") {
        Some(Value::String(named)) => {
            named == method
                || (named.eq_ignore_ascii_case(method) && flaws.has("dpop-htm-case-ignored"))
                || (method == "HEAD" && named == "GET" && flaws.has("dpop-head-taken-for-get"))
        }
        _ => false,
    };
    is_right || flaws.has("dpop-htm-unchecked")
}

fn is_for_address(
    claims: &Map<String, Value>,
    occasion: &Occasion<'_>,
    origin: &str,
    flaws: &FlawSet,
) -> bool {
    let is_right = match claims.get("htu") {
        Some(Value::String(htu)) => address::fits(htu, origin, occasion.request, flaws),
        _ => false,
    };
    is_right || flaws.has("dpop-htu-unchecked")
}

fn judge_time(claims: &Map<String, Value>, now: f64, flaws: &FlawSet) -> Result<(), Fault> {
    const NO_TIME: Fault = Fault::Check("says no time");
    let made = match claims.get("iat") {
        Some(Value::Number(made)) => made.as_f64().ok_or(NO_TIME)?,
        None | Some(Value::Null) if flaws.has("dpop-iat-optional") => now,
        Some(odd @ (Value::String(_) | Value::Array(_))) if flaws.has("dpop-iat-coerced") => {
            coerced(odd).ok_or(NO_TIME)?
        }
        None | Some(_) => return Err(NO_TIME),
    };
    if now - made > WINDOW && !flaws.has("dpop-old-proof-accepted") {
        return Err(Fault::Check("is too old"));
    }
    if made - now > SKEW && !flaws.has("dpop-future-proof-accepted") {
        return Err(Fault::Check("is from the future"));
    }
    if made > now && made - now <= SKEW && flaws.has("dpop-skew-refused") {
        return Err(Fault::Check("is from the future"));
    }
    let ends = claims.get("exp").map(Value::as_f64);
    let begins = claims.get("nbf").map(Value::as_f64);
    let is_over = ends.is_some_and(|end| end.is_none_or(|end| end + SKEW < now));
    let is_early = begins.is_some_and(|from| from.is_none_or(|from| from > now + SKEW));
    if (is_over || is_early) && !flaws.has("dpop-exp-ignored") {
        return Err(Fault::Check("says itself that it is not good now"));
    }
    Ok(())
}

/// What languages without types make of it.
fn coerced(odd: &Value) -> Option<f64> {
    match odd {
        Value::String(text) => text.parse().ok(),
        Value::Array(list) => list.first()?.as_f64(),
        _ => None,
    }
}

/// An empty jti tells no proof from another.
fn jti(claims: &Map<String, Value>, flaws: &FlawSet) -> Result<Option<String>, Fault> {
    let jti = match claims.get("jti") {
        Some(Value::String(jti)) if !jti.is_empty() => jti,
        Some(Value::String(_)) if flaws.has("dpop-jti-empty-accepted") => return Ok(None),
        _ if flaws.has("dpop-jti-optional") => return Ok(None),
        _ => return Err(Fault::Check("has no jti")),
    };
    if jti.len() > ROOM && flaws.has("dpop-long-jti-crashes") {
        return Err(Fault::Crash);
    }
    if jti.len() > ROOM && flaws.has("dpop-jti-truncated") {
        return Ok(Some(jti.chars().take(ROOM).collect()));
    }
    Ok(Some(jti.clone()))
}

fn is_for_token(ath: Option<&Value>, token: &str, flaws: &FlawSet) -> bool {
    let hash = digest(&SHA256, token.as_bytes());
    let right = base64url::encode(hash);
    let Some(Value::String(ath)) = ath else {
        return ath.is_none() && flaws.has("dpop-ath-optional");
    };
    *ath == right
        || (ath.len() == right.len() && flaws.has("dpop-ath-uncompared"))
        || (flaws.has("dpop-ath-decoded-leniently")
            && (ath.eq_ignore_ascii_case(&hex::encode(hash))
                || ath.trim_end_matches('=') == STANDARD.encode(hash).trim_end_matches('=')))
        || (!ath.is_empty()
            && right.starts_with(ath.as_str())
            && flaws.has("dpop-ath-compared-by-beginning"))
}
