//! Asks the target for a token with given claims, where it has an operation for that.

use serde_json::{Map, Value};

use super::forge::{ForgeFault, Valid};
use super::keyring::{Keyring, escape};
use super::send::Line;
use crate::jose::StrictJws;
use crate::jose::json::parse_object;
use crate::judge::capture;
use crate::suite::Secrets;
use crate::suite::model::{Body, Capture, MintingOperation};
use crate::suite::plan::Plan;
use crate::suite::template::{Found, Scope, fill_value, show};

/// Claims that issuers write anew into each token, so that they may differ where the forgery does not name them.
const OF_EACH_ISSUE: [&str; 4] = ["exp", "iat", "jti", "nbf"];

/// A token of these claims, signed by the issuer. [`ForgeFault::NotHere`] where the operation refuses to issue it, or
/// issues something else: a forgery has the fault that it names and no other.
pub(super) async fn issue(
    minting: &MintingOperation,
    wanted: &Map<String, Value>,
    valid: &Valid<'_>,
    keyring: &Keyring,
    plan: &Plan,
    line: &Line,
) -> Result<String, ForgeFault> {
    let scope = ClaimsScope {
        claims: wanted,
        secrets: keyring.secrets(),
    };
    let body = fill_value(&minting.body, &scope)
        .map_err(|error| ForgeFault::Trouble(format!("the minting operation: {error}")))?;
    let rule = Capture {
        json: Some(minting.take.clone().unwrap_or("$.access_token".to_owned())),
        ..Capture::default()
    };
    let sender = minting.principal.as_deref().unwrap_or("anonymous");
    let body = Some(Body::Json(escape(body)));
    let answer = keyring
        .ask(&minting.operation, sender, body, &rule, None, plan, line, 0)
        .await
        .map_err(ForgeFault::Trouble)?;
    // Overload and gateways in trouble say nothing about the claims.
    if matches!(answer.status, 429 | 502..=504) {
        let says = format!("`{}` answered {}", minting.operation, answer.status);
        return Err(ForgeFault::Trouble(says));
    }
    let issued = capture(&rule, &answer)
        .filter(|_| (200..300).contains(&answer.status))
        .map(|value| show(&value))
        .ok_or_else(|| {
            ForgeFault::NotHere(format!(
                "the issuer does not sign such claims: `{}` answered {}",
                minting.operation, answer.status
            ))
        })?;
    match departure(valid.token, wanted, &issued) {
        None => Ok(issued),
        Some(says) => Err(ForgeFault::NotHere(format!(
            "the issuer does not sign such claims: {says}"
        ))),
    }
}

/// In what the issued token is not the valid one with the wanted claims.
fn departure(valid: &str, wanted: &Map<String, Value>, issued: &str) -> Option<String> {
    let parts = |token: &str| {
        let token = StrictJws::parse(token.as_bytes()).ok()?;
        let header = parse_object(token.header_text().as_bytes()).ok()?;
        Some((header, parse_object(token.payload()).ok()?))
    };
    let Some((header, before)) = parts(valid) else {
        return Some("the valid token is no JWT with claims".to_owned());
    };
    let Some((issued_header, claims)) = parts(issued) else {
        return Some("what it issued is no JWT with claims".to_owned());
    };
    if issued_header != header {
        return Some("it wrote another header".to_owned());
    }
    let names = wanted.keys().chain(claims.keys());
    names
        .filter(|name| claims.get(*name) != wanted.get(*name))
        .find(|name| {
            let touched = before.get(*name) != wanted.get(*name);
            touched || !OF_EACH_ISSUE.contains(&name.as_str())
        })
        .map(|name| format!("it wrote another `{name}`"))
}

struct ClaimsScope<'a> {
    claims: &'a Map<String, Value>,
    secrets: &'a Secrets,
}

impl Scope for ClaimsScope<'_> {
    fn find(&self, path: &[&str]) -> Option<Found> {
        match path {
            ["claims"] => Some(Found::Literal(Value::Object(self.claims.clone()))),
            _ => self.secrets.find(path),
        }
    }
}

#[cfg(test)]
mod tests;
