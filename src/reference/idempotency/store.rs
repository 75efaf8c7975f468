//! What was done under which key.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{Context, SHA256};

use super::key;
use crate::reference::edge::errors::Error;
use crate::reference::http::{Body, Request, Response};

/// Keys remembered at most; the one that was answered first makes room.
const KEPT: usize = 10_000;
/// Says that an answer is one that was given before.
const MARKER: &str = "Idempotent-Replayed";

/// Who sent a key, and the key: nobody's key is anybody else's (draft §5).
type Slot = (String, String);
/// Hash of method, target and body.
type Fingerprint = [u8; 32];

#[derive(Clone)]
enum Record {
    /// Somebody is at it.
    UnderWay(Fingerprint),
    Answered {
        fingerprint: Fingerprint,
        answer: Result<Response, Error>,
        at: Instant,
    },
}

impl Record {
    fn fingerprint(&self) -> &Fingerprint {
        match self {
            Record::UnderWay(fingerprint) | Record::Answered { fingerprint, .. } => fingerprint,
        }
    }
}

/// Remembers answers by key for a time.
pub struct Store {
    ttl: Duration,
    records: Mutex<HashMap<Slot, Record>>,
}

/// One request that is to be carried out once.
pub struct Once<'a> {
    /// Whose key it is: a user or a credential, never both alike.
    pub owner: &'a str,
    pub request: &'a Request,
    pub now: Instant,
    /// What is kept of an answer, where a repetition is not to show all of it.
    pub keep: fn(&Response) -> Response,
}

impl Store {
    pub fn new(ttl: Duration) -> Self {
        Self {
            ttl,
            records: Mutex::default(),
        }
    }

    /// Carries out `act`, or repeats what came of it. 400 for a key that cannot be read, 409 while the first request
    /// under the key is under way, 422 for another request under it (draft §2.7). What is refused with 4xx by `act`
    /// leaves the key free; what failed with 5xx is repeated, since it may have had its effect.
    pub fn once(
        &self,
        once: &Once<'_>,
        act: impl FnOnce() -> Result<Response, Error>,
    ) -> Result<Response, Error> {
        let Some(key) = key::read(once.request)? else {
            return act();
        };
        let slot = (once.owner.to_owned(), key);
        let fingerprint = fingerprint(once.request);
        if let Some(answer) = self.begin(&slot, fingerprint, once.now)? {
            return answer.map(|response| response.field(MARKER, "true"));
        }
        let under_way = UnderWay {
            store: self,
            slot: &slot,
        };
        let answer = act();
        let is_refusal = matches!(&answer, Err(error) if error.status < 500);
        if !is_refusal {
            let kept = match &answer {
                Ok(response) => Ok((once.keep)(response)),
                Err(error) => Err(error.clone()),
            };
            let record = Record::Answered {
                fingerprint,
                answer: kept,
                at: once.now,
            };
            self.records().insert(slot.clone(), record);
        }
        drop(under_way);
        answer
    }

    /// The answer that is to be repeated, or none when the request is now under way.
    fn begin(
        &self,
        slot: &Slot,
        fingerprint: Fingerprint,
        now: Instant,
    ) -> Result<Option<Result<Response, Error>>, Error> {
        let mut records = self.records();
        let is_old = |record: &Record| {
            matches!(record, Record::Answered { at, .. }
                if now.saturating_duration_since(*at) >= self.ttl)
        };
        if records.get(slot).is_some_and(is_old) {
            records.remove(slot);
        }
        let Some(record) = records.get(slot) else {
            if records.len() >= KEPT {
                records.retain(|_, record| !is_old(record));
            }
            if records.len() >= KEPT {
                let oldest = records
                    .iter()
                    .filter_map(|(slot, record)| match record {
                        Record::Answered { at, .. } => Some((*at, slot.clone())),
                        Record::UnderWay(_) => None,
                    })
                    .min_by_key(|(at, _)| *at);
                if let Some((_, slot)) = oldest {
                    records.remove(&slot);
                }
            }
            records.insert(slot.clone(), Record::UnderWay(fingerprint));
            return Ok(None);
        };
        if *record.fingerprint() != fingerprint {
            return Err(Error::new(
                422,
                "IDEMPOTENCY_KEY_REUSED",
                "Another request was sent under this Idempotency-Key.",
            ));
        }
        match record {
            Record::UnderWay(_) => Err(Error::conflict(
                "The first request under this Idempotency-Key is not answered yet.",
            )),
            Record::Answered { answer, .. } => Ok(Some(answer.clone())),
        }
    }

    /// A panic under the lock leaves the map as it was before or after one change.
    fn records(&self) -> MutexGuard<'_, HashMap<Slot, Record>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes its mark away again, whatever happens, unless there is an answer in its place.
struct UnderWay<'a> {
    store: &'a Store,
    slot: &'a Slot,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut records = self.store.records();
        if matches!(records.get(self.slot), Some(Record::UnderWay(_))) {
            records.remove(self.slot);
        }
    }
}

fn fingerprint(request: &Request) -> Fingerprint {
    let mut context = Context::new(&SHA256);
    for part in [
        request.method.as_bytes(),
        request.target.as_bytes(),
        match &request.body {
            Body::Bytes(octets) => octets,
            Body::TooLarge => b"",
        },
    ] {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}
