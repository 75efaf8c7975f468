//! What a flawed deployment does with a key before it knows who asks and for what, or after nobody waits for the answer.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::key::HEADER;
use crate::reference::edge::errors::Error;
use crate::reference::flaw::{Flaw, FlawSet, flaw};
use crate::reference::http::{Request, Response};

pub const FLAWS: &[Flaw] = &[
    flaw(
        "idempotency-refused-body-stored",
        "Repeats under a key the refusal of a body that broke the schema.",
        "draft-ietf-httpapi-idempotency-key-header §2.7",
    ),
    flaw(
        "idempotency-refused-caller-stored",
        "Repeats under a key the refusal of whoever had no right.",
        "draft-ietf-httpapi-idempotency-key-header §2.7",
    ),
    flaw(
        "idempotency-locked-before-body",
        "Locks a key when the head has come, and leaves it locked when the body does not.",
        "draft-ietf-httpapi-idempotency-key-header §2.6",
    ),
    flaw(
        "idempotency-refusals-bare",
        "Answers 400, 409 and 422 for a request with a key without a word.",
        "draft-ietf-httpapi-idempotency-key-header §2.7",
    ),
];

/// Keys noted at most, by whatever came in their lines.
const KEPT: usize = 10_000;

/// Keys that were noted too early. Stays empty where no flaw is on.
#[derive(Default)]
pub struct Premature {
    refused: Mutex<HashMap<Vec<u8>, u16>>,
    locked: Mutex<HashMap<Vec<u8>, usize>>,
}

impl Premature {
    /// The refusal that was given under this key before.
    pub fn refusal(&self, request: &Request) -> Result<(), Error> {
        let status = sent(request).and_then(|key| lock(&self.refused).get(key).copied());
        match status {
            Some(status) => Err(Error::new(status, "REFUSED", "This was refused before.")),
            None => Ok(()),
        }
    }

    /// A last look at an answer.
    pub fn answered(&self, request: &Request, response: &mut Response, flaws: &FlawSet) {
        let Some(key) = sent(request) else {
            return;
        };
        let is_noted = match response.status {
            400 | 422 => flaws.has("idempotency-refused-body-stored"),
            401 | 403 | 429 => flaws.has("idempotency-refused-caller-stored"),
            _ => false,
        };
        let mut refused = lock(&self.refused);
        if is_noted && refused.len() < KEPT {
            refused.insert(key.to_vec(), response.status);
        }
        if matches!(response.status, 400 | 409 | 422) && flaws.has("idempotency-refusals-bare") {
            response.remove("Content-Type");
            response.body.clear();
        }
    }

    /// A head came, and its body is still to come.
    pub fn head_came(&self, head: &Request, flaws: &FlawSet) {
        if let Some(key) = sent(head)
            && flaws.has("idempotency-locked-before-body")
        {
            let mut locked = lock(&self.locked);
            if locked.len() < KEPT {
                *locked.entry(key.to_vec()).or_default() += 1;
            }
        }
    }

    /// The whole request came.
    pub fn came(&self, request: &Request) {
        if let Some(key) = sent(request)
            && let Some(number) = lock(&self.locked).get_mut(key)
        {
            *number = number.saturating_sub(1);
        }
    }

    /// 409 while another body under the key is to come.
    pub fn check_locked(&self, request: &Request) -> Result<(), Error> {
        let locked = lock(&self.locked);
        match sent(request).and_then(|key| locked.get(key)) {
            Some(number) if *number > 0 => Err(Error::conflict(
                "A request under this Idempotency-Key is on its way.",
            )),
            _ => Ok(()),
        }
    }
}

fn sent(request: &Request) -> Option<&[u8]> {
    let line = request.fields.all(HEADER).next()?;
    (!request.is_safe()).then_some(line)
}

/// A panic under the lock leaves the map as it was before or after one change.
fn lock<T>(map: &Mutex<T>) -> MutexGuard<'_, T> {
    map.lock().unwrap_or_else(PoisonError::into_inner)
}
