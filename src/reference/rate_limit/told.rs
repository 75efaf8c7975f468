//! What is left, in fields (draft-ietf-httpapi-ratelimit-headers-10 §3, §4).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::bucket::Room;
use super::limit::{Kind, Limit};
use crate::reference::flaw::FlawSet;

/// `RateLimit-Policy` and `RateLimit`, one line each, of an answer that was served or refused.
pub fn fields(
    told: &[(Limit, Room)],
    is_refused: bool,
    flaws: &FlawSet,
) -> Vec<(&'static str, String)> {
    if told.is_empty() {
        return Vec::new();
    }
    let policies: Vec<String> = told.iter().map(|(limit, _)| policy(limit, flaws)).collect();
    let rooms: Vec<String> = told
        .iter()
        .map(|(limit, room)| left(limit, room, is_refused, flaws))
        .collect();
    vec![
        ("RateLimit-Policy", policies.join(", ")),
        ("RateLimit", rooms.join(", ")),
    ]
}

/// The fields that were usual before the draft, of the limit that is nearest to its end.
pub fn legacy(told: &[(Limit, Room)], flaws: &FlawSet) -> Vec<(&'static str, String)> {
    let Some((limit, room)) = told.iter().min_by_key(|(_, room)| room.remaining) else {
        return Vec::new();
    };
    let remaining = match () {
        () if flaws.has_if_declared("legacy-remaining-above-limit") => limit.requests + 1,
        () if flaws.has_if_declared("legacy-remaining-stale") => {
            (room.remaining + 1).min(limit.requests)
        }
        () => room.remaining,
    };
    vec![
        ("X-RateLimit-Limit", limit.requests.to_string()),
        ("X-RateLimit-Remaining", remaining.to_string()),
        ("X-RateLimit-Reset", whole(room.until_more).to_string()),
    ]
}

fn policy(limit: &Limit, flaws: &FlawSet) -> String {
    let quote = match flaws.has_if_declared("rate-limit-policy-without-quotes") {
        true => "",
        false => "\"",
    };
    let requests = match flaws.has_if_declared("rate-limit-policy-untrue") {
        true => limit.requests * 2,
        false => limit.requests,
    };
    let name = format!("{quote}{}{quote}", limit.name);
    match limit.kind {
        Kind::Concurrency => format!("{name};q={requests};qu=\"concurrent-requests\""),
        _ => format!("{name};q={requests};w={}", whole(limit.window).max(1)),
    }
}

fn left(limit: &Limit, room: &Room, is_refused: bool, flaws: &FlawSet) -> String {
    let remaining = match room.remaining {
        _ if flaws.has_if_declared("rate-limit-remaining-constant") => i64::from(limit.requests),
        0 if flaws.has_if_declared("rate-limit-remaining-negative") => -1,
        remaining if !is_refused && flaws.has_if_declared("rate-limit-remaining-overstated") => {
            i64::from(remaining + limit.requests / 2)
        }
        remaining => i64::from(remaining),
    };
    let name = limit.name;
    match room.until_more {
        Duration::ZERO => format!("\"{name}\";r={remaining}"),
        wait => {
            let mut reset = whole(wait);
            if flaws.has_if_declared("rate-limit-reset-as-date") {
                let now = SystemTime::now().duration_since(UNIX_EPOCH);
                reset += now.unwrap_or_default().as_secs();
            }
            format!("\"{name}\";r={remaining};t={reset}")
        }
    }
}

/// Seconds, rounded up: never too early.
pub fn whole(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}
