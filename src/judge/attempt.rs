//! One attempt at a case, judged from its exchanges.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::clock;
use super::conditions::{Sight, end, mentions};
use super::describe;
use super::hearing::unheard;
use super::scope::{AttemptScope, capture, resolved};
use super::status;
use super::verdict::{Evidence, Finding, Findings};
use super::wholes::{is_unspoken, members, wholes};
use super::{Broken, Held, polled, tally};
use crate::journal::{Attempt, Doubt, Exchange, ExchangeId, Exchanges, Phase, Slot, StepTaken};
use crate::suite::model::{
    Check, ConnectionEnd, Expectation, Level, OneOrMany, Operation, Sayings, Send, Step, Transport,
};
use crate::suite::plan::{Case, Plan, of_control};
use crate::suite::template::fill_text;
use crate::wire::Failure;

const NO_HTTP2: &str = "the target does not speak HTTP/2";

/// Most exchanges of a race or burst that are shown as evidence.
const MOST_OF_A_GROUP: usize = 5;

/// What one attempt shows.
#[derive(Debug, Clone, PartialEq)]
pub enum AttemptOutcome {
    Pass {
        evidence: Evidence,
        unconfirmed: Option<String>,
    },
    Fail {
        findings: Findings,
        evidence: Evidence,
    },
    Doubt {
        why: Doubt,
        says: String,
        exchanges: Vec<ExchangeId>,
    },
    /// The answer that the check looks at did not come about.
    NotCovered(String),
}

/// Judges an attempt; also one that is still under way, with the steps taken so far.
pub fn judge_attempt(
    plan: &Plan,
    case: &Case,
    attempt: &Attempt,
    exchanges: &Exchanges,
) -> AttemptOutcome {
    let ids = evidence(attempt, exchanges);
    let Some(planned) = plan.checks.get(&case.check) else {
        return doubt(
            Doubt::Harness,
            format!("the plan has no check `{}`", case.check),
            ids,
        );
    };
    let wholes = wholes(plan, case, &planned.check, attempt, exchanges);
    let mut run = Attempted {
        wholes: &wholes,
        plan,
        case,
        attempt,
        level: planned.level,
        control_values: of_control(&attempt.values),
        in_control: false,
        captured: HashMap::new(),
        saved: HashMap::new(),
        findings: Vec::new(),
        unconfirmed: None,
        judged: 0,
        silent: 0,
    };
    for taken in attempt
        .steps
        .iter()
        .filter(|taken| taken.slot.phase != Phase::Always)
    {
        match run.step(&planned.check, taken, exchanges) {
            Ok(()) => {}
            Err(Stop::Doubt(why, says)) => return doubt(why, says, ids),
            Err(Stop::NotCovered(says)) => return AttemptOutcome::NotCovered(says),
        }
    }
    if let Some(says) = clock::jump(&planned.check, attempt, exchanges) {
        return doubt(Doubt::Control, says, ids);
    }
    match (
        Findings::of(run.findings),
        Evidence::of(ids.iter().copied()),
    ) {
        (Some(findings), Some(evidence)) => AttemptOutcome::Fail { findings, evidence },
        (None, Some(_)) if run.judged > 0 && run.judged == run.silent => {
            AttemptOutcome::NotCovered(
                "nothing in the answers was of the kind that the check is about".to_owned(),
            )
        }
        (None, Some(evidence)) => {
            let seen = ids
                .iter()
                .filter_map(|id| exchanges.get(id).map(Arc::as_ref));
            AttemptOutcome::Pass {
                evidence,
                unconfirmed: run
                    .unconfirmed
                    .or_else(|| unheard(plan, &planned.check, seen)),
            }
        }
        (_, None) => doubt(Doubt::Harness, "nothing was sent".to_owned(), ids),
    }
}

/// What was sent, and of a race those that were accepted: the first ones and the last.
fn evidence(attempt: &Attempt, exchanges: &Exchanges) -> Vec<ExchangeId> {
    let mut ids = Vec::new();
    for taken in &attempt.steps {
        let accepted = members(taken, exchanges);
        let accepted = accepted.iter().filter(|one| tally::is_accepted(one));
        let mut accepted: Vec<ExchangeId> = accepted.map(|one| one.id).collect();
        let spare = accepted.len().saturating_sub(MOST_OF_A_GROUP);
        if spare > 0 {
            accepted.drain(MOST_OF_A_GROUP - 1..MOST_OF_A_GROUP - 1 + spare);
        }
        for id in taken.exchange.into_iter().chain(accepted) {
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
    }
    ids
}

fn doubt(why: Doubt, says: String, exchanges: Vec<ExchangeId>) -> AttemptOutcome {
    AttemptOutcome::Doubt {
        why,
        says,
        exchanges,
    }
}

enum Stop {
    Doubt(Doubt, String),
    NotCovered(String),
}

struct Attempted<'a> {
    /// What stands for the exchanges of a race or burst, by the index of its step.
    wholes: &'a HashMap<usize, Exchange>,
    plan: &'a Plan,
    case: &'a Case,
    attempt: &'a Attempt,
    level: Level,
    control_values: Map<String, Value>,
    in_control: bool,
    captured: HashMap<String, Value>,
    saved: HashMap<String, &'a Exchange>,
    findings: Vec<Finding>,
    unconfirmed: Option<String>,
    judged: usize,
    silent: usize,
}

/// What a step says of its answer, and the situation that it looks at.
pub(super) fn sayings(check: &Check, slot: Slot) -> Option<(Sayings<'_>, Option<&str>)> {
    Some(match slot.phase {
        Phase::Before | Phase::After => (check.control.get(slot.index)?.sayings(), None),
        Phase::Always => (check.always.get(slot.index)?.sayings(), None),
        Phase::Steps => {
            let step = check.steps.get(slot.index)?;
            let observed = match step {
                Step::Observe(observe) => Some(observe.observe.as_str()),
                _ => None,
            };
            (step.sayings()?, observed)
        }
    })
}

fn of_steps(check: &Check, slot: Slot) -> Option<&Step> {
    check
        .steps
        .get(slot.index)
        .filter(|_| slot.phase == Phase::Steps)
}

/// What a step needs to be taken.
fn given(check: &Check, slot: Slot) -> Option<&str> {
    let send = match slot.phase {
        Phase::Before | Phase::After => check.control.get(slot.index)?,
        Phase::Always => check.always.get(slot.index)?,
        Phase::Steps => match check.steps.get(slot.index)? {
            Step::Send(send) => send,
            _ => return None,
        },
    };
    send.given.as_deref()
}

impl<'a> Attempted<'a> {
    fn step(
        &mut self,
        check: &'a Check,
        taken: &StepTaken,
        exchanges: &'a Exchanges,
    ) -> Result<(), Stop> {
        if let Some((why, says)) = &taken.doubt {
            return Err(Stop::Doubt(*why, says.clone()));
        }
        if let Some(says) = &taken.not_here {
            return Err(Stop::NotCovered(says.clone()));
        }
        if taken.left_out {
            let given = given(check, taken.slot);
            if let Some(says) = self.left_unconfirmed(given.unwrap_or_default()) {
                self.unconfirmed = Some(says);
            }
            return Ok(());
        }
        let Some((sayings, observed)) = sayings(check, taken.slot) else {
            return Ok(());
        };
        let whole = match taken.slot.phase {
            Phase::Steps => self.wholes.get(&taken.slot.index),
            _ => None,
        };
        let single = || {
            taken
                .exchange
                .and_then(|id| exchanges.get(&id).map(Arc::as_ref))
        };
        let Some(exchange) = whole.or_else(single) else {
            return Err(Stop::Doubt(
                Doubt::Harness,
                "an exchange is missing from the journal".to_owned(),
            ));
        };
        if let Some(name) = observed {
            self.covered(name, exchange)?;
        }
        if let Some(whole) = whole {
            self.spoken(taken, exchanges)?;
            if let Some(number) = polled::untold(whole) {
                return Err(Stop::Doubt(
                    Doubt::NotAnAnswer,
                    format!(
                        "429, 502, 503, 504 or nothing came in place of the last answer, and {number} times in all"
                    ),
                ));
            }
        }
        if let Some(Step::Send(send)) = of_steps(check, taken.slot)
            && send.cut.is_some()
            && exchange.failure != Some(Failure::Cut)
        {
            return Err(self.no_answer(exchange));
        }
        // A tally says itself what is a refusal, and a situation is known by its status.
        let status_is_no_matter = observed.is_some() || whole.is_some();
        let is_control = matches!(taken.slot.phase, Phase::Before | Phase::After);
        self.in_control = is_control;
        let unlisted = is_control && sayings.control.is_none() && sayings.expect.is_none();
        let accepted = OneOrMany::One(Expectation::Answer("accepted".to_owned()));
        let control = if unlisted {
            Some(&accepted)
        } else {
            sayings.control
        };
        self.controls(control, exchange, whole.is_some())?;
        if is_control {
            self.controls(sayings.expect, exchange, false)?;
        } else {
            self.promises(
                sayings.expect,
                self.level,
                taken.slot,
                exchange,
                status_is_no_matter,
            )?;
        }
        self.promises(
            sayings.should,
            Level::Should.min(self.level),
            taken.slot,
            exchange,
            status_is_no_matter,
        )?;
        self.promises(
            sayings.advise,
            Level::Advice,
            taken.slot,
            exchange,
            status_is_no_matter,
        )?;
        if whole.is_some() && self.findings.is_empty() {
            self.met(taken, exchanges)?;
        }
        if let Some(name) = sayings.save {
            self.saved.insert(name.to_owned(), exchange);
        }
        for (name, rule) in sayings.capture.into_iter().flatten() {
            let rule = &resolved(rule, &self.scope(exchange));
            match exchange
                .answer
                .as_ref()
                .and_then(|answer| capture(rule, answer))
            {
                Some(value) => drop(self.captured.insert(name.clone(), value)),
                None if rule.optional || self.finding_stops() => {}
                None => {
                    return Err(Stop::Doubt(
                        Doubt::Capture,
                        format!("the answer has no `{name}`, which the check goes on with"),
                    ));
                }
            }
        }
        Ok(())
    }

    /// Many requests over HTTP/2 at a target without it are none.
    fn spoken(&self, taken: &StepTaken, exchanges: &Exchanges) -> Result<(), Stop> {
        let members = members(taken, exchanges);
        match members.iter().all(|one| is_unspoken(one)) {
            true => Err(Stop::NotCovered(NO_HTTP2.to_owned())),
            false => Ok(()),
        }
    }

    /// Whether what was to happen at once did. A promise that broke all the same is broken.
    fn met(&self, taken: &StepTaken, exchanges: &Exchanges) -> Result<(), Stop> {
        let all = members(taken, exchanges);
        let spread = tally::spread_us(&all);
        // Who goes away on purpose has not lost an answer.
        let is_lost = |one: &&&Exchange| one.answer.is_none() && one.failure != Some(Failure::Cut);
        let lost = all.iter().filter(is_lost).count();
        if spread > tally::WIDEST_SPREAD_US {
            return Err(Stop::Doubt(
                Doubt::Overlap,
                format!("the requests left {} ms apart", spread / 1000),
            ));
        }
        if lost * 2 > all.len() {
            return Err(Stop::Doubt(
                Doubt::Unreachable,
                format!("{lost} of {} requests had no answer", all.len()),
            ));
        }
        Ok(())
    }

    /// After a broken promise the steps end, so what later ones would need does not matter.
    fn finding_stops(&self) -> bool {
        !self.findings.is_empty()
    }

    fn covered(&self, name: &str, exchange: &Exchange) -> Result<(), Stop> {
        let scope = self.scope(exchange);
        let name =
            fill_text(name, &scope).map_err(|e| Stop::Doubt(Doubt::Harness, e.to_string()))?;
        let Some(planned) = self.plan.situations.get(&name) else {
            return Err(Stop::NotCovered(format!(
                "the situation `{name}` cannot be provoked on this target"
            )));
        };
        let wanted = &planned.situation.status;
        match &exchange.answer {
            None => match not_spoken(&planned.situation.request, exchange.failure.as_ref()) {
                Some(says) => Err(Stop::NotCovered(says)),
                None => Err(self.no_answer(exchange)),
            },
            Some(answer) => match status::contains(wanted, answer.status, &scope) {
                Ok(true) => Ok(()),
                Ok(false) if is_no_answer(answer.status) => Err(not_an_answer(answer.status)),
                Ok(false) => Err(Stop::NotCovered(format!(
                    "the situation `{name}` was answered {} and not {}",
                    answer.status,
                    status::describe(wanted, &scope)
                ))),
                Err(says) => Err(Stop::Doubt(Doubt::Harness, says)),
            },
        }
    }

    fn controls(
        &self,
        all: Option<&OneOrMany<Expectation>>,
        exchange: &'a Exchange,
        status_is_no_matter: bool,
    ) -> Result<(), Stop> {
        let scope = self.scope(exchange);
        let sight = Sight {
            exchange,
            scope: &scope,
            saved: &self.saved,
        };
        for expectation in all.map_or(&[][..], OneOrMany::as_slice) {
            match sight.judge(expectation) {
                Ok(_) => {}
                Err(Broken::Not {
                    expected, observed, ..
                }) => {
                    let odd = exchange
                        .answer
                        .as_ref()
                        .filter(|answer| is_no_answer(answer.status) && !status_is_no_matter);
                    return Err(match odd {
                        Some(answer) => not_an_answer(answer.status),
                        None => Stop::Doubt(
                            Doubt::Control,
                            describe::broken_control(&expected, &observed),
                        ),
                    });
                }
                Err(other) => return Err(self.unjudged(other, exchange)),
            }
        }
        Ok(())
    }

    fn promises(
        &mut self,
        all: Option<&OneOrMany<Expectation>>,
        level: Level,
        slot: Slot,
        exchange: &'a Exchange,
        status_is_no_matter: bool,
    ) -> Result<(), Stop> {
        let mut found = Vec::new();
        let mut silent = 0;
        let listed = all.map_or(&[][..], OneOrMany::as_slice);
        {
            let scope = self.scope(exchange);
            let sight = Sight {
                exchange,
                scope: &scope,
                saved: &self.saved,
            };
            for expectation in listed {
                match sight.judge(expectation) {
                    Ok(Held::Holds) => {}
                    Ok(Held::Silent) => silent += 1,
                    Err(Broken::Not {
                        expected,
                        observed,
                        because,
                    }) => {
                        if let Some(answer) = &exchange.answer
                            && is_no_answer(answer.status)
                            && !status_is_no_matter
                            && !mentions(expectation, answer.status, &sight, 0)
                        {
                            return Err(not_an_answer(answer.status));
                        }
                        found.push(Finding {
                            level,
                            slot,
                            expected,
                            observed,
                            because,
                            exchange: exchange.id,
                        });
                    }
                    Err(other) => return Err(self.unjudged(other, exchange)),
                }
            }
        }
        self.judged += listed.len();
        self.silent += silent;
        self.findings.extend(found);
        Ok(())
    }

    /// What a pass leaves open where a step was left out that needs this; nothing where it would have read what an
    /// operation changes that changes nothing.
    fn left_unconfirmed(&self, given: &str) -> Option<String> {
        let Some(variable) = given.strip_suffix(".state") else {
            return Some(format!(
                "a step was left out, since nothing here is `{given}`"
            ));
        };
        let name = self.case.bindings.get(variable).and_then(Value::as_str);
        let operation = name.and_then(|name| self.plan.target.operations.get(name));
        operation.is_none_or(Operation::writes).then(|| {
            "the target file names no operation that reads what this one changes".to_owned()
        })
    }

    fn unjudged(&self, broken: Broken, exchange: &Exchange) -> Stop {
        match broken {
            Broken::Truncated => Stop::Doubt(
                Doubt::Truncated,
                "the answer went on past what is read or kept of it; `limits.body_bytes` of the target file bounds the reading"
                    .to_owned(),
            ),
            Broken::Harness(says) => Stop::Doubt(Doubt::Harness, says),
            Broken::NoAnswer | Broken::Not { .. } => self.no_answer(exchange),
        }
    }

    fn no_answer(&self, exchange: &Exchange) -> Stop {
        let says = match &exchange.failure {
            Some(failure) => format!(
                "no answer to {} {}: {failure}",
                exchange.request.method,
                exchange.request.target.text()
            ),
            None => "there was no HTTP answer to look at".to_owned(),
        };
        Stop::Doubt(Doubt::Unreachable, says)
    }

    fn scope<'s>(&'s self, exchange: &'s Exchange) -> AttemptScope<'s> {
        AttemptScope {
            plan: self.plan,
            bindings: &self.case.bindings,
            values: if self.in_control {
                &self.control_values
            } else {
                &self.attempt.values
            },
            captured: &self.captured,
            exchange: Some(exchange),
        }
    }
}

/// A plain address need not answer, and HTTP/2 need not be spoken: what would be seen there is then just not covered.
/// Silence remains a doubt, since it cannot be told from a lost route.
fn not_spoken(request: &Send, failure: Option<&Failure>) -> Option<String> {
    let end = end(failure?)?;
    let plain = request.over == Some(Transport::Plain);
    match end {
        ConnectionEnd::Refused
        | ConnectionEnd::Reset
        | ConnectionEnd::Closed
        | ConnectionEnd::Filtered
            if plain =>
        {
            let how = end.word();
            Some(format!("the plain address gives no HTTP answer: {how}"))
        }
        ConnectionEnd::Tls if request.http.as_deref() == Some("2") => Some(NO_HTTP2.to_owned()),
        _ => None,
    }
}

/// Status codes that come from something in the way (RFC 6585 §4, RFC 9110 §15.6.3-5) unless a check is about them.
pub(crate) fn is_no_answer(status: u16) -> bool {
    matches!(status, 429 | 502 | 503 | 504)
}

fn not_an_answer(status: u16) -> Stop {
    Stop::Doubt(
        Doubt::NotAnAnswer,
        format!("{status} came in place of an answer, also after waiting"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_need_not_be_spoken_is_no_doubt() {
        let request = |terms: &str| serde_json::from_str::<Send>(terms).unwrap();
        let plain = request(r#"{"send": "GET /", "over": "plain"}"#);
        let h2 = request(r#"{"send": "GET /", "http": "2"}"#);
        let usual = request(r#"{"send": "GET /"}"#);
        let lost = Failure::Timeout(crate::wire::Phase::Connect);
        let tls = Failure::Tls("no_application_protocol".to_owned());
        for (request, failure, is_spoken_of) in [
            (&plain, &Failure::Refused, true),
            (&plain, &Failure::Closed, true),
            (&plain, &Failure::Filtered, true),
            (&plain, &lost, false),
            (&h2, &tls, true),
            (&h2, &Failure::Refused, false),
            (&usual, &Failure::Closed, false),
            (&usual, &tls, false),
        ] {
            assert_eq!(
                not_spoken(request, Some(failure)).is_some(),
                is_spoken_of,
                "{failure}"
            );
        }
        assert_eq!(not_spoken(&plain, None), None);
    }
}
