//! Library + target → plan. Pure.

mod select;
mod unusable;

use std::collections::HashMap;

use indexmap::IndexMap;
use serde_json::Value;

use crate::suite::forging;
use crate::suite::library::Library;
use crate::suite::model::{Check, Domain, Level};
use crate::suite::pattern;
use crate::suite::plan::{
    Bindings, Case, Plan, PlanScope, PlannedCheck, PlannedSituation, Skip, SkipReason,
};
use crate::suite::rate_limits::{Beside, Purses};
use crate::suite::target::Target;

/// Which checks the user asked for; empty lists ask for all.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Patterns of ids, and selections as `@NAME`.
    pub checks: Vec<String>,
    pub suites: Vec<String>,
}

/// Upper bound on the cases of one check; a matrix over it is a mistake in the suite or an enormous target.
pub const MAX_CASES_PER_CHECK: usize = 5_000;

/// Expands every check that the contract includes and the user wants.
pub fn expand(library: &Library, target: Target, contract: &str, wanted: &Wanted) -> Plan {
    let lists = library.lists();
    let selection = library
        .contract(contract)
        .map(|contract| contract.checks.clone());
    let expander = Expander {
        target: &target,
        lists: &lists,
        library,
    };
    let mut situations = IndexMap::new();
    for (name, situation) in library.situations() {
        if situation.at_most.is_some() && !target.consent.load {
            continue;
        }
        if let Ok(all) = expander.product(&situation.for_each)
            && let Some(bindings) = all.into_iter().find(|bindings| {
                expander
                    .unusable_request(&situation.request, bindings, &[])
                    .is_none()
            })
        {
            situations.insert(
                name.clone(),
                PlannedSituation {
                    situation: situation.clone(),
                    bindings,
                },
            );
        }
    }
    let expander = Expander {
        target: &target,
        lists: &lists,
        library,
    };
    let patterns = library.asked(&wanted.checks);
    let mut checks = IndexMap::new();
    let mut cases = Vec::new();
    for (suite, check) in library.checks() {
        let included = selection
            .as_ref()
            .is_none_or(|s| s.include.iter().any(|p| pattern::matches(p, &check.id)));
        let asked = (patterns.is_empty()
            || patterns.iter().any(|p| pattern::matches(p, &check.id)))
            && (wanted.suites.is_empty()
                || wanted.suites.iter().any(|s| pattern::matches(s, suite)));
        if !included || !asked {
            continue;
        }
        let level = level(check, &target);
        checks.insert(
            check.id.clone(),
            PlannedCheck {
                suite: suite.to_owned(),
                level,
                check: check.clone(),
            },
        );
        let excluded = selection.as_ref().and_then(|s| {
            s.exclude
                .iter()
                .find(|(p, _)| pattern::matches(p, &check.id))
                .map(|(_, reason)| reason.clone())
        });
        match excluded {
            Some(says) => cases.push(skipped(check, SkipReason::NotApplicable, says)),
            None => cases.extend(expander.cases(check, &situations)),
        }
    }
    tell_apart(&mut cases);
    let mut purses = Purses::of(&target);
    for planned in situations.values_mut() {
        // Fails for want of a second one alone.
        let _ = purses.hand_out(&mut planned.bindings, Beside::default());
    }
    let mut besides = HashMap::new();
    for case in cases.iter_mut().filter(|case| case.skip.is_none()) {
        let beside = *besides.entry(case.check.clone()).or_insert_with(|| {
            let planned: Option<&PlannedCheck> = checks.get(&case.check);
            planned.map_or_else(Beside::default, |planned| needed_beside(&planned.check))
        });
        if let Err(says) = purses.hand_out(&mut case.bindings, beside) {
            case.skip = Some(Skip {
                reason: SkipReason::Missing,
                says,
            });
        }
    }
    let forgeries = forging::used(library, &target, &lists, &checks, &cases);
    Plan {
        target,
        lists,
        situations,
        forgeries,
        checks,
        cases,
    }
}

/// Whether it compares two callers of one limit, or two credentials of one.
fn needed_beside(check: &Check) -> Beside {
    let steps = serde_json::to_string(&check.steps).unwrap_or_default();
    Beside {
        another: steps.contains(".other}") || steps.contains(".elsewhere}"),
        again: steps.contains(".again}"),
    }
}

fn level(check: &Check, target: &Target) -> Level {
    target
        .levels
        .iter()
        .rev()
        .find(|(p, _)| pattern::matches(p, &check.id))
        .map_or_else(|| check.level.by_default(), |(_, level)| *level)
}

fn skipped(check: &Check, reason: SkipReason, says: String) -> Case {
    Case {
        id: check.id.clone(),
        check: check.id.clone(),
        bindings: Bindings::new(),
        skip: Some(Skip { reason, says }),
    }
}

struct Expander<'a> {
    target: &'a Target,
    lists: &'a IndexMap<String, Vec<Value>>,
    library: &'a Library,
}

impl Expander<'_> {
    fn cases(&self, check: &Check, situations: &IndexMap<String, PlannedSituation>) -> Vec<Case> {
        if let Some(skip) = self.unmet_need(check) {
            return vec![skipped(check, skip.reason, skip.says)];
        }
        let all = match self.product(&check.for_each) {
            Ok(all) => all,
            Err(says) => return vec![skipped(check, SkipReason::Missing, says)],
        };
        all.into_iter()
            .map(|bindings| {
                let skip = self.unusable(check, &bindings, situations);
                Case {
                    id: label(&check.id, &bindings, &self.scope(&bindings)),
                    check: check.id.clone(),
                    bindings,
                    skip,
                }
            })
            .collect()
    }

    fn unmet_need(&self, check: &Check) -> Option<Skip> {
        if check.needs_load() && !self.target.consent.load {
            return Some(no_load());
        }
        let needs = &check.needs;
        let consent = &self.target.consent;
        for asked in &needs.consent {
            let given = match asked.as_str() {
                "load" => consent.load,
                "destructive" => consent.destructive,
                _ => consent.writes,
            };
            if !given {
                return Some(Skip {
                    reason: SkipReason::Consent,
                    says: format!("the target file does not consent to `{asked}`"),
                });
            }
        }
        if let Some(feature) = needs
            .features
            .iter()
            .find(|f| !self.target.features.contains(f))
        {
            return Some(missing(format!(
                "neither contract nor target file declare the feature `{feature}`"
            )));
        }
        if let Some(param) = needs
            .params
            .iter()
            .find(|p| !self.target.params.contains_key(*p))
        {
            return Some(missing(format!(
                "neither contract nor target file set the parameter `{param}`"
            )));
        }
        if check.rotates() && self.target.issuer.is_none() {
            return Some(missing(
                "the target file has no `issuer`, so the keys that the target trusts are not ours to change"
                    .to_owned(),
            ));
        }
        if needs.dns_name && self.target.https.host.parse::<std::net::IpAddr>().is_ok() {
            return Some(missing(
                "the target is reached by an IP address, and this holds for DNS names".to_owned(),
            ));
        }
        if needs.plain_address && self.target.plain.is_none() {
            return Some(missing(
                "the target has no plain-HTTP address to try".to_owned(),
            ));
        }
        None
    }

    /// All combinations, or why there are none.
    fn product(&self, for_each: &IndexMap<String, Domain>) -> Result<Vec<Bindings>, String> {
        let mut all = vec![Bindings::new()];
        for (name, domain) in for_each {
            let mut next = Vec::new();
            let mut why = None;
            for bindings in &all {
                match self.values(domain, bindings) {
                    Ok(values) => next.extend(values.into_iter().map(|value| {
                        let mut bindings = bindings.clone();
                        bindings.insert(name.clone(), value);
                        bindings
                    })),
                    Err(says) => why = Some(says),
                }
                if next.len() > MAX_CASES_PER_CHECK {
                    next.truncate(MAX_CASES_PER_CHECK);
                    break;
                }
            }
            if next.is_empty() {
                return Err(why.unwrap_or_else(|| format!("there is no `{name}` to run over")));
            }
            all = next;
        }
        Ok(all)
    }

    fn scope<'s>(&'s self, bindings: &'s Bindings) -> PlanScope<'s> {
        PlanScope {
            target: self.target,
            lists: self.lists,
            bindings,
        }
    }
}

fn no_load() -> Skip {
    Skip {
        reason: SkipReason::Consent,
        says: "the target file does not consent to `load`".to_owned(),
    }
}

fn missing(says: String) -> Skip {
    Skip {
        reason: SkipReason::Missing,
        says,
    }
}

/// Attempts and verdicts are kept by the ids of their cases, so no two may have one: a later one of the same name is
/// numbered. Cases of one check stand together.
fn tell_apart(cases: &mut [Case]) {
    let mut seen = HashMap::<String, u32>::new();
    for case in cases {
        let times = seen.entry(case.id.clone()).or_default();
        *times += 1;
        if *times > 1 {
            let id = case.id.strip_suffix(']').unwrap_or(&case.id);
            case.id = format!("{id} (no. {times})]");
        }
    }
}

/// Id and values. A value that refers to another variable is shown as what it stands for.
fn label(id: &str, bindings: &Bindings, scope: &PlanScope<'_>) -> String {
    if bindings.is_empty() {
        return id.to_owned();
    }
    let values: Vec<String> = bindings
        .values()
        .map(|value| match value {
            Value::Object(members) => members
                .get("name")
                .map(crate::suite::template::show)
                .unwrap_or_else(|| value.to_string()),
            Value::String(text) if text.starts_with("${") => {
                let filled = crate::suite::template::fill_text(text, scope);
                filled.unwrap_or_else(|_| text.clone())
            }
            other => crate::suite::template::show(other),
        })
        .map(|text| {
            if text.chars().count() > 60 {
                text.chars().take(57).chain("...".chars()).collect()
            } else {
                text
            }
        })
        .collect();
    format!("{id}[{}]", values.join(", "))
}
