//! An id for every request, told in a header and in error bodies, so that a complaint can be found in the log.

use std::sync::atomic::{AtomicU64, Ordering};

use super::Edge;
use crate::reference::flaw::{Flaw, flaw};
use crate::reference::http::{Request, Response};

pub const FLAWS: &[Flaw] = &[
    flaw(
        "correlation-id-constant",
        "Gives every request the same id.",
        "good practice",
    ),
    flaw(
        "correlation-id-sequential",
        "Counts requests and tells the count as the id.",
        "good practice",
    ),
    flaw(
        "request-id-echoed-raw",
        "Sends back whatever id the client sent, markup and all.",
        "good practice",
    ),
    flaw(
        "request-id-crashes",
        "Answers 500 to an id longer than 64 octets.",
        "good practice",
    ),
];

/// Faults of deployments that tell the id in a header alone.
pub const HEADER_FLAWS: &[Flaw] = &[flaw(
    "correlation-id-missing-on-errors",
    "Leaves the id header out of error answers.",
    "good practice",
)];

/// Longest id taken over from a client, in octets.
const LONGEST: usize = 64;

#[derive(Default)]
pub struct Ids(AtomicU64);

impl Ids {
    /// The id for this request: 128 random bits in hex, or the client's own where the contract takes it.
    pub fn assign(&self, edge: &Edge, request: &Request) -> String {
        if edge.flaws.has("correlation-id-constant") {
            return "req-00000000000000000000000000000001".to_owned();
        }
        if edge.flaws.has("correlation-id-sequential") {
            return format!("req-{:032}", self.0.fetch_add(1, Ordering::Relaxed));
        }
        if let Some(sent) = sent(request)
            && (edge.flaws.has("request-id-echoed-raw") || (edge.id_from_client && is_sound(sent)))
        {
            return sent.to_owned();
        }
        format!("req-{:032x}", rand::random::<u128>())
    }
}

fn sent(request: &Request) -> Option<&str> {
    request.fields.get("x-request-id")
}

fn is_sound(id: &str) -> bool {
    (1..=LONGEST).contains(&id.len())
        && id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

/// Whether the flawed deployment chokes on the id.
pub fn chokes(edge: &Edge, request: &Request) -> bool {
    sent(request).is_some_and(|id| id.len() > LONGEST) && edge.flaws.has("request-id-crashes")
}

pub fn apply(edge: &Edge, response: &mut Response, id: &str) {
    if response.status >= 400
        && edge
            .flaws
            .has_if_declared("correlation-id-missing-on-errors")
    {
        return;
    }
    response.set(edge.id_header, id);
}
