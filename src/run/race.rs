//! Steps that send many requests: all in the same instant, or one after the other.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use indexmap::IndexMap;
use rand::RngExt;
use rand::distr::Alphanumeric;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::case::{Walk, captured_secrets};
use super::prepare::{Fault, prepare};
use super::send::{Sent, Subject};
use crate::journal::{Doubt, RecordedAnswer, Slot, StepTaken};
use crate::judge::{capture, looked_at};
use crate::suite::model::{Burst, Capture, Race, Runners, Send};
use crate::suite::plan::{RANDOM, RUNNER};
use crate::suite::template::{fill_number, fill_value};
use crate::wire::{Client, Request};

/// Most requests of one race; each has a connection of its own.
pub const MOST_RUNNERS: usize = 100;

/// Most requests of one burst, whatever the suite says.
pub const MOST_OF_A_BURST: usize = 20_000;

/// Most requests of a burst that are under way at the same time.
const MOST_AT_ONCE: usize = 100;

impl Walk<'_> {
    pub(super) async fn race(&mut self, slot: Slot, race: &Race) -> io::Result<()> {
        let requests = match self.runners(race).await {
            Ok(requests) => requests,
            Err(fault) => {
                self.hindered(slot, fault).await;
                return Ok(());
            }
        };
        let subject = self.of_many();
        let captures = self.resolved(&race.capture);
        let check = &self.check.id;
        let learn = |answer: &RecordedAnswer| captured_secrets(check, &captures, answer);
        let all = self.field.line.race(&requests, subject, learn).await?;
        if let (Some(name), Some(request)) = (&race.save, requests.into_iter().next()) {
            self.saved.insert(name.clone(), request);
        }
        self.took_many(slot, all, &race.capture);
        Ok(())
    }

    async fn runners(&self, race: &Race) -> Result<Vec<Request>, Fault> {
        let mut requests = Vec::new();
        for runners in &race.race {
            let number = self.number(runners.number())?;
            if requests.len() + number > MOST_RUNNERS {
                return Err(harness(format!(
                    "a race has at most {MOST_RUNNERS} requests"
                )));
            }
            match runners {
                Runners::Copies(copies) => {
                    let request = self.numbered(&copies.of, requests.len()).await?;
                    requests.extend(std::iter::repeat_n(request, number));
                }
                Runners::Times(times) => {
                    for _ in 0..number {
                        requests.push(self.numbered(&times.of, requests.len()).await?);
                    }
                }
            }
        }
        Ok(requests)
    }

    /// A request that knows its number.
    pub(super) async fn numbered(&self, send: &Send, number: usize) -> Result<Request, Fault> {
        let mut captured: HashMap<String, Value> = self.captured.clone();
        captured.insert(RUNNER.to_owned(), json!(number));
        for (name, all) in &self.of_each {
            if let Some(own) = all.get(number) {
                captured.insert(name.clone(), own.clone());
            }
        }
        let random: String = rand::rng()
            .sample_iter(Alphanumeric)
            .take(16)
            .map(char::from)
            .collect();
        captured.insert(RANDOM.to_owned(), json!(random));
        let mut scope = self.scope();
        scope.captured = &captured;
        prepare(self.field, send, &mut scope).await
    }

    pub(super) async fn burst(&mut self, slot: Slot, burst: &Burst) -> io::Result<()> {
        let terms = match self.terms(burst) {
            Ok(terms) => terms,
            Err(fault) => {
                self.hindered(slot, fault).await;
                return Ok(());
            }
        };
        let began = Instant::now();
        let mut all: Vec<Sent> = Vec::new();
        while all.len() < terms.times {
            let ahead = terms.at_once.min(terms.times - all.len());
            let mut requests = Vec::with_capacity(ahead);
            for number in all.len()..all.len() + ahead {
                match self.numbered(&burst.burst, number).await {
                    Ok(request) => requests.push(request),
                    Err(fault) => {
                        self.hindered(slot, fault).await;
                        return Ok(());
                    }
                }
            }
            if let Some(gap) = terms.gap {
                let due = began + gap * u32::try_from(all.len()).unwrap_or(u32::MAX);
                tokio::select! {
                    () = tokio::time::sleep_until(due) => {}
                    () = self.field.stop.asked() => {}
                }
            }
            if self.field.stop.is_asked() {
                self.is_cut_short = true;
                return Ok(());
            }
            let subject = self.of_many();
            let captures = self.resolved(&burst.capture);
            let check = &self.check.id;
            let learn = |answer: &RecordedAnswer| captured_secrets(check, &captures, answer);
            let line = self.field.line;
            let sent = line.send_together(&terms.client, &requests, subject, learn);
            all.extend(sent.await?);
            if burst.capture.is_empty() {
                all.iter_mut().for_each(|sent| sent.raw = None);
            }
            let refused = all
                .iter()
                .rev()
                .take(ahead)
                .any(|sent| status(sent) == Some(429));
            if burst.until_refused && refused {
                break;
            }
        }
        self.took_many(slot, all, &burst.capture);
        Ok(())
    }

    fn terms(&self, burst: &Burst) -> Result<Terms, Fault> {
        let times = self.number(&burst.times)?;
        if times > MOST_OF_A_BURST {
            return Err(harness(format!(
                "a burst has at most {MOST_OF_A_BURST} requests"
            )));
        }
        let at_once = match &burst.at_once {
            Some(number) => self.number(number)?.clamp(1, MOST_AT_ONCE),
            None => 1,
        };
        let gap = match &burst.over_s {
            Some(seconds) => {
                let seconds = fill_number(seconds, &self.scope()).ok_or_else(|| {
                    harness(format!("`over_s: {seconds}` is no number of seconds"))
                })?;
                Some(Duration::from_secs_f64(
                    seconds.min(3600.0) / times.max(1) as f64,
                ))
            }
            None => None,
        };
        let from = burst
            .from
            .as_ref()
            .map(|from| fill_value(from, &self.scope()));
        let client = match from.transpose().map_err(|e| harness(e.to_string()))? {
            Some(Value::Null) | None => self.field.line.client.clone(),
            Some(place) => self.client_from(self.number(&place)?)?,
        };
        Ok(Terms {
            times,
            at_once,
            gap,
            client,
        })
    }

    fn client_from(&self, place: usize) -> Result<Client, Fault> {
        let addresses = &self.field.plan.target.addresses;
        let address: IpAddr = *addresses.get(place).ok_or_else(|| {
            Fault::NotHere(format!(
                "the target file names {} local addresses to send from, and {} are needed",
                addresses.len(),
                place + 1
            ))
        })?;
        Ok(self.field.line.client_from(address))
    }

    pub(super) fn number(&self, value: &Value) -> Result<usize, Fault> {
        fill_number(value, &self.scope())
            .filter(|number| number.fract() == 0.0)
            .map(|number| number as usize)
            .ok_or_else(|| harness(format!("`{value}` is no whole number")))
    }

    /// Every answer of many is one, also a 429.
    pub(super) fn of_many(&self) -> Subject {
        Subject {
            overload: true,
            connection: true,
            mark: Some(self.mark),
        }
    }

    pub(super) fn took_many(
        &mut self,
        slot: Slot,
        all: Vec<Sent>,
        captures: &IndexMap<String, Capture>,
    ) {
        let group: Vec<_> = all.iter().map(|sent| sent.exchange.id).collect();
        let statuses: Vec<Option<u16>> = all.iter().map(status).collect();
        for (name, rule) in self.resolved(captures).iter().filter(|(_, rule)| rule.each) {
            let accepted = all.iter().filter_map(|sent| sent.raw.as_ref());
            let accepted = accepted.filter(|answer| (200..300).contains(&answer.status));
            let of_each: Vec<Value> = accepted.filter_map(|one| capture(rule, one)).collect();
            self.captured
                .insert(format!("{name}.count"), json!(of_each.len()));
            self.of_each.insert(name.clone(), of_each);
        }
        let step = self.check.steps.get(slot.index);
        let looked_at = step.map_or(0, |step| looked_at(step, &statuses));
        for (place, sent) in all.into_iter().enumerate() {
            if place == looked_at {
                self.took(slot, sent, captures);
            } else {
                self.exchanges.insert(sent.exchange.id, sent.exchange);
            }
        }
        match self.attempt.steps.last_mut() {
            Some(taken) if taken.slot == slot => taken.group = group,
            _ => self.attempt.steps.push(StepTaken {
                doubt: Some((Doubt::Harness, "there was nobody to send".to_owned())),
                ..StepTaken::at(slot)
            }),
        }
    }
}

/// How a burst is sent.
struct Terms {
    times: usize,
    at_once: usize,
    gap: Option<Duration>,
    client: Client,
}

fn status(sent: &Sent) -> Option<u16> {
    sent.exchange.answer.as_ref().map(|answer| answer.status)
}

pub(super) fn harness(says: String) -> Fault {
    Fault::Doubt(Doubt::Harness, says)
}
