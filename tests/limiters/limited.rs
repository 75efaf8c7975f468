//! A target with a limit by address, and what is found there.

use std::collections::BTreeSet;
use std::path::Path;

use tokio::sync::Semaphore;

use crate::deployment::program::{Findings, findings_with};

/// Load that one test makes would be in the way of another; two of them mostly wait.
pub const AT_ONCE: u32 = 2;
pub static TURN: Semaphore = Semaphore::const_new(AT_ONCE as usize);

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
            addresses(0)
        )
    }
}

/// A line of a target file: addresses of loopback, so many that none is used twice.
pub fn addresses(number: usize) -> String {
    let all: Vec<String> = (2..62).map(|at| format!("127.0.{number}.{at}")).collect();
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

/// Runs the checks until everything that is expected was found, and, where `whole`, until every case was decided once; a
/// finding that is not expected is reported at once. `Err` says what is otherwise.
pub async fn judged(
    target: &Path,
    checks: &str,
    expected: Expected,
    whole: bool,
) -> Result<Findings, String> {
    let _turn = TURN.acquire().await;
    let wanted: BTreeSet<&str> = expected.binding.iter().copied().collect();
    let advised: BTreeSet<&str> = expected.advice.iter().copied().collect();
    let (mut binding, mut advice) = (BTreeSet::new(), BTreeSet::new());
    let mut open: Option<BTreeSet<String>> = None;
    let mut last = String::new();
    for number in 0..TRIES {
        send_from(target, number);
        let found = findings_with(target, &[], checks).await;
        let ids = |levels: &[&str]| -> BTreeSet<String> {
            let ids = found.at(levels).into_iter();
            ids.map(str::to_owned).collect()
        };
        binding.extend(ids(&["must", "should"]));
        advice.extend(ids(&["advice"]));
        let doubtful: BTreeSet<String> = found.doubts.keys().cloned().collect();
        println!(
            "{} passed, {} skipped; failed {binding:?} advice {advice:?} inconclusive {doubtful:?}",
            found.passed, found.skipped,
        );
        let still: BTreeSet<String> = match open.take() {
            Some(before) => before.intersection(&doubtful).cloned().collect(),
            None => doubtful,
        };
        let is_whole = still.is_empty();
        open = Some(still);
        last = format!("expected {expected:?}, found {found:#?}");
        let is_wanted = |all: &BTreeSet<&str>, one: &String| all.contains(one.as_str());
        if !binding.iter().all(|one| is_wanted(&wanted, one))
            || !advice.iter().all(|one| is_wanted(&advised, one))
        {
            return Err(last);
        }
        let is_found = binding.len() == wanted.len() && advice.len() == advised.len();
        if is_found && (is_whole || !whole) {
            return Ok(found);
        }
    }
    Err(last)
}

/// Each try has addresses of its own: those of the one before may still be limited.
fn send_from(target: &Path, number: usize) {
    let text = std::fs::read_to_string(target).unwrap();
    let lines = text
        .lines()
        .map(|line| match line.starts_with("addresses:") {
            true => addresses(number),
            false => format!("{line}\n"),
        });
    std::fs::write(target, lines.collect::<String>()).unwrap();
}
