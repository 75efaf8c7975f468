use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A declared limit: so many requests in a window, for each of what it counts by. Contract and target file may each say
/// a part of it; without threshold and window there is none. One of the kind `concurrency` has no window.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RateLimitEntry {
    /// The threshold: requests that are let through in a window, or at the same time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<u32>,
    /// Seconds, also a fraction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window_s: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per: Option<Partition>,
    /// How requests are counted, where that is declared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<LimitKind>,
    /// Requests that may be accepted above or below, where nodes do not count together. Default: one, or one in twenty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tolerance: Option<u32>,
    /// Operations that count against it. Default: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operations: Option<Vec<String>>,
    /// The cheap operation that checks spend it with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spend: Option<String>,
    /// An operation that counts against it and changes something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write: Option<String>,
    /// An operation that counts against it and carries out several at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch: Option<Batch>,
    /// Principals that checks spend it as: a name, or a word of their `is`. Each has a credential that nothing else
    /// uses. Default: nobody.
    #[serde(rename = "as", skip_serializing_if = "Option::is_none")]
    pub principals: Option<String>,
}

impl RateLimitEntry {
    /// Whether it says how much it lets through.
    pub fn is_stated(&self) -> bool {
        let has_window = self.window_s.is_some() || self.kind == Some(LimitKind::Concurrency);
        self.requests.is_some() && has_window
    }

    /// Its members over those of another.
    pub fn over(&self, under: &Self) -> Self {
        Self {
            requests: self.requests.or(under.requests),
            window_s: self.window_s.or(under.window_s),
            per: self.per.or(under.per),
            kind: self.kind.or(under.kind),
            tolerance: self.tolerance.or(under.tolerance),
            operations: self.operations.clone().or(under.operations.clone()),
            spend: self.spend.clone().or(under.spend.clone()),
            write: self.write.clone().or(under.write.clone()),
            batch: self.batch.clone().or(under.batch.clone()),
            principals: self.principals.clone().or(under.principals.clone()),
        }
    }
}

/// An operation of which one request carries out many, such as changes in a list or objects by `ids`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Batch {
    /// Its name. Its `state`, where it has one, reads what the last of those changes.
    pub operation: String,
    /// How many a request of it carries out, as its body or query is written; it is to count as so many.
    pub holds: u32,
}

/// A limit with everything that a check needs to know of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RateLimit {
    pub requests: u32,
    /// 0 where requests are counted that are under way at the same time.
    pub window_s: f64,
    pub per: Partition,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<LimitKind>,
    /// Requests above or below the threshold.
    pub tolerance: u32,
    /// Empty: all.
    pub operations: Vec<String>,
    pub spend: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<Batch>,
    /// Whose credentials can be had; empty where nobody's is needed.
    pub principals: Vec<String>,
}

impl RateLimit {
    /// Whether it counts requests that are under way, and not those of some time.
    pub fn is_of_concurrency(&self) -> bool {
        self.kind == Some(LimitKind::Concurrency)
    }

    /// As how many a request of this operation is to count.
    pub fn counts(&self, operation: &str) -> u32 {
        let batch = self.batch.as_ref();
        let is_it = batch.filter(|batch| batch.operation == operation);
        is_it.map_or(1, |batch| batch.holds)
    }

    /// Whether both say what they are about, and that is nothing in common.
    pub fn is_apart(&self, other: &Self) -> bool {
        let (own, others) = (&self.operations, &other.operations);
        !own.is_empty()
            && !others.is_empty()
            && own.iter().all(|operation| !others.contains(operation))
    }
}

/// What a limit counts by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Partition {
    Credential,
    User,
    /// The address that the request comes from.
    Address,
}

/// How requests are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LimitKind {
    /// A count that begins anew when the window is over. The window begins with the first request, or with the clock.
    Fixed,
    /// Those of the last window, each until it is that old.
    SlidingLog,
    /// The count of this window and a part of that of the window before.
    SlidingCounter,
    /// A bucket that refills evenly; it holds `requests`.
    TokenBucket,
    /// Those that are under way at the same time. What comes beside them is refused, or waits until one of them is over.
    Concurrency,
}

impl Partition {
    pub fn word(self) -> &'static str {
        match self {
            Partition::Credential => "credential",
            Partition::User => "user",
            Partition::Address => "address",
        }
    }
}

impl LimitKind {
    pub fn word(self) -> &'static str {
        match self {
            LimitKind::Fixed => "fixed",
            LimitKind::SlidingLog => "sliding-log",
            LimitKind::SlidingCounter => "sliding-counter",
            LimitKind::TokenBucket => "token-bucket",
            LimitKind::Concurrency => "concurrency",
        }
    }
}
