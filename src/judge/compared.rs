//! How long requests took that were sent side by side: what can be said of the difference.
//!
//! Of each round only the differences within it count, so that whatever slows down all alike takes no part. Nothing is
//! supposed of how times are spread but that a round of two that take the same time is as likely to be in favour of one
//! as of the other, which the order of each round, decided by chance, sees to. From that follows an interval that holds the
//! median difference with a probability of 99.9 % (the order statistics of the sign test; Conover, Practical
//! Nonparametric Statistics, §3.2): to lie wholly on one side of zero is the same as p < 0.001 in the two-sided sign test.

use serde_json::{Value, json};

use super::attempt::is_no_answer;
use super::tally::{counts, looked_at, status};
use crate::journal::Exchange;
use crate::suite::model::Step;

/// What an interval may fail to hold the median by, on each side.
const TAIL: f64 = 0.0005;

/// What stands for the exchanges of a comparison: in order of run, round and request.
///
/// `seen` holds `sent`; `rounds` that count, of all runs, and `left_out` (those with a request that had no answer, 429,
/// 502, 503 or 504, or a connection that was not kept from before); `statuses` and `median_ms` of each request; `alike`
/// (whether every answer has the same status);
/// `slower` (`last` where each takes longer than the one before it, `first` where shorter, in every run; else `null`);
/// `certain_ms` (so much at least lies between each and the next in every run; 0 where `slower` is `null`); `ratio` (how
/// many times the median of one is at least that of the quicker one beside it in every run; 1 where `slower` is `null`)
/// and `at_most_ms` (no more than that lies between any and the next, by the run that says the most; `null` where there
/// were too few rounds).
pub(super) fn whole(step: &Step, all: &[&Exchange]) -> Option<Exchange> {
    let Step::Compare(compare) = step else {
        return None;
    };
    let requests = compare.compare.len();
    let statuses: Vec<Option<u16>> = all.iter().map(|one| status(one)).collect();
    let stands = all.get(looked_at(step, &statuses))?;
    let of_run = (all.len() / compare.runs()).max(1);
    let runs: Vec<Run> = all
        .chunks(of_run)
        .map(|run| Run::of(run, requests))
        .collect();
    let pairs = requests.saturating_sub(1);
    let spans: Vec<Vec<Span>> = runs
        .iter()
        .map(|run| (0..pairs).map(|at| run.span(at)).collect())
        .collect();
    let every = || spans.iter().flatten();
    let slower = match () {
        () if every().all(|span| span.low > 0.0) => Some("last"),
        () if every().all(|span| span.high < 0.0) => Some("first"),
        () => None,
    };
    let (mut certain, mut ratio) = (0.0, 1.0);
    if slower.is_some() {
        let least = |values: &mut dyn Iterator<Item = f64>| values.fold(f64::INFINITY, f64::min);
        certain = least(&mut every().map(|span| span.low.abs().min(span.high.abs())));
        ratio = least(&mut every().map(|span| span.ratio));
    }
    let widest = (0..pairs).map(|pair| {
        let of_runs = spans.iter().map(|run| run[pair].widest());
        of_runs.fold(f64::INFINITY, f64::min)
    });
    let at_most = widest.fold(0.0, f64::max);
    let rounds: usize = runs.iter().map(|run| run.rounds.len()).sum();
    let of_request = |at: usize| -> Vec<&Exchange> {
        let own = all.iter().skip(at).step_by(requests);
        own.copied().collect()
    };
    let mut times: Vec<Vec<f64>> = vec![Vec::new(); requests];
    for round in runs.iter().flat_map(|run| &run.rounds) {
        for (own, time) in times.iter_mut().zip(round) {
            own.push(*time);
        }
    }
    let medians: Vec<Value> = times
        .iter_mut()
        .map(|own| rounded(median(own).unwrap_or(f64::INFINITY)))
        .collect();
    let seen = json!({
        "sent": all.len(),
        "rounds": rounds,
        "left_out": all.len() / requests - rounds,
        "statuses": (0..requests).map(|at| counts(&of_request(at))["statuses"].clone()).collect::<Vec<_>>(),
        "alike": statuses.iter().all(|status| status.is_some() && *status == statuses[0]),
        "median_ms": medians,
        "slower": slower,
        "certain_ms": rounded(certain),
        "ratio": rounded(ratio),
        "at_most_ms": rounded(at_most),
    });
    Some(Exchange {
        seen: Some(seen),
        ..(**stands).clone()
    })
}

/// To the microsecond; `null` for what is without bound.
fn rounded(value: f64) -> Value {
    match value.is_finite() {
        true => json!((value * 1000.0).round() / 1000.0),
        false => Value::Null,
    }
}

/// Times of one run, in milliseconds: of each round that counts those of its requests, in their order.
struct Run {
    rounds: Vec<Vec<f64>>,
}

impl Run {
    fn of(all: &[&Exchange], requests: usize) -> Self {
        let time = |one: &&Exchange| {
            let is_answer = !is_no_answer(status(one)?);
            let time = one.first_byte_us? as f64 / 1000.0;
            (is_answer && one.connection.reused).then_some(time)
        };
        let whole_round = |round: &[&Exchange]| round.iter().map(time).collect();
        Self {
            rounds: all.chunks(requests).filter_map(whole_round).collect(),
        }
    }

    /// Between a request and the next one.
    fn span(&self, at: usize) -> Span {
        let between = self.rounds.iter().map(|round| round[at + 1] - round[at]);
        let mut between: Vec<f64> = between.collect();
        between.sort_by(f64::total_cmp);
        let median_of = |at: usize| {
            let mut own: Vec<f64> = self.rounds.iter().map(|round| round[at]).collect();
            median(&mut own)
        };
        let ratio = match (median_of(at), median_of(at + 1)) {
            (Some(one), Some(next)) if one.min(next) > 0.0 => one.max(next) / one.min(next),
            _ => 1.0,
        };
        match outside(between.len()) {
            Some(outside) => Span {
                low: between[outside],
                high: between[between.len() - 1 - outside],
                ratio,
            },
            None => Span {
                low: f64::NEG_INFINITY,
                high: f64::INFINITY,
                ratio,
            },
        }
    }
}

/// By how many milliseconds the second takes longer than the first.
struct Span {
    low: f64,
    high: f64,
    /// Of the medians, the longer over the shorter.
    ratio: f64,
}

impl Span {
    fn widest(&self) -> f64 {
        self.low.abs().max(self.high.abs())
    }
}

fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// How many of so many differences may lie outside of the interval on each side: the most whose probability, each being
/// on either side of the median like the fall of a coin, is no more than [`TAIL`]. `None` where that is not even so for
/// none of them.
fn outside(number: usize) -> Option<usize> {
    let mut probability = 0.5_f64.powi(i32::try_from(number).ok()?);
    let (mut sum, mut outside) = (0.0, None);
    for at in 0..number {
        sum += probability;
        if sum > TAIL {
            break;
        }
        outside = Some(at);
        probability *= (number - at) as f64 / (at + 1) as f64;
    }
    outside
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::tally::tests::exchange;

    fn step() -> Step {
        let sides = json!([{"send": "GET /a"}, {"send": "GET /b"}]);
        serde_json::from_value(json!({"compare": sides, "times": 20})).unwrap()
    }

    fn took(first_byte_us: u64) -> Exchange {
        let mut one = exchange(401, "");
        one.first_byte_us = Some(first_byte_us);
        one.connection.reused = true;
        one
    }

    /// Three runs of so many rounds, of the times that the number of the round gives.
    fn seen(rounds: u64, times: impl Fn(u64) -> [u64; 2]) -> Value {
        let all: Vec<Exchange> = (0..3 * rounds)
            .flat_map(|round| times(round).map(took))
            .collect();
        let all: Vec<&Exchange> = all.iter().collect();
        whole(&step(), &all).unwrap().seen.unwrap()
    }

    /// Something between 0 and 9999 that looks like chance.
    fn noise(round: u64) -> u64 {
        (round * 7919 + 13) * 104_729 % 9973
    }

    #[test]
    fn the_sign_test_knows_its_bounds() {
        // P(X = 0) of ten is 1/1024, of eleven 1/2048.
        assert_eq!(outside(10), None);
        assert_eq!(outside(11), Some(0));
        // Of 40: P(X <= 9) = 0.000340, P(X <= 10) = 0.001112.
        assert_eq!(outside(40), Some(9));
        assert_eq!(outside(0), None);
    }

    #[test]
    fn a_difference_that_every_run_shows_is_told() {
        let seen = seen(40, |round| {
            [2_000 + noise(round) / 10, 22_000 + noise(round + 5)]
        });
        assert_eq!(seen["slower"], "last");
        let certain = seen["certain_ms"].as_f64().unwrap();
        assert!((19.0..25.0).contains(&certain), "{certain}");
        assert!(seen["ratio"].as_f64().unwrap() > 5.0);
        assert_eq!(seen["rounds"], 120);
        let other = self::seen(40, |round| [22_000, 2_000 + noise(round)]);
        assert_eq!(other["slower"], "first");
    }

    #[test]
    fn noise_tells_nothing_and_bounds_what_there_may_be() {
        let seen = seen(40, |round| {
            [5_000 + noise(round), 5_000 + noise(round * 31 + 7)]
        });
        assert_eq!(seen["slower"], Value::Null);
        assert_eq!(seen["certain_ms"], 0.0);
        assert_eq!(seen["ratio"], 1.0);
        assert!(seen["at_most_ms"].as_f64().unwrap() < 10.0);
    }

    #[test]
    fn one_run_that_disagrees_is_enough_to_say_nothing() {
        let seen = seen(20, |round| match round {
            0..40 => [2_000, 30_000],
            _ => [2_000, 2_000 + noise(round) % 3],
        });
        assert_eq!(seen["slower"], Value::Null);
        assert_eq!(seen["certain_ms"], 0.0);
    }

    #[test]
    fn too_few_rounds_bound_nothing() {
        let seen = seen(8, |_| [1_000, 50_000]);
        assert_eq!(seen["slower"], Value::Null);
        assert_eq!(seen["at_most_ms"], Value::Null);
    }

    #[test]
    fn rounds_that_met_trouble_are_left_out() {
        let mut all: Vec<Exchange> = (0..60).flat_map(|_| [took(1_000), took(30_000)]).collect();
        all[0].connection.reused = false;
        all[3].answer = None;
        all[4] = Exchange {
            first_byte_us: Some(900_000),
            ..exchange(429, "")
        };
        let all: Vec<&Exchange> = all.iter().collect();
        let seen = whole(&step(), &all).unwrap().seen.unwrap();
        assert_eq!(seen["left_out"], 3);
        assert_eq!(seen["certain_ms"], 29.0);
        assert_eq!(
            seen["statuses"],
            json!([{"401": 59, "429": 1}, {"401": 59}])
        );
    }
}
