//! Where in a key file the mistake is.

use super::json::{self, JsonError};
use super::key_error::KeyError;

/// What [`super::import`] takes, for people.
pub const KEY_FORMATS: &str =
    "PEM (PKCS#8, SEC1, PKCS#1, SPKI, certificate), DER of the same, JWK, JWKS";

/// Line and column, both from 1, of what [`super::import`] refused `file` for; the column counts characters. `None`
/// where the place means nothing, as in DER.
pub fn mistake_place(file: &[u8], error: &KeyError) -> Option<(usize, usize)> {
    let text = std::str::from_utf8(file).ok();
    let at = match error {
        KeyError::Json(reason) => json_place(reason)?,
        KeyError::Pem | KeyError::Encrypted => text?.find("-----BEGIN ")?,
        KeyError::PemLabel(label) => text?.find(&format!("-----BEGIN {label}"))?,
        KeyError::Type { name, .. }
        | KeyError::Base64 { name, .. }
        | KeyError::Length { name, .. }
        | KeyError::LeadingZeros(name) => member(text?, name)?,
        KeyError::UnknownType(_) => member(text?, "kty")?,
        KeyError::UnknownCurve(_) => member(text?, "crv")?,
        KeyError::UnknownFormat | KeyError::Missing(_) if text.is_some() => 0,
        _ => return None,
    };
    let before = &file[..at.min(file.len())];
    let line_start = before
        .iter()
        .rposition(|octet| *octet == b'\n')
        .map_or(0, |at| at + 1);
    let line = before.iter().filter(|octet| **octet == b'\n').count() + 1;
    let column = String::from_utf8_lossy(&before[line_start..])
        .chars()
        .count()
        + 1;
    Some((line, column))
}

fn json_place(reason: &JsonError) -> Option<usize> {
    match reason {
        JsonError::InvalidUtf8 { at }
        | JsonError::Syntax { at, .. }
        | JsonError::DuplicateMember { at, .. }
        | JsonError::TooDeep { at }
        | JsonError::NumberTooLarge { at }
        | JsonError::LoneSurrogate { at }
        | JsonError::ControlCharacter { at }
        | JsonError::Trailing { at } => Some(*at),
        JsonError::NotAnObject => None,
    }
}

/// Where the value of a member of the outermost object starts.
fn member(text: &str, name: &str) -> Option<usize> {
    let members = json::members(text).ok()?;
    let found = members.iter().find(|member| member.name == name)?;
    Some(found.value_span.start)
}

/// Line and column, both from 1, of a refusal of JSON text that is no key.
pub fn json_mistake_place(text: &[u8], reason: &JsonError) -> Option<(usize, usize)> {
    mistake_place(text, &KeyError::Json(reason.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::import;

    #[test]
    fn places_are_lines_and_columns() {
        for (file, place) in [
            ("{\n  \"kty\": \"EC\",\n  \"kty\": 5 }", Some((3, 3))),
            ("{\n  \"kty\": \"XX\" }", Some((2, 10))),
            (
                "{\n  \"kty\": \"OKP\", \"crv\": \"Ed25519\", \"x\": \"A=\" }",
                Some((2, 40)),
            ),
            (
                "\n\n-----BEGIN PUBLIC KEY-----\n!\n-----END PUBLIC KEY-----\n",
                Some((3, 1)),
            ),
            ("hello", Some((1, 1))),
        ] {
            let error = import(file.as_bytes()).unwrap_err();
            assert_eq!(
                mistake_place(file.as_bytes(), &error),
                place,
                "{file}: {error}"
            );
        }
        let error = import(b"\x30\x01\xff").unwrap_err();
        assert_eq!(mistake_place(b"\x30\x01\xff", &error), None);
    }
}
