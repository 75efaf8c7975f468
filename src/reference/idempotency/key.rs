//! The header `Idempotency-Key` (draft §2.1): a string of RFC 9651 §3.3.3, or the same characters without quotes.

use crate::reference::edge::errors::Error;
use crate::reference::flaw::{Flaw, FlawSet, flaw};
use crate::reference::http::{Body, Request};

pub const FLAWS: &[Flaw] = &[
    flaw(
        "idempotency-key-unreadable-ignored",
        "Goes on without a key when the key cannot be read.",
        "draft-ietf-httpapi-idempotency-key-header §2.1",
    ),
    flaw(
        "idempotency-key-quoted-refused",
        "Refuses keys in quotes.",
        "RFC 9651 §3.3.3",
    ),
    flaw(
        "idempotency-key-quotes-kept",
        "Takes the quotes of a key for a part of it.",
        "RFC 9651 §3.3.3",
    ),
    flaw(
        "idempotency-key-cut",
        "Cuts a key off after 255 characters.",
        "draft-ietf-httpapi-idempotency-key-header §5",
    ),
    flaw(
        "idempotency-key-case-folded",
        "Compares keys without regard to case.",
        "RFC 9651 §3.3.3",
    ),
    flaw(
        "idempotency-key-short-taken",
        "Takes keys that anybody could guess.",
        "draft-ietf-httpapi-idempotency-key-header §5",
    ),
    flaw(
        "idempotency-guessed-without-key",
        "Takes a request without a key for a repetition when it is like an earlier one.",
        "good practice",
    ),
];

/// Characters of a key at most.
pub const LONGEST: usize = 255;
/// Characters of a key at least.
pub const SHORTEST: usize = 8;

pub const HEADER: &str = "idempotency-key";

/// The key of the request. 400 for one that cannot be read: taken for none, it would let a repetition through.
pub fn read(request: &Request, flaws: &FlawSet) -> Result<Option<String>, Error> {
    let mut lines = request.fields.all(HEADER);
    let Some(line) = lines.next() else {
        let is_guessed = flaws.has("idempotency-guessed-without-key");
        return Ok(is_guessed.then(|| format!("like {} {}", request.target, content(request))));
    };
    let key = match lines.next() {
        Some(_) => Err(refusal("comes more than once")),
        None => of_line(line, flaws),
    };
    match key {
        Err(_) if flaws.has("idempotency-key-unreadable-ignored") => Ok(None),
        key => key.map(Some),
    }
}

fn of_line(line: &[u8], flaws: &FlawSet) -> Result<String, Error> {
    let text = std::str::from_utf8(line)
        .ok()
        .map(|text| text.trim_matches([' ', '\t']))
        .ok_or_else(|| refusal("has characters outside of ASCII"))?;
    let key = match text.strip_prefix('"') {
        Some(_) if flaws.has("idempotency-key-quoted-refused") => None,
        Some(rest) => quoted(rest),
        None => bare(text),
    };
    let mut key = key.ok_or_else(|| refusal("is neither a string nor a token"))?;
    if key.is_empty() {
        return Err(refusal("is empty"));
    }
    if key.len() < SHORTEST && !flaws.has("idempotency-key-short-taken") {
        return Err(refusal("is shorter than eight characters"));
    }
    if key.len() > LONGEST {
        if !flaws.has("idempotency-key-cut") {
            return Err(refusal("is longer than 255 characters"));
        }
        key.truncate(LONGEST);
    }
    if text.starts_with('"') && flaws.has("idempotency-key-quotes-kept") {
        key = format!("\"{key}\"");
    }
    if flaws.has("idempotency-key-case-folded") {
        key.make_ascii_lowercase();
    }
    Ok(key)
}

/// What stands between the quotes, and nothing behind them: no key of ours has parameters.
fn quoted(rest: &str) -> Option<String> {
    let mut key = String::new();
    let mut characters = rest.chars();
    loop {
        match characters.next()? {
            '"' => break,
            '\\' => match characters.next()? {
                escaped @ ('"' | '\\') => key.push(escaped),
                _ => return None,
            },
            plain @ ' '..='~' => key.push(plain),
            _ => return None,
        }
    }
    characters.as_str().is_empty().then_some(key)
}

/// The characters of a token of RFC 9651 §3.3.4, with any of them at its beginning.
fn bare(text: &str) -> Option<String> {
    let is_of_token =
        |octet: u8| octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~:/".contains(&octet);
    text.bytes().all(is_of_token).then(|| text.to_owned())
}

fn content(request: &Request) -> String {
    match &request.body {
        Body::Bytes(octets) => hex::encode(octets),
        Body::TooLarge => String::new(),
    }
}

fn refusal(why: &str) -> Error {
    Error::new(
        400,
        "IDEMPOTENCY_KEY_INVALID",
        format!("Idempotency-Key {why}."),
    )
}
