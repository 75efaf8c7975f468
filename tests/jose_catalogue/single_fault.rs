//! Each forgery is a single fault: a strict verifier refuses it, one that forgives that one thing accepts it.

use std::collections::BTreeSet;
use std::io::Read as _;

use proofmark::jose::forgery::{Need, Unforgeable, forge};
use proofmark::jose::{SigningKey, StrictJws, base64url};
use proptest::prelude::*;
use serde_json::{Map, Value};

use super::catalogue;
use super::deployment::{Deployment, env, fixture, strangers};
use super::faults::{self, Expect};
use super::forgiving::{Access, Forgives, Forgiving};

/// Judges every forgery that can be made against this deployment; gives the ids that were made.
fn judge_all(deployment: &Deployment, claims: &Map<String, Value>) -> BTreeSet<String> {
    let material = deployment.material(claims);
    let verifier = |forgives| Forgiving {
        deployment,
        forgives,
    };
    let strict = verifier(Forgives::Nothing);
    let valid = material.token().unwrap();
    assert_eq!(
        strict.accept(&valid),
        Ok(Access { admin: false }),
        "the control"
    );
    let mut made = BTreeSet::new();
    for (id, forgery) in catalogue().forgeries() {
        if id.starts_with("proof-") || is_of_a_contract(id) {
            continue;
        }
        let expect = faults::of(id).unwrap_or_else(|| panic!("{id} has no fault"));
        let name = format!("{id} on {}", deployment.algorithm());
        let forged = match forge(forgery, &material, &env()) {
            Ok(forged) => forged,
            Err(
                Unforgeable::Needs(_)
                | Unforgeable::NothingToChange(_)
                | Unforgeable::Sign(_)
                | Unforgeable::Template(_),
            ) => continue,
            Err(reason) => panic!("{name}: {reason}"),
        };
        made.insert(id.to_owned());
        assert_ne!(forged, valid, "{name}");
        let refused = strict.accept(&forged);
        let outcome = match expect {
            Expect::Harmless => continue,
            Expect::Never => {
                assert!(refused.is_err(), "{name}: {refused:?}");
                continue;
            }
            Expect::Refused(forgives) => {
                assert!(refused.is_err(), "{name}: {refused:?}");
                let accepted = verifier(forgives).accept(&forged);
                accepted.map(|_| true)
            }
            Expect::Elevated(forgives) => {
                assert_ne!(refused, Ok(Access { admin: true }), "{name}");
                let accepted = verifier(forgives).accept(&forged);
                accepted.map(|access| access.admin)
            }
        };
        assert_eq!(
            outcome,
            Ok(true),
            "{name}: {expect:?} is not the only fault"
        );
    }
    made
}

#[test]
fn a_verifier_that_forgives_only_that_accepts() {
    let mut made = BTreeSet::new();
    for deployment in Deployment::all() {
        made.extend(judge_all(deployment, &Deployment::claims()));
    }
    for (id, _) in catalogue().forgeries() {
        assert!(
            made.contains(id) || id.starts_with("proof-") || is_of_a_contract(id),
            "{id} can be made for no deployment"
        );
    }
}

#[test]
fn no_fault_is_listed_for_nothing() {
    let catalogue = catalogue();
    for (name, _) in faults::FAULTS {
        assert!(catalogue.named(name).count() > 0, "{name}");
    }
}

/// Our own strict verifier, which shares nothing with the forgiving one, refuses whatever was not signed by
/// the issuer.
#[test]
fn the_strict_verifier_refuses_what_the_issuer_did_not_sign() {
    for deployment in Deployment::all() {
        let material = deployment.material(&Deployment::claims());
        let key = deployment.verifying();
        for (id, forgery) in catalogue().forgeries() {
            if forgery.needs().contains(&Need::MintingKey) || id.starts_with("proof-") {
                continue;
            }
            let Ok(forged) = forge(forgery, &material, &env()) else {
                continue;
            };
            let verified = StrictJws::parse(&forged)
                .map_err(|e| e.to_string())
                .and_then(|jws| key.verify(&jws).map_err(|e| e.to_string()));
            // The issuer did sign these.
            let genuine = id == "ecdsa-twin"
                || [
                    "padding/header",
                    "padding/payload",
                    "white-space/space-in-payload",
                    "white-space/space-in-header",
                    "nested-unsecured/signed-by-issuer",
                ]
                .contains(&id);
            assert!(genuine || verified.is_err(), "{id} on {}", deployment.name);
            if id == "ecdsa-twin" {
                assert_eq!(verified, Ok(()));
            }
        }
    }
}

/// What can be made from a captured token alone can be made from a captured token alone, and the needs that are
/// declared are those that are missed.
#[test]
fn needs_are_what_is_missed() {
    use proofmark::jose::forgery::{Env, Material};
    let deployments = Deployment::all();
    let rsa = &deployments[1];
    let token = rsa.material(&Deployment::claims()).token().unwrap();
    let captured = Material::captured(&token, strangers()).unwrap();
    let bare = Env::new(0);
    for (id, forgery) in catalogue().forgeries() {
        let needs = forgery.needs();
        let alone = needs == BTreeSet::from([Need::Token]);
        match forge(forgery, &captured, &bare) {
            Ok(_) => assert!(alone, "{id} needs less than {needs:?}"),
            Err(Unforgeable::Needs(need)) => assert!(needs.contains(&need), "{id}: {need}"),
            Err(Unforgeable::Template(_)) => assert!(!alone, "{id}"),
            Err(Unforgeable::NothingToChange(_)) => {}
            // An access token has not the members of a proof.
            Err(Unforgeable::NoMember { .. })
                if id.starts_with("proof-") || is_of_a_contract(id) => {}
            Err(reason) => panic!("{id}: {reason}"),
        }
    }
    assert_eq!(captured.token().unwrap(), token);
}

#[test]
fn a_bomb_is_as_large_as_it_says() {
    let deployments = Deployment::all();
    let rsa = &deployments[1];
    let material = rsa.material(&Deployment::claims());
    let catalogue = catalogue();
    let bomb = forge(
        catalogue.get("jwe-bomb/mebibyte").unwrap(),
        &material,
        &env(),
    )
    .unwrap();
    assert!(bomb.len() < 4096);
    let parts: Vec<Vec<u8>> = bomb
        .split(|o| *o == b'.')
        .map(|part| base64url::decode(part).unwrap())
        .collect();
    let key = aws_lc_rs::rsa::PrivateDecryptingKey::from_pkcs8(&fixture("rsa.pkcs8.der")).unwrap();
    let key = aws_lc_rs::rsa::OaepPrivateDecryptingKey::new(key).unwrap();
    let mut room = [0; 256];
    let key = key
        .decrypt(
            &aws_lc_rs::rsa::OAEP_SHA1_MGF1SHA1,
            &parts[1],
            &mut room,
            None,
        )
        .unwrap();
    let aead = aws_lc_rs::aead::UnboundKey::new(&aws_lc_rs::aead::AES_256_GCM, key).unwrap();
    let nonce = aws_lc_rs::aead::Nonce::try_assume_unique_for_key(&parts[2]).unwrap();
    let aad = aws_lc_rs::aead::Aad::from(bomb.split(|o| *o == b'.').next().unwrap());
    let mut sealed = [&parts[3][..], &parts[4]].concat();
    let aead = aws_lc_rs::aead::LessSafeKey::new(aead);
    let content = aead.open_in_place(nonce, aad, &mut sealed).unwrap();
    let mut inflated = Vec::new();
    flate2::read::DeflateDecoder::new(&*content)
        .read_to_end(&mut inflated)
        .unwrap();
    assert_eq!(inflated, vec![0; 1 << 20]);
}

/// About claims that one contract gives a meaning, which the verifier of this test does not know.
fn is_of_a_contract(id: &str) -> bool {
    ["tenant-claim/", "name-claim/", "cnf-jkt/"]
        .iter()
        .any(|entry| id.starts_with(entry))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    /// Whatever else the token says.
    #[test]
    fn whatever_else_the_token_says(
        more in proptest::collection::hash_map("x[a-z\"\\\\é]{0,6}", "[ -~é\n]{0,12}", 0..4),
        elliptic: bool,
    ) {
        let mut claims = Deployment::claims();
        for (name, value) in more {
            claims.insert(name, value.into());
        }
        let deployments = Deployment::all();
        judge_all(&deployments[if elliptic { 0 } else { 4 }], &claims);
    }
}

/// Secrets of the forger and of the issuer stay where they are.
#[test]
fn keys_do_not_show() {
    let key = SigningKey::secret(*b"hunter2", proofmark::jose::Algorithm::HS256);
    let env = env().with("secret", "hunter2");
    assert!(!format!("{key:?} {:?} {env:?}", strangers()).contains("hunter2"));
}
