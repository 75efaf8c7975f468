//! Which forgeries can be made for a target, and why not the others. Pure.

use indexmap::IndexMap;
use serde_json::Value;

use super::library::Library;
use super::model::{ProofTerms, TokenTerms};
use super::plan::{Case, PlanScope, PlannedCheck, PlannedForgery};
use super::target::Target;
use super::template::fill_text;
use crate::jose::forgery::Need;

/// Values of forgeries that the run gives where there is a listener: its address for the attempt, and host and port.
pub const LISTENER_VALUES: [&str; 2] = ["listener", "listener_host"];

/// Values of forgeries that the run gives where we are the issuer: its address, and host and port.
pub const ISSUER_VALUES: [&str; 2] = ["issuer", "issuer_host"];

/// The kind of credential of a principal that is a token with terms of its own.
pub fn token_kind<'t>(target: &'t Target, principal: &str) -> Option<(&'t str, &'t TokenTerms)> {
    let principal = target.principals.get(principal)?;
    let kind = principal
        .credentials
        .keys()
        .find(|kind| target.tokens.contains_key(*kind))?;
    target
        .tokens
        .get_key_value(kind)
        .map(|(kind, terms)| (kind.as_str(), terms))
}

/// Another principal with a credential of this kind.
pub fn another<'t>(target: &'t Target, principal: &str, kind: &str) -> Option<&'t str> {
    target
        .principals
        .iter()
        .find(|(name, other)| {
            *name != principal
                && other.kinds.is_empty()
                && other.credentials.contains_key(kind)
                && !target.absent_principals.contains_key(*name)
        })
        .map(|(name, _)| name.as_str())
}

/// In place of a forgery: no proof of possession at all.
pub const NO_PROOF: &str = "none";

/// In place of a forgery: a right one, also where the credential itself is left out.
pub const RIGHT_PROOF: &str = "right";

/// Values of forgeries of proofs that the run gives.
pub const PROOF_VALUES: [&str; 9] = [
    "hostname",
    "other_nonce",
    "scheme",
    "host",
    "path",
    "access_token",
    "with_scheme",
    "other_access_token",
    "jti",
];

/// The kind of credential of a principal that is bound to a key (RFC 9449).
pub fn bound_kind<'t>(target: &'t Target, principal: &str) -> Option<(&'t str, &'t ProofTerms)> {
    let principal = target.principals.get(principal)?;
    principal.credentials.keys().find_map(|kind| {
        let (kind, carriage) = target.credentials.get_key_value(kind)?;
        Some((kind.as_str(), carriage.proof.as_ref()?))
    })
}

/// Why a forgery cannot be made of a principal's proofs, as far as the target file tells.
pub fn unmet_of_proof(
    library: &Library,
    target: &Target,
    principal: &str,
    name: &str,
) -> Option<String> {
    if bound_kind(target, principal).is_none() {
        return Some(format!(
            "`{principal}` has no credential that is bound to a key"
        ));
    }
    if matches!(name, NO_PROOF | RIGHT_PROOF) {
        return None;
    }
    let Some((entry, forgery)) = library.forgery(name) else {
        return Some(format!("the catalogue has no forgery `{name}`"));
    };
    entry
        .needs
        .iter()
        .chain(&forgery.needs())
        .find_map(|need| match need {
            Need::Value(wanted) => {
                let root = wanted.split('.').next().unwrap_or(wanted);
                let is_known = PROOF_VALUES.contains(&root)
                    || target.params.contains_key(root)
                    || LISTENER_VALUES.contains(&root) && target.listener.is_some();
                (!is_known)
                    .then(|| format!("neither contract nor target file set the value `{root}`"))
            }
            _ => None,
        })
}

/// A value that forgeries refer to: from the token's terms, or a parameter of the same name.
pub fn value<'t>(target: &'t Target, terms: &'t TokenTerms, name: &str) -> Option<&'t Value> {
    terms.values.get(name).or_else(|| target.params.get(name))
}

/// Why a forgery cannot be made for a principal's token, as far as the target file tells.
pub fn unmet(library: &Library, target: &Target, principal: &str, name: &str) -> Option<String> {
    let Some((entry, forgery)) = library.forgery(name) else {
        return Some(format!("the catalogue has no forgery `{name}`"));
    };
    let Some((kind, terms)) = token_kind(target, principal) else {
        return Some(format!(
            "neither contract nor target file describe a token of `{principal}` under `tokens`"
        ));
    };
    let needs = entry
        .needs
        .iter()
        .chain(&forgery.needs())
        .cloned()
        .collect::<Vec<_>>();
    needs.iter().find_map(|need| match need {
        Need::Token | Need::EcdsaKey | Need::Certificate => None,
        Need::AnotherToken => another(target, principal, kind)
            .is_none()
            .then(|| format!("no second principal has a `{kind}`")),
        Need::MintingKey | Need::RsaMintingKey if target.issues(kind) => None,
        Need::MintingKey if terms.minting_operation.is_some() && forgery.is_of_claims() => None,
        Need::MintingKey | Need::RsaMintingKey => terms.minting_key.is_none().then(|| {
            match terms.minting_operation {
                Some(_) => format!("the `minting_operation` of `{kind}` changes claims alone, and the target file gives no `minting_key`"),
                None => format!("the target file gives no `minting_key` for `{kind}`"),
            }
        }),
        Need::PublicKey | Need::RsaPublicKey | Need::EcPublicKey => (terms.jwks.is_none()
            && terms.public_key.is_none()
            && !target.issues(kind))
        .then(|| format!("the target file says neither `jwks` nor `public_key` for `{kind}`")),
        Need::Value(wanted) if LISTENER_VALUES.contains(&wanted.as_str()) => {
            target.listener.is_none().then(|| {
                "the target file has no `listener` of ours that the target could reach".to_owned()
            })
        }
        Need::Value(wanted) if ISSUER_VALUES.contains(&wanted.as_str()) && target.issues(kind) => {
            None
        }
        Need::Value(wanted) => {
            let root = wanted.split('.').next().unwrap_or(wanted);
            value(target, terms, root).is_none().then(|| {
                format!("the target file gives no value `{root}` for the tokens of kind `{kind}`")
            })
        }
    })
}

/// Every forgery that the open cases use.
pub fn used(
    library: &Library,
    target: &Target,
    lists: &IndexMap<String, Vec<Value>>,
    checks: &IndexMap<String, PlannedCheck>,
    cases: &[Case],
) -> IndexMap<String, PlannedForgery> {
    let mut used = IndexMap::new();
    for case in cases.iter().filter(|case| case.skip.is_none()) {
        let Some(planned) = checks.get(&case.check) else {
            continue;
        };
        let scope = PlanScope {
            target,
            lists,
            bindings: &case.bindings,
        };
        for step in &planned.check.steps {
            let sends = step.requests().into_iter();
            for text in sends.flat_map(|send| send.token.iter().chain(&send.proof)) {
                let Ok(name) = fill_text(text, &scope) else {
                    continue;
                };
                if let Some((entry, change)) = library.forgery(&name) {
                    used.entry(name).or_insert_with(|| PlannedForgery {
                        tries: entry.tries.clone(),
                        source: entry.source.clone(),
                        change,
                    });
                }
            }
        }
    }
    used
}
