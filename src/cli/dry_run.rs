//! `proofmark run --dry-run`: the plan in words.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::Value;

use crate::suite::model::{Check, STRAIGHT, Send, Step};
use crate::suite::plan::{Case, Plan, PlanScope};
use crate::suite::rate_limits::{self, Purse};
use crate::suite::template::{fill_text, fill_value};

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
    out.push_str(&limits(plan));
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

/// What declared rate limits make of the run: how long ordinary requests take that keep to them, and how long those that
/// spend them. All limits are waited for at the same time.
fn limits(plan: &Plan) -> String {
    let target = &plan.target;
    let mut ordinary: BTreeMap<String, (Purse, usize)> = BTreeMap::new();
    let mut spent: BTreeMap<&str, BTreeMap<String, usize>> = BTreeMap::new();
    for case in plan.cases.iter().filter(|case| case.skip.is_none()) {
        let Some(planned) = plan.checks.get(&case.check) else {
            continue;
        };
        if let Some(limit) = rate_limits::name_of_spent(&case.bindings) {
            let purses = spent.entry(limit).or_default();
            for (purse, _) in rate_limits::purses(target, &case.bindings) {
                *purses.entry(purse).or_default() += 1;
            }
            continue;
        }
        let scope = PlanScope {
            target,
            lists: &plan.lists,
            bindings: &case.bindings,
        };
        let filled = |text: &str| fill_text(text, &scope).unwrap_or_default();
        let check = &planned.check;
        let steps = check.steps.iter().flat_map(|step| counted(step, &scope));
        let once = check.control.iter().chain(&check.control);
        let once = once.chain(&check.always).map(|send| (send, 1));
        for (send, times) in once.chain(steps) {
            let principal = send
                .principal
                .as_deref()
                .map_or("anonymous".to_owned(), filled);
            for purse in rate_limits::ordinary_purses(target, &filled(&send.send), &principal) {
                let each = purse.spends as usize;
                let (_, sent) = ordinary.entry(purse.name.clone()).or_insert((purse, 0));
                *sent += times * each * check.rounds.unwrap_or(1) as usize;
            }
        }
    }
    let mut out = String::new();
    for (name, limit) in &target.rate_limits {
        let (requests, window_s) = (limit.requests, limit.window_s);
        let counted = match limit.is_of_concurrency() {
            true => "at the same time".to_owned(),
            false => format!("in {window_s} s"),
        };
        let _ = write!(
            out,
            "\nlimit {name}: {requests} requests {counted} for each {}\n",
            limit.per.word()
        );
        let own = ordinary.values().filter(|(purse, _)| purse.limit == *name);
        if let Some((purse, sent)) = own.max_by_key(|(_, sent)| *sent) {
            let windows = (sent - 1) / requests as usize;
            let _ = writeln!(
                out,
                "  {sent} ordinary requests are counted against `{}`, which takes at least {:.0} s",
                purse.name,
                windows as f64 * window_s
            );
        }
        if let Some(purses) = spent.get(name.as_str()) {
            let deepest = purses.values().max().copied().unwrap_or(1);
            let _ = writeln!(
                out,
                "  checks of it spend {} purses, at most {deepest} times the same, a window apart: at least {:.0} s",
                purses.len(),
                (deepest - 1) as f64 * window_s
            );
        }
    }
    if target.exempt_from_rate_limits && !target.rate_limits.is_empty() {
        out.push_str("\nOrdinary requests are not counted: the target file says `exempt_from_rate_limits`.\n");
    }
    out
}

/// The ordinary requests of a step, and how many times each is sent where nothing fails.
fn counted<'s>(step: &'s Step, scope: &PlanScope<'_>) -> Vec<(&'s Send, usize)> {
    match step {
        Step::Send(send) => vec![(&**send, 1)],
        Step::Poll(poll) => {
            let straight = poll.straight.as_ref();
            let straight = straight.map_or(STRAIGHT, |value| number(value, scope));
            let each = straight.div_ceil(poll.poll.len().max(1));
            let times = |send: &&Send| poll.place(send).map_or(1, |_| each);
            poll.requests().map(|send| (send, times(&send))).collect()
        }
        Step::Compare(compare) => {
            let times = number(&compare.times, scope) * compare.runs();
            compare.compare.iter().map(|send| (send, times)).collect()
        }
        _ => Vec::new(),
    }
}

fn number(value: &Value, scope: &PlanScope<'_>) -> usize {
    let value = fill_value(value, scope).unwrap_or(Value::Null);
    value.as_u64().unwrap_or(1) as usize
}

/// Requests of one case where nothing fails: controls before and after, steps, clean-up, and all of that in every round.
fn requests(check: &Check, plan: &Plan, case: &Case) -> usize {
    let scope = PlanScope {
        target: &plan.target,
        lists: &plan.lists,
        bindings: &case.bindings,
    };
    let number = |value: &Value| number(value, &scope);
    let of_step = |step: &Step| match step {
        Step::Wait(_) | Step::Rotate(_) => 0,
        Step::Race(race) => race.race.iter().map(|one| number(one.number())).sum(),
        Step::Burst(burst) => number(&burst.times),
        // Where the answer is the new one from the start.
        Step::Poll(poll) => {
            let straight = poll.straight.as_ref().map_or(STRAIGHT, number);
            straight + usize::from(poll.meanwhile.is_some())
        }
        Step::Compare(compare) => number(&compare.times) * compare.runs() * compare.compare.len(),
        Step::Send(_) | Step::Observe(_) | Step::Resend(_) | Step::Probe(_) => 1,
    };
    let steps: usize = check.steps.iter().map(of_step).sum();
    let once = check.control.len() * 2 + steps + check.always.len();
    once * check.rounds.unwrap_or(1) as usize
}
