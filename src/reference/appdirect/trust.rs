//! The keys of the issuer that the API trusts: fetched when needed, kept for a while, fetched again when a token names
//! a key that is not known yet.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::jose::{Jwks, StrictJws};
use crate::reference::fetch;
use crate::reference::flaw::{Flaw, FlawSet, flaw};
use crate::reference::token::{Claims, Issuer};

pub const FLAWS: &[Flaw] = &[
    flaw(
        "issuer-keys-fetched-once",
        "Keeps the keys that the issuer published first, for ever.",
        "RFC 7517 §4.5",
    ),
    flaw(
        "withdrawn-keys-kept",
        "Adds the keys that the issuer publishes to those that it has, and forgets none.",
        "RFC 7517 §4.5",
    ),
    flaw(
        "unknown-kid-always-fetched",
        "Fetches the issuer's keys for every token whose key it does not know.",
        "RFC 8725 §3.10",
    ),
    flaw(
        "unverified-without-keys",
        "Believes tokens while the issuer's keys are not to be had.",
        "RFC 8725 §3.3",
    ),
];

/// How long keys are good without asking, and how long an unknown one does not lead to asking again.
const FRESH: Duration = Duration::from_millis(900);
/// Seconds that a token may be good for at most.
pub const MAX_LIFE: u64 = 300;

#[derive(Default)]
struct Known {
    keys: Vec<Issuer>,
    /// When the keys were asked for last, and whether they came.
    asked: Option<(Instant, bool)>,
}

pub struct Trust {
    /// Under which the issuer is reached; also its name.
    url: String,
    audience: String,
    subjects: Vec<String>,
    known: Mutex<Known>,
}

impl Trust {
    pub fn new(url: String, audience: String, subjects: Vec<String>) -> Self {
        Self {
            url,
            audience,
            subjects,
            known: Mutex::default(),
        }
    }

    /// The claims of a token of the issuer that is good now.
    pub fn verify(&self, token: &str, flaws: &FlawSet) -> Option<Claims> {
        let kid = StrictJws::parse(token.as_bytes())
            .ok()
            .and_then(|jws| jws.header().kid().map(str::to_owned));
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let is_stale = known.asked.is_none_or(|(when, _)| when.elapsed() > FRESH);
        let is_unknown = |known: &Known| {
            kid.is_some() && !known.keys.iter().any(|key| key.kid() == kid.as_deref())
        };
        let is_first = known.asked.is_none();
        if is_first
            || (is_stale && !flaws.has("issuer-keys-fetched-once"))
            || (!is_stale && is_unknown(&known) && flaws.has("unknown-kid-always-fetched"))
        {
            self.fetch(&mut known, flaws);
        }
        let has_failed = known.asked.is_some_and(|(_, came)| !came);
        if is_unknown(&known)
            && has_failed
            && flaws.has("unverified-without-keys")
            && let Some(key) = known.keys.first()
        {
            return key.believe(token, flaws);
        }
        let named = known.keys.iter().find(|key| key.kid() == kid.as_deref());
        named.or(known.keys.first())?.verify(token, flaws)
    }

    /// Keeps what there is when the issuer does not answer.
    fn fetch(&self, known: &mut Known, flaws: &FlawSet) {
        let answer = fetch::get(&format!("{}/.well-known/jwks.json", self.url));
        let set = answer.and_then(|document| Jwks::parse(&document).ok());
        known.asked = Some((Instant::now(), set.is_some()));
        let Some(set) = set else { return };
        let published: Vec<_> = set.keys.iter().map(|jwk| jwk.kid.clone()).collect();
        let is_gone = |key: &Issuer| !published.iter().any(|kid| kid.as_deref() == key.kid());
        if known.keys.iter().any(is_gone) && !flaws.has("withdrawn-keys-kept") {
            known.keys.retain(|key| !is_gone(key));
        }
        for jwk in set.keys {
            if known.keys.iter().all(|key| key.kid() != jwk.kid.as_deref())
                && let Some(key) = Issuer::trusting(
                    self.url.clone(),
                    self.audience.clone(),
                    jwk,
                    self.subjects.clone(),
                    MAX_LIFE,
                )
            {
                known.keys.push(key);
            }
        }
    }
}
