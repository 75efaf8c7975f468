//! A `probe` step: a question to the transport below HTTP, or a look at a token, recorded as an exchange.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};

use super::drawn::facts;
use super::field::Field;
use super::prepare::Fault;
use super::record;
use super::send::Line;
use crate::jose::{Jwks, StrictJws, VerifyingKeys};
use crate::journal::{Doubt, Exchange, Octets, Record, RecordedRequest};
use crate::suite::forging;
use crate::suite::model::{Probe as Step, ProbeKind};
use crate::suite::template::{Scope, fill_text, show};
use crate::wire::probe::{ConnectAnswer, H2cAnswer, Probe, ProbeAnswer, TlsVersion};
use crate::wire::{Connection, Origin};

/// Asks and records. The inner error is the journal's.
pub async fn probe(
    field: &Field<'_>,
    step: &Step,
    scope: &dyn Scope,
    of_each: &HashMap<String, Vec<Value>>,
) -> Result<io::Result<Arc<Exchange>>, Fault> {
    let target = &field.plan.target;
    let plain = || {
        let none = || Fault::NotHere("the target has no plain-HTTP address to try".to_owned());
        target.plain.clone().ok_or_else(none)
    };
    let https = target.https.clone();
    let (origin, question) = match step.probe {
        ProbeKind::TlsVersion => (
            https,
            Probe::TlsVersion {
                version: version(step, scope).map_err(harness)?,
            },
        ),
        ProbeKind::Certificate => (https, Probe::Certificate),
        ProbeKind::Alpn => (
            https,
            Probe::Alpn {
                offer: step.offer.clone(),
            },
        ),
        ProbeKind::H2cPriorKnowledge => (plain()?, Probe::H2cPriorKnowledge),
        ProbeKind::H2cUpgrade => (plain()?, Probe::H2cUpgrade),
        ProbeKind::Token => return token(field, step, scope).await,
        ProbeKind::Drawn => return drawn(field.line, https, step, of_each),
        ProbeKind::ShownAgain => return Ok(shown_again(field.line, https)),
    };
    let line = field.line;
    let method = serde_json::to_string(&question).map_err(|error| harness(error.to_string()))?;
    line.pace.turn().await;
    // To find nobody at home is no answer to what is asked about TLS; on the plain port it is one.
    if origin == target.https
        && let ProbeAnswer::Connect(ConnectAnswer {
            failure: Some(failure),
            ..
        }) = line.client.probe(&origin, &Probe::Connect).await
    {
        let says = format!("{origin}: {failure}");
        return Err(Fault::Doubt(Doubt::Unreachable, says));
    }
    let (started_ms, began) = (line.elapsed_ms(), Instant::now());
    let mut answer = line.client.probe(&origin, &question).await;
    if let ProbeAnswer::H2c(H2cAnswer { failure, .. }) = &mut answer
        && let Some(silent) = failure.take()
    {
        *failure = Some(line.silence.explained(&line.client, &origin, silent).await);
    }
    let seen = serde_json::to_value(&answer).map_err(|error| harness(error.to_string()))?;
    let seen = super::record::redacted_value(seen, &*line.redactor.read().await);
    let total_us = began.elapsed().as_micros() as u64;
    Ok(keep(
        line,
        Exchange {
            total_us,
            ..exchange(line, origin, method, seen, started_ms)
        },
    ))
}

/// What a token says about itself: header and claims, never the signature.
async fn token(
    field: &Field<'_>,
    step: &Step,
    scope: &dyn Scope,
) -> Result<io::Result<Arc<Exchange>>, Fault> {
    let name = step
        .principal
        .as_deref()
        .ok_or_else(|| harness("`probe: token` says `as` whom".to_owned()))?;
    let name = fill_text(name, scope).map_err(|error| harness(error.to_string()))?;
    let (line, target) = (field.line, &field.plan.target);
    let Some((kind, terms)) = forging::token_kind(target, &name) else {
        let says =
            format!("neither contract nor target file describe a token of `{name}` under `tokens`");
        return Err(Fault::NotHere(says));
    };
    let no_credential = |says| Fault::Doubt(Doubt::Credential, says);
    let all = field
        .keyring
        .of(&name, field.plan, line)
        .await
        .map_err(no_credential)?;
    let token = all
        .iter()
        .find(|(known, _)| known == kind)
        .map_or("", |(_, value)| value.as_str());
    let decoded = |part: Option<&str>| -> Value {
        let octets = part.and_then(|part| crate::jose::base64url::decode(part).ok());
        octets
            .and_then(|octets| serde_json::from_slice(&octets).ok())
            .unwrap_or(Value::Null)
    };
    let mut parts = token.split('.');
    let (header, claims) = (decoded(parts.next()), decoded(parts.next()));
    let life = claims["exp"]
        .as_f64()
        .zip(claims["iat"].as_f64())
        .map(|(exp, iat)| exp - iat);
    // A key set that cannot be had says nothing about the token.
    let published = field
        .forger
        .public_keys(field.plan, line, kind, terms)
        .await;
    let verifies = published
        .ok()
        .flatten()
        .map(|document| is_signed_by(token, &document));
    let answer = json!({
        "verifies": verifies,
        "header": header,
        "claims": claims,
        "life": life,
        "segments": token.split('.').count(),
        "octets": token.len(),
        "weak_secret": crate::jose::weak_secret::is_well_known(token.as_bytes()),
    });
    let seen = record::redacted_value(
        json!({ "kind": "token", "answer": answer }),
        &*line.redactor.read().await,
    );
    let method = json!({ "kind": "token", "of": name, "credential": kind }).to_string();
    Ok(keep(
        line,
        exchange(line, target.https.clone(), method, seen, line.elapsed_ms()),
    ))
}

/// What became of the secrets of the run until now.
fn shown_again(line: &Line, origin: Origin) -> io::Result<Arc<Exchange>> {
    let answer = line.shown_again().facts();
    let seen = json!({ "kind": "shown-again", "answer": answer });
    let method = json!({ "kind": "shown-again" }).to_string();
    keep(
        line,
        exchange(line, origin, method, seen, line.elapsed_ms()),
    )
}

/// How much of what was captured is chance.
fn drawn(
    line: &Line,
    origin: Origin,
    step: &Step,
    of_each: &HashMap<String, Vec<Value>>,
) -> Result<io::Result<Arc<Exchange>>, Fault> {
    let name = step.of.as_deref().unwrap_or_default();
    let values = of_each.get(name);
    let values =
        values.ok_or_else(|| harness(format!("nothing was captured of each as `{name}`")))?;
    let texts: Vec<String> = values.iter().map(show).collect();
    let seen = json!({ "kind": "drawn", "answer": facts(&texts) });
    let method = json!({ "kind": "drawn", "of": name }).to_string();
    let exchange = exchange(line, origin, method, seen, line.elapsed_ms());
    Ok(keep(line, exchange))
}

/// Whether a key of this set verifies the token.
fn is_signed_by(token: &str, document: &[u8]) -> bool {
    let verify = || {
        let jws = StrictJws::parse(token.as_bytes()).ok()?;
        let keys = VerifyingKeys::new(&Jwks::parse(document).ok()?).ok()?;
        keys.verify(&jws).ok().map(drop)
    };
    verify().is_some()
}

fn harness(says: String) -> Fault {
    Fault::Doubt(Doubt::Harness, says)
}

fn keep(line: &Line, exchange: Exchange) -> io::Result<Arc<Exchange>> {
    let exchange = Arc::new(exchange);
    line.journal.write(Record::Exchange(exchange.clone()))?;
    Ok(exchange)
}

fn exchange(line: &Line, origin: Origin, method: String, seen: Value, started_ms: u64) -> Exchange {
    Exchange {
        id: line.id(),
        request: RecordedRequest {
            origin,
            version: "probe".to_owned(),
            method,
            target: Octets::default(),
            headers: Vec::new(),
            body: Octets::default(),
            body_bytes: 0,
        },
        answer: None,
        failure: None,
        seen: Some(seen),
        connection: Connection::default(),
        started_ms,
        first_byte_us: None,
        ended_ms: None,
        total_us: 0,
        retried: Vec::new(),
        calls: Vec::new(),
        heard: false,
        key_fetches: None,
        released_us: None,
    }
}

fn version(step: &Step, scope: &dyn Scope) -> Result<TlsVersion, String> {
    let text = step
        .version
        .as_deref()
        .ok_or("`probe: tls-version` names a `version`")?;
    let text = fill_text(text, scope).map_err(|error| error.to_string())?;
    serde_json::from_value(Value::String(text.clone()))
        .map_err(|_| format!("`{text}` is no TLS version; there are ssl3, 1.0, 1.1, 1.2 and 1.3"))
}
