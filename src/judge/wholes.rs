//! Steps that send many requests: one exchange that stands for all of each.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::attempt::{is_no_answer, sayings};
use super::conditions::Sight;
use super::limited::Limited;
use super::scope::{AttemptScope, capture, resolved};
use super::{Broken, compared, polled, tally};
use crate::journal::{Attempt, Exchange, Exchanges, Phase, StepTaken};
use crate::suite::model::{Check, Expectation, OneOrMany, Step};
use crate::suite::plan::{Case, Plan, PlanScope, of_control};
use crate::suite::rate_limits;
use crate::suite::template::fill_text;
use crate::wire::{Failure, Scheme};

/// What an answer of a poll is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    Old,
    New,
    /// No answer, or 429, 502, 503 or 504.
    Neither,
    /// HTTP/2 at a target that does not speak it.
    Unspoken,
}

/// Tells old answers from new ones, for an attempt that is under way.
pub fn hears(
    plan: &Plan,
    case: &Case,
    attempt: &Attempt,
    exchanges: &Exchanges,
    until: &OneOrMany<Expectation>,
    answered: &Exchange,
) -> Heard {
    let mut earlier = Earlier::none(plan, case, attempt);
    if let Some(planned) = plan.checks.get(&case.check) {
        for taken in &attempt.steps {
            earlier.note(&planned.check, taken, exchanges);
        }
    }
    earlier.hears(until, answered)
}

pub(super) fn members<'e>(taken: &StepTaken, exchanges: &'e Exchanges) -> Vec<&'e Exchange> {
    let all = taken.group.iter();
    all.filter_map(|id| exchanges.get(id).map(Arc::as_ref))
        .collect()
}

/// By the index of the step.
pub(super) fn wholes(
    plan: &Plan,
    case: &Case,
    check: &Check,
    attempt: &Attempt,
    exchanges: &Exchanges,
) -> HashMap<usize, Exchange> {
    let limit = rate_limits::windowed_by(&plan.target, &case.bindings);
    let mut limited = limit.map(|limit| (limit, Limited::of(limit)));
    let scope = PlanScope {
        target: &plan.target,
        lists: &plan.lists,
        bindings: &case.bindings,
    };
    let mut earlier = Earlier::none(plan, case, attempt);
    let mut wholes = HashMap::new();
    for taken in &attempt.steps {
        let is_many = taken.slot.phase == Phase::Steps && !taken.group.is_empty();
        if let Some(step) = check.steps.get(taken.slot.index).filter(|_| is_many) {
            let all = members(taken, exchanges);
            if let (Step::Burst(burst), Some((limit, limited))) = (step, &mut limited) {
                let operation = fill_text(&burst.burst.send, &scope).unwrap_or_default();
                limited.add(&all, limit.counts(&operation));
            }
            let whole = match step {
                Step::Poll(_) => polled::whole(step, &all, &earlier),
                Step::Compare(_) => compared::whole(step, &all),
                _ => tally::whole(step, &all, limited.as_ref().map(|(_, limited)| limited)),
            };
            if let Some(whole) = whole {
                wholes.insert(taken.slot.index, whole);
            }
        }
        earlier.note(check, taken, exchanges);
    }
    wholes
}

/// Whether a request asked for HTTP/2 of a target without it. In plain text nobody is asked whether he speaks it, so that
/// any end without an answer means that.
pub(super) fn is_unspoken(one: &Exchange) -> bool {
    let is_plain = one.request.origin.scheme == Scheme::Http;
    let unspoken = match &one.failure {
        Some(Failure::Tls(_)) => true,
        Some(Failure::Closed | Failure::Reset | Failure::Malformed(_)) => is_plain,
        _ => false,
    };
    one.request.version == "2" && unspoken
}

/// What the steps before one have left to it.
pub(super) struct Earlier<'a> {
    plan: &'a Plan,
    case: &'a Case,
    attempt: &'a Attempt,
    control_values: Map<String, Value>,
    captured: HashMap<String, Value>,
    saved: HashMap<String, &'a Exchange>,
}

impl<'a> Earlier<'a> {
    fn none(plan: &'a Plan, case: &'a Case, attempt: &'a Attempt) -> Self {
        Self {
            plan,
            case,
            attempt,
            control_values: of_control(&attempt.values),
            captured: HashMap::new(),
            saved: HashMap::new(),
        }
    }

    fn note(&mut self, check: &'a Check, taken: &StepTaken, exchanges: &'a Exchanges) {
        let exchange = taken.exchange.and_then(|id| exchanges.get(&id));
        let (Some(exchange), Some((sayings, _))) = (exchange, sayings(check, taken.slot)) else {
            return;
        };
        let values = match taken.slot.phase {
            Phase::Before | Phase::After => &self.control_values,
            Phase::Steps | Phase::Always => &self.attempt.values,
        };
        let scope = AttemptScope {
            values,
            ..self.scope(exchange)
        };
        let answer = exchange.answer.as_ref();
        let found: Vec<(String, Value)> = sayings
            .capture
            .into_iter()
            .flatten()
            .filter_map(|(name, rule)| {
                Some((name.clone(), capture(&resolved(rule, &scope), answer?)?))
            })
            .collect();
        self.captured.extend(found);
        if let Some(name) = sayings.save {
            self.saved.insert(name.to_owned(), exchange);
        }
    }

    fn scope<'s>(&'s self, exchange: &'s Exchange) -> AttemptScope<'s> {
        AttemptScope {
            plan: self.plan,
            bindings: &self.case.bindings,
            values: &self.attempt.values,
            captured: &self.captured,
            exchange: Some(exchange),
        }
    }

    pub fn saved(&self, name: &str) -> Option<&'a Exchange> {
        self.saved.get(name).copied()
    }

    pub fn hears(&self, until: &OneOrMany<Expectation>, exchange: &Exchange) -> Heard {
        if is_unspoken(exchange) {
            return Heard::Unspoken;
        }
        let scope = self.scope(exchange);
        let sight = Sight {
            exchange,
            scope: &scope,
            saved: &self.saved,
        };
        let broken = until
            .as_slice()
            .iter()
            .find_map(|one| sight.judge(one).err());
        let is_answer = |status| !is_no_answer(status);
        let status = exchange.answer.as_ref().map(|answer| answer.status);
        match broken {
            None => Heard::New,
            Some(Broken::Not { .. }) if status.is_some_and(is_answer) => Heard::Old,
            Some(_) => Heard::Neither,
        }
    }
}
