//! Makes the request of a `send` step ready: fetches the sender's credentials, forges its token where the step says so,
//! and tells the redactor what a changed credential looks like.

use serde_json::Value;

use super::case::Field;
use super::credential;
use super::forge::{ForgeFault, Valid};
use super::request::{RequestError, Sender, build, spoil};
use super::scope::RequestScope;
use crate::journal::Doubt;
use crate::suite::forging;
use crate::suite::model::{Body, Send};
use crate::suite::template::fill_text;
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
            RequestError::NothingToSpoil { .. } => Fault::NotHere(error.to_string()),
            other => Fault::Doubt(Doubt::Harness, other.to_string()),
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
    let mut credentials = field
        .keyring
        .of(&name, field.plan, field.line)
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
    Ok(build(
        send,
        &Sender {
            name: &name,
            credentials: &credentials,
        },
        scope,
    )?)
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
    let another = match forging::another(target, principal) {
        Some(other) => field
            .keyring
            .of(other, field.plan, field.line)
            .await
            .ok()
            .and_then(|all| {
                all.into_iter()
                    .find(|(known, _)| known == kind)
                    .map(|(_, value)| value)
            }),
        None => None,
    };
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
        .map_err(|fault| match fault {
            ForgeFault::NotHere(says) => Fault::NotHere(says),
            ForgeFault::Trouble(says) => Fault::Doubt(Doubt::Harness, says),
        })?;
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
