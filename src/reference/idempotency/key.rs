//! The header `Idempotency-Key` (draft §2.1): a string of RFC 9651 §3.3.3, or the same characters without quotes.

use crate::reference::edge::errors::Error;
use crate::reference::http::Request;

/// Characters of a key at most.
pub const LONGEST: usize = 255;

/// The key of the request. 400 for one that cannot be read: taken for none, it would let a repetition through.
pub fn read(request: &Request) -> Result<Option<String>, Error> {
    let mut lines = request.fields.all("idempotency-key");
    let Some(line) = lines.next() else {
        return Ok(None);
    };
    if lines.next().is_some() {
        return Err(refusal("comes more than once"));
    }
    let text = std::str::from_utf8(line)
        .ok()
        .map(|text| text.trim_matches([' ', '\t']))
        .ok_or_else(|| refusal("has characters outside of ASCII"))?;
    let key = match text.strip_prefix('"') {
        Some(rest) => quoted(rest),
        None => bare(text),
    };
    let key = key.ok_or_else(|| refusal("is neither a string nor a token"))?;
    if key.is_empty() {
        return Err(refusal("is empty"));
    }
    if key.len() > LONGEST {
        return Err(refusal("is longer than 255 characters"));
    }
    Ok(Some(key))
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

fn refusal(why: &str) -> Error {
    Error::new(
        400,
        "IDEMPOTENCY_KEY_INVALID",
        format!("Idempotency-Key {why}."),
    )
}
