//! All attempts at a case → its verdict.

use std::collections::HashMap;

use super::attempt::{AttemptOutcome, judge_attempt};
use super::verdict::{Evidence, Findings, Verdict};
use crate::journal::{Attempt, Doubt, Exchange, ExchangeId};
use crate::suite::plan::{Case, Plan, SkipReason};

/// Decides one case. No clock, no network, no `Result`: whatever is missing is a reason, not an error.
///
/// A failure counts only when a second attempt shows a failure at the same place; one that holds the second time is
/// unsteady, and one that was never repeated is said to be that.
pub fn judge(
    plan: &Plan,
    case: &Case,
    attempts: &[Attempt],
    exchanges: &HashMap<ExchangeId, Exchange>,
) -> Verdict {
    if let Some(skip) = &case.skip {
        return Verdict::Skipped {
            why: skip.reason,
            says: skip.says.clone(),
        };
    }
    let mut outcomes = attempts
        .iter()
        .map(|attempt| judge_attempt(plan, case, attempt, exchanges));
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

/// Whether a case must be carried out once more before anything is said about it.
pub fn needs_second_attempt(outcome: &AttemptOutcome) -> bool {
    matches!(outcome, AttemptOutcome::Fail { .. })
}

fn same_place(a: &Findings, b: &Findings) -> bool {
    a.iter()
        .any(|x| b.iter().any(|y| x.slot == y.slot && x.level == y.level))
}
