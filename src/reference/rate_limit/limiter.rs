//! The buckets of all callers, and what callers are told.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::json;

use super::bucket::{Bucket, Room};
use super::limit::{Kind, Limit, Per};
use super::source;
use crate::reference::edge::errors::Error;
use crate::reference::http::{Request, Response};
use crate::reference::operation::Operation;

/// Buckets kept at most. Those that count nothing make room first, then the one that was not used for the longest time.
const KEPT: usize = 10_000;
/// The problem type of draft-ietf-httpapi-ratelimit-headers-10 §5.1.
const QUOTA_EXCEEDED: &str = "https://iana.org/assignments/http-problem-types#quota-exceeded";

/// Who is charged for a request, once he is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Payer {
    /// The account; empty where there is none.
    pub user: String,
    /// The token or key; empty where there is none.
    pub credential: String,
}

/// Number of the limit, and whom it counts for.
type Slot = (usize, String);

#[derive(Default)]
pub struct Limiter {
    limits: Vec<Limit>,
    trusted: Vec<IpAddr>,
    buckets: Mutex<HashMap<Slot, Bucket>>,
}

impl Limiter {
    /// `trusted`: proxies whose word on the address of a client counts.
    pub fn new(limits: Vec<Limit>, trusted: Vec<IpAddr>) -> Self {
        Self {
            limits,
            trusted,
            buckets: Mutex::default(),
        }
    }

    /// Counts the request under the limits by address, before anybody asks who sends it. 429 when one is used up.
    pub fn charge_address(
        &self,
        operation: &Operation,
        request: &Request,
        now: Instant,
    ) -> Result<Charged<'_>, Error> {
        self.charge(operation, now, |limit| {
            (limit.per == Per::Address).then(|| source::address(request, &self.trusted).to_string())
        })
    }

    /// Counts the request under the limits by credential and user. 429 when one is used up.
    pub fn charge_payer(
        &self,
        operation: &Operation,
        payer: &Payer,
        now: Instant,
    ) -> Result<Charged<'_>, Error> {
        self.charge(operation, now, |limit| {
            let name = match limit.per {
                Per::Credential => &payer.credential,
                Per::User => &payer.user,
                Per::Address => return None,
            };
            (!name.is_empty()).then(|| name.clone())
        })
    }

    /// All limits count the request or none does: what one refuses must not use up another.
    fn charge(
        &self,
        operation: &Operation,
        now: Instant,
        payer: impl Fn(&Limit) -> Option<String>,
    ) -> Result<Charged<'_>, Error> {
        let mut charged = Charged {
            limiter: self,
            under_way: Vec::new(),
            told: Vec::new(),
        };
        let slots: Vec<(&Limit, Slot)> = self
            .limits
            .iter()
            .enumerate()
            .filter(|(_, limit)| limit.is_about(operation))
            .filter_map(|(at, limit)| Some((limit, (at, payer(limit)?))))
            .collect();
        if slots.is_empty() {
            return Ok(charged);
        }
        let mut buckets = self.buckets();
        let mut violated = Vec::new();
        for (limit, slot) in &slots {
            if !buckets.contains_key(slot) {
                self.make_room(&mut buckets, now);
                buckets.insert(slot.clone(), Bucket::new(limit, now));
            }
            let Some(bucket) = buckets.get_mut(slot) else {
                continue;
            };
            let room = bucket.room(limit, now);
            if room.remaining == 0 {
                violated.push((*limit, room));
            }
        }
        if !violated.is_empty() {
            return Err(refusal(&violated));
        }
        for (limit, slot) in slots {
            let Some(bucket) = buckets.get_mut(&slot) else {
                continue;
            };
            bucket.take(limit);
            charged.told.push((limit, bucket.room(limit, now)));
            if limit.kind == Kind::Concurrency {
                charged.under_way.push(slot);
            }
        }
        Ok(charged)
    }

    fn make_room(&self, buckets: &mut HashMap<Slot, Bucket>, now: Instant) {
        if buckets.len() < KEPT {
            return;
        }
        buckets.retain(|(at, _), bucket| !bucket.is_idle(&self.limits[*at], now));
        if buckets.len() < KEPT {
            return;
        }
        let stalest = buckets
            .iter()
            .min_by_key(|(_, bucket)| bucket.latest())
            .map(|(slot, _)| slot.clone());
        if let Some(slot) = stalest {
            buckets.remove(&slot);
        }
    }

    /// Counts are numbers; a panic under the lock leaves none of them half written.
    fn buckets(&self) -> MutexGuard<'_, HashMap<Slot, Bucket>> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(super) fn size(&self) -> usize {
        self.buckets().len()
    }
}

/// A request that was counted. It is under way until this is dropped.
pub struct Charged<'a> {
    limiter: &'a Limiter,
    under_way: Vec<Slot>,
    told: Vec<(&'a Limit, Room)>,
}

impl<'a> Charged<'a> {
    /// Both end together.
    pub fn join(&mut self, mut other: Charged<'a>) {
        self.under_way.append(&mut other.under_way);
        self.told.append(&mut other.told);
    }

    /// Writes what is left into an answer.
    pub fn tell(&self, answer: &mut Result<Response, Error>) {
        for (name, value) in fields(&self.told) {
            match answer {
                Ok(response) => response.add(name, value),
                Err(error) => error.fields.push((name, value)),
            }
        }
    }
}

impl Drop for Charged<'_> {
    fn drop(&mut self) {
        if self.under_way.is_empty() {
            return;
        }
        let mut buckets = self.limiter.buckets();
        for slot in &self.under_way {
            if let Some(bucket) = buckets.get_mut(slot) {
                bucket.give_back();
            }
        }
    }
}

/// `RateLimit-Policy` and `RateLimit`, one line each (draft §3, §4).
fn fields(told: &[(&Limit, Room)]) -> Vec<(&'static str, String)> {
    if told.is_empty() {
        return Vec::new();
    }
    let policies: Vec<String> = told.iter().map(|(limit, _)| policy(limit)).collect();
    let rooms: Vec<String> = told.iter().map(|(limit, room)| left(limit, room)).collect();
    vec![
        ("RateLimit-Policy", policies.join(", ")),
        ("RateLimit", rooms.join(", ")),
    ]
}

fn policy(limit: &Limit) -> String {
    let (name, requests) = (limit.name, limit.requests);
    match limit.kind {
        Kind::Concurrency => format!("\"{name}\";q={requests};qu=\"concurrent-requests\""),
        _ => format!("\"{name}\";q={requests};w={}", whole(limit.window).max(1)),
    }
}

fn left(limit: &Limit, room: &Room) -> String {
    let (name, remaining) = (limit.name, room.remaining);
    match room.until_more {
        Duration::ZERO => format!("\"{name}\";r={remaining}"),
        wait => format!("\"{name}\";r={remaining};t={}", whole(wait)),
    }
}

/// 429, with the seconds after which the same request is served if no other comes before it.
fn refusal(violated: &[(&Limit, Room)]) -> Error {
    let wait = violated
        .iter()
        .map(|(_, room)| room.until_more)
        .max()
        .unwrap_or_default();
    let names: Vec<&str> = violated.iter().map(|(limit, _)| limit.name).collect();
    let mut error = Error::new(429, "RATE_LIMITED", "Too many requests; try again later.")
        .field("Retry-After", whole(wait).max(1).to_string())
        .member("type", QUOTA_EXCEEDED)
        .member("violated-policies", json!(names));
    for (name, value) in fields(violated) {
        error = error.field(name, value);
    }
    error
}

/// Seconds, rounded up: never too early.
fn whole(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}
