//! Canaries as every kind of secret, echoed by the target in every coding, and not one of them in any output.

mod deployment;

use std::path::Path;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use deployment::{Door, Files, Reply, Request, answer, json, proofmark, report_forms, serve};

const TOKEN: &str = "cnry-token-8d1f0a37b2c96e54";
const SPECIAL: &str = "cnry/special+8d1f=0a37&b2c9\"6e54";
const KEY: &str = "cnry-querykey-77aa01fe93";
const HEADER_KEY: &str = "cnry-headerkey-5be2c1d0aa";
const COOKIE: &str = "cnry-cookie-19c0ffee42";
const PROOF: &str = "cnry-proof-31415926535897";
const EXCHANGED: &str = "cnry-exchanged-2718281828";
const REFRESH: &str = "cnry-refresh-1618033988749";
const CLIENT_SECRET: &str = "cnry-clientsecret-14142135";
const ISSUED: &str = "cnry-issued-1732050807568";
const PRINTED: &str = "cnry-printed-2236067977499";
const LITERAL: &str = "cnry-literal-2645751311064";
const LITERAL_PROOF: &str = "cnry-literalproof-31622776";
const LITERAL_CLIENT: &str = "cnry-literalclient-3316624";
/// Header, claims and signature, made by nobody and declared nowhere.
const JWT: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjbnJ5LWp3dCJ9.Y25yeS1zaWduYXR1cmU";

const ALL: &[&str] = &[
    TOKEN,
    SPECIAL,
    KEY,
    HEADER_KEY,
    COOKIE,
    PROOF,
    EXCHANGED,
    REFRESH,
    CLIENT_SECRET,
    ISSUED,
    PRINTED,
    LITERAL,
    LITERAL_PROOF,
    LITERAL_CLIENT,
    JWT,
];

const CONTRACT: &str = r#"contract: bare
title: For one test
source: none
credentials:
  token: { header: Authorization, scheme: Bearer }
  special: { header: X-Special }
  key: { query: api_key }
  headerkey: { header: X-Api-Key }
  sid: { cookie: sid }
operations:
  me: { request: GET /me, allow: [user] }
  login: { request: POST /login, is: [login], harmless: true, body: { json: { proof: none } } }
answers:
  accepted: { status: 2xx }
  unauthenticated: { status: 401 }
  refused: { status: 4xx }
checks: { include: ["BARE-*"] }
"#;

const CHECKS: &str = r#"
- id: BARE-SHOW-01
  title: Fails, so that everything is shown
  level: must
  source: none
  for_each:
    principal: { principals: authenticated }
    how: [none, truncated, altered, other-scheme, bare, twice]
  steps:
    - send: me
      as: ${principal}
      spoil: ${how}
      expect: { header: { X-Never: present }, body: { contains: never } }
  remedy: none
  proved_by: [challenge-missing]
- id: BARE-SAME-01
  title: Compares, so that differences are shown
  level: must
  source: none
  for_each: { principal: { principals: authenticated } }
  steps:
    - { send: me, as: "${principal}", save: first, expect: { status: 599 } }
    - { send: me, expect: { same_as: first } }
  remedy: none
  proved_by: [challenge-missing]
"#;

fn principals(token_url: &str, command: &Path) -> String {
    format!(
        r#"secrets:
  token: {TOKEN}
  special: '{SPECIAL}'
  key: {KEY}
  headerkey: {HEADER_KEY}
  sid: {COOKIE}
  proof: ${{env:CANARY_PROOF}}
  client: ${{file:client-secret}}
principals:
  user:
    roles: [user]
    credentials:
      token: "${{secret.token}}"
      special: "${{secret.special}}"
      key: "${{secret.key}}"
      headerkey: "${{secret.headerkey}}"
      sid: "${{secret.sid}}"
  exchanger:
    roles: [user]
    credentials: {{ token: {{ exchange: {{ operation: login, body: {{ proof: "${{secret.proof}}" }}, take: $.access }} }} }}
  literal-exchanger:
    roles: [user]
    credentials: {{ token: {{ exchange: {{ operation: login, body: {{ proof: {LITERAL_PROOF} }}, take: $.access }} }} }}
  client:
    roles: [user]
    credentials: {{ token: {{ oauth2: {{ token_url: "{token_url}", client_id: me, client_secret: "${{secret.client}}" }} }} }}
  literal-client:
    roles: [user]
    credentials: {{ token: {{ oauth2: {{ token_url: "{token_url}", client_id: me, client_secret: {LITERAL_CLIENT} }} }} }}
  commander:
    roles: [user]
    credentials: {{ token: {{ command: [cat, "{command}"] }} }}
  literal:
    roles: [user]
    credentials: {{ token: {LITERAL} }}
consent: {{ writes: true, max_requests_per_second: 100000 }}
limits: {{ connect_s: 2, answer_s: 5, retry_s: 0 }}
"#,
        command = command.display()
    )
}

/// Every coding of the octets that a reader could undo by eye and a search.
fn codings(secret: &str) -> Vec<Vec<u8>> {
    let percent: String = secret
        .bytes()
        .map(|octet| format!("%{octet:02x}"))
        .collect();
    let form: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let mut all = vec![
        secret.to_owned(),
        hex::encode(secret),
        hex::encode_upper(secret),
        percent.to_uppercase(),
        percent,
        form.to_lowercase(),
        form,
        serde_json::to_string(secret)
            .unwrap()
            .trim_matches('"')
            .to_owned(),
        secret.replace('/', "\\/"),
        secret.chars().rev().collect(),
    ];
    // The part of each phase that does not hang on what stands beside the secret.
    for (phase, skip) in [(0, 0), (1, 2), (2, 3)] {
        let padded = [&vec![0; phase], secret.as_bytes()].concat();
        let whole = &padded[..padded.len() / 3 * 3];
        all.push(STANDARD_NO_PAD.encode(whole)[skip..].to_owned());
        all.push(URL_SAFE_NO_PAD.encode(whole)[skip..].to_owned());
    }
    all.into_iter().map(String::into_bytes).collect()
}

fn clean(name: &str, octets: &[u8]) {
    static SEARCH: LazyLock<(Vec<&'static str>, AhoCorasick)> = LazyLock::new(|| {
        let all = ALL
            .iter()
            .flat_map(|secret| codings(secret).into_iter().map(|coding| (*secret, coding)));
        let (secrets, codings): (Vec<_>, Vec<_>) = all.unzip();
        (secrets, AhoCorasick::new(codings).unwrap())
    });
    let (secrets, search) = &*SEARCH;
    if let Some(found) = search.find(octets) {
        let around =
            &octets[found.start().saturating_sub(120)..(found.end() + 40).min(octets.len())];
        panic!(
            "{name} shows {}: …{}…",
            secrets[found.pattern().as_usize()],
            String::from_utf8_lossy(around)
        );
    }
}

/// All that a request came with.
fn presented(request: &Request) -> Vec<String> {
    let header = |name: &str| request.header(name).to_owned();
    let mut all = vec![
        header("authorization")
            .trim_start_matches("Bearer ")
            .to_owned(),
        header("x-special"),
        header("x-api-key"),
        header("cookie").trim_start_matches("sid=").to_owned(),
        request
            .target
            .split("api_key=")
            .nth(1)
            .unwrap_or_default()
            .to_owned(),
        JWT.to_owned(),
    ];
    all.retain(|value| !value.is_empty());
    all
}

/// Says everything back, in every place and coding.
fn echo(request: &Request) -> Reply {
    let body = String::from_utf8_lossy(&request.body).into_owned();
    if request.target.starts_with("/login") {
        let echoed =
            serde_json::json!({ "access": EXCHANGED, "refresh_token": REFRESH, "you_said": body });
        return Reply::Keep(json("200 OK", &echoed.to_string()));
    }
    if request.target.starts_with("/oauth") {
        let token = serde_json::json!({ "access_token": ISSUED, "token_type": "Bearer", "expires_in": 3600 });
        return Reply::Keep(json("200 OK", &token.to_string()));
    }
    let all = presented(request);
    let mut fields = vec!["Content-Type: application/json".to_owned()];
    let mut said = Vec::new();
    for value in &all {
        fields.push(format!("X-Echo: {value}"));
        fields.push(format!(
            "X-Base64: {}",
            STANDARD.encode(format!("user:{value}"))
        ));
        fields.push(format!(
            "Location: https://localhost/?token={value}#{}",
            hex::encode(value)
        ));
        fields.push(format!("Set-Cookie: sid={value}; Path=/"));
        let percent: String = value.bytes().map(|octet| format!("%{octet:02X}")).collect();
        said.push(serde_json::json!({
            "plain": value, "hex": hex::encode_upper(value), "percent": percent,
            "base64": URL_SAFE_NO_PAD.encode(value), "within": format!("<a href='?t={value}'>"),
            "more": STANDARD.encode(format!("a{value}b")), "reversed": value.chars().rev().collect::<String>(),
        }));
    }
    let body = serde_json::to_string(&said).unwrap().replace('/', "\\/");
    let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
    let status = format!("200 Hello {}", all[0]);
    Reply::Keep(answer(&status, &fields, body.as_bytes()))
}

async fn fire(reply: impl Fn(&Request, usize) -> Reply + Send + Sync + 'static) -> Option<i32> {
    let site = serve(Door::Open, reply).await;
    let files = Files::new(CONTRACT, CHECKS);
    let command = files.write("printed", PRINTED);
    files.write("client-secret", CLIENT_SECRET);
    let token_url = format!("https://localhost:{}/oauth", site.https);
    files.target(&site, "bare", &principals(&token_url, &command));
    let environment = [("CANARY_PROOF", PROOF)];
    let mut forms = report_forms().await;
    let mut arguments = files.run();
    arguments.push("--dry-run".to_owned());
    let dry = proofmark(&arguments, &environment).await;
    dry.in_order();
    assert_eq!(dry.code, Some(0), "{}", dry.text());
    clean("the dry run", &[dry.stdout, dry.stderr].concat());
    arguments.pop();
    let plain = proofmark(&arguments, &environment).await;
    plain.in_order();
    clean("the terminal", &plain.stdout);
    clean("standard error", &plain.stderr);
    clean("the journal", files.journal().as_bytes());
    forms.retain(|form| form != "terminal");
    for form in &forms {
        let path = files.path(&format!("report.{form}"));
        arguments.extend(["--report".to_owned(), format!("{form}={}", path.display())]);
    }
    let ran = proofmark(&arguments, &environment).await;
    ran.in_order();
    clean("the terminal", &ran.stdout);
    for form in &forms {
        let path = files.path(&format!("report.{form}"));
        clean(form, &std::fs::read(path).unwrap());
    }
    assert!(files.journal().contains("BARE-SHOW-01"));
    plain.code
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_and_echoed_stays_in() {
    assert_eq!(fire(|request, _| echo(request)).await, Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_exchanges_keep_secrets_in() {
    let code = fire(|request, number| {
        let body = String::from_utf8_lossy(&request.body).into_owned();
        let basic = request.header("authorization").to_owned();
        if request.target.starts_with("/oauth") {
            let plain = STANDARD
                .decode(basic.trim_start_matches("Basic "))
                .unwrap_or_default();
            let error = serde_json::json!({ "error": String::from_utf8_lossy(&plain) });
            return Reply::Keep(json("400 Bad Request", &error.to_string()));
        }
        if request.target.starts_with("/login") {
            let secret = if body.contains(PROOF) {
                PROOF
            } else {
                LITERAL_PROOF
            };
            return match number % 3 {
                0 => Reply::Keep(json("403 Forbidden", &format!("{{\"bad\":{body}}}"))),
                1 => Reply::Last(format!("{secret} is wrong\r\n\r\n").into_bytes()),
                _ => Reply::Last(format!("HTTP/1.1 200 OK\r\n{secret}\r\n\r\n").into_bytes()),
            };
        }
        echo(request)
    })
    .await;
    assert_eq!(code, Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_cut_within_a_secret_keep_it_in() {
    for lost in [1, 8, 12] {
        let code = fire(move |request, _| {
            if request.target.starts_with("/me") {
                let secret = presented(request).swap_remove(0);
                let body = format!("{}{}", "a".repeat(262_144 - secret.len() + lost), secret);
                return Reply::Keep(answer("200 OK", &[], body.as_bytes()));
            }
            echo(request)
        })
        .await;
        assert!(matches!(code, Some(1 | 3)), "{code:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_near_a_secret_do_not_show_it() {
    let long = "cnry-long-0123456789".repeat(6);
    let head = "target: x\ncontract: bare\nurl: https://localhost:1\n";
    let s = TOKEN;
    for text in [
        format!("{head}secrets: {{ token: {s}\n"),
        format!("{head}secrets:\n  token: \"{s}\n"),
        format!("{head}secrets:\n  token: '{s}\n  other: x\n"),
        format!("{head}secrets: {s}\n"),
        format!("{head}secret:\n  token: {s}\n"),
        format!("{head}secret: {s}\n"),
        format!("{head}secrets:\n  token: [{s}]\n"),
        format!("{head}secrets:\n  token: {{ value: {s} }}\n"),
        format!("{head}secrets:\n\ttoken: {s}\n"),
        format!("{head}secrets:\n  token: {s}\n  token: {s}\n"),
        format!("{head}secrets:\n  token: *{s}\n"),
        format!("{head}secrets:\n  token: !{s} x\n"),
        format!("{head}secrets:\n  token: {s}: {s}\n"),
        format!("{head}secrets:\n  token: {long}: {long}\n"),
        format!("{head}secrets: {long}\n"),
        format!("{head}principals:\n  user:\n    credentials: {s}\n"),
        format!("{head}principals:\n  user:\n    token: {s}\n"),
        format!("{head}principals: {{ user: {{ credentials: {{ nokind: {s} }} }} }}\n"),
        format!("{head}principals: {{ user: {{ credentials: {{ token: {{ oauth: {s} }} }} }} }}\n"),
        format!(
            "{head}principals: {{ user: {{ credentials: {{ token: {{ oauth2: {{ client_secret: {s} }} }} }} }} }}\n"
        ),
        format!("target: x\ncontract: bare\nurl: https://me:{s}@localhost:1\n"),
        format!("target: x\ncontract: bare\nurl: http://me:{s}@localhost:1\n"),
        format!("{s}\n"),
        format!("- {s}\n"),
    ] {
        let files = Files::new(CONTRACT, CHECKS);
        files.write("target.yaml", &text);
        let ran = proofmark(&files.run(), &[]).await;
        ran.in_order();
        assert_eq!(ran.code, Some(2), "{text}\n{}", ran.text());
        let shown = [ran.stdout, ran.stderr].concat();
        clean(&text, &shown);
        let shown = String::from_utf8_lossy(&shown);
        assert!(!shown.contains("cnry-long-0123"), "{text}\n{shown}");
    }
}
