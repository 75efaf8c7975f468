use std::sync::LazyLock;

use jsonwebtoken as theirs;
use serde_json::{Map, Value};

use crate::jose::json::JsonError;
use crate::jose::{
    Algorithm, Part, Refusal, SigningKey, StrictJws, TokenError, VerifyingKey, import_one,
    mint_texts,
};

/// One key, for both libraries.
struct Pair {
    algorithm: Algorithm,
    ours: VerifyingKey,
    signing: SigningKey,
    their_algorithm: theirs::Algorithm,
    theirs: theirs::DecodingKey,
}

const SECRET: [u8; 64] = [b'k'; 64];
const EC: (&str, &str) = (
    include_str!("../../fixtures/keys/ec.pkcs8.pem"),
    include_str!("../../fixtures/keys/ec.spki.pem"),
);
const ED: (&str, &str) = (
    include_str!("../../fixtures/keys/ed.pkcs8.pem"),
    include_str!("../../fixtures/keys/ed.spki.pem"),
);
const RSA: (&str, &str) = (
    include_str!("../../fixtures/keys/rsa.pkcs8.pem"),
    include_str!("../../fixtures/keys/rsa.spki.pem"),
);

static PAIRS: LazyLock<Vec<Pair>> = LazyLock::new(|| {
    const SOUND: &str = "the keys of the fixtures are sound";
    let asymmetric = |algorithm, their_algorithm, (private, public): (&str, &str)| Pair {
        algorithm,
        ours: VerifyingKey::new(
            &import_one(public.as_bytes()).expect(SOUND),
            Some(algorithm),
        )
        .expect(SOUND),
        signing: SigningKey::new(import_one(private.as_bytes()).expect(SOUND)).expect(SOUND),
        their_algorithm,
        theirs: match their_algorithm {
            theirs::Algorithm::ES256 => theirs::DecodingKey::from_ec_pem(public.as_bytes()),
            theirs::Algorithm::EdDSA => theirs::DecodingKey::from_ed_pem(public.as_bytes()),
            _ => theirs::DecodingKey::from_rsa_pem(public.as_bytes()),
        }
        .expect(SOUND),
    };
    let hmac = |algorithm, their_algorithm| {
        let signing = SigningKey::secret(SECRET, algorithm);
        Pair {
            algorithm,
            ours: VerifyingKey::new(signing.jwk(), None).expect(SOUND),
            signing,
            their_algorithm,
            theirs: theirs::DecodingKey::from_secret(&SECRET),
        }
    };
    vec![
        hmac(Algorithm::HS256, theirs::Algorithm::HS256),
        hmac(Algorithm::HS512, theirs::Algorithm::HS512),
        asymmetric(Algorithm::EdDSA, theirs::Algorithm::EdDSA, ED),
        asymmetric(Algorithm::ES256, theirs::Algorithm::ES256, EC),
        asymmetric(Algorithm::RS256, theirs::Algorithm::RS256, RSA),
        asymmetric(Algorithm::PS256, theirs::Algorithm::PS256, RSA),
    ]
});

/// The strict verifier beside jsonwebtoken. The first octet chooses the key and what the rest is:
///
/// - `key * 4`: a token as it is;
/// - `key * 4 + 1`: header and payload, parted by a NUL, which are well signed. `$` at the start of the header stands for
///   `{"alg":"…",`;
/// - `key * 4 + 2`: edits of a well signed token, each a place (two octets) and the octet to put there;
/// - `key * 4 + 3`: what is appended to a well signed token.
///
/// Panics where we accept what they refuse, and where they accept what we refuse for another reason than a documented
/// strictness.
pub fn verifier(octets: &[u8]) {
    let Some((choice, rest)) = octets.split_first() else {
        return;
    };
    let pair = &PAIRS[usize::from(choice / 4) % PAIRS.len()];
    let token = match choice % 4 {
        0 => rest.to_vec(),
        1 => {
            let at = rest.iter().position(|octet| *octet == 0);
            let (header, payload) = rest.split_at(at.unwrap_or(rest.len()));
            signed(pair, header, payload.get(1..).unwrap_or_default())
        }
        2 => {
            let mut token = signed(pair, br#"$"typ":"JWT"}"#, br#"{"sub":"alice"}"#);
            for edit in rest.chunks_exact(3) {
                let at = usize::from(u16::from_be_bytes([edit[0], edit[1]])) % token.len();
                token[at] = edit[2];
            }
            token
        }
        _ => {
            let mut token = signed(pair, br#"$"typ":"JWT"}"#, br#"{"sub":"alice"}"#);
            token.extend_from_slice(rest);
            token
        }
    };
    match (we(pair, &token), they(pair, &token)) {
        (Ok(jws), Err(reason)) => assert!(
            they_are_stricter(&jws),
            "{}: only they refuse it: {reason}",
            pair.algorithm
        ),
        (Err(reason), Ok(())) => assert!(
            reason.is_documented(),
            "{}: only we refuse it: {reason:?}",
            pair.algorithm
        ),
        _ => {}
    }
}

fn signed(pair: &Pair, header: &[u8], payload: &[u8]) -> Vec<u8> {
    let start = format!(r#"{{"alg":"{}","#, pair.algorithm);
    let header = match header.strip_prefix(b"$") {
        Some(rest) => [start.as_bytes(), rest].concat(),
        None => header.to_vec(),
    };
    mint_texts(&header, payload, &pair.signing, pair.algorithm)
        .expect("the key signs by its own algorithm")
}

/// Why we refuse a token.
#[derive(Debug)]
enum Ours {
    Form(TokenError),
    Refusal(Refusal),
}

impl Ours {
    /// Strictness that the other library does not have, each with where it comes from.
    fn is_documented(&self) -> bool {
        match self {
            // RFC 7515 §4: names must be unique. The bounds are ours. A half surrogate is no text, and octets that are
            // not UTF-8 are no JSON; they are passed over in members that nobody reads.
            Ours::Form(TokenError::Json { part, reason }) => {
                *part == Part::Header
                    && matches!(
                        reason,
                        JsonError::DuplicateMember { .. }
                            | JsonError::TooDeep { .. }
                            | JsonError::NumberTooLarge { .. }
                            | JsonError::LoneSurrogate { .. }
                            | JsonError::InvalidUtf8 { .. }
                            // Their header is also read from an array of its members.
                            | JsonError::NotAnObject
                    )
            }
            // RFC 7515 §4.1: parameters that a library does not read are typed all the same.
            Ours::Form(TokenError::ParameterType { .. } | TokenError::Crit { .. }) => true,
            Ours::Form(TokenError::TooLong { .. }) => true,
            // RFC 7515 §4.1.11, RFC 7797 §7.
            Ours::Refusal(Refusal::Critical(_) | Refusal::Unencoded) => true,
            _ => false,
        }
    }
}

fn we(pair: &Pair, token: &[u8]) -> Result<StrictJws, Ours> {
    let jws = StrictJws::parse(token).map_err(Ours::Form)?;
    pair.ours.verify(&jws).map_err(Ours::Refusal)?;
    Ok(jws)
}

/// Signature and form only: claims are not what is compared.
fn they(pair: &Pair, token: &[u8]) -> Result<(), String> {
    let mut validation = theirs::Validation::new(pair.their_algorithm);
    validation.required_spec_claims.clear();
    (validation.validate_exp, validation.validate_aud) = (false, false);
    let token = std::str::from_utf8(token).map_err(|error| error.to_string())?;
    theirs::decode::<Value>(token, &pair.theirs, &validation)
        .map(drop)
        .map_err(|error| format!("{error:?}"))
}

/// They read members of the header and registered claims that a verifier of signatures has no need to look at.
fn they_are_stricter(jws: &StrictJws) -> bool {
    let Ok(claims) = jws.claims() else {
        // The payload of a JWS is any octets (RFC 7515 §3); they want JSON.
        return true;
    };
    let odd = |members: &Map<String, Value>, name: &str, is: fn(&Value) -> bool| {
        members.get(name).is_some_and(|value| !is(value))
    };
    let header = jws.header().members();
    // Beyond what RFC 7517 §4 lets a reader pass over, `jwk` must be a key of theirs.
    header.contains_key("jwk")
        || ["nonce", "url"]
            .iter()
            .any(|name| odd(header, name, Value::is_string))
        || ["exp", "nbf"]
            .iter()
            .any(|name| odd(&claims, name, Value::is_number))
        || ["sub", "iss", "aud"]
            .iter()
            .any(|name| claims.contains_key(*name))
}
