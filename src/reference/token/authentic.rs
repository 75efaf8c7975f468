//! Whether a token is authentic: header parameters, choice of the key, signature.

use std::sync::PoisonError;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ParsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::Issuer;
use super::read::Token;
use crate::jose::{
    Algorithm, Curve, Jwk, Jwks, KeyMaterial, KeyType, PublicKey, SigningKey, VerifyingKey,
    from_certificate, json,
};
use crate::reference::fetch;
use crate::reference::flaw::{Flaw, FlawSet, flaw};

pub const FLAWS: &[Flaw] = &[
    flaw(
        "token-signature-unchecked",
        "Reads the claims of a token without verifying its signature.",
        "RFC 8725 §3.1",
    ),
    flaw(
        "empty-signature-accepted",
        "Takes a token with an empty signature for one that needs none.",
        "RFC 7515 §5.2",
    ),
    flaw(
        "signature-compared-as-far-as-it-goes",
        "Remembers tokens and compares only as many octets of a signature as come.",
        "RFC 7518 §3.2",
    ),
    flaw(
        "verification-remembered-by-jti",
        "Remembers by header and jti that a token was verified.",
        "RFC 7515 §5.2",
    ),
    flaw(
        "alg-none-accepted",
        "Takes unsecured tokens.",
        "RFC 8725 §3.2",
    ),
    flaw(
        "alg-none-refused-in-lower-case-only",
        "Knows the unsecured algorithm by its usual spelling alone.",
        "RFC 8725 §3.2",
    ),
    flaw(
        "public-key-taken-for-secret",
        "Lets the token choose HMAC, with the public key for its secret.",
        "RFC 8725 §2.1",
    ),
    flaw(
        "other-curves-unverified",
        "Lets tokens pass whose algorithm is for a curve that it does not support.",
        "RFC 8725 §3.4",
    ),
    flaw(
        "alg-compared-without-case",
        "Compares alg without regard to case and to white space around it.",
        "RFC 7515 §4.1.1",
    ),
    flaw(
        "weak-secret-accepted",
        "Takes HMAC as well, with a secret that everybody tries first.",
        "RFC 8725 §3.5",
    ),
    flaw(
        "kid-read-as-path",
        "Takes the content of the file that kid names for the HMAC secret.",
        "RFC 8725 §3.10",
    ),
    flaw(
        "kid-put-into-query",
        "Puts kid into the text of a database query for the HMAC secret.",
        "RFC 8725 §3.10",
    ),
    flaw(
        "unknown-kid-unverified",
        "Lets tokens pass for whose kid no key is found.",
        "RFC 7515 §4.1.4",
    ),
    flaw(
        "embedded-key-trusted",
        "Verifies with the key that the token brings.",
        "RFC 8725 §3.10",
    ),
    flaw(
        "embedded-certificate-trusted",
        "Verifies with the certificate that the token brings.",
        "RFC 7515 §4.1.6",
    ),
    flaw(
        "jku-fetched",
        "Verifies with the key set at the address that the token gives.",
        "RFC 8725 §3.10",
    ),
    flaw(
        "x5u-fetched",
        "Verifies with the certificate at the address that the token gives.",
        "RFC 8725 §3.10",
    ),
    flaw(
        "kid-fetched",
        "Fetches what kid names where it looks like an address.",
        "RFC 8725 §3.10",
    ),
    flaw(
        "crit-ignored",
        "Passes over extensions that it should understand.",
        "RFC 7515 §4.1.11",
    ),
    flaw(
        "b64-ignored",
        "Passes over b64 and verifies as if it was not there.",
        "RFC 7797 §6",
    ),
    flaw(
        "typ-unchecked",
        "Takes signed tokens of any other kind for access tokens.",
        "RFC 8725 §3.11",
    ),
];

/// For deployments whose key is one for ECDSA.
pub const ECDSA_FLAWS: &[Flaw] = &[
    flaw(
        "ecdsa-zero-accepted",
        "Does not look whether r and s are in range.",
        "RFC 7518 §3.4",
    ),
    flaw(
        "ecdsa-der-accepted",
        "Takes ECDSA signatures in DER, too.",
        "RFC 7518 §3.4",
    ),
    flaw(
        "signature-tail-ignored",
        "Passes over octets behind the signature.",
        "RFC 7518 §3.4",
    ),
];

/// For deployments whose key is RSA.
pub const RSA_FLAWS: &[Flaw] = &[flaw(
    "any-algorithm-of-key-accepted",
    "Lets the token choose among the algorithms that its key could be used with.",
    "RFC 8725 §3.1",
)];

pub fn is_authentic(issuer: &Issuer, token: &Token, flaws: &FlawSet) -> bool {
    if !is_understood(token, flaws) {
        return false;
    }
    let Some(alg) = token.text("alg") else {
        return false;
    };
    let own = issuer.verifying.algorithm();
    let is_own = alg == own.name()
        || (flaws.has("alg-compared-without-case") && alg.trim().eq_ignore_ascii_case(own.name()));
    let by_token = || {
        (flaws.has("embedded-key-trusted") && fits_embedded_key(token, alg))
            || (flaws.has("embedded-certificate-trusted") && fits_embedded_certificate(token, alg))
            || fits_fetched_key(token, alg, flaws)
    };
    if is_own {
        is_signed(issuer, token, flaws) || by_token()
    } else {
        is_other(issuer, token, alg, flaws) || by_token()
    }
}

/// `typ`, `crit` and `b64`: no extension is understood.
fn is_understood(token: &Token, flaws: &FlawSet) -> bool {
    let has_b64 = token.header.contains_key("b64");
    if has_b64 && !flaws.has("b64-ignored") {
        return false;
    }
    if token.header.contains_key("crit") && !has_b64 && !flaws.has("crit-ignored") {
        return false;
    }
    let is_access = match token.header.get("typ") {
        None => true,
        Some(Value::String(typ)) => ["JWT", "at+jwt", "application/at+jwt"]
            .iter()
            .any(|known| typ.eq_ignore_ascii_case(known)),
        Some(_) => false,
    };
    is_access || flaws.has("typ-unchecked")
}

/// By the issuer's own algorithm.
fn is_signed(issuer: &Issuer, token: &Token, flaws: &FlawSet) -> bool {
    let is_own_kid = match token.header.get("kid") {
        None => true,
        Some(kid) => kid.as_str() == issuer.kid(),
    };
    let brings_key = ["jwk", "jku", "x5c"]
        .iter()
        .any(|name| token.header.contains_key(*name));
    let is_unchecked = || !token.signature.is_empty() && flaws.has("token-signature-unchecked");
    if !is_own_kid {
        return is_unchecked() || (!brings_key && flaws.has("unknown-kid-unverified"));
    }
    let verify = |signature: &[u8]| {
        issuer
            .verifying
            .verify_octets(&token.input, signature)
            .is_ok()
    };
    if verify(&token.signature) {
        remember(issuer, token);
        return true;
    }
    let wanted = match issuer.key.public() {
        Some(PublicKey::Rsa(key)) => key.n().len(),
        _ => 64,
    };
    let found = token.signature.len();
    is_unchecked()
        || (flaws.has("empty-signature-accepted") && found == 0)
        || (flaws.has_if_declared("ecdsa-zero-accepted") && is_zero(&token.signature))
        || (flaws.has_if_declared("signature-tail-ignored")
            && found > wanted
            && verify(&token.signature[..wanted]))
        || (flaws.has_if_declared("ecdsa-der-accepted") && fits_in_der(issuer, token))
        || is_remembered(issuer, token, wanted, flaws)
}

/// By another algorithm than the issuer's.
fn is_other(issuer: &Issuer, token: &Token, alg: &str, flaws: &FlawSet) -> bool {
    if alg == "none" {
        return flaws.has("alg-none-accepted");
    }
    if alg.trim().eq_ignore_ascii_case("none") {
        return flaws.has("alg-none-refused-in-lower-case-only");
    }
    let Some(algorithm) = Algorithm::of_name(alg) else {
        return false;
    };
    let kid = token.text("kid").unwrap_or_default();
    let fits_secret = |secret: &[u8]| {
        SigningKey::secret(secret, algorithm)
            .sign(algorithm, &token.input)
            .is_ok_and(|tag| tag == token.signature)
    };
    match algorithm {
        Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 => {
            let public = issuer.key.public().map(|key| key.spki_pem());
            (flaws.has("public-key-taken-for-secret")
                && public.is_some_and(|pem| fits_secret(pem.as_bytes())))
                || (flaws.has("weak-secret-accepted") && fits_secret(b"secret"))
                || (flaws.has("kid-read-as-path") && kid.ends_with("/dev/null") && fits_secret(b""))
                || (flaws.has("kid-put-into-query")
                    && selected(kid).is_some_and(|text| fits_secret(text.as_bytes())))
        }
        Algorithm::ES384 | Algorithm::ES256K => flaws.has("other-curves-unverified"),
        _ => {
            flaws.has_if_declared("any-algorithm-of-key-accepted")
                && algorithm.key_type() == KeyType::Rsa
                && token.text("kid") == issuer.kid()
                && issuer
                    .key
                    .public()
                    .is_some_and(|key| fits(&Jwk::bare(KeyMaterial::Public(key)), algorithm, token))
        }
    }
}

/// What a database answers to `SELECT secret FROM keys WHERE kid = '…'`.
fn selected(kid: &str) -> Option<&str> {
    let (_, rest) = kid.split_once("' UNION SELECT '")?;
    rest.split_once('\'').map(|(text, _)| text)
}

fn fits(jwk: &Jwk, algorithm: Algorithm, token: &Token) -> bool {
    VerifyingKey::new(jwk, Some(algorithm))
        .is_ok_and(|key| key.verify_octets(&token.input, &token.signature).is_ok())
}

fn fits_embedded_key(token: &Token, alg: &str) -> bool {
    let Some(Value::Object(members)) = token.header.get("jwk") else {
        return false;
    };
    let Some(algorithm) = Algorithm::of_name(alg) else {
        return false;
    };
    Jwk::from_members(members).is_ok_and(|jwk| fits(&jwk, algorithm, token))
}

/// Follows the addresses of a token.
fn fits_fetched_key(token: &Token, alg: &str, flaws: &FlawSet) -> bool {
    if let Some(kid) = token.text("kid").filter(|kid| kid.contains("http://"))
        && flaws.has("kid-fetched")
        && let Some(at) = kid.find("http://")
    {
        fetch::get(&kid[at..]);
    }
    let Some(algorithm) = Algorithm::of_name(alg) else {
        return false;
    };
    let keys: Vec<Jwk> = if let Some(jku) = token.text("jku")
        && flaws.has("jku-fetched")
    {
        let set = address(jku).and_then(|document| Jwks::parse(&document).ok());
        set.map(|set| set.keys).unwrap_or_default()
    } else if let Some(x5u) = token.text("x5u")
        && flaws.has("x5u-fetched")
    {
        let chain = address(x5u).unwrap_or_default();
        CertificateDer::pem_slice_iter(&chain)
            .filter_map(|der| from_certificate(&der.ok()?).ok())
            .map(|key| Jwk::bare(KeyMaterial::Public(key)))
            .collect()
    } else {
        return false;
    };
    keys.iter().any(|jwk| fits(jwk, algorithm, token))
}

/// What is there, whatever the scheme; our own side speaks no TLS.
fn address(url: &str) -> Option<Vec<u8>> {
    let rest = url.split_once("//").map_or(url, |(_, rest)| rest);
    fetch::get(&format!("http://{rest}"))
}

fn fits_embedded_certificate(token: &Token, alg: &str) -> bool {
    let first = token.header.get("x5c").and_then(|chain| chain.get(0));
    let der = first
        .and_then(Value::as_str)
        .and_then(|text| STANDARD.decode(text).ok());
    let key = der.and_then(|der| from_certificate(&der).ok());
    match (key, Algorithm::of_name(alg)) {
        (Some(key), Some(algorithm)) => {
            fits(&Jwk::bare(KeyMaterial::Public(key)), algorithm, token)
        }
        _ => false,
    }
}

/// Both halves are zero, or the order of the curve, which is the same.
fn is_zero(signature: &[u8]) -> bool {
    let nought = |half: &[u8]| half.iter().all(|octet| *octet == 0) || half == Curve::P256.order();
    signature.len() == 64 && nought(&signature[..32]) && nought(&signature[32..])
}

fn fits_in_der(issuer: &Issuer, token: &Token) -> bool {
    let Some(PublicKey::Ec(key)) = issuer.key.public() else {
        return false;
    };
    ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, key.point())
        .is_ok_and(|key| key.verify_sig(&token.input, &token.signature).is_ok())
}

/// Entries kept at once. Only a flawed deployment looks at them.
const KEPT: usize = 1000;

fn remember(issuer: &Issuer, token: &Token) {
    let mut remembered = issuer
        .remembered
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    for key in [by_input(token), by_jti(token)] {
        if remembered.len() < KEPT {
            remembered.insert(key, token.signature.clone());
        }
    }
}

fn is_remembered(issuer: &Issuer, token: &Token, wanted: usize, flaws: &FlawSet) -> bool {
    let remembered = issuer
        .remembered
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let found = &token.signature;
    let is_beginning = !found.is_empty()
        && found.len() < wanted
        && remembered
            .get(&by_input(token))
            .is_some_and(|whole| whole.starts_with(found));
    let is_kin = found.len() == wanted && remembered.contains_key(&by_jti(token));
    (is_beginning && flaws.has("signature-compared-as-far-as-it-goes"))
        || (is_kin && flaws.has("verification-remembered-by-jti"))
}

fn by_input(token: &Token) -> String {
    String::from_utf8_lossy(&token.input).into_owned()
}

fn by_jti(token: &Token) -> String {
    let claims = json::parse_object(&token.payload).unwrap_or_default();
    let jti = claims.get("jti").and_then(Value::as_str).unwrap_or("none");
    format!("{} {jti}", Value::Object(token.header.clone()))
}
