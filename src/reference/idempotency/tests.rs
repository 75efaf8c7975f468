use std::cell::Cell;
use std::time::{Duration, Instant};

use super::key;
use super::store::{Once, Store};
use crate::reference::edge::errors::Error;
use crate::reference::flaw::FlawSet;
use crate::reference::http::{Body, Fields, NOWHERE, Request, Response, Version};
use crate::reference::serve::Contract;

fn flawless() -> FlawSet {
    let none: [&str; 0] = [];
    Contract::Percus.catalogue().select(none).expect("no flaw")
}

fn request(lines: &[&str], body: &str) -> Request {
    let mut fields = Fields::default();
    for line in lines {
        fields.push("Idempotency-Key", line.as_bytes());
    }
    Request {
        method: "POST".to_owned(),
        target: "/things".to_owned(),
        authority: "localhost".to_owned(),
        version: Version::Http11,
        fields,
        body: Body::Bytes(body.as_bytes().to_vec()),
        encrypted: true,
        peer: NOWHERE,
        node: crate::reference::http::Node::default(),
    }
}

/// A store, a clock and a count of effects.
struct Bench {
    store: Store,
    begun: Instant,
    effects: Cell<u32>,
}

impl Bench {
    fn new() -> Self {
        Self {
            store: Store::new(Duration::from_secs(60)),
            begun: Instant::now(),
            effects: Cell::new(0),
        }
    }

    fn ask(&self, owner: &str, request: &Request, after_s: u64) -> Result<Response, Error> {
        self.ask_for(owner, request, after_s, || {
            Ok(Response::new(201).field("X-Number", self.effects.get().to_string()))
        })
    }

    fn ask_for(
        &self,
        owner: &str,
        request: &Request,
        after_s: u64,
        answer: impl FnOnce() -> Result<Response, Error>,
    ) -> Result<Response, Error> {
        let once = Once {
            owner,
            request,
            now: self.begun + Duration::from_secs(after_s),
            keep: Response::clone,
            project: "",
            needs_key: false,
            flaws: &flawless(),
        };
        self.store.once(&once, || {
            self.effects.set(self.effects.get() + 1);
            answer()
        })
    }
}

#[test]
fn a_key_is_a_string_or_a_token() {
    for (line, key) in [
        ("8e03978e-40d5", "8e03978e-40d5"),
        ("\"8e03978e-40d5\"", "8e03978e-40d5"),
        ("\"a b c d e\"", "a b c d e"),
        (r#""abcdef\"\\b""#, r#"abcdef"\b"#),
        ("12345678", "12345678"),
    ] {
        let read = key::read(&request(&[line], ""), &flawless());
        assert_eq!(read.ok().flatten().as_deref(), Some(key), "{line}");
    }
    let long = "k".repeat(key::LONGEST);
    assert!(key::read(&request(&[&long], ""), &flawless()).is_ok());
    assert!(key::read(&request(&[], ""), &flawless()).is_ok_and(|key| key.is_none()));
}

#[test]
fn what_is_no_key_is_refused_and_not_taken_for_none() {
    let too_long = "k".repeat(key::LONGEST + 1);
    for lines in [
        &["\"\""][..],
        &[""],
        &["   "],
        &["\"open-for-ever"],
        &["\"a\" \"b\""],
        &["\"a\", \"b\""],
        &[r#""a\x""#],
        &["\"key-of-k\";p=1"],
        &["käse-käse"],
        &["\"käse-käse\""],
        &["key of k"],
        &["key-of-k", "key-of-k"],
        &["short"],
        &[&too_long],
    ] {
        let status = key::read(&request(lines, ""), &flawless()).map_err(|error| error.status);
        assert_eq!(status, Err(400), "{lines:?}");
    }
}

#[test]
fn the_same_request_under_a_key_has_one_effect() {
    let bench = Bench::new();
    let sent = request(&["key-of-k"], "{}");
    let first = bench.ask("a", &sent, 0).expect("done");
    assert_eq!(first.get("Idempotent-Replayed"), None);
    let again = bench
        .ask("a", &request(&["\"key-of-k\""], "{}"), 59)
        .expect("repeated");
    assert_eq!(again.get("X-Number"), Some("1"));
    assert_eq!(again.get("Idempotent-Replayed"), Some("true"));
    assert_eq!(bench.effects.get(), 1);
    bench.ask("a", &sent, 60).expect("forgotten");
    assert_eq!(bench.effects.get(), 2);
}

#[test]
fn without_a_key_every_request_counts() {
    let bench = Bench::new();
    let sent = request(&[], "{}");
    for _ in 0..2 {
        bench.ask("a", &sent, 0).expect("done");
    }
    assert_eq!(bench.effects.get(), 2);
}

#[test]
fn another_request_under_a_key_is_refused_and_changes_nothing() {
    let bench = Bench::new();
    bench
        .ask("a", &request(&["key-of-k"], "{}"), 0)
        .expect("done");
    let mut elsewhere = request(&["key-of-k"], "{}");
    elsewhere.target.push_str("?x");
    for other in [request(&["key-of-k"], "{ }"), elsewhere] {
        let error = bench.ask("a", &other, 0).expect_err("another");
        assert_eq!(error.status, 422);
    }
    assert!(bench.ask("a", &request(&["key-of-k"], "{}"), 0).is_ok());
    assert_eq!(bench.effects.get(), 1);
}

#[test]
fn a_key_belongs_to_whoever_sent_it() {
    let bench = Bench::new();
    let sent = request(&["key-of-k"], "{}");
    bench.ask("a", &sent, 0).expect("done");
    let other = bench.ask("b", &sent, 0).expect("done");
    assert_eq!(other.get("Idempotent-Replayed"), None);
    assert_eq!(bench.effects.get(), 2);
}

#[test]
fn a_refusal_leaves_the_key_free_and_a_failure_does_not() {
    let bench = Bench::new();
    let sent = request(&["key-of-k"], "{}");
    let refused = bench.ask_for("a", &sent, 0, || Err(Error::not_found()));
    assert_eq!(refused.expect_err("refused").status, 404);
    let failed = bench.ask_for("a", &sent, 0, || Err(Error::internal()));
    assert_eq!(failed.expect_err("failed").status, 500);
    let again = bench.ask("a", &sent, 0);
    assert_eq!(again.expect_err("repeated").status, 500);
    assert_eq!(bench.effects.get(), 2);
}

#[test]
fn who_comes_while_the_first_is_under_way_is_told_so() {
    let bench = Bench::new();
    let sent = request(&["key-of-k"], "{}");
    let inner = Cell::new(0);
    let outer = bench.ask_for("a", &sent, 0, || {
        inner.set(bench.ask("a", &sent, 0).expect_err("under way").status);
        Ok(Response::new(201))
    });
    assert!(outer.is_ok());
    assert_eq!((inner.get(), bench.effects.get()), (409, 1));
}

#[test]
fn a_panic_gives_the_key_back() {
    let bench = Bench::new();
    let sent = request(&["key-of-k"], "{}");
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        bench.ask_for("a", &sent, 0, || panic!("on purpose"))
    }));
    assert!(panicked.is_err());
    assert!(bench.ask("a", &sent, 0).is_ok());
}

#[test]
fn memory_has_a_bound_and_forgets_the_oldest() {
    let bench = Bench::new();
    let key = |number: u64| request(&[&format!("key-{number:05}")], "{}");
    for number in 0..=10_000 {
        bench
            .ask("a", &key(number), u64::from(number > 0))
            .expect("done");
    }
    let effects = bench.effects.get();
    bench.ask("a", &key(10_000), 1).expect("repeated");
    assert_eq!(bench.effects.get(), effects);
    bench.ask("a", &key(0), 1).expect("forgotten");
    assert_eq!(bench.effects.get(), effects + 1);
}
