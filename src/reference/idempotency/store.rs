//! What was done under which key.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{Context, SHA256};

use super::key;
use crate::reference::edge::errors::Error;
use crate::reference::flaw::{Flaw, FlawSet, flaw};
use crate::reference::gap::{gap, pause};
use crate::reference::http::{Body, Request, Response};

const DRAFT_2_6: &str = "draft-ietf-httpapi-idempotency-key-header §2.6";
const DRAFT_2_7: &str = "draft-ietf-httpapi-idempotency-key-header §2.7";

pub const FLAWS: &[Flaw] = &[
    flaw(
        "idempotency-key-ignored",
        "Carries out every request, whatever its key.",
        DRAFT_2_6,
    ),
    flaw(
        "idempotency-key-optional",
        "Carries out without a key what needs one.",
        DRAFT_2_7,
    ),
    flaw(
        "idempotency-check-then-insert",
        "Looks a key up, carries the request out and notes the key afterwards.",
        DRAFT_2_6,
    ),
    flaw(
        "idempotency-twin-blocks-key",
        "Leaves a key under way for ever after a second request came while the first was carried out.",
        DRAFT_2_7,
    ),
    flaw(
        "idempotency-twin-told-late",
        "Lets a second request wait for the first, and refuses it then.",
        DRAFT_2_7,
    ),
    flaw(
        "idempotency-key-with-body",
        "Takes the body for a part of the key.",
        "draft-ietf-httpapi-idempotency-key-header §2.2",
    ),
    flaw(
        "idempotency-body-ignored",
        "Repeats the answer for another body.",
        DRAFT_2_7,
    ),
    flaw(
        "idempotency-query-ignored",
        "Repeats the answer for another query.",
        "draft-ietf-httpapi-idempotency-key-header §2.4",
    ),
    flaw(
        "idempotency-version-ignored",
        "Repeats the answer for another version of the API.",
        "draft-ietf-httpapi-idempotency-key-header §2.4",
    ),
    flaw(
        "idempotency-compares-documents",
        "Compares what bodies say, and not their octets.",
        "contract",
    ),
    flaw(
        "idempotency-request-ignored",
        "Repeats the answer for another operation.",
        DRAFT_2_7,
    ),
    flaw(
        "idempotency-body-compared-afterwards",
        "Refuses another body under a key after it was carried out.",
        DRAFT_2_7,
    ),
    flaw(
        "idempotency-mismatch-overwrites",
        "Notes the refused body in place of the one that was carried out.",
        DRAFT_2_6,
    ),
    flaw(
        "idempotency-key-as-pattern",
        "Takes an asterisk or percent sign at the end of a key for whatever stands there.",
        "draft-ietf-httpapi-idempotency-key-header §5",
    ),
    flaw(
        "idempotency-shared-by-all",
        "Looks keys up without regard to who sends them.",
        "draft-ietf-httpapi-idempotency-key-header §5",
    ),
    flaw(
        "idempotency-shared-in-project",
        "Looks keys up by project, whoever sends them.",
        "draft-ietf-httpapi-idempotency-key-header §5",
    ),
    flaw(
        "idempotency-store-by-node",
        "Looks keys up at the node that the request came to, and at no other.",
        DRAFT_2_6,
    ),
    flaw(
        "idempotency-forgets-on-500",
        "Forgets a key whose request failed, although it had its effect.",
        DRAFT_2_6,
    ),
    flaw(
        "idempotency-forgets-undelivered",
        "Forgets a key when nobody is there any more to take the answer.",
        DRAFT_2_6,
    ),
    flaw(
        "idempotency-kept-too-short",
        "Forgets keys after a third of their time.",
        "draft-ietf-httpapi-idempotency-key-header §2.3",
    ),
    flaw(
        "idempotency-never-expires",
        "Never forgets a key.",
        "draft-ietf-httpapi-idempotency-key-header §2.3",
    ),
    flaw(
        "idempotency-replay-is-200",
        "Repeats every answer with 200.",
        DRAFT_2_6,
    ),
    flaw(
        "idempotency-replay-without-location",
        "Repeats answers without their Location.",
        DRAFT_2_6,
    ),
    flaw(
        "idempotency-replay-cacheable",
        "Lets shared caches keep repeated answers.",
        "RFC 9111 §3",
    ),
    flaw(
        "idempotency-marker-missing",
        "Does not say which answers are repeated.",
        "contract",
    ),
    flaw(
        "idempotency-marker-always",
        "Says of every answer that it is repeated.",
        "contract",
    ),
];

/// Keys remembered at most; the one that was answered first makes room.
const KEPT: usize = 10_000;
/// Longer than a request takes that dawdles.
const LATE: Duration = Duration::from_millis(600);
/// Says that an answer is one that was given before.
const MARKER: &str = "Idempotent-Replayed";
/// A request for another version of the API is another request.
const VERSION: &str = "x-api-version";

/// Who sent a key, and the key: nobody's key is anybody else's (draft §5).
type Slot = (String, String);
/// Hash of method, target, version and body.
type Fingerprint = [u8; 32];

#[derive(Clone)]
enum Record {
    /// Somebody is at it.
    UnderWay {
        fingerprint: Fingerprint,
        is_stuck: bool,
    },
    Answered {
        fingerprint: Fingerprint,
        answer: Result<Response, Error>,
        at: Instant,
    },
}

impl Record {
    fn fingerprint(&mut self) -> &mut Fingerprint {
        match self {
            Record::UnderWay { fingerprint, .. } | Record::Answered { fingerprint, .. } => {
                fingerprint
            }
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
    /// What else the request belongs to; correct deployments don't look.
    pub project: &'a str,
    pub request: &'a Request,
    /// Without a key it is refused.
    pub needs_key: bool,
    pub now: Instant,
    /// What is kept of an answer, where a repetition is not to show all of it.
    pub keep: fn(&Response) -> Response,
    pub flaws: &'a FlawSet,
}

impl Store {
    pub fn new(ttl: Duration) -> Self {
        Self {
            ttl,
            records: Mutex::default(),
        }
    }

    /// Carries out `act`, or repeats what came of it. 400 for a key that cannot be read or is missing, 409 while the
    /// first request under the key is under way, 422 for another request under it (draft §2.7). What is refused with
    /// 4xx by `act` leaves the key free; what failed with 5xx is repeated, since it may have had its effect.
    pub fn once(
        &self,
        once: &Once<'_>,
        act: impl FnOnce() -> Result<Response, Error>,
    ) -> Result<Response, Error> {
        let flaws = once.flaws;
        let Some(key) = key::read(once.request, flaws)? else {
            if once.needs_key && !flaws.has("idempotency-key-optional") {
                return Err(Error::new(
                    400,
                    "IDEMPOTENCY_KEY_MISSING",
                    "This request needs an Idempotency-Key.",
                ));
            }
            return act();
        };
        if flaws.has("idempotency-key-ignored") {
            return act();
        }
        let fingerprint = fingerprint(once.request, flaws);
        let slot = self.slot(once, key);
        match self.begin(&slot, fingerprint, once) {
            Ok(None) => {}
            Ok(Some(answer)) => return answer.map(|response| repeated(response, flaws)),
            Err(error) => {
                if error.status == 422 && flaws.has("idempotency-body-compared-afterwards") {
                    // Only the effect matters here; the caller is told the refusal.
                    let _ = act();
                }
                return Err(error);
            }
        }
        let under_way = UnderWay {
            store: self,
            slot: &slot,
        };
        let answer = act();
        let status = match &answer {
            Ok(response) => response.status,
            Err(error) => error.status,
        };
        let is_failure = status >= 500;
        let is_forgotten = is_failure && flaws.has("idempotency-forgets-on-500");
        if (answer.is_ok() || is_failure) && !is_forgotten {
            let kept = match &answer {
                Ok(response) => Ok((once.keep)(response)),
                Err(error) => Err(error.clone()),
            };
            let record = Record::Answered {
                fingerprint,
                answer: kept,
                at: once.now,
            };
            self.insert(&slot, record);
        }
        drop(under_way);
        answer.map(|response| match flaws.has("idempotency-marker-always") {
            true => response.field(MARKER, "true"),
            false => response,
        })
    }

    /// Whose key the request carries, for a deployment that does not ask who sends it.
    pub fn owner_of(&self, request: &Request, flaws: &FlawSet) -> Option<String> {
        let key = key::read(request, flaws).ok()??;
        let records = self.records();
        let slot = records.keys().find(|(_, known)| *known == key);
        slot.map(|(owner, _)| owner.clone())
    }

    /// Forgets what was answered under the key of the request.
    pub fn forget(&self, request: &Request, flaws: &FlawSet) {
        if let Ok(Some(key)) = key::read(request, flaws) {
            self.records().retain(|(_, known), _| *known != key);
        }
    }

    /// Forgets every answer with this text in it.
    pub fn forget_answers_with(&self, text: &str) {
        self.records().retain(|_, record| {
            !matches!(record, Record::Answered { answer: Ok(response), .. }
                if String::from_utf8_lossy(&response.body).contains(text))
        });
    }

    fn slot(&self, once: &Once<'_>, key: String) -> Slot {
        let flaws = once.flaws;
        let owner = match () {
            () if flaws.has("idempotency-shared-by-all") => String::new(),
            () if flaws.has("idempotency-shared-in-project") => once.project.to_owned(),
            () => once.owner.to_owned(),
        };
        if let Some(beginning) = key.strip_suffix(['*', '%'])
            && flaws.has("idempotency-key-as-pattern")
        {
            let records = self.records();
            let found = records
                .keys()
                .find(|(known, key)| *known == owner && key.starts_with(beginning));
            if let Some(slot) = found {
                return slot.clone();
            }
        }
        let owner = match flaws.has("idempotency-store-by-node") {
            true => format!("{owner} at {}", once.request.node.0),
            false => owner,
        };
        let key = match flaws.has("idempotency-key-with-body") {
            true => format!("{key} {}", hex::encode(fingerprint(once.request, flaws))),
            false => key,
        };
        (owner, key)
    }

    /// The answer that is to be repeated, or none when the request is now under way.
    fn begin(
        &self,
        slot: &Slot,
        fingerprint: Fingerprint,
        once: &Once<'_>,
    ) -> Result<Option<Result<Response, Error>>, Error> {
        let flaws = once.flaws;
        let mut records = self.records();
        if records
            .get(slot)
            .is_some_and(|record| self.is_old(record, once))
        {
            records.remove(slot);
        }
        let Some(record) = records.get_mut(slot) else {
            if flaws.has("idempotency-check-then-insert") {
                drop(records);
                gap();
                return Ok(None);
            }
            if records.len() >= KEPT {
                records.retain(|_, record| !self.is_old(record, once));
            }
            if records.len() >= KEPT {
                let oldest = records
                    .iter()
                    .filter_map(|(slot, record)| match record {
                        Record::Answered { at, .. } => Some((*at, slot.clone())),
                        Record::UnderWay { .. } => None,
                    })
                    .min_by_key(|(at, _)| *at);
                if let Some((_, slot)) = oldest {
                    records.remove(&slot);
                }
            }
            let record = Record::UnderWay {
                fingerprint,
                is_stuck: false,
            };
            records.insert(slot.clone(), record);
            return Ok(None);
        };
        if *record.fingerprint() != fingerprint {
            if flaws.has("idempotency-mismatch-overwrites") {
                *record.fingerprint() = fingerprint;
            }
            return Err(Error::new(
                422,
                "IDEMPOTENCY_KEY_REUSED",
                "Another request was sent under this Idempotency-Key.",
            ));
        }
        match record {
            Record::UnderWay { is_stuck, .. } => {
                *is_stuck = flaws.has("idempotency-twin-blocks-key");
                if flaws.has("idempotency-twin-told-late") {
                    drop(records);
                    pause(LATE);
                }
                Err(Error::conflict(
                    "The first request under this Idempotency-Key is not answered yet.",
                ))
            }
            Record::Answered { answer, .. } => Ok(Some(answer.clone())),
        }
    }

    fn is_old(&self, record: &Record, once: &Once<'_>) -> bool {
        let Record::Answered { at, .. } = record else {
            return false;
        };
        let age = once.now.saturating_duration_since(*at);
        (age >= self.ttl && !once.flaws.has("idempotency-never-expires"))
            || (age >= self.ttl / 3 && once.flaws.has("idempotency-kept-too-short"))
    }

    /// Puts the answer in the place of the mark, unless that is stuck.
    fn insert(&self, slot: &Slot, record: Record) {
        let mut records = self.records();
        let is_stuck = matches!(
            records.get(slot),
            Some(Record::UnderWay { is_stuck: true, .. })
        );
        if !is_stuck {
            records.insert(slot.clone(), record);
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
        let is_free = matches!(
            records.get(self.slot),
            Some(Record::UnderWay {
                is_stuck: false,
                ..
            })
        );
        if is_free {
            records.remove(self.slot);
        }
    }
}

/// An answer that was given before.
fn repeated(mut response: Response, flaws: &FlawSet) -> Response {
    if flaws.has("idempotency-replay-is-200") {
        response.status = 200;
    }
    if flaws.has("idempotency-replay-without-location") {
        response.remove("Location");
    }
    if flaws.has("idempotency-replay-cacheable") {
        response.set("Cache-Control", "public, max-age=60");
    }
    match flaws.has("idempotency-marker-missing") {
        true => response,
        false => response.field(MARKER, "true"),
    }
}

fn fingerprint(request: &Request, flaws: &FlawSet) -> Fingerprint {
    let mut context = Context::new(&SHA256);
    let target = match request.query().is_some() && flaws.has("idempotency-query-ignored") {
        true => request.path(),
        false => &request.target,
    };
    let mut body: &[u8] = match &request.body {
        Body::Bytes(octets) if !flaws.has("idempotency-body-ignored") => octets,
        _ => b"",
    };
    let document = document(body).filter(|_| flaws.has("idempotency-compares-documents"));
    if let Some(document) = &document {
        body = document;
    }
    let version = match flaws.has("idempotency-version-ignored") {
        true => "",
        false => request.fields.get(VERSION).unwrap_or_default(),
    };
    let parts = [
        request.method.as_bytes(),
        target.as_bytes(),
        version.as_bytes(),
        body,
    ];
    let counted = match flaws.has("idempotency-request-ignored") {
        true => 0,
        false => parts.len(),
    };
    for part in &parts[..counted] {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

/// A JSON object in one way of writing it.
fn document(octets: &[u8]) -> Option<Vec<u8>> {
    let members: BTreeMap<String, serde_json::Value> = serde_json::from_slice(octets).ok()?;
    serde_json::to_vec(&members).ok()
}
