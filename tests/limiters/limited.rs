//! A target with a limit by address, and what is found there.

use std::collections::BTreeSet;
use std::path::Path;

use tokio::sync::Mutex;

use crate::deployment::program::{Findings, findings_with};

/// Load that one test makes would be in the way of another.
static TURN: Mutex<()> = Mutex::const_new(());

/// Timing that was too coarse makes a check inconclusive, and then it is tried again.
const TRIES: usize = 5;

/// What a target file says of the one limit.
#[derive(Clone, Copy)]
pub struct Declared {
    pub requests: u32,
    pub window_s: f64,
    pub kind: &'static str,
}

impl Declared {
    /// `GET /search` is limited by address, `GET /status` is not. `terms` are lines of the target file.
    pub fn target(self, url: &str, terms: &str) -> String {
        let Self {
            requests,
            window_s,
            kind,
        } = self;
        format!(
            "target: limited\ncontract: http-api\nurl: {url}\n{terms}\
             operations: {{ search: GET /search, status: GET /status }}\n\
             rate_limits:\n  clients: {{ requests: {requests}, window_s: {window_s}, kind: {kind}, per: address, \
             tolerance: 0, operations: [search], spend: search }}\n{}\
             consent: {{ load: true, max_requests_per_second: 100000 }}\n",
            addresses()
        )
    }
}

/// A line of a target file: addresses of loopback, so many that none is used twice.
pub fn addresses() -> String {
    let all: Vec<String> = (2..62).map(|at| format!("127.0.0.{at}")).collect();
    format!("addresses: [{}]\n", all.join(", "))
}

/// What is to be found: checks that fail at `must` or `should`, and at `advice`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    pub binding: &'static [&'static str],
    pub advice: &'static [&'static str],
}

/// Nothing at all.
pub const CLEAN: Expected = Expected {
    binding: &[],
    advice: &[],
};

/// Runs the checks until everything that is expected was found, and, where `whole`, until none was inconclusive; a finding
/// that is not expected is reported at once. `Err` says what is otherwise.
pub async fn judged(
    target: &Path,
    checks: &str,
    expected: Expected,
    whole: bool,
) -> Result<Findings, String> {
    let _turn = TURN.lock().await;
    let mut last = String::new();
    for _ in 0..TRIES {
        let found = findings_with(target, &[], checks).await;
        let binding: BTreeSet<&str> = found.at(&["must", "should"]).into_iter().collect();
        let advice: BTreeSet<&str> = found.at(&["advice"]).into_iter().collect();
        let wanted: BTreeSet<&str> = expected.binding.iter().copied().collect();
        let advised: BTreeSet<&str> = expected.advice.iter().copied().collect();
        println!(
            "{} passed, {} skipped; failed {binding:?} advice {advice:?} inconclusive {:?}",
            found.passed,
            found.skipped,
            found.doubts.keys().collect::<Vec<_>>()
        );
        last = format!("expected {expected:?}, found {found:#?}");
        if !binding.is_subset(&wanted) || !advice.is_subset(&advised) {
            return Err(last);
        }
        if binding == wanted && advice == advised && !(whole && found.inconclusive > 0) {
            return Ok(found);
        }
    }
    Err(last)
}
