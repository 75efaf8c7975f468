use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use indexmap::IndexMap;
use serde_json::{Map, Value};

use crate::suite::Secrets;
use crate::suite::plan::{Bindings, Plan, PlanScope};
use crate::suite::template::{Found, Scope};

/// Names that a request refers to: raw captures, values of the attempt, placeholders, credentials, then the plan's.
pub struct RequestScope<'a> {
    pub plan: &'a Plan,
    pub bindings: &'a Bindings,
    pub values: &'a Map<String, Value>,
    /// Captured values as they came, secrets included.
    pub captured: &'a HashMap<String, Value>,
    /// Placeholders of the operation, `values` of the step before those of the principal.
    pub placeholders: Map<String, Value>,
    /// `values` of the step, which go before everything else.
    pub given: IndexMap<String, Value>,
    /// Credentials that were fetched, by `PRINCIPAL.KIND`.
    pub credentials: &'a HashMap<String, String>,
    pub proofs: Proofs,
    /// What operations read as `${secret.NAME}`.
    pub secrets: &'a Secrets,
}

impl Scope for RequestScope<'_> {
    fn find(&self, path: &[&str]) -> Option<Found> {
        let name = path.join(".");
        if let Some(value) = self.given.get(&name) {
            return Some(Found::Template(value.clone()));
        }
        if let Some(value) = self.captured.get(&name).or_else(|| self.values.get(&name)) {
            return Some(Found::Literal(value.clone()));
        }
        let proof = match path {
            ["proof"] => self.proofs.referred_to(),
            ["another_proof"] => self.proofs.another_referred_to(),
            _ => None,
        };
        if let Some(proof) = proof {
            return Some(Found::Literal(Value::String(proof.to_owned())));
        }
        if let ["credentials", rest @ ..] = path {
            let value = self.credentials.get(&rest.join("."))?;
            return Some(Found::Literal(Value::String(value.clone())));
        }
        if let ["secret", rest @ ..] = path {
            let value = self.secrets.get(&rest.join("."))?;
            return Some(Found::Literal(Value::String(value.to_owned())));
        }
        if let Some(value) = self.placeholders.get(&name) {
            return Some(Found::Template(value.clone()));
        }
        PlanScope {
            target: &self.plan.target,
            lists: &self.plan.lists,
            bindings: self.bindings,
        }
        .find(path)
    }
}

/// The proofs of possession of one request: its own, right or forged, and another, right one; none where none is due.
///
/// What a proof is for is only known when the request is made, so the request is made with drafts in their places
/// first. Where nothing but the field of the proof holds one, the draft in it gives way to the proof; a request that
/// refers to proofs elsewhere is made a second time.
#[derive(Default)]
pub struct Proofs {
    own: Option<String>,
    another: Option<String>,
    is_referred_to: AtomicBool,
    is_another_referred_to: AtomicBool,
}

const DRAFT: &str = "a draft of a proof";
const ANOTHER_DRAFT: &str = "another draft of a proof";

impl Proofs {
    pub fn drafts() -> Self {
        Self::of(DRAFT.to_owned(), Some(ANOTHER_DRAFT.to_owned()))
    }

    pub fn of(own: String, another: Option<String>) -> Self {
        Self {
            own: Some(own),
            another,
            ..Self::default()
        }
    }

    /// The one that goes into the field.
    pub fn own(&self) -> Option<&str> {
        self.own.as_deref()
    }

    /// Whether the request that was made has a place for another proof.
    pub fn is_another_wanted(&self) -> bool {
        self.is_another_referred_to.load(Ordering::Relaxed)
    }

    /// Whether the request that was made holds a proof anywhere but in its field.
    pub fn are_wanted_elsewhere(&self) -> bool {
        self.is_referred_to.load(Ordering::Relaxed) || self.is_another_wanted()
    }

    fn referred_to(&self) -> Option<&str> {
        self.is_referred_to.store(true, Ordering::Relaxed);
        self.own.as_deref()
    }

    fn another_referred_to(&self) -> Option<&str> {
        self.is_another_referred_to.store(true, Ordering::Relaxed);
        self.another.as_deref()
    }
}
