//! base64url as JOSE wants it: RFC 4648 §5 without padding (RFC 7515 §2), one spelling for each octet string.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Why a text is not the canonical base64url of anything. `at` counts octets from the start of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Base64Error {
    #[error("padding `=` at octet {at}; JOSE uses none (RFC 7515 §2)")]
    Padding { at: usize },
    #[error(
        "`{}` at octet {at} belongs to the standard alphabet, not to base64url (RFC 4648 §5)",
        *found as char
    )]
    StandardAlphabet { at: usize, found: u8 },
    #[error("white space at octet {at}")]
    WhiteSpace { at: usize },
    #[error("octet 0x{found:02x} at {at} is in no base64 alphabet")]
    ForeignOctet { at: usize, found: u8 },
    #[error("a text of {length} characters is the encoding of nothing (length mod 4 is 1)")]
    Length { length: usize },
    #[error("the unused bits of the last character are not zero (RFC 4648 §3.5)")]
    TrailingBits,
}

/// The canonical encoding.
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Appends the canonical encoding to `out` without another allocation when `out` has room.
pub fn encode_into(bytes: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    let length = bytes.len() / 3 * 4 + [0, 2, 3][bytes.len() % 3];
    out.resize(start + length, 0);
    URL_SAFE_NO_PAD
        .encode_slice(bytes, &mut out[start..])
        .expect("the slice has exactly the encoded length");
}

/// Writes the canonical encoding to the start of `out`, which must have room for it, and says how long it is.
pub(super) fn encode_onto(bytes: &[u8], out: &mut [u8]) -> usize {
    URL_SAFE_NO_PAD
        .encode_slice(bytes, out)
        .expect("the caller has made room")
}

/// Decodes what [`encode`] can have produced, and nothing else.
pub fn decode(text: impl AsRef<[u8]>) -> Result<Vec<u8>, Base64Error> {
    let text = text.as_ref();
    URL_SAFE_NO_PAD.decode(text).map_err(|_| why_not(text))
}

/// Only reached for texts that the decoder refused; finds the first thing wrong with it.
fn why_not(text: &[u8]) -> Base64Error {
    for (at, &found) in text.iter().enumerate() {
        match found {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => {}
            b'=' => return Base64Error::Padding { at },
            b'+' | b'/' => return Base64Error::StandardAlphabet { at, found },
            b' ' | b'\t' | b'\r' | b'\n' => return Base64Error::WhiteSpace { at },
            _ => return Base64Error::ForeignOctet { at, found },
        }
    }
    if text.len() % 4 == 1 {
        Base64Error::Length { length: text.len() }
    } else {
        Base64Error::TrailingBits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_refusal_says_what_is_wrong() {
        assert_eq!(decode("Zg=="), Err(Base64Error::Padding { at: 2 }));
        assert_eq!(
            decode("+_8"),
            Err(Base64Error::StandardAlphabet { at: 0, found: b'+' })
        );
        assert_eq!(decode("Zm9\n"), Err(Base64Error::WhiteSpace { at: 3 }));
        assert_eq!(
            decode(b"Zm\0v"),
            Err(Base64Error::ForeignOctet { at: 2, found: 0 })
        );
        assert_eq!(decode("Zm9vY"), Err(Base64Error::Length { length: 5 }));
        assert_eq!(decode("Zh"), Err(Base64Error::TrailingBits));
        assert_eq!(decode("Zg").as_deref(), Ok(&b"f"[..]));
    }

    proptest! {
        #[test]
        fn what_decodes_encodes_to_the_same_text(text in "[A-Za-z0-9_=+/ -]{0,40}") {
            if let Ok(bytes) = decode(&text) {
                prop_assert_eq!(encode(&bytes), text.clone());
                let mut out = b"kept.".to_vec();
                encode_into(&bytes, &mut out);
                prop_assert_eq!(&out[5..], text.as_bytes());
            }
        }

        #[test]
        fn every_octet_string_survives(bytes: Vec<u8>) {
            prop_assert_eq!(decode(encode(&bytes)), Ok(bytes));
        }
    }
}
