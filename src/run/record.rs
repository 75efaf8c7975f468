//! Wire → journal: what was sent and what came back, with secrets replaced by their names.

use crate::journal::{Exchange, ExchangeId, Octets, RecordedAnswer, RecordedRequest, Redactor};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use crate::wire::{Answer, Failure, Outcome, Request, Version};

/// Octets of a request's body that the journal keeps. Larger bodies are fillers that the plan can make again.
const KEPT_REQUEST_BYTES: usize = 16 * 1024;

/// Octets of answer bodies that a run keeps before it begins to cut them short.
const ROOM_BYTES: usize = 64 * 1024 * 1024;
/// One body takes at most this part of the room that is left.
const SHARE: usize = 64;
/// So much is kept of every body, however little room is left.
const LEAST_KEPT_BYTES: usize = 1024;

/// Room for the bodies of a whole run, so that a target cannot fill our memory with many large answers. The more of it
/// is taken, the less one body gets; what is cut is marked as truncated, and is not judged.
pub struct Room(AtomicUsize);

impl Default for Room {
    fn default() -> Self {
        Self(AtomicUsize::new(ROOM_BYTES))
    }
}

impl Room {
    /// Cuts the body to what there is room for; `true` where something was lost.
    fn take(&self, body: &mut Vec<u8>) -> bool {
        let most = (self.0.load(Ordering::Relaxed) / SHARE).max(LEAST_KEPT_BYTES);
        let cut = body.len() > most;
        if cut {
            let end = std::str::from_utf8(body).map_or(most, |text| text.floor_char_boundary(most));
            body.truncate(end);
            body.shrink_to_fit();
        }
        let taken = body.len();
        let _ = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                Some(left.saturating_sub(taken))
            });
        cut
    }
}

/// The answer as it came, for captures; nothing is replaced in it, so it never leaves the run.
pub fn raw_answer(answer: &Answer) -> RecordedAnswer {
    RecordedAnswer {
        version: answer.version.clone(),
        status: answer.status,
        reason: Octets(answer.reason.clone()),
        headers: lines(&answer.headers),
        body: Octets(answer.body.to_vec()),
        truncated: answer.truncated,
        interim: answer.interim.clone(),
        trailers: lines(&answer.trailers),
    }
}

fn lines(fields: &[(String, Vec<u8>)]) -> Vec<(String, Octets)> {
    let line = |(name, value): &(String, Vec<u8>)| (name.clone(), Octets(value.clone()));
    fields.iter().map(line).collect()
}

/// From when a request had its turn until there was an answer or none, in milliseconds since the run began.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    pub started_ms: u64,
    pub ended_ms: u64,
}

/// The exchange as the journal keeps it. `retried` is redacted already.
pub fn exchange(
    id: ExchangeId,
    request: &Request,
    outcome: &Outcome,
    span: Span,
    retried: Vec<String>,
    redactor: &Redactor,
    room: &Room,
) -> Exchange {
    let (answer, failure) = match &outcome.answer {
        Ok(answer) => (Some(redacted_answer(answer, redactor, room)), None),
        Err(failure) => (None, Some(redacted_failure(failure, redactor))),
    };
    Exchange {
        id,
        request: redacted_request(request, redactor),
        answer,
        failure,
        seen: None,
        connection: outcome.connection.clone(),
        started_ms: span.started_ms,
        ended_ms: Some(span.ended_ms),
        first_byte_us: outcome.timing.first_byte.map(|t| t.as_micros() as u64),
        total_us: outcome.timing.total.as_micros() as u64,
        retried,
        calls: Vec::new(),
        heard: false,
        key_fetches: None,
        released_us: outcome.timing.released.map(|t| t.as_micros() as u64),
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
            .map(|(name, value)| (name.clone(), redactor.sent(value)))
            .collect(),
        body: kept_body(&request.body, redactor),
        body_bytes: request.body.len() as u64,
    }
}

/// Redacted first and cut then, so that no half of a secret is left at the end.
fn kept_body(body: &[u8], redactor: &Redactor) -> Octets {
    let spare = redactor.longest_secret();
    let mut shown = redactor.bytes(&body[..body.len().min(KEPT_REQUEST_BYTES + spare)]);
    shown.0.truncate(KEPT_REQUEST_BYTES);
    shown
}

/// A failure may quote what the target sent.
pub fn redacted_failure(failure: &Failure, redactor: &Redactor) -> Failure {
    let shown = |text: &String| redactor.fragments(text);
    match failure {
        Failure::Unresolved(text) => Failure::Unresolved(shown(text)),
        Failure::Tls(text) => Failure::Tls(shown(text)),
        Failure::Malformed(text) => Failure::Malformed(shown(text)),
        Failure::TooLarge(text) => Failure::TooLarge(shown(text)),
        Failure::Unsendable(text) => Failure::Unsendable(shown(text)),
        Failure::Refused
        | Failure::Reset
        | Failure::Closed
        | Failure::Timeout(_)
        | Failure::Filtered
        | Failure::Cut => failure.clone(),
    }
}

/// Every string in a value that a target had a hand in.
pub fn redacted_value(value: Value, redactor: &Redactor) -> Value {
    mapped(value, &|text| redactor.text(text))
}

/// Every string in a value of ours: secrets are replaced, and what only looks like one is left.
pub fn known_replaced(value: Value, redactor: &Redactor) -> Value {
    mapped(value, &|text| {
        String::from_utf8_lossy(&redactor.known(text.as_bytes())).into_owned()
    })
}

fn mapped(value: Value, shown: &dyn Fn(&str) -> String) -> Value {
    match value {
        Value::String(text) => Value::String(shown(&text)),
        Value::Array(items) => items.into_iter().map(|item| mapped(item, shown)).collect(),
        Value::Object(members) => members
            .into_iter()
            .map(|(name, value)| (shown(&name), mapped(value, shown)))
            .collect(),
        other => other,
    }
}

fn redacted_answer(answer: &Answer, redactor: &Redactor, room: &Room) -> RecordedAnswer {
    let mut body = match super::coded::left_out(answer, redactor) {
        Some(said) => said,
        None if answer.truncated => redactor.bytes_cut_off(&answer.body),
        None => redactor.bytes(&answer.body),
    };
    let cut = room.take(&mut body.0);
    RecordedAnswer {
        version: answer.version.clone(),
        status: answer.status,
        reason: redactor.bytes(&answer.reason),
        headers: redacted_lines(&answer.headers, redactor),
        body,
        truncated: answer.truncated || cut,
        interim: answer.interim.clone(),
        trailers: redacted_lines(&answer.trailers, redactor),
    }
}

fn redacted_lines(fields: &[(String, Vec<u8>)], redactor: &Redactor) -> Vec<(String, Octets)> {
    let line = |(name, value): &(String, Vec<u8>)| {
        (redactor.text(name), redact_line(name, value, redactor))
    };
    fields.iter().map(line).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_stands_behind_a_body() {
        let mut redactor = Redactor::new([7; 32]);
        redactor.learn("user_token", "0123456789abcdef0123");
        let answer = Answer {
            version: "HTTP/1.1".to_owned(),
            status: 200,
            reason: Vec::new(),
            headers: Vec::new(),
            body: bytes::Bytes::new(),
            truncated: false,
            interim: Vec::new(),
            trailers: vec![
                ("X-Token".to_owned(), b"0123456789abcdef0123".to_vec()),
                ("Set-Cookie".to_owned(), b"sid=of-somebody; Path=/".to_vec()),
                ("RateLimit".to_owned(), b"\"all\";r=3".to_vec()),
            ],
        };
        let kept = redacted_answer(&answer, &redactor, &Room::default());
        let text = serde_json::to_string(&kept).unwrap();
        assert!(!text.contains("0123456789abcdef0123") && !text.contains("of-somebody"));
        assert!(kept.trailer("x-token")[0].contains("user_token"));
        assert_eq!(kept.trailer("ratelimit"), ["\"all\";r=3"]);
        assert!(kept.header("ratelimit").is_empty());
        assert_eq!(raw_answer(&answer).trailers.len(), 3);
    }
}
