//! What declared rate limits make of a run.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::counted;
use super::work::number;
use crate::suite::model::{STRAIGHT, Send, Step};
use crate::suite::plan::{Plan, PlanScope};
use crate::suite::rate_limits::{self, Purse};
use crate::suite::template::fill_text;

/// What each limit makes of the run, and the seconds that the slowest takes at least: how long ordinary requests take that keep to them, and how long those that
/// spend them. All limits are waited for at the same time.
pub(super) fn limits(plan: &Plan) -> (String, f64) {
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
        let steps = check
            .steps
            .iter()
            .flat_map(|step| ordinary_of(step, &scope));
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
    let (mut out, mut longest) = (String::new(), 0f64);
    for (name, limit) in &target.rate_limits {
        let (requests, window_s) = (limit.requests, limit.window_s);
        let when = match limit.is_of_concurrency() {
            true => "at the same time".to_owned(),
            false => format!("in {window_s} s"),
        };
        let _ = write!(
            out,
            "\nlimit {name}: {requests} requests {when} for each {}\n",
            limit.per.word()
        );
        let own = ordinary.values().filter(|(purse, _)| purse.limit == *name);
        if let Some((purse, sent)) = own.max_by_key(|(_, sent)| *sent) {
            let least = ((sent - 1) / requests as usize) as f64 * window_s;
            longest = longest.max(least);
            let _ = writeln!(
                out,
                "  {sent} ordinary requests are counted against `{}`, which takes at least {least:.0} s",
                purse.name,
            );
        }
        if let Some(purses) = spent.get(name.as_str()) {
            let deepest = purses.values().max().copied().unwrap_or(1);
            let least = (deepest - 1) as f64 * window_s;
            longest = longest.max(least);
            let _ = writeln!(
                out,
                "  checks of it spend {}: at least {least:.0} s",
                match (purses.len(), deepest) {
                    (1, 1) => "one purse once".to_owned(),
                    (all, 1) => format!("{all} purses, each once"),
                    (all, _) => format!(
                        "{}, at most {deepest} times the same, a window apart",
                        counted(all, "purse")
                    ),
                }
            );
        }
    }
    if target.exempt_from_rate_limits && !target.rate_limits.is_empty() {
        out.push_str("\nOrdinary requests are not counted: the target file says `exempt_from_rate_limits`.\n");
    }
    (out, longest)
}

/// The ordinary requests of a step, and how many times each is sent where nothing fails.
fn ordinary_of<'s>(step: &'s Step, scope: &PlanScope<'_>) -> Vec<(&'s Send, usize)> {
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
