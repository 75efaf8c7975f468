//! Declared rate limits are budgets: requests of checks that are about something else keep to them.

mod deployment;

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use deployment::bare::{CHECKS, CONTRACT, TOKEN};
use deployment::{Door, Files, Reply, Request, Site, json, proofmark, serve};

/// Requests in a window that the site lets through, for each credential.
const LIMIT: usize = 4;

/// Lets so many through in a window of this length, wherever it begins. 429 to those beyond.
async fn limited(window: Duration) -> Site {
    let taken: Mutex<VecDeque<Instant>> = Mutex::default();
    let reply = move |request: &Request, _: usize| {
        if request.header("authorization").is_empty() {
            let challenge = ["WWW-Authenticate: Bearer"];
            return Reply::Keep(deployment::answer("401 Unauthorized", &challenge, b""));
        }
        let mut taken = taken.lock().unwrap();
        while taken.front().is_some_and(|first| first.elapsed() > window) {
            taken.pop_front();
        }
        if taken.len() == LIMIT {
            let later = ["Retry-After: 1"];
            return Reply::Keep(deployment::answer("429 Too Many Requests", &later, b""));
        }
        taken.push_back(Instant::now());
        let nosniff = [
            "X-Content-Type-Options: nosniff",
            "Content-Type: application/json",
        ];
        Reply::Keep(deployment::answer("200 OK", &nosniff, b"{}"))
    };
    serve(Door::Open, reply).await
}

const DECLARED: &str =
    "rate_limits:\n  by-key: { requests: 4, window_s: 2, per: credential, spend: me, as: spare }\n";

/// Target file and suites for a site; the secret is that of the only user.
fn files(site: &Site, more: &str) -> Files {
    let files = Files::new(CONTRACT, CHECKS);
    let secrets = format!(
        "secrets: {{ token: {TOKEN} }}\nconsent: {{ max_requests_per_second: 100000 }}\n{more}"
    );
    files.target(site, "bare", &secrets);
    files
}

fn refusals(files: &Files) -> usize {
    let journal = files.journal();
    let records = journal
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    records
        .filter(|record| record["record"] == "exchange" && record["answer"]["status"] == 429)
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn ordinary_requests_keep_to_a_declared_limit() {
    // Half of what is declared: what was sent in turn may be late, and then come close together.
    let site = limited(Duration::from_secs(1)).await;
    let files = files(&site, DECLARED);
    let ran = proofmark(&files.run(), &[]).await;
    ran.in_order();
    assert_eq!(refusals(&files), 0, "{}", ran.text());
    let asked = site.requests();
    let with_key = asked
        .iter()
        .filter(|request| !request.header("authorization").is_empty());
    assert!(
        with_key.count() > LIMIT,
        "more than one window has room for"
    );
    for check in ["BARE-SNIFF-01", "BARE-LEAK-01"] {
        assert_eq!(files.verdicts()[check], "pass", "{}", ran.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undeclared_limit_is_run_into_and_no_fault_of_the_target() {
    let site = limited(Duration::from_secs(600)).await;
    let files = files(&site, "limits: { retry_s: 2 }\n");
    let ran = proofmark(&files.run(), &[]).await;
    ran.in_order();
    assert!(refusals(&files) > 0, "{}", ran.text());
    let verdicts = files.verdicts();
    assert!(
        verdicts.values().all(|verdict| verdict != "fail"),
        "{verdicts:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_plan_says_how_long_a_limit_makes_the_run() {
    let site = serve(Door::Open, |_, _| Reply::Keep(json("200 OK", "{}"))).await;
    let files = files(&site, DECLARED);
    let mut arguments = files.run();
    arguments.push("--dry-run".to_owned());
    let ran = proofmark(&arguments, &[]).await;
    let text = ran.text();
    assert!(
        text.contains("limit by-key: 4 requests in 2 s for each credential"),
        "{text}"
    );
    assert!(
        text.contains(
            "6 ordinary requests are counted against `by-key user`, which takes at least 2 s"
        ),
        "{text}"
    );
    assert!(site.requests().is_empty());
}
