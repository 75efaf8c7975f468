//! We are the issuer: a target gets our keys over TLS, or from a file, and knows our tokens by them, also after the keys
//! have changed.

mod deployment;

use std::net::TcpListener;
use std::path::PathBuf;

use deployment::{Authority, Door, Files, Reply, Request, json, proofmark, serve};
use proofmark::jose::{Jwks, StrictJws, VerifyingKeys};
use proofmark::wire::{Roots, library_client};

const CONTRACT: &str = r#"contract: bare
title: For one test
source: none
credentials:
  token: { header: Authorization, scheme: Bearer }
issuer: { kinds: [token], algorithm: ES256, claims: { aud: a-test } }
principals:
  user: { roles: [user], credentials: { token: { issue: { claims: { sub: somebody } } } } }
operations:
  me: { request: GET /me, allow: [user], is: [personal] }
answers:
  accepted: { status: 2xx }
  refused: { status: 401 }
checks: { include: ["BARE-*"] }
"#;

const CHECKS: &str = r#"
- id: BARE-SIG-01
  title: Only the issuer signs
  level: must
  source: none
  control: [{ send: me, as: user, control: accepted }]
  steps:
    - { send: me, as: user, token: signature-of-stranger, expect: refused }
  remedy: none
  proved_by: [token-signature-unchecked]
- id: BARE-ROT-01
  title: Keys come and go
  level: must
  source: none
  alone: true
  control: [{ send: me, as: user, control: accepted }]
  steps:
    - rotate: swap
    - { send: me, as: user, expect: accepted }
    - rotate: sign-with-old
    - { send: me, as: user, expect: refused }
    - rotate: empty
    - { send: me, as: user, expect: refused }
    - rotate: restore
    - { send: me, as: user, expect: accepted }
  remedy: none
  proved_by: [withdrawn-keys-kept]
"#;

/// Where the deployment gets the key set, anew for each request.
#[derive(Clone)]
enum Keys {
    Address {
        url: String,
        root: String,
    },
    File(PathBuf),
    /// Once, from the file, for ever.
    Kept(PathBuf, std::sync::Arc<std::sync::OnceLock<Vec<u8>>>),
}

impl Keys {
    fn set(&self) -> Option<Vec<u8>> {
        match self {
            Keys::File(file) => std::fs::read(file).ok(),
            Keys::Kept(file, kept) => {
                Some(kept.get_or_init(|| std::fs::read(file).unwrap()).clone())
            }
            Keys::Address { url, root } => {
                let (url, client) = (url.clone(), library_client(&Roots::only(root)).unwrap());
                // The server of this test answers in the middle of a runtime.
                let asks = std::thread::spawn(move || {
                    let runtime = tokio::runtime::Builder::new_current_thread()
                        .enable_all()
                        .build();
                    runtime.unwrap().block_on(async {
                        let answer = client.get(&url).send().await.ok()?;
                        Some(answer.bytes().await.ok()?.to_vec())
                    })
                });
                asks.join().unwrap()
            }
        }
    }

    fn know(&self, request: &Request) -> bool {
        let verified = || {
            let token = request.header("authorization").strip_prefix("Bearer ")?;
            let keys = VerifyingKeys::new(&Jwks::parse(&self.set()?).ok()?).ok()?;
            let token = StrictJws::parse(token.as_bytes()).ok()?;
            keys.verify(&token).ok()?;
            let claims: serde_json::Value = serde_json::from_slice(token.payload()).ok()?;
            (claims["aud"] == "a-test" && claims["sub"] == "somebody").then_some(())
        };
        verified().is_some()
    }
}

/// Verdict of each check, the journal, and what was printed.
async fn run(keys: Keys, files: &Files, more: &str) -> (Vec<(String, String)>, String) {
    let site = serve(Door::Open, move |request, _| {
        Reply::Keep(match keys.know(request) {
            true => json("200 OK", r#"{ "me": true }"#),
            false => deployment::answer("401 Unauthorized", &["WWW-Authenticate: Bearer"], b""),
        })
    })
    .await;
    let more = format!(
        "{more}limits: {{ connect_s: 2, answer_s: 5 }}\nconsent: {{ max_requests_per_second: 100000 }}\n"
    );
    files.target(&site, "bare", &more);
    let ran = proofmark(&files.run(), &[]).await;
    ran.in_order();
    let shown = format!("{}{}", files.journal(), ran.text());
    (files.verdicts().into_iter().collect(), shown)
}

fn verdicts(all: &[(&str, &str)]) -> Vec<(String, String)> {
    all.iter()
        .map(|(id, verdict)| ((*id).to_owned(), (*verdict).to_owned()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_fetches_our_keys_over_tls_knows_our_tokens() {
    let authority = Authority::new();
    let (certificate, key) = authority.issue(&["localhost"]);
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let url = format!("https://localhost:{port}");
    let files = Files::new(CONTRACT, CHECKS);
    files.write("chain.pem", &certificate);
    files.write("key.pem", &key);
    let keys = Keys::Address {
        url: format!("{url}/.well-known/jwks.json"),
        root: authority.pem(),
    };
    let more = format!(
        "secrets: {{ chain: '${{file:chain.pem}}', key: '${{file:key.pem}}' }}\n\
         issuer: {{ listen: '127.0.0.1:{port}', url: {url}, certificate: '${{secret.chain}}', key: '${{secret.key}}' }}\n"
    );
    let (found, shown) = run(keys, &files, &more).await;
    assert_eq!(
        found,
        verdicts(&[("BARE-ROT-01", "pass"), ("BARE-SIG-01", "pass")]),
        "{shown}"
    );
    let secret = key.lines().nth(1).unwrap();
    assert!(!shown.contains(secret), "the private key is shown");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_reads_our_keys_from_a_file_knows_our_tokens() {
    let files = Files::new(CONTRACT, CHECKS);
    let keys = Keys::File(files.path("jwks.json"));
    let (found, shown) = run(keys, &files, "issuer: { file: jwks.json }\n").await;
    assert_eq!(
        found,
        verdicts(&[("BARE-ROT-01", "pass"), ("BARE-SIG-01", "pass")]),
        "{shown}"
    );
    let left = std::fs::read_to_string(files.path("jwks.json")).unwrap();
    assert!(
        left.contains("\"kty\":\"EC\"") && !left.contains("\"d\""),
        "{left}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_never_reads_our_keys_again_is_found_out() {
    let files = Files::new(CONTRACT, CHECKS);
    let keys = Keys::Kept(files.path("jwks.json"), std::sync::Arc::default());
    let (found, shown) = run(keys, &files, "issuer: { file: jwks.json }\n").await;
    assert_eq!(
        found,
        verdicts(&[("BARE-ROT-01", "fail"), ("BARE-SIG-01", "pass")]),
        "{shown}"
    );
}
