//! The time that tokens and proofs speak of: the target's own, as the `Date` of its answers tells it (RFC 9110 §6.6.1).

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::journal::RecordedAnswer;

/// Differences that are kept; the middle one counts, so that one answer with an odd `Date` changes nothing.
const KEPT: usize = 5;
/// Seconds that two clocks may differ without being told apart: `Date` has whole seconds, and answers take their time.
const TOLERATED_S: f64 = 5.0;
/// Answers that take longer say too little about when they were made.
const LONGEST: Duration = Duration::from_secs(4);
/// Seconds that are believed. A proof for some day far off, signed with a key that is used for more, would be a gift.
const BELIEVED_S: i64 = 24 * 3600;

/// The target's clock, measured from its answers.
#[derive(Debug, Default)]
pub struct Clock(Mutex<VecDeque<i64>>);

impl Clock {
    /// Measures by an answer that came just now, `took` after its request began. Answers out of caches (`Age`) are passed
    /// over, and those without one `Date`.
    pub fn note(&self, answer: &RecordedAnswer, took: Duration) {
        if took > LONGEST || !answer.header("age").is_empty() {
            return;
        }
        let dates = answer.header("date");
        let [date] = dates.as_slice() else { return };
        let Ok(date) = httpdate::parse_http_date(date) else {
            return;
        };
        let ahead = seconds(date) + 0.5 - (local() - took.as_secs_f64() / 2.0);
        let ahead = match ahead.abs() <= TOLERATED_S {
            true => 0,
            false => ahead.round() as i64,
        };
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(ahead);
    }

    /// Seconds that the target's clock is ahead of ours; 0 where it is not known, or differs by no more than a few.
    pub fn ahead(&self) -> i64 {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sorted: Vec<i64> = kept.iter().copied().collect();
        sorted.sort_unstable();
        let middle = sorted.get(sorted.len().saturating_sub(1) / 2);
        middle
            .copied()
            .filter(|ahead| ahead.abs() <= BELIEVED_S)
            .unwrap_or(0)
    }

    /// Seconds since 1970 by the target's clock (NumericDate, RFC 7519 §2).
    pub fn now(&self) -> i64 {
        local() as i64 + self.ahead()
    }
}

/// Seconds since 1970 by our clock; 0 on a machine whose clock stands before that.
fn local() -> f64 {
    seconds(SystemTime::now())
}

fn seconds(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH)
        .map_or(0.0, |since| since.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Octets;

    fn dated(ahead: i64, more: &[(&str, &str)]) -> RecordedAnswer {
        let time = UNIX_EPOCH
            + Duration::from_secs(local() as u64)
                .saturating_add(Duration::from_secs(ahead.max(0) as u64));
        let time = time - Duration::from_secs(ahead.min(0).unsigned_abs());
        let field = |name: &str, value: &str| (name.to_owned(), Octets(value.as_bytes().to_vec()));
        let mut headers = vec![field("Date", &httpdate::fmt_http_date(time))];
        headers.extend(more.iter().map(|(name, value)| field(name, value)));
        RecordedAnswer {
            version: "1.1".to_owned(),
            status: 200,
            reason: Octets(Vec::new()),
            headers,
            body: Octets(Vec::new()),
            truncated: false,
            interim: Vec::new(),
            trailers: Vec::new(),
        }
    }

    fn ahead_after(answers: &[RecordedAnswer]) -> i64 {
        let clock = Clock::default();
        for answer in answers {
            clock.note(answer, Duration::from_millis(20));
        }
        clock.ahead()
    }

    #[test]
    fn the_middle_of_the_last_differences_counts() {
        let near =
            |found: i64, right: i64| assert!((found - right).abs() <= 1, "{found}, not {right}");
        near(ahead_after(&[dated(300, &[])]), 300);
        near(ahead_after(&[dated(-300, &[])]), -300);
        near(
            ahead_after(&[dated(300, &[]), dated(0, &[]), dated(300, &[])]),
            300,
        );
        let changed: Vec<_> = [300, 300, 300, 300, 300, 60, 60, 60]
            .map(|ahead| dated(ahead, &[]))
            .into();
        near(ahead_after(&changed), 60);
    }

    #[test]
    fn what_says_nothing_certain_moves_nothing() {
        assert_eq!(ahead_after(&[]), 0);
        assert_eq!(ahead_after(&[dated(3, &[])]), 0);
        assert_eq!(ahead_after(&[dated(300, &[("Age", "10")])]), 0);
        assert_eq!(
            ahead_after(&[dated(300, &[("Date", "Thu, 01 Jan 1970 00:00:00 GMT")])]),
            0
        );
        assert_eq!(ahead_after(&[dated(30 * 24 * 3600, &[])]), 0);
        let clock = Clock::default();
        clock.note(&dated(300, &[]), Duration::from_secs(20));
        assert_eq!(clock.ahead(), 0);
    }
}
