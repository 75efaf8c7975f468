//! What one case sends.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::suite::model::{Check, STRAIGHT, Send, Step, method_writes};
use crate::suite::plan::{Case, Plan, PlanScope, PlannedSituation};
use crate::suite::template::{fill_text, fill_value};

/// Where nothing fails: controls before and after, steps, clean-up, and all of that in every round.
#[derive(Debug, Default)]
pub(super) struct Work {
    pub requests: usize,
    /// Situations whose answers it looks at; each is provoked once for all.
    pub observed: Vec<String>,
    /// What may change something, by method and path as the target file has it, and how many times.
    pub writes: BTreeMap<String, usize>,
    /// Most requests that leave at the same instant.
    pub at_once: usize,
    /// Seconds that it waits on purpose.
    pub waits_s: f64,
}

pub(super) fn of_case(check: &Check, plan: &Plan, case: &Case) -> Work {
    let scope = PlanScope {
        target: &plan.target,
        lists: &plan.lists,
        bindings: &case.bindings,
    };
    let mut work = Work::default();
    for send in check
        .control
        .iter()
        .chain(&check.control)
        .chain(&check.always)
    {
        work.sends(send, 1, plan, &scope);
    }
    for step in &check.steps {
        work.step(step, check, plan, &scope);
    }
    let rounds = check.rounds.unwrap_or(1) as usize;
    work.requests *= rounds;
    work.waits_s *= rounds as f64;
    work.writes.values_mut().for_each(|times| *times *= rounds);
    work
}

/// What provokes a situation; where many requests may be needed, that many.
pub(super) fn of_situation(planned: &PlannedSituation, plan: &Plan) -> Work {
    let scope = PlanScope {
        target: &plan.target,
        lists: &plan.lists,
        bindings: &planned.bindings,
    };
    let mut work = Work::default();
    let situation = &planned.situation;
    let times = situation.at_most.as_ref();
    let times = times.map_or(1, |most| number(most, &scope));
    work.sends(&situation.request, times, plan, &scope);
    work
}

impl Work {
    fn step(&mut self, step: &Step, check: &Check, plan: &Plan, scope: &PlanScope<'_>) {
        match step {
            Step::Wait(wait) => {
                let seconds = seconds(&wait.wait, scope) * wait.share.unwrap_or(1.0);
                self.waits_s = match wait.since {
                    // Counted from the beginning, other waits and all.
                    Some(_) => self.waits_s.max(seconds),
                    None => self.waits_s + seconds,
                };
            }
            Step::Rotate(_) => {}
            Step::Observe(observe) => {
                let named = fill_text(&observe.observe, scope);
                self.observed.push(named.unwrap_or_default());
            }
            Step::Race(race) => {
                let mut all = 0;
                for runners in &race.race {
                    let times = number(runners.number(), scope);
                    self.sends(runners.request(), times, plan, scope);
                    all += times;
                }
                self.at_once = self.at_once.max(all);
            }
            Step::Burst(burst) => {
                self.sends(&burst.burst, number(&burst.times, scope), plan, scope);
            }
            // Where the answer is the new one from the start.
            Step::Poll(poll) => {
                let straight = poll.straight.as_ref();
                let straight = straight.map_or(STRAIGHT, |value| number(value, scope));
                self.requests += straight + usize::from(poll.meanwhile.is_some());
                let each = straight.div_ceil(poll.poll.len().max(1));
                for send in poll.requests() {
                    self.writes_of(send, poll.place(send).map_or(1, |_| each), plan, scope);
                }
            }
            Step::Compare(compare) => {
                let times = number(&compare.times, scope) * compare.runs();
                for send in &compare.compare {
                    self.sends(send, times, plan, scope);
                }
            }
            Step::Send(send) => self.sends(send, 1, plan, scope),
            Step::Resend(resend) => {
                self.requests += 1;
                let first = check.steps.iter().find_map(|step| match step {
                    Step::Send(send) if send.save.as_ref() == Some(&resend.resend) => Some(send),
                    _ => None,
                });
                if let Some(send) = first {
                    self.writes_of(send, 1, plan, scope);
                }
            }
            Step::Probe(_) => self.requests += 1,
        }
    }

    fn sends(&mut self, send: &Send, times: usize, plan: &Plan, scope: &PlanScope<'_>) {
        self.requests += times;
        self.writes_of(send, times, plan, scope);
    }

    fn writes_of(&mut self, send: &Send, times: usize, plan: &Plan, scope: &PlanScope<'_>) {
        let named = fill_text(&send.send, scope).unwrap_or_default();
        let method = send.method.as_ref();
        let method = method.and_then(|method| fill_text(method, scope).ok());
        let (own, path, harmless) =
            match (named.split_once(' '), plan.target.operations.get(&named)) {
                (Some((own, path)), _) => (own, path, false),
                (None, Some(found)) => (found.method.as_str(), found.path.as_str(), found.harmless),
                (None, None) => return,
            };
        let method = method.as_deref().unwrap_or(own);
        if method_writes(method) && !harmless {
            *self.writes.entry(format!("{method} {path}")).or_default() += times;
        }
    }
}

pub(super) fn number(value: &Value, scope: &PlanScope<'_>) -> usize {
    let value = fill_value(value, scope).unwrap_or(Value::Null);
    value.as_u64().unwrap_or(1) as usize
}

/// Nothing where only the run knows, as after an answer that says how long.
fn seconds(value: &Value, scope: &PlanScope<'_>) -> f64 {
    let value = fill_value(value, scope).unwrap_or(Value::Null);
    let text = value.as_str().and_then(|text| text.parse().ok());
    value.as_f64().or(text).unwrap_or(0.0)
}
