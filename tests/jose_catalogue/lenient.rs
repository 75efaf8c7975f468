//! What the forgiving verifier reads leniently, each thing by itself.

use std::collections::BTreeMap;

use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use proofmark::jose::{Algorithm, Jwk, KeyMaterial, KeyType, VerifyingKey, base64url};
use serde_json::Value;

use super::deployment::Deployment;

/// Members of an object as they were written, duplicates included.
pub type Members = Vec<(String, Value)>;

pub fn last(members: &Members) -> BTreeMap<&str, &Value> {
    members
        .iter()
        .map(|(name, value)| (name.as_str(), value))
        .collect()
}

pub fn first(members: &Members) -> BTreeMap<&str, &Value> {
    members
        .iter()
        .rev()
        .map(|(name, value)| (name.as_str(), value))
        .collect()
}

pub fn is_base64(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '+' | '/' | '=')
}

pub fn decode_url(text: &str) -> Option<Vec<u8>> {
    base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(text)
        .ok()
}

/// Whatever a careless comparison takes for `none`.
pub fn is_none(alg: &Value) -> bool {
    match alg {
        Value::Null => true,
        Value::String(text) => {
            let text = text.trim_matches([' ', '\0']).to_lowercase();
            text.is_empty() || text == "none"
        }
        Value::Array(list) => list.iter().all(is_none),
        _ => false,
    }
}

pub fn fits(jwk: &Jwk, algorithm: Algorithm, signed: &[u8], signature: &[u8]) -> bool {
    if let KeyMaterial::Secret(secret) = &jwk.material {
        return algorithm.key_type() == KeyType::Secret
            && hmac_fits(algorithm, secret.expose(), signed, signature);
    }
    let mut plain = jwk.clone();
    (plain.alg, plain.usage, plain.key_ops) = (None, None, None);
    VerifyingKey::new(&plain, Some(algorithm))
        .is_ok_and(|key| key.verify_octets(signed, signature).is_ok())
}

/// DER, widened numbers or octets behind the end, back to what RFC 7518 §3.4 wants.
pub fn normal_form(algorithm: Algorithm, signature: &[u8]) -> Option<Vec<u8>> {
    let KeyType::Ec(curve) = algorithm.key_type() else {
        let length = match algorithm.key_type() {
            KeyType::Rsa => 256,
            KeyType::Ed25519 => 64,
            _ => algorithm.hash_octets(),
        };
        return signature.get(..length).map(<[u8]>::to_vec);
    };
    let width = curve.octets();
    if let Ok(der) = p256::ecdsa::Signature::from_der(signature) {
        return Some(der.to_bytes().to_vec());
    }
    match signature.len().checked_sub(2 * width)? {
        2 => Some([&signature[1..=width], &signature[width + 2..]].concat()),
        _ => Some(signature[..2 * width].to_vec()),
    }
}

pub fn guess_charset(text: Vec<u8>) -> Vec<u8> {
    let units = |from: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = text
            .chunks_exact(2)
            .map(|pair| from([pair[0], pair[1]]))
            .collect();
        String::from_utf16_lossy(&units).into_bytes()
    };
    match text.as_slice() {
        [0xef, 0xbb, 0xbf, rest @ ..] => rest.to_vec(),
        [b'{', 0, ..] => units(u16::from_le_bytes),
        [0, b'{', ..] => units(u16::from_be_bytes),
        _ => String::from_utf8_lossy(&text).into_owned().into_bytes(),
    }
}

/// NFKC as far as needed here, without what cannot be seen, cut at NUL, in small letters.
pub fn normalised(text: &str) -> String {
    let text = text.split('\0').next().unwrap_or_default();
    let visible = text
        .chars()
        .filter(|c| !matches!(c, '\u{34f}' | '\u{200b}'));
    let narrow = visible.map(|c| match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap(),
        other => other,
    });
    narrow.collect::<String>().trim().to_lowercase()
}

pub fn hmac_fits(algorithm: Algorithm, key: &[u8], signed: &[u8], tag: &[u8]) -> bool {
    let hash = match algorithm {
        Algorithm::HS256 => hmac::HMAC_SHA256,
        Algorithm::HS384 => hmac::HMAC_SHA384,
        _ => hmac::HMAC_SHA512,
    };
    hmac::verify(&hmac::Key::new(hash, key), signed, tag).is_ok()
}

pub fn sha1(octets: &[u8]) -> String {
    base64url::encode(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, octets))
}

pub fn sha256(octets: &[u8]) -> String {
    base64url::encode(digest::digest(&digest::SHA256, octets))
}

/// What a careless operator may have stored as "the key", from files that OpenSSL and OpenSSH wrote.
pub fn spellings(deployment: &Deployment) -> Vec<Vec<u8>> {
    let name = deployment.name;
    let path = |suffix: &str| {
        format!(
            "{}/fixtures/keys/{name}.{suffix}",
            env!("CARGO_MANIFEST_DIR")
        )
    };
    let files = [
        "spki.pem", "spki.der", "pub1.pem", "pub1.der", "cert.pem", "cert.der", "openssh",
    ];
    let mut found: Vec<Vec<u8>> = files
        .iter()
        .filter_map(|file| std::fs::read(path(file)).ok())
        .collect();
    for pem in found.clone() {
        if let Ok(text) = String::from_utf8(pem) {
            let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('-')).collect();
            found.push(text.trim_end().into());
            found.push(text.replace('\n', "\r\n").into());
            found.push(lines.concat().into());
        }
    }
    let Some(target) = &deployment.target else {
        return found;
    };
    let document = target.document.clone().unwrap();
    let published: Value = serde_json::from_slice(&document).unwrap();
    let jwk = &published["keys"][0];
    let member = |name: &str| jwk[name].as_str().and_then(decode_url).unwrap_or_default();
    let xy = [member("x"), member("y")].concat();
    let pretty = serde_json::to_string_pretty(jwk).unwrap();
    let mut canonical: BTreeMap<&str, &Value> = BTreeMap::new();
    for name in ["crv", "e", "kty", "n", "x", "y"] {
        if let Some(value) = jwk.get(name) {
            canonical.insert(name, value);
        }
    }
    let number = jwk.get("n").or(jwk.get("x")).unwrap().as_str().unwrap();
    found.extend([
        [&[4][..], &xy].concat(),
        xy,
        member("n"),
        number.into(),
        document,
        pretty.into(),
        jwk.to_string().into(),
        serde_json::to_vec(&canonical).unwrap(),
    ]);
    found
}

#[test]
fn whoever_has_a_public_key_has_spellings_of_it() {
    for deployment in Deployment::all() {
        assert_eq!(spellings(deployment).is_empty(), deployment.name == "hmac");
    }
}
