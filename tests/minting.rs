//! A target whose own endpoint signs given claims: what it is asked for, what is read of its answers, and that it is
//! never the target's fault that it refuses.

mod deployment;

use std::sync::{Arc, Mutex};

use deployment::{Door, Files, Reply, Request, json, proofmark, serve};
use proofmark::jose::{Algorithm, SigningKey, StrictJws, VerifyingKey, mint};
use serde_json::{Map, Value};

const CONTRACT: &str = r#"contract: bare
title: For one test
source: none
credentials:
  token: { header: Authorization, scheme: Bearer }
operations:
  me: { request: GET /me, allow: [user], is: [personal] }
  sign: { request: POST /test/sign, harmless: true, allow: [tester] }
tokens:
  token:
    minting_operation: { operation: sign, as: tester, body: { for: "a test", jwt: { claims: "${claims}" } }, take: "$.data[0].jwt" }
principals:
  user: { roles: [user], credentials: { token: "${secret.token}" } }
  tester: { roles: [tester], credentials: { token: "${secret.tester}" } }
answers:
  accepted: { status: 2xx }
  refused: { status: 401 }
checks: { include: ["BARE-*"] }
"#;

const CHECKS: &str = r#"
- id: BARE-EXP-01
  title: Tokens end
  level: must
  source: none
  control: [{ send: me, as: user, control: accepted }]
  steps:
    - { send: me, as: user, token: expired/hour, expect: refused }
  remedy: none
  proved_by: [expired-token-accepted]
"#;

const TESTER: &str = "tester-8c1f60d2a97b4e35";

fn key() -> SigningKey {
    SigningKey::secret(*b"a secret of this test, 32 octets", Algorithm::HS256)
}

fn signed(claims: &Map<String, Value>, typ: &str) -> String {
    let header = serde_json::json!({ "alg": "HS256", "typ": typ });
    let octets = mint(header.as_object().unwrap(), claims, &key()).unwrap();
    String::from_utf8(octets).unwrap()
}

fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.unwrap().as_secs() as i64
}

/// The claims of a token that the deployment signed.
fn claims(token: &str) -> Option<Map<String, Value>> {
    let verifying = VerifyingKey::new(key().jwk(), None).unwrap();
    let token = StrictJws::parse(token.as_bytes()).ok()?;
    verifying
        .verify_octets(token.signing_input(), token.signature())
        .ok()?;
    serde_json::from_slice(token.payload()).ok()
}

fn bearer(request: &Request) -> &str {
    request
        .header("authorization")
        .strip_prefix("Bearer ")
        .unwrap_or_default()
}

/// What the endpoint answers to these claims.
type Signs = fn(&Map<String, Value>) -> Vec<u8>;

fn held(token: &str) -> Vec<u8> {
    json(
        "200 OK",
        &format!(r#"{{ "data": [{{ "jwt": "{token}" }}] }}"#),
    )
}

struct Seen {
    verdict: String,
    journal: String,
    text: String,
    /// Claims that the endpoint was asked to sign.
    asked: Vec<Map<String, Value>>,
}

/// Runs the check at a deployment with this endpoint, which looks at `exp` or does not.
async fn run(signs: Signs, ends: bool) -> Seen {
    let asked: Arc<Mutex<Vec<Map<String, Value>>>> = Arc::default();
    let notes = Arc::clone(&asked);
    let refused = || {
        Reply::Keep(deployment::answer(
            "401 Unauthorized",
            &["WWW-Authenticate: Bearer"],
            b"",
        ))
    };
    let site = serve(Door::Open, move |request, _| {
        match request.target.as_str() {
            "/test/sign" if bearer(request) != TESTER => refused(),
            "/test/sign" => {
                let body: Value = serde_json::from_slice(&request.body).unwrap();
                assert_eq!(body["for"], "a test");
                let claims = body["jwt"]["claims"].as_object().unwrap().clone();
                notes.lock().unwrap().push(claims.clone());
                Reply::Keep(signs(&claims))
            }
            _ => match claims(bearer(request)) {
                Some(claims) if !ends || claims["exp"].as_i64().is_some_and(|exp| exp > now()) => {
                    Reply::Keep(json("200 OK", r#"{ "me": true }"#))
                }
                _ => refused(),
            },
        }
    })
    .await;
    let files = Files::new(CONTRACT, CHECKS);
    let valid = signed(&valid(), "JWT");
    files.target(
        &site,
        "bare",
        &format!(
            "secrets: {{ token: {valid}, tester: {TESTER} }}\nlimits: {{ connect_s: 2, answer_s: 5, retry_s: 2 }}\n\
             consent: {{ max_requests_per_second: 100000 }}\n"
        ),
    );
    let ran = proofmark(&files.run(), &[]).await;
    let verdicts = files.verdicts();
    let verdict = verdicts
        .get("BARE-EXP-01")
        .unwrap_or_else(|| panic!("{verdicts:?}\n{}", ran.text()));
    Seen {
        verdict: verdict.clone(),
        journal: files.journal(),
        text: ran.text(),
        asked: asked.lock().unwrap().clone(),
    }
}

fn valid() -> Map<String, Value> {
    let claims = serde_json::json!({
        "iss": "https://issuer.example", "sub": "somebody", "iat": now(), "exp": now() + 600, "role": "user",
    });
    claims.as_object().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_endpoint_is_asked_for_the_patched_claims_and_its_token_is_sent() {
    let seen = run(|claims| held(&signed(claims, "JWT")), true).await;
    assert_eq!(seen.verdict, "pass", "{}", seen.text);
    let valid = valid();
    for asked in &seen.asked {
        for (name, value) in asked {
            match name.as_str() {
                "exp" => assert!(
                    (value.as_i64().unwrap() - (now() - 3600)).abs() < 60,
                    "{value}"
                ),
                "iat" => {}
                _ => assert_eq!(valid.get(name), Some(value), "{name}"),
            }
        }
        assert_eq!(asked.len(), valid.len());
        assert!(
            !seen.journal.contains(&signed(asked, "JWT")),
            "what was issued is in the journal"
        );
    }
    assert!(!seen.asked.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_issued_and_accepted_is_a_failure() {
    let seen = run(|claims| held(&signed(claims, "JWT")), false).await;
    assert_eq!(seen.verdict, "fail", "{}", seen.text);
}

/// The deployment would fail, if only it was asked: nothing but the token may decide that.
#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_signs_no_such_claims_is_a_reason_to_skip() {
    let own_end = |claims: &Map<String, Value>| {
        let mut claims = claims.clone();
        claims.insert("exp".to_owned(), (now() + 600).into());
        held(&signed(&claims, "JWT"))
    };
    let cases: [(Signs, &str); 6] = [
        (|_| json("400 Bad Request", "{}"), "answered 400"),
        (|_| json("403 Forbidden", "{}"), "answered 403"),
        (|_| json("200 OK", r#"{ "data": [] }"#), "answered 200"),
        (own_end, "it wrote another `exp`"),
        (
            |claims| held(&signed(claims, "test")),
            "it wrote another header",
        ),
        (|_| held("no-token"), "what it issued is no JWT"),
    ];
    for (signs, why) in cases {
        let seen = run(signs, false).await;
        assert_eq!(seen.verdict, "skipped", "{why}: {}", seen.text);
        assert!(
            seen.journal
                .contains("the issuer does not sign such claims"),
            "{}",
            seen.journal
        );
        assert!(seen.journal.contains(why), "{why}: {}", seen.journal);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_in_trouble_leaves_the_check_in_doubt() {
    let cases: [Signs; 2] = [
        |_| json("429 Too Many Requests", "{}"),
        |_| json("503 Service Unavailable", "{}"),
    ];
    for signs in cases {
        let seen = run(signs, false).await;
        assert!(
            seen.verdict.starts_with("inconclusive"),
            "{}: {}",
            seen.verdict,
            seen.text
        );
    }
}
