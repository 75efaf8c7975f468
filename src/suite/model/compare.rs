use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::expectation::Expectation;
use super::matching::OneOrMany;
use super::step::{Capture, Send};

/// Runs of a comparison where it does not say how many.
const RUNS: usize = 3;

/// Measures how long each of several requests takes to be answered: round by round one of each, in an order that chance
/// decides, one after the other on one connection that is kept. Needs the consent `load`, and the check is to be
/// `alone`. What is expected is judged over the whole: `seen` is what the times say, `status`, `header`, `body` and
/// captures are those of the first answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Compare {
    /// Two to four requests, each time prepared by itself; `${runner}` is the number of the round from 0, `${random}`
    /// unguessable text. A difference counts where each takes longer than the one before it, or each shorter.
    pub compare: Vec<Send>,
    /// Rounds of each run: a number, or a reference to one.
    pub times: Value,
    /// Runs, each judged by itself: a difference counts only where all agree. Default: 3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runs: Option<usize>,
    /// What a correct target must answer for the check to be judged at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control: Option<OneOrMany<Expectation>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expect: Option<OneOrMany<Expectation>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub should: Option<OneOrMany<Expectation>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advise: Option<OneOrMany<Expectation>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub save: Option<String>,
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub capture: IndexMap<String, Capture>,
}

impl Compare {
    /// At least one.
    pub fn runs(&self) -> usize {
        self.runs.unwrap_or(RUNS).max(1)
    }
}
