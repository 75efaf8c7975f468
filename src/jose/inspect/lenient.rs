//! Reading as a careless library would: only for showing, never for believing.

use serde_json::{Map, Value};

use crate::jose::{Compact, Segment};

/// Octets of base64 of either alphabet; padding, white space and foreign octets are passed over, bits that are left
/// over are dropped.
pub(super) fn decode(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() * 3 / 4);
    let (mut bits, mut count) = (0_u32, 0);
    for octet in text {
        let value = match octet {
            b'A'..=b'Z' => octet - b'A',
            b'a'..=b'z' => octet - b'a' + 26,
            b'0'..=b'9' => octet - b'0' + 52,
            b'-' | b'+' => 62,
            b'_' | b'/' => 63,
            _ => continue,
        };
        bits = (bits << 6 | u32::from(value)) & 0xff_ffff;
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
        }
    }
    out
}

/// A JSON object, whatever else is wrong with it: duplicates (the last counts), a byte order mark, broken UTF-8.
pub(super) fn object(octets: &[u8]) -> Option<Map<String, Value>> {
    let text = String::from_utf8_lossy(octets);
    let text = text.trim_start_matches('\u{feff}').trim_end_matches('\0');
    match serde_json::from_str(text) {
        Ok(Value::Object(members)) => Some(members),
        _ => None,
    }
}

/// The first signature of the JSON serialisation as if it were compact.
pub(super) fn json_serialisation(token: &[u8]) -> Option<Compact> {
    let start = token.iter().find(|octet| !octet.is_ascii_whitespace())?;
    if *start != b'{' {
        return None;
    }
    let document = object(token)?;
    let first = document
        .get("signatures")
        .and_then(|signatures| signatures.get(0))
        .and_then(Value::as_object)
        .unwrap_or(&document);
    let segment = |members: &Map<String, Value>, name: &str| {
        Segment::raw(
            members
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or_default(),
        )
    };
    document.get("payload")?;
    Some(Compact::of(vec![
        segment(first, "protected"),
        segment(&document, "payload"),
        segment(first, "signature"),
    ]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_wrong_with_base64_is_passed_over() {
        for text in ["Zm9v", "Zm9v====", " Z m\n9v", "Zm9v!A"] {
            assert_eq!(decode(text.as_bytes()), b"foo", "{text}");
        }
        assert_eq!(decode(b"-_+/"), decode(b"+/-_"));
        assert_eq!(decode(b""), b"");
    }
}
