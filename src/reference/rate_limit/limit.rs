//! What a limit says.

use std::time::Duration;

use crate::reference::operation::Operation;

/// How requests are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Windows one after the other; the first begins with the first request.
    Fixed,
    /// The time of every request of the last window is remembered.
    SlidingLog,
    /// Fixed windows, of which the last one counts as far as it reaches into the sliding one.
    SlidingCounter,
    /// Tokens that come back steadily; as many as the limit at most.
    TokenBucket,
    /// The generic cell rate algorithm: the same as a bucket of tokens, kept as one point in time.
    Gcra,
    /// So many at the same time; the window plays no part.
    Concurrency,
}

impl Kind {
    /// As target files have it.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Fixed => "fixed",
            Kind::SlidingLog => "sliding-log",
            Kind::SlidingCounter => "sliding-counter",
            Kind::TokenBucket | Kind::Gcra => "token-bucket",
            Kind::Concurrency => "concurrency",
        }
    }
}

/// Whose requests are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Per {
    /// One token or key.
    Credential,
    /// One account, with whatever credentials.
    User,
    /// One client address; also requests that are refused for want of a credential.
    Address,
}

/// Which operations a limit is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Covers {
    All,
    /// Those whose path begins so: one surface of an API.
    Below(&'static str),
    /// By name.
    Named(Vec<&'static str>),
}

/// So many requests in so much time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// What clients know it by: lower-case letters and hyphens.
    pub name: &'static str,
    pub requests: u32,
    pub window: Duration,
    pub kind: Kind,
    pub per: Per,
    pub covers: Covers,
}

impl Limit {
    pub fn is_about(&self, operation: &Operation) -> bool {
        match &self.covers {
            Covers::All => true,
            Covers::Below(path) => operation.path.starts_with(path),
            Covers::Named(names) => names.contains(&operation.name),
        }
    }

    /// The time in which one request comes back.
    pub(super) fn interval(&self) -> Duration {
        self.window / self.requests.max(1)
    }
}
