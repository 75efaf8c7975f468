//! Carries out one case: its control, its steps, its control again, and what cleans up.

use std::collections::HashMap;
use std::io;
use std::time::Duration;

use rand::RngExt;
use serde_json::{Map, Value, json};
use tokio::sync::SemaphorePermit;

use super::field::{Field, SendsAs};
use super::outside::Mark;
use super::possession::{self, FIELD, asks_for_nonce};
use super::prepare::{Fault, prepare};
use super::scope::{Proofs, RequestScope};
use super::send::{Sent, Subject, Tries};
use crate::journal::{Attempt, Doubt, Exchanges, Phase, RecordedAnswer, Slot, StepTaken};
use crate::judge::{
    AttemptOutcome, awaits_connection_end, awaits_overload, capture, judge_attempt, resolved,
};
use crate::suite::forging::RIGHT_PROOF;
use crate::suite::model::{Capture, Check, Expectation, OneOrMany, Rotation, Send, Step};
use crate::suite::plan::{CONTROL_CANARY, Case, Plan, of_control};
use crate::suite::rate_limits;
use crate::suite::template::{Scope, fill_text, show};
use crate::wire::Request;
use indexmap::IndexMap;

/// An attempt under way.
pub(super) struct Walk<'a> {
    pub(super) field: &'a Field<'a>,
    pub(super) case: &'a Case,
    pub(super) check: &'a Check,
    pub(super) attempt: Attempt,
    /// The attempt's values as controls see them.
    control_values: Map<String, Value>,
    in_control: bool,
    pub(super) exchanges: Exchanges,
    pub(super) captured: HashMap<String, Value>,
    /// What was captured of each accepted answer of a race or burst.
    pub(super) of_each: HashMap<String, Vec<Value>>,
    credentials: HashMap<String, String>,
    pub(super) saved: HashMap<String, Request>,
    pub(super) saved_as: HashMap<String, SendsAs>,
    pub(super) mark: Mark,
    /// Whether the keys of the issuer that we play are other ones than in the beginning.
    rotated: bool,
    /// The longest wait of the steps until now.
    pub(super) waited: Duration,
    /// Whether the run was asked to end while a step waited.
    pub(super) is_cut_short: bool,
    /// Held while bursts are sent.
    pub(super) turn: Option<SemaphorePermit<'a>>,
}

/// An attempt, what came of it, and its exchanges.
pub type Walked = (Attempt, AttemptOutcome, Exchanges);

/// Carries out one attempt and judges it. `None` where the run was asked to end while a step waited: what cleans up was
/// sent all the same. `Err` means that the journal could not be written.
pub async fn attempt(
    field: &Field<'_>,
    case: &Case,
    check: &Check,
    number: u32,
) -> io::Result<Option<Walked>> {
    let mut values = fresh_values();
    let (mark, listener) = field.line.outside.begin();
    if let Some(address) = listener {
        values.insert("listener".to_owned(), json!(address));
    }
    let mut walk = Walk {
        field,
        case,
        check,
        attempt: Attempt {
            case: case.id.clone(),
            number,
            values: values.clone(),
            steps: Vec::new(),
        },
        control_values: of_control(&values),
        in_control: false,
        exchanges: Exchanges::new(),
        captured: HashMap::new(),
        of_each: HashMap::new(),
        credentials: HashMap::new(),
        saved: HashMap::new(),
        saved_as: HashMap::new(),
        mark,
        rotated: false,
        waited: Duration::ZERO,
        is_cut_short: false,
        turn: None,
    };
    walk.fetch_named_credentials().await;
    let stepped = match walk.controls(Phase::Before).await? {
        true => walk.steps().await,
        false => Ok(false),
    };
    // Also where the journal could not be written.
    walk.restore_keys().await;
    let broken = !stepped?;
    if !broken {
        walk.controls(Phase::After).await?;
    }
    for (index, send) in check.always.iter().enumerate() {
        walk.send(
            Slot {
                phase: Phase::Always,
                index,
            },
            send,
        )
        .await?;
    }
    if walk.is_cut_short {
        return Ok(None);
    }
    let outcome = walk.judged();
    Ok(Some((walk.attempt, outcome, walk.exchanges)))
}

/// Unguessable values for one attempt, under the names that suites refer to.
pub fn fresh_values() -> Map<String, Value> {
    let mut rng = rand::rng();
    let mut hex = |digits: usize| -> String {
        (0..digits)
            .map(|_| char::from_digit(rng.random_range(0..16), 16).unwrap_or('0'))
            .collect()
    };
    let uuid = format!("{}-{}-4{}-a{}-{}", hex(8), hex(4), hex(3), hex(3), hex(12));
    let mut values = Map::new();
    values.insert("canary".to_owned(), json!(format!("pm{}", hex(16))));
    values.insert("canary2".to_owned(), json!(format!("pm{}", hex(16))));
    values.insert(CONTROL_CANARY.to_owned(), json!(format!("pm{}", hex(16))));
    values.insert("hex16".to_owned(), json!(hex(16)));
    values.insert("hex64".to_owned(), json!(hex(64)));
    values.insert("uuid".to_owned(), json!(uuid));
    let number = u32::from_str_radix(&hex(7), 16).unwrap_or(1_234_567);
    values.insert("number".to_owned(), json!(number % 900_000 + 100_000));
    values
}

impl Walk<'_> {
    pub(super) fn scope(&self) -> RequestScope<'_> {
        RequestScope {
            plan: self.field.plan,
            bindings: &self.case.bindings,
            values: if self.in_control {
                &self.control_values
            } else {
                &self.attempt.values
            },
            captured: &self.captured,
            placeholders: Map::new(),
            given: IndexMap::new(),
            proofs: Proofs::default(),
            credentials: &self.credentials,
            secrets: self.field.keyring.secrets(),
        }
    }

    fn judged(&self) -> AttemptOutcome {
        judge_attempt(self.field.plan, self.case, &self.attempt, &self.exchanges)
    }

    /// Fetches what the check names as `${credentials.PRINCIPAL.KIND}` outside of `as`, and notes how the journal shows
    /// it, so that the judge can look for it. `KIND` may also be `context` for the first credential that says where the
    /// principal belongs, and `login` for the first that says who it is.
    async fn fetch_named_credentials(&mut self) {
        let named = &self.field.named;
        for principal in named.principals(self.check, &self.case.bindings) {
            let bound = self
                .case
                .bindings
                .get(&principal)
                .map_or(principal.clone(), show);
            if let Ok(all) = self
                .field
                .keyring
                .of(&bound, self.field.plan, self.field.line)
                .await
            {
                for (kind, value) in all {
                    let shown = self
                        .field
                        .line
                        .redactor
                        .read()
                        .await
                        .shown(&format!("{bound}.{kind}"), &value);
                    let is_context = self
                        .field
                        .plan
                        .target
                        .credentials
                        .get(&kind)
                        .is_some_and(|carriage| carriage.context);
                    let role = if is_context { "context" } else { "login" };
                    for name in [kind.as_str(), role] {
                        self.attempt
                            .values
                            .entry(format!("shown.{principal}.{name}"))
                            .or_insert(json!(shown));
                        self.credentials
                            .entry(format!("{principal}.{name}"))
                            .or_insert_with(|| value.clone());
                    }
                }
            }
        }
    }

    async fn controls(&mut self, phase: Phase) -> io::Result<bool> {
        for (index, send) in self.check.control.iter().enumerate() {
            self.in_control = true;
            let sent = self.send(Slot { phase, index }, send).await;
            self.in_control = false;
            sent?;
            if !matches!(
                self.judged(),
                AttemptOutcome::Pass { .. } | AttemptOutcome::Fail { .. }
            ) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// `false` where going on makes no sense: something needed did not come about.
    async fn steps(&mut self) -> io::Result<bool> {
        for (index, step) in self.check.steps.iter().enumerate() {
            if self.field.stop.is_asked() {
                self.is_cut_short = true;
                return Ok(false);
            }
            let slot = Slot {
                phase: Phase::Steps,
                index,
            };
            self.take_turn(step).await;
            match step {
                Step::Send(send) => self.send(slot, send).await?,
                Step::Observe(observe) => {
                    let name = fill_text(&observe.observe, &self.scope()).unwrap_or_default();
                    match self
                        .field
                        .observed
                        .look(self.field, &name, self.attempt.number)
                        .await?
                    {
                        Ok(sent) => self.took(slot, sent, &observe.capture),
                        Err(fault) => self.hindered(slot, fault).await,
                    }
                }
                Step::Resend(resend) => self.resend(slot, resend).await?,
                Step::Wait(step) => {
                    if self.wait(slot, step).await {
                        continue;
                    }
                }
                Step::Rotate(rotate) => match self.rotate(rotate.rotate).await {
                    Ok(()) => {
                        self.attempt.steps.push(StepTaken::at(slot));
                        continue;
                    }
                    Err(says) => {
                        self.hindered(slot, Fault::Doubt(Doubt::Harness, says))
                            .await
                    }
                },
                Step::Race(race) => self.race(slot, race).await?,
                Step::Burst(burst) => self.burst(slot, burst).await?,
                Step::Poll(poll) => self.poll(slot, poll).await?,
                Step::Compare(compare) => self.compare(slot, compare).await?,
                Step::Probe(probe) => {
                    match super::probe::probe(self.field, probe, &self.scope(), &self.of_each).await
                    {
                        Ok(exchange) => {
                            let sent = Sent {
                                exchange: exchange?,
                                raw: None,
                            };
                            self.took(slot, sent, &IndexMap::new());
                        }
                        Err(fault) => self.hindered(slot, fault).await,
                    }
                }
            }
            if self.is_cut_short {
                return Ok(false);
            }
            match self.judged() {
                AttemptOutcome::Pass { .. } => {}
                // A broken promise ends the steps; the control afterwards still tells whether it counts.
                AttemptOutcome::Fail { findings, .. } if findings.worst().level >= self.level() => {
                    return Ok(true);
                }
                AttemptOutcome::Fail { .. } => {}
                AttemptOutcome::NotCovered(_) if index + 1 < self.check.steps.len() => {}
                AttemptOutcome::Doubt { .. } | AttemptOutcome::NotCovered(_) => return Ok(false),
            }
        }
        Ok(true)
    }

    async fn rotate(&mut self, rotation: Rotation) -> Result<(), String> {
        let outside = &self.field.line.outside;
        let issuer = outside
            .issuer
            .as_ref()
            .ok_or("the keys that the target trusts are not ours to change")?;
        issuer.rotate(rotation)?;
        outside.teach(&mut *self.field.line.redactor.write().await);
        self.rotated = rotation != Rotation::Restore;
        Ok(())
    }

    /// Publishes what was published in the beginning, and gives the target as long to notice as the steps did.
    async fn restore_keys(&mut self) {
        if self.rotated {
            // The file of the key set may be gone; the control afterwards tells.
            let _ = self.rotate(Rotation::Restore).await;
            tokio::time::sleep(self.waited).await;
        }
    }

    fn level(&self) -> crate::suite::model::Level {
        self.field
            .plan
            .checks
            .get(&self.case.check)
            .map_or(crate::suite::model::Level::Must, |planned| planned.level)
    }

    async fn send(&mut self, slot: Slot, send: &Send) -> io::Result<()> {
        if let Some(given) = &send.given
            && self
                .scope()
                .find(&given.split('.').collect::<Vec<_>>())
                .is_none()
        {
            self.attempt.steps.push(StepTaken {
                left_out: true,
                ..StepTaken::at(slot)
            });
            return Ok(());
        }
        let mut request = match prepare(self.field, send, &mut self.scope()).await {
            Ok(request) => request,
            Err(fault) => {
                self.hindered(slot, fault).await;
                return Ok(());
            }
        };
        let subject = self.subject([&send.control, &send.expect, &send.should, &send.advise]);
        let sends_as = self.field.sends_as(send, &self.scope());
        self.keep_to_budgets(&sends_as).await;
        let mut sent = self.transmit_prepared(&mut request, send, subject).await?;
        // Who asks for a nonce gets it, unless the step is about the proof itself.
        if matches!(send.proof.as_deref(), None | Some(RIGHT_PROOF))
            && has_proof(&request)
            && sent.raw.as_ref().is_some_and(asks_for_nonce)
            && let Ok(again) = prepare(self.field, send, &mut self.scope()).await
        {
            request = again;
            sent = self.transmit_prepared(&mut request, send, subject).await?;
        }
        if let Some(name) = &send.save {
            let proof = request.headers.iter().find(|(name, _)| name == FIELD);
            if let Some((_, proof)) = proof {
                let proof = String::from_utf8_lossy(proof).into_owned();
                if let Some(thumbprint) = possession::thumbprint(&proof) {
                    let values = &mut self.attempt.values;
                    values.insert(format!("{name}.jkt"), json!(thumbprint));
                }
                self.captured.insert(format!("{name}.proof"), json!(proof));
            }
            self.saved.insert(name.clone(), request);
            self.saved_as.insert(name.clone(), sends_as);
        }
        self.took(slot, sent, &send.capture);
        Ok(())
    }

    /// Unless the case is about a limit: then what it spends is what it is about.
    pub(super) async fn keep_to_budgets(&self, sends_as: &SendsAs) {
        if rate_limits::spent_by(&self.field.plan.target, &self.case.bindings).is_none() {
            self.field.keep_to_budgets(sends_as).await;
        }
    }

    pub(super) fn subject(&self, sayings: [&Option<OneOrMany<Expectation>>; 4]) -> Subject {
        Subject {
            mark: Some(self.mark),
            ..subject(self.field.plan, sayings)
        }
    }

    /// Sends what was made ready for a step. A request with a proof is made anew for each further try; then `request` is
    /// the one that was answered.
    async fn transmit_prepared(
        &self,
        request: &mut Request,
        send: &Send,
        subject: Subject,
    ) -> io::Result<Sent> {
        let (check, captures) = (&self.check.id, &self.resolved(&send.capture));
        let learn = |answer: &RecordedAnswer| captured_secrets(check, captures, answer);
        let mut tries = Tries::default();
        loop {
            let line = self.field.line;
            if let Some(sent) = line.attempt(request, subject, &mut tries, learn).await? {
                return Ok(sent);
            }
            if has_proof(request)
                && let Ok(again) = prepare(self.field, send, &mut self.scope()).await
            {
                *request = again;
            }
        }
    }

    pub(super) async fn transmit(
        &self,
        request: &Request,
        subject: Subject,
        captures: &IndexMap<String, Capture>,
    ) -> io::Result<Sent> {
        let check = &self.check.id;
        let captures = &self.resolved(captures);
        self.field
            .line
            .send(request, subject, |answer| {
                captured_secrets(check, captures, answer)
            })
            .await
    }

    pub(super) fn resolved(
        &self,
        captures: &IndexMap<String, Capture>,
    ) -> IndexMap<String, Capture> {
        let scope = self.scope();
        captures
            .iter()
            .map(|(name, rule)| (name.clone(), resolved(rule, &scope)))
            .collect()
    }

    pub(super) fn took(&mut self, slot: Slot, sent: Sent, captures: &IndexMap<String, Capture>) {
        if let Some(raw) = &sent.raw {
            for (name, rule) in &self.resolved(captures) {
                if let Some(value) = capture(rule, raw) {
                    self.captured.insert(name.clone(), value);
                }
            }
        }
        let id = sent.exchange.id;
        self.exchanges.insert(id, sent.exchange);
        self.attempt.steps.push(StepTaken {
            exchange: Some(id),
            ..StepTaken::at(slot)
        });
    }

    /// Notes why a step could not be taken.
    pub(super) async fn hindered(&mut self, slot: Slot, fault: Fault) {
        let redactor = self.field.line.redactor.read().await;
        let taken = match fault {
            Fault::Doubt(doubt, says) => StepTaken {
                doubt: Some((doubt, redactor.text(&says))),
                ..StepTaken::at(slot)
            },
            Fault::NotHere(says) => StepTaken {
                not_here: Some(redactor.text(&says)),
                ..StepTaken::at(slot)
            },
        };
        drop(redactor);
        self.attempt.steps.push(taken);
    }
}

fn has_proof(request: &Request) -> bool {
    request.headers.iter().any(|(name, _)| name == FIELD)
}

pub fn captured_secrets(
    check: &str,
    captures: &IndexMap<String, Capture>,
    answer: &RecordedAnswer,
) -> Vec<(String, String)> {
    captures
        .iter()
        .filter(|(_, rule)| rule.secret)
        .filter_map(|(name, rule)| Some((format!("{check} {name}"), show(&capture(rule, answer)?))))
        .collect()
}

pub fn subject(plan: &Plan, sayings: [&Option<OneOrMany<Expectation>>; 4]) -> Subject {
    let all = || sayings.into_iter().flatten();
    Subject {
        overload: awaits_overload(plan, all()),
        connection: awaits_connection_end(plan, all()),
        mark: None,
    }
}
