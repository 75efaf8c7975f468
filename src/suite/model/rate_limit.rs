use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A declared limit: so many requests in a window, for each of what it counts by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    pub requests: u32,
    /// Seconds, also a fraction.
    pub window_s: f64,
    pub per: Partition,
    /// How requests are counted, where that is declared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<LimitKind>,
    /// Requests that may be accepted above or below, where nodes do not count together. Default: one, or one in twenty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tolerance: Option<u32>,
    /// Operations that count against it. Default: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub operations: Vec<String>,
    /// The cheap operation that checks spend it with.
    pub spend: String,
    /// Principals that checks spend it as, each with a credential that nothing else uses. A limit by address needs one,
    /// and `addresses` of the target file.
    #[serde(rename = "as", default, skip_serializing_if = "Vec::is_empty")]
    pub principals: Vec<String>,
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
        }
    }
}
