//! Paths are matched as they were sent: one spelling for each resource, and everything else is not found.

use percent::decode;

use crate::reference::flaw::{Flaw, FlawSet, flaw};
use crate::reference::http::Request;

pub const FLAWS: &[Flaw] = &[
    flaw(
        "dot-segments-unguarded",
        "Guards the path as sent but serves it with dot segments and double slashes removed.",
        "RFC 3986 §6.2.2",
    ),
    flaw(
        "encoded-path-unguarded",
        "Guards the path as sent but serves it percent-decoded.",
        "RFC 3986 §6.2.2",
    ),
    flaw(
        "double-encoded-path-unguarded",
        "Guards the path as sent but serves it percent-decoded twice.",
        "RFC 3986 §6.2.2",
    ),
    flaw(
        "path-parameters-unguarded",
        "Guards the path as sent but serves it without ;parameters.",
        "RFC 3986 §3.3",
    ),
    flaw(
        "trailing-slash-unguarded",
        "Guards the path as sent but serves it without a slash at its end.",
        "RFC 3986 §6.2.2",
    ),
    flaw(
        "path-case-unguarded",
        "Guards the path as sent but serves it in lower case.",
        "RFC 3986 §6.2.2",
    ),
    flaw(
        "path-suffix-unguarded",
        "Guards the path as sent but serves it without .json or .html.",
        "RFC 3986 §6.2.2",
    ),
    flaw(
        "original-url-honoured",
        "Serves the path in X-Original-URL or X-Rewrite-URL after guarding the one in the request line.",
        "good practice",
    ),
    flaw(
        "forwarded-path-honoured",
        "Serves the path in X-Forwarded-Path, X-Forwarded-Prefix or X-Override-URL after guarding the one in the request line.",
        "good practice",
    ),
    flaw(
        "internal-mount-unguarded",
        "Serves everything once more with /internal in the path, without asking for credentials.",
        "OWASP API9:2023",
    ),
];

/// Another spelling of the path that the flawed deployment would serve unguarded, if there is one.
pub fn respelt(path: &str, flaws: &FlawSet) -> Option<String> {
    let other = match () {
        () if flaws.has("dot-segments-unguarded") => remove_dots(path),
        () if flaws.has("encoded-path-unguarded") => remove_dots(&decode(path)),
        () if flaws.has("double-encoded-path-unguarded") => remove_dots(&decode(&decode(path))),
        () if flaws.has("path-parameters-unguarded") => {
            let segments: Vec<&str> = path
                .split('/')
                .map(|segment| segment.split(';').next().unwrap_or_default())
                .collect();
            remove_dots(&segments.join("/"))
        }
        () if flaws.has("trailing-slash-unguarded") => path.trim_end_matches('/').to_owned(),
        () if flaws.has("path-case-unguarded") => path.to_ascii_lowercase(),
        () if flaws.has("path-suffix-unguarded") => path
            .trim_end_matches(".json")
            .trim_end_matches(".html")
            .to_owned(),
        () if flaws.has("internal-mount-unguarded") => path.replacen("/internal", "", 1),
        () => return None,
    };
    (other != path).then_some(other)
}

/// The path that a header asks for in place of the one in the request line, as the flawed deployment takes it.
pub fn rewritten(request: &Request, flaws: &FlawSet) -> Option<String> {
    let named = |names: &[&str], flaw: &str| {
        let value = names.iter().find_map(|name| request.fields.get(name))?;
        flaws.has(flaw).then_some(value)
    };
    let value = named(
        &["x-original-url", "x-rewrite-url"],
        "original-url-honoured",
    )
    .or_else(|| {
        named(
            &["x-forwarded-path", "x-forwarded-prefix", "x-override-url"],
            "forwarded-path-honoured",
        )
    })?;
    let path = value.split('?').next().unwrap_or_default();
    path.starts_with('/').then(|| path.to_owned())
}

/// RFC 3986 §5.2.4, and empty segments away.
fn remove_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                kept.pop();
            }
            segment => kept.push(segment),
        }
    }
    let slash = if path.len() > 1 && path.ends_with('/') {
        "/"
    } else {
        ""
    };
    format!("/{}{slash}", kept.join("/"))
}

/// Whether a path parameter has the form of an id: 1 to 64 letters, digits, `-` and `_`.
pub fn is_id(value: &str) -> bool {
    (1..=64).contains(&value.len())
        && value
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
}

pub mod percent {
    //! Percent-decoding (RFC 3986 §2.1), lenient: what is no escape stays as it is.

    pub fn decode(text: &str) -> String {
        String::from_utf8_lossy(&decode_octets(text)).into_owned()
    }

    pub fn decode_octets(text: &str) -> Vec<u8> {
        let octets = text.as_bytes();
        let mut out = Vec::with_capacity(octets.len());
        let mut at = 0;
        while let Some(octet) = octets.get(at) {
            let escape = octets
                .get(at + 1..at + 3)
                .filter(|_| *octet == b'%')
                .and_then(|digits| std::str::from_utf8(digits).ok())
                .and_then(|digits| u8::from_str_radix(digits, 16).ok());
            match escape {
                Some(decoded) => {
                    out.push(decoded);
                    at += 3;
                }
                None => {
                    out.push(*octet);
                    at += 1;
                }
            }
        }
        out
    }
}
