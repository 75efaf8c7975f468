//! One request out, one answer in: paced, retried where what came back is no answer, and recorded.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::RwLock;

use super::clock::Clock;
use super::outside::{Mark, Outside};
use super::pace::Pace;
use super::possession::Nonces;
use super::record::{self, Span};
use super::shown_secrets::ShownSecrets;
use super::silence::Silence;
use crate::journal::{Exchange, ExchangeId, Journal, Record, RecordedAnswer, Redactor};
use crate::judge::ShownAgain;
use crate::wire::{Client, Failure, Outcome, Request};

/// Times that a request is tried when what comes back is no answer.
const TRIES: usize = 3;
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// What the line to the target is made of; shared by everything that sends.
pub struct Line {
    pub client: Client,
    pub pace: Pace,
    pub redactor: RwLock<Redactor>,
    pub journal: Arc<Journal>,
    pub began: Instant,
    pub next_id: AtomicU64,
    /// What may still be kept of answer bodies.
    pub room: record::Room,
    /// What may still be spent on waiting out 429 and 503, over the whole run.
    pub patience_ms: AtomicU64,
    pub outside: Outside,
    /// Clients that send from another local address, by that.
    pub clients: Mutex<HashMap<IpAddr, Client>>,
    pub nonces: Nonces,
    pub clock: Clock,
    pub shown_secrets: ShownSecrets,
    pub silence: Silence,
    pub shown_again: Mutex<ShownAgain>,
}

/// An exchange as recorded, and the answer as it came.
pub struct Sent {
    pub exchange: Arc<Exchange>,
    pub raw: Option<RecordedAnswer>,
}

/// What counts as an answer for the step that sends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Subject {
    /// The step is about 429, 502, 503 or 504: they are answers.
    pub overload: bool,
    /// The step is about how a connection ends: no answer is an answer.
    pub connection: bool,
    /// The attempt that sends, for what it provokes at the ports of ours.
    pub mark: Option<Mark>,
}

/// What came of the tries of one request until now.
#[derive(Debug)]
pub struct Tries {
    /// In words.
    retried: Vec<String>,
    pause: Duration,
}

impl Default for Tries {
    fn default() -> Self {
        Self {
            retried: Vec::new(),
            pause: FIRST_PAUSE,
        }
    }
}

impl Line {
    /// The client that sends from this local address; its connections are kept from burst to burst.
    pub fn client_from(&self, address: IpAddr) -> Client {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || self.client.from_address(address);
        clients.entry(address).or_insert_with(new).clone()
    }

    pub fn shown_again(&self) -> MutexGuard<'_, ShownAgain> {
        let locked = self.shown_again.lock();
        locked.unwrap_or_else(PoisonError::into_inner)
    }

    pub fn id(&self) -> ExchangeId {
        ExchangeId(self.next_id.fetch_add(1, Ordering::Relaxed))
    }

    pub fn elapsed_ms(&self) -> u64 {
        self.began.elapsed().as_millis() as u64
    }

    fn since(&self, started_ms: u64) -> Span {
        let ended_ms = self.elapsed_ms();
        Span {
            started_ms,
            ended_ms,
        }
    }

    /// Sends, with retries. `learn` finds secrets in the answer before it is recorded.
    pub async fn send(
        &self,
        request: &Request,
        subject: Subject,
        learn: impl Fn(&RecordedAnswer) -> Vec<(String, String)>,
    ) -> Result<Sent, std::io::Error> {
        let mut tries = Tries::default();
        loop {
            if let Some(sent) = self.attempt(request, subject, &mut tries, &learn).await? {
                return Ok(sent);
            }
        }
    }

    /// One try. `None`: what came back is no answer, the pause is over, and the caller is to try again; who sends a
    /// proof of possession makes a fresh one for it, since the first may be used up (RFC 9449 §11.1).
    pub async fn attempt(
        &self,
        request: &Request,
        subject: Subject,
        tries: &mut Tries,
        learn: impl Fn(&RecordedAnswer) -> Vec<(String, String)>,
    ) -> Result<Option<Sent>, std::io::Error> {
        self.pace.turn().await;
        let started_ms = self.elapsed_ms();
        let mut outcome = self.client.send(request).await;
        if let Err(failure) = outcome.answer {
            let explained = self
                .silence
                .explained(&self.client, &request.origin, failure);
            outcome.answer = Err(explained.await);
        }
        if let Some(what) = no_answer(&outcome, subject)
            && tries.retried.len() + 1 < TRIES
        {
            let wait = retry_after(&outcome).unwrap_or(tries.pause);
            if self.spend(wait) {
                // What hands out a nonce with its refusal wants to see it in the next proof.
                if let Ok(answer) = &outcome.answer {
                    self.nonces.note(request, &record::raw_answer(answer));
                }
                if matches!(&outcome.answer, Ok(answer) if answer.status == 429) {
                    self.pace.hold(wait);
                } else {
                    tokio::time::sleep(wait).await;
                }
                tries.retried.push(what);
                tries.pause *= 3;
                return Ok(None);
            }
        }
        let retried = std::mem::take(&mut tries.retried);
        let span = self.since(started_ms);
        self.keep(request, outcome, span, retried, subject, learn)
            .await
            .map(Some)
    }

    /// Sends all in the same instant, each once; the outcomes are in their order.
    pub async fn race(
        &self,
        requests: &[Request],
        subject: Subject,
        learn: impl Fn(&RecordedAnswer) -> Vec<(String, String)>,
    ) -> Result<Vec<Sent>, std::io::Error> {
        for _ in requests {
            self.pace.turn().await;
        }
        let started_ms = self.elapsed_ms();
        let outcomes = self.client.race(requests).await;
        let span = self.since(started_ms);
        let mut all = Vec::with_capacity(requests.len());
        for (request, outcome) in requests.iter().zip(outcomes) {
            let kept = self.keep(request, outcome, span, Vec::new(), subject, &learn);
            all.push(kept.await?);
        }
        Ok(all)
    }

    /// Sends each once, all under way at the same time, by a client that may have another local address; the outcomes
    /// are in their order, whatever came back.
    pub async fn send_together(
        &self,
        client: &Client,
        requests: &[Request],
        subject: Subject,
        learn: impl Fn(&RecordedAnswer) -> Vec<(String, String)>,
    ) -> Result<Vec<Sent>, std::io::Error> {
        let mut sending = Vec::with_capacity(requests.len());
        for request in requests {
            self.pace.turn().await;
            let (client, own, began) = (client.clone(), request.clone(), self.began);
            let started_ms = self.elapsed_ms();
            let sent = tokio::spawn(async move {
                let outcome = client.send(&own).await;
                let ended_ms = began.elapsed().as_millis() as u64;
                (
                    outcome,
                    Span {
                        started_ms,
                        ended_ms,
                    },
                )
            });
            sending.push((request, sent));
        }
        let mut all = Vec::with_capacity(requests.len());
        for (request, sent) in sending {
            let (outcome, span) = match sent.await {
                Ok(sent) => sent,
                Err(error) => std::panic::resume_unwind(error.into_panic()),
            };
            let kept = self.keep(request, outcome, span, Vec::new(), subject, &learn);
            all.push(kept.await?);
        }
        Ok(all)
    }

    /// Learns what the answer gives away, and writes the exchange into the journal.
    async fn keep(
        &self,
        request: &Request,
        outcome: Outcome,
        span: Span,
        retried: Vec<String>,
        subject: Subject,
        learn: impl Fn(&RecordedAnswer) -> Vec<(String, String)>,
    ) -> Result<Sent, std::io::Error> {
        let raw = outcome.answer.as_ref().ok().map(record::raw_answer);
        if let Some(raw) = &raw {
            self.nonces.note(request, raw);
            self.clock.note(raw, outcome.timing.total);
            let mut secrets = learn(raw);
            secrets.extend(self.shown_secrets.of(raw));
            if !secrets.is_empty() {
                let pairs = secrets
                    .iter()
                    .map(|(name, value)| (name.as_str(), value.as_str()));
                self.redactor.write().await.learn_shown(pairs);
            }
        }
        if let Some(raw) = &raw {
            let texts = raw.headers.iter().map(|(_, value)| value.0.as_slice());
            let texts = texts.chain([raw.body.0.as_slice(), &raw.reason.0]);
            let strangers = self.redactor.read().await.strangers(texts);
            if !strangers.is_empty() {
                self.redactor.write().await.learn_strangers(&strangers);
            }
        }
        let redactor = self.redactor.read().await;
        let retried = retried
            .iter()
            .map(|what: &String| redactor.fragments(what))
            .collect();
        let mut exchange = record::exchange(
            self.id(),
            request,
            &outcome,
            span,
            retried,
            &redactor,
            &self.room,
        );
        exchange.calls = self.outside.calls(subject.mark);
        exchange.heard = self.outside.is_heard();
        for call in &mut exchange.calls {
            call.target = redactor.text(&call.target);
        }
        exchange.key_fetches = self.outside.fetches(subject.mark);
        drop(redactor);
        let exchange = Arc::new(exchange);
        self.shown_again().note(&exchange);
        self.journal.write(Record::Exchange(exchange.clone()))?;
        Ok(Sent { exchange, raw })
    }

    /// Notes the look at the target that the run began with, and the time that its answer told: what is forged later is
    /// dated by it. No answer tells nothing.
    pub async fn keep_look(
        &self,
        request: &Request,
        outcome: Outcome,
    ) -> Result<(), std::io::Error> {
        let now = self.elapsed_ms();
        let span = Span {
            started_ms: now,
            ended_ms: now,
        };
        let subject = Subject::default();
        self.keep(request, outcome, span, Vec::new(), subject, |_| Vec::new())
            .await
            .map(drop)
    }

    /// Takes a wait out of the run's patience; `false` where too little is left.
    fn spend(&self, wait: Duration) -> bool {
        let wait = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        self.patience_ms
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(wait)
            })
            .is_ok()
    }
}

fn no_answer(outcome: &Outcome, subject: Subject) -> Option<String> {
    match &outcome.answer {
        Ok(answer) if matches!(answer.status, 429 | 502 | 503 | 504) && !subject.overload => {
            Some(format!("status {}", answer.status))
        }
        Err(Failure::Unsendable(_) | Failure::Cut | Failure::Filtered) | Ok(_) => None,
        Err(_) if subject.connection => None,
        Err(failure) => Some(failure.to_string()),
    }
}

/// `Retry-After` in either form (RFC 9110 §10.2.3), against the answer's own `Date`.
fn retry_after(outcome: &Outcome) -> Option<Duration> {
    let answer = record::raw_answer(outcome.answer.as_ref().ok()?);
    let text = answer.header("retry-after").into_iter().next()?;
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let at = httpdate::parse_http_date(&text).ok()?;
    let now = answer
        .header("date")
        .first()
        .and_then(|date| httpdate::parse_http_date(date).ok())?;
    Some(at.duration_since(now).unwrap_or_default())
}
