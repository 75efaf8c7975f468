//! `proofmark run --dry-run`: the plan in words.

use serde_json::Value;

use crate::suite::model::{Check, Step};
use crate::suite::plan::{Case, Plan, PlanScope};
use crate::suite::template::fill_value;

/// What would be sent, check by check, and how long it takes at least at the rate that the target file allows.
pub fn schedule(plan: &Plan) -> String {
    let mut out = format!(
        "{} against contract {}, {}\n\n",
        plan.target.name, plan.target.contract, plan.target.https
    );
    let (mut run, mut skipped, mut total) = (0usize, 0usize, 0usize);
    for (id, planned) in &plan.checks {
        let cases: Vec<_> = plan.cases.iter().filter(|case| case.check == *id).collect();
        let open = cases.iter().filter(|case| case.skip.is_none()).count();
        run += open;
        skipped += cases.len() - open;
        let of_case = |case: &Case| requests(&planned.check, plan, case);
        let each: Vec<usize> = cases
            .iter()
            .filter(|case| case.skip.is_none())
            .map(|case| of_case(case))
            .collect();
        let all: usize = each.iter().sum();
        total += all;
        let why = match cases.iter().find_map(|case| case.skip.as_ref()) {
            Some(skip) if open == 0 => format!("skipped: {}", skip.says),
            _ => match each.as_slice() {
                [first, rest @ ..] if rest.iter().all(|other| other == first) => {
                    format!("{open} cases of {first} requests")
                }
                _ => format!("{open} cases, {all} requests"),
            },
        };
        out.push_str(&format!("{id:24} {:6} {why}\n", planned.level.word()));
    }
    let rate = plan
        .target
        .consent
        .max_requests_per_second
        .unwrap_or(50)
        .max(1);
    out.push_str(&format!(
        "\n{} checks, {run} cases to carry out and {skipped} skipped, about {total} requests; at {rate} a second at \
         least {:.0} s. Nothing was sent.\n",
        plan.checks.len(),
        total as f64 / f64::from(rate)
    ));
    out
}

/// Requests of one case where nothing fails: controls before and after, steps, clean-up, and all of that in every round.
fn requests(check: &Check, plan: &Plan, case: &Case) -> usize {
    let scope = PlanScope {
        target: &plan.target,
        lists: &plan.lists,
        bindings: &case.bindings,
    };
    let number = |value: &Value| {
        let value = fill_value(value, &scope).unwrap_or(Value::Null);
        value.as_u64().unwrap_or(1) as usize
    };
    let of_step = |step: &Step| match step {
        Step::Wait(_) | Step::Rotate(_) => 0,
        Step::Race(race) => race.race.iter().map(|one| number(one.number())).sum(),
        Step::Burst(burst) => number(&burst.times),
        Step::Send(_) | Step::Observe(_) | Step::Resend(_) | Step::Probe(_) => 1,
    };
    let steps: usize = check.steps.iter().map(of_step).sum();
    let once = check.control.len() * 2 + steps + check.always.len();
    once * check.rounds.unwrap_or(1) as usize
}
