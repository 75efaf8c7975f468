//! All attempts at a case → its verdict.

use super::attempt::{AttemptOutcome, judge_attempt};
use super::verdict::{Evidence, Findings, Verdict};
use crate::journal::{Attempt, Doubt, Exchanges};
use crate::suite::plan::{Case, Plan, SkipReason};

/// Decides one case. No clock, no network, no `Result`: whatever is missing is a reason, not an error.
///
/// A failure counts only when a second attempt shows a failure at the same place; one that holds the second time is
/// unsteady, and one that was never repeated is said to be that.
pub fn judge(plan: &Plan, case: &Case, attempts: &[Attempt], exchanges: &Exchanges) -> Verdict {
    if let Some(skip) = &case.skip {
        return Verdict::Skipped {
            why: skip.reason,
            says: skip.says.clone(),
        };
    }
    let outcomes = attempts
        .iter()
        .map(|attempt| judge_attempt(plan, case, attempt, exchanges));
    match rounds_of(plan, case) {
        Some(_) => of_rounds(outcomes),
        None => of_repeated(outcomes),
    }
}

/// How many times a check is carried out that is a matter of moments.
fn rounds_of(plan: &Plan, case: &Case) -> Option<u32> {
    plan.checks.get(&case.check)?.check.rounds
}

/// Whether a case must be carried out once more before anything is said about it, after so many attempts of which this
/// is the last one's outcome.
pub fn needs_another_attempt(plan: &Plan, case: &Case, made: u32, last: &AttemptOutcome) -> bool {
    let failed = matches!(last, AttemptOutcome::Fail { .. });
    match rounds_of(plan, case) {
        Some(rounds) => !failed && made < rounds,
        None => failed && made < 2,
    }
}

/// One round that breaks the promise is enough, since nothing but a broken promise looks like that; one round in which
/// all met and it held is enough for the opposite, where none broke it.
fn of_rounds(outcomes: impl Iterator<Item = AttemptOutcome>) -> Verdict {
    let mut held = None;
    let mut undecided = None;
    for outcome in outcomes {
        match outcome {
            AttemptOutcome::Fail { findings, evidence } => {
                return Verdict::Fail {
                    level: findings.worst().level,
                    findings,
                    evidence,
                };
            }
            AttemptOutcome::Pass { .. } => held = held.or(Some(outcome)),
            other => undecided = undecided.or(Some(other)),
        }
    }
    of_repeated(held.or(undecided).into_iter())
}

fn of_repeated(mut outcomes: impl Iterator<Item = AttemptOutcome>) -> Verdict {
    let Some(first) = outcomes.next() else {
        return Verdict::Inconclusive {
            why: Doubt::Harness,
            says: "the run ended before this was reached".to_owned(),
            exchanges: Vec::new(),
        };
    };
    match (first, outcomes.next()) {
        (
            AttemptOutcome::Fail { findings, evidence },
            Some(AttemptOutcome::Fail {
                findings: again,
                evidence: more,
            }),
        ) => {
            if !same_place(&findings, &again) {
                return Verdict::Inconclusive {
                    why: Doubt::Unsteady,
                    says: format!(
                        "it failed twice, each time otherwise: {}; then: {}",
                        findings.worst().observed,
                        again.worst().observed
                    ),
                    exchanges: evidence.iter().chain(more.iter()).collect(),
                };
            }
            let level = again.worst().level;
            let all = Evidence::of(more.iter().chain(evidence.iter())).unwrap_or(more);
            Verdict::Fail {
                level,
                findings: again,
                evidence: all,
            }
        }
        (AttemptOutcome::Fail { findings, evidence }, None) => Verdict::Inconclusive {
            why: Doubt::Unrepeated,
            says: format!(
                "it failed once ({}) and was not tried again",
                findings.worst().observed
            ),
            exchanges: evidence.iter().collect(),
        },
        (
            AttemptOutcome::Fail { findings, evidence },
            Some(AttemptOutcome::Pass { .. } | AttemptOutcome::NotCovered(_)),
        ) => Verdict::Inconclusive {
            why: Doubt::Unsteady,
            says: format!(
                "it failed ({}) and held the second time",
                findings.worst().observed
            ),
            exchanges: evidence.iter().collect(),
        },
        (
            AttemptOutcome::Fail { evidence, .. },
            Some(AttemptOutcome::Doubt {
                why,
                says,
                exchanges,
            }),
        ) => Verdict::Inconclusive {
            why,
            says,
            exchanges: evidence.iter().chain(exchanges).collect(),
        },
        (
            AttemptOutcome::Pass {
                evidence,
                unconfirmed,
            },
            _,
        ) => Verdict::Pass {
            evidence,
            unconfirmed,
        },
        (
            AttemptOutcome::Doubt {
                why,
                says,
                exchanges,
            },
            _,
        ) => Verdict::Inconclusive {
            why,
            says,
            exchanges,
        },
        (AttemptOutcome::NotCovered(says), _) => Verdict::Skipped {
            why: SkipReason::NotCovered,
            says,
        },
    }
}

fn same_place(a: &Findings, b: &Findings) -> bool {
    a.iter()
        .any(|x| b.iter().any(|y| x.slot == y.slot && x.level == y.level))
}
