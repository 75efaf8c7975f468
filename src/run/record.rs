//! Wire → journal: what was sent and what came back, with secrets replaced by their names.

use crate::journal::{Exchange, ExchangeId, Octets, RecordedAnswer, RecordedRequest, Redactor};
use crate::wire::{Answer, Outcome, Request, Version};

use super::request::kept;

/// The answer as it came, for captures; nothing is replaced in it, so it never leaves the run.
pub fn raw_answer(answer: &Answer) -> RecordedAnswer {
    RecordedAnswer {
        version: answer.version.clone(),
        status: answer.status,
        reason: Octets(answer.reason.clone()),
        headers: answer
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), Octets(value.clone())))
            .collect(),
        body: Octets(answer.body.to_vec()),
        truncated: answer.truncated,
        interim: answer.interim.clone(),
    }
}

/// The exchange as the journal keeps it.
pub fn exchange(
    id: ExchangeId,
    request: &Request,
    outcome: &Outcome,
    started_ms: u64,
    retried: Vec<String>,
    redactor: &Redactor,
) -> Exchange {
    let (answer, failure) = match &outcome.answer {
        Ok(answer) => (Some(redacted_answer(answer, redactor)), None),
        Err(failure) => (None, Some(failure.clone())),
    };
    Exchange {
        id,
        request: redacted_request(request, redactor),
        answer,
        failure,
        seen: None,
        connection: outcome.connection.clone(),
        started_ms,
        first_byte_us: outcome.timing.first_byte.map(|t| t.as_micros() as u64),
        total_us: outcome.timing.total.as_micros() as u64,
        retried,
    }
}

fn redacted_request(request: &Request, redactor: &Redactor) -> RecordedRequest {
    RecordedRequest {
        origin: request.origin.clone(),
        version: match request.version {
            Version::H1 => "1.1".to_owned(),
            Version::H2 => "2".to_owned(),
        },
        method: request.method.clone(),
        target: redactor.bytes(&request.target),
        headers: request
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), redactor.bytes(value)))
            .collect(),
        body: redactor.bytes(kept(&request.body)),
        body_bytes: request.body.len() as u64,
    }
}

fn redacted_answer(answer: &Answer, redactor: &Redactor) -> RecordedAnswer {
    RecordedAnswer {
        version: answer.version.clone(),
        status: answer.status,
        reason: redactor.bytes(&answer.reason),
        headers: answer
            .headers
            .iter()
            .map(|(name, value)| (redactor.text(name), redact_line(name, value, redactor)))
            .collect(),
        body: redactor.bytes(&answer.body),
        truncated: answer.truncated,
        interim: answer.interim.clone(),
    }
}

/// A cookie's value may be a session that nobody told us of; long ones are never kept.
fn redact_line(name: &str, value: &[u8], redactor: &Redactor) -> Octets {
    let shown = redactor.bytes(value);
    if !name.eq_ignore_ascii_case("set-cookie") {
        return shown;
    }
    let text = shown.text().into_owned();
    let Some((cookie, rest)) = text.split_once('=') else {
        return shown;
    };
    let (content, attributes) = rest.split_at(rest.find(';').unwrap_or(rest.len()));
    if content.len() < 8 || content.contains(crate::journal::MARK_OPEN) {
        return shown;
    }
    let mark = redactor.shown(&format!("cookie {}", cookie.trim()), content);
    Octets(format!("{cookie}={mark}{attributes}").into_bytes())
}
