//! Targets that count in each way, over a line that takes its time.

use proptest::prelude::*;

use super::*;
use crate::suite::model::Partition;

fn limit(requests: u32, window_s: f64, kind: Option<LimitKind>) -> RateLimit {
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

/// A correct target. `edge`: where a window begins by its clock; `None` begins one with the first request.
struct Counting {
    kind: LimitKind,
    edge: Option<f64>,
    limit: f64,
    window: f64,
    taken: Vec<f64>,
    tokens: f64,
    then: f64,
}

impl Counting {
    fn new(kind: LimitKind, edge: Option<f64>, requests: u32, window: f64) -> Self {
        let limit = f64::from(requests);
        Self {
            kind,
            edge,
            limit,
            window,
            taken: Vec::new(),
            tokens: limit,
            then: 0.0,
        }
    }

    fn began(&self, now: f64) -> f64 {
        let edge = self.edge.or(self.taken.first().copied()).unwrap_or(now);
        edge + ((now - edge) / self.window).floor() * self.window
    }

    fn accepts(&mut self, now: f64) -> bool {
        let since = |at: f64| self.taken.iter().filter(|one| **one >= at).count() as f64;
        let used = match self.kind {
            LimitKind::Fixed => match self.edge {
                Some(_) => since(self.began(now)),
                None => {
                    let mut began = f64::NEG_INFINITY;
                    for at in self.taken.iter().copied().chain([now]) {
                        if at - began >= self.window {
                            began = at;
                        }
                    }
                    since(began)
                }
            },
            LimitKind::SlidingLog => {
                let is_young = |at: &&f64| now - **at < self.window;
                self.taken.iter().filter(is_young).count() as f64
            }
            LimitKind::SlidingCounter => {
                let began = self.began(now);
                let this = since(began);
                let before = since(began - self.window) - this;
                this + before * (1.0 - (now - began) / self.window)
            }
            LimitKind::TokenBucket => {
                let back = (now - self.then) * self.limit / self.window;
                self.tokens = (self.tokens + back).min(self.limit);
                self.then = now;
                self.limit - self.tokens
            }
            // What comes one after the other is never too much at a time.
            LimitKind::Concurrency => 0.0,
        };
        let is_accepted = used + 1.0 <= self.limit + 1e-9;
        if is_accepted {
            self.taken.push(now);
            self.tokens -= 1.0;
        }
        is_accepted
    }
}

/// What is seen where each burst begins at such a part of the window, or as soon as the one before is over, and each
/// request takes so long, and is counted at such a part of that.
struct Line {
    requests: u32,
    window: f64,
    moments: [f64; 4],
    takes: f64,
    within: f64,
}

impl Line {
    fn probe(&self, kind: LimitKind, edge: Option<f64>) -> Vec<Vec<Asked>> {
        let mut target = Counting::new(kind, edge, self.requests, self.window);
        let mut bursts = Vec::new();
        let mut now = 0.0_f64;
        for (place, moment) in self.moments.iter().enumerate() {
            now = now.max(7.0 * self.window + moment * self.window);
            let most = match place {
                0 => self.requests * 7 / 10,
                _ => 3 * self.requests,
            };
            let mut burst = Vec::new();
            for _ in 0..most {
                let accepted = target.accepts(now + self.takes * self.within);
                burst.push(Asked {
                    left: (now * 1000.0).floor() / 1000.0,
                    done: ((now + self.takes) * 1000.0).floor() / 1000.0 + GRAIN_S,
                    accepted,
                });
                now += self.takes;
                if !accepted {
                    break;
                }
            }
            bursts.push(burst);
        }
        bursts
    }

    fn told(&self, kind_is: LimitKind, edge: Option<f64>) -> (Option<LimitKind>, String) {
        let bursts = self.probe(kind_is, edge);
        let (told, all) = super::told(&limit(self.requests, self.window, None), &in_order(&bursts));
        let counts: Vec<usize> = bursts
            .iter()
            .map(|burst| burst.iter().filter(|one| one.accepted).count())
            .collect();
        (
            told,
            format!("{kind_is:?} with {edge:?}: {told:?} of {all:?}, {counts:?}"),
        )
    }
}

fn kinds(edge: f64) -> [(LimitKind, Option<f64>); 6] {
    [
        (LimitKind::Fixed, None),
        (LimitKind::Fixed, Some(edge)),
        (LimitKind::SlidingLog, None),
        (LimitKind::SlidingCounter, None),
        (LimitKind::SlidingCounter, Some(edge)),
        (LimitKind::TokenBucket, None),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_kind_is_told_from_the_others(
        requests in 6u32..400,
        window in 1.0f64..60.0,
        edge in 0.0f64..1.0,
        slow in 0.0f64..0.05,
        within in 0.0f64..1.0,
    ) {
        let line = Line {
            requests,
            window,
            moments: [0.0, 0.4, 0.96, 1.03],
            takes: window * slow / f64::from(requests),
            within,
        };
        for (kind, edge) in kinds(edge * window) {
            let (told, says) = line.told(kind, edge);
            // A window of the clock whose edge lies close to a burst may remain open, but is never another.
            prop_assert!(told == Some(kind) || (edge.is_some() && told.is_none()), "{says}");
        }
    }

    /// However late a busy machine is.
    #[test]
    fn no_kind_is_taken_for_another(
        requests in 5u32..60,
        window in 0.5f64..10.0,
        edge in 0.0f64..1.0,
        moments in proptest::array::uniform3(0.0f64..1.2),
        slow in 0.0f64..1.5,
        within in 0.0f64..1.0,
    ) {
        let first = moments[0];
        let second = first + moments[1];
        let line = Line {
            requests,
            window,
            moments: [0.0, first, second, second + moments[2]],
            takes: window * slow / f64::from(requests),
            within,
        };
        for (kind, edge) in kinds(edge * window) {
            let (told, says) = line.told(kind, edge);
            prop_assert!(told == Some(kind) || told.is_none(), "{says}");
        }
    }
}

fn at(second: f64, outcomes: &[bool]) -> Vec<Asked> {
    let asked = |accepted: &bool| Asked {
        left: second,
        done: second + GRAIN_S,
        accepted: *accepted,
    };
    outcomes.iter().map(asked).collect()
}

fn told(requests: u32, bursts: &[Vec<Asked>]) -> Option<LimitKind> {
    super::told(&limit(requests, 60.0, None), &in_order(bursts)).0
}

#[test]
fn what_refuses_at_random_is_of_no_kind() {
    let refused_after = |accepted: usize| {
        let mut outcomes = vec![true; accepted];
        outcomes.push(false);
        outcomes
    };
    let bursts = [
        at(0.0, &[true; 50]),
        at(30.0, &refused_after(7)),
        at(61.0, &refused_after(3)),
    ];
    assert_eq!(told(100, &bursts), None);
}

#[test]
fn a_limit_of_few_is_not_decided() {
    let line = Line {
        requests: 4,
        window: 60.0,
        moments: [0.0, 0.4, 0.96, 1.03],
        takes: 0.001,
        within: 0.5,
    };
    assert_eq!(line.told(LimitKind::Fixed, None).0, None);
}

#[test]
fn the_order_of_what_is_under_way_together_does_not_matter() {
    let together = |seconds: f64, outcomes: &[bool]| -> Vec<Asked> {
        let asked = outcomes.iter().enumerate().map(|(place, accepted)| Asked {
            left: seconds + place as f64 / 500.0,
            done: seconds + 0.5,
            accepted: *accepted,
        });
        asked.collect()
    };
    // Ten in a window of a minute, and the refused ones in between.
    let bursts = [
        together(0.0, &[true; 6]),
        together(24.0, &[true, false, true, false, true, true, false]),
        together(55.0, &[false, false]),
        together(
            65.0,
            &[
                false, true, true, true, false, true, true, true, true, true, true, true,
            ],
        ),
    ];
    assert_eq!(told(10, &bursts), Some(LimitKind::Fixed));
}

#[test]
fn three_bursts_are_needed() {
    let bursts = [at(0.0, &[true; 10]), at(61.0, &[true; 10])];
    assert_eq!(seen(&limit(10, 60.0, None), &bursts)["kind"], Value::Null);
}

#[test]
fn a_limit_of_another_size_is_of_no_other_kind() {
    // With windows of the clock nearly everything can be explained by some size.
    let without_clock = kinds(0.3).into_iter().filter(|(_, edge)| edge.is_none());
    for (kind, edge) in without_clock {
        for enforced in [8, 10, 15] {
            let line = Line {
                requests: enforced,
                window: 6.0,
                moments: [0.0, 0.4, 0.96, 1.03],
                takes: 0.004,
                within: 0.5,
            };
            let asked = in_order(&line.probe(kind, edge));
            let (told, all) = super::told(&limit(12, 6.0, Some(kind)), &asked);
            assert!(
                told.is_none_or(|told| told == kind),
                "{enforced} {kind:?} {edge:?}: {told:?} of {all:?}"
            );
        }
    }
}

#[test]
fn a_kind_that_was_declared_wrongly_is_told() {
    let line = Line {
        requests: 10,
        window: 6.0,
        moments: [0.0, 0.4, 0.96, 1.03],
        takes: 0.004,
        within: 0.5,
    };
    let kinds = kinds(0.3).into_iter().filter(|(_, edge)| edge.is_none());
    for (kind, _) in kinds.clone() {
        for (declared, _) in kinds.clone() {
            let asked = in_order(&line.probe(kind, None));
            let (told, all) = super::told(&limit(10, 6.0, Some(declared)), &asked);
            assert_eq!(told, Some(kind), "declared {declared:?}: {all:?}");
        }
    }
}
