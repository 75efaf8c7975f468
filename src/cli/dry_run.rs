//! `proofmark run --dry-run`: the plan in words.

use crate::suite::model::{Send, Step};
use crate::suite::plan::Plan;

/// What would be sent, check by check, and how long it takes at least at the rate that the target file allows.
pub fn schedule(plan: &Plan) -> String {
    let mut out = format!(
        "{} against contract {}, {}\n\n",
        plan.target.name, plan.target.contract, plan.target.https
    );
    let (mut run, mut skipped, mut requests) = (0usize, 0usize, 0usize);
    for (id, planned) in &plan.checks {
        let cases: Vec<_> = plan.cases.iter().filter(|case| case.check == *id).collect();
        let open = cases.iter().filter(|case| case.skip.is_none()).count();
        run += open;
        skipped += cases.len() - open;
        let each = requests_of(&planned.check.control) * 2
            + planned
                .check
                .steps
                .iter()
                .filter(|step| !matches!(step, Step::Wait(_) | Step::Rotate(_)))
                .count()
            + planned.check.always.len();
        requests += open * each;
        let why = match cases.iter().find_map(|case| case.skip.as_ref()) {
            Some(skip) if open == 0 => format!("skipped: {}", skip.says),
            _ => format!("{open} cases of {each} requests"),
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
        "\n{} checks, {run} cases to carry out and {skipped} skipped, about {requests} requests; at {rate} a second at \
         least {:.0} s. Nothing was sent.\n",
        plan.checks.len(),
        requests as f64 / f64::from(rate)
    ));
    out
}

fn requests_of(sends: &[Send]) -> usize {
    sends.len()
}
