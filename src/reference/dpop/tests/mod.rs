//! What a proof says, with each flaw and without.

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Map, Value, json};

use super::*;
use crate::jose::{SigningKey, base64url, mint, mint_texts};
use crate::reference::Contract;
use crate::reference::http::{Body, Fields, NOWHERE, Version};

mod memory;

const ORIGIN: &str = "https://localhost:7443";
const NOW: f64 = 1_800_000_000.5;
const TOKEN: &str = "a.b.c";

fn flaws(ids: &[&str]) -> FlawSet {
    Contract::Pers.catalogue().select(ids).expect("known flaws")
}

fn key(algorithm: Algorithm) -> SigningKey {
    SigningKey::generate(algorithm).expect("a key")
}

/// A request for `/v2/users/me`, and a proof for it.
struct Attempt {
    key: SigningKey,
    header: Map<String, Value>,
    claims: Map<String, Value>,
    method: &'static str,
    target: &'static str,
    authority: &'static str,
    fields: Vec<(&'static str, String)>,
    cnf: Value,
}

fn object(value: Value) -> Map<String, Value> {
    value.as_object().cloned().expect("an object")
}

fn right() -> Attempt {
    let key = key(Algorithm::ES256);
    let public = key.public().expect("a public half");
    Attempt {
        header: object(json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": public.jwk_members() })),
        claims: object(json!({
            "jti": "0123456789abcdef", "htm": "GET", "htu": format!("{ORIGIN}/v2/users/me"),
            "iat": NOW as u64, "ath": base64url::encode(digest(&SHA256, TOKEN.as_bytes())),
        })),
        cnf: binding::cnf(&key.jwk().thumbprint().expect("a thumbprint")),
        key,
        method: "GET",
        target: "/v2/users/me?x=1",
        authority: "localhost:7443",
        fields: Vec::new(),
    }
}

impl Attempt {
    fn header(mut self, name: &str, value: Value) -> Self {
        self.header.insert(name.to_owned(), value);
        self
    }

    fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(name.to_owned(), value.into());
        self
    }

    fn proof(&self) -> String {
        String::from_utf8(mint(&self.header, &self.claims, &self.key).expect("signed"))
            .expect("ASCII")
    }

    fn request(&self, proofs: &[&str]) -> Request {
        let mut fields = Fields::default();
        for (name, value) in &self.fields {
            fields.push(name, value.as_bytes());
        }
        for proof in proofs {
            fields.push("DPoP", proof.as_bytes());
        }
        Request {
            method: self.method.to_owned(),
            target: self.target.to_owned(),
            authority: self.authority.to_owned(),
            version: Version::Http11,
            fields,
            body: Body::Bytes(Vec::new()),
            encrypted: true,
            peer: NOWHERE,
            node: crate::reference::http::Node::default(),
        }
    }

    fn at(
        &self,
        verifier: &Verifier,
        proofs: &[&str],
        now: f64,
        on: &[&str],
    ) -> Result<Proof, Fault> {
        let request = self.request(proofs);
        let occasion = Occasion {
            request: &request,
            place: Place::Resource,
            token: Some(TOKEN),
            cnf: Some(&self.cnf),
            demands_nonce: false,
            is_use: true,
            now,
        };
        verifier.judge(&occasion, &flaws(on))
    }

    fn judged(&self, on: &[&str]) -> Result<Proof, Fault> {
        self.text_judged(&self.proof(), on)
    }

    fn text_judged(&self, proof: &str, on: &[&str]) -> Result<Proof, Fault> {
        self.at(&Verifier::new(ORIGIN.to_owned()), &[proof], NOW, on)
    }

    /// Refused by a correct verifier, and taken by one with this flaw.
    fn is_taken_with(&self, flaw: &str) {
        assert!(self.judged(&[]).is_err(), "without {flaw}");
        assert!(
            self.judged(&[flaw]).is_ok(),
            "with {flaw}: {:?}",
            self.judged(&[flaw])
        );
    }

    /// Taken by a correct verifier, and refused by one with this flaw.
    fn is_refused_with(&self, flaw: &str) {
        assert!(
            self.judged(&[]).is_ok(),
            "without {flaw}: {:?}",
            self.judged(&[])
        );
        assert!(self.judged(&[flaw]).is_err(), "with {flaw}");
    }
}

#[test]
fn a_right_proof_is_taken_whatever_the_algorithm() {
    for algorithm in ALGORITHMS {
        let key = key(algorithm);
        let mut attempt = right().header("alg", algorithm.name().into());
        attempt = attempt.header("jwk", key.public().expect("public").jwk_members().into());
        attempt.cnf = binding::cnf(&key.jwk().thumbprint().expect("a thumbprint"));
        attempt.key = key;
        let proof = attempt.judged(&[]).expect("a right proof");
        assert_eq!(attempt.cnf["jkt"], proof.thumbprint.as_str());
        assert_eq!(proof.thumbprint.len(), 43);
    }
}

#[test]
fn one_line_with_one_proof() {
    let attempt = right();
    let one = attempt.proof();
    let two = right().proof();
    let at = |proofs: &[&str], on: &[&str]| {
        attempt.at(&Verifier::new(ORIGIN.to_owned()), proofs, NOW, on)
    };
    assert_eq!(at(&[], &[]), Err(Fault::Absent));
    assert!(at(&[&one, &two], &[]).is_err());
    assert!(at(&[&one, "x"], &["dpop-first-line-read"]).is_ok());
    assert!(at(&["x", &one], &["dpop-last-line-read"]).is_ok());
    for list in [
        format!("{one}, {two}"),
        format!("{one} {two}"),
        format!("{one},"),
    ] {
        assert_eq!(at(&[&list], &[]), Err(Fault::Malformed));
        assert!(at(&[&list], &["dpop-list-read"]).is_ok());
    }
    for text in ["", "a.b", "a.b.c.d", "e30.e30.", "{}"] {
        assert_eq!(at(&[text], &[]), Err(Fault::Malformed), "{text}");
    }
}

#[test]
fn what_the_header_says() {
    for typ in [json!("JWT"), json!(""), json!("dpop"), json!(1)] {
        right()
            .header("typ", typ)
            .is_taken_with("dpop-typ-unchecked");
    }
    let mut attempt = right();
    attempt.header.remove("typ");
    attempt.is_taken_with("dpop-typ-unchecked");
    right()
        .header("crit", json!(["x"]))
        .header("x", json!(1))
        .is_taken_with("dpop-crit-ignored");
    right()
        .header("crit", json!([]))
        .is_taken_with("dpop-crit-ignored");
    let mut attempt = right();
    attempt.header["jwk"]["d"] = "AQAB".into();
    attempt.is_taken_with("dpop-private-key-accepted");
    let mut attempt = right();
    attempt.header["jwk"]["kid"] = "1".into();
    attempt.is_refused_with("dpop-thumbprint-of-key-as-received");
    for jwk in [json!(null), json!("text"), json!({ "kty": "XYZ" })] {
        assert!(right().header("jwk", jwk).judged(&[]).is_err());
    }
}

#[test]
fn what_signs_it() {
    let attempt = right();
    let proof = attempt.proof();
    let (input, signature) = proof.rsplit_once('.').expect("three parts");
    let mut octets = base64url::decode(signature).expect("base64url");
    let with = |octets: &[u8]| format!("{input}.{}", base64url::encode(octets));
    let check = |proof: String, flaw: &str| {
        assert!(attempt.text_judged(&proof, &[]).is_err(), "without {flaw}");
        assert!(attempt.text_judged(&proof, &[flaw]).is_ok(), "with {flaw}");
    };
    check(with(&[]), "dpop-empty-signature-accepted");
    check(with(&[0; 64]), "dpop-ecdsa-zero-accepted");
    octets.push(7);
    check(with(&octets), "dpop-signature-tail-ignored");
    octets[9] ^= 1;
    check(with(&octets[..64]), "dpop-signature-unchecked");

    let mut attempt = right();
    attempt.header["alg"] = "none".into();
    let text = |value: &Map<String, Value>| Value::Object(value.clone()).to_string();
    let (header, claims) = (text(&attempt.header), text(&attempt.claims));
    let unsigned = mint_texts(
        header.as_bytes(),
        claims.as_bytes(),
        &attempt.key,
        Algorithm::ES256,
    );
    let unsigned = String::from_utf8(unsigned.expect("signed")).expect("ASCII");
    let unsigned = &unsigned[..=unsigned.rfind('.').expect("a dot")];
    assert!(attempt.text_judged(unsigned, &[]).is_err());
    assert!(
        attempt
            .text_judged(unsigned, &["dpop-alg-none-accepted"])
            .is_ok()
    );

    let with_alg = |alg: &str, key: &SigningKey, algorithm| {
        let header = text(
            &right()
                .header("alg", alg.into())
                .header("jwk", attempt.header["jwk"].clone())
                .header,
        );
        let proof = mint_texts(header.as_bytes(), claims.as_bytes(), key, algorithm);
        String::from_utf8(proof.expect("signed")).expect("ASCII")
    };
    let pem = attempt.key.public().expect("public").spki_pem();
    let secret = SigningKey::secret(pem.as_bytes(), Algorithm::HS256);
    let forged = with_alg("HS256", &secret, Algorithm::HS256);
    assert!(attempt.text_judged(&forged, &[]).is_err());
    assert!(
        attempt
            .text_judged(&forged, &["dpop-public-key-taken-for-secret"])
            .is_ok()
    );
    for alg in ["es256", "EdDSA"] {
        let forged = with_alg(alg, &attempt.key, Algorithm::ES256);
        assert!(attempt.text_judged(&forged, &[]).is_err());
        assert!(
            attempt
                .text_judged(&forged, &["dpop-algorithm-chosen-by-key"])
                .is_ok()
        );
    }
}

#[test]
fn what_it_is_for() {
    right()
        .claim("htm", "POST")
        .is_taken_with("dpop-htm-unchecked");
    right()
        .claim("htm", "get")
        .is_taken_with("dpop-htm-case-ignored");
    let mut attempt = right();
    attempt.method = "HEAD";
    attempt.is_taken_with("dpop-head-taken-for-get");
    for (htu, flaw) in [
        ("/v2/users", "dpop-htu-path-unchecked"),
        ("/v2/users/me/child", "dpop-htu-compared-by-beginning"),
        ("/v2/users/me/../other", "dpop-htu-compared-by-beginning"),
        ("/v2/users/me/", "dpop-htu-slash-trimmed"),
        ("/v2/users/ME", "dpop-htu-case-ignored"),
        ("/v2%2Fusers/me", "dpop-htu-decoded-fully"),
    ] {
        right()
            .claim("htu", format!("{ORIGIN}{htu}"))
            .is_taken_with(flaw);
    }
    for (htu, flaw) in [
        (
            "https://other.invalid/v2/users/me",
            "dpop-htu-host-unchecked",
        ),
        (
            "http://localhost:7443/v2/users/me",
            "dpop-htu-host-unchecked",
        ),
        ("/v2/users/me", "dpop-htu-host-unchecked"),
        (
            "https://evil.invalid/https://localhost:7443/v2/users/me",
            "dpop-htu-searched-in-text",
        ),
        (
            "https://evil@localhost:7443/v2/users/me",
            "dpop-htu-userinfo-dropped",
        ),
        ("", "dpop-htu-unchecked"),
    ] {
        right().claim("htu", htu).is_taken_with(flaw);
    }
    right()
        .claim("htu", "HTTPS://LOCALHOST:7443/v2/users/%6de")
        .is_refused_with("dpop-htu-compared-octet-for-octet");
    right().is_refused_with("dpop-htu-compared-with-query");
    for (name, value, htu, flaw) in [
        (
            "x-forwarded-host",
            "evil.invalid",
            "https://evil.invalid/v2/users/me",
            "dpop-htu-of-forwarded-host",
        ),
        (
            "forwarded",
            "for=x;host=evil.invalid",
            "https://evil.invalid/v2/users/me",
            "dpop-htu-of-forwarded-host",
        ),
        (
            "x-forwarded-proto",
            "http",
            "http://localhost:7443/v2/users/me",
            "dpop-htu-of-forwarded-scheme",
        ),
        (
            "x-original-url",
            "/other",
            "https://localhost:7443/other",
            "dpop-htu-of-original-url",
        ),
    ] {
        let mut attempt = right().claim("htu", htu);
        attempt.fields.push((name, value.to_owned()));
        attempt.is_taken_with(flaw);
    }
}

#[test]
fn the_host_field_is_no_authority_on_the_own_address() {
    let mut attempt = right().claim("htu", "https://127.0.0.1:9/v2/users/me");
    attempt.authority = "127.0.0.1:9";
    attempt.is_taken_with("dpop-htu-of-host-field");
    let mut attempt = right();
    attempt.authority = "127.0.0.1:9";
    attempt.judged(&[]).expect("the own address");
}

#[test]
fn when_it_was_made() {
    let now = NOW as u64;
    right()
        .claim("iat", now - 5)
        .judged(&[])
        .expect("honest skew");
    right()
        .claim("iat", now + 5)
        .is_refused_with("dpop-skew-refused");
    right()
        .claim("iat", now - 61)
        .is_taken_with("dpop-old-proof-accepted");
    right()
        .claim("iat", now + 70)
        .is_taken_with("dpop-future-proof-accepted");
    right()
        .claim("iat", now.to_string())
        .is_taken_with("dpop-iat-coerced");
    right()
        .claim("iat", json!([now]))
        .is_taken_with("dpop-iat-coerced");
    right()
        .claim("iat", Value::Null)
        .is_taken_with("dpop-iat-optional");
    right()
        .claim("exp", now - 60)
        .is_taken_with("dpop-exp-ignored");
    right()
        .claim("nbf", now + 60)
        .is_taken_with("dpop-exp-ignored");
    for odd in [
        json!({}),
        json!(true),
        json!(-1),
        json!(0),
        json!(1e30),
        json!(now * 1000),
    ] {
        assert!(
            right().claim("iat", odd.clone()).judged(&[]).is_err(),
            "{odd}"
        );
    }
    right()
        .claim("iat", NOW - 0.25)
        .judged(&[])
        .expect("a NumericDate may have a fraction");
}

#[test]
fn which_token_it_goes_with() {
    let hash = digest(&SHA256, TOKEN.as_bytes());
    let right_ath = base64url::encode(hash);
    let mut attempt = right();
    attempt.claims.remove("ath");
    attempt.is_taken_with("dpop-ath-optional");
    right()
        .claim("ath", "x".repeat(43))
        .is_taken_with("dpop-ath-uncompared");
    right()
        .claim("ath", hex::encode(hash))
        .is_taken_with("dpop-ath-decoded-leniently");
    right()
        .claim("ath", &right_ath[..22])
        .is_taken_with("dpop-ath-compared-by-beginning");
    for odd in [json!(null), json!(0), json!([right_ath])] {
        assert!(right().claim("ath", odd).judged(&[]).is_err());
    }
}

#[test]
fn names_that_stand_twice() {
    let attempt = right();
    let text = |value: &Map<String, Value>| Value::Object(value.clone()).to_string();
    let signed = |header: &str, claims: &str| {
        let proof = mint_texts(
            header.as_bytes(),
            claims.as_bytes(),
            &attempt.key,
            Algorithm::ES256,
        );
        String::from_utf8(proof.expect("signed")).expect("ASCII")
    };
    let (header, claims) = (text(&attempt.header), text(&attempt.claims));
    let more = |text: &str, member: &str| text.replacen('}', &format!(",{member}}}"), 1);
    for proof in [
        signed(&header, &more(&claims, r#""htm":"POST""#)),
        signed(&header, &more(&claims, r#""iat":1"#)),
        signed(&header.replacen('{', r#"{"alg":"ES256","#, 1), &claims),
    ] {
        assert_eq!(attempt.text_judged(&proof, &[]), Err(Fault::Malformed));
        let taken = attempt.text_judged(&proof, &["dpop-first-duplicate-wins"]);
        assert!(taken.is_ok(), "{taken:?}");
    }
}

#[test]
fn a_jti_may_be_long() {
    let long = "j".repeat(300);
    right()
        .claim("jti", long.as_str())
        .is_refused_with("dpop-long-jti-crashes");
    for odd in [json!(null), json!(5), json!([]), json!("")] {
        right().claim("jti", odd).is_taken_with("dpop-jti-optional");
    }
    let first = right().claim("jti", format!("{long}a"));
    let mut second = right().claim("jti", format!("{long}b"));
    second.cnf = first.cnf.clone();
    let proof = String::from_utf8(mint(&first.header, &second.claims, &first.key).expect("signed"))
        .expect("ASCII");
    for (on, is_good) in [(&[][..], true), (&["dpop-jti-truncated"], false)] {
        let verifier = Verifier::new(ORIGIN.to_owned());
        first
            .at(&verifier, &[&first.proof()], NOW, on)
            .expect("the first");
        assert_eq!(second.at(&verifier, &[&proof], NOW, on).is_ok(), is_good);
    }
}

#[test]
fn whose_key_it_is() {
    let thumbprint = |attempt: &Attempt| attempt.cnf["jkt"].as_str().expect("text").to_owned();
    let mut attempt = right();
    attempt.cnf = right().cnf;
    assert_eq!(attempt.judged(&[]), Err(Fault::Key));
    attempt.is_taken_with("dpop-key-uncompared");
    for (bend, flaw) in [
        (
            |jkt: String| json!(jkt[..42]),
            "dpop-jkt-compared-by-beginning",
        ),
        (|_| json!(""), "dpop-jkt-compared-by-beginning"),
        (|jkt| json!(jkt.to_uppercase()), "dpop-jkt-case-ignored"),
        (|jkt| json!([jkt]), "dpop-jkt-searched-in-list"),
        (|_| json!(null), "dpop-jkt-optional"),
    ] as [(fn(String) -> Value, &str); 5]
    {
        let mut attempt = right();
        attempt.cnf = json!({ "jkt": bend(thumbprint(&attempt)) });
        attempt.is_taken_with(flaw);
    }
}
