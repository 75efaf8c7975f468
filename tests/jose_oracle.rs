//! Second opinions on signed tokens: jsonwebtoken on the same tokens, honest and damaged.

use std::sync::OnceLock;

use jsonwebtoken as theirs;
use proofmark::jose::{
    Algorithm, KeyType, SigningKey, StrictJws, VerifyingKey, base64url, import_one, mint_texts,
};
use proptest::prelude::*;
use serde_json::{Value, json};

/// What jsonwebtoken implements.
const SHARED: &[(Algorithm, theirs::Algorithm)] = &[
    (Algorithm::HS256, theirs::Algorithm::HS256),
    (Algorithm::HS384, theirs::Algorithm::HS384),
    (Algorithm::HS512, theirs::Algorithm::HS512),
    (Algorithm::RS256, theirs::Algorithm::RS256),
    (Algorithm::RS384, theirs::Algorithm::RS384),
    (Algorithm::RS512, theirs::Algorithm::RS512),
    (Algorithm::PS256, theirs::Algorithm::PS256),
    (Algorithm::PS384, theirs::Algorithm::PS384),
    (Algorithm::PS512, theirs::Algorithm::PS512),
    (Algorithm::ES256, theirs::Algorithm::ES256),
    (Algorithm::ES384, theirs::Algorithm::ES384),
    (Algorithm::EdDSA, theirs::Algorithm::EdDSA),
];

const SECRET: [u8; 64] = [b'k'; 64];

fn fixture(name: &str) -> Vec<u8> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/keys/");
    std::fs::read(format!("{path}{name}")).unwrap()
}

struct Pair {
    ours: SigningKey,
    our_verifier: VerifyingKey,
    their_signer: theirs::EncodingKey,
    their_verifier: theirs::DecodingKey,
    algorithm: theirs::Algorithm,
}

impl Pair {
    fn new(ours: Algorithm, algorithm: theirs::Algorithm) -> Self {
        let name = match ours.key_type() {
            KeyType::Secret => {
                let key = SigningKey::secret(SECRET, ours);
                return Self {
                    our_verifier: VerifyingKey::new(key.jwk(), None).unwrap(),
                    ours: key,
                    their_signer: theirs::EncodingKey::from_secret(&SECRET),
                    their_verifier: theirs::DecodingKey::from_secret(&SECRET),
                    algorithm,
                };
            }
            KeyType::Rsa => "rsa",
            KeyType::Ed25519 => "ed",
            KeyType::Ec(curve) if curve.octets() == 48 => "ec384",
            KeyType::Ec(_) => "ec",
        };
        let (private, public) = (
            fixture(&format!("{name}.pkcs8.pem")),
            fixture(&format!("{name}.spki.pem")),
        );
        let (their_signer, their_verifier) = match name {
            "rsa" => (
                theirs::EncodingKey::from_rsa_pem(&private).unwrap(),
                theirs::DecodingKey::from_rsa_pem(&public).unwrap(),
            ),
            "ed" => (
                theirs::EncodingKey::from_ed_pem(&private).unwrap(),
                theirs::DecodingKey::from_ed_pem(&public).unwrap(),
            ),
            _ => (
                theirs::EncodingKey::from_ec_pem(&private).unwrap(),
                theirs::DecodingKey::from_ec_pem(&public).unwrap(),
            ),
        };
        let public = import_one(&public).unwrap();
        Self {
            ours: SigningKey::new(import_one(&private).unwrap()).unwrap(),
            our_verifier: VerifyingKey::new(&public, Some(ours)).unwrap(),
            their_signer,
            their_verifier,
            algorithm,
        }
    }

    fn all() -> &'static [(Algorithm, Self)] {
        static ALL: OnceLock<Vec<(Algorithm, Pair)>> = OnceLock::new();
        ALL.get_or_init(|| {
            SHARED
                .iter()
                .map(|(ours, theirs)| (*ours, Self::new(*ours, *theirs)))
                .collect()
        })
    }

    /// Signature and form only: claims are not the verifier's business here.
    fn they_accept(&self, token: &[u8]) -> bool {
        let mut validation = theirs::Validation::new(self.algorithm);
        validation.required_spec_claims.clear();
        (validation.validate_exp, validation.validate_aud) = (false, false);
        let Ok(token) = std::str::from_utf8(token) else {
            return false;
        };
        theirs::decode::<Value>(token, &self.their_verifier, &validation).is_ok()
    }

    fn we_accept(&self, token: &[u8]) -> Result<StrictJws, String> {
        let jws = StrictJws::parse(token).map_err(|e| e.to_string())?;
        self.our_verifier.verify(&jws).map_err(|e| e.to_string())?;
        Ok(jws)
    }
}

#[test]
fn each_accepts_the_tokens_of_the_other() {
    let claims = json!({"sub": "alice", "n": 1.5, "list": ["é", null]});
    for (name, pair) in Pair::all() {
        let header = json!({"alg": name.name(), "typ": "JWT"}).to_string();
        let ours = mint_texts(
            header.as_bytes(),
            claims.to_string().as_bytes(),
            &pair.ours,
            *name,
        )
        .unwrap();
        assert!(pair.they_accept(&ours), "{name}");
        let made = theirs::encode(
            &theirs::Header::new(pair.algorithm),
            &claims,
            &pair.their_signer,
        );
        let jws = pair
            .we_accept(made.unwrap().as_bytes())
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(Value::Object(jws.claims().unwrap()), claims, "{name}");
    }
}

/// Reasons of ours that jsonwebtoken does not have, each with where it comes from.
const STRICTER: &[(&str, &str)] = &[
    (
        "there twice",
        "RFC 7515 §4: duplicate members must be refused or the last taken; we refuse",
    ),
    (
        "is not a string",
        "RFC 7515 §4.1: parameters that a library does not read are typed all the same",
    ),
    ("is not an object", "as above"),
    ("is not an array of strings", "as above"),
    ("is not a boolean", "as above"),
    (
        "`crit`",
        "RFC 7515 §4.1.11: unknown extensions must be refused",
    ),
    ("`b64`", "RFC 7797 §7: not for tokens"),
    ("nested deeper", "a bound of ours"),
    ("fit 64 bits", "a bound of ours"),
];

fn documented(reason: &str) -> bool {
    STRICTER.iter().any(|(words, _)| reason.contains(words))
}

fn header() -> impl Strategy<Value = String> {
    let more = prop_oneof![
        Just(String::new()),
        Just(r#","kid":"k1""#.to_owned()),
        Just(r#","kid":1"#.to_owned()),
        Just(r#","typ":"at+jwt""#.to_owned()),
        Just(r#","crit":["x"],"x":1"#.to_owned()),
        Just(r#","crit":[]"#.to_owned()),
        Just(r#","b64":false"#.to_owned()),
        Just(r#","x":{"y":[1,2,{"z":null}]}"#.to_owned()),
        Just(r#","x":1,"x":2"#.to_owned()),
        Just(r#","x":1e999"#.to_owned()),
        Just(r#","x":18446744073709551616"#.to_owned()),
        Just(r#","jwk":"text""#.to_owned()),
        "[ ,:a\"]{0,4}",
    ];
    more
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever we accept they accept; whatever only they accept we refuse for a reason that is documented.
    #[test]
    fn disagreements_are_documented(
        which in 0..SHARED.len(),
        more in header(),
        damage in proptest::option::of((any::<proptest::sample::Index>(), any::<u8>())),
        tail in proptest::sample::select(vec!["", "", "", ".", "=", "A", " "]),
    ) {
        let (name, pair) = &Pair::all()[which];
        // Signing with RSA is slow; every other algorithm has more turns.
        let text = format!(r#"{{"alg":"{name}"{more}}}"#);
        let mut token = mint_texts(text.as_bytes(), br#"{"sub":"alice"}"#, &pair.ours, *name).unwrap();
        if let Some((at, octet)) = damage {
            let at = at.index(token.len());
            token[at] = octet;
        }
        token.extend_from_slice(tail.as_bytes());
        match (pair.we_accept(&token), pair.they_accept(&token)) {
            (Ok(_), false) => prop_assert!(false, "they refuse what we accept: {text} {tail:?}"),
            (Err(reason), true) => prop_assert!(documented(&reason), "{reason}: {text}"),
            _ => {}
        }
    }
}

#[test]
fn a_key_of_another_kind_is_refused_by_both() {
    for (name, pair) in Pair::all() {
        for (other, theirs) in Pair::all() {
            if name == other {
                continue;
            }
            let header = format!(r#"{{"alg":"{other}"}}"#);
            let token = mint_texts(header.as_bytes(), b"{}", &theirs.ours, *other).unwrap();
            assert!(pair.we_accept(&token).is_err(), "{other} token, {name} key");
            assert!(!pair.they_accept(&token), "{other} token, {name} key");
        }
    }
    assert_eq!(base64url::decode("e30").unwrap(), b"{}");
}
