use serde_json::json;

use super::*;
use crate::jose::{Algorithm, SigningKey, mint};

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        other => panic!("{other} is no object"),
    }
}

fn key() -> SigningKey {
    SigningKey::secret(*b"a secret of this test, 32 octets", Algorithm::HS256)
}

fn token_with(header: Value, claims: &Map<String, Value>) -> String {
    let octets = mint(&object(header), claims, &key()).unwrap();
    String::from_utf8(octets).unwrap()
}

fn token(claims: &Map<String, Value>) -> String {
    token_with(json!({ "alg": "HS256", "typ": "JWT" }), claims)
}

fn valid() -> Map<String, Value> {
    object(
        json!({ "sub": "somebody", "iat": 1_700_000_000, "exp": 1_700_000_300, "jti": "one", "role": "user" }),
    )
}

fn with(name: &str, value: Value) -> Map<String, Value> {
    let mut claims = valid();
    claims.insert(name.to_owned(), value);
    claims
}

/// What is said of a token that was issued with the second claims where the first were asked for.
fn said(wanted: &Map<String, Value>, issued: &Map<String, Value>) -> Option<String> {
    departure(&token(&valid()), wanted, &token(issued))
}

#[test]
fn a_token_with_the_wanted_claims_is_taken() {
    let wanted = with("role", json!("admin"));
    assert_eq!(said(&wanted, &wanted), None);
    let mut without = valid();
    without.remove("exp");
    assert_eq!(said(&without, &without), None);
}

#[test]
fn times_and_ids_may_be_new_where_the_forgery_leaves_them_alone() {
    let wanted = with("role", json!("admin"));
    let mut issued = wanted.clone();
    for (name, value) in [
        ("iat", json!(1_700_000_009)),
        ("exp", json!(1_700_000_309)),
        ("nbf", json!(1_700_000_009)),
        ("jti", json!("two")),
    ] {
        issued.insert(name.to_owned(), value);
    }
    assert_eq!(said(&wanted, &issued), None);
}

#[test]
fn a_claim_of_the_forgery_is_there_as_it_was_asked_for() {
    for (wanted, issued, says) in [
        (
            with("role", json!("admin")),
            valid(),
            "it wrote another `role`",
        ),
        // Times, too, where they are what the forgery is about.
        (with("exp", json!(1)), valid(), "it wrote another `exp`"),
        (
            with("nbf", json!("9")),
            with("nbf", json!(9)),
            "it wrote another `nbf`",
        ),
        (
            with("iss", json!(["a", "b"])),
            with("iss", json!("a")),
            "it wrote another `iss`",
        ),
    ] {
        assert_eq!(said(&wanted, &issued).as_deref(), Some(says));
    }
    let mut without = valid();
    without.remove("exp");
    assert_eq!(
        said(&without, &valid()).as_deref(),
        Some("it wrote another `exp`")
    );
}

#[test]
fn a_claim_that_nobody_asked_for_is_a_second_fault() {
    let wanted = with("role", json!("admin"));
    let mut issued = wanted.clone();
    issued.insert("sub".to_owned(), json!("somebody else"));
    assert_eq!(
        said(&wanted, &issued).as_deref(),
        Some("it wrote another `sub`")
    );
    let mut issued = wanted.clone();
    issued.insert("test".to_owned(), json!(true));
    assert_eq!(
        said(&wanted, &issued).as_deref(),
        Some("it wrote another `test`")
    );
}

#[test]
fn another_header_and_what_is_no_token_are_not_taken() {
    let wanted = with("role", json!("admin"));
    let other = token_with(json!({ "alg": "HS256", "typ": "test" }), &wanted);
    let said = |issued: &str| departure(&token(&valid()), &wanted, issued);
    assert_eq!(said(&other).as_deref(), Some("it wrote another header"));
    for issued in ["", "denied", "e30.e30", "e30.e30.!"] {
        assert_eq!(
            said(issued).as_deref(),
            Some("what it issued is no JWT with claims")
        );
    }
    let opaque = departure("2YotnFZFEjr1zCsicMWpAA", &wanted, &token(&wanted));
    assert_eq!(
        opaque.as_deref(),
        Some("the valid token is no JWT with claims")
    );
}
