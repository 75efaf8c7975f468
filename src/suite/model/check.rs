use std::sync::Arc;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::expectation::Conditions;
use super::level::DeclaredLevel;
use super::matching::StatusSet;
use super::proof::Proof;
use super::step::{Send, Step};

/// One file of checks about one subject.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Suite {
    /// The name, equal to the file's.
    pub suite: String,
    pub title: String,
    /// Lists of values that checks refer to as `${list.NAME}` or run over with `for_each`.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub lists: IndexMap<String, Vec<Value>>,
    /// Answers worth looking at, and how to provoke each.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub situations: IndexMap<String, Situation>,
    /// Checks under a common name, by which `--check @NAME` asks for them: those that another catalogue knows, say.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub selections: IndexMap<String, NamedSelection>,
    #[serde(default)]
    pub checks: Vec<Arc<Check>>,
}

/// Checks of any suites, put together for a purpose.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NamedSelection {
    /// What they have in common.
    pub title: String,
    /// Their ids, each in full.
    pub checks: Vec<String>,
}

/// One promise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// Upper case, words and a number: `AUTH-401-01`. Written by hand and never used again.
    pub id: String,
    /// The promise; reads as true of a target that keeps it.
    pub title: String,
    pub level: DeclaredLevel,
    /// Document and section: `RFC 9110 §15.5.2`.
    pub source: String,
    /// What it costs when the promise is broken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    #[serde(default, skip_serializing_if = "Needs::is_empty")]
    pub needs: Needs,
    /// The matrix: one case for each combination of values.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub for_each: IndexMap<String, Domain>,
    /// Sent before and after the steps; what is not answered as it says makes the case inconclusive.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub control: Vec<Send>,
    pub steps: Vec<Step>,
    /// Sent in the end in any case, to clean up; never judged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub always: Vec<Send>,
    /// Runs with nothing beside it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub alone: bool,
    /// Runs when everything else has, with nothing beside it: it looks back on the whole run.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub last: bool,
    /// It is a matter of moments: it is carried out so many times, each time with new values, and one that breaks the
    /// promise is enough. Otherwise what is broken once must be broken again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rounds: Option<u32>,
    /// When no verdict is reached although everything was sent, for the reader.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inconclusive: Option<String>,
    /// What to do about it.
    pub remedy: String,
    /// The flaws of the reference deployments that make it fail; `[]` for a check of your own that none of them has anything
    /// for. `prove` names it.
    pub proved_by: Vec<Proof>,
}

impl Check {
    /// Whether it changes the keys of the issuer that we play, or counts who asks for them.
    pub fn rotates(&self) -> bool {
        self.steps.iter().any(|step| {
            matches!(step, Step::Rotate(_))
                || step
                    .promises()
                    .any(|conditions| conditions.key_fetches.is_some())
        })
    }

    /// Whether it sends one request so often that a rate limit is spent.
    pub fn spends(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, Step::Burst(_)))
    }

    /// Whether it sends more than a person would.
    pub fn needs_load(&self) -> bool {
        self.steps.iter().any(|step| match step {
            Step::Burst(_) | Step::Compare(_) => true,
            Step::Poll(poll) => poll.at_once.is_some(),
            _ => false,
        })
    }

    /// Whether it asks what our listener noticed.
    pub fn listens(&self) -> bool {
        let asks = |conditions: &Conditions| conditions.listener.is_some();
        self.steps.iter().any(|step| step.promises().any(asks))
    }

    /// Whether the check says that it fails with this flaw of this contract's deployment.
    pub fn proves(&self, contract: &str, flaw: &str) -> bool {
        self.proved_by
            .iter()
            .any(|proof| proof.says(contract, flaw))
    }
}

/// What must be there for the check to be run; what is missing makes it skipped with that reason.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Needs {
    /// `load`, `destructive`. Writes are seen from the steps.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub consent: Vec<String>,
    /// Features that contract or target declare (`cookies`, `pages`, `problem-details`…).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub features: Vec<String>,
    /// Parameters that must have a value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub params: Vec<String>,
    /// Only where the target is reached by a DNS name and not by an IP address.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dns_name: bool,
    /// Only where the plain-HTTP address is not the https one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub plain_address: bool,
}

impl Needs {
    fn is_empty(&self) -> bool {
        *self == Needs::default()
    }
}

/// What one variable of a matrix runs over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Domain {
    /// Listed values. One that is an object has a `name`, which labels the case.
    Values(Vec<Value>),
    Selected(Box<Selected>),
}

/// Values selected from the target. Exactly one of the first eight. Where words select, `a|b` is one word that either fits.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Selected {
    /// Operations that are all of these words: `with-token` (used with a token that is described under `tokens`), `public`, `protected`, `read`, `write`, `with-body`, `with-state`,
    /// `with-violations`, `restricted` (some principal has a login and not the right), a method, or of their `is`. A word
    /// may refer to an earlier variable (`${method}`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operations: Option<String>,
    /// Principals that are all of these words: `anonymous`, `authenticated`, a role, or of their `is`; or
    /// `allowed`, `forbidden` (for the operation of `on`; ordinary principals, whose `is` is empty), `entitled`,
    /// `unentitled` (the same for whatever principals), `same-role`, `other-tenant` (than the principal of `on`). A word
    /// may refer to an earlier variable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principals: Option<String>,
    /// A named list of the suite.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list: Option<String>,
    /// `all`, or situations that are all of these words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub situations: Option<String>,
    /// Names of the violations of the operation of this variable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub violations: Option<String>,
    /// Forgeries of the catalogue by id, which stands for all of its variants, or by full name (`ENTRY/VARIANT`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub forgeries: Vec<String>,
    /// A parameter that is a list (its members), an object (`name` and `value` of each) or a text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub param: Option<String>,
    /// `all`, or declared rate limits that are all of these words, of which those of the kind `concurrency` are only where that or their name is one: `credential`, `user`, `address`, a kind, a name, `with-kind`, `with-write`, `with-batch`, `with-operations`, `apart` (names operations, none of which the limit that `on` names is about).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_limits: Option<String>,
    /// Of the target file's `nodes`, by number, where it lists at least two.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nodes: Option<Nodes>,
    /// The variable that `principals` refers to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on: Option<String>,
    /// Words that it must not be; for a parameter or violations, members that are left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not: Option<String>,
    /// At most so many, the first ones in the order of the files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub take: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Nodes {
    All,
    /// All but the first.
    Others,
}

/// An answer worth looking at: how to provoke it, and the status by which it is known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Situation {
    pub title: String,
    pub status: StatusSet,
    /// Words by which checks select it (`error`, `api`, `page`, `protected`…).
    #[serde(rename = "is", default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<String>,
    /// Which operation and principal it uses: the first match of each.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub for_each: IndexMap<String, Domain>,
    pub request: Send,
    /// Sent so many times at most, until it is answered with the status: a number, or a reference to one. Needs the
    /// consent `load`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_most: Option<Value>,
    /// The local address to send from: one of the target file's `addresses`, by its number from 0, or a reference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Value>,
}
