//! Steps that wait, and whose turn it is to send bursts meanwhile.

use std::time::Duration;

use tokio::time::Instant;

use super::case::Walk;
use super::prepare::Fault;
use crate::journal::{Doubt, Phase, Slot, StepTaken};
use crate::judge::sent_ms;
use crate::suite::model::{Burst, Since, Step, Wait};
use crate::suite::template::fill_number;

/// Longest single wait that a suite may ask for.
const MAX_WAIT: Duration = Duration::from_secs(3600);
/// A wait in which others may send bursts: what comes after it may come later.
const LONG_WAIT: Duration = Duration::from_secs(1);

/// So long before a moment that a burst is to come at, the case asks for its turn.
const LEAD: Duration = Duration::from_millis(500);

/// A wait of so many seconds, which may be more than a duration holds.
fn patience(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds.clamp(0.0, MAX_WAIT.as_secs_f64()))
}

impl Walk<'_> {
    /// Whether it waited to the end: not where the run was asked to end, or it is not known how long.
    pub(super) async fn wait(&mut self, slot: Slot, step: &Wait) -> bool {
        let Some(seconds) = fill_number(&step.wait, &self.scope()) else {
            let says = format!("`wait: {}` is no number of seconds", step.wait);
            self.hindered(slot, Fault::Doubt(Doubt::Harness, says))
                .await;
            return false;
        };
        let share = step.share.unwrap_or(1.0).clamp(0.0, 1.0);
        let passed = step.since.map(|since| self.passed(since));
        let wait = patience(seconds * share).saturating_sub(passed.unwrap_or_default());
        let ends = Instant::now() + wait;
        let mut ahead = Duration::ZERO;
        if wait >= LONG_WAIT {
            self.turn = None;
            if step.since.is_some() {
                ahead = LEAD;
            }
        }
        tokio::select! {
            () = tokio::time::sleep_until(ends - ahead) => {}
            () = self.field.stop.asked() => {
                self.is_cut_short = true;
                return false;
            }
        }
        let mut rest = self.check.steps[slot.index + 1..].iter();
        let next = rest.find(|step| !matches!(step, Step::Wait(_)));
        if let (Some(next @ Step::Burst(_)), false) = (next, ahead.is_zero()) {
            self.take_turn(next).await;
        }
        tokio::time::sleep_until(ends).await;
        self.waited = self.waited.max(wait);
        self.attempt.steps.push(StepTaken::at(slot));
        true
    }

    /// How long ago that was; no time where nothing was sent.
    fn passed(&self, since: Since) -> Duration {
        let steps = self.attempt.steps.iter();
        let mut steps = steps.filter(|taken| taken.slot.phase == Phase::Steps);
        let first = steps.find(|taken| taken.exchange.is_some());
        let sent = first.map(|taken| taken.exchange.iter().chain(&taken.group));
        let sent = sent.into_iter().flatten();
        let sent = sent.filter_map(|id| self.exchanges.get(id));
        let then = match since {
            // What it took to connect is over by then.
            Since::FirstSent => sent.map(|one| sent_ms(one)).min(),
            Since::FirstAnswered => sent.filter_map(|one| one.ended_ms).max(),
        };
        let now = self.field.line.elapsed_ms();
        let passed = then.map(|then| now.saturating_sub(then));
        Duration::from_millis(passed.unwrap_or_default())
    }

    /// Waits until the case may send bursts; who waits for long, or sends slowly, leaves the turn to others. A single
    /// request disturbs nobody, and would come late.
    pub(super) async fn take_turn(&mut self, step: &Step) {
        let is_slow = |burst: &Burst| burst.over_s.is_some();
        if matches!(step, Step::Burst(burst) if burst.times.as_u64() == Some(1)) {
            return;
        }
        if matches!(step, Step::Burst(burst) if is_slow(burst)) {
            self.turn = None;
        } else if !matches!(step, Step::Wait(_)) && self.turn.is_none() && self.check.spends() {
            let bursting = self.field.bursting;
            self.turn = bursting.acquire().await.ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_wait_is_longer_than_an_hour() {
        assert_eq!(patience(0.25), Duration::from_millis(250));
        assert_eq!(patience(f64::MAX), MAX_WAIT);
        assert_eq!(patience(-1.0), Duration::ZERO);
    }
}
