//! The field lines that carry a proof: exactly one, with exactly one JWT (RFC 9449 §4.1, §4.3 items 1 and 2).

use super::Fault;
use crate::reference::flaw::{Flaw, FlawSet, flaw};
use crate::reference::http::Request;

pub const FLAWS: &[Flaw] = &[
    flaw(
        "dpop-first-line-read",
        "Takes the first of several DPoP lines.",
        "RFC 9449 §4.3 item 1",
    ),
    flaw(
        "dpop-last-line-read",
        "Takes the last of several DPoP lines.",
        "RFC 9449 §4.3 item 1",
    ),
    flaw(
        "dpop-field-name-case-compared",
        "Does not know the field by its name in capitals.",
        "RFC 9449 §4.1",
    ),
    flaw(
        "dpop-list-read",
        "Takes the first of several proofs in one line.",
        "RFC 9449 §4.3 item 2",
    ),
];

pub const NAME: &str = "dpop";

/// The one value.
pub fn only(request: &Request, flaws: &FlawSet) -> Result<String, Fault> {
    if request.fields.is_shouted(NAME) && flaws.has("dpop-field-name-case-compared") {
        return Err(Fault::Absent);
    }
    let lines: Vec<&[u8]> = request.fields.all(NAME).collect();
    let line = match lines.as_slice() {
        [] => return Err(Fault::Absent),
        [line] => line,
        [line, ..] if flaws.has("dpop-first-line-read") => line,
        [.., line] if flaws.has("dpop-last-line-read") => line,
        [_, _, ..] => return Err(Fault::Check("came more than once")),
    };
    let text = std::str::from_utf8(line).map_err(|_| Fault::Malformed)?;
    if let Some((first, _)) = text.split_once([',', ' '])
        && flaws.has("dpop-list-read")
    {
        return Ok(first.to_owned());
    }
    Ok(text.to_owned())
}
