//! Forgeries of DPoP proofs are single faults too.

use std::sync::OnceLock;

use proofmark::jose::forgery::{Env, Material, Unforgeable, forge};
use proofmark::jose::{
    Algorithm, Jwk, KeyMaterial, SigningKey, VerifyingKey, base64url, private_members,
};
use serde_json::{Map, Value, json};

use super::catalogue;
use super::deployment::{NOW, strangers};

const HTU: &str = "https://api.example/users/me";
const ACCESS_TOKEN: &str = "an access token, whatever it holds, to which proofs are bound~~?";

/// What a verifier of proofs may forgive (RFC 9449 §4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Forgives {
    Nothing,
    NoJson,
    Typ,
    AlgUnfit,
    Secret,
    Key,
    Binding,
    PrivateKey,
    Htm,
    Htu,
    HtuAsText,
    Iat,
    Life,
    Jti,
    Ath,
    Nonce,
    FirstWins,
    LastWins,
}

use Forgives::*;

/// By entry: refused but for this, or accepted as it is.
const FAULTS: &[(&str, Option<Forgives>)] = &[
    ("proof-typ", Some(Typ)),
    ("proof-typ-spelling", Some(Typ)),
    ("proof-of-no-json", Some(NoJson)),
    ("proof-jwk-secret", Some(Secret)),
    ("proof-alg-unfit", Some(AlgUnfit)),
    ("proof-of-stranger", Some(Binding)),
    ("proof-private-jwk", Some(PrivateKey)),
    ("proof-jwk", Some(Key)),
    ("proof-jwk-extras", None),
    ("proof-htm", Some(Htm)),
    ("proof-htu", Some(Htu)),
    ("proof-htu-equal", Some(HtuAsText)),
    ("proof-htu-default-port", Some(HtuAsText)),
    ("proof-extra-members", None),
    ("proof-htu-query", None),
    ("proof-iat", Some(Iat)),
    ("proof-iat-of-odd-type", Some(Iat)),
    ("proof-life", Some(Life)),
    ("proof-jti", Some(Jti)),
    ("proof-jti-large", None),
    ("proof-ath", Some(Ath)),
    ("proof-nonce", Some(Nonce)),
    ("proof-duplicate-right-first", Some(FirstWins)),
    ("proof-duplicate-right-last", Some(LastWins)),
    ("proof-iat-fraction", None),
    ("proof-iat-skewed", None),
    ("proof-jti-chosen", None),
    ("proof-jti-chosen-other-method", Some(Htm)),
    ("proof-jti-chosen-other-address", Some(Htu)),
    ("proof-jti-long", None),
    ("proof-for-get", None),
    ("proof-of-other-algorithm", Some(Binding)),
    ("proof-htu-decoded", Some(Htu)),
];

fn key() -> &'static SigningKey {
    static KEY: OnceLock<SigningKey> = OnceLock::new();
    KEY.get_or_init(|| SigningKey::generate(Algorithm::ES256).unwrap())
}

fn header() -> Map<String, Value> {
    let jwk = key().public().unwrap().jwk_members();
    let header = json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": jwk});
    header.as_object().unwrap().clone()
}

fn hash(text: &str) -> String {
    base64url::encode(aws_lc_rs::digest::digest(
        &aws_lc_rs::digest::SHA256,
        text.as_bytes(),
    ))
}

fn claims() -> Map<String, Value> {
    let claims = json!({
        "jti": "e1j3V_bKic8-LAEB", "htm": "GET", "htu": HTU, "iat": NOW,
        "ath": hash(ACCESS_TOKEN), "nonce": "eyJ7S_zG.eyJH0-Z.HX4w-7v",
    });
    claims.as_object().unwrap().clone()
}

fn env() -> Env {
    Env::new(NOW)
        .with("scheme", "https")
        .with("host", "api.example")
        .with("hostname", "api.example")
        .with("host_and_port", "api.example:443")
        .with("path", "/users/me")
        .with("jti", "4f1c")
        .with("proof_window", 300)
        .with("proof_skew", 60)
        .with("access_token", ACCESS_TOKEN)
        .with("with_scheme", format!("DPoP {ACCESS_TOKEN}"))
        .with("other_access_token", "another")
        .with("other_nonce", "bm9uY2U")
        .with("listener", "https://listener.example")
}

/// The first thing that is wrong and not forgiven.
fn accept(proof: &[u8], forgives: Forgives) -> Result<(), Forgives> {
    let demand = |check: bool, what: Forgives| {
        if check || forgives == what {
            Ok(())
        } else {
            Err(what)
        }
    };
    let text = std::str::from_utf8(proof).unwrap();
    let parts: Vec<&str> = text.split('.').collect();
    let read = |part: &str| -> Result<Map<String, Value>, Forgives> {
        let text = String::from_utf8(base64url::decode(part).unwrap()).unwrap();
        // What is no number is no JSON either; whoever reads it all the same reads nothing.
        let text = text.replace(":NaN", ":null");
        let mut members = Map::new();
        for member in proofmark::jose::json::members(&text).map_err(|_| NoJson)? {
            let value = serde_json::from_str(&text[member.value_span]).unwrap();
            let twice = members.contains_key(&member.name);
            demand(!twice || forgives == LastWins, FirstWins)?;
            if !twice || forgives == LastWins {
                members.insert(member.name, value);
            }
        }
        Ok(members)
    };
    let header = match read(parts[0]) {
        // Passed over, as if no proof had come.
        Err(NoJson) if forgives == NoJson => return Ok(()),
        header => header?,
    };
    let claims = read(parts[1])?;
    let signed = format!("{}.{}", parts[0], parts[1]);
    let signature = base64url::decode(parts[2]).unwrap();
    demand(header.get("typ") == Some(&"dpop+jwt".into()), Typ)?;

    let embedded = header.get("jwk").and_then(Value::as_object);
    let is_secret = embedded.is_some_and(|jwk| jwk.get("kty") == Some(&"oct".into()));
    demand(!is_secret, Secret)?;
    let named = header
        .get("alg")
        .and_then(Value::as_str)
        .and_then(Algorithm::of_name);
    if is_secret {
        let algorithm = named.unwrap();
        let key = SigningKey::secret(*b"proofmark", algorithm);
        assert_eq!(key.sign(algorithm, signed.as_bytes()).unwrap(), signature);
        return Ok(());
    }
    let leaked = embedded.is_some_and(|jwk| !private_members(jwk).is_empty());
    demand(!leaked, PrivateKey)?;
    let public = embedded.cloned().map(|mut jwk| {
        jwk.shift_remove("d");
        jwk
    });
    let mut jwk = public.and_then(|jwk| Jwk::from_members(&jwk).ok());
    if forgives == Key {
        // Known from elsewhere.
        let known = KeyMaterial::Public(key().public().unwrap());
        jwk = jwk.or(Some(Jwk::bare(known)));
    }
    let jwk = jwk.ok_or(Key)?;
    let own = jwk.public().unwrap().key_type();
    let fits = named.is_some_and(|named| named.key_type() == own);
    demand(fits, AlgUnfit)?;
    let algorithm = if forgives == AlgUnfit {
        Algorithm::of_key_type(own).unwrap_or(Algorithm::RS256)
    } else {
        named.unwrap()
    };
    let bare = Jwk::bare(KeyMaterial::Public(jwk.public().unwrap()));
    let verifying = VerifyingKey::new(&bare, Some(algorithm)).unwrap();
    verifying
        .verify_octets(signed.as_bytes(), &signature)
        .map_err(|_| Key)?;
    if forgives != AlgUnfit {
        demand(jwk.thumbprint() == key().jwk().thumbprint(), Binding)?;
    }

    demand(claims.get("htm") == Some(&"GET".into()), Htm)?;
    let htu = claims.get("htu").and_then(Value::as_str);
    if forgives == HtuAsText {
        // A verifier that knows that addresses can be equal in different words.
        let htu = url::Url::parse(&htu.unwrap().replace("%65", "e")).unwrap();
        demand(htu.as_str() == HTU, Htu)?;
    } else {
        let htu = htu.map(|htu| htu.split(['?', '#']).next().unwrap());
        demand(htu == Some(HTU), Htu)?;
    }
    let iat = claims.get("iat").and_then(Value::as_f64);
    let fresh = iat.is_some_and(|iat| (NOW as f64 - 300.0..NOW as f64 + 60.0).contains(&iat));
    demand(fresh, Iat)?;
    let time = |name: &str| claims.get(name).and_then(Value::as_f64);
    let alive = time("exp").is_none_or(|exp| exp > NOW as f64)
        && time("nbf").is_none_or(|nbf| nbf <= NOW as f64);
    demand(alive, Life)?;
    let jti = claims.get("jti").and_then(Value::as_str);
    demand(jti.is_some_and(|jti| !jti.is_empty()), Jti)?;
    demand(claims.get("ath") == Some(&hash(ACCESS_TOKEN).into()), Ath)?;
    demand(
        claims.get("nonce") == Some(&"eyJ7S_zG.eyJH0-Z.HX4w-7v".into()),
        Nonce,
    )
}

#[test]
fn a_verifier_of_proofs_that_forgives_only_that_accepts() {
    let material = Material::minted(&header(), &claims(), key(), strangers()).with_throw_away_key();
    let valid = material.token().unwrap();
    assert_eq!(accept(&valid, Nothing), Ok(()), "the control");
    let mut listed = 0;
    for entry in catalogue().entries() {
        if !entry.id.starts_with("proof-") {
            continue;
        }
        listed += 1;
        let fault = FAULTS.iter().find(|(id, _)| *id == entry.id);
        let (_, fault) = fault.unwrap_or_else(|| panic!("{} has no fault", entry.id));
        for (id, forgery) in entry.forgeries() {
            let forged = match forge(&forgery, &material, &env()) {
                Ok(forged) => forged,
                // The sample is for GET already.
                Err(Unforgeable::NothingToChange(_)) if id == "proof-for-get" => continue,
                Err(error) => panic!("{id}: {error}"),
            };
            let strict = accept(&forged, Nothing);
            match fault {
                None => assert_eq!(strict, Ok(()), "{id}"),
                // Equal addresses: here the strict one is the one at fault.
                Some(HtuAsText) => assert_eq!(strict, Err(Htu), "{id}"),
                Some(LastWins) => assert_eq!(strict, Err(FirstWins), "{id}"),
                Some(fault) => assert_eq!(strict, Err(*fault), "{id}"),
            }
            if let Some(fault) = fault {
                assert_eq!(accept(&forged, *fault), Ok(()), "{id} forgiven {fault:?}");
            }
        }
    }
    assert_eq!(listed, FAULTS.len());
}

/// The private key of a proof may be given away, that of an issuer never.
#[test]
fn only_a_throw_away_key_is_given_away() {
    let forgery = catalogue().get("proof-private-jwk/whole").unwrap();
    let material = Material::minted(&header(), &claims(), key(), strangers());
    assert!(matches!(
        forge(forgery, &material, &env()),
        Err(Unforgeable::Template(_))
    ));
}
