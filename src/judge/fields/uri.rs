//! `Location`, `Content-Location` and other URI references: RFC 3986 §4.1, RFC 9110 §10.2.2.

use serde_json::{Value, json};
use url::Url;

use super::defect::{Defect, quote};
use super::grammar::single;

pub(super) const SHAPE: &str = r#"`https://api.example/v1/jobs/7?page=2#top` reads as
{"form": "absolute", "value": "https://api.example/v1/jobs/7?page=2#top", "scheme": "https", "host": "api.example",
 "port": 443, "path": "/v1/jobs/7", "query": "page=2", "fragment": "top", "userinfo": false, "origin": "https://api.example",
 "lines": 1}

`form` is absolute, network-path (`//host/x`), absolute-path (`/x`) or relative-path (all else, an empty one
too). Parts that are not written are null; `port` is the one that the scheme implies if it implies one. `origin`
is null unless scheme and host are written. `userinfo` tells that a user is written in front of the host; he is
never shown, and `value` is null then. Refused: characters that RFC 3986 forbids (spaces, quotes, backslashes,
non-ASCII, `%` without two hex digits), absolute URIs that the URL standard cannot parse, lines that differ."#;

pub(super) fn parse(lines: &[&str]) -> Result<Value, Defect> {
    let field = single(lines)?;
    let text = field.text;
    check_characters(text)?;

    let (form, url) = if has_scheme(text) {
        ("absolute", Some(absolute(text, text)?))
    } else if text.starts_with("//") {
        // Any scheme will do to find the host; one that is special is parsed with all rules for hosts.
        (
            "network-path",
            Some(absolute(&format!("https:{text}"), text)?),
        )
    } else if text.starts_with('/') {
        ("absolute-path", None)
    } else {
        ("relative-path", None)
    };
    let absolute = form == "absolute";
    let userinfo = url
        .as_ref()
        .is_some_and(|u| !u.username().is_empty() || u.password().is_some());
    let (before_fragment, fragment) = split(text, '#');
    let (before_query, query) = split(before_fragment, '?');
    let origin = url
        .as_ref()
        .filter(|u| absolute && u.has_host())
        .map(|u| u.origin().ascii_serialization());
    Ok(json!({
        "form": form,
        "value": (!userinfo).then_some(text),
        "scheme": url.as_ref().filter(|_| absolute).map(Url::scheme),
        "host": url.as_ref().and_then(Url::host_str),
        "port": url.as_ref().and_then(|u| if absolute { u.port_or_known_default() } else { u.port() }),
        "path": path(before_query, form),
        "query": query,
        "fragment": fragment,
        "userinfo": userinfo,
        "origin": origin,
        "lines": field.lines,
    }))
}

fn absolute(url: &str, text: &str) -> Result<Url, Defect> {
    Url::parse(url)
        .map_err(|error| Defect::new(format!("{} is no URI: {error}", quote(without_user(text)))))
}

/// What follows an `@`, since a password may stand before it.
fn without_user(text: &str) -> &str {
    text.rsplit_once('@').map_or(text, |(_, rest)| rest)
}

fn check_characters(text: &str) -> Result<(), Defect> {
    let bytes = text.as_bytes();
    for (at, b) in bytes.iter().enumerate() {
        let says = match b {
            b'%' => {
                let hex = bytes.get(at + 1..at + 3);
                if hex.is_some_and(|pair| pair.iter().all(u8::is_ascii_hexdigit)) {
                    continue;
                }
                "`%` without two hexadecimal digits"
            }
            b if b.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=".contains(b) => continue,
            b' ' => "a space",
            b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' => {
                "a character that must be percent-encoded"
            }
            b if b.is_ascii() => "a control character",
            _ => "a character that is not ASCII",
        };
        return Err(Defect::new(format!(
            "{says} stands in the URI at octet {}",
            at + 1
        )));
    }
    Ok(())
}

fn has_scheme(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
    })
}

fn split(text: &str, at: char) -> (&str, Option<&str>) {
    match text.split_once(at) {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}

/// The path as it is written, dots and all.
fn path<'a>(text: &'a str, form: &str) -> &'a str {
    let hierarchical = match form {
        "absolute" => text.split_once(':').map_or(text, |(_, rest)| rest),
        "network-path" => text,
        _ => return text,
    };
    match hierarchical.strip_prefix("//") {
        Some(authority) => authority.find('/').map_or("", |at| &authority[at..]),
        None => hierarchical,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good() {
        for (line, form, host, path, origin) in [
            (
                "/a/../b?x#y",
                "absolute-path",
                Value::Null,
                "/a/../b",
                Value::Null,
            ),
            ("", "relative-path", Value::Null, "", Value::Null),
            ("a:b/c", "absolute", Value::Null, "b/c", Value::Null),
            ("./a:b", "relative-path", Value::Null, "./a:b", Value::Null),
            (
                "//evil.example/x",
                "network-path",
                json!("evil.example"),
                "/x",
                Value::Null,
            ),
            (
                "HTTP://EXAMPLE:80",
                "absolute",
                json!("example"),
                "",
                json!("http://example"),
            ),
            (
                "https://a.example?x",
                "absolute",
                json!("a.example"),
                "",
                json!("https://a.example"),
            ),
        ] {
            let value = parse(&[line]).unwrap_or_else(|defect| panic!("{line}: {defect}"));
            assert_eq!(value["form"], form, "{line}");
            assert_eq!(value["host"], host, "{line}");
            assert_eq!(value["path"], path, "{line}");
            assert_eq!(value["origin"], origin, "{line}");
        }
    }

    #[test]
    fn users_are_not_shown() {
        let value = parse(&["https://me:hunter2@a.example/"]).unwrap();
        assert_eq!(value["userinfo"], true);
        assert!(!value.to_string().contains("hunter2"));
        let defect = parse(&["https://me:hunter2@a.example:x/"]).unwrap_err();
        assert!(!defect.says.contains("hunter2"), "{defect}");
    }

    #[test]
    fn bad() {
        for (line, says) in [
            ("/a b", "a space stands in the URI at octet 3"),
            ("/a%2", "without two hexadecimal digits"),
            ("/a%zz", "without two hexadecimal digits"),
            ("/\u{e9}", "not ASCII"),
            ("\\\\evil.example", "must be percent-encoded"),
            ("/a\u{7f}", "a control character"),
            ("https://", "is no URI: empty host"),
            ("https://a:99999/", "is no URI: invalid port"),
            ("//[::1", "is no URI"),
        ] {
            let defect = parse(&[line]).unwrap_err();
            assert!(defect.says.contains(says), "{line}: {defect}");
        }
        assert!(
            parse(&["/a", "/b"])
                .unwrap_err()
                .says
                .contains("sent twice")
        );
    }
}
