//! Declared rate limits: those of the contract and of the target file put together, and what a check spends of them.

use indexmap::IndexMap;
use serde_json::{Value, json};

use super::model::{Contract, Operation, Partition, Principal, RateLimit, TargetFile};
use super::plan::{Bindings, Case};
use super::target::{Misfit, Target, Which};

/// The limits of a target, with everything that is wrong with them.
pub(super) fn merged(
    file: &TargetFile,
    contract: &Contract,
    operations: &IndexMap<String, Operation>,
    principals: &IndexMap<String, Principal>,
    misfits: &mut Vec<Misfit>,
) -> IndexMap<String, RateLimit> {
    let mut limits = contract.rate_limits.clone();
    for (name, own) in &file.rate_limits {
        match own {
            Some(limit) => drop(limits.insert(name.clone(), limit.clone())),
            None => drop(limits.shift_remove(name)),
        }
    }
    for (name, limit) in &limits {
        let file = match file.rate_limits.contains_key(name) {
            true => Which::Target,
            false => Which::Contract,
        };
        let mut misfit = |member: &str, says: String| {
            misfits.push(Misfit {
                file,
                pointer: format!("/rate_limits/{name}/{member}"),
                says,
                help: None,
            });
        };
        if limit.requests == 0 {
            misfit("requests", "a limit of no requests is none".to_owned());
        }
        if !(limit.window_s.is_finite() && limit.window_s > 0.0) {
            misfit(
                "window_s",
                "a window lasts longer than 0 seconds".to_owned(),
            );
        }
        if !operations.contains_key(&limit.spend) {
            misfit("spend", format!("there is no operation `{}`", limit.spend));
        }
        for operation in &limit.operations {
            if !operations.contains_key(operation) {
                misfit("operations", format!("there is no operation `{operation}`"));
            }
        }
        for principal in &limit.principals {
            if !principals.contains_key(principal) {
                misfit("as", format!("there is no principal `{principal}`"));
            }
        }
    }
    limits
}

/// The most that may be accepted of one window, and the least: one request or one in twenty, whichever is more.
pub fn tolerance(requests: u32) -> u32 {
    (requests / 20).max(1)
}

/// What a variable of a matrix holds of a limit.
pub(super) fn binding(name: &str, limit: &RateLimit) -> Value {
    let tolerance = limit.tolerance.unwrap_or_else(|| tolerance(limit.requests));
    json!({
        "name": name,
        LIMIT: name,
        "requests": limit.requests,
        "less_one": limit.requests - 1,
        "at_least": limit.requests.saturating_sub(tolerance),
        "at_most": limit.requests + tolerance,
        "over": limit.requests + tolerance + 5,
        "thrice": limit.requests.saturating_mul(3),
        "window_s": limit.window_s,
        "two_thirds": limit.requests * 2 / 3,
        "half_window_s": limit.window_s / 2.0,
        // Waits of a probe that ends when the window is over by a fiftieth.
        "first_wait_s": limit.window_s * 0.4,
        "second_wait_s": limit.window_s * 0.5,
        "third_wait_s": limit.window_s * 0.12,
        "past_window_s": limit.window_s * 1.02,
        "tolerance": tolerance,
        "per": limit.per,
        "kind": limit.kind,
        "spend": limit.spend,
    })
}

/// Member of a binding that says that it is a limit.
const LIMIT: &str = "rate_limit";

/// Gives every case that spends a limit purses of its own, as long as there are enough: principals whose credential
/// counts by itself, or addresses to send from. Cases of one purse are carried out one after the other, a window apart.
pub(super) fn hand_out_purses(target: &Target, cases: &mut [Case]) {
    let mut next: IndexMap<String, usize> = IndexMap::new();
    let mut next_address = 0;
    for case in cases.iter_mut().filter(|case| case.skip.is_none()) {
        for value in case.bindings.values_mut() {
            let Some(name) = value.get(LIMIT).and_then(Value::as_str) else {
                continue;
            };
            let Some(limit) = target.rate_limits.get(name) else {
                continue;
            };
            let at = match limit.per {
                Partition::Address => &mut next_address,
                Partition::Credential | Partition::User => next.entry(name.to_owned()).or_default(),
            };
            let mut purse = || {
                *at += 1;
                *at - 1
            };
            let (own, other) = (purse(), purse());
            let principal = |at: usize| match limit.principals.len() {
                0 => json!("anonymous"),
                many => json!(limit.principals[at % many]),
            };
            let (who, from) = match (limit.per, target.addresses.len()) {
                (Partition::Address, many) => (
                    [principal(0), principal(0)],
                    [own, other].map(|at| json!(at % many.max(1))),
                ),
                _ => (
                    [principal(own), principal(other)],
                    [Value::Null, Value::Null],
                ),
            };
            let [principal, other] = who;
            let [from, other_from] = from;
            value["principal"] = principal;
            value["other"] = other;
            value["from"] = from;
            value["other_from"] = other_from;
        }
    }
}

/// The limit that a case is about.
pub fn spent_by<'t>(target: &'t Target, bindings: &Bindings) -> Option<&'t RateLimit> {
    let name = bindings.values().find_map(|value| value.get(LIMIT)?.as_str())?;
    target.rate_limits.get(name)
}

/// What a case spends: the names of its purses, each with the seconds that it must have been left alone.
pub fn purses(target: &Target, bindings: &Bindings) -> Vec<(String, f64)> {
    let mut all = Vec::new();
    for value in bindings.values() {
        let Some(name) = value.get(LIMIT).and_then(Value::as_str) else {
            continue;
        };
        let Some(limit) = target.rate_limits.get(name) else {
            continue;
        };
        let owners = match limit.per {
            Partition::Address => ["from", "other_from"],
            Partition::Credential | Partition::User => ["principal", "other"],
        };
        for owner in owners {
            // An address is one purse for all limits by address: the same requests count against each.
            let of = match limit.per {
                Partition::Address => "address",
                Partition::Credential | Partition::User => name,
            };
            let purse = format!("{of} {}", value.get(owner).unwrap_or(&Value::Null));
            if !all.iter().any(|(known, _)| *known == purse) {
                all.push((purse, limit.window_s));
            }
        }
    }
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}
