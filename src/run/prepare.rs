//! Makes the request of a `send` step ready: fetches the sender's credentials, forges its token where the step says so,
//! and tells the redactor what a changed credential looks like.

use serde_json::Value;

use super::body::BodyError;
use super::credential;
use super::field::Field;
use super::forge::{ForgeFault, Fresh, Valid};
use super::possession::{self, FIELD, Purpose};
use super::request::{RequestError, Sender, build, spoil};
use super::scope::{Proofs, RequestScope};
use crate::journal::Doubt;
use crate::suite::forging::{self, NO_PROOF, RIGHT_PROOF};
use crate::suite::model::{Body, Carriage, ProofTerms, Send, Spoil};
use crate::suite::template::{TemplateError, fill_text, references};
use crate::wire::Request;

/// Why a request could not be made ready.
#[derive(Debug, Clone)]
pub enum Fault {
    Doubt(Doubt, String),
    /// What the step needs does not exist for this target.
    NotHere(String),
}

impl From<RequestError> for Fault {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::NothingToSpoil { .. }
            | RequestError::Template(TemplateError::Short(_))
            | RequestError::Body(BodyError::Template(TemplateError::Short(_))) => {
                Fault::NotHere(error.to_string())
            }
            other => Fault::Doubt(Doubt::Harness, other.to_string()),
        }
    }
}

impl From<ForgeFault> for Fault {
    fn from(fault: ForgeFault) -> Self {
        match fault {
            ForgeFault::NotHere(says) => Fault::NotHere(says),
            ForgeFault::Trouble(says) => Fault::Doubt(Doubt::Harness, says),
        }
    }
}

pub async fn prepare(
    field: &Field<'_>,
    send: &Send,
    scope: &mut RequestScope<'_>,
) -> Result<Request, Fault> {
    let fill = |text: &str, scope: &RequestScope<'_>| {
        fill_text(text, scope).map_err(|error| Fault::Doubt(Doubt::Harness, error.to_string()))
    };
    let name = match &send.principal {
        Some(name) => fill(name, scope)?,
        None => "anonymous".to_owned(),
    };
    let no_credential = |says| Fault::Doubt(Doubt::Credential, says);
    let with_exchange = match &send.body {
        Some(Body::Exchange(of)) => {
            let (of, operation) = (fill(of, scope)?, fill(&send.send, scope)?);
            let body = field
                .keyring
                .exchange_body(&of, &operation, field.plan)
                .map_err(Fault::NotHere)?;
            Some(Send {
                body: Some(Body::Patch(body)),
                ..send.clone()
            })
        }
        _ => None,
    };
    let send = with_exchange.as_ref().unwrap_or(send);
    let mut without = send.without.clone();
    if let Ok(operation) = fill_text(&send.send, &*scope) {
        let operation = field.plan.target.operations.get(&operation);
        without.extend(
            operation
                .into_iter()
                .flat_map(|found| found.without.clone()),
        );
    }
    let mut credentials = field
        .keyring
        .of_without(&name, &without, field.plan, field.line)
        .await
        .map_err(no_credential)?;
    if let Some(forgery) = &send.token {
        let forgery = fill(forgery, scope)?;
        let listener = scope.values.get("listener").and_then(Value::as_str);
        forge_token(field, &name, &forgery, listener, &mut credentials).await?;
    }
    if let Some(spoil) = spoil(send, &*scope)? {
        let mut redactor = field.line.redactor.write().await;
        for (kind, value) in &credentials {
            if let Some(derived) = credential::derived(value, spoil) {
                redactor.learn(&format!("{name}.{kind}, spoilt"), &derived);
            }
        }
    }
    let changed = changed_secrets(field, send, &*scope).await;
    for (number, value) in changed.iter().enumerate() {
        let name = format!("{name}, changed {}", number + 1);
        field.line.redactor.write().await.learn(&name, value);
    }
    let sender = Sender {
        name: &name,
        credentials: &credentials,
    };
    scope.proofs = Proofs::default();
    if let Some((kind, terms)) = forging::bound_kind(&field.plan.target, &name) {
        let wanted = send.proof.as_deref().map(|text| fill(text, scope));
        let wanted = wanted.transpose()?;
        if takes_proof(field, send, kind, wanted.as_deref(), scope)? {
            scope.proofs = Proofs::drafts();
            let mut draft = build(send, &sender, scope)?;
            let token = carried(&draft, field.plan.target.credentials.get(kind)).or_else(|| {
                let (_, value) = credentials.iter().find(|(known, _)| known == kind)?;
                is_in(&draft, value).then(|| value.clone())
            });
            let found = Bound {
                principal: &name,
                kind,
                terms,
                token: token.as_deref(),
            };
            let made = proofs(field, &draft, &found, wanted.as_deref(), scope).await?;
            let is_made_again = scope.proofs.are_wanted_elsewhere();
            let drafts = std::mem::replace(&mut scope.proofs, made);
            if !is_made_again {
                put_in_place(&mut draft, &drafts, &scope.proofs);
                return Ok(draft);
            }
        }
    }
    Ok(build(send, &sender, scope)?)
}

/// Shorter than this it is of no use, and may stand anywhere by chance.
const SHORTEST_CHANGED: usize = 12;

/// What filters in the `values` of a step make of secrets, which nobody is shown either.
async fn changed_secrets(field: &Field<'_>, send: &Send, scope: &RequestScope<'_>) -> Vec<String> {
    let mut all = Vec::new();
    for text in send.values.values().filter_map(Value::as_str) {
        for one in references(text).unwrap_or_default() {
            let whole = fill_text(&format!("${{{}}}", one.path), scope);
            let changed = text
                .get(one.start..one.end)
                .map(|text| fill_text(text, scope));
            if let (Ok(whole), Some(Ok(changed)), false) = (whole, changed, one.filters.is_empty())
                && changed.len() >= SHORTEST_CHANGED
                && field.line.redactor.read().await.text(&whole) != whole
            {
                all.push(changed);
            }
        }
    }
    all
}

/// Puts the proof where its draft is; a step may have taken the field away, or written something else into it.
fn put_in_place(request: &mut Request, drafts: &Proofs, proofs: &Proofs) {
    let (Some(draft), Some(proof)) = (drafts.own(), proofs.own()) else {
        return;
    };
    let lines = request.headers.iter_mut();
    for (_, line) in lines.filter(|(name, line)| name == FIELD && line == draft.as_bytes()) {
        *line = proof.as_bytes().to_vec();
    }
}

/// The bound credential of a request.
struct Bound<'a> {
    principal: &'a str,
    kind: &'a str,
    terms: &'a ProofTerms,
    /// As it is in the request; none where it is left out.
    token: Option<&'a str>,
}

/// A proof goes wherever its credential goes, and where the step asks for one.
fn takes_proof(
    field: &Field<'_>,
    send: &Send,
    kind: &str,
    wanted: Option<&str>,
    scope: &RequestScope<'_>,
) -> Result<bool, Fault> {
    Ok(match wanted {
        Some(NO_PROOF) => false,
        Some(_) => true,
        None => {
            let operation = fill_text(&send.send, scope)
                .ok()
                .and_then(|name| field.plan.target.operations.get(&name));
            let is_left_out = send.without.iter().any(|known| known == kind)
                || operation.is_some_and(|found| found.without.iter().any(|known| known == kind));
            !is_left_out && spoil(send, scope)? != Some(Spoil::Absent)
        }
    })
}

/// What stands after the scheme in the field of the credential.
fn carried(request: &Request, carriage: Option<&Carriage>) -> Option<String> {
    let carriage = carriage?;
    let name = carriage.header.as_deref()?;
    let (_, line) = request
        .headers
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name))?;
    let line = String::from_utf8_lossy(line);
    Some(match (&carriage.scheme, line.split_once(' ')) {
        (Some(_), Some((_, token))) => token.trim().to_owned(),
        _ => line.into_owned(),
    })
}

/// Whether a text stands anywhere in a request but its body.
fn is_in(request: &Request, token: &str) -> bool {
    let fields = request.headers.iter().map(|(_, line)| line.as_slice());
    fields
        .chain([request.target.as_slice()])
        .any(|octets| String::from_utf8_lossy(octets).contains(token))
}

/// The proof that the step asks for, and another, right one where the request has a place for it.
async fn proofs(
    field: &Field<'_>,
    request: &Request,
    bound: &Bound<'_>,
    wanted: Option<&str>,
    scope: &RequestScope<'_>,
) -> Result<Proofs, Fault> {
    let trouble = |says| Fault::Doubt(Doubt::Harness, says);
    let key = field
        .keyring
        .bound_key(bound.principal, bound.terms, field.plan)
        .await
        .map_err(|says| Fault::Doubt(Doubt::Credential, says))?;
    let nonce = field.line.nonces.of(request);
    let url = possession::url_of(request);
    let purpose = Purpose {
        method: &request.method,
        url: &url,
        access_token: bound.token,
        nonce: nonce.as_deref(),
        now: field.line.clock.now(),
    };
    let right = || purpose.prove(&key.prover);
    let own = match wanted {
        None | Some(RIGHT_PROOF) => right().map_err(trouble)?,
        Some(forgery) => {
            // A forgery of the nonce needs one to start from, also before the server has given any.
            let some_nonce = || format!("{:032x}", rand::random::<u128>());
            let planned = field.plan.forgeries.get(forgery);
            let is_of_nonce = planned.is_some_and(|planned| planned.change.claims.names("nonce"));
            let nonce = nonce.clone().or_else(|| is_of_nonce.then(some_nonce));
            let purpose = Purpose {
                nonce: nonce.as_deref(),
                ..purpose
            };
            let (header, claims) = purpose.members(key.prover.key());
            let path = String::from_utf8_lossy(&request.target);
            let path = path.split('?').next().unwrap_or_default();
            let scheme = url.split(':').next().unwrap_or_default();
            let mut values = vec![
                ("scheme", scheme.to_owned()),
                ("host", request.origin.authority()),
                ("path", path.to_owned()),
            ];
            let other_nonce = scope.captured.get("other_nonce").and_then(Value::as_str);
            values.extend(other_nonce.map(|nonce| ("other_nonce", nonce.to_owned())));
            let origin = &request.origin;
            values.push(("hostname", origin.host.clone()));
            // Where the port is that of the scheme, it need not be written, and may be.
            let written = format!("{}:{}", origin.host, origin.port);
            if origin.authority() != written {
                values.push(("host_and_port", written));
            }
            for (name, found) in [("jti", "hex64"), ("listener", "listener")] {
                let found = scope.values.get(found).and_then(Value::as_str);
                values.extend(found.map(|value| (name, value.to_owned())));
            }
            if let Some(token) = bound.token {
                values.push(("access_token", token.to_owned()));
                values.push(("with_scheme", format!("DPoP {token}")));
            }
            if let Some(other) = another_of(field, bound.principal, bound.kind).await {
                values.push(("other_access_token", other));
            }
            let fresh = Fresh {
                header: &header,
                claims: &claims,
                key: &key,
                values,
            };
            field
                .forger
                .proof(field.plan, field.line, forgery, fresh)
                .map_err(Fault::from)?
        }
    };
    let another = match scope.proofs.is_another_wanted() {
        true => Some(right().map_err(trouble)?),
        false => None,
    };
    Ok(Proofs::of(own, another))
}

/// Puts a forged token in the place of the valid one.
async fn forge_token(
    field: &Field<'_>,
    principal: &str,
    forgery: &str,
    listener: Option<&str>,
    credentials: &mut [(String, String)],
) -> Result<(), Fault> {
    let target = &field.plan.target;
    let Some((kind, terms)) = forging::token_kind(target, principal) else {
        return Err(Fault::NotHere(format!(
            "`{principal}` has no token that could be forged"
        )));
    };
    let another = another_of(field, principal, kind).await;
    let Some((_, value)) = credentials.iter_mut().find(|(known, _)| known == kind) else {
        return Err(Fault::NotHere(format!("`{principal}` has no `{kind}`")));
    };
    let valid = Valid {
        kind,
        terms,
        token: value,
        another: another.as_deref(),
        listener,
    };
    let forged = field
        .forger
        .token(field.plan, field.line, field.keyring, &valid, forgery)
        .await
        .map_err(Fault::from)?;
    let shown = format!("{principal}.{kind}, forged as {forgery}");
    field
        .line
        .redactor
        .write()
        .await
        .learn_passing(&shown, &forged);
    *value = forged;
    Ok(())
}

/// The credential of another principal, of this kind.
async fn another_of(field: &Field<'_>, principal: &str, kind: &str) -> Option<String> {
    let name = forging::another(&field.plan.target, principal, kind)?;
    let all = field.keyring.of(name, field.plan, field.line).await.ok()?;
    all.into_iter()
        .find(|(known, _)| known == kind)
        .map(|(_, value)| value)
}
