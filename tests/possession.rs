//! Proofs of possession on the wire: each try has one of its own, tokens are fetched with them, and they are dated by the
//! clock of the target.

mod deployment;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use deployment::{Door, Files, Ran, Reply, Request, Site, answer, proofmark, serve};
use proofmark::jose::{Jwk, StrictJws, import_one};
use proofmark::reference::{Contract, Deployment, Settings};
use serde_json::{Map, Value, json};

const TOKEN: &str = "tok-3f9a1c77e2b84d55";
const REFRESH: &str = "ref-77e2b84d553f9a1c";

fn contract(source: &str) -> String {
    format!(
        r#"contract: bare
title: For one test
source: none
credentials:
  token: {{ header: Authorization, scheme: DPoP, proof: {{ algorithm: ES256 }} }}
principals:
  user:
    roles: [user]
    {source}
operations:
  me: {{ request: GET /me, allow: [user], is: [personal] }}
  exchange: {{ request: POST /token, harmless: true, without: [token], body: {{ json: {{ a: b }} }} }}
answers:
  accepted: {{ status: 2xx }}
  refused: {{ status: 4xx }}
checks: {{ include: ["BARE-*"] }}
"#
    )
}

const READS: &str = r#"
- id: BARE-READ-01
  title: The user may read
  level: must
  source: none
  steps:
    - { send: me, as: user, expect: accepted }
  remedy: none
  proved_by: [challenge-missing]
"#;

const TIMES: &str = r#"
- id: BARE-TIME-01
  title: Old and future proofs are refused
  level: must
  source: none
  for_each:
    forgery: { forgeries: [proof-iat/hour-ago, proof-iat/in-an-hour] }
  control: [{ send: me, as: user }]
  steps:
    - { send: me, as: user, proof: "${forgery}", expect: refused }
  remedy: none
  proved_by: [challenge-missing]
- id: BARE-TIME-02
  title: A proof of now is taken
  level: must
  source: none
  steps:
    - { send: me, as: user, expect: accepted }
  remedy: none
  proved_by: [challenge-missing]
"#;

const EXCHANGED: &str =
    "credentials: { token: { exchange: { operation: exchange, take: $.accessToken } } }";
const GIVEN: &str = "credentials: { token: \"${secret.token}\" }\n    proof_key: ${secret.key}";

/// Header and claims of the proof of a request.
fn proof(request: &Request) -> (Map<String, Value>, Map<String, Value>) {
    let jws = StrictJws::parse(request.header("dpop").as_bytes()).expect("a proof");
    (
        jws.header().members().clone(),
        jws.claims().expect("claims"),
    )
}

fn thumbprint(request: &Request) -> String {
    let (header, _) = proof(request);
    let jwk = Jwk::from_members(header["jwk"].as_object().expect("a key"));
    jwk.expect("a sound key").thumbprint().expect("a name")
}

fn date(ahead: i64) -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a clock");
    let then = now.as_secs().checked_add_signed(ahead).expect("a time");
    let then = UNIX_EPOCH + Duration::from_secs(then);
    format!("Date: {}", httpdate::fmt_http_date(then))
}

fn now() -> i64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a clock");
    now.as_secs() as i64
}

fn json_at(ahead: i64, status: &str, more: &[&str], body: &Value) -> Reply {
    let date = date(ahead);
    let mut fields = vec!["Content-Type: application/json", &date];
    fields.extend(more);
    Reply::Keep(answer(status, &fields, body.to_string().as_bytes()))
}

fn tokens() -> Value {
    json!({ "accessToken": TOKEN, "refreshToken": REFRESH, "token_type": "DPoP" })
}

async fn run(site: &Site, files: &Files, more: &str) -> Ran {
    files.target(site, "bare", more);
    let ran = proofmark(&files.run(), &[]).await;
    ran.in_order();
    assert!(!ran.text().contains(TOKEN), "{}", ran.text());
    ran
}

fn at(site: &Site, target: &str) -> Vec<Request> {
    let mut all = site.requests();
    all.retain(|request| request.target == target);
    all
}

#[tokio::test]
async fn each_try_has_a_proof_of_its_own() {
    // What is no answer: of the token endpoint first, then of the API.
    let busy = || Reply::Last(answer("503 Service Unavailable", &["Retry-After: 0"], b""));
    let reset = || Reply::Reset;
    let troubles = [("503", busy as fn() -> Reply), ("reset", reset)];
    for (name, trouble) in troubles {
        let first = Arc::new(std::sync::Mutex::new(BTreeSet::new()));
        let site = serve(Door::Open, move |request, _| {
            let is_first = first.lock().expect("a lock").insert(request.target.clone());
            match request.target.as_str() {
                "/me" | "/token" if is_first => trouble(),
                "/token" => json_at(0, "200 OK", &[], &tokens()),
                _ => json_at(0, "200 OK", &[], &json!({})),
            }
        })
        .await;
        let files = Files::new(&contract(EXCHANGED), READS);
        let ran = run(&site, &files, "").await;
        assert_eq!(ran.code, Some(0), "{name}: {}", ran.text());
        for target in ["/token", "/me"] {
            let tries = at(&site, target);
            let jtis: BTreeSet<String> = tries
                .iter()
                .map(|request| proof(request).1["jti"].to_string())
                .collect();
            assert!(tries.len() > 1, "{name}: {target} was not tried again");
            assert_eq!(
                jtis.len(),
                tries.len(),
                "{name}: a proof came twice at {target}"
            );
        }
    }
}

#[tokio::test]
async fn a_token_is_fetched_with_a_proof_by_the_key_that_it_is_used_with() {
    let site = serve(Door::Open, |request, _| match request.target.as_str() {
        "/token" => json_at(0, "200 OK", &[], &tokens()),
        _ => json_at(0, "200 OK", &[], &json!({})),
    })
    .await;
    let files = Files::new(&contract(EXCHANGED), READS);
    let ran = run(&site, &files, "").await;
    assert_eq!(ran.code, Some(0), "{}", ran.text());
    let (fetched, used) = (at(&site, "/token"), at(&site, "/me"));
    assert_eq!(thumbprint(&fetched[0]), thumbprint(&used[0]));
    let (header, claims) = proof(&fetched[0]);
    assert_eq!(header["typ"], "dpop+jwt");
    assert_eq!(claims["htm"], "POST");
    assert_eq!(
        claims["htu"],
        format!("https://localhost:{}/token", site.https)
    );
    assert!(!claims.contains_key("ath"), "there is no access token yet");
    assert!(proof(&used[0]).1.contains_key("ath"));
    assert_eq!(used[0].header("authorization"), format!("DPoP {TOKEN}"));
}

#[tokio::test]
async fn oauth2_fetches_with_a_proof_and_with_the_nonce_that_it_is_asked_for() {
    let site = serve(Door::Open, |request, _| match request.target.as_str() {
        "/oauth/token" => {
            let (_, claims) = proof(request);
            match claims.get("nonce").and_then(Value::as_str) {
                Some("nonce-of-the-server") => json_at(
                    0,
                    "200 OK",
                    &[],
                    &json!({ "access_token": TOKEN, "token_type": "DPoP", "expires_in": 600 }),
                ),
                _ => json_at(
                    0,
                    "400 Bad Request",
                    &["DPoP-Nonce: nonce-of-the-server"],
                    &json!({ "error": "use_dpop_nonce" }),
                ),
            }
        }
        _ => json_at(0, "200 OK", &[], &json!({})),
    })
    .await;
    let source = format!(
        "credentials: {{ token: {{ oauth2: {{ token_url: \"https://localhost:{}/oauth/token\", client_id: me, client_secret: \"${{secret.client}}\" }} }} }}",
        site.https
    );
    let files = Files::new(&contract(&source), READS);
    let ran = run(&site, &files, "secrets: { client: swordfish-swordfish }\n").await;
    assert_eq!(ran.code, Some(0), "{}", ran.text());
    let fetched = at(&site, "/oauth/token");
    assert_eq!(fetched.len(), 2);
    assert_ne!(proof(&fetched[0]).1["jti"], proof(&fetched[1]).1["jti"]);
    let (_, claims) = proof(&fetched[1]);
    assert_eq!(
        claims["htu"],
        format!("https://localhost:{}/oauth/token", site.https)
    );
    assert_eq!(thumbprint(&fetched[1]), thumbprint(&at(&site, "/me")[0]));
}

#[tokio::test]
async fn a_given_key_signs_the_proofs_of_its_principal() {
    let site = serve(Door::Open, |_, _| json_at(0, "200 OK", &[], &json!({}))).await;
    let files = Files::new(&contract(GIVEN), READS);
    let pem = include_str!("../fixtures/keys/ec.pkcs8.pem");
    files.write("key.pem", pem);
    let secrets = format!("secrets: {{ token: {TOKEN}, key: \"${{file:key.pem}}\" }}\n");
    let ran = run(&site, &files, &secrets).await;
    assert_eq!(ran.code, Some(0), "{}", ran.text());
    let own = import_one(pem.as_bytes()).expect("the key of the fixtures");
    assert_eq!(Some(thumbprint(&at(&site, "/me")[0])), own.thumbprint());
    for line in pem.lines().filter(|line| !line.starts_with("---")) {
        assert!(!files.journal().contains(line), "the key is in the journal");
    }
}

/// Takes proofs of its own time, to three seconds, and no others.
fn strict(
    ahead: impl Fn(usize) -> i64 + Send + Sync + 'static,
) -> impl Fn(&Request, usize) -> Reply {
    move |request, number| {
        let ahead = ahead(number);
        let is_dated = !request.header("dpop").is_empty() && {
            let made = proof(request).1["iat"].as_i64().unwrap_or(0);
            (made - now() - ahead).abs() <= 3
        };
        match request.target.as_str() {
            "/token" | "/me" if !is_dated => json_at(ahead, "401 Unauthorized", &[], &json!({})),
            "/token" => json_at(ahead, "200 OK", &[], &tokens()),
            _ => json_at(ahead, "200 OK", &[], &json!({})),
        }
    }
}

#[tokio::test]
async fn proofs_are_dated_by_the_clock_of_the_target() {
    for ahead in [300, -300] {
        let site = serve(Door::Open, strict(move |_| ahead)).await;
        let files = Files::new(&contract(EXCHANGED), TIMES);
        let ran = run(&site, &files, "").await;
        assert_eq!(ran.code, Some(0), "{}", ran.text());
        let verdicts = files.verdicts();
        assert_eq!(verdicts.len(), 3);
        assert!(verdicts.values().all(|said| said == "pass"), "{verdicts:?}");
        let told = if ahead > 0 {
            "ahead of ours"
        } else {
            "behind ours"
        };
        assert!(ran.text().contains(told), "{}", ran.text());
        let journal = files.journal();
        let end: Value =
            serde_json::from_str(journal.lines().last().expect("a line")).expect("JSON");
        let measured = end["clock_ahead_s"].as_i64().expect("it is noted");
        assert!((measured - ahead).abs() <= 1, "{measured}");
    }
}

#[tokio::test]
async fn a_clock_that_agrees_is_not_spoken_of() {
    let site = serve(Door::Open, strict(|_| 0)).await;
    let files = Files::new(&contract(EXCHANGED), TIMES);
    let ran = run(&site, &files, "").await;
    assert_eq!(ran.code, Some(0), "{}", ran.text());
    assert!(
        !ran.text().contains("the clock of the target"),
        "{}",
        ran.text()
    );
    assert!(!files.journal().contains("clock_ahead_s"));
}

/// Whose clock says something else all the time cannot be asked what it thinks of the time of a proof.
#[tokio::test]
async fn a_clock_that_jumps_leaves_the_time_undecided() {
    let site = serve(Door::Open, |request, number| {
        let ahead = number as i64 * 60;
        match request.target.as_str() {
            "/token" => json_at(ahead, "200 OK", &[], &tokens()),
            _ => json_at(ahead, "200 OK", &[], &json!({})),
        }
    })
    .await;
    let files = Files::new(&contract(EXCHANGED), TIMES);
    let ran = run(&site, &files, "").await;
    assert_eq!(ran.code, Some(3), "{}", ran.text());
    let verdicts = files.verdicts();
    for (case, said) in &verdicts {
        let right = if case.starts_with("BARE-TIME-01") {
            "inconclusive control"
        } else {
            "pass"
        };
        assert_eq!(said, right, "{case}: {}", ran.text());
    }
    assert!(ran.text().contains("jumped"), "{}", ran.text());
}

/// An API under the contract that is about nothing but DPoP: what is right there passes, and what is not is found.
#[tokio::test]
async fn a_resource_server_is_judged_without_a_contract_of_its_own() {
    const REST: &str = r#"
features: [single-use-proofs]
params: { excluded_proofs: [proof-of-other-algorithm/rs256] }
principals:
  user:
    roles: [user]
    credentials:
      token: { exchange: { operation: exchange, body: { authToken: "${secret.user_proof}" }, take: $.accessToken } }
  second-user:
    roles: [user]
    credentials:
      token: { exchange: { operation: exchange, body: { authToken: "${secret.second_user_proof}" }, take: $.accessToken } }
operations:
  me: { request: GET /users/me, allow: [user], is: [personal], headers: { X-Project-Key: "${secret.project_key}" } }
  exchange:
    request: POST /auth/token
    is: [exchange]
    harmless: true
    without: [token]
    headers: { X-Project-Key: "${secret.project_key}" }
    body: { json: {} }
consent: { writes: false, max_requests_per_second: 1000 }
"#;
    for (flaws, checks, code) in [
        (vec![], "DPOP-*", 0),
        (vec!["dpop-htm-unchecked"], "@fapi2-rs", 1),
    ] {
        let flaws = Contract::Pers
            .catalogue()
            .select(&flaws)
            .expect("known flaws");
        let deployment = Deployment::start(Contract::Pers, flaws, Settings::default());
        let deployment = deployment.expect("it starts");
        let own = deployment.target_file();
        let (start, _) = own.split_once("consent:").expect("a whole file");
        let text = start.replace("contract: pers", "contract: dpop-resource-server");
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("target.yaml");
        std::fs::write(&file, text + REST).expect("it is written");
        let words = [
            "run",
            "--target",
            &file.to_string_lossy(),
            "--check",
            checks,
        ];
        let arguments = words.map(str::to_owned);
        let ran = proofmark(&arguments, &[]).await;
        ran.in_order();
        assert_eq!(ran.code, Some(code), "{}", ran.text());
        let text = ran.text();
        let last = text.lines().last().expect("a last line");
        assert!(last.contains(" 0 inconclusive"), "{text}");
        let passed: usize = last
            .split(' ')
            .nth(2)
            .and_then(|n| n.parse().ok())
            .expect("a number");
        assert!(passed > if code == 0 { 50 } else { 18 }, "{text}");
        if code == 1 {
            assert!(text.contains("FAIL DPOP-HTM-01"), "{text}");
        }
    }
}
