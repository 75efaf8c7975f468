//! Whether the target's clock stood still enough to judge by: what was forged is dated by it.

use std::time::UNIX_EPOCH;

use crate::journal::{Attempt, Exchange, Exchanges, Phase};
use crate::suite::model::{Check, Send, Step};

/// Seconds by which two readings may differ: `Date` has whole ones, and answers take their time.
const TOLERATED_S: f64 = 5.0;

/// Says so where the clock of the target, by the `Date` of its answers to the controls, jumped while the check went on,
/// and the check forges something that is dated by it.
pub(super) fn jump(check: &Check, attempt: &Attempt, exchanges: &Exchanges) -> Option<String> {
    let forges = |send: &Send| send.token.is_some() || send.proof.is_some();
    if !check.steps.iter().flat_map(Step::requests).any(forges) {
        return None;
    }
    let is_control = |phase| matches!(phase, Phase::Before | Phase::After);
    let readings: Vec<f64> = attempt
        .steps
        .iter()
        .filter(|taken| is_control(taken.slot.phase))
        .filter_map(|taken| reading(exchanges.get(&taken.exchange?)?))
        .collect();
    let first = readings.iter().copied().reduce(f64::min)?;
    let last = readings.iter().copied().reduce(f64::max)?;
    (last - first > TOLERATED_S).then(|| {
        format!(
            "the clock of the target jumped by {:.0} s between the controls, so that nothing can be dated by it",
            last - first
        )
    })
}

/// What `Date` showed when the run began, by this answer; none where it came out of a cache or took long.
fn reading(exchange: &Exchange) -> Option<f64> {
    let answer = exchange.answer.as_ref()?;
    let took = exchange.total_us as f64 / 1e6;
    if took > TOLERATED_S || !answer.header("age").is_empty() {
        return None;
    }
    let dates = answer.header("date");
    let [date] = dates.as_slice() else {
        return None;
    };
    let date = httpdate::parse_http_date(date).ok()?;
    let date = date.duration_since(UNIX_EPOCH).ok()?.as_secs_f64();
    Some(date - exchange.started_ms as f64 / 1000.0 - took / 2.0)
}
