//! What a flawed limiter makes of logins: it counts by account, or forgives failures.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::limiter::Slot;
use crate::reference::http::{Body, Request};

/// Callers whose failures are remembered at most.
const KEPT: usize = 10_000;

/// Failures of each caller since he last succeeded.
#[derive(Default)]
pub struct Failures(Mutex<HashMap<Slot, u32>>);

impl Failures {
    /// How many are forgiven now that a request ended so.
    pub fn ended(&self, slot: &Slot, is_failure: bool) -> u32 {
        // Counts are numbers; a panic under the lock leaves none of them half written.
        let mut failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !is_failure {
            return failures.remove(slot).unwrap_or_default();
        }
        if failures.len() >= KEPT {
            failures.clear();
        }
        *failures.entry(slot.clone()).or_default() += 1;
        0
    }
}

/// The account that a login names.
pub fn account(request: &Request) -> Option<String> {
    let Body::Bytes(octets) = &request.body else {
        return None;
    };
    let body: serde_json::Value = serde_json::from_slice(octets).ok()?;
    body.get("email")?.as_str().map(ToOwned::to_owned)
}
