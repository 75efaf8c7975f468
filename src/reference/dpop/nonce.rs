//! Nonces that a server hands out for the next proof (RFC 9449 §8, §9).
//!
//! A nonce says until when it is good and carries a MAC, so that nothing is kept of it.

use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::hmac;
use serde_json::Value;

use super::NONCE_LIFE;
use crate::jose::base64url;
use crate::reference::flaw::{Flaw, FlawSet, flaw};

pub const FLAWS: &[Flaw] = &[
    flaw(
        "dpop-nonce-optional",
        "Takes a proof without the nonce that it asked for.",
        "RFC 9449 §4.3 item 10",
    ),
    flaw(
        "dpop-nonce-unchecked",
        "Looks whether there is a nonce, and not at which.",
        "RFC 9449 §4.3 item 10",
    ),
    flaw(
        "dpop-nonce-of-other-endpoint-accepted",
        "Takes nonces of the token endpoint for the API, and the other way round.",
        "RFC 9449 §8",
    ),
    flaw(
        "dpop-nonce-compared-too-late",
        "Compares with the nonce that the answer will hand out, so that none is ever right.",
        "RFC 9449 §8",
    ),
    flaw(
        "dpop-nonce-is-time",
        "Hands out the time for a nonce.",
        "RFC 9449 §8.1",
    ),
    flaw(
        "dpop-nonce-counts",
        "Hands out nonces that are alike but for a count at their end.",
        "RFC 9449 §8.1",
    ),
    flaw(
        "dpop-nonce-never-expires",
        "Takes nonces of any age.",
        "RFC 9449 §8",
    ),
];

pub struct Nonces {
    key: hmac::Key,
    /// How many were handed out, for a flaw.
    count: AtomicU64,
}

/// Digits of the count that the flaw has.
const DIGITS: usize = 6;

const RANDOM: usize = 12;
const TIME: usize = 8;
const TAG: usize = 32;

impl Nonces {
    pub fn new() -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, &rand::random::<[u8; 32]>()),
            count: AtomicU64::new(0),
        }
    }

    pub fn issue(&self, now: f64, flaws: &FlawSet) -> String {
        if flaws.has("dpop-nonce-is-time") {
            return format!("{now:.0}");
        }
        if flaws.has("dpop-nonce-counts") {
            let count = self.count.fetch_add(1, Ordering::Relaxed);
            return format!("{}{count:0DIGITS$}", self.stem());
        }
        let mut octets = rand::random::<[u8; RANDOM]>().to_vec();
        octets.extend((now + NONCE_LIFE).to_be_bytes());
        let tag = hmac::sign(&self.key, &octets);
        octets.extend(tag.as_ref());
        base64url::encode(octets)
    }

    /// What every nonce of the flaw that counts begins with, other for each server.
    fn stem(&self) -> String {
        let tag = hmac::sign(&self.key, b"count");
        format!("{}-", hex::encode(&tag.as_ref()[..8]))
    }

    fn is_own(&self, nonce: &str, now: f64, flaws: &FlawSet) -> bool {
        if let Some(digits) = nonce.strip_prefix(&self.stem())
            && digits.len() == DIGITS
            && flaws.has("dpop-nonce-counts")
        {
            let issued = self.count.load(Ordering::Relaxed);
            return digits.parse::<u64>().is_ok_and(|count| count < issued);
        }
        let end = self.end(nonce).or_else(|| {
            let issued: f64 = nonce.parse().ok()?;
            flaws
                .has("dpop-nonce-is-time")
                .then_some(issued + NONCE_LIFE)
        });
        end.is_some_and(|end| now <= end || flaws.has("dpop-nonce-never-expires"))
    }

    /// Until when one of ours is good.
    fn end(&self, nonce: &str) -> Option<f64> {
        let octets = base64url::decode(nonce).ok()?;
        if octets.len() != RANDOM + TIME + TAG {
            return None;
        }
        let (said, tag) = octets.split_at(RANDOM + TIME);
        hmac::verify(&self.key, said, tag).ok()?;
        Some(f64::from_be_bytes(said[RANDOM..].try_into().ok()?))
    }
}

pub fn is_good(
    nonce: Option<&Value>,
    own: &Nonces,
    other: &Nonces,
    now: f64,
    flaws: &FlawSet,
) -> bool {
    let Some(nonce) = nonce else {
        return flaws.has("dpop-nonce-optional");
    };
    match nonce.as_str() {
        Some(nonce) if own.is_own(nonce, now, flaws) => !flaws.has("dpop-nonce-compared-too-late"),
        Some(nonce) if other.is_own(nonce, now, flaws) => {
            flaws.has("dpop-nonce-of-other-endpoint-accepted") || flaws.has("dpop-nonce-unchecked")
        }
        _ => flaws.has("dpop-nonce-unchecked"),
    }
}
