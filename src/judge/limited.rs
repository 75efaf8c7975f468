//! What bursts say about the declared limit that they spend: how much was let through, and how much of that can have
//! come back meanwhile.
//!
//! Every bound is in the target's favour. A request counts from when it left, and an answer until it was complete: the
//! target looked at it at some moment in between.

mod remaining;

use serde_json::{Map, Value, json};

use self::remaining::Told;
use super::room::Asked;
use super::tally::{ended_ms, is_accepted, status};
use super::window;
use crate::journal::Exchange;
use crate::suite::model::{LimitKind, RateLimit};

/// Most that the milliseconds of a journal are off by.
pub const GRAIN_S: f64 = 0.001;

/// One request, in seconds since the run began.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Sent {
    left: f64,
    /// When it was written, at the earliest: `left` and what it took to connect.
    written: f64,
    done: f64,
    accepted: bool,
    limited: bool,
    /// What it says is left.
    told: Option<Told>,
    /// It refuses, and says that it does so for another limit.
    is_of_another: bool,
}

/// A declared limit, and everything that one attempt has spent of it so far, burst by burst.
pub struct Limited<'a> {
    limit: &'a RateLimit,
    bursts: Vec<Vec<Sent>>,
}

impl<'a> Limited<'a> {
    pub fn of(limit: &'a RateLimit) -> Self {
        Self {
            limit,
            bursts: Vec::new(),
        }
    }

    /// `counts`: as how many each of these requests is to count that is accepted.
    pub fn add(&mut self, burst: &[&Exchange], counts: u32) {
        let sent = burst.iter().flat_map(|one| {
            let left = one.started_ms as f64 / 1000.0;
            let ended = ended_ms(one) as f64 / 1000.0;
            let sent = Sent {
                left,
                written: left.max(ended - one.total_us as f64 / 1e6),
                done: ended + GRAIN_S,
                accepted: is_accepted(one),
                limited: status(one) == Some(429),
                told: remaining::told(self.limit, one),
                is_of_another: status(one) == Some(429)
                    && remaining::is_of_another(self.limit, one),
            };
            let times = if sent.accepted { counts } else { 1 };
            std::iter::repeat_n(sent, times as usize)
        });
        self.bursts.push(sent.collect());
    }

    /// Of the last burst: `excess` (how many more were accepted before the first 429 than the limit lets through in
    /// that time), `reach` (how many more were sent before it than that and the tolerance, which could have shown an
    /// excess; at least 1 where there is a 429), `beyond` (the same as `excess` for all that were accepted), `short`
    /// (how many fewer than the limit were accepted before the first 429; 0 without one), `lifted` (how many were
    /// accepted since the limit was first found spent, beyond those that can have come back), `room` (how many of these
    /// could have shown that; 0 or less where all can have come back), `crowded` (how many more were accepted within
    /// less than a window than a window that slides lets through), `kind` (how the target counts, told from three
    /// bursts on; `null` where that remains open) and `off_by` (how many requests each kind is from what happened), and
    /// `since_first_ms` (from the first request of the attempt that spent of it to the last answer). Also what
    /// [`Limited::remaining`] says.
    pub fn seen(&self) -> Map<String, Value> {
        let Some(last) = self.bursts.last() else {
            return Map::new();
        };
        let requests = self.limit.requests;
        let mut seen = window::seen(self.limit, &self.asked());
        let before: Vec<Sent> = last
            .iter()
            .copied()
            .take_while(|one| !one.limited)
            .collect();
        let accepted_first = accepted(&before).count() as f64;
        let most = self.most(&before);
        seen.insert("excess".to_owned(), whole(accepted_first - most));
        let reach = before.len() as f64 - most - f64::from(self.limit.tolerance);
        let reach = match before.len() < last.len() {
            true => reach.max(1.0),
            false => reach,
        };
        seen.insert("reach".to_owned(), whole(reach));
        let all = accepted(last).count() as f64;
        seen.insert("beyond".to_owned(), whole(all - self.most(last)));
        let short = match last.iter().any(|one| one.limited) {
            true => (f64::from(requests) - accepted_first).max(0.0),
            false => 0.0,
        };
        seen.insert("short".to_owned(), whole(short));
        let (lifted, room) = self.lifted(last);
        seen.insert("lifted".to_owned(), whole(lifted));
        seen.insert("room".to_owned(), whole(room));
        seen.extend(self.remaining(last));
        let all = || self.bursts.iter().flatten();
        let first = all().map(|one| one.left).reduce(f64::min);
        let end = all().map(|one| one.done).reduce(f64::max);
        let since = first.zip(end).map_or(0.0, |(first, end)| end - first);
        seen.insert("since_first_ms".to_owned(), whole((since * 1000.0).ceil()));
        seen.insert("crowded".to_owned(), whole(self.crowded()));
        seen
    }

    /// Of the bursts, what was accepted and what was refused; nothing where an answer was neither, which may have counted.
    fn asked(&self) -> Vec<Vec<Asked>> {
        let is_clear = |one: &Sent| one.accepted != one.limited;
        if !self.bursts.iter().flatten().all(is_clear) {
            return Vec::new();
        }
        let asked = |one: &Sent| Asked {
            left: one.written,
            done: one.done,
            accepted: one.accepted,
        };
        let burst = |burst: &Vec<Sent>| burst.iter().map(asked).collect();
        self.bursts.iter().map(burst).collect()
    }

    /// Requests that an unspent limit lets through while these were sent: itself, and what came back meanwhile.
    fn most(&self, sent: &[Sent]) -> f64 {
        let requests = f64::from(self.limit.requests);
        let Some(first) = sent.iter().map(|one| one.left).reduce(f64::min) else {
            return requests;
        };
        let until = accepted(sent).map(|one| one.done).fold(first, f64::max);
        let taken: Vec<f64> = accepted_of(sent.iter()).collect();
        let refilled = requests * (until - first) / self.limit.window_s;
        // What an unspent bucket holds has no fraction that could make one more whole.
        let back = match self.limit.kind {
            Some(LimitKind::Fixed) => self.of_windows(&taken, until),
            Some(LimitKind::SlidingLog) => self.of_log(&taken, until),
            Some(LimitKind::SlidingCounter | LimitKind::TokenBucket) => refilled.floor(),
            None | Some(LimitKind::Concurrency) => refilled
                .floor()
                .max(self.of_windows(&taken, until))
                .max(self.of_log(&taken, until)),
        };
        requests + back
    }

    /// The most that were accepted within less than a window, beyond the limit. What is declared to count by shares of
    /// windows lets so much more through as comes back meanwhile.
    fn crowded(&self) -> f64 {
        let mut taken: Vec<&Sent> = self.bursts.iter().flatten().collect();
        taken.retain(|one| one.accepted);
        taken.sort_by(|a, b| a.left.total_cmp(&b.left));
        let (requests, window) = (f64::from(self.limit.requests), self.limit.window_s);
        let back = |seconds: f64| match self.limit.kind {
            Some(LimitKind::SlidingLog) => 0.0,
            _ => (requests * seconds / window).ceil(),
        };
        let mut most = 0.0_f64;
        for (at, first) in taken.iter().enumerate() {
            let mut done = first.done;
            for (many, one) in taken[at..].iter().enumerate() {
                done = done.max(one.done);
                if done - first.left >= window {
                    break;
                }
                most = most.max((many + 1) as f64 - requests - back(done - first.left));
            }
        }
        most
    }

    /// How many of the last burst were let through that the limit should have refused, and how many could have been.
    fn lifted(&self, last: &[Sent]) -> (f64, f64) {
        let all = || self.bursts.iter().flatten();
        let Some(place) = all().position(|one| one.limited) else {
            return (0.0, 0.0);
        };
        let Some(refused) = all().nth(place) else {
            return (0.0, 0.0);
        };
        // What was under way together with the refused one may have come before it.
        let is_after = |one: &&Sent| one.left >= refused.done - 2.0 * GRAIN_S;
        let later = all().skip(place + 1).filter(is_after);
        let passed = later.filter(|one| one.accepted).count() as f64;
        let earlier = all().count() - last.len();
        let own = last.iter().skip((place + 1).saturating_sub(earlier));
        let own: Vec<Sent> = own.filter(is_after).copied().collect();
        let own_passed = accepted(&own).count() as f64;

        let taken: Vec<f64> = accepted_of(all()).collect();
        let back = |until: f64| self.back(refused.left, &taken, until.max(refused.left));
        let until = |sent: &mut dyn Iterator<Item = &Sent>| {
            sent.map(|one| one.done).fold(refused.left, f64::max)
        };
        let lifted = passed - back(until(&mut accepted(&own)));
        let room = passed - own_passed + own.len() as f64 - back(until(&mut own.iter()));
        (lifted.clamp(0.0, own_passed), room)
    }

    /// Most requests of a limit that was spent at `since` that can have come back by `until`. `taken`: when all those
    /// left that were accepted.
    ///
    /// A window that follows the target's clock may begin anew at any time, which cannot be seen in one attempt; it does
    /// not do so in two of them, a window apart.
    fn back(&self, since: f64, taken: &[f64], until: f64) -> f64 {
        // A bucket that refuses may hold nearly a whole token.
        let refilled =
            (f64::from(self.limit.requests) * (until - since) / self.limit.window_s).ceil();
        match self.limit.kind {
            Some(LimitKind::Fixed) => self.of_windows(taken, until),
            Some(LimitKind::SlidingLog) => self.of_log(taken, until),
            Some(LimitKind::SlidingCounter | LimitKind::TokenBucket) => refilled,
            None | Some(LimitKind::Concurrency) => refilled
                .max(self.of_windows(taken, until))
                .max(self.of_log(taken, until)),
        }
    }

    /// Windows that began with the first request and are over.
    fn of_windows(&self, taken: &[f64], until: f64) -> f64 {
        let first = taken.iter().copied().fold(until, f64::min);
        f64::from(self.limit.requests) * ((until - first) / self.limit.window_s).floor()
    }

    /// Requests that are a window old.
    fn of_log(&self, taken: &[f64], until: f64) -> f64 {
        let old = taken
            .iter()
            .filter(|left| **left + self.limit.window_s <= until);
        old.count() as f64
    }
}

fn accepted(sent: &[Sent]) -> impl Iterator<Item = &Sent> {
    sent.iter().filter(|one| one.accepted)
}

/// Of no more requests than a burst has, and bounds that saturate.
fn whole(number: f64) -> Value {
    json!(number as i64)
}

/// When they left.
fn accepted_of<'s>(sent: impl Iterator<Item = &'s Sent>) -> impl Iterator<Item = f64> {
    sent.filter(|one| one.accepted).map(|one| one.left)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::judge::tally::tests::exchange;
    use crate::suite::model::Partition;

    const KINDS: [Option<LimitKind>; 5] = [
        None,
        Some(LimitKind::Fixed),
        Some(LimitKind::SlidingLog),
        Some(LimitKind::SlidingCounter),
        Some(LimitKind::TokenBucket),
    ];

    pub(super) fn limit(requests: u32, window_s: f64, kind: Option<LimitKind>) -> RateLimit {
        RateLimit {
            requests,
            window_s,
            per: Partition::Address,
            kind,
            tolerance: 0,
            operations: Vec::new(),
            spend: "list".to_owned(),
            write: None,
            batch: None,
            principals: Vec::new(),
        }
    }

    /// Requests one after the other, each taking so long, and whether they were accepted.
    fn burst(begins: f64, takes: f64, outcomes: &[bool]) -> Vec<Sent> {
        let at = |place: usize| ((begins + takes * place as f64) * 1000.0).floor() / 1000.0;
        let sent = outcomes.iter().enumerate().map(|(place, accepted)| Sent {
            left: at(place),
            written: at(place),
            done: at(place) + takes + GRAIN_S,
            accepted: *accepted,
            limited: !accepted,
            told: None,
            is_of_another: false,
        });
        sent.collect()
    }

    /// Requests one after the other that were all accepted, and what their answers said.
    pub(super) fn spent_of(takes: f64, told: &[(f64, Option<f64>)]) -> Vec<Sent> {
        let mut sent = burst(100.0, takes, &vec![true; told.len()]);
        for (one, (left, reset)) in sent.iter_mut().zip(told) {
            let (left, reset) = (*left, *reset);
            one.told = Some(Told { left, reset });
        }
        sent
    }

    fn seen(limit: &RateLimit, bursts: &[Vec<Sent>]) -> Map<String, Value> {
        let bursts = bursts.to_vec();
        Limited { limit, bursts }.seen()
    }

    fn number(seen: &Map<String, Value>, member: &str) -> i64 {
        seen[member].as_i64().unwrap()
    }

    /// Ten accepted and one refused, a millisecond each.
    fn spent() -> Vec<Sent> {
        let mut outcomes = [true; 11];
        outcomes[10] = false;
        burst(100.0, 0.001, &outcomes)
    }

    #[test]
    fn who_is_served_at_once_has_lifted_the_limit() {
        for kind in KINDS {
            let limit = limit(10, 2.0, kind);
            let seen = seen(&limit, &[spent(), burst(100.02, 0.001, &[true; 5])]);
            let refills = !matches!(kind, Some(LimitKind::Fixed | LimitKind::SlidingLog));
            let lifted = if refills { 4 } else { 5 };
            assert_eq!(number(&seen, "lifted"), lifted, "{kind:?}");
            assert_eq!(number(&seen, "room"), lifted, "{kind:?}");
        }
    }

    #[test]
    fn what_refilled_meanwhile_lifts_nothing() {
        // A request comes back every fifth of a second.
        let later = burst(100.5, 0.001, &[true, true, true, false, false]);
        for (kind, lifted) in [
            (None, 0),
            (Some(LimitKind::TokenBucket), 0),
            (Some(LimitKind::SlidingCounter), 0),
            (Some(LimitKind::SlidingLog), 3),
            (Some(LimitKind::Fixed), 3),
        ] {
            let limit = limit(10, 2.0, kind);
            let seen = seen(&limit, &[spent(), later.clone()]);
            assert_eq!(number(&seen, "lifted"), lifted, "{kind:?}");
        }
    }

    #[test]
    fn what_came_back_is_not_given_out_twice() {
        let limit = limit(10, 2.0, Some(LimitKind::TokenBucket));
        let first = burst(100.25, 0.001, &[true, true, false]);
        let second = burst(100.26, 0.001, &[true, false, false]);
        let bursts = [spent(), first.clone(), second];
        assert_eq!(number(&seen(&limit, &bursts[..2]), "lifted"), 0);
        assert_eq!(number(&seen(&limit, &bursts), "lifted"), 1);
        // A burst answers for itself alone.
        let refused = burst(100.26, 0.001, &[false; 3]);
        let over = burst(100.25, 0.001, &[true; 3]);
        let third = seen(&limit, &[spent(), over, refused]);
        assert_eq!(number(&third, "lifted"), 0);
    }

    #[test]
    fn nothing_is_said_where_all_can_have_come_back() {
        for kind in KINDS {
            let limit = limit(10, 2.0, kind);
            let seen = seen(&limit, &[spent(), burst(102.5, 0.001, &[true; 3])]);
            assert_eq!(number(&seen, "lifted"), 0, "{kind:?}");
            assert!(number(&seen, "room") <= 0, "{kind:?}");
        }
    }

    #[test]
    fn nothing_is_said_of_a_limit_that_was_never_reached() {
        let limit = limit(10, 2.0, None);
        let seen = seen(&limit, &[burst(1.0, 0.001, &[true; 8])]);
        assert_eq!(number(&seen, "lifted"), 0);
        assert_eq!(number(&seen, "room"), 0);
        assert_eq!(number(&seen, "short"), 0);
    }

    #[test]
    fn an_excess_that_could_not_show_is_told() {
        for kind in [Some(LimitKind::Fixed), Some(LimitKind::TokenBucket)] {
            let limit = limit(10, 2.0, kind);
            let reach = |takes, outcomes: &[bool]| {
                number(&seen(&limit, &[burst(5.0, takes, outcomes)]), "reach")
            };
            assert_eq!(reach(0.001, &[true; 15]), 5, "{kind:?}");
            // Two windows and more, in which ten and ten come back.
            assert!(reach(0.3, &[true; 15]) < 1, "{kind:?}");
            let mut refused = [true; 15];
            refused[14] = false;
            assert_eq!(reach(0.3, &refused), 1, "{kind:?}");
        }
    }

    #[test]
    fn a_batch_counts_as_what_it_holds() {
        let answered = |at: u64, status: u16| Exchange {
            started_ms: 1000 + at,
            ended_ms: Some(1001 + at),
            ..exchange(status, "")
        };
        for kind in KINDS {
            let limit = limit(10, 60.0, kind);
            let seen = |statuses: &[u16]| {
                let all: Vec<Exchange> = (0..)
                    .zip(statuses)
                    .map(|(at, one)| answered(at, *one))
                    .collect();
                let mut limited = Limited::of(&limit);
                limited.add(&all.iter().collect::<Vec<_>>(), 4);
                limited.seen()
            };
            let kept = seen(&[200, 200, 429]);
            assert_eq!(number(&kept, "excess"), -2, "{kind:?}");
            assert!(number(&kept, "reach") >= 1, "{kind:?}");
            let uncounted = seen(&[200; 5]);
            assert_eq!(number(&uncounted, "excess"), 10, "{kind:?}");
            assert_eq!(number(&uncounted, "reach"), 10, "{kind:?}");
            assert!(
                number(&seen(&[200, 200]), "reach") < 1,
                "nothing was refused"
            );
        }
    }

    #[test]
    fn few_are_too_few_however_long_they_took() {
        // Ten within a window of two seconds, sent over one and a half: all that a fixed window lets through.
        let mut outcomes = [true; 11];
        outcomes[10] = false;
        for kind in KINDS {
            let limit = limit(10, 2.0, kind);
            let slow = seen(&limit, &[burst(7.0, 0.15, &outcomes)]);
            assert_eq!(number(&slow, "short"), 0, "{kind:?}");
            let few = seen(&limit, &[burst(7.0, 0.001, &outcomes[4..])]);
            assert_eq!(number(&few, "short"), 4, "{kind:?}");
        }
    }

    #[test]
    fn what_was_under_way_with_the_refused_one_may_have_come_before_it() {
        let limit = limit(10, 2.0, Some(LimitKind::Fixed));
        let mut together = burst(1.0, 0.0, &[false, true, true]);
        for one in &mut together {
            one.done += 0.02;
        }
        assert_eq!(number(&seen(&limit, &[together]), "lifted"), 0);
    }

    /// How many a correct limit of the kind accepts, of requests at these moments; windows follow the clock.
    fn serve(kind: LimitKind, requests: u32, window: f64, moments: &[f64]) -> Vec<bool> {
        let most = f64::from(requests);
        let mut taken: Vec<f64> = Vec::new();
        let (mut tokens, mut then) = (most, moments[0]);
        let mut outcomes = Vec::new();
        for now in moments.iter().copied() {
            let began = (now / window).floor() * window;
            tokens = (tokens + (now - then) * most / window).min(most);
            then = now;
            let used = match kind {
                LimitKind::Fixed => {
                    let first = taken.first().copied().unwrap_or(now);
                    let began = first + ((now - first) / window).floor() * window;
                    taken.iter().filter(|at| **at >= began).count() as f64
                }
                LimitKind::SlidingLog => {
                    taken.iter().filter(|at| now - **at < window).count() as f64
                }
                LimitKind::SlidingCounter => {
                    let this = taken.iter().filter(|at| **at >= began).count() as f64;
                    let last = |at: &&f64| (began - window..began).contains(*at);
                    let before = taken.iter().filter(last).count() as f64;
                    this + before * (1.0 - (now - began) / window)
                }
                LimitKind::TokenBucket => most - tokens,
                // What comes one after the other is never too much at a time.
                LimitKind::Concurrency => 0.0,
            };
            let accepted = used + 1.0 <= most;
            if accepted {
                taken.push(now);
                tokens -= 1.0;
            }
            outcomes.push(accepted);
        }
        outcomes
    }

    proptest! {
        #[test]
        fn no_correct_limit_is_blamed_whatever_the_time_between(
            requests in 1u32..60,
            window in 0.5f64..20.0,
            begins in 100.0f64..200.0,
            takes in 0.0005f64..0.05,
            within in 0.0f64..1.0,
            pause in 0.0f64..3.0,
        ) {
            for kind in KINDS.into_iter().flatten() {
                let spend = requests as usize + 30;
                let moment = |from: f64, place: usize| from + takes * (place as f64 + within);
                let mut moments: Vec<f64> = (0..spend).map(|place| moment(begins, place)).collect();
                let all = serve(kind, requests, window, &moments);
                let until = all.iter().position(|accepted| !accepted).map_or(spend, |at| at + 1);
                moments.truncate(until);
                let later = begins + takes * until as f64 + pause * window;
                moments.extend((0..5).map(|place| moment(later, place)));
                let all = serve(kind, requests, window, &moments);
                let bursts = [
                    burst(begins, takes, &all[..until]),
                    burst(later, takes, &all[until..]),
                ];
                for declared in [Some(kind), None] {
                    let limit = limit(requests, window, declared);
                    let first = seen(&limit, &bursts[..1]);
                    prop_assert!(number(&first, "excess") <= 0, "{kind:?} as {declared:?}: {first:?}");
                    prop_assert!(number(&first, "short") <= 0, "{kind:?} as {declared:?}: {first:?}");
                    let second = seen(&limit, &bursts);
                    prop_assert!(number(&second, "lifted") == 0, "{kind:?} as {declared:?}: {second:?}");
                }
            }
        }
    }
}
