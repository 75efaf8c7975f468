//! Making valid tokens.

use serde_json::{Map, Value};

use super::algorithm::Algorithm;
use super::base64url;
use super::sign::{SignError, SigningKey};

/// A signed token over these two texts exactly as they are; one allocation. `header` should name `algorithm`:
/// it is not looked at.
pub fn mint_texts(
    header: &[u8],
    payload: &[u8],
    key: &SigningKey,
    algorithm: Algorithm,
) -> Result<Vec<u8>, SignError> {
    // A third more for base64, the dots, and the largest signature that is usual (RSA of 4096 bits).
    let mut token = Vec::with_capacity((header.len() + payload.len()) * 4 / 3 + 700);
    base64url::encode_into(header, &mut token);
    token.push(b'.');
    base64url::encode_into(payload, &mut token);
    sign_onto(&mut token, key, algorithm)?;
    Ok(token)
}

/// A signed token with members in the order given. Puts `alg` into the header if it has none.
pub fn mint(
    header: &Map<String, Value>,
    claims: &Map<String, Value>,
    key: &SigningKey,
) -> Result<Vec<u8>, SignError> {
    let named = header.get("alg").and_then(Value::as_str);
    let algorithm = named
        .and_then(Algorithm::of_name)
        .unwrap_or(key.algorithm());
    let mut header = header.clone();
    header
        .entry("alg")
        .or_insert_with(|| algorithm.name().into());
    let text = |members: &Map<String, Value>| {
        serde_json::to_vec(members).expect("a map of JSON values has a text")
    };
    mint_texts(&text(&header), &text(claims), key, algorithm)
}

/// Signs what is there and appends dot and signature.
pub(super) fn sign_onto(
    token: &mut Vec<u8>,
    key: &SigningKey,
    algorithm: Algorithm,
) -> Result<(), SignError> {
    let mut encoded = [0; 700];
    let mut long = Vec::new();
    let length = key.sign_with(algorithm, token, |signature| {
        if signature.len() <= 512 {
            base64url::encode_onto(signature, &mut encoded)
        } else {
            base64url::encode_into(signature, &mut long);
            0
        }
    })?;
    token.push(b'.');
    token.extend_from_slice(&encoded[..length]);
    token.extend_from_slice(&long);
    Ok(())
}
