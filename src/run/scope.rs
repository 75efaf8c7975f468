use std::collections::HashMap;

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
    /// A right or forged proof of possession for this request, and another, right one; empty where none is due.
    pub proofs: Vec<String>,
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
            ["proof"] => self.proofs.first(),
            ["another_proof"] => self.proofs.get(1),
            _ => None,
        };
        if let Some(proof) = proof {
            return Some(Found::Literal(Value::String(proof.clone())));
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
