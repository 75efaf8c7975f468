//! Declared rate limits: those of the contract and of the target file put together, and what a check spends of them.

use std::collections::HashSet;

use indexmap::IndexMap;
use serde_json::{Value, json};

use super::model::{
    Contract, LimitKind, Operation, Partition, Principal, RateLimit, RateLimitEntry, TargetFile,
};
use super::plan::{Bindings, Plan};
use super::target::{Misfit, Target, Which};

/// 31 days. No run waits for so long.
const LONGEST_WINDOW_S: f64 = 31.0 * 24.0 * 3600.0;

/// Principals whose credentials can be had.
pub(super) type Present<'a> = Vec<(&'a String, &'a Principal)>;

/// Most that one request of a batch carries out.
const MOST_IN_A_BATCH: u32 = 1000;

/// The limits of a target, with everything that is wrong with them. One without threshold or window is none.
pub(super) fn merged(
    file: &TargetFile,
    contract: &Contract,
    operations: &IndexMap<String, Operation>,
    present: &Present<'_>,
    misfits: &mut Vec<Misfit>,
) -> IndexMap<String, RateLimit> {
    let mut entries = contract.rate_limits.clone();
    for (name, own) in &file.rate_limits {
        match own {
            Some(own) => {
                let under = entries.get(name).cloned().unwrap_or_default();
                entries.insert(name.clone(), own.over(&under));
            }
            None => drop(entries.shift_remove(name)),
        }
    }
    let mut limits = IndexMap::new();
    for (name, entry) in &entries {
        let Some(requests) = entry.requests.filter(|_| entry.is_stated()) else {
            continue;
        };
        let is_windowed = entry.kind != Some(LimitKind::Concurrency);
        let window_s = entry.window_s.filter(|_| is_windowed).unwrap_or(0.0);
        let file = match file.rate_limits.contains_key(name) {
            true => Which::Target,
            false => Which::Contract,
        };
        let mut misfit = |member: &str, says: String| {
            misfits.push(Misfit {
                file,
                pointer: format!("/rate_limits/{name}{member}"),
                says,
                help: None,
            });
        };
        if requests == 0 {
            misfit("/requests", "a limit of no requests is none".to_owned());
        }
        if is_windowed && !(window_s.is_finite() && window_s > 0.0) {
            misfit(
                "/window_s",
                "a window lasts longer than 0 seconds".to_owned(),
            );
        }
        if is_windowed && window_s > LONGEST_WINDOW_S {
            misfit(
                "/window_s",
                format!("a window lasts {LONGEST_WINDOW_S:.0} seconds at most, which are 31 days"),
            );
        }
        let (Some(per), Some(spend)) = (entry.per, entry.spend.clone()) else {
            misfit(
                "",
                format!(
                    "the limit `{name}` says nowhere `per` what it counts, and with which operation to `spend` it"
                ),
            );
            continue;
        };
        let named = entry.operations.iter().flatten();
        let named = named
            .map(|one| ("/operations", one))
            .chain([("/spend", &spend)]);
        let named = named.chain(entry.write.iter().map(|one| ("/write", one)));
        let batch = entry.batch.iter();
        let named = named.chain(batch.map(|one| ("/batch/operation", &one.operation)));
        for (member, operation) in named {
            if !operations.contains_key(operation) {
                misfit(member, format!("there is no operation `{operation}`"));
            }
        }
        if entry
            .batch
            .as_ref()
            .is_some_and(|batch| !(2..=MOST_IN_A_BATCH).contains(&batch.holds))
        {
            misfit(
                "/batch/holds",
                format!("a batch holds from 2 to {MOST_IN_A_BATCH}"),
            );
        }
        let word = entry.principals.as_deref();
        let is_meant = |name: &str, principal: &Principal| {
            word.is_some_and(|word| name == word || principal.kinds.iter().any(|kind| kind == word))
        };
        let principals = present
            .iter()
            .filter(|(name, principal)| is_meant(name, principal));
        limits.insert(
            name.clone(),
            RateLimit {
                requests,
                window_s,
                per,
                kind: entry.kind,
                tolerance: entry.tolerance.unwrap_or_else(|| (requests / 20).max(1)),
                operations: entry.operations.clone().unwrap_or_default(),
                spend,
                write: entry.write.clone(),
                batch: entry.batch.clone(),
                principals: principals.map(|(name, _)| (*name).clone()).collect(),
            },
        );
    }
    limits
}

/// Limits that the contract names without saying how much they let through, where the target file does not say it either.
pub(super) fn unstated(file: &TargetFile, contract: &Contract) -> Vec<String> {
    let is_open = |(name, entry): &(&String, &RateLimitEntry)| match file.rate_limits.get(*name) {
        Some(Some(own)) => !own.over(entry).is_stated(),
        Some(None) => false,
        None => !entry.is_stated(),
    };
    let open = contract.rate_limits.iter().filter(is_open);
    open.map(|(name, _)| name.clone()).collect()
}

/// What a variable of a matrix holds of a limit.
pub(super) fn binding(name: &str, limit: &RateLimit) -> Value {
    let RateLimit {
        requests,
        window_s,
        tolerance,
        ..
    } = *limit;
    let seconds = |part: f64| (window_s * part * 1000.0).ceil() / 1000.0;
    json!({
        "name": name,
        LIMIT: name,
        "requests": requests,
        "over": over(limit),
        "two_thirds": u64::from(requests) * 2 / 3,
        "seven_tenths": u64::from(requests) * 7 / 10,
        "most": u64::from(requests) * 9 / 10,
        "thrice": requests.saturating_mul(3),
        "most_at_once": requests.saturating_add(tolerance),
        // So few that twice as many leave room for one.
        "few": (requests.saturating_sub(1) / 2).max(1),
        // As many connections as a burst needs where each request takes its time.
        "at_once": (requests / 20).clamp(1, 50),
        "tolerance": tolerance,
        "window_s": window_s,
        "window_ms": window_s * 1000.0,
        // Who takes longer for what he was to send in a window was not as fast as he was to be.
        "slow_ms": window_s * 1100.0,
        "half_window_s": seconds(0.5),
        "quarter_window_s": seconds(0.25),
        // Moments at which the kinds of windows let through differently much.
        "early_s": seconds(0.4),
        "late_s": seconds(0.96),
        "after_s": seconds(1.03),
        "next_eighth_s": seconds(1.125),
        // What a clock may be off by.
        "margin_s": seconds(0.02) + 0.05,
        "per": limit.per,
        "kind": limit.kind,
        "spend": limit.spend,
        "write": limit.write,
        "batch": limit.batch.as_ref().map(|batch| &batch.operation),
        // So many batches are refused in part, where each counts as what it holds.
        "batches": limit.batch.as_ref().map(|batch| over(limit) / batch.holds.max(1) + 1),
        // As words that a selection may leave out.
        "operations": limit.operations.join(" "),
    })
}

/// So many requests are refused in part, unless they take longer than the window. A bucket refills while it is spent.
fn over(limit: &RateLimit) -> u32 {
    let refilled = match limit.kind {
        Some(LimitKind::TokenBucket) => limit.requests,
        _ => 0,
    };
    let over = limit.tolerance.saturating_add(5);
    limit.requests.saturating_add(refilled).saturating_add(over)
}

/// Member of a binding that says that it is a limit.
const LIMIT: &str = "rate_limit";

/// What a case needs beside the purse that it spends.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Beside {
    /// Another one of the same kind.
    pub another: bool,
    /// A second credential of its owner.
    pub again: bool,
}

/// Gives every case that spends a limit purses of its own, as long as there are enough: principals whose credential
/// counts by itself, and addresses to send from. Cases of one purse are carried out one after the other, a window apart.
pub(super) struct Purses<'t> {
    target: &'t Target,
    principals: IndexMap<String, usize>,
    addresses: usize,
}

impl<'t> Purses<'t> {
    pub fn of(target: &'t Target) -> Self {
        Self {
            target,
            principals: IndexMap::new(),
            addresses: 0,
        }
    }

    /// Completes the limits among these values. `Err` says what the target file would have to name for what is needed
    /// beside a purse.
    pub fn hand_out(&mut self, bindings: &mut Bindings, beside: Beside) -> Result<(), String> {
        for value in bindings.values_mut() {
            let Some(name) = value.get(LIMIT).and_then(Value::as_str) else {
                continue;
            };
            let Some(limit) = self.target.rate_limits.get(name) else {
                continue;
            };
            let (name, principals) = (name.to_owned(), &limit.principals);
            let from = self.address();
            let own = self.principal(&name, principals, beside.again);
            value["from"] = from.clone();
            value["principal"] = own.clone();
            if beside.again {
                let again = own.as_str().and_then(|own| self.again(own));
                value["again"] = json!(again.ok_or_else(|| format!(
                    "no principal of the limit `{name}` has a second credential, of one that is `same_user_as` it"
                ))?);
            }
            if beside.another {
                let by_address = limit.per == Partition::Address;
                value["other_from"] = if by_address { self.address() } else { from };
                let address = value["other_from"]
                    .as_u64()
                    .and_then(|at| self.target.addresses.get(at as usize));
                value["other_address"] = json!(address);
                value["elsewhere"] = self.address();
                value["other"] = if by_address {
                    own.clone()
                } else {
                    self.principal(&name, principals, false)
                };
                if by_address && value["other_from"] == value["from"] {
                    return Err(
                        "the target file does not name two `addresses` to send from".to_owned()
                    );
                }
                if !by_address && value["other"] == own {
                    return Err(format!(
                        "there are no two principals that the limit `{name}` counts each by itself"
                    ));
                }
            }
        }
        Ok(())
    }

    fn address(&mut self) -> Value {
        let many = self.target.addresses.len();
        self.addresses += 1;
        if many == 0 {
            Value::Null
        } else {
            json!((self.addresses - 1) % many)
        }
    }

    /// Who is the same user with another credential.
    fn again(&self, principal: &str) -> Option<&'t String> {
        let same = |other: &Principal| other.same_user_as.as_deref() == Some(principal);
        let all = self.target.principals.iter();
        all.filter(|(name, _)| !self.target.absent_principals.contains_key(*name))
            .find_map(|(name, other)| same(other).then_some(name))
    }

    /// Those with a second credential are left to the cases that need it, where there are others.
    fn principal(&mut self, limit: &str, all: &[String], twice: bool) -> Value {
        let fits = |name: &&String| self.again(name).is_some() == twice;
        let fitting: Vec<String> = all.iter().filter(fits).cloned().collect();
        let all = if fitting.is_empty() { all } else { &fitting };
        let next = self.principals.entry(limit.to_owned()).or_default();
        *next += 1;
        if all.is_empty() {
            json!("anonymous")
        } else {
            json!(all[(*next - 1) % all.len()])
        }
    }
}

/// The limit that a case is about, if that has a window to be spent in.
pub fn windowed_by<'t>(target: &'t Target, bindings: &Bindings) -> Option<&'t RateLimit> {
    spent_by(target, bindings).filter(|limit| !limit.is_of_concurrency())
}

/// The limit that a case is about.
pub fn spent_by<'t>(target: &'t Target, bindings: &Bindings) -> Option<&'t RateLimit> {
    target.rate_limits.get(name_of_spent(bindings)?)
}

/// Its name.
pub fn name_of_spent(bindings: &Bindings) -> Option<&str> {
    bindings
        .values()
        .find_map(|value| value.get(LIMIT)?.as_str())
}

/// What a limit leaves to one caller, or to one address.
#[derive(Debug, Clone, PartialEq)]
pub struct Purse {
    /// The name of the limit.
    pub limit: String,
    /// Whose it is, too.
    pub name: String,
    pub requests: u32,
    pub window_s: f64,
    /// As how many requests one of these counts; no more than the limit.
    pub spends: u32,
}

/// The purses that an ordinary request is counted against: of each declared limit that counts the operation (or a request
/// line that names none), that of its sender or of our usual address. None where that address is exempt.
pub fn ordinary_purses(target: &Target, operation: &str, principal: &str) -> Vec<Purse> {
    if target.exempt_from_rate_limits {
        return Vec::new();
    }
    let counts = |limit: &RateLimit| {
        limit.operations.is_empty() || limit.operations.iter().any(|one| one == operation)
    };
    let limits = target.rate_limits.iter();
    limits
        .filter(|(_, limit)| counts(limit) && !limit.is_of_concurrency())
        .filter_map(|(name, limit)| {
            let owner = match limit.per {
                Partition::Address => "usual address",
                Partition::Credential | Partition::User if principal == "anonymous" => return None,
                Partition::Credential => principal,
                Partition::User => {
                    let own = target.principals.get(principal);
                    let same = own.and_then(|own| own.same_user_as.as_deref());
                    same.unwrap_or(principal)
                }
            };
            Some(Purse {
                limit: name.clone(),
                name: format!("{name} {owner}"),
                requests: limit.requests,
                window_s: limit.window_s,
                spends: limit.counts(operation).min(limit.requests),
            })
        })
        .collect()
}

/// Everybody whom these cases of a plan name in their matrices.
pub fn ordinary_principals<'p>(plan: &'p Plan, cases: &[usize]) -> HashSet<&'p str> {
    let bindings = cases.iter().filter_map(|at| plan.cases.get(*at));
    let bindings = bindings.flat_map(|case| case.bindings.values());
    let texts = bindings.filter_map(Value::as_str);
    texts
        .filter(|text| plan.target.principals.contains_key(*text))
        .collect()
}

/// Whether a case that spends a limit takes from what ordinary requests are counted against, too: it leaves from our usual
/// address, or as somebody who is none of the spare callers alone.
pub fn shares_with_others(target: &Target, case: &Bindings, others: &HashSet<&str>) -> bool {
    if target.exempt_from_rate_limits {
        return false;
    }
    case.values().any(|value| {
        let Some(limit) = value.get(LIMIT).and_then(Value::as_str) else {
            return false;
        };
        let per = target.rate_limits.get(limit).map(|limit| limit.per);
        if per == Some(Partition::Address) {
            return value.get("from").is_none_or(Value::is_null);
        }
        let spenders = ["principal", "other"].map(|owner| value.get(owner));
        let mut spenders = spenders.into_iter().flatten().filter_map(Value::as_str);
        spenders.any(|spender| others.contains(spender))
    })
}

/// Seconds after which nothing counts any more of what was spent: the window before weighs on the next one.
fn rest_s(limit: &RateLimit) -> f64 {
    match limit.kind {
        Some(LimitKind::SlidingCounter) => limit.window_s * 2.0,
        _ => limit.window_s,
    }
}

/// What a case spends: the names of its purses in ascending order, each with the seconds that it must have been left
/// alone.
pub fn purses(target: &Target, bindings: &Bindings) -> Vec<(String, f64)> {
    let mut all = Vec::new();
    for value in bindings.values() {
        let Some(name) = value.get(LIMIT).and_then(Value::as_str) else {
            continue;
        };
        let Some(limit) = target.rate_limits.get(name) else {
            continue;
        };
        // What leaves from one address counts against every limit by address.
        let addresses = ["from", "other_from", "elsewhere"].map(|owner| ("address", owner));
        let principals = ["principal", "other"].map(|owner| (name, owner));
        // Where addresses are counted it does not matter who sends.
        let principals = principals
            .into_iter()
            .filter(|_| limit.per != Partition::Address);
        for (of, owner) in addresses.into_iter().chain(principals) {
            let Some(owner) = value.get(owner) else {
                continue;
            };
            let purse = format!("{of} {owner}");
            if !all.iter().any(|(known, _)| *known == purse) {
                all.push((purse, rest_s(limit)));
            }
        }
    }
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::suite::gather::library;
    use crate::suite::plan::Plan;
    use crate::suite::target_file::load;
    use crate::suite::{Wanted, expand};

    fn plan(terms: &str) -> Plan {
        let target = format!(
            "target: t\ncontract: http-api\nurl: https://api.test\nconsent: {{ load: true }}\n\
             operations: {{ list: GET /list, status: GET /status }}\n{terms}"
        );
        let library = library(None).unwrap();
        let loaded = load("t", target.as_bytes(), Path::new("."), &library, &|_| None).unwrap();
        expand(&library, loaded.target, "http-api", &Wanted::default())
    }

    /// Cases that compare two callers of the limit: those that are carried out, and those that are not.
    fn of_two(plan: &Plan) -> (usize, usize) {
        let compares = |check: &str| {
            let steps = serde_json::to_string(&plan.checks[check].check.steps).unwrap();
            steps.contains("limit.other}")
        };
        let all = plan.cases.iter().filter(|case| compares(&case.check));
        let (skipped, carried_out): (Vec<_>, Vec<_>) = all.partition(|case| case.skip.is_some());
        (carried_out.len(), skipped.len())
    }

    const BY_ADDRESS: &str =
        "rate_limits: { all: { requests: 10, window_s: 60, per: address, spend: list } }\n";

    #[test]
    fn nobody_is_compared_with_himself() {
        for addresses in ["[]", "[192.0.2.1]"] {
            let one = plan(&format!("{BY_ADDRESS}addresses: {addresses}\n"));
            assert_eq!(of_two(&one).0, 0, "{addresses}");
        }
        let (carried_out, skipped) = of_two(&plan(&format!(
            "{BY_ADDRESS}addresses: [192.0.2.1, 192.0.2.2]\n"
        )));
        assert!(carried_out >= 2 && skipped == 0, "{carried_out}, {skipped}");
    }

    #[test]
    fn a_limit_of_credentials_needs_two_of_them() {
        let limit = "rate_limits: { all: { requests: 10, window_s: 60, per: credential, spend: list, as: spare } }\n";
        let spare = |name: &str| format!("  {name}: {{ is: [spare], roles: [user] }}\n");
        let one = plan(&format!("{limit}principals:\n{}", spare("a")));
        assert_eq!(of_two(&one).0, 0);
        let two = plan(&format!("{limit}principals:\n{}{}", spare("a"), spare("b")));
        assert!(of_two(&two).0 >= 1);
    }

    #[test]
    fn a_second_credential_is_that_of_whom_the_limit_is_spent_as() {
        let limit = "rate_limits: { all: { requests: 10, window_s: 60, per: user, spend: list, as: spare } }\n";
        let spare = |name: &str| format!("  {name}: {{ is: [spare], roles: [user] }}\n");
        let again = "  c: { same_user_as: b, roles: [user] }\n";
        let is_it = |plan: &Plan, case: &crate::suite::plan::Case| {
            let steps = serde_json::to_string(&plan.checks[&case.check].check.steps).unwrap();
            steps.contains("limit.again}")
        };
        let one = plan(&format!("{limit}principals:\n{}", spare("a")));
        let mut cases = one.cases.iter().filter(|case| is_it(&one, case));
        let skip = cases.next().and_then(|case| case.skip.as_ref()).unwrap();
        assert!(skip.says.contains("same_user_as"), "{}", skip.says);

        let two = plan(&format!(
            "{limit}principals:\n{}{}{again}",
            spare("a"),
            spare("b")
        ));
        let mut many = [0, 0];
        for case in two.cases.iter().filter(|case| case.skip.is_none()) {
            if let Some(limit) = case.bindings.get("limit") {
                let with_second = is_it(&two, case);
                many[usize::from(with_second)] += 1;
                let owner = if with_second { "b" } else { "a" };
                assert_eq!(limit["principal"], owner, "{}", case.id);
            }
        }
        assert!(many.iter().all(|many| *many >= 1), "{many:?}");
    }

    #[test]
    fn an_operation_under_the_limit_is_not_the_other_one() {
        let limit = BY_ADDRESS.replace("spend: list", "spend: list, operations: [list]");
        let plan = plan(&format!("{limit}addresses: [192.0.2.1, 192.0.2.2]\n"));
        let others: Vec<_> = plan
            .cases
            .iter()
            .filter(|case| case.bindings.contains_key("limit"))
            .filter_map(|case| case.bindings.get("other"))
            .collect();
        assert!(!others.is_empty());
        assert!(others.iter().all(|other| *other == "status"), "{others:?}");
    }
}
