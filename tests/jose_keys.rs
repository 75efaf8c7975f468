//! Keys in every spelling: what is read, what is written, what is refused.

use aws_lc_rs::encoding::AsDer;
use proofmark::jose::{
    Algorithm, Curve, EcPublic, Jwk, Jwks, KeyError, KeyMaterial, PublicKey, SigningKey,
    VerifyingKey, Weakness, base64url, canonical_json, import, import_one, private_members,
    thumbprint,
};
use proptest::prelude::*;
use serde_json::json;

/// Made with OpenSSL 3: `genpkey`, then `ec`, `rsa`, `pkey` and `req -x509` for the other spellings.
fn fixture(name: &str) -> Vec<u8> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/keys/");
    std::fs::read(format!("{path}{name}")).unwrap()
}

#[test]
fn openssl_files_of_one_key_are_one_key() {
    for family in [
        &[
            "ec.pkcs8.pem",
            "ec.sec1.pem",
            "ec.pkcs8.der",
            "ec.sec1.der",
            "ec.spki.pem",
            "ec.spki.der",
            "ec.cert.pem",
            "ec.cert.der",
        ][..],
        &["ec384.pkcs8.pem", "ec384.spki.pem"],
        &["ec521.pkcs8.pem", "ec521.spki.pem"],
        &[
            "rsa.pkcs8.pem",
            "rsa.pkcs1.pem",
            "rsa.pkcs8.der",
            "rsa.pkcs1.der",
            "rsa.spki.pem",
            "rsa.spki.der",
            "rsa.pub1.pem",
            "rsa.pub1.der",
        ],
        &["ed.pkcs8.pem", "ed.pkcs8.der", "ed.spki.pem", "ed.spki.der"],
    ] {
        let prints: Vec<_> = family
            .iter()
            .map(|name| {
                import_one(&fixture(name))
                    .unwrap_or_else(|e| panic!("{name}: {e}"))
                    .thumbprint()
                    .unwrap()
            })
            .collect();
        assert!(
            prints
                .iter()
                .all(|print| *print == prints[0] && print.len() == 43),
            "{family:?}"
        );
    }
}

#[test]
fn public_keys_are_written_as_openssl_writes_them() {
    for name in ["ec", "ec384", "ec521", "rsa", "ed"] {
        let pem = String::from_utf8(fixture(&format!("{name}.spki.pem"))).unwrap();
        let key = import_one(pem.as_bytes()).unwrap().public().unwrap();
        assert_eq!(key.spki_pem(), pem, "{name}");
        assert_eq!(PublicKey::from_spki_der(&key.spki_der()).unwrap(), key);
    }
    let rsa = import_one(&fixture("rsa.pkcs8.pem"))
        .unwrap()
        .public()
        .unwrap();
    assert_eq!(rsa.pkcs1_pem().unwrap().as_bytes(), fixture("rsa.pub1.pem"));
    assert_eq!(rsa.pkcs1_der().unwrap(), fixture("rsa.pub1.der"));
}

#[test]
fn files_that_hold_no_usable_key_are_refused_by_reason() {
    assert_eq!(
        import_one(&fixture("ec.encrypted.pem")),
        Err(KeyError::Encrypted)
    );
    assert_eq!(
        import_one(&fixture("rsa.encrypted-traditional.pem")),
        Err(KeyError::Encrypted)
    );
    assert_eq!(
        import_one(b"ssh-ed25519 AAAA"),
        Err(KeyError::UnknownFormat)
    );
    assert_eq!(import_one(b""), Err(KeyError::UnknownFormat));
    assert_eq!(
        import_one(b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
        Err(KeyError::Pem)
    );
    assert_eq!(
        import_one(b"-----BEGIN DH PARAMETERS-----\nAAAA\n-----END DH PARAMETERS-----\n"),
        Err(KeyError::PemLabel("DH PARAMETERS".into()))
    );
    let two = [fixture("ec.spki.pem"), fixture("rsa.spki.pem")].concat();
    assert_eq!(import_one(&two), Err(KeyError::Count { found: 2 }));
    assert_eq!(import(&two).unwrap().keys.len(), 2);
    assert!(matches!(
        import_one(b"{\"kty\":\"EC\"}"),
        Err(KeyError::Missing("crv"))
    ));
}

#[test]
fn the_example_of_rfc_7638_and_of_rfc_8037() {
    let rsa = Jwk::parse(br#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#).unwrap();
    assert_eq!(
        rsa.thumbprint().unwrap(),
        "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    );
    let ed = Jwk::parse(
        br#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
    )
    .unwrap();
    assert_eq!(
        ed.thumbprint().unwrap(),
        "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    );
    assert!(
        canonical_json(&ed.public().unwrap()).starts_with(r#"{"crv":"Ed25519","kty":"OKP","x":"#)
    );
}

#[test]
fn jwk_members_are_checked_one_by_one() {
    let good = SigningKey::generate(Algorithm::ES256)
        .unwrap()
        .jwk()
        .public_members()
        .unwrap();
    assert!(Jwk::from_members(&good).is_ok());
    let with = |name: &str, value: serde_json::Value| {
        let mut members = good.clone();
        members.insert(name.into(), value);
        Jwk::from_members(&members)
    };
    assert_eq!(
        with("kty", json!("dsa")),
        Err(KeyError::UnknownType("dsa".into()))
    );
    assert_eq!(
        with("kty", json!(1)),
        Err(KeyError::Type {
            name: "kty",
            wanted: "a string"
        })
    );
    assert_eq!(
        with("crv", json!("P-192")),
        Err(KeyError::UnknownCurve("P-192".into()))
    );
    assert_eq!(
        with("crv", json!("P-384")),
        Err(KeyError::Length {
            name: "x",
            found: 32,
            wanted: 48
        })
    );
    assert_eq!(
        with("x", good["y"].clone()),
        Err(KeyError::Point { curve: "P-256" })
    );
    assert_eq!(
        with("crv", json!("secp256k1")),
        Err(KeyError::Point { curve: "secp256k1" })
    );
    assert!(matches!(
        with("x", json!("AA==")),
        Err(KeyError::Base64 { name: "x", .. })
    ));
    assert_eq!(
        with("key_ops", json!("verify")),
        Err(KeyError::Type {
            name: "key_ops",
            wanted: "an array of strings"
        })
    );
    assert_eq!(
        with("key_ops", json!(["encrypt"])),
        Err(KeyError::UseAgainstOperations)
    );
    let rsa = |n: &[u8]| json!({"kty": "RSA", "n": base64url::encode(n), "e": "AQAB"}).to_string();
    assert_eq!(
        Jwk::parse(rsa(&[0, 1]).as_bytes()),
        Err(KeyError::LeadingZeros("n"))
    );
    assert_eq!(
        Jwk::parse(rsa(&[1; 100_000]).as_bytes()),
        Err(KeyError::TooLarge { octets: 100_000 })
    );
    assert_eq!(
        private_members(json!({"kty": "EC", "d": 1, "k": null}).as_object().unwrap()),
        ["d", "k"]
    );
}

#[test]
fn weak_keys_are_read_and_named() {
    let rsa = |n: Vec<u8>, e: &[u8]| {
        let text = json!({"kty": "RSA", "n": base64url::encode(n), "e": base64url::encode(e)});
        Jwk::parse(text.to_string().as_bytes())
            .unwrap()
            .weaknesses(None)
    };
    let odd = |octets: usize| {
        let mut n = vec![0xff; octets];
        n[octets - 1] = 0xfd;
        n
    };
    assert_eq!(
        rsa(odd(128), &[1, 0, 1]),
        [Weakness::RsaTooSmall { bits: 1024 }]
    );
    assert_eq!(
        rsa(odd(1025), &[1, 0, 1]),
        [Weakness::RsaTooLarge { bits: 8200 }]
    );
    assert_eq!(rsa(odd(256), &[1]), [Weakness::RsaExponent]);
    assert_eq!(rsa(odd(256), &[1, 0, 0, 0, 1]), [Weakness::RsaExponent]);
    assert_eq!(rsa(vec![0xfe; 256], &[3]), [Weakness::RsaEven]);
    assert_eq!(rsa(odd(256), &[3]), []);
    let secret = Jwk::parse(br#"{"kty":"oct","k":"c2VjcmV0"}"#).unwrap();
    assert_eq!(
        secret.weaknesses(Some(Algorithm::HS512)),
        [Weakness::SecretTooShort {
            octets: 6,
            wanted: 64
        }]
    );
}

#[test]
fn a_set_keeps_what_it_can_use_and_says_why_not() {
    let key = SigningKey::generate(Algorithm::ES384).unwrap();
    let document =
        json!({"keys": [{"kty": "XYZ", "kid": "x"}, key.jwk().public_members()]}).to_string();
    let set = Jwks::parse(document.as_bytes()).unwrap();
    assert_eq!(set.keys[0].kid.as_deref(), key.kid());
    let refused = &set.unusable[0];
    assert_eq!((refused.index, refused.kid.as_deref()), (0, Some("x")));
    assert_eq!(refused.reason, KeyError::UnknownType("XYZ".into()));
    assert!(matches!(Jwks::parse(b"[]"), Err(KeyError::Json(_))));
    assert!(matches!(
        Jwks::parse(b"{\"keys\":[1]}"),
        Err(KeyError::Type { name: "keys", .. })
    ));
}

#[test]
fn nothing_secret_is_in_any_debug_text() {
    for name in ["ec.pkcs8.pem", "rsa.pkcs8.pem", "ed.pkcs8.pem"] {
        let key = import_one(&fixture(name)).unwrap();
        let KeyMaterial::Private(private) = &key.material else {
            panic!()
        };
        let secrets: Vec<String> = private
            .private_jwk_members()
            .iter()
            .filter(|(member, _)| ["d", "p", "q", "dp", "dq", "qi"].contains(&member.as_str()))
            .map(|(_, value)| hex::encode(base64url::decode(value.as_str().unwrap()).unwrap()))
            .collect();
        assert!(!secrets.is_empty());
        let shown = format!("{key:?} {:?}", SigningKey::new(key.clone()).unwrap());
        let numbers = shown.replace(", ", " ");
        for secret in secrets {
            let first = &hex::decode(&secret).unwrap()[..8];
            let decimal = first
                .iter()
                .map(u8::to_string)
                .collect::<Vec<_>>()
                .join(" ");
            assert!(
                !numbers.contains(&decimal) && !shown.contains(&secret),
                "{name}"
            );
        }
    }
    let secret = SigningKey::secret(*b"hunter2hunter2", Algorithm::HS256);
    assert_eq!(format!("{secret:?}"), "SigningKey(HS256, kid None)");
    assert!(!format!("{:?}", secret.jwk()).contains("104, 117"));
}

#[test]
fn a_private_jwk_comes_back_and_halves_must_belong_together() {
    for name in [
        "ec.pkcs8.pem",
        "ec384.pkcs8.pem",
        "ec521.pkcs8.pem",
        "rsa.pkcs8.pem",
        "ed.pkcs8.pem",
    ] {
        let key = import_one(&fixture(name)).unwrap();
        let KeyMaterial::Private(private) = &key.material else {
            panic!()
        };
        let again = Jwk::from_members(&private.private_jwk_members()).unwrap();
        assert_eq!(again, key, "{name}");
        assert!(SigningKey::new(again).is_ok());
    }
    let mut mixed = SigningKey::generate(Algorithm::ES256)
        .unwrap()
        .jwk()
        .public_members()
        .unwrap();
    mixed.insert("d".into(), base64url::encode([7; 32]).into());
    let mixed = Jwk::from_members(&mixed).unwrap();
    assert_eq!(
        SigningKey::new(mixed).map(|_| ()),
        Err(KeyError::Inconsistent)
    );
}

#[test]
fn every_algorithm_signs_what_it_verifies_and_nothing_else() {
    for algorithm in Algorithm::ALL {
        let key = match algorithm.key_type() {
            proofmark::jose::KeyType::Rsa => {
                SigningKey::new(import_one(&fixture("rsa.pkcs8.pem")).unwrap()).unwrap()
            }
            _ => SigningKey::generate(algorithm).unwrap(),
        };
        let verifying = VerifyingKey::new(key.jwk(), Some(algorithm)).unwrap();
        let mut signature = key.sign(algorithm, b"input").unwrap();
        assert_eq!(
            verifying.verify_octets(b"input", &signature),
            Ok(()),
            "{algorithm}"
        );
        assert!(
            verifying.verify_octets(b"inpuT", &signature).is_err(),
            "{algorithm}"
        );
        signature[3] ^= 1;
        assert!(
            verifying.verify_octets(b"input", &signature).is_err(),
            "{algorithm}"
        );
        for other in Algorithm::ALL {
            assert_eq!(
                key.can(other),
                other.key_type() == algorithm.key_type(),
                "{algorithm} {other}"
            );
            assert_eq!(
                key.sign(other, b"x").is_ok(),
                key.can(other),
                "{algorithm} {other}"
            );
        }
    }
}

/// The p256 crate and rcgen as second opinions.
#[test]
fn other_libraries_agree() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let point = key.public().unwrap();
    let PublicKey::Ec(ec) = &point else { panic!() };
    let theirs = p256::ecdsa::VerifyingKey::from_sec1_bytes(ec.point()).unwrap();
    let signature = key.sign(Algorithm::ES256, b"message").unwrap();
    let parsed = p256::ecdsa::Signature::from_slice(&signature).unwrap();
    p256::ecdsa::signature::Verifier::verify(&theirs, b"message", &parsed).unwrap();
    for alg in [
        &rcgen::PKCS_ECDSA_P256_SHA256,
        &rcgen::PKCS_ECDSA_P384_SHA384,
        &rcgen::PKCS_ED25519,
    ] {
        let pair = rcgen::KeyPair::generate_for(alg).unwrap();
        let ours = import_one(pair.serialize_pem().as_bytes()).unwrap();
        assert_eq!(
            ours.public().unwrap().spki_pem(),
            pair.public_key_pem().replace("\r\n", "\n")
        );
    }
    let rsa = aws_lc_rs::rsa::PublicKey::from_der(&fixture("rsa.pub1.der")).unwrap();
    let spki = AsDer::<aws_lc_rs::encoding::PublicKeyX509Der<'_>>::as_der(&rsa).unwrap();
    assert_eq!(spki.as_ref(), fixture("rsa.spki.der"));
}

proptest! {
    #[test]
    fn points_are_judged_as_p256_judges_them(x: [u8; 32], y: [u8; 32], from in 0..3_usize) {
        let real = p256::SecretKey::from_slice(&[&[1], &x[1..]].concat()).unwrap().public_key();
        let real = p256::elliptic_curve::sec1::ToSec1Point::to_sec1_point(&real, false);
        let point = match from {
            0 => real.as_bytes().to_vec(),
            1 => [&real.as_bytes()[..33], &y].concat(),
            _ => [&[4][..], &x, &y].concat(),
        };
        let theirs = p256::PublicKey::from_sec1_bytes(&point).is_ok();
        prop_assert_eq!(EcPublic::new(Curve::P256, &point).is_ok(), theirs);
        prop_assert_eq!(from == 0, theirs);
    }

    #[test]
    fn no_file_panics(mut file in proptest::sample::select(vec!["ec.pkcs8.der", "rsa.pkcs1.der", "ed.spki.der", "ec.cert.der", "ec.sec1.pem", "rsa.spki.pem"]).prop_map(fixture), at: proptest::sample::Index, octet: u8, cut: proptest::sample::Index) {
        let at = at.index(file.len());
        file[at] = octet;
        let _ = import(&file);
        file.truncate(cut.index(file.len()));
        let _ = import(&file);
    }
}

#[test]
fn thumbprints_pass_over_what_is_not_required() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let mut members = key.jwk().public_members().unwrap();
    let plain = thumbprint(&key.public().unwrap());
    members.insert("x5t".into(), "whatever".into());
    members.sort_keys();
    assert_eq!(
        Jwk::from_members(&members).unwrap().thumbprint().unwrap(),
        plain
    );
}
