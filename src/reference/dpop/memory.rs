//! That a proof works once (RFC 9449 §11.1): its jti is remembered, with its key, for as long as it would be good.

use std::collections::{HashMap, HashSet};
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Occasion, Proof, SKEW, WINDOW};
use crate::reference::flaw::{Flaw, FlawSet, flaw};
use crate::reference::gap::gap;
use crate::reference::http::Node;
use crate::reference::secret::Hashed;

pub const FLAWS: &[Flaw] = &[
    flaw(
        "dpop-replay-unremembered",
        "Takes the same proof as often as it comes.",
        "RFC 9449 §11.1",
    ),
    flaw(
        "dpop-replay-remembered-by-text",
        "Remembers whole proofs in place of their jti.",
        "RFC 9449 §11.1",
    ),
    flaw(
        "dpop-replay-shared-by-all-keys",
        "Refuses a jti because a proof by another key had it.",
        "RFC 9449 §11.1",
    ),
    flaw(
        "dpop-replay-forgotten-early",
        "Forgets a jti after two seconds, long before the proof is too old.",
        "RFC 9449 §11.1",
    ),
    flaw(
        "dpop-replay-check-then-insert",
        "Looks a jti up, and notes it a millisecond later.",
        "RFC 9449 §11.1",
    ),
    flaw(
        "dpop-replay-remembered-by-node",
        "Remembers a jti on the machine that it came to, and not on the others.",
        "RFC 9449 §11.1",
    ),
    flaw(
        "dpop-replay-forgotten-with-nonce",
        "Forgets every jti when it hands out a nonce.",
        "RFC 9449 §11.1",
    ),
];

/// Entries of one generation. When there are so many, no more proofs are taken: to forget one would let it be replayed.
const KEPT: usize = 1 << 18;
/// Seconds that the flawed deployment remembers.
const SHORT: f64 = 2.0;

/// Two generations of hashes. The older one is dropped as a whole when it cannot hold anything good any more, so
/// nothing is ever searched for what has run out.
#[derive(Default)]
pub struct Memory(Mutex<Generations>);

#[derive(Default)]
struct Generations {
    new: HashMap<Hashed, Came>,
    old: HashMap<Hashed, Came>,
    since: f64,
    /// Texts of proofs, and each jti alone; a correct deployment never looks.
    texts: HashSet<Hashed>,
    jtis: HashSet<Hashed>,
}

#[derive(Clone, Copy)]
struct Came {
    at: f64,
    /// The proof that it came with, and where it went; a correct deployment never looks.
    text: Hashed,
    place: Hashed,
    node: Node,
}

impl Generations {
    fn turn(&mut self, now: f64) {
        if (now - self.since).abs() > WINDOW + SKEW {
            self.old = mem::take(&mut self.new);
            // After a pause of two windows the older one is stale, too.
            if (now - self.since).abs() > 2.0 * (WINDOW + SKEW) {
                self.old.clear();
            }
            self.since = now;
            self.texts.clear();
            self.jtis.clear();
        }
    }

    fn came(&self, entry: &Hashed) -> Option<Came> {
        self.new.get(entry).or(self.old.get(entry)).copied()
    }
}

impl Memory {
    fn lock(&self) -> MutexGuard<'_, Generations> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes the jti; `false` when it was there. Nobody comes between the look-up and the note.
    pub fn is_first(
        &self,
        proof: &Proof,
        jti: &str,
        text: &str,
        occasion: &Occasion<'_>,
        flaws: &FlawSet,
    ) -> bool {
        let now = occasion.now;
        let (alone, text) = (Hashed::of(jti), Hashed::of(text));
        let entry = Hashed::of(&format!("{} {jti}", proof.thumbprint));
        let request = occasion.request;
        let place = Hashed::of(&format!("{} {}", request.method, request.path()));
        let mut entries = self.lock();
        entries.turn(now);
        if let Some(came) = entries.came(&entry) {
            let is_new = (now - came.at > SHORT && flaws.has("dpop-replay-forgotten-early"))
                || (came.text != text && flaws.has("dpop-replay-remembered-by-text"))
                || (came.text == text
                    && came.place != place
                    && flaws.has("dpop-verified-proof-trusted-elsewhere"))
                || (came.node != request.node && flaws.has("dpop-replay-remembered-by-node"))
                || flaws.has("dpop-replay-unremembered");
            if !is_new {
                return false;
            }
        } else if entries.jtis.contains(&alone) && flaws.has("dpop-replay-shared-by-all-keys") {
            return false;
        }
        if flaws.has("dpop-replay-check-then-insert") {
            drop(entries);
            gap();
            entries = self.lock();
        }
        if entries.new.len() >= KEPT {
            return false;
        }
        let came = Came {
            at: now,
            text,
            place,
            node: request.node,
        };
        entries.new.insert(entry, came);
        entries.texts.insert(text);
        entries.jtis.insert(alone);
        true
    }

    /// Whether this very proof was taken before.
    pub fn has_seen(&self, text: &str) -> bool {
        self.lock().texts.contains(&Hashed::of(text))
    }

    pub fn nonce_issued(&self, flaws: &FlawSet) {
        if flaws.has("dpop-replay-forgotten-with-nonce") {
            *self.lock() = Generations::default();
        }
    }
}
