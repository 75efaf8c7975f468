//! `Set-Cookie`: RFC 6265 §4.1 and §5.2, with SameSite and the name prefixes of RFC 6265bis §4.1.2.7, §4.1.3.

use serde_json::{Value, json};

use super::cookie_date;
use super::defect::Defect;
use super::grammar::{MAX_PARTS, is_tchar, repeated, trim};

pub(super) const SHAPE: &str = r#"`__Host-sid=c2VjcmV0; Secure; HttpOnly; SameSite=Lax; Path=/; Max-Age=3600` reads as
[{"name": "__Host-sid", "value_length": 8, "conforming": true, "secure": true, "http_only": true, "same_site": "lax",
  "path": "/", "domain": null, "max_age": 3600, "expires": null, "partitioned": false, "deletes": false,
  "host_prefix": true, "secure_prefix": false, "prefix_rules_broken": [],
  "session_like": true, "session_evidence": "name", "invalid": [], "repeated": [], "unknown": []}]

One object for each line; the value is never shown. `same_site` is strict, lax, none or null. `domain` is lower
case, a leading dot kept. `max_age` is in seconds and may be negative; `expires` is in seconds since 1970.
`conforming`: name and value follow the grammar for servers. `deletes`: the value is empty, or Max-Age or
Expires lies in the past for sure. Prefixes match in any case, as browsers match them. `prefix_rules_broken`
holds some of "Secure is missing", "Path is not /", "Domain is set". `session_like`: the name speaks of a
session or token, or the value is a JWT or looks random; `session_evidence` is then "name" or "value"; false if
the line deletes. `invalid` names attributes with a value that browsers ignore (max-age, expires, same-site),
`repeated` those given twice (the last counts), `unknown` others. Refused: no `=`, an empty name, a control
character."#;

/// Parts of a name that tell of a session. A CSRF token is none: scripts have to read it.
const SESSION_WORDS: [&str; 7] = [
    "sess", "auth", "token", "jwt", "login", "remember", "identity",
];

pub(super) fn parse(lines: &[&str]) -> Result<Value, Defect> {
    if lines.is_empty() {
        return Err(Defect::new("there is no line of this field"));
    }
    if lines.len() > MAX_PARTS {
        return Err(Defect::new(format!("more than {MAX_PARTS} cookies")));
    }
    let cookies: Result<Vec<Value>, Defect> = lines
        .iter()
        .enumerate()
        .map(|(n, line)| {
            cookie(line).map_err(|says| Defect::new(format!("{says} in line {}", n + 1)))
        })
        .collect();
    cookies.map(Value::Array)
}

#[derive(Default)]
struct Attributes<'a> {
    secure: bool,
    http_only: bool,
    partitioned: bool,
    same_site: Option<&'static str>,
    path: Option<&'a str>,
    domain: Option<String>,
    max_age: Option<i64>,
    expires: Option<i64>,
    invalid: Vec<&'static str>,
    names: Vec<String>,
    unknown: Vec<String>,
}

/// The message must not quote the line, since it may be the value that lacks a name.
fn cookie(line: &str) -> Result<Value, &'static str> {
    if line.bytes().any(|b| b.is_ascii_control() && b != b'\t') {
        return Err("a control character stands");
    }
    let (pair, attributes) = line.split_once(';').unwrap_or((line, ""));
    let Some((name, value)) = pair.split_once('=') else {
        return Err("there is no `=` after a cookie name");
    };
    let (name, value) = (trim(name), trim(value));
    if name.is_empty() {
        return Err("the cookie name is empty");
    }
    let attributes = read_attributes(attributes)?;

    let deletes = value.trim_matches('"').is_empty()
        || attributes.max_age.is_some_and(|n| n <= 0)
        // No clock here: whatever ends before 2000 is over.
        || (attributes.max_age.is_none() && attributes.expires.is_some_and(|t| t < 946_684_800));
    let evidence = session_evidence(name, value).filter(|_| !deletes);
    let lower = name.to_ascii_lowercase();
    let host_prefix = lower.starts_with("__host-");
    let secure_prefix = lower.starts_with("__secure-");
    let mut broken = Vec::new();
    if (host_prefix || secure_prefix) && !attributes.secure {
        broken.push("Secure is missing");
    }
    if host_prefix && attributes.path != Some("/") {
        broken.push("Path is not /");
    }
    if host_prefix && attributes.domain.as_ref().is_some_and(|d| !d.is_empty()) {
        broken.push("Domain is set");
    }
    Ok(json!({
        "name": name,
        "value_length": value.len(),
        "conforming": name.bytes().all(is_tchar) && is_cookie_value(value),
        "secure": attributes.secure,
        "http_only": attributes.http_only,
        "same_site": attributes.same_site,
        "path": attributes.path,
        "domain": attributes.domain,
        "max_age": attributes.max_age,
        "expires": attributes.expires,
        "partitioned": attributes.partitioned,
        "deletes": deletes,
        "host_prefix": host_prefix,
        "secure_prefix": secure_prefix,
        "prefix_rules_broken": broken,
        "session_like": evidence.is_some(),
        "session_evidence": evidence,
        "invalid": attributes.invalid,
        "repeated": repeated(&attributes.names),
        "unknown": attributes.unknown,
    }))
}

fn read_attributes(text: &str) -> Result<Attributes<'_>, &'static str> {
    let mut found = Attributes::default();
    for (n, part) in text.split(';').map(trim).enumerate() {
        if n >= MAX_PARTS {
            return Err("there are too many attributes");
        }
        if part.is_empty() {
            continue;
        }
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let (name, value) = (trim(name).to_ascii_lowercase(), trim(value));
        match name.as_str() {
            "secure" => found.secure = true,
            "httponly" => found.http_only = true,
            "partitioned" => found.partitioned = true,
            "path" => found.path = Some(value),
            "domain" => found.domain = Some(value.to_ascii_lowercase()),
            "samesite" => {
                found.same_site = ["strict", "lax", "none"]
                    .into_iter()
                    .find(|known| value.eq_ignore_ascii_case(known));
                if found.same_site.is_none() {
                    found.invalid.push("same-site");
                }
            }
            "max-age" => match seconds(value) {
                Some(n) => found.max_age = Some(n),
                None => found.invalid.push("max-age"),
            },
            "expires" => match cookie_date::parse(value) {
                Some(t) => found.expires = Some(t),
                None => found.invalid.push("expires"),
            },
            // A `;` inside the value would make the rest of the value look like a name.
            _ if name.len() <= 24 && name.bytes().all(|b| b.is_ascii_alphabetic() || b == b'-') => {
                found.unknown.push(name.clone());
            }
            _ => {
                found.unknown.push("(not a name)".to_owned());
                continue;
            }
        }
        found.names.push(name);
    }
    Ok(found)
}

/// RFC 6265 §5.2.2, with numbers beyond ±10^15 read as that.
fn seconds(text: &str) -> Option<i64> {
    const LIMIT: i64 = 1_000_000_000_000_000;
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let n = digits.parse().map_or(LIMIT, |n: i64| n.min(LIMIT));
    Some(if text.starts_with('-') { -n } else { n })
}

/// `*cookie-octet / ( DQUOTE *cookie-octet DQUOTE )`
fn is_cookie_value(text: &str) -> bool {
    let inner = text
        .strip_prefix('"')
        .and_then(|t| t.strip_suffix('"'))
        .unwrap_or(text);
    inner
        .bytes()
        .all(|b| matches!(b, b'!'..=b'~') && !b"\",;\\".contains(&b))
}

fn session_evidence(name: &str, value: &str) -> Option<&'static str> {
    let lower = name.to_ascii_lowercase();
    let bare = lower
        .strip_prefix("__host-")
        .or_else(|| lower.strip_prefix("__secure-"))
        .unwrap_or(&lower);
    if bare.contains("csrf") || bare.contains("xsrf") {
        return None;
    }
    let ends_in_sid = ["-sid", "_sid", ".sid"]
        .iter()
        .any(|end| bare.ends_with(end));
    if bare == "sid" || ends_in_sid || SESSION_WORDS.iter().any(|word| bare.contains(word)) {
        return Some("name");
    }
    let jwt = value.starts_with("eyJ") && value.matches('.').count() >= 2;
    (jwt || looks_random(value)).then_some("value")
}

/// At least 16 characters of at least 8 kinds, with letters and digits mixed as no word or number mixes them.
fn looks_random(value: &str) -> bool {
    let mut counts = [0usize; 128];
    for b in value.bytes() {
        if !b.is_ascii_alphanumeric() && !b"-_.~+/=".contains(&b) {
            return false;
        }
        counts[usize::from(b)] += 1;
    }
    let letters: usize = (b'A'..=b'z')
        .filter(u8::is_ascii_alphabetic)
        .map(|b| counts[usize::from(b)])
        .sum();
    let digits: usize = (b'0'..=b'9').map(|b| counts[usize::from(b)]).sum();
    let distinct = counts.iter().filter(|n| **n > 0).count();
    value.len() >= 16 && letters >= 4 && digits >= 2 && distinct >= 8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Value {
        parse(&[line]).unwrap_or_else(|defect| panic!("{line}: {defect}"))[0].clone()
    }

    #[test]
    fn attributes() {
        let value = read(
            "a=b;SECURE;httponly ; samesite = None;Domain=.Example.com; Path=/x;Max-Age=-1;Priority=High;path=/y; SameSite=Maybe; max-age=1h; Expires=soon",
        );
        assert_eq!(value["secure"], true);
        assert_eq!(value["http_only"], true);
        assert_eq!(value["same_site"], Value::Null);
        assert_eq!(value["domain"], ".example.com");
        assert_eq!(value["path"], "/y");
        assert_eq!(value["max_age"], -1);
        assert_eq!(value["deletes"], true);
        assert_eq!(value["invalid"], json!(["same-site", "max-age", "expires"]));
        assert_eq!(value["repeated"], json!(["path", "samesite", "max-age"]));
        assert_eq!(value["unknown"], json!(["priority"]));
        assert_eq!(
            read("a=b; Max-Age=99999999999999999999")["max_age"],
            1_000_000_000_000_000u64
        );
        assert_eq!(
            read("a=b; Expires=Wed, 21-Oct-2015 07:28:00 GMT")["expires"],
            1_445_412_480
        );
        assert_eq!(
            read("a=b; expires=Thu, 01 Jan 1970 00:00:00 GMT")["deletes"],
            true
        );
        assert_eq!(read("a=b c")["conforming"], false);
        assert_eq!(read("a=\"b\"")["conforming"], true);
        assert_eq!(parse(&["a=1", "b=2"]).unwrap()[1]["name"], "b");
    }

    #[test]
    fn prefixes() {
        for (line, broken) in [
            ("__Host-a=1; Secure; Path=/", json!([])),
            ("__Host-a=1; Path=/", json!(["Secure is missing"])),
            (
                "__host-a=1; Secure; Path=/; Domain=x.example",
                json!(["Domain is set"]),
            ),
            ("__Host-a=1; Secure", json!(["Path is not /"])),
            (
                "__Secure-a=1; Path=/x; Domain=x.example",
                json!(["Secure is missing"]),
            ),
            ("__Secure-a=1; secure", json!([])),
            ("a=1; Domain=x", json!([])),
        ] {
            assert_eq!(read(line)["prefix_rules_broken"], broken, "{line}");
        }
    }

    #[test]
    fn sessions() {
        for (line, evidence) in [
            ("sid=1", json!("name")),
            ("__Host-app.sid=1", json!("name")),
            ("PHPSESSID=1", json!("name")),
            ("access_token=1", json!("name")),
            ("x=eyJhbGciOiJub25lIn0.e30.", json!("value")),
            ("x=550e8400-e29b-41d4-a716-446655440000", json!("value")),
            (
                "csrf_token=550e8400-e29b-41d4-a716-446655440000",
                Value::Null,
            ),
            ("XSRF-TOKEN=abc", Value::Null),
            ("lang=en-GB", Value::Null),
            ("inside=1", Value::Null),
            ("_ga=GA1.2.1234567890.1612345678", Value::Null),
            ("theme=a-rather-long-name-of-a-theme", Value::Null),
            ("sid=; Max-Age=0", Value::Null),
        ] {
            let value = read(line);
            assert_eq!(value["session_evidence"], evidence, "{line}");
            assert_eq!(value["session_like"], !evidence.is_null(), "{line}");
        }
    }

    #[test]
    fn bad_lines_are_refused_and_not_quoted() {
        for (line, says) in [
            (
                "hunter2hunter2",
                "there is no `=` after a cookie name in line 2",
            ),
            ("=hunter2", "the cookie name is empty in line 2"),
            ("hunter2; a=b", "there is no `=`"),
            ("a=hunter2\u{0}", "a control character stands in line 2"),
            ("", "there is no `=`"),
        ] {
            let defect = parse(&["ok=1", line]).unwrap_err();
            assert!(defect.says.contains(says), "{line}: {defect}");
            assert!(!defect.says.contains("hunter2"), "{defect}");
        }
    }

    #[test]
    fn the_value_is_not_shown() {
        let value = read(
            "sid=\"hunter2;hunter2\"; Secure; SameSite=hunter2; Max-Age=hunter2; Expires=hunter2",
        );
        assert!(!value.to_string().contains("hunter2"), "{value}");
        assert_eq!(value["unknown"], json!(["(not a name)"]));
    }
}
