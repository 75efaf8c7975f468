//! The strict verifier against Wycheproof's JOSE vectors and the JOSE cookbook (RFC 7520, 8037, 7797).

#![allow(clippy::print_stdout, reason = "says what it would need")]

use std::collections::BTreeMap;
use std::path::PathBuf;

use proofmark::jose::{
    Algorithm, Compact, Jwk, Jwks, KeyMaterial, SigningKey, StrictJws, VerifyingKey, VerifyingKeys,
    base64url,
};
use serde_json::Value;

/// Vectors that are judged otherwise here than their file says, and why. One that no longer differs fails the
/// test.
const DISAGREEMENTS: &[(&str, u64, &str)] = &[
    (
        "json_web_signature_test.json",
        346,
        "the key says alg PS256, the token PS384: the key decides (RFC 8725 §3.1)",
    ),
    (
        "json_web_signature_test.json",
        347,
        "the key says alg ES521, which is not registered (RFC 7518 §3.1 has ES512); json_web_key 19 wants that refused",
    ),
    (
        "json_web_signature_test.json",
        350,
        "as 346, with key_ops instead of use",
    ),
    (
        "json_web_signature_test.json",
        351,
        "as 347, with key_ops instead of use",
    ),
    (
        "json_web_signature_test.json",
        367,
        "the same octets as vector 357, which is marked valid; the padding that it means to show is not in the file",
    ),
    ("json_web_signature_test.json", 370, "as 367"),
    (
        "json_web_signature_test.json",
        372,
        "a `?` inside the header segment is not base64url (RFC 7515 §2), as in vector 371, which is marked invalid",
    ),
    (
        "json_web_signature_test.json",
        373,
        "a `?` inside the payload segment is not base64url (RFC 7515 §2), as in vector 371, which is marked invalid",
    ),
];

fn vectors(folder: &str) -> Option<PathBuf> {
    match std::env::var_os("PROOFMARK_VECTORS") {
        Some(root) => Some(PathBuf::from(root).join(folder)),
        None => {
            println!("not run: PROOFMARK_VECTORS should name the folder that has `{folder}` in it");
            None
        }
    }
}

fn read(path: PathBuf) -> Value {
    let text = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_slice(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Reads key or set and token, and verifies; the first refusal on the way, as text.
fn judge(key: &Value, token: &str) -> Result<(), String> {
    let text = |e: &dyn std::fmt::Display| e.to_string();
    let members = key.as_object().unwrap();
    let token = StrictJws::parse(token.as_bytes());
    if members.contains_key("keys") {
        let set = Jwks::from_members(members).map_err(|e| text(&e))?;
        let keys = VerifyingKeys::new(&set).map_err(|e| text(&e))?;
        let token = token.map_err(|e| text(&e))?;
        keys.verify(&token).map(drop).map_err(|e| text(&e))
    } else {
        let jwk = Jwk::from_members(members).map_err(|e| text(&e))?;
        let key = VerifyingKey::new(&jwk, None).map_err(|e| text(&e))?;
        key.verify(&token.map_err(|e| text(&e))?)
            .map_err(|e| text(&e))
    }
}

#[test]
fn agrees_with_wycheproof() {
    let Some(folder) = vectors("wycheproof") else {
        return;
    };
    let mut wrong = Vec::new();
    let mut unused: BTreeMap<_, _> = DISAGREEMENTS
        .iter()
        .map(|(f, id, why)| ((*f, *id), why))
        .collect();
    let mut judged = BTreeMap::new();
    for file in [
        "json_web_signature_test.json",
        "json_web_key_test.json",
        "json_web_crypto_test.json",
    ] {
        for group in read(folder.join(file))["testGroups"].as_array().unwrap() {
            let key = group.get("public").unwrap_or(&group["private"]);
            for test in group["tests"].as_array().unwrap() {
                // The tests of encryption have a `jwe`: nothing here decrypts.
                let token = match &test["jws"] {
                    Value::Null => continue,
                    Value::String(token) => token.clone(),
                    json => json.to_string(),
                };
                let id = test["tcId"].as_u64().unwrap();
                let valid = test["result"] == "valid";
                let verdict = judge(key, &token);
                *judged.entry((file, valid)).or_insert(0) += 1;
                let differs = verdict.is_ok() != valid;
                if differs && unused.remove(&(file, id)).is_none() {
                    wrong.push(format!("{file} {id} {}: {verdict:?}", test["comment"]));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(
        unused.is_empty(),
        "exceptions that do not differ: {unused:#?}"
    );
    let counts: Vec<_> = judged.into_values().collect();
    assert_eq!(
        counts,
        [45, 4, 21, 5, 355, 46],
        "invalid and valid of crypto, key, signature"
    );
}

/// How a cookbook file takes part.
enum Use {
    /// Verified, and signed again to the same octets where the signature is reproducible.
    Compact,
    /// The payload is put back where the token leaves it out (RFC 7515 appendix F).
    Detached,
    /// Has no compact form to read, or one that is refused on purpose.
    Refused(&'static str),
}

const COOKBOOK: &[(&str, Use)] = &[
    ("curve25519_jws.json", Use::Compact),
    ("jws_4_1.rsa_v15_signature.json", Use::Compact),
    ("jws_4_2.rsa-pss_signature.json", Use::Compact),
    ("jws_4_3.ecdsa_signature.json", Use::Compact),
    ("jws_4_4.hmac-sha2_integrity_protection.json", Use::Compact),
    (
        "jws_4_5.signature_with_detached_content.json",
        Use::Detached,
    ),
    (
        "jws_4_6.protecting_specific_header_fields.json",
        Use::Refused("JSON serialisation is no token (RFC 7519 §3)"),
    ),
    (
        "jws_4_7.protecting_content_only.json",
        Use::Refused("JSON serialisation is no token (RFC 7519 §3)"),
    ),
    (
        "jws_4_8.multiple_signatures.json",
        Use::Refused("JSON serialisation is no token (RFC 7519 §3)"),
    ),
    (
        "rfc7797_hmac-sha2_b64_false.json",
        Use::Refused("b64 false is not for tokens (RFC 7519 §7.2, RFC 7797 §7)"),
    ),
    (
        "rfc7797_4.2.hmac-sha2_b64_false.json",
        Use::Refused("JSON serialisation is no token (RFC 7519 §3)"),
    ),
];

#[test]
fn agrees_with_the_cookbook() {
    let Some(folder) = vectors("jose-cookbook") else {
        return;
    };
    for (file, kind) in COOKBOOK {
        let case = read(folder.join(file));
        let (input, output) = (&case["input"], &case["output"]);
        let compact = output["compact"].as_str();
        if let Use::Refused(why) = kind {
            let json = output["json"].to_string();
            for text in [Some(json.as_str()), compact].into_iter().flatten() {
                assert!(StrictJws::parse(text.as_bytes()).is_err(), "{file}: {why}");
            }
            continue;
        }
        let mut token = Compact::split(compact.unwrap().as_bytes());
        if let Use::Detached = kind {
            let payload = base64url::encode(input["payload"].as_str().unwrap());
            *token.segments_mut()[1].octets_mut() = payload.into_bytes();
        }
        let token = StrictJws::parse(&token.to_bytes()).unwrap();
        let algorithm = Algorithm::of_name(input["alg"].as_str().unwrap()).unwrap();
        let jwk = Jwk::from_members(input["key"].as_object().unwrap()).unwrap();
        let key = VerifyingKey::new(&jwk, Some(algorithm)).unwrap();
        assert_eq!(key.verify(&token), Ok(()), "{file}");
        assert_eq!(
            token.payload(),
            input["payload"].as_str().unwrap().as_bytes(),
            "{file}"
        );
        let signer = SigningKey::new(jwk).unwrap();
        let again = signer.sign(algorithm, token.signing_input()).unwrap();
        assert_eq!(
            key.verify_octets(token.signing_input(), &again),
            Ok(()),
            "{file}"
        );
        if case["reproducible"] == true {
            assert_eq!(again, token.signature(), "{file}");
        }
    }
}

#[test]
fn reads_the_keys_of_the_cookbook() {
    let Some(folder) = vectors("jose-cookbook") else {
        return;
    };
    let key = |name: &str| Jwk::from_members(read(folder.join(name)).as_object().unwrap()).unwrap();
    for (public, private) in [
        ("jwk_3_1.ec_public_key.json", "jwk_3_2.ec_private_key.json"),
        (
            "jwk_3_3.rsa_public_key.json",
            "jwk_3_4.rsa_private_key.json",
        ),
    ] {
        let (public, private) = (key(public), key(private));
        assert!(matches!(public.material, KeyMaterial::Public(_)));
        assert!(matches!(private.material, KeyMaterial::Private(_)));
        assert_eq!(public.public(), private.public());
        SigningKey::new(private).unwrap();
    }
    for secret in [
        "jwk_3_5.symmetric_key_mac_computation.json",
        "jwk_3_6.symmetric_key_encryption.json",
    ] {
        assert_eq!(key(secret).public(), None);
    }
}
