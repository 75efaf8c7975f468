use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::octets::Octets;
use crate::judge::Verdict;
use crate::suite::Plan;
use crate::wire::{Connection, Failure, Origin};

/// Version of the journal's form. A reader refuses a higher one, and reads lower ones.
pub const JOURNAL_VERSION: u32 = 1;

/// Number of an exchange in its journal, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ExchangeId(pub u64);

impl std::fmt::Display for ExchangeId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// One line of a journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "kebab-case")]
pub enum Record {
    Head(Box<Head>),
    Exchange(Arc<Exchange>),
    Attempt(Box<Attempt>),
    Verdict { case: String, verdict: Verdict },
    End(End),
}

/// First line: which program, when, and the whole plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Head {
    pub journal: u32,
    pub proofmark: String,
    /// RFC 3339, UTC.
    pub started: String,
    /// The one that the run goes by, unless it had secrets in it.
    pub plan: Arc<Plan>,
}

/// Shared by whoever looks at them: a run has tens of thousands.
pub type Exchanges = HashMap<ExchangeId, Arc<Exchange>>;

/// One request and its answer, as they were on the wire but for secrets, which appear as their names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Exchange {
    pub id: ExchangeId,
    pub request: RecordedRequest,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<RecordedAnswer>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// What a transport probe saw, in place of an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<Value>,
    pub connection: Connection,
    /// Since the run began.
    pub started_ms: u64,
    /// Since the run began: when its answer was complete, or there was to be none. Before lie the times of a connection
    /// that had to be made, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_byte_us: Option<u64>,
    /// From when its first octet was written.
    pub total_us: u64,
    /// Earlier tries of the same request that brought no usable answer: their status or failure, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retried: Vec<String>,
    /// What our listener noticed of the attempt until the answer had come.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<Call>,
    /// Whether somebody had called us in this run, at the listener or for the keys of an issuer at the same host, so
    /// that silence means something. Only where there is a listener.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub heard: bool,
    /// How often the keys of the issuer that we play were asked for since the attempt began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_fetches: Option<u64>,
    /// In a race: microseconds from the moment that its first request was let go until this one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released_us: Option<u64>,
}

/// A request that came to our listener.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    pub method: String,
    /// Path and query below the address of the attempt, cut short.
    pub target: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordedRequest {
    pub origin: Origin,
    /// `1.1`, `2`, or the name of a probe.
    pub version: String,
    pub method: String,
    pub target: Octets,
    pub headers: Vec<(String, Octets)>,
    #[serde(default)]
    pub body: Octets,
    /// Octets of the body that were sent; more than `body` holds where it was cut for the journal.
    #[serde(default)]
    pub body_bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordedAnswer {
    pub version: String,
    pub status: u16,
    pub reason: Octets,
    pub headers: Vec<(String, Octets)>,
    #[serde(default)]
    pub body: Octets,
    /// The body went on past the bound.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub interim: Vec<u16>,
    /// Field lines that came behind the body (RFC 9110 §6.5).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trailers: Vec<(String, Octets)>,
}

impl RecordedAnswer {
    /// Values of all field lines of this name, in order, without regard to case (RFC 9110 §5.1).
    pub fn header(&self, name: &str) -> Vec<String> {
        values(&self.headers, name)
    }

    /// The same of the lines behind the body.
    pub fn trailer(&self, name: &str) -> Vec<String> {
        values(&self.trailers, name)
    }
}

fn values(lines: &[(String, Octets)], name: &str) -> Vec<String> {
    lines
        .iter()
        .filter(|(n, _)| n.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.text().trim_matches([' ', '\t']).to_owned())
        .collect()
}

/// Which part of a check a step belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    Before,
    Steps,
    After,
    Always,
}

/// A step's place in its check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    pub phase: Phase,
    /// From 0.
    pub index: usize,
}

/// One time that a case was carried out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    pub case: String,
    /// From 1. A failure is only reported when a second attempt shows it too.
    pub number: u32,
    /// Values made for this attempt (`canary`…).
    #[serde(default)]
    pub values: Map<String, Value>,
    pub steps: Vec<StepTaken>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepTaken {
    #[serde(flatten)]
    pub slot: Slot,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange: Option<ExchangeId>,
    /// All exchanges of a step that sends many requests, in their order: of a poll that of its `meanwhile` before all
    /// others, of a comparison by run, round and request.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub group: Vec<ExchangeId>,
    /// Why the step could not be taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubt: Option<(Doubt, String)>,
    /// What the step needs cannot be made for this target; the case is not covered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_here: Option<String>,
    /// Left out, since what it was given for is not there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub left_out: bool,
}

impl StepTaken {
    /// A step that was taken without an exchange, such as a wait.
    pub fn at(slot: Slot) -> Self {
        Self {
            slot,
            exchange: None,
            group: Vec::new(),
            doubt: None,
            not_here: None,
            left_out: false,
        }
    }
}

/// Why a verdict could not be reached. A closed set; a sentence goes with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Doubt {
    /// A control was not answered as a correct target answers it.
    Control,
    /// No answer at all: DNS, connect, TLS, reset, timeout.
    Unreachable,
    /// 429, 502, 503 or 504 from something in the way, also after waiting.
    NotAnAnswer,
    /// The answer went on past our bound, and what was to be judged may lie there.
    Truncated,
    /// A principal's credential could not be had.
    Credential,
    /// A value that a later step needs was not in the answer.
    Capture,
    /// It failed once and held the second time.
    Unsteady,
    /// The requests of a race did not meet.
    Overlap,
    /// It failed, and the run ended before it could be tried again.
    Unrepeated,
    /// The check or the harness could not do what it was to do.
    Harness,
}

impl Doubt {
    pub fn word(self) -> &'static str {
        match self {
            Doubt::Control => "control",
            Doubt::Unreachable => "unreachable",
            Doubt::NotAnAnswer => "not-an-answer",
            Doubt::Truncated => "truncated",
            Doubt::Credential => "credential",
            Doubt::Capture => "capture",
            Doubt::Unsteady => "unsteady",
            Doubt::Overlap => "overlap",
            Doubt::Unrepeated => "unrepeated",
            Doubt::Harness => "harness",
        }
    }
}

/// Last line of a run that came to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    pub interrupted: bool,
    pub wall_ms: u64,
    pub exchanges: u64,
    /// Seconds that the target's clock was ahead of ours, by which tokens and proofs were dated; none where both agree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_ahead_s: Option<i64>,
}
