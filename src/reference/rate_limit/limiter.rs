//! The buckets of all callers, and what callers are told.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde_json::json;

use super::bucket::{Bucket, Room};
use super::failures::{self, Failures};
use super::limit::{Kind, Limit, Per};
use super::source;
use super::told::{fields, legacy, whole};
use crate::reference::edge::errors::Error;
use crate::reference::flaw::FlawSet;
use crate::reference::gap::gap;
use crate::reference::http::{Request, Response, Version};
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
pub(super) type Slot = (usize, String);

#[derive(Default)]
pub struct Limiter {
    limits: Vec<Limit>,
    trusted: Vec<IpAddr>,
    exempt: Vec<IpAddr>,
    edge: Option<IpAddr>,
    told: Told,
    tells_legacy: bool,
    buckets: Mutex<HashMap<Slot, Bucket>>,
    failures: Failures,
    began: Began,
}

/// What the body of a 429 has beside what every error of the contract has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Told {
    #[default]
    Nothing,
    /// The seconds to wait, in this member.
    Wait(&'static str),
    /// The members of the problem type (draft §5.1).
    Problem,
}

/// When counting began.
struct Began(Instant);

impl Default for Began {
    fn default() -> Self {
        Self(Instant::now())
    }
}

/// What a request is counted by: who sends it, and what a flawed limiter looks at beside.
pub struct Counted<'a> {
    pub operation: &'a Operation,
    pub request: &'a Request,
    pub now: Instant,
    /// How many operations it carries out. Limits by address count requests.
    pub carries_out: u32,
    pub flaws: &'a FlawSet,
}

impl Limiter {
    /// `trusted`: proxies whose word on the address of a client counts. `exempt`: peers that nothing is counted for.
    pub fn new(limits: Vec<Limit>, trusted: Vec<IpAddr>, exempt: Vec<IpAddr>) -> Self {
        Self {
            limits,
            trusted,
            exempt,
            ..Self::default()
        }
    }

    /// The same, whose refusals say this beside what every error says.
    pub fn telling(self, told: Told) -> Self {
        Self { told, ..self }
    }

    /// The same, which sends the fields from before the draft, too.
    pub fn telling_legacy(self) -> Self {
        Self {
            tells_legacy: true,
            ..self
        }
    }

    /// What is left, in the fields of an answer.
    fn lines(
        &self,
        told: &[(Limit, Room)],
        is_refused: bool,
        flaws: &FlawSet,
    ) -> Vec<(&'static str, String)> {
        let mut lines = fields(told, is_refused, flaws);
        if self.tells_legacy {
            lines.extend(legacy(told, flaws));
        }
        lines
    }

    /// The same behind an edge at this address, which says in `X-Forwarded-For` whom it serves.
    pub fn behind(self, edge: IpAddr) -> Self {
        Self {
            edge: Some(edge),
            ..self
        }
    }

    /// The address that the request is counted for.
    fn address(&self, request: &Request) -> IpAddr {
        source::address(request, &self.trusted, self.edge)
    }

    /// Whether nothing is counted for whoever sends this.
    fn is_exempt(&self, request: &Request) -> bool {
        self.limits.is_empty() || self.exempt.contains(&self.address(request))
    }

    /// Counts the request under the limits by address, before anybody asks who sends it. 429 when one is used up.
    pub fn charge_address(&self, counted: &Counted<'_>) -> Result<Charged<'_>, Error> {
        let Counted { request, flaws, .. } = *counted;
        self.charge(counted, 1, |limit| {
            let forged = request.fields.get("x-forwarded-for");
            let forged = forged.filter(|_| flaws.has_if_declared("limiter-keyed-by-forwarded-for"));
            let address = || self.address(request).to_string();
            let first = |line: &str| line.split(',').next().unwrap_or_default().trim().to_owned();
            (limit.per == Per::Address).then(|| forged.map_or_else(address, first))
        })
    }

    /// Counts the request under the limits by credential and user. 429 when one is used up.
    pub fn charge_payer(&self, counted: &Counted<'_>, payer: &Payer) -> Result<Charged<'_>, Error> {
        let many = match counted.flaws.has_if_declared("limit-counts-a-batch-once") {
            true => 1,
            false => counted.carries_out,
        };
        self.charge(counted, many, |limit| {
            let name = match limit.per {
                Per::User if counted.flaws.has_if_declared("limiter-keyed-by-token") => {
                    &payer.credential
                }
                Per::Credential => &payer.credential,
                Per::User => &payer.user,
                Per::Address => return None,
            };
            (!name.is_empty()).then(|| name.clone())
        })
    }

    /// All limits count the request, as so many, or none does: what one refuses must not use up another.
    fn charge(
        &self,
        counted: &Counted<'_>,
        many: u32,
        payer: impl Fn(&Limit) -> Option<String>,
    ) -> Result<Charged<'_>, Error> {
        let Counted {
            operation,
            request,
            flaws,
            ..
        } = *counted;
        let mut charged = Charged {
            limiter: self,
            under_way: Vec::new(),
            told: Vec::new(),
            slots: Vec::new(),
            flaws: flaws.clone(),
        };
        if self.is_exempt(request)
            || (request.method == "HEAD" && flaws.has_if_declared("limit-forgets-head"))
        {
            return Ok(charged);
        }
        let now = match flaws.has_if_declared("counter-never-resets") {
            true => self.began.0,
            false => counted.now,
        };
        let everything = |limit: &Limit| {
            !limit.is_about(operation) && flaws.has_if_declared("limit-shared-by-all-operations")
        };
        let slots: Vec<(Limit, Slot)> = self
            .limits
            .iter()
            .enumerate()
            .filter(|(_, limit)| limit.is_about(operation) || everything(limit))
            .filter_map(|(at, limit)| {
                let name = self.bucket_name(counted, payer(limit)?);
                Some((bent(limit, flaws), (at, name)))
            })
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
            let mut room = bucket.room(limit, now);
            if room.remaining < many {
                if limit.kind != Kind::Concurrency
                    && flaws.has_if_declared("refused-requests-extend-the-window")
                {
                    *bucket = Bucket::used_up(limit, now);
                    // What the caller is told is true until he comes again.
                    room = bucket.room(limit, now);
                }
                room.until_more = bucket.until(limit, now, many);
                violated.push((limit, slot, room));
            }
        }
        if !violated.is_empty() && !flaws.has_if_declared("limit-not-enforced") {
            return Err(self.refusal(&violated, flaws));
        }
        if flaws.has_if_declared("limit-counted-late") {
            drop(buckets);
            gap();
            buckets = self.buckets();
        }
        for (limit, slot) in slots {
            let Some(bucket) = buckets.get_mut(&slot) else {
                continue;
            };
            (0..many).for_each(|_| bucket.take(&limit));
            let room = bucket.room(&limit, now);
            if limit.kind == Kind::Concurrency {
                charged.under_way.push(slot);
            } else {
                charged.slots.push((slot, many));
            }
            charged.told.push((limit, room));
        }
        Ok(charged)
    }

    /// Whose bucket it is; flawed limiters have more of them than callers, or fewer.
    fn bucket_name(&self, counted: &Counted<'_>, payer: String) -> String {
        let Counted {
            operation,
            request,
            flaws,
            ..
        } = *counted;
        let mut name = match flaws.has_if_declared("limiter-keyed-by-address") {
            true => self.address(request).to_string(),
            false => payer,
        };
        if request.target != operation.path
            && flaws.has_if_declared("limiter-keyed-by-url-as-written")
        {
            name.push_str(&request.target);
        }
        if let Some(agent) = request.fields.get("user-agent")
            && flaws.has_if_declared("limiter-keyed-by-user-agent")
        {
            name.push_str(agent);
        }
        if let Some(credential) = request.fields.get("authorization")
            && flaws.has_if_declared("limiter-keyed-by-authorization")
        {
            name.push_str(credential);
        }
        if let Some(account) = failures::account(request)
            && flaws.has_if_declared("limiter-keyed-by-account")
        {
            name.push_str(&account);
        }
        if request.version == Version::H2 && flaws.has_if_declared("limiter-keyed-by-http-version")
        {
            name.push_str(" over HTTP/2");
        }
        if flaws.has_if_declared("limit-counted-by-node") {
            name.push_str(&format!(" at {}", request.node.0));
        }
        name
    }

    /// 429, with the seconds after which the same request is served if no other comes before it.
    fn refusal(&self, violated: &[(&Limit, &Slot, Room)], flaws: &FlawSet) -> Error {
        let wait = violated.iter().map(|(_, _, room)| room.until_more).max();
        let wait = whole(wait.unwrap_or_default()).max(1);
        let names: Vec<&str> = violated.iter().map(|(limit, _, _)| limit.name).collect();
        let status = match flaws.has_if_declared("limit-answered-503") {
            true => 503,
            false => 429,
        };
        let mut message = "Too many requests; try again later.".to_owned();
        if flaws.has_if_declared("limit-refusal-names-the-bucket") {
            let buckets: Vec<&str> = violated
                .iter()
                .map(|(_, slot, _)| slot.1.as_str())
                .collect();
            message = format!("Too many requests in bucket {}.", buckets.join(", "));
        }
        let mut error = Error::new(status, "RATE_LIMITED", message);
        if !flaws.has_if_declared("retry-after-missing") {
            let told = match wait {
                _ if flaws.has_if_declared("retry-after-always-zero") => 0,
                _ if flaws.has_if_declared("retry-after-an-hour") => 3600,
                wait if flaws.has_if_declared("retry-after-in-milliseconds") => wait * 1000,
                wait => wait,
            };
            error = error.field("Retry-After", told.to_string());
        }
        if flaws.has_if_declared("limit-refusal-cacheable") {
            error = error.field("Cache-Control", "public, max-age=60");
        }
        error = match self.told {
            Told::Nothing => error,
            Told::Wait(member) => {
                let told = match flaws.has_if_declared("retry-in-body-in-milliseconds") {
                    true => wait * 1000,
                    false => wait,
                };
                error.member(member, told)
            }
            Told::Problem if flaws.has_if_declared("limit-refusal-without-type") => error,
            Told::Problem => error
                .member("type", QUOTA_EXCEEDED)
                .member("violated-policies", json!(names)),
        };
        let told: Vec<(Limit, Room)> = violated
            .iter()
            .map(|(limit, _, room)| ((*limit).clone(), *room))
            .collect();
        for (name, value) in self.lines(&told, true, flaws) {
            error = error.field(name, value);
        }
        error
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

/// The limit that a deployment enforces.
fn bent(limit: &Limit, flaws: &FlawSet) -> Limit {
    let mut limit = limit.clone();
    if flaws.has_if_declared("limit-off-by-one") {
        limit.requests += 1;
    }
    if flaws.has_if_declared("limit-too-strict") {
        limit.requests = limit.requests * 4 / 5;
    }
    limit.kind = match limit.kind {
        Kind::Fixed if flaws.has_if_declared("limit-sliding-in-place-of-fixed") => Kind::SlidingLog,
        Kind::SlidingLog | Kind::SlidingCounter
            if flaws.has_if_declared("limit-fixed-in-place-of-sliding") =>
        {
            Kind::Fixed
        }
        Kind::TokenBucket | Kind::Gcra
            if flaws.has_if_declared("limit-fixed-in-place-of-tokens") =>
        {
            Kind::Fixed
        }
        kind => kind,
    };
    limit
}

/// A request that was counted. It is under way until this is dropped.
pub struct Charged<'a> {
    limiter: &'a Limiter,
    under_way: Vec<Slot>,
    told: Vec<(Limit, Room)>,
    /// Where it was counted, and as how many.
    slots: Vec<(Slot, u32)>,
    flaws: FlawSet,
}

impl<'a> Charged<'a> {
    /// Both end together.
    pub fn join(&mut self, mut other: Charged<'a>) {
        self.under_way.append(&mut other.under_way);
        self.slots.append(&mut other.slots);
        self.told.append(&mut other.told);
    }

    /// It stays under way when this is dropped.
    pub fn never_ends(&mut self) {
        self.under_way.clear();
    }

    /// Takes the request off the count.
    pub fn take_back(&mut self) {
        let mut buckets = self.limiter.buckets();
        for (slot, many) in self.slots.drain(..) {
            if let Some(bucket) = buckets.get_mut(&slot) {
                (0..many).for_each(|_| bucket.take_back());
            }
        }
    }

    /// Writes what is left into an answer.
    pub fn tell(&self, answer: &mut Result<Response, Error>) {
        let lines = self.limiter.lines(&self.told, false, &self.flaws);
        if let Ok(response) = answer
            && self.flaws.has_if_declared("rate-limit-fields-in-trailers")
        {
            response.trailers.clone_from(&lines);
        }
        for (name, value) in lines {
            match answer {
                Ok(response) => response.add(name, value),
                Err(error) => error.fields.push((name, value)),
            }
        }
    }

    /// Notes how the request ended, for a flawed limiter that forgives.
    pub fn ended(&self, is_failure: bool) {
        if self.flaws.has_if_declared("failures-forgiven-by-success") {
            let mut buckets = self.limiter.buckets();
            for (slot, _) in &self.slots {
                let forgiven = self.limiter.failures.ended(slot, is_failure);
                for bucket in buckets.get_mut(slot).into_iter() {
                    (0..forgiven).for_each(|_| bucket.take_back());
                }
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
