//! One attempt at a case, judged from its exchanges.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::clock;
use super::conditions::{Sight, end, mentions};
use super::scope::{AttemptScope, capture, resolved};
use super::status;
use super::verdict::{Evidence, Finding, Findings};
use super::{Broken, Held};
use crate::journal::{Attempt, Doubt, Exchange, ExchangeId, Phase, Slot, StepTaken};
use crate::suite::model::{
    Capture, Check, ConnectionEnd, Expectation, Level, OneOrMany, Send, Step, Transport,
};
use crate::suite::plan::{Case, Plan, of_control};
use crate::suite::template::fill_text;
use crate::wire::Failure;
use indexmap::IndexMap;

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
    exchanges: &HashMap<ExchangeId, Exchange>,
) -> AttemptOutcome {
    let ids: Vec<ExchangeId> = attempt
        .steps
        .iter()
        .filter_map(|taken| taken.exchange)
        .collect();
    let Some(planned) = plan.checks.get(&case.check) else {
        return doubt(
            Doubt::Harness,
            format!("the plan has no check `{}`", case.check),
            ids,
        );
    };
    let mut run = Attempted {
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
        (None, Some(evidence)) => AttemptOutcome::Pass {
            evidence,
            unconfirmed: run.unconfirmed,
        },
        (_, None) => doubt(Doubt::Harness, "nothing was sent".to_owned(), ids),
    }
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

/// What a step says about its answer, whatever its verb.
struct Sayings<'a> {
    control: Option<&'a OneOrMany<Expectation>>,
    expect: Option<&'a OneOrMany<Expectation>>,
    should: Option<&'a OneOrMany<Expectation>>,
    advise: Option<&'a OneOrMany<Expectation>>,
    save: Option<&'a String>,
    capture: Option<&'a IndexMap<String, Capture>>,
    observe: Option<&'a str>,
}

fn sayings<'a>(check: &'a Check, slot: Slot) -> Option<Sayings<'a>> {
    macro_rules! of {
        ($step:expr, $capture:expr, $observe:expr) => {
            Sayings {
                control: $step.control.as_ref(),
                expect: $step.expect.as_ref(),
                should: $step.should.as_ref(),
                advise: $step.advise.as_ref(),
                save: $step.save.as_ref(),
                capture: $capture,
                observe: $observe,
            }
        };
    }
    Some(match slot.phase {
        Phase::Before | Phase::After => {
            let send = check.control.get(slot.index)?;
            of!(send, Some(&send.capture), None)
        }
        Phase::Always => {
            let send = check.always.get(slot.index)?;
            of!(send, Some(&send.capture), None)
        }
        Phase::Steps => match check.steps.get(slot.index)? {
            Step::Send(send) => of!(send, Some(&send.capture), None),
            Step::Observe(observe) => of!(
                observe,
                Some(&observe.capture),
                Some(observe.observe.as_str())
            ),
            Step::Resend(resend) => of!(resend, Some(&resend.capture), None),
            Step::Probe(probe) => of!(probe, None, None),
            Step::Wait(_) | Step::Rotate(_) => return None,
        },
    })
}

impl<'a> Attempted<'a> {
    fn step(
        &mut self,
        check: &'a Check,
        taken: &StepTaken,
        exchanges: &'a HashMap<ExchangeId, Exchange>,
    ) -> Result<(), Stop> {
        if let Some((why, says)) = &taken.doubt {
            return Err(Stop::Doubt(*why, says.clone()));
        }
        if let Some(says) = &taken.not_here {
            return Err(Stop::NotCovered(says.clone()));
        }
        if taken.left_out {
            self.unconfirmed = Some(
                "the target file names no operation that reads what this one changes".to_owned(),
            );
            return Ok(());
        }
        let Some(sayings) = sayings(check, taken.slot) else {
            return Ok(());
        };
        let Some(exchange) = taken.exchange.and_then(|id| exchanges.get(&id)) else {
            return Err(Stop::Doubt(
                Doubt::Harness,
                "an exchange is missing from the journal".to_owned(),
            ));
        };
        if let Some(name) = sayings.observe {
            self.covered(name, exchange)?;
        }
        let is_control = matches!(taken.slot.phase, Phase::Before | Phase::After);
        self.in_control = is_control;
        let unlisted = is_control && sayings.control.is_none() && sayings.expect.is_none();
        let accepted = OneOrMany::One(Expectation::Answer("accepted".to_owned()));
        let control = if unlisted {
            Some(&accepted)
        } else {
            sayings.control
        };
        self.controls(control, exchange)?;
        if is_control {
            self.controls(sayings.expect, exchange)?;
        } else {
            self.promises(
                sayings.expect,
                self.level,
                taken.slot,
                exchange,
                sayings.observe.is_some(),
            )?;
        }
        self.promises(
            sayings.should,
            Level::Should.min(self.level),
            taken.slot,
            exchange,
            sayings.observe.is_some(),
        )?;
        self.promises(
            sayings.advise,
            Level::Advice,
            taken.slot,
            exchange,
            sayings.observe.is_some(),
        )?;
        if let Some(name) = sayings.save {
            self.saved.insert(name.clone(), exchange);
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
                        .filter(|answer| is_no_answer(answer.status));
                    return Err(match odd {
                        Some(answer) => not_an_answer(answer.status),
                        None => Stop::Doubt(
                            Doubt::Control,
                            format!("the control expected {expected}, and there was {observed}"),
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
        observed_status_is_right: bool,
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
                            && !observed_status_is_right
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

    fn unjudged(&self, broken: Broken, exchange: &Exchange) -> Stop {
        match broken {
            Broken::Truncated => Stop::Doubt(
                Doubt::Truncated,
                "the answer went on past the bound that we read to".to_owned(),
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
        ConnectionEnd::Refused | ConnectionEnd::Reset | ConnectionEnd::Closed if plain => {
            let how = end.word();
            Some(format!("the plain address gives no HTTP answer: {how}"))
        }
        ConnectionEnd::Tls if request.http.as_deref() == Some("2") => {
            Some("the target does not speak HTTP/2".to_owned())
        }
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
