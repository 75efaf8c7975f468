//! Which way of counting requests explains what was accepted and when.
//!
//! Each model is told what was accepted, at the times at which it truly left, and asked how many more it would have
//! accepted when the target refused. The model that is nearest to "none" everywhere is the kind of the limit, if no
//! other comes near it.

use serde_json::{Map, Value, json};

use crate::suite::model::LimitKind;

/// No decision about a limit of fewer requests: the models are too close.
const FEWEST: f64 = 5.0;

/// The nearest model is off by no more than this part of the limit, or by one request.
const NEAR: f64 = 0.2;

/// Any other model is further off than the nearest by this part of the limit.
const APART: f64 = 0.12;

/// Where windows follow the target's clock, their edge may be anywhere; it is looked for in so many places.
const EDGES: u32 = 60;

/// Requests of one burst: seconds at which those left that were accepted, and when the target refused, if it did.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Spent {
    pub accepted: Vec<f64>,
    pub refused_at: Option<f64>,
}

/// How far each kind is from what happened, as a part of the limit: 0 explains it wholly.
pub fn distances(requests: u32, window_s: f64, bursts: &[Spent]) -> Vec<(LimitKind, f64)> {
    let limit = f64::from(requests);
    let edges = || (0..EDGES).map(|at| Some(window_s * f64::from(at) / f64::from(EDGES)));
    let of = |kind, edge| distance(kind, edge, limit, window_s, bursts);
    let best = |kind| {
        let anchored = of(kind, None);
        edges().map(|edge| of(kind, edge)).fold(anchored, f64::min)
    };
    vec![
        (LimitKind::Fixed, best(LimitKind::Fixed)),
        (LimitKind::SlidingLog, of(LimitKind::SlidingLog, None)),
        (LimitKind::SlidingCounter, best(LimitKind::SlidingCounter)),
        (LimitKind::TokenBucket, of(LimitKind::TokenBucket, None)),
    ]
}

/// The kind that explains what happened, where one alone does.
pub fn kind(requests: u32, distances: &[(LimitKind, f64)]) -> Option<LimitKind> {
    let limit = f64::from(requests);
    let (kind, nearest) = distances.iter().min_by(|a, b| a.1.total_cmp(&b.1))?;
    let others = distances.iter().filter(|(other, _)| other != kind);
    let apart = others
        .map(|(_, far)| far - nearest)
        .fold(f64::INFINITY, f64::min);
    let is_near = *nearest <= NEAR.max(1.0 / limit);
    (limit >= FEWEST && is_near && apart >= APART).then_some(*kind)
}

/// For a report: the kind and the distances that it was chosen by.
pub fn seen(requests: u32, window_s: f64, bursts: &[Spent]) -> Map<String, Value> {
    let all = distances(requests, window_s, bursts);
    let fits: Map<String, Value> = all
        .iter()
        .map(|(kind, off)| (kind.word().to_owned(), json!((off * 100.0).round() / 100.0)))
        .collect();
    let mut seen = Map::new();
    seen.insert(
        "kind".to_owned(),
        json!(kind(requests, &all).map(LimitKind::word)),
    );
    seen.insert("off_by".to_owned(), Value::Object(fits));
    seen
}

fn distance(kind: LimitKind, edge: Option<f64>, limit: f64, window: f64, bursts: &[Spent]) -> f64 {
    let mut accepted: Vec<f64> = Vec::new();
    let mut worst: f64 = 0.0;
    for burst in bursts {
        accepted.extend(&burst.accepted);
        let asked_at = burst.refused_at.or(burst.accepted.last().copied());
        let Some(now) = asked_at else { continue };
        let left = left(kind, edge, limit, window, &accepted, now);
        let off = match burst.refused_at {
            // Less than one is none.
            Some(_) if (0.0..1.0).contains(&left) => 0.0,
            Some(_) => left.abs(),
            None => (-left).max(0.0),
        };
        worst = worst.max(off / limit);
    }
    worst
}

/// How many more a model accepts at a moment. `accepted` is in ascending order, none later than `now`.
fn left(
    kind: LimitKind,
    edge: Option<f64>,
    limit: f64,
    window: f64,
    accepted: &[f64],
    now: f64,
) -> f64 {
    match kind {
        LimitKind::Fixed => {
            let began = began(edge, window, accepted, now);
            limit - accepted.iter().filter(|at| **at >= began).count() as f64
        }
        LimitKind::SlidingLog => {
            limit - accepted.iter().filter(|at| now - **at < window).count() as f64
        }
        LimitKind::SlidingCounter => {
            let began = match edge {
                Some(_) => began(edge, window, accepted, now),
                // Windows follow each other from the first request on.
                None => began_after(accepted.first().copied().unwrap_or(now), window, now),
            };
            let this = accepted.iter().filter(|at| **at >= began).count() as f64;
            let before = began - window;
            let last = accepted
                .iter()
                .filter(|at| (before..began).contains(*at))
                .count() as f64;
            limit - this - last * (1.0 - (now - began) / window)
        }
        LimitKind::TokenBucket => {
            let refill = limit / window;
            let mut tokens = limit;
            let mut then = accepted.first().copied().unwrap_or(now);
            for at in accepted {
                tokens = (tokens + (at - then) * refill).min(limit) - 1.0;
                then = *at;
            }
            (tokens + (now - then) * refill).min(limit)
        }
    }
}

/// When the fixed window began that holds `now`: by the clock, or each with the first request after the last one.
fn began(edge: Option<f64>, window: f64, accepted: &[f64], now: f64) -> f64 {
    if let Some(edge) = edge {
        return began_after(edge, window, now);
    }
    let mut began = f64::NEG_INFINITY;
    for at in accepted.iter().copied().chain([now]) {
        if at - began >= window {
            began = at;
        }
    }
    began
}

fn began_after(edge: f64, window: f64, now: f64) -> f64 {
    edge + ((now - edge) / window).floor() * window
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A target that counts in this way, sent two thirds of the limit, and then three times as much as it takes: a sliding
    /// counter whose edge lies well looks like a log at two of these moments, but not at all three.
    fn probe(
        kind: LimitKind,
        edge: Option<f64>,
        requests: u32,
        window: f64,
        took: f64,
    ) -> Vec<Spent> {
        let limit = f64::from(requests);
        let mut accepted: Vec<f64> = Vec::new();
        let mut bursts = Vec::new();
        for (begins, most) in [
            (0.0, requests * 2 / 3),
            (0.4, 2 * requests),
            (0.9, 2 * requests),
            (1.1, 2 * requests),
        ] {
            let mut spent = Spent::default();
            for number in 0..most {
                let now = 7.0 * window + begins * window + f64::from(number) * took;
                if left(kind, edge, limit, window, &accepted, now) < 1.0 {
                    spent.refused_at = Some(now);
                    break;
                }
                accepted.push(now);
                spent.accepted.push(now);
            }
            bursts.push(spent);
        }
        bursts
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn every_kind_is_told_from_the_others(
            requests in 10u32..400,
            window in 1.0f64..60.0,
            edge in proptest::option::of(0.0f64..1.0),
            slow in 0.0f64..0.01,
        ) {
            let edge = edge.map(|part| part * window);
            let took = window * slow / f64::from(requests);
            let kinds = [
                (LimitKind::Fixed, edge),
                (LimitKind::SlidingLog, None),
                (LimitKind::SlidingCounter, edge),
                (LimitKind::TokenBucket, None),
            ];
            for (wanted, edge) in kinds {
                let bursts = probe(wanted, edge, requests, window, took);
                let all = distances(requests, window, &bursts);
                let told = kind(requests, &all);
                // Where an edge lies close to a burst it may remain open, but never another.
                prop_assert!(
                    told == Some(wanted) || (edge.is_some() && told.is_none()),
                    "{wanted:?} with {edge:?}: {told:?} of {all:?}"
                );
            }
        }
    }

    #[test]
    fn what_refuses_at_random_is_of_no_kind() {
        let bursts = [
            Spent {
                accepted: vec![0.0; 50],
                refused_at: None,
            },
            Spent {
                accepted: vec![30.0; 7],
                refused_at: Some(30.0),
            },
            Spent {
                accepted: vec![61.0; 3],
                refused_at: Some(61.0),
            },
        ];
        let all = distances(100, 60.0, &bursts);
        assert_eq!(kind(100, &all), None, "{all:?}");
    }

    #[test]
    fn a_limit_of_few_is_not_decided() {
        let bursts = probe(LimitKind::Fixed, None, 4, 60.0, 0.0);
        assert_eq!(kind(4, &distances(4, 60.0, &bursts)), None);
    }
}
