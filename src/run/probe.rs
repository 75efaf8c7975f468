//! A `probe` step: a question to the transport below HTTP, recorded as an exchange.

use std::io;

use super::send::Line;
use crate::journal::{Exchange, Octets, Record, RecordedRequest};
use crate::suite::model::{Probe as Step, ProbeKind};
use crate::suite::plan::Plan;
use crate::suite::template::{Scope, fill_text};
use crate::wire::Connection;
use crate::wire::probe::{Probe, TlsVersion};

/// Asks and records. The outer error is a fault of the suite, the inner one of the journal.
pub async fn probe(
    line: &Line,
    plan: &Plan,
    step: &Step,
    scope: &dyn Scope,
) -> Result<io::Result<Exchange>, String> {
    let plain = || {
        plan.target
            .plain
            .clone()
            .ok_or("the target has no plain-HTTP address to try")
    };
    let https = plan.target.https.clone();
    let (origin, question) = match step.probe {
        ProbeKind::TlsVersion => (
            https,
            Probe::TlsVersion {
                version: version(step, scope)?,
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
    };
    line.pace.turn().await;
    let started_ms = line.elapsed_ms();
    let began = std::time::Instant::now();
    let answer = line.client.probe(&origin, &question).await;
    let total_us = began.elapsed().as_micros() as u64;
    let seen = serde_json::to_value(&answer).map_err(|error| error.to_string())?;
    let seen = super::record::redacted_value(seen, &*line.redactor.read().await);
    let exchange = Exchange {
        id: line.id(),
        request: RecordedRequest {
            origin,
            version: "probe".to_owned(),
            method: serde_json::to_string(&question).map_err(|error| error.to_string())?,
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
        total_us,
        retried: Vec::new(),
    };
    Ok(line
        .journal
        .write(Record::Exchange(Box::new(exchange.clone())))
        .map(|()| exchange))
}

fn version(step: &Step, scope: &dyn Scope) -> Result<TlsVersion, String> {
    let text = step
        .version
        .as_deref()
        .ok_or("`probe: tls-version` names a `version`")?;
    let text = fill_text(text, scope).map_err(|error| error.to_string())?;
    serde_json::from_value(serde_json::Value::String(text.clone()))
        .map_err(|_| format!("`{text}` is no TLS version; there are ssl3, 1.0, 1.1, 1.2 and 1.3"))
}
