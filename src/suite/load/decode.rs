//! From a document to a type, and from what its schema refuses to mistakes.
//!
//! Serde stops at its first complaint and knows no places. So when it refuses a document, the document is checked
//! against the JSON Schema of the type, and each error of that becomes a mistake where it belongs. Serde has the last
//! word: what it refuses and the schema does not (a duration that does not parse) is reported in its own words.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;

use super::document::Document;
use super::field_check::{Finding, check};
use super::mistake::Mistake;
use super::tree::push_token;
use super::wording::place;

/// The value of `document` as a `T`, or everything that is wrong with it, what [`Document::held`] holds included.
/// Checks what serde checks: a bound that only the schema of `T` states does not make it fail.
pub fn decode<T: DeserializeOwned + JsonSchema>(
    document: &mut Document,
) -> Result<T, Vec<Mistake>> {
    if document.held().is_empty()
        && let Ok(value) = T::deserialize(document.take())
    {
        return Ok(value);
    }
    Err(all_mistakes::<T>(document))
}

/// Like [`decode`], but the document has to satisfy the JSON Schema of `T` as well.
pub fn decode_strict<T: DeserializeOwned + JsonSchema>(
    document: &mut Document,
) -> Result<T, Vec<Mistake>> {
    let mistakes = all_mistakes::<T>(document);
    if mistakes.is_empty() {
        decode(document)
    } else {
        Err(mistakes)
    }
}

fn all_mistakes<T: DeserializeOwned + JsonSchema>(document: &Document) -> Vec<Mistake> {
    let schema = SchemaSettings::draft2020_12()
        .for_deserialize()
        .into_generator()
        .into_root_schema_for::<T>();
    let mut findings = check(document, schema.as_value());
    if let Some(refusal) = refusal::<T>(document)
        && !findings
            .iter()
            .any(|finding| related(&finding.pointer, &refusal.pointer))
        && (findings.is_empty() || !refusal.pointer.is_empty())
        && !document.has_holes()
    {
        findings.push(refusal);
    }

    let mut mistakes = document.held().to_vec();
    let held = mistakes.len();
    for Finding { mistake, .. } in findings {
        let known = |known: &Mistake| known.at == mistake.at && known.says == mistake.says;
        let follows = |earlier: &Mistake| earlier.at == mistake.at;
        if !mistakes[..held].iter().any(follows) && !mistakes[held..].iter().any(known) {
            mistakes.push(mistake);
        }
    }
    mistakes.sort_by(Mistake::order);
    mistakes
}

/// Whether one pointer leads to the place of the other or into it.
fn related(one: &str, other: &str) -> bool {
    let inside = |outer: &str, inner: &str| {
        inner
            .strip_prefix(outer)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    inside(one, other) || inside(other, one)
}

/// What serde says against the document, where it says it.
fn refusal<T: DeserializeOwned>(document: &Document) -> Option<Finding> {
    let error = serde_path_to_error::deserialize::<_, T>(document.value()).err()?;
    let mut pointer = String::new();
    for segment in error.path() {
        match segment {
            Segment::Seq { index } => push_token(&mut pointer, &index.to_string()),
            Segment::Map { key } => push_token(&mut pointer, key),
            Segment::Enum { variant } => push_token(&mut pointer, variant),
            Segment::Unknown => break,
        }
    }
    let says = error.inner().to_string();
    let mistake = number_refused(document, &pointer, &says)
        .unwrap_or_else(|| document.mistake_at(&pointer, says));
    Some(Finding { pointer, mistake })
}

/// Serde names the types of Rust where a number does not fit: says it in the words of the file.
fn number_refused(document: &Document, pointer: &str, says: &str) -> Option<Mistake> {
    let (found, rust_type) = says.split_once(", expected ")?;
    let (low, high) = match rust_type {
        "u8" => (0, u64::from(u8::MAX)),
        "u16" => (0, u64::from(u16::MAX)),
        "u32" => (0, u64::from(u32::MAX)),
        "u64" | "usize" => (0, u64::MAX),
        "i8" => (i64::from(i8::MIN), i8::MAX as u64),
        "i16" => (i64::from(i16::MIN), i16::MAX as u64),
        "i32" => (i64::from(i32::MIN), i32::MAX as u64),
        "i64" | "isize" => (i64::MIN, i64::MAX as u64),
        _ => return None,
    };
    let number = document
        .value()
        .pointer(pointer)
        .filter(|value| value.is_number())?;
    if found.starts_with("invalid value: integer") {
        let says = format!("{number} is out of range for {}", place(pointer));
        Some(
            document
                .mistake_at(pointer, says)
                .label(format!("from {low} to {high}")),
        )
    } else {
        let says = format!(
            "expected a whole number for {}, found the number {number}",
            place(pointer)
        );
        Some(document.mistake_at(pointer, says))
    }
}
