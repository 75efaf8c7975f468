use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::expectation::Expectation;
use super::matching::OneOrMany;
use super::step::{Capture, Send};

/// New answers after which a poll is over where it does not say how many.
pub const STRAIGHT: usize = 20;

/// Sends a request again and again until its answer is another, and tells how long that took. An answer of which `until`
/// holds is new, any other is old; 429, 502, 503 and 504 and no answer at all are neither, and a request over HTTP/2 at
/// a target without it does not count. What is expected is judged over the whole: `seen` is the tally, `status`,
/// `header`, `body` and captures are those of the last answer that was old or new.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Poll {
    /// The requests, which take turns. `${runner}` is the number of each from 0.
    pub poll: Vec<Polled>,
    /// What the new answer is known by.
    pub until: OneOrMany<Expectation>,
    /// Seconds from one round to the next: a number, or a reference to one. Default: 0.1; never less than 0.01.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every_s: Option<Value>,
    /// Requests of one round, under way at the same time. Default: 1. More need the consent `load`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_once: Option<Value>,
    /// Sent once, in the middle of the second round; the time counts from its answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meanwhile: Option<Box<Send>>,
    /// The time counts from the answer to the earlier step of this `save` name. Default: from that to `meanwhile`, or
    /// from when the first request was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Seconds within which the new answer is promised: a number, or a reference to one. Default: 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub within_s: Option<Value>,
    /// Seconds that it goes on past that while the answer is the old one, to see how late the new one is. Default: 10.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub past_s: Option<Value>,
    /// It ends after so many new answers without an old one between them: a number, or a reference to one. Default: 20.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub straight: Option<Value>,
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

/// One request of a poll.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Polled {
    /// Each time prepared by itself.
    Send(Box<Send>),
    Again(Again),
}

/// The request of an earlier step, byte for byte.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Again {
    /// The `save` name of the earlier step.
    pub resend: String,
    /// To this machine, as for `send`. Default: where the earlier one went.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<Value>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fresh_connection: bool,
}

impl Poll {
    /// Where in `poll` a request stands; `None` for that of `meanwhile`.
    pub fn place(&self, request: &Send) -> Option<usize> {
        let is_it =
            |one: &Polled| matches!(one, Polled::Send(send) if std::ptr::eq(&**send, request));
        self.poll.iter().position(is_it)
    }

    /// The requests that it spells out.
    pub fn requests(&self) -> impl Iterator<Item = &Send> {
        let polled = self.poll.iter().filter_map(|one| match one {
            Polled::Send(send) => Some(&**send),
            Polled::Again(_) => None,
        });
        polled.chain(self.meanwhile.as_deref())
    }
}
