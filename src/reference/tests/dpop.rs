use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Map, Value, json};
use tokio::io::AsyncWriteExt;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::client::{Seen, connect, read_answer, request, send, start, trusting};
use crate::jose::{Algorithm, SigningKey, StrictJws, base64url, mint};
use crate::reference::{Contract, Deployment};

/// A client with a key of its own.
struct Holder {
    deployment: Deployment,
    key: SigningKey,
    /// Of the names of project key, proof and so on: empty or `nonce_`.
    tenant: &'static str,
}

/// What a proof says besides what it has to.
#[derive(Default)]
struct Says<'a> {
    nonce: Option<String>,
    header: Option<(&'a str, Value)>,
}

const ME: &str = "GET /v2/users/me";
const EXCHANGE: &str = "POST /v2/auth/token";
const REFRESH: &str = "POST /v2/auth/refresh";

impl Holder {
    fn of(flaws: &[&str]) -> Self {
        Self {
            deployment: start(Contract::Pers, flaws),
            key: SigningKey::generate(Algorithm::ES256).expect("a key"),
            tenant: "",
        }
    }

    fn with_nonces(flaws: &[&str]) -> Self {
        Self {
            tenant: "nonce_",
            ..Self::of(flaws)
        }
    }

    fn proof_by(&self, key: &SigningKey, line: &str, token: &str, says: &Says<'_>) -> String {
        let (method, target) = line.split_once(' ').expect("method and target");
        let public = key.public().map(|public| public.jwk_members());
        let mut header = Map::new();
        header.insert("typ".to_owned(), "dpop+jwt".into());
        header.insert("alg".to_owned(), key.algorithm().name().into());
        header.insert("jwk".to_owned(), public.unwrap_or_default().into());
        if let Some((name, value)) = &says.header {
            header.insert((*name).to_owned(), value.clone());
        }
        let fresh = format!("{:032x}", rand::random::<u128>());
        let mut claims = json!({
            "jti": fresh,
            "htm": method,
            "htu": format!("{}{target}", self.deployment.origin()),
            "iat": crate::reference::token::now(),
        });
        if !token.is_empty() {
            claims["ath"] = base64url::encode(digest(&SHA256, token.as_bytes())).into();
        }
        if let Some(nonce) = &says.nonce {
            claims["nonce"] = nonce.as_str().into();
        }
        let claims = claims.as_object().expect("an object");
        String::from_utf8(mint(&header, claims, key).expect("signed")).expect("ASCII")
    }

    /// With a key that has no public half to show.
    fn proof_with(&self, key: &SigningKey, jwk: &Value, line: &str, token: &str) -> String {
        let says = Says {
            header: Some(("jwk", jwk.clone())),
            ..Says::default()
        };
        self.proof_by(key, line, token, &says)
    }

    fn proof(&self, line: &str, token: &str) -> String {
        self.proof_by(&self.key, line, token, &Says::default())
    }

    /// With the project key and these fields.
    async fn ask(&self, line: &str, fields: &[(&str, &str)], body: &str) -> Seen {
        let (method, target) = line.split_once(' ').expect("method and target");
        let key = &self.deployment.secrets[&format!("{}project_key", self.tenant)];
        let mut all = vec![("X-Project-Key", key.as_str())];
        all.extend_from_slice(fields);
        send(&self.deployment, method, target, &all, body).await
    }

    async fn exchange(&self, proofs: &[&str]) -> Seen {
        self.exchange_of("user", proofs).await
    }

    async fn exchange_of(&self, name: &str, proofs: &[&str]) -> Seen {
        let proof = &self.deployment.secrets[&format!("{}{name}_proof", self.tenant)];
        let body = json!({ "authToken": proof }).to_string();
        let fields: Vec<_> = proofs.iter().map(|proof| ("dpop", *proof)).collect();
        self.ask(EXCHANGE, &fields, &body).await
    }

    async fn bound(&self) -> Value {
        let seen = self.exchange(&[&self.proof(EXCHANGE, "")]).await;
        assert_eq!(seen.status, 200, "{}", seen.body);
        seen.json()
    }

    async fn me(&self, scheme: &str, token: &str, proofs: &[&str]) -> Seen {
        let line = format!("{scheme} {token}");
        let mut fields = vec![("Authorization", line.as_str())];
        fields.extend(proofs.iter().map(|proof| ("DPoP", *proof)));
        self.ask(ME, &fields, "").await
    }

    async fn refresh(&self, token: &Value, proofs: &[&str]) -> Seen {
        let body = json!({ "refreshToken": token }).to_string();
        let fields: Vec<_> = proofs.iter().map(|proof| ("DPoP", *proof)).collect();
        self.ask(REFRESH, &fields, &body).await
    }
}

fn token(answer: &Value) -> &str {
    answer["accessToken"].as_str().expect("a token")
}

fn cnf(answer: &Value) -> Value {
    let jws = StrictJws::parse(token(answer).as_bytes()).expect("a token");
    let claims = jws.claims().expect("claims");
    claims.get("cnf").cloned().unwrap_or_default()
}

/// The challenge of this scheme.
fn challenge(seen: &Seen, scheme: &str) -> Option<String> {
    let begin = format!("www-authenticate: {scheme} ");
    let lines = seen.head.lines();
    let mut found = lines.filter(|line| line.to_lowercase().starts_with(&begin.to_lowercase()));
    found.next().map(|line| line[begin.len()..].to_owned())
}

#[tokio::test]
async fn a_token_is_bound_where_its_client_wants_it() {
    let holder = Holder::of(&[]);
    let answer = holder.exchange(&[]).await.json();
    assert_eq!(answer["token_type"], "Bearer");
    assert_eq!(cnf(&answer), Value::Null);
    let plain = token(&answer);
    assert_eq!(holder.me("Bearer", plain, &[]).await.status, 200);
    let proof = holder.proof(ME, plain);
    assert_eq!(holder.me("DPoP", plain, &[&proof]).await.status, 401);

    let answer = holder.bound().await;
    assert_eq!(answer["token_type"], "DPoP");
    let thumbprint = holder.key.jwk().thumbprint().expect("a thumbprint");
    assert_eq!(cnf(&answer), json!({ "jkt": thumbprint }));
    let bound = token(&answer);
    let proof = holder.proof(ME, bound);
    for (scheme, proofs, status) in [
        ("Bearer", vec![], 401),
        ("Bearer", vec![proof.as_str()], 401),
        ("DPoP", vec![], 401),
        ("DPoP", vec![&proof], 200),
        ("DPoP", vec![&proof], 401),
        ("dpop", vec![&holder.proof(ME, bound)], 200),
        ("DPoP", vec![&holder.proof(ME, "")], 401),
        ("DPoP", vec![&holder.proof("GET /v2/users", bound)], 401),
    ] {
        let seen = holder.me(scheme, bound, &proofs).await;
        assert_eq!(seen.status, status, "{scheme} {proofs:?}");
    }
    let stranger = SigningKey::generate(Algorithm::ES384).expect("a key");
    let proof = holder.proof_by(&stranger, ME, bound, &Says::default());
    let seen = holder.me("DPoP", bound, &[&proof]).await;
    assert!(
        challenge(&seen, "DPoP")
            .expect("a challenge")
            .contains("\"invalid_token\"")
    );
}

#[tokio::test]
async fn refusals_are_told_in_the_words_of_their_scheme() {
    let holder = Holder::of(&[]);
    let seen = holder.ask(ME, &[], "").await;
    let algs = "realm=\"pers\", algs=\"ES256 ES384 EdDSA PS256\"";
    assert_eq!(
        challenge(&seen, "Bearer").as_deref(),
        Some("realm=\"pers\"")
    );
    assert_eq!(challenge(&seen, "DPoP").as_deref(), Some(algs));
    let answer = holder.bound().await;
    let seen = holder.me("DPoP", token(&answer), &["x"]).await;
    let said = challenge(&seen, "DPoP").expect("a challenge");
    assert!(said.contains("error=\"invalid_dpop_proof\"") && said.contains("algs="));
    let seen = holder.exchange(&[&holder.proof(ME, "")]).await;
    let body = seen.json();
    assert_eq!(seen.status, 400);
    assert_eq!(
        (&body["error"], &body["code"], &body["category"]),
        (
            &json!("invalid_dpop_proof"),
            &json!("INVALID_DPOP_PROOF"),
            &json!("VALIDATION")
        )
    );
    let seen = holder.exchange(&["x", "y"]).await;
    assert_eq!(seen.json()["error"], "invalid_dpop_proof");
}

#[tokio::test]
async fn a_refresh_token_is_good_with_its_key_alone() {
    let holder = Holder::of(&[]);
    let first = holder.bound().await;
    let refresh_token = &first["refreshToken"];
    let stranger = SigningKey::generate(Algorithm::ES256).expect("a key");
    let foreign = holder.proof_by(&stranger, REFRESH, "", &Says::default());
    assert_eq!(holder.refresh(refresh_token, &[]).await.status, 401);
    assert_eq!(holder.refresh(refresh_token, &[&foreign]).await.status, 401);
    let seen = holder
        .refresh(refresh_token, &[&holder.proof(REFRESH, "")])
        .await;
    assert_eq!(seen.status, 200, "{}", seen.body);
    let second = seen.json();
    assert_eq!(cnf(&second), cnf(&first));
    let used = holder
        .refresh(refresh_token, &[&holder.proof(REFRESH, "")])
        .await;
    assert_eq!(used.status, 401);
    let plain = holder.exchange(&[]).await.json();
    let seen = holder.refresh(&plain["refreshToken"], &[]).await;
    assert_eq!(cnf(&seen.json()), Value::Null);
}

#[tokio::test]
async fn a_client_may_be_registered_for_bound_tokens_only() {
    for (flaws, status) in [(&[][..], 400), (&["dpop-required-binding-ignored"], 200)] {
        let holder = Holder::of(flaws);
        let seen = holder.exchange_of("bound_user", &[]).await;
        assert_eq!(seen.status, status, "{}", seen.body);
        let proof = holder.proof(EXCHANGE, "");
        let seen = holder.exchange_of("bound_user", &[&proof]).await;
        assert_eq!(seen.status, 200);
    }
}

#[tokio::test]
async fn a_secret_that_a_proof_brings_opens_nothing() {
    let secret = SigningKey::secret([7; 32], Algorithm::HS256);
    let jwk = json!({ "kty": "oct", "k": base64url::encode([7; 32]) });
    for (flaws, status) in [(&[][..], 400), (&["dpop-secret-in-proof-trusted"], 200)] {
        let holder = Holder::of(flaws);
        let seen = holder
            .exchange(&[&holder.proof_with(&secret, &jwk, EXCHANGE, "")])
            .await;
        assert_eq!(seen.status, status, "{}", seen.body);
        if status == 200 {
            let answer = seen.json();
            let proof = holder.proof_with(&secret, &jwk, ME, token(&answer));
            let seen = holder.me("DPoP", token(&answer), &[&proof]).await;
            assert_eq!(seen.status, 200, "{}", seen.body);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_twenty_equal_requests_at_once_wins() {
    let holder = Holder::of(&[]);
    let answer = holder.bound().await;
    let credentials = format!("DPoP {}", token(&answer));
    for _ in 0..5 {
        let proof = holder.proof(ME, token(&answer));
        let key = holder.deployment.secrets["project_key"].as_str();
        let fields = [
            ("X-Project-Key", key),
            ("Authorization", &credentials),
            ("DPoP", &proof),
        ];
        let port = holder.deployment.https.port();
        let bytes = request(port, "GET", "/v2/users/me", &fields, "");
        let seen = at_once(&holder.deployment, bytes.as_bytes(), 20).await;
        let won = seen.iter().filter(|status| **status == 200).count();
        assert_eq!(won, 1, "{seen:?}");
    }
}

/// Statuses of requests whose last octets go out together, on connections that are open.
async fn at_once(deployment: &Deployment, bytes: &[u8], times: usize) -> Vec<u16> {
    let start = Arc::new(Barrier::new(times));
    let mut tasks = JoinSet::new();
    for _ in 0..times {
        let mut stream = connect(deployment, trusting(deployment))
            .await
            .expect("TLS");
        let (bytes, start) = (bytes.to_vec(), start.clone());
        tasks.spawn(async move {
            let (front, last) = bytes.split_at(bytes.len() - 1);
            stream.write_all(front).await.expect("written");
            start.wait().await;
            stream.write_all(last).await.expect("written");
            read_answer(&mut stream, false)
                .await
                .expect("an answer")
                .status
        });
    }
    tasks.join_all().await
}

#[tokio::test]
async fn the_third_tenant_demands_nonces() {
    let holder = Holder::with_nonces(&[]);
    assert_eq!(holder.exchange(&[]).await.status, 200);
    let with = |line: &str, token: &str, nonce: Option<String>| {
        let says = Says {
            nonce,
            ..Says::default()
        };
        holder.proof_by(&holder.key, line, token, &says)
    };
    let seen = holder.exchange(&[&with(EXCHANGE, "", None)]).await;
    assert_eq!(
        (seen.status, &seen.json()["error"]),
        (400, &json!("use_dpop_nonce"))
    );
    let nonce = seen.field("dpop-nonce").map(ToOwned::to_owned);
    let seen = holder.exchange(&[&with(EXCHANGE, "", nonce.clone())]).await;
    assert_eq!(seen.status, 200, "{}", seen.body);
    let answer = seen.json();
    let bound = token(&answer);
    // The API has nonces of its own.
    let seen = holder.me("DPoP", bound, &[&with(ME, bound, nonce)]).await;
    assert_eq!(seen.status, 401);
    let said = challenge(&seen, "DPoP").expect("a challenge");
    assert!(said.contains("error=\"use_dpop_nonce\""), "{said}");
    for _ in 0..2 {
        let nonce = seen.field("dpop-nonce").map(ToOwned::to_owned);
        let seen = holder.me("DPoP", bound, &[&with(ME, bound, nonce)]).await;
        assert_eq!(seen.status, 200, "{}", seen.body);
        assert_eq!(seen.field("cache-control"), Some("no-store"));
        assert!(seen.field("dpop-nonce").is_some());
    }
}

#[tokio::test]
async fn a_body_that_is_asked_for_costs_no_second_proof() {
    let holder = Holder::of(&[]);
    let answer = holder.bound().await;
    let line = "PATCH /v2/users/me";
    let proof = holder.proof(line, token(&answer));
    let bearer = format!("DPoP {}", token(&answer));
    let fields = [
        ("Authorization", bearer.as_str()),
        ("DPoP", proof.as_str()),
        ("Expect", "100-continue"),
    ];
    let key = holder.deployment.secrets["project_key"].clone();
    let mut all = vec![("X-Project-Key", key.as_str())];
    all.extend(fields);
    let bytes = request(
        holder.deployment.https.port(),
        "PATCH",
        "/v2/users/me",
        &all,
        r#"{"bio":"b"}"#,
    );
    let seen = super::client::raw(&holder.deployment, bytes.as_bytes(), false).await;
    assert_eq!(seen.status, 100);
    let seen = holder.ask(line, &fields[..2], r#"{"bio":"b"}"#).await;
    assert_eq!(seen.status, 401, "used by the request before");
}

#[tokio::test]
async fn flaws_bend_what_they_name() {
    let at_me = async |flaw: &str, scheme: &str, proof: &dyn Fn(&Holder, &str) -> Vec<String>| {
        let mut statuses = Vec::new();
        for flaws in [&[][..], &[flaw]] {
            let holder = Holder::of(flaws);
            let answer = holder.bound().await;
            let proofs = proof(&holder, token(&answer));
            let proofs: Vec<&str> = proofs.iter().map(String::as_str).collect();
            statuses.push(holder.me(scheme, token(&answer), &proofs).await.status);
        }
        assert_eq!(statuses, [401, 200], "{flaw}");
    };
    let none = |_: &Holder, _: &str| Vec::new();
    let good = |holder: &Holder, token: &str| vec![holder.proof(ME, token)];
    at_me("dpop-bound-token-taken-as-bearer", "Bearer", &none).await;
    at_me("dpop-scheme-unchecked", "Bearer", &good).await;
    at_me("dpop-proof-optional", "DPoP", &none).await;
    at_me("dpop-malformed-proof-ignored", "DPoP", &|_, _| {
        vec!["a.b".to_owned()]
    })
    .await;
    let keyless = |holder: &Holder, token: &str| {
        let says = Says {
            header: Some(("jwk", Value::Null)),
            ..Says::default()
        };
        vec![holder.proof_by(&holder.key, ME, token, &says)]
    };
    at_me("dpop-key-remembered", "DPoP", &keyless).await;

    for (flaw, status, field, value) in [
        ("dpop-challenge-missing", 401, "DPoP", None),
        (
            "dpop-challenge-without-algs",
            401,
            "DPoP",
            Some("realm=\"pers\""),
        ),
    ] {
        let seen = Holder::of(&[flaw]).ask(ME, &[], "").await;
        assert_eq!(seen.status, status);
        assert_eq!(challenge(&seen, field).as_deref(), value, "{flaw}");
    }
    let holder = Holder::of(&["dpop-proof-taken-for-login"]);
    let proof = holder.proof(ME, "");
    assert_eq!(holder.ask(ME, &[("DPoP", &proof)], "").await.status, 200);
    let holder = Holder::of(&["dpop-bad-proof-gives-bearer"]);
    let answer = holder.exchange(&["x"]).await.json();
    assert_eq!(answer["token_type"], "Bearer");
    let holder = Holder::of(&["dpop-binding-forgotten"]);
    let answer = holder.bound().await;
    assert_eq!(
        (&answer["token_type"], cnf(&answer)),
        (&json!("DPoP"), Value::Null)
    );
    let holder = Holder::of(&["dpop-refreshed-token-unbound"]);
    let first = holder.bound().await;
    let seen = holder
        .refresh(&first["refreshToken"], &[&holder.proof(REFRESH, "")])
        .await;
    assert_eq!(cnf(&seen.json()), Value::Null);
    let holder = Holder::of(&["dpop-refresh-token-unbound"]);
    let first = holder.bound().await;
    assert_eq!(
        holder.refresh(&first["refreshToken"], &[]).await.status,
        200
    );
    let holder = Holder::of(&["dpop-loose-token-unbound"]);
    let first = holder.bound().await;
    let line = format!("{ME}?access_token={}", token(&first));
    assert_eq!(holder.ask(&line, &[], "").await.status, 200);
    let holder = Holder::of(&["dpop-proxy-authorization-read"]);
    let first = holder.bound().await;
    let (credentials, proof) = (
        format!("DPoP {}", token(&first)),
        holder.proof(ME, token(&first)),
    );
    let fields = [
        ("Proxy-Authorization", credentials.as_str()),
        ("DPoP", &proof),
    ];
    assert_eq!(holder.ask(ME, &fields, "").await.status, 200);
    let holder = Holder::of(&["dpop-any-algorithm-accepted"]);
    let other = SigningKey::generate(Algorithm::ES512).expect("a key");
    let proof = holder.proof_by(&other, EXCHANGE, "", &Says::default());
    assert_eq!(holder.exchange(&[&proof]).await.status, 200);
    assert_eq!(Holder::of(&[]).exchange(&[&proof]).await.status, 400);
    let holder = Holder::with_nonces(&["dpop-nonce-sent-twice"]);
    let seen = holder.exchange(&[&holder.proof(EXCHANGE, "")]).await;
    let sent = seen.head.to_lowercase().matches("dpop-nonce:").count();
    assert_eq!(sent, 2);
}

#[tokio::test]
async fn a_capitalised_field_name_is_the_same_name() {
    for (flaws, status) in [(&[][..], 200), (&["dpop-field-name-case-compared"], 401)] {
        let holder = Holder::of(flaws);
        let answer = holder.bound().await;
        let bound = token(&answer);
        let (credentials, proof) = (format!("DPoP {bound}"), holder.proof(ME, bound));
        let fields = [("Authorization", credentials.as_str()), ("DPOP", &proof)];
        assert_eq!(holder.ask(ME, &fields, "").await.status, status);
    }
}
