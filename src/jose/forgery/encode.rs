//! Signed tokens written down wrongly.

use serde_json::json;

use super::forge::Unforgeable;
use super::model::{Encode, JsonForm, Place, Segments};
use crate::jose::{Compact, Segment, base64url};

/// All steps but [`Encode::Jwe`], which needs more than the token.
pub(super) fn apply(token: Vec<u8>, step: &Encode) -> Result<Vec<u8>, Unforgeable> {
    let mut compact = Compact::split(&token);
    match step {
        Encode::Padding(which) => each(&mut compact, *which, |octets| {
            let missing = (4 - octets.len() % 4) % 4;
            octets.extend(vec![b'='; missing.max(1)]);
            true
        })?,
        Encode::StandardAlphabet(which) => each(&mut compact, *which, |octets| {
            let mut changed = false;
            for octet in octets {
                let standard = match octet {
                    b'-' => b'+',
                    b'_' => b'/',
                    _ => continue,
                };
                *octet = standard;
                changed = true;
            }
            changed
        })?,
        Encode::TrailingBits(which) => {
            each(&mut compact, *which, |octets| set_trailing_bit(octets))?
        }
        Encode::Insert { segment, at, text } => each(&mut compact, *segment, |octets| {
            let at = match at {
                Place::Start => 0,
                Place::Middle => octets.len() / 2,
                Place::End => octets.len(),
            };
            octets.splice(at..at, text.bytes());
            true
        })?,
        Encode::Empty(which) => each(&mut compact, *which, |octets| {
            let there = !octets.is_empty();
            octets.clear();
            there
        })?,
        Encode::Drop(which) => {
            for index in indexes(&compact, *which)?.rev() {
                compact.segments_mut().remove(index);
            }
        }
        Encode::AppendSegment(text) => compact.segments_mut().push(Segment::raw(text.as_str())),
        Encode::PrependSegment(text) => {
            compact
                .segments_mut()
                .insert(0, Segment::raw(text.as_str()));
        }
        Encode::Append(text) => return Ok([&token, text.as_bytes()].concat()),
        Encode::Prepend(text) => return Ok([text.as_bytes(), &token].concat()),
        Encode::Cut(octets) => {
            let end = token.len().checked_sub(*octets);
            let end = end.ok_or(Unforgeable::NothingToChange(
                "the token is shorter than that",
            ))?;
            return Ok(token[..end].to_vec());
        }
        Encode::CutHalf => return Ok(token[..token.len() / 2].to_vec()),
        Encode::Twice(between) => return Ok([&token, between.as_bytes(), &token].concat()),
        Encode::Json(form) => return json_form(&compact, *form),
        Encode::Base64url => return Ok(base64url::encode(token).into_bytes()),
        Encode::Jwe(_) => unreachable!("wrapped by the caller"),
    }
    Ok(compact.to_bytes())
}

fn indexes(compact: &Compact, which: Segments) -> Result<std::ops::Range<usize>, Unforgeable> {
    let count = compact.segments().len();
    let range = match which {
        Segments::Header => 0..1,
        Segments::Payload if count == 2 => 1..2,
        Segments::Payload if count >= 3 => 1..count - 1,
        Segments::Signature if count >= 3 => count - 1..count,
        Segments::All => 0..count,
        _ => {
            return Err(Unforgeable::NothingToChange(
                "the token has no such segment",
            ));
        }
    };
    Ok(range)
}

fn each(
    compact: &mut Compact,
    which: Segments,
    mut change: impl FnMut(&mut Vec<u8>) -> bool,
) -> Result<(), Unforgeable> {
    let mut changed = false;
    for index in indexes(compact, which)? {
        changed |= change(compact.segments_mut()[index].octets_mut());
    }
    if changed {
        Ok(())
    } else {
        Err(Unforgeable::NothingToChange(
            "the segments hold nothing that this changes",
        ))
    }
}

/// The last character carries 2 or 4 unused bits where the length leaves 3 or 2 over a multiple of four.
fn set_trailing_bit(octets: &mut [u8]) -> bool {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    if octets.len() % 4 < 2 {
        return false;
    }
    let last = octets.last_mut().expect("at least two characters");
    match ALPHABET.iter().position(|character| character == last) {
        Some(value) => {
            *last = ALPHABET[value ^ 1];
            true
        }
        None => false,
    }
}

fn json_form(compact: &Compact, form: JsonForm) -> Result<Vec<u8>, Unforgeable> {
    let texts: Vec<String> = compact
        .segments()
        .iter()
        .map(|segment| String::from_utf8_lossy(segment.as_bytes()).into_owned())
        .collect();
    let [protected, payload, signature] = texts.as_slice() else {
        return Err(Unforgeable::NothingToChange(
            "the token has not three segments",
        ));
    };
    let good = json!({"protected": protected, "signature": signature});
    let bad = json!({"protected": protected, "signature": base64url::encode([0; 64])});
    let general =
        |signatures: &[&serde_json::Value]| json!({"payload": payload, "signatures": signatures});
    let document = match form {
        JsonForm::General => general(&[&good]),
        JsonForm::GoodThenBad => general(&[&good, &bad]),
        JsonForm::BadThenGood => general(&[&bad, &good]),
        JsonForm::Flattened => {
            json!({"payload": payload, "protected": protected, "signature": signature})
        }
    };
    Ok(document.to_string().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(step: &str) -> Result<String, Unforgeable> {
        let step: Encode = serde_json::from_str(step).unwrap();
        let token = b"eyJ9.e-_w.QUI".to_vec();
        apply(token, &step).map(|token| String::from_utf8(token).unwrap())
    }

    #[test]
    fn each_step_changes_what_it_names() {
        for (step, expected) in [
            (r#"{"padding":"all"}"#, "eyJ9=.e-_w=.QUI="),
            (r#"{"standard-alphabet":"all"}"#, "eyJ9.e+/w.QUI"),
            (r#"{"trailing-bits":"signature"}"#, "eyJ9.e-_w.QUJ"),
            (
                r#"{"insert":{"segment":"payload","at":"middle","text":"\n"}}"#,
                "eyJ9.e-\n_w.QUI",
            ),
            (r#"{"drop":"signature"}"#, "eyJ9.e-_w"),
            (r#"{"empty":"payload"}"#, "eyJ9..QUI"),
            (r#"{"append-segment":""}"#, "eyJ9.e-_w.QUI."),
            (r#"{"prepend-segment":""}"#, ".eyJ9.e-_w.QUI"),
            (r#"{"twice":" "}"#, "eyJ9.e-_w.QUI eyJ9.e-_w.QUI"),
            (r#"{"cut":2}"#, "eyJ9.e-_w.Q"),
            (r#""cut-half""#, "eyJ9.e"),
            (
                r#"{"json":"flattened"}"#,
                r#"{"payload":"e-_w","protected":"eyJ9","signature":"QUI"}"#,
            ),
        ] {
            assert_eq!(encoded(step).as_deref(), Ok(expected), "{step}");
        }
        for step in [
            r#"{"standard-alphabet":"header"}"#,
            r#"{"trailing-bits":"header"}"#,
            r#"{"cut":99}"#,
        ] {
            assert!(
                matches!(encoded(step), Err(Unforgeable::NothingToChange(_))),
                "{step}"
            );
        }
    }
}
