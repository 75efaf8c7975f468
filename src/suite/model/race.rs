use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::expectation::Expectation;
use super::matching::OneOrMany;
use super::step::{Capture, Send};

/// Sends requests that meet the target in the same instant: over HTTP/1.1 each on a connection of its own, its last
/// octet held back until all are ready; over HTTP/2 as streams of one connection. What is expected is judged over the
/// whole: `seen` is the tally, `status`, `header`, `body` and captures are those of the first answer that was accepted
/// (2xx), or of the first answer where none was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Race {
    /// Who runs; at most 100 in all.
    pub race: Vec<Runners>,
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
    /// Of the first answer that was accepted. What is `secret` is looked for in every answer.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub capture: IndexMap<String, Capture>,
}

/// Requests of one kind in a race.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Runners {
    Copies(Copies),
    Times(Times),
}

impl Runners {
    pub fn request(&self) -> &Send {
        match self {
            Runners::Copies(copies) => &copies.of,
            Runners::Times(times) => &times.of,
        }
    }

    pub fn number(&self) -> &Value {
        match self {
            Runners::Copies(copies) => &copies.copies,
            Runners::Times(times) => &times.times,
        }
    }
}

/// One request many times, octet for octet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Copies {
    /// A number, or a reference to one.
    pub copies: Value,
    pub of: Box<Send>,
}

/// Many requests, each prepared by itself: a proof of its own, and `${runner}` is its number from 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Times {
    /// A number, or a reference to one.
    pub times: Value,
    pub of: Box<Send>,
}

/// Sends one request many times, in order; it spends a declared limit. `seen` is the tally of all answers; `status`,
/// `header`, `body` and captures are those of the first 429, or of the last answer where there is none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Burst {
    /// Each time prepared by itself; `${runner}` is its number from 0, `${random}` unguessable text.
    pub burst: Box<Send>,
    /// At most so many: a number, or a reference to one. Needs the consent `load` and stays below its cap.
    pub times: Value,
    /// Go no further than the first 429.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub until_refused: bool,
    /// Spread evenly over so many seconds: a number, or a reference to one. Default: as fast as consent allows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub over_s: Option<Value>,
    /// Requests under way at the same time, on as many connections. Default: 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_once: Option<Value>,
    /// The local address to send from: one of the target file's `addresses`, by its number from 0, or a reference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Value>,
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
