//! The codings that a secret is looked for in.

use aws_lc_rs::digest::{Algorithm, SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA512, digest};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// A value as it may stand in a text: the name of each coding, nothing for the value itself, and the octets.
pub(super) fn forms(value: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut forms = vec![("", value.to_vec())];
    let percent: String = value
        .iter()
        .map(|b| {
            if b.is_ascii_alphanumeric() || b"-._~".contains(b) {
                (*b as char).to_string()
            } else {
                format!("%{b:02X}")
            }
        })
        .collect();
    forms.push(("percent", percent.to_ascii_lowercase().into_bytes()));
    forms.push(("percent", percent.into_bytes()));
    if value.len() >= 8 {
        forms.push(("hex", hex::encode(value).into_bytes()));
        forms.push(("hex", hex::encode_upper(value).into_bytes()));
        // Inside a longer text the encoding starts at one of three phases; the characters that depend on neighbours
        // are left off.
        for phase in 0..3 {
            let padded: Vec<u8> = std::iter::repeat_n(0u8, phase)
                .chain(value.iter().copied())
                .collect();
            let whole = padded.len() / 3 * 3;
            let skip = [0, 2, 3][phase];
            for encoded in [
                STANDARD_NO_PAD.encode(&padded[..whole]),
                URL_SAFE_NO_PAD.encode(&padded[..whole]),
            ] {
                if encoded.len() >= skip + 8 {
                    forms.push(("base64", encoded.as_bytes()[skip..].to_vec()));
                }
            }
        }
        let reversed: Vec<u8> = value.iter().rev().copied().collect();
        forms.push(("reversed", reversed));
    }
    let escaped = serde_json::to_string(&String::from_utf8_lossy(value)).unwrap_or_default();
    forms.push(("json", escaped.trim_matches('"').as_bytes().to_vec()));
    forms
}

/// Further ones of a value that a target drew by chance: what is left of it when somebody changed the case or the width
/// of its letters.
pub(super) fn disguises(value: &str) -> [(&'static str, Vec<u8>); 2] {
    let swapped = |c: char| match c.is_ascii_uppercase() {
        true => c.to_ascii_lowercase(),
        false => c.to_ascii_uppercase(),
    };
    let wide = |c: char| match c.is_ascii_alphanumeric() {
        true => char::from_u32(u32::from(c) + 0xFEE0).unwrap_or(c),
        false => c,
    };
    let spelt = |letter: &dyn Fn(char) -> char| -> Vec<u8> {
        let text: String = value.chars().map(letter).collect();
        text.into_bytes()
    };
    [("case", spelt(&swapped)), ("wide", spelt(&wide))]
}

/// Its hashes, in hexadecimal and base64url: what is derived from them tells whoever has guessed the value that he is
/// right.
pub(super) fn hashes(value: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let of = |name: &'static str, algorithm: &'static Algorithm| {
        let hash = digest(algorithm, value);
        let hex = hex::encode(hash.as_ref()).into_bytes();
        let base64 = URL_SAFE_NO_PAD.encode(hash.as_ref()).into_bytes();
        [(name, hex), (name, base64)]
    };
    [
        of("sha-1", &SHA1_FOR_LEGACY_USE_ONLY),
        of("sha-256", &SHA256),
        of("sha-512", &SHA512),
    ]
    .into_iter()
    .flatten()
    .collect()
}
