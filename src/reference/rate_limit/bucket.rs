//! The count of one caller under one limit.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::limit::{Kind, Limit};

/// What is left at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Requests that would be served now.
    pub remaining: u32,
    /// Until one more would be served than is left; nothing where all of the limit is left.
    pub until_more: Duration,
}

/// Counts requests. Time never runs backwards here: an earlier moment counts as the latest one seen.
#[derive(Clone, Debug)]
pub struct Bucket {
    count: Count,
    latest: Instant,
}

#[derive(Clone, Debug)]
enum Count {
    Fixed {
        begun: Instant,
        used: u32,
    },
    Log(VecDeque<Instant>),
    Windows {
        begun: Instant,
        used: u32,
        before: u32,
    },
    Tokens {
        left: f64,
        at: Instant,
    },
    /// The moment at which all of the limit is there again.
    Arrival(Instant),
    AtOnce(u32),
}

impl Bucket {
    /// For a caller whose first request comes now.
    pub fn new(limit: &Limit, now: Instant) -> Self {
        let count = match limit.kind {
            Kind::Fixed => Count::Fixed {
                begun: now,
                used: 0,
            },
            Kind::SlidingLog => Count::Log(VecDeque::new()),
            Kind::SlidingCounter => Count::Windows {
                begun: now,
                used: 0,
                before: 0,
            },
            Kind::TokenBucket => Count::Tokens {
                left: f64::from(limit.requests),
                at: now,
            },
            Kind::Gcra => Count::Arrival(now),
            Kind::Concurrency => Count::AtOnce(0),
        };
        Self { count, latest: now }
    }

    /// Brings the count up to this moment and says what is left.
    pub fn room(&mut self, limit: &Limit, now: Instant) -> Room {
        let now = self.latest.max(now);
        self.latest = now;
        let most = limit.requests;
        match &mut self.count {
            Count::Fixed { begun, used } => {
                // The next window begins with the first request after this one, not with the end of this one.
                if now - *begun >= limit.window {
                    (*begun, *used) = (now, 0);
                }
                Room {
                    remaining: most.saturating_sub(*used),
                    until_more: match used {
                        0 => Duration::ZERO,
                        _ => limit.window - (now - *begun),
                    },
                }
            }
            Count::Log(times) => {
                while times
                    .front()
                    .is_some_and(|time| now - *time >= limit.window)
                {
                    times.pop_front();
                }
                let used = u32::try_from(times.len()).unwrap_or(u32::MAX);
                Room {
                    remaining: most.saturating_sub(used),
                    until_more: times
                        .front()
                        .map_or(Duration::ZERO, |time| limit.window - (now - *time)),
                }
            }
            Count::Windows {
                begun,
                used,
                before,
            } => {
                let passed = (now - *begun).as_nanos() / limit.window.as_nanos().max(1);
                match u32::try_from(passed) {
                    Ok(0) => {}
                    Ok(1) => {
                        *begun += limit.window;
                        (*before, *used) = (*used, 0);
                    }
                    _ => {
                        *begun = now;
                        (*before, *used) = (0, 0);
                    }
                }
                let (begun, used, before) = (*begun, *used, *before);
                let remaining = windows_left(limit, begun, used, before, now);
                Room {
                    remaining,
                    until_more: windows_wait(limit, begun, used, before, remaining, now),
                }
            }
            Count::Tokens { left, at } => {
                let gained = (now - *at).as_secs_f64() * f64::from(most) / seconds(limit.window);
                (*left, *at) = ((*left + gained).min(f64::from(most)), now);
                let short =
                    (left.floor() + 1.0 - *left) * seconds(limit.window) / f64::from(most.max(1));
                Room {
                    remaining: left.floor() as u32,
                    until_more: match *left >= f64::from(most) {
                        true => Duration::ZERO,
                        false => Duration::from_secs_f64(short),
                    },
                }
            }
            Count::Arrival(arrival) => {
                let interval = limit.interval();
                let ahead = arrival.saturating_duration_since(now);
                // A request is served while it does not push the arrival more than a window ahead.
                let free = limit.window.saturating_sub(ahead);
                let fits = free.as_nanos() / interval.as_nanos().max(1);
                let remaining = u32::try_from(fits).unwrap_or(u32::MAX).min(most);
                let needed = interval.saturating_mul(remaining.saturating_add(1));
                Room {
                    remaining,
                    until_more: match remaining >= most {
                        true => Duration::ZERO,
                        false => needed.saturating_sub(free),
                    },
                }
            }
            Count::AtOnce(under_way) => Room {
                remaining: most.saturating_sub(*under_way),
                until_more: Duration::ZERO,
            },
        }
    }

    /// Until so many would be served together, if nobody comes before; at the most a window and a bit.
    pub fn until(&self, limit: &Limit, now: Instant, many: u32) -> Duration {
        let (mut later, mut at) = (self.clone(), now);
        // Each step brings one more; the second half is for what rounding has left short.
        for _ in 0..many.min(limit.requests).saturating_mul(2) {
            let room = later.room(limit, at);
            if room.remaining >= many {
                break;
            }
            at += room.until_more;
        }
        at.saturating_duration_since(now)
    }

    /// For a caller who has used all of it up just now.
    pub fn used_up(limit: &Limit, now: Instant) -> Self {
        let mut bucket = Self::new(limit, now);
        for _ in 0..limit.requests {
            bucket.take(limit);
        }
        bucket
    }

    /// Counts one request, for which there is [`room`](Self::room).
    pub fn take(&mut self, limit: &Limit) {
        let now = self.latest;
        match &mut self.count {
            Count::Fixed { used, .. } | Count::Windows { used, .. } | Count::AtOnce(used) => {
                *used = used.saturating_add(1);
            }
            Count::Log(times) => times.push_back(now),
            Count::Tokens { left, .. } => *left = (*left - 1.0).max(0.0),
            Count::Arrival(arrival) => *arrival = (*arrival).max(now) + limit.interval(),
        }
    }

    /// A request that was counted is over; only [`Kind::Concurrency`] cares.
    pub fn give_back(&mut self) {
        if let Count::AtOnce(under_way) = &mut self.count {
            *under_way = under_way.saturating_sub(1);
        }
    }

    /// One request less, where they are counted as numbers.
    pub fn take_back(&mut self) {
        match &mut self.count {
            Count::Fixed { used, .. } | Count::Windows { used, .. } => {
                *used = used.saturating_sub(1);
            }
            Count::Log(times) => drop(times.pop_back()),
            Count::Tokens { left, .. } => *left += 1.0,
            Count::Arrival(_) | Count::AtOnce(_) => {}
        }
    }

    /// Whether it counts nothing, so that a new one would say the same.
    pub fn is_idle(&mut self, limit: &Limit, now: Instant) -> bool {
        let room = self.room(limit, now);
        // Of a sliding counter the window before counts for as long as it is the one before.
        let is_whole = match &self.count {
            Count::Windows { used, before, .. } => *used == 0 && *before == 0,
            _ => true,
        };
        is_whole && room.remaining >= limit.requests
    }

    /// The latest moment that it has seen.
    pub fn latest(&self) -> Instant {
        self.latest
    }
}

fn seconds(window: Duration) -> f64 {
    window.as_secs_f64().max(f64::MIN_POSITIVE)
}

/// Requests left of a sliding counter: the window before counts by its share of the window that ends now.
fn windows_left(limit: &Limit, begun: Instant, used: u32, before: u32, now: Instant) -> u32 {
    let share = 1.0 - (now - begun).as_secs_f64() / seconds(limit.window);
    let estimate = f64::from(before) * share.clamp(0.0, 1.0) + f64::from(used);
    (f64::from(limit.requests) - estimate).floor().max(0.0) as u32
}

/// How long until a sliding counter has room for one more than `remaining`.
fn windows_wait(
    limit: &Limit,
    begun: Instant,
    used: u32,
    before: u32,
    remaining: u32,
    now: Instant,
) -> Duration {
    if remaining >= limit.requests {
        return Duration::ZERO;
    }
    // What may be counted at most so that one more than now fits.
    let wanted = f64::from(limit.requests - remaining - 1);
    let into = (now - begun).as_secs_f64();
    let window = seconds(limit.window);
    let at = if f64::from(used) <= wanted && before > 0 {
        window * (1.0 - (wanted - f64::from(used)) / f64::from(before))
    } else {
        // Not in this window; in the next one, this one is the one before.
        window * (2.0 - wanted / f64::from(used.max(1)))
    };
    Duration::from_secs_f64((at - into).max(0.0))
}
