//! Steps that send requests until they are answered otherwise.

use std::io;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::case::{Walk, captured_secrets};
use super::field::SendsAs;
use super::prepare::Fault;
use super::race::harness;
use super::send::Sent;
use crate::journal::{RecordedAnswer, Slot};
use crate::judge::{Heard, hears};
use crate::suite::model::{Poll, Polled, STRAIGHT};
use crate::suite::template::fill_number;
use crate::wire::Request;

/// Most requests of one poll, whatever the suite says.
pub const MOST_OF_A_POLL: usize = 5_000;

/// Most requests of a poll that are under way at the same time.
const MOST_AT_ONCE: usize = 50;

/// Seconds from one round to the next, where the suite does not say and at least.
const EVERY_S: f64 = 0.1;
const LEAST_S: f64 = 0.01;

/// Seconds that a poll goes on past its promise, where the suite does not say, and at most.
const PAST_S: f64 = 10.0;
const LONGEST_S: f64 = 3600.0;

impl Walk<'_> {
    pub(super) async fn poll(&mut self, slot: Slot, poll: &Poll) -> io::Result<()> {
        let terms = match self.poll_terms(poll) {
            Ok(terms) => terms,
            Err(fault) => {
                self.hindered(slot, fault).await;
                return Ok(());
            }
        };
        let began = Instant::now();
        // Since when the time counts; a little late where an earlier step says.
        let mut since = began;
        let mut all: Vec<Sent> = Vec::new();
        let mut meanwhile = None;
        let mut straight = 0;
        for round in 0.. {
            let requests = match self.round(poll, round, &terms).await {
                Ok(requests) => requests,
                Err(fault) => {
                    self.hindered(slot, fault).await;
                    return Ok(());
                }
            };
            let due = began + terms.every * u32::try_from(round).unwrap_or(u32::MAX);
            tokio::select! {
                () = tokio::time::sleep_until(due) => {}
                () = self.field.stop.asked() => {}
            }
            if self.field.stop.is_asked() {
                self.is_cut_short = true;
                return Ok(());
            }
            let sent_at = Instant::now();
            let is_apart = round == 1 && poll.meanwhile.is_some();
            let is_waited_for = poll.meanwhile.is_some() && meanwhile.is_none();
            for (place, sent) in self
                .sent_together(poll, &requests)
                .await?
                .into_iter()
                .enumerate()
            {
                if is_apart && place == terms.at_once / 2 {
                    meanwhile = Some(sent);
                    continue;
                }
                match self.hears(poll, &sent) {
                    Heard::New if !is_waited_for => straight += 1,
                    Heard::Old => straight = 0,
                    Heard::New | Heard::Neither | Heard::Unspoken => {}
                }
                all.push(sent);
            }
            if is_waited_for {
                since = Instant::now();
                continue;
            }
            // An old answer to what was sent too late already says how late it is.
            let is_late = sent_at.duration_since(since) >= terms.patience;
            if straight >= terms.straight
                || (straight == 0 && is_late)
                || all.len() >= MOST_OF_A_POLL
            {
                break;
            }
        }
        all.splice(0..0, meanwhile);
        self.took_many(slot, all, &poll.capture);
        Ok(())
    }

    fn hears(&self, poll: &Poll, sent: &Sent) -> Heard {
        let (plan, case) = (self.field.plan, self.case);
        let (attempt, exchanges) = (&self.attempt, &self.exchanges);
        hears(plan, case, attempt, exchanges, &poll.until, &sent.exchange)
    }

    async fn sent_together(&self, poll: &Poll, requests: &[Request]) -> io::Result<Vec<Sent>> {
        let captures = self.resolved(&poll.capture);
        let check = &self.check.id;
        let learn = |answer: &RecordedAnswer| captured_secrets(check, &captures, answer);
        let line = self.field.line;
        line.send_together(&line.client, requests, self.of_many(), learn)
            .await
    }

    /// The requests of one round, when they may go; that of `meanwhile` in the middle of the second one.
    async fn round(&self, poll: &Poll, round: usize, terms: &Terms) -> Result<Vec<Request>, Fault> {
        let mut requests = Vec::with_capacity(terms.at_once + 1);
        for place in 0..terms.at_once {
            let number = round * terms.at_once + place;
            let Some(polled) = poll.poll.get(number % poll.poll.len().max(1)) else {
                return Err(harness("there is nothing to poll".to_owned()));
            };
            let (request, sends_as) = match polled {
                Polled::Send(send) => {
                    let sends_as = self.field.sends_as(send, &self.scope());
                    (self.numbered(send, number).await?, Some(sends_as))
                }
                Polled::Again(again) => {
                    let node = again.node.as_ref();
                    let request = self.again(&again.resend, again.fresh_connection, node)?;
                    self.keep_to(self.saved_as.get(&again.resend)).await;
                    (request, None)
                }
            };
            self.keep_to(sends_as.as_ref()).await;
            requests.push(request);
        }
        if let (Some(send), 1) = (&poll.meanwhile, round) {
            let sends_as = self.field.sends_as(send, &self.scope());
            self.keep_to(Some(&sends_as)).await;
            requests.insert(terms.at_once / 2, self.numbered(send, 0).await?);
        }
        Ok(requests)
    }

    async fn keep_to(&self, sends_as: Option<&SendsAs>) {
        if let Some(sends_as) = sends_as {
            self.keep_to_budgets(sends_as).await;
        }
    }

    fn poll_terms(&self, poll: &Poll) -> Result<Terms, Fault> {
        let seconds = |value: &Option<Value>, otherwise: f64| match value {
            Some(value) => fill_number(value, &self.scope())
                .ok_or_else(|| harness(format!("`{value}` is no number of seconds"))),
            None => Ok(otherwise),
        };
        let whole = |value: &Option<Value>, otherwise: usize| match value {
            Some(value) => self.number(value),
            None => Ok(otherwise),
        };
        let patience = seconds(&poll.within_s, 0.0)? + seconds(&poll.past_s, PAST_S)?;
        Ok(Terms {
            every: Duration::from_secs_f64(
                seconds(&poll.every_s, EVERY_S)?.clamp(LEAST_S, LONGEST_S),
            ),
            patience: Duration::from_secs_f64(patience.min(LONGEST_S)),
            at_once: whole(&poll.at_once, 1)?.clamp(1, MOST_AT_ONCE),
            straight: whole(&poll.straight, STRAIGHT)?.max(1),
        })
    }
}

/// How a poll is sent.
struct Terms {
    every: Duration,
    patience: Duration,
    at_once: usize,
    straight: usize,
}
