//! What a verifier remembers: proofs that came, and nonces that it gave.

use super::*;

#[test]
fn it_works_once() {
    let attempt = right();
    let proof = attempt.proof();
    let again = attempt.proof();
    assert_ne!(proof, again);
    let twice = |second: &Attempt, text: &str, later: f64, on: &[&str]| {
        let verifier = Verifier::new(ORIGIN.to_owned());
        attempt
            .at(&verifier, &[&proof], NOW, on)
            .expect("the first");
        second.at(&verifier, &[text], NOW + later, on).is_ok()
    };
    assert!(!twice(&attempt, &proof, 0.0, &[]));
    assert!(!twice(&attempt, &again, 0.0, &[]));
    assert!(!twice(&attempt, &proof, 59.0, &[]));
    assert!(!twice(&attempt, &proof, 61.0, &[]));
    assert!(twice(&attempt, &proof, 0.0, &["dpop-replay-unremembered"]));
    assert!(twice(
        &attempt,
        &again,
        0.0,
        &["dpop-replay-remembered-by-text"]
    ));
    assert!(!twice(
        &attempt,
        &proof,
        0.0,
        &["dpop-replay-remembered-by-text"]
    ));
    assert!(twice(
        &attempt,
        &proof,
        3.0,
        &["dpop-replay-forgotten-early"]
    ));
    assert!(!twice(
        &attempt,
        &proof,
        1.0,
        &["dpop-replay-forgotten-early"]
    ));
    let other = right();
    assert!(twice(&other, &other.proof(), 0.0, &[]));
    assert!(!twice(
        &other,
        &other.proof(),
        0.0,
        &["dpop-replay-shared-by-all-keys"]
    ));
    let mut elsewhere = right();
    elsewhere.cnf = attempt.cnf.clone();
    elsewhere.target = "/v2/transactions";
    assert!(!twice(&elsewhere, &proof, 0.0, &[]));
    let trusted = ["dpop-verified-proof-trusted-elsewhere"];
    assert!(twice(&elsewhere, &proof, 0.0, &trusted));
    assert!(!twice(&attempt, &proof, 0.0, &trusted));
}

#[test]
fn a_head_that_is_judged_alone_uses_nothing_up() {
    let attempt = right();
    let verifier = Verifier::new(ORIGIN.to_owned());
    let request = attempt.request(&[&attempt.proof()]);
    for (is_use, is_good) in [(false, true), (true, true), (true, false), (false, true)] {
        let occasion = Occasion {
            request: &request,
            place: Place::Resource,
            token: Some(TOKEN),
            cnf: Some(&attempt.cnf),
            demands_nonce: false,
            is_use,
            now: NOW,
        };
        assert_eq!(verifier.judge(&occasion, &flaws(&[])).is_ok(), is_good);
    }
}

#[test]
fn of_twenty_at_once_one_wins() {
    let winners = |on: &[&str]| {
        let attempt = right();
        let verifier = Verifier::new(ORIGIN.to_owned());
        let proof = attempt.proof();
        std::thread::scope(|scope| {
            let tries: Vec<_> = (0..20)
                .map(|_| scope.spawn(|| attempt.at(&verifier, &[&proof], NOW, on).is_ok()))
                .collect();
            let won = tries
                .into_iter()
                .map(|tried| tried.join().expect("no panic"));
            won.filter(|won| *won).count()
        })
    };
    assert_eq!(winners(&[]), 1);
}

#[test]
fn nonces_are_the_places_own() {
    let verifier = Verifier::new(ORIGIN.to_owned());
    let judged = |nonce: Option<Value>, later: f64, on: &[&str]| {
        let mut attempt = right();
        if let Some(nonce) = nonce {
            attempt = attempt.claim("nonce", nonce);
        }
        let now = super::now();
        let request = attempt.claim("iat", now as u64);
        let proof = request.proof();
        let sent = request.request(&[&proof]);
        let occasion = Occasion {
            request: &sent,
            place: Place::Resource,
            token: Some(TOKEN),
            cnf: Some(&request.cnf),
            demands_nonce: true,
            is_use: true,
            now: now + later,
        };
        verifier.judge(&occasion, &flaws(on))
    };
    let none = flaws(&[]);
    let nonce = verifier.nonce(Place::Resource, &none);
    assert!(
        nonce
            .bytes()
            .all(|octet| octet.is_ascii_graphic() && !b"\"\\".contains(&octet))
    );
    assert_eq!(judged(None, 0.0, &[]), Err(Fault::Nonce));
    assert!(judged(Some(nonce.as_str().into()), 0.0, &[]).is_ok());
    assert!(
        judged(
            Some(nonce.as_str().into()),
            0.0,
            &["dpop-nonce-compared-too-late"]
        )
        .is_err()
    );
    assert_eq!(
        judged(Some(nonce.as_str().into()), 12.0, &[]),
        Err(Fault::Nonce)
    );
    assert!(
        judged(
            Some(nonce.as_str().into()),
            12.0,
            &["dpop-nonce-never-expires"]
        )
        .is_ok()
    );
    assert_eq!(
        judged(Some(nonce.to_uppercase().into()), 0.0, &[]),
        Err(Fault::Nonce)
    );
    assert_eq!(judged(Some(Value::Null), 0.0, &[]), Err(Fault::Nonce));
    assert!(judged(Some("x".into()), 0.0, &["dpop-nonce-unchecked"]).is_ok());
    assert!(judged(None, 0.0, &["dpop-nonce-optional"]).is_ok());
    let foreign = verifier.nonce(Place::TokenEndpoint, &none);
    assert_eq!(
        judged(Some(foreign.as_str().into()), 0.0, &[]),
        Err(Fault::Nonce)
    );
    let shared = ["dpop-nonce-of-other-endpoint-accepted"];
    assert!(judged(Some(foreign.into()), 0.0, &shared).is_ok());
    let time = verifier.nonce(Place::Resource, &flaws(&["dpop-nonce-is-time"]));
    assert!(judged(Some(time.into()), 0.0, &["dpop-nonce-is-time"]).is_ok());
}
