use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::bucket::Bucket;
use super::limit::{Covers, Kind, Limit, Per};
use super::limiter::{Charged, Counted, Limiter, Payer};
use super::source;
use crate::reference::Contract;
use crate::reference::edge::errors::Error;
use crate::reference::flaw::FlawSet;
use crate::reference::http::{Body, Fields, NOWHERE, Request, Version};
use crate::reference::operation::Operation;

const READ: Operation = Operation::new("read", "GET", "/player/things", &[], 200);
const WRITE: Operation = Operation::new("write", "POST", "/api/things", &[], 201);

fn limit(kind: Kind, requests: u32, window_ms: u64) -> Limit {
    Limit {
        name: "things",
        requests,
        window: Duration::from_millis(window_ms),
        kind,
        per: Per::User,
        covers: Covers::All,
    }
}

fn flawless() -> FlawSet {
    let none: [&str; 0] = [];
    Contract::Intraverse
        .catalogue()
        .select(none)
        .expect("no names")
}

fn charge<'l>(
    limiter: &'l Limiter,
    operation: &Operation,
    payer: &Payer,
    now: Instant,
) -> Result<Charged<'l>, Error> {
    let counted = Counted {
        operation,
        request: &from("192.0.2.7", &[]),
        now,
        carries_out: 1,
        flaws: &flawless(),
    };
    limiter.charge_payer(&counted, payer)
}

/// One bucket under a clock in milliseconds.
struct Bench {
    limit: Limit,
    begun: Instant,
    bucket: Bucket,
}

impl Bench {
    fn new(kind: Kind, requests: u32, window_ms: u64) -> Self {
        let (limit, begun) = (limit(kind, requests, window_ms), Instant::now());
        let bucket = Bucket::new(&limit, begun);
        Self {
            limit,
            begun,
            bucket,
        }
    }

    fn at(&self, ms: u64) -> Instant {
        self.begun + Duration::from_millis(ms)
    }

    /// How many of so many requests at this moment are served.
    fn send(&mut self, ms: u64, requests: u32) -> u32 {
        (0..requests)
            .filter(|_| {
                let has_room = self.bucket.room(&self.limit, self.at(ms)).remaining > 0;
                if has_room {
                    self.bucket.take(&self.limit);
                }
                has_room
            })
            .count() as u32
    }

    fn wait_ms(&mut self, ms: u64) -> u64 {
        let room = self.bucket.room(&self.limit, self.at(ms));
        u64::try_from(room.until_more.as_nanos().div_ceil(1_000_000)).expect("short")
    }
}

#[test]
fn fixed_windows_begin_with_a_request_and_forget_all_at_once() {
    let mut bench = Bench::new(Kind::Fixed, 10, 1000);
    assert_eq!(bench.send(300, 4), 4);
    assert_eq!(bench.send(999, 20), 6);
    assert_eq!(bench.wait_ms(999), 1);
    assert_eq!(bench.send(1000, 20), 10);
    assert_eq!(bench.wait_ms(1400), 600);
    // After silence the window begins with the next request.
    assert_eq!(bench.send(5500, 1), 1);
    assert_eq!(bench.wait_ms(6400), 100);
    assert_eq!(bench.send(6400, 20), 9);
}

#[test]
fn a_sliding_log_forgets_each_request_by_itself() {
    let mut bench = Bench::new(Kind::SlidingLog, 10, 1000);
    assert_eq!(bench.send(0, 9), 9);
    assert_eq!(bench.send(500, 9), 1);
    assert_eq!(bench.wait_ms(600), 400);
    assert_eq!(bench.send(999, 9), 0);
    assert_eq!(bench.send(1000, 20), 9);
    assert_eq!(bench.send(1500, 20), 1);
}

#[test]
fn a_sliding_counter_weighs_the_window_before() {
    let mut bench = Bench::new(Kind::SlidingCounter, 10, 1000);
    assert_eq!(bench.send(0, 20), 10);
    assert_eq!(bench.wait_ms(0), 1100);
    assert_eq!(bench.send(1000, 20), 0);
    assert_eq!(bench.send(1099, 20), 0);
    assert_eq!(bench.send(1100, 20), 1);
    assert_eq!(bench.send(1500, 20), 4);
    assert_eq!(bench.send(2000, 20), 5);
    // Two windows of silence, and nothing counts any more.
    assert_eq!(bench.send(5000, 20), 10);
}

#[test]
fn what_a_sliding_counter_says_to_wait_is_true() {
    let mut bench = Bench::new(Kind::SlidingCounter, 7, 1000);
    for ms in (0..4000).step_by(130) {
        bench.send(ms, 3);
        let mut twin = Bench {
            limit: bench.limit.clone(),
            begun: bench.begun,
            bucket: bench.bucket.clone(),
        };
        let wait = twin.wait_ms(ms);
        let room = twin.bucket.room(&twin.limit, twin.at(ms)).remaining;
        let after = twin.bucket.room(&twin.limit, twin.at(ms + wait + 1));
        assert!(after.remaining > room, "at {ms} wait {wait}: {after:?}");
    }
}

#[test]
fn tokens_come_back_steadily_and_no_more_than_there_were() {
    for kind in [Kind::TokenBucket, Kind::Gcra] {
        let mut bench = Bench::new(kind, 10, 1000);
        assert_eq!(bench.send(0, 20), 10, "{kind:?}");
        assert_eq!(bench.wait_ms(0), 100, "{kind:?}");
        assert_eq!(bench.send(99, 20), 0, "{kind:?}");
        assert_eq!(bench.send(100, 20), 1, "{kind:?}");
        assert_eq!(bench.send(605, 20), 5, "{kind:?}");
        assert_eq!(bench.wait_ms(605), 95, "{kind:?}");
        assert_eq!(bench.send(9000, 20), 10, "{kind:?}");
    }
}

#[test]
fn concurrency_counts_what_is_under_way() {
    let mut bench = Bench::new(Kind::Concurrency, 2, 1000);
    assert_eq!(bench.send(0, 5), 2);
    assert_eq!(bench.send(60_000, 5), 0);
    bench.bucket.give_back();
    assert_eq!(bench.send(60_000, 5), 1);
}

#[test]
fn a_clock_that_runs_backwards_gives_nothing() {
    for kind in [
        Kind::Fixed,
        Kind::SlidingLog,
        Kind::SlidingCounter,
        Kind::TokenBucket,
        Kind::Gcra,
    ] {
        let mut bench = Bench::new(kind, 3, 1000);
        assert_eq!(bench.send(900, 3), 3, "{kind:?}");
        assert_eq!(bench.send(0, 3), 0, "{kind:?}");
    }
}

fn payer(user: &str) -> Payer {
    Payer {
        user: user.to_owned(),
        credential: format!("key of {user}"),
    }
}

fn from(peer: &str, forwarded: &[&str]) -> Request {
    let mut fields = Fields::default();
    for line in forwarded {
        fields.push("X-Forwarded-For", line.as_bytes());
    }
    Request {
        method: "GET".to_owned(),
        target: "/".to_owned(),
        authority: String::new(),
        version: Version::Http11,
        fields,
        body: Body::Bytes(Vec::new()),
        encrypted: true,
        peer: peer.parse().unwrap_or(NOWHERE),
        node: crate::reference::http::Node::default(),
    }
}

#[test]
fn a_refusal_says_when_to_come_again_and_which_policy_was_broken() {
    let limiter = Limiter::new(vec![limit(Kind::Fixed, 2, 1500)], Vec::new(), Vec::new());
    let now = Instant::now();
    for remaining in [1, 0] {
        let charged = charge(&limiter, &READ, &payer("a"), now).expect("room");
        let mut answer = Ok(crate::reference::http::Response::new(200));
        charged.tell(&mut answer);
        let answer = answer.expect("served");
        assert_eq!(answer.get("RateLimit-Policy"), Some("\"things\";q=2;w=2"));
        let told = format!("\"things\";r={remaining};t=2");
        assert_eq!(answer.get("RateLimit"), Some(told.as_str()));
    }
    let later = now + Duration::from_millis(600);
    let refused = charge(&limiter, &READ, &payer("a"), later);
    let error = refused.err().expect("used up");
    assert_eq!(error.status, 429);
    assert!(error.fields.contains(&("Retry-After", "1".to_owned())));
    assert!(
        error
            .fields
            .contains(&("RateLimit", "\"things\";r=0;t=1".to_owned()))
    );
    assert!(charge(&limiter, &READ, &payer("b"), later).is_ok());
    // Who was refused was not counted.
    let again = now + Duration::from_millis(1500);
    assert!(charge(&limiter, &READ, &payer("a"), again).is_ok());
}

#[test]
fn one_surface_leaves_the_other_alone() {
    let below = |name, path| Limit {
        name,
        covers: Covers::Below(path),
        ..limit(Kind::Fixed, 1, 1000)
    };
    let limits = vec![below("player", "/player/"), below("backoffice", "/api/")];
    let limiter = Limiter::new(limits, Vec::new(), Vec::new());
    let now = Instant::now();
    assert!(charge(&limiter, &READ, &payer("a"), now).is_ok());
    assert!(charge(&limiter, &READ, &payer("a"), now).is_err());
    assert!(charge(&limiter, &WRITE, &payer("a"), now).is_ok());
}

#[test]
fn what_one_limit_refuses_uses_up_no_other() {
    let tight = Limit {
        name: "tight",
        per: Per::Credential,
        covers: Covers::Named(vec!["write"]),
        ..limit(Kind::Fixed, 1, 1000)
    };
    let limiter = Limiter::new(
        vec![limit(Kind::Fixed, 3, 1000), tight],
        Vec::new(),
        Vec::new(),
    );
    let now = Instant::now();
    let statuses: Vec<bool> = [&WRITE, &WRITE, &WRITE, &READ, &READ, &READ]
        .iter()
        .map(|operation| charge(&limiter, operation, &payer("a"), now).is_ok())
        .collect();
    assert_eq!(statuses, [true, false, false, true, true, false]);
}

#[test]
fn a_slot_is_free_again_when_the_request_is_over() {
    let limiter = Limiter::new(
        vec![limit(Kind::Concurrency, 1, 1000)],
        Vec::new(),
        Vec::new(),
    );
    let now = Instant::now();
    let first = charge(&limiter, &READ, &payer("a"), now);
    assert!(charge(&limiter, &READ, &payer("a"), now).is_err());
    drop(first);
    assert!(charge(&limiter, &READ, &payer("a"), now).is_ok());
}

#[test]
fn forwarding_headers_count_from_trusted_proxies_alone() {
    let proxy: IpAddr = "10.0.0.1".parse().expect("an address");
    let inner: IpAddr = "10.0.0.2".parse().expect("an address");
    for (peer, lines, address) in [
        ("192.0.2.7", &["198.51.100.1"][..], "192.0.2.7"),
        ("10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", &["127.0.0.1, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", &["127.0.0.1", "198.51.100.1"], "198.51.100.1"),
        (
            "10.0.0.1",
            &["9.9.9.9, 198.51.100.1, 10.0.0.2"],
            "198.51.100.1",
        ),
        ("10.0.0.1", &["unknown"], "10.0.0.1"),
        ("10.0.0.1", &[], "10.0.0.1"),
        ("::ffff:192.0.2.7", &[], "192.0.2.7"),
    ] {
        let found = source::address(&from(peer, lines), &[proxy, inner], None);
        assert_eq!(found.to_string(), address, "{peer} {lines:?}");
    }
}

#[test]
fn a_limit_by_address_counts_whoever_it_is() {
    let by_address = Limit {
        per: Per::Address,
        ..limit(Kind::Fixed, 1, 1000)
    };
    let limiter = Limiter::new(vec![by_address], Vec::new(), Vec::new());
    let now = Instant::now();
    let charged = |peer, lines: &[&str]| {
        let counted = Counted {
            operation: &READ,
            request: &from(peer, lines),
            now,
            carries_out: 1,
            flaws: &flawless(),
        };
        limiter.charge_address(&counted).is_ok()
    };
    assert!(charged("192.0.2.7", &[]));
    assert!(!charged("192.0.2.7", &["198.51.100.1"]));
    assert!(charged("192.0.2.8", &[]));
    assert!(charge(&limiter, &READ, &payer("a"), now).is_ok());
}

#[test]
fn memory_has_a_bound() {
    let limiter = Limiter::new(
        vec![limit(Kind::SlidingLog, 2, 60_000)],
        Vec::new(),
        Vec::new(),
    );
    let now = Instant::now();
    for number in 0..10_050_u64 {
        let later = now + Duration::from_millis(number);
        let user = payer(&number.to_string());
        assert!(charge(&limiter, &READ, &user, later).is_ok());
    }
    assert_eq!(limiter.size(), 10_000);
    // What counts nothing goes first.
    let much_later = now + Duration::from_secs(3600);
    assert!(charge(&limiter, &READ, &payer("x"), much_later).is_ok());
    assert_eq!(limiter.size(), 1);
}
