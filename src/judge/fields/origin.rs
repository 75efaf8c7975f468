//! An origin as browsers send and compare it: Fetch "byte-serializing a request origin", HTML "ASCII serialisation of
//! an origin"; and what `Access-Control-Allow-Origin` may hold besides.

use serde_json::{Value, json};
use url::{Origin, Url};

use super::defect::{Defect, quote};
use super::grammar::single;

pub(super) const SHAPE: &str = r#"`https://app.example.com` reads as
{"kind": "tuple", "value": "https://app.example.com", "scheme": "https", "host": "app.example.com",
 "port": 443, "lines": 1}

`kind` is tuple, `null` (the word null) or any (`*`); `scheme`, `host` and `port` are null then. `port` is the
one that the scheme implies if none is written, or null where it implies none. Refused: what is not written
exactly as a browser writes it (upper case, default port, trailing slash or path, user, fragment), several
origins, lines that differ."#;

pub(super) fn parse(lines: &[&str]) -> Result<Value, Defect> {
    let field = single(lines)?;
    let text = field.text;
    let known = |kind: &str, parts: (Option<&str>, Option<String>, Option<u16>)| {
        let (scheme, host, port) = parts;
        json!({"kind": kind, "value": text, "scheme": scheme, "host": host, "port": port, "lines": field.lines})
    };
    match text {
        "*" => return Ok(known("any", (None, None, None))),
        "null" => return Ok(known("null", (None, None, None))),
        _ => {}
    }
    let shown = quote(text);
    if text.contains([',', ' ', '\t']) {
        return Err(Defect::new(format!("{shown} is more than one origin")));
    }
    let url = Url::parse(text).map_err(|_| Defect::new(format!("{shown} is no origin")))?;
    match url.origin() {
        Origin::Tuple(scheme, host, port) => {
            let written = url.origin().ascii_serialization();
            if written == text {
                Ok(known(
                    "tuple",
                    (Some(&scheme), Some(host.to_string()), Some(port)),
                ))
            } else {
                Err(Defect::new(format!(
                    "{shown} is not how a browser writes an origin; that would be {}",
                    quote(&written)
                )))
            }
        }
        // Schemes that a browser knows and the URL standard does not, such as those of extensions.
        Origin::Opaque(_) => {
            let host = url.host_str().filter(|host| !host.is_empty());
            let port = url.port().map_or(String::new(), |port| format!(":{port}"));
            match host {
                Some(host)
                    if format!("{}://{}{port}", url.scheme(), host.to_ascii_lowercase())
                        == text =>
                {
                    Ok(known(
                        "tuple",
                        (Some(url.scheme()), Some(host.to_owned()), url.port()),
                    ))
                }
                _ => Err(Defect::new(format!("{shown} is no origin"))),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good() {
        for (line, kind, host, port) in [
            ("*", "any", Value::Null, Value::Null),
            ("null", "null", Value::Null, Value::Null),
            (
                "http://localhost:3000",
                "tuple",
                json!("localhost"),
                json!(3000),
            ),
            ("http://[::1]", "tuple", json!("[::1]"), json!(80)),
            (
                "https://xn--caf-dma.example",
                "tuple",
                json!("xn--caf-dma.example"),
                json!(443),
            ),
            (
                "chrome-extension://abcdef",
                "tuple",
                json!("abcdef"),
                Value::Null,
            ),
        ] {
            let value = parse(&[line]).unwrap_or_else(|defect| panic!("{line}: {defect}"));
            assert_eq!(
                (&value["kind"], &value["host"], &value["port"]),
                (&json!(kind), &host, &port),
                "{line}"
            );
            assert_eq!(value["value"], line);
        }
        assert_eq!(parse(&["*", "*"]).unwrap()["lines"], 2);
    }

    #[test]
    fn bad() {
        for (lines, says) in [
            (&[""][..], "is no origin"),
            (
                &["https://app.example.com/"],
                "that would be `https://app.example.com`",
            ),
            (&["https://app.example.com:443"], "that would be"),
            (&["HTTPS://app.example.com"], "that would be"),
            (&["https://App.example.com"], "that would be"),
            (&["https://u@app.example.com"], "that would be"),
            (&["https://app.example.com#x"], "that would be"),
            (&["https://caf\u{e9}.example"], "that would be"),
            (&["app.example.com"], "is no origin"),
            (&["NULL"], "is no origin"),
            (&["file:///x"], "is no origin"),
            (&["data:text/html,x"], "more than one origin"),
            (
                &["https://a.example, https://b.example"],
                "more than one origin",
            ),
            (
                &["https://a.example https://b.example"],
                "more than one origin",
            ),
            (&["https://*.example.com"], ""),
            (&["*", "https://a.example"], "sent twice"),
        ] {
            match parse(lines) {
                Ok(value) => assert!(says.is_empty(), "{lines:?} read as {value}"),
                Err(defect) => assert!(defect.says.contains(says), "{lines:?}: {defect}"),
            }
        }
    }
}
