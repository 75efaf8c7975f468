//! The plan: every check expanded for one target, with what is skipped and why. It goes into the journal whole, so that
//! judge and reports need nothing else.

use std::sync::Arc;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::model::{Body, Check, Level, Situation};
use super::target::Target;
use super::template::{Found, Scope};
use crate::jose::forgery::Forgery;

/// Names of the unguessable values that every attempt makes anew: `canary` and `canary2` (letters and digits), digits
/// in hexadecimal, a version 4 UUID, a number of six digits, and where there is one the address of our listener. `canary` is another one in controls.
pub const ATTEMPT_VALUES: [&str; 7] = [
    "canary", "canary2", "hex16", "hex64", "uuid", "number", "listener",
];

/// The number of a request in its race, burst or poll, or of its round in a comparison, from 0.
pub const RUNNER: &str = "runner";
/// Unguessable letters and digits, others for each request of a step that sends many.
pub const RANDOM: &str = "random";

/// Where an attempt keeps the `canary` of its controls.
pub const CONTROL_CANARY: &str = "canary of controls";

/// The values of an attempt as its controls see them: `canary` is another one than in the steps, so that what a control
/// plants is never taken for the effect of a step.
pub fn of_control(values: &Map<String, Value>) -> Map<String, Value> {
    let mut own = values.clone();
    if let Some(canary) = own.get(CONTROL_CANARY).cloned() {
        own.insert("canary".to_owned(), canary);
    }
    own
}

/// Values of the variables of a matrix, in the order of `for_each`.
pub type Bindings = Map<String, Value>;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    pub target: Target,
    /// Lists of all suites, by name.
    pub lists: IndexMap<String, Vec<Value>>,
    pub situations: IndexMap<String, PlannedSituation>,
    /// Every forgery that some case uses, by its full name.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub forgeries: IndexMap<String, PlannedForgery>,
    pub checks: IndexMap<String, PlannedCheck>,
    pub cases: Vec<Case>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedCheck {
    pub suite: String,
    /// The check's level under this contract and target.
    pub level: Level,
    pub check: Arc<Check>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedSituation {
    pub situation: Situation,
    pub bindings: Bindings,
}

/// A forgery as the plan holds it: what the forger hopes for, and the change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedForgery {
    pub tries: String,
    pub source: String,
    pub change: Forgery,
}

/// One cell of a check's matrix.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// Unique in the plan: the check's id, and the values in brackets where there is a matrix.
    pub id: String,
    pub check: String,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub bindings: Bindings,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skip: Option<Skip>,
}

/// Why a case is not run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skip {
    pub reason: SkipReason,
    /// One sentence for the reader.
    pub says: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SkipReason {
    /// The contract leaves the check out, for a reason of its own.
    NotApplicable,
    /// The target file does not allow it.
    Consent,
    /// The target has nothing that the check is about, or the target file does not say.
    Missing,
    /// The answer that the check looks at could not be provoked here.
    NotCovered,
}

impl SkipReason {
    pub fn word(self) -> &'static str {
        match self {
            SkipReason::NotApplicable => "not-applicable",
            SkipReason::Consent => "consent",
            SkipReason::Missing => "missing",
            SkipReason::NotCovered => "not-covered",
        }
    }
}

/// The names that a plan gives to templates: variables of the matrix, parameters, lists, operations, the target's
/// addresses. Values of an attempt (`canary`, captures) are laid over it by run and judge.
pub struct PlanScope<'a> {
    pub target: &'a Target,
    pub lists: &'a IndexMap<String, Vec<Value>>,
    pub bindings: &'a Bindings,
}

impl Scope for PlanScope<'_> {
    fn find(&self, path: &[&str]) -> Option<Found> {
        let (first, rest) = path.split_first()?;
        if let Some(value) = self.bindings.get(*first) {
            if rest.is_empty() {
                return Some(Found::Template(value.clone()));
            }
            if let Some(found) = member(value, rest) {
                return Some(Found::Template(found));
            }
            return self.named(value.as_str()?, rest);
        }
        match *first {
            "param" => {
                let (name, rest) = rest.split_first()?;
                member(self.target.params.get(*name)?, rest).map(Found::Template)
            }
            "value" => {
                let (name, rest) = rest.split_first()?;
                member(self.target.values.get(*name)?, rest).map(Found::Literal)
            }
            "list" => Some(Found::Template(Value::Array(
                self.lists.get(*rest.first()?)?.clone(),
            ))),
            "target" => target_fact(self.target, rest).map(Found::Literal),
            "operation" | "operations" | "principals" => {
                let (name, rest) = rest.split_first()?;
                self.named(name, rest)
            }
            _ => None,
        }
    }
}

impl PlanScope<'_> {
    /// The first protected operation that the principal may read: where a good credential of its shows as such.
    fn opens(&self, principal: &str) -> Option<&str> {
        const OTHERS: [&str; 3] = ["item", "page", "redirect"];
        let mut all = self.target.operations.iter();
        let found = all.find(|(_, one)| {
            one.method == "GET"
                && one.allow.is_some()
                && self.target.may(principal, one)
                && !one.kinds.iter().any(|kind| OTHERS.contains(&kind.as_str()))
                && !one.path.contains("${")
        });
        found.map(|(name, _)| name.as_str())
    }

    /// A member of the operation or principal of this name.
    fn named(&self, name: &str, rest: &[&str]) -> Option<Found> {
        let [what, inner @ ..] = rest else {
            return None;
        };
        if let Some(operation) = self.target.operations.get(name) {
            let value = match *what {
                "name" => json!(name),
                "method" => json!(operation.method),
                "path" => json!(format!("{}{}", self.target.prefix, operation.path)),
                "path_below_base" => json!(operation.path),
                "state" => json!(operation.state.as_ref()?),
                "state_as" => json!(operation.state_as.as_ref()?),
                "made_by" => json!(operation.made_by.as_ref()?),
                "made" => json!(self.target.made_value(operation)?),
                "makes" => serde_json::to_value(operation.makes.as_ref()?).ok()?,
                "writes" if operation.writes() => json!(true),
                "success" => serde_json::to_value(&operation.success).ok()?,
                "body" if operation.body.is_some() => json!(true),
                "json" => match operation.body.as_ref()? {
                    Body::Json(value) => value.clone(),
                    _ => return None,
                },
                _ => return None,
            };
            return Some(Found::Template(value));
        }
        let principal = self.target.principals.get(name)?;
        match *what {
            "name" => Some(Found::Literal(json!(name))),
            "jwks" => {
                let (_, terms) = super::forging::token_kind(self.target, name)?;
                let jwks = terms.jwks.as_ref()?;
                let path = self
                    .target
                    .operations
                    .get(jwks)
                    .map_or(jwks, |operation| &operation.path);
                Some(Found::Literal(json!(path)))
            }
            "opens" => Some(Found::Literal(json!(self.opens(name)?))),
            "tenant" => Some(Found::Literal(json!(principal.tenant.as_ref()?))),
            "values" => {
                let (key, rest) = inner.split_first()?;
                member(principal.values.get(*key)?, rest).map(Found::Template)
            }
            _ => None,
        }
    }
}

fn member(value: &Value, path: &[&str]) -> Option<Value> {
    path.iter()
        .try_fold(value, |value, key| value.get(*key))
        .cloned()
}

fn target_fact(target: &Target, path: &[&str]) -> Option<Value> {
    let [fact] = path else { return None };
    let authority = target.https.authority();
    Some(match *fact {
        "host" => json!(target.https.host),
        "port" => json!(target.https.port),
        "authority" => json!(authority),
        "origin" => json!(target.https.to_string()),
        "url" => json!(format!("{}{}", target.https, target.prefix)),
        "prefix" => json!(target.prefix),
        "plain_authority" => json!(target.plain.as_ref()?.authority()),
        "name" => json!(target.name),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_control_plants_is_not_what_a_step_looks_for() {
        let mut values = Map::new();
        values.insert("canary".to_owned(), json!("pm1"));
        values.insert("canary2".to_owned(), json!("pm2"));
        values.insert(CONTROL_CANARY.to_owned(), json!("pm3"));
        let own = of_control(&values);
        assert_eq!(own["canary"], "pm3");
        assert_eq!(own["canary2"], "pm2");
        assert_eq!(values["canary"], "pm1");
    }
}
