//! Exchanges in, verdict out. Everything here is pure: no clock, no network, no randomness.

mod attempt;
mod body;
mod case;
mod clock;
mod compared;
mod conditions;
pub mod describe;
pub mod fields;
mod header;
mod hearing;
mod limited;
mod polled;
mod room;
mod same_as;
mod scope;
mod show;
mod shown_again;
mod status;
mod subject;
mod tally;
mod text;
mod value;
mod verdict;
mod wholes;
mod window;

pub use attempt::{AttemptOutcome, judge_attempt};
pub use case::{judge, needs_another_attempt};
pub use scope::{AttemptScope, capture, resolved};
pub use show::{brief, push_visible};
pub use shown_again::ShownAgain;
pub use status::{contains as status_contains, describe as describe_status};
pub use subject::{awaits_connection_end, awaits_overload};
pub use tally::{looked_at, sent_ms};
pub use verdict::{Evidence, Finding, Findings, Verdict};
pub use wholes::{Heard, hears};

/// Why an expectation was not found to hold.
#[derive(Debug, Clone, PartialEq)]
enum Broken {
    /// It does not hold, and here is what was seen instead.
    Not {
        expected: String,
        observed: String,
        because: Option<String>,
    },
    /// There is no HTTP answer, and the expectation is about one.
    NoAnswer,
    /// It may or may not hold in the part that was not read.
    Truncated,
    /// The expectation itself is at fault.
    Harness(String),
}

impl Broken {
    fn not(expected: impl Into<String>, observed: impl Into<String>) -> Self {
        Broken::Not {
            expected: expected.into(),
            observed: observed.into(),
            because: None,
        }
    }

    /// The same, of a field that is looked for among the trailers.
    fn behind_the_body(self) -> Self {
        match self {
            Broken::Not {
                expected,
                observed,
                because,
            } => Broken::Not {
                expected: format!("behind the body {expected}"),
                observed,
                because,
            },
            other => other,
        }
    }
}

/// How an expectation turned out that is not broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Held {
    Holds,
    /// Its `when` does not apply, so it says nothing.
    Silent,
}
