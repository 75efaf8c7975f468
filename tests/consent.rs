//! Nothing without consent: no unsafe method, and no more requests in a second than allowed.

mod deployment;

use std::time::Duration;

use deployment::bare::{CHECKS, CONTRACT, TOKEN};
use deployment::{Door, Files, Reply, Request, json, proofmark, serve};

fn answer(request: &Request) -> Reply {
    if request.header("authorization").is_empty() {
        Reply::Keep(deployment::answer(
            "401 Unauthorized",
            &["WWW-Authenticate: Bearer"],
            b"",
        ))
    } else {
        Reply::Keep(json("200 OK", "{}"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_consent_only_safe_methods_are_sent() {
    let site = serve(Door::Open, |request, _| answer(request)).await;
    let files = Files::new(CONTRACT, CHECKS);
    files.target(&site, "bare", &format!("secrets: {{ token: {TOKEN} }}\n"));
    let ran = proofmark(&files.run(), &[]).await;
    ran.in_order();
    assert_eq!(
        files.verdicts()["BARE-WRITE-01"],
        "skipped",
        "{}",
        ran.text()
    );
    let methods: Vec<String> = site
        .requests()
        .into_iter()
        .map(|request| request.method)
        .collect();
    assert!(!methods.is_empty());
    assert!(methods.iter().all(|method| method == "GET"), "{methods:?}");
}

/// Every shipped check, at a target with all kinds of operations that write.
#[tokio::test(flavor = "multi_thread")]
async fn no_shipped_check_writes_without_consent() {
    let site = serve(Door::Open, |request, _| answer(request)).await;
    let files = Files::new(CONTRACT, CHECKS);
    let more = format!(
        "secrets: {{ token: {TOKEN}, other: other-{TOKEN} }}\n\
         principals:\n  user: {{ roles: [user], tenant: one, credentials: {{ token: '${{secret.token}}' }} }}\n  \
         admin: {{ roles: [admin], tenant: two, is: [other-tenant], credentials: {{ token: '${{secret.other}}' }} }}\n\
         operations:\n  me: {{ request: GET /me, allow: [user, admin], is: [personal] }}\n  \
         things: {{ request: GET /things, allow: [user, admin], is: [list] }}\n  \
         open: GET /open\n  \
         create: {{ request: POST /things, allow: [user], is: [create], state: things, body: {{ json: {{ name: '${{canary}}' }} }}, violations: {{ missing: {{ json: {{}} }} }} }}\n  \
         change: {{ request: PATCH /things/1, allow: [admin], is: [update], body: {{ json: {{ name: a }} }} }}\n  \
         remove: {{ request: DELETE /things/1, allow: [admin] }}\n\
         limits: {{ connect_s: 2, answer_s: 5 }}\nconsent: {{ max_requests_per_second: 100000 }}\n"
    );
    files.target(&site, "http-api", &more);
    let ran = proofmark(&files.run(), &[]).await;
    ran.in_order();
    let requests = site.requests();
    assert!(!requests.is_empty(), "{}", ran.text());
    for request in requests {
        assert!(
            matches!(
                request.method.as_str(),
                "GET" | "HEAD" | "OPTIONS" | "TRACE" | "PRI"
            ),
            "{} {} was sent",
            request.method,
            request.target
        );
    }
}

/// Counted at the server over every window of a second. Requests are spread evenly when they leave; on their way some
/// may catch up with others, which is what the margin is for.
#[tokio::test(flavor = "multi_thread")]
async fn the_rate_stays_below_the_cap() {
    const CAP: usize = 40;
    const MARGIN: usize = 8;
    let mut checks = String::new();
    for n in 0..100 {
        checks.push_str(&format!(
            "\n- id: BARE-MANY-{n:04}\n  title: One of many\n  level: must\n  source: none\n  steps:\n    - send: me\n      \
             as: user\n      expect: {{ status: 2xx }}\n  remedy: none\n  proved_by: [challenge-missing]\n"
        ));
    }
    let site = serve(Door::Open, |request, _| answer(request)).await;
    let files = Files::new(CONTRACT, &checks);
    files.target(
        &site,
        "bare",
        &format!("secrets: {{ token: {TOKEN} }}\nconsent: {{ max_requests_per_second: {CAP} }}\n"),
    );
    let mut arguments = files.run();
    arguments.extend(["--jobs".to_owned(), "64".to_owned()]);
    let ran = proofmark(&arguments, &[]).await;
    ran.in_order();
    assert_eq!(ran.code, Some(0), "{}", ran.text());
    let mut times: Vec<_> = site.requests().iter().map(|request| request.at).collect();
    times.sort();
    // And the look at the address that a run begins with.
    assert_eq!(times.len(), 100 + 1);
    for (first, from) in times.iter().enumerate() {
        let within = times[first..]
            .iter()
            .take_while(|at| at.duration_since(*from) < Duration::from_secs(1))
            .count();
        assert!(within <= CAP + MARGIN, "{within} requests in one second");
    }
}
