//! `WWW-Authenticate` and `Proxy-Authenticate`: RFC 9110 §11.2-11.3, §11.6.1; for Bearer RFC 6750 §3, for DPoP
//! RFC 9449 §7.1.

use indexmap::IndexMap;
use serde_json::{Value, json};

use super::defect::{Defect, quote};
use super::grammar::{Cursor, MAX_PARTS, is_tchar};

pub(super) const SHAPE: &str = r#"`Bearer realm="api", error=invalid_token, Negotiate` reads as
{"challenges": [{"scheme": "Bearer", "params": {"realm": "api", "error": "invalid_token"},
                 "quoted": ["realm"], "token68": null},
                {"scheme": "Negotiate", "params": {}, "quoted": [], "token68": null}],
 "schemes": ["bearer", "negotiate"], "empty_elements": 0}

`scheme` is as sent, `schemes` lower case in order. Names in `params` are lower case, values without quotes and
escapes. `quoted` names the parameters sent as quoted strings. Every line must hold whole challenges. Refused:
an open quoted string, a name twice in one challenge, a parameter before any scheme, an unquoted value with
spaces; for Bearer and DPoP also a token68 and an error, error_description, error_uri or scope with characters
that RFC 6750 §3 forbids (`"`, `\`, controls, non-ASCII; spaces in error_uri)."#;

struct Challenge<'a> {
    scheme: &'a str,
    params: IndexMap<String, String>,
    quoted: Vec<String>,
    token68: Option<&'a str>,
}

pub(super) fn parse(lines: &[&str]) -> Result<Value, Defect> {
    let mut challenges = Vec::new();
    let mut empty = 0;
    for (n, line) in lines.iter().enumerate() {
        let mut cursor = match lines.len() {
            1 => Cursor::new(line),
            _ => Cursor::on_line(line, n + 1),
        };
        empty += read_line(&mut cursor, &mut challenges)?;
    }
    let schemes: Vec<String> = challenges
        .iter()
        .map(|c| c.scheme.to_ascii_lowercase())
        .collect();
    if schemes.is_empty() {
        return Err(Defect::new("there is no challenge"));
    }
    let challenges: Vec<Value> = challenges
        .into_iter()
        .map(|c| json!({"scheme": c.scheme, "params": c.params, "quoted": c.quoted, "token68": c.token68}))
        .collect();
    Ok(json!({"challenges": challenges, "schemes": schemes, "empty_elements": empty}))
}

/// Reads the challenges of one line and returns the number of empty list elements.
///
/// After a comma there is either another parameter or another challenge; a parameter is known by its `=`.
fn read_line<'a>(
    cursor: &mut Cursor<'a>,
    challenges: &mut Vec<Challenge<'a>>,
) -> Result<usize, Defect> {
    let mut empty = 0;
    let mut open = false;
    for _ in 0..MAX_PARTS {
        cursor.ows();
        if cursor.done() {
            return Ok(empty);
        }
        if cursor.peek() == Some(b',') {
            empty += 1;
        } else if !open || !parameter_ahead(cursor) {
            challenges.push(start(cursor)?);
            open = true;
        } else if let Some(challenge) = challenges.last_mut() {
            if challenge.params.is_empty() && challenge.token68.is_none() {
                let says = "a comma, not a space, stands between scheme and parameter";
                return Err(cursor.fail(says));
            }
            parameter(cursor, challenge)?;
        }
        let space = cursor.ows();
        if cursor.done() {
            return Ok(empty);
        }
        if !cursor.eat(b',') {
            let hint = if space {
                " (a value with spaces or commas must be quoted)"
            } else {
                ""
            };
            return Err(cursor.expected(&format!("a comma or the end{hint}")));
        }
        cursor.ows();
        // What a list ends with after its last comma is an empty element as well.
        empty += usize::from(cursor.done());
    }
    Err(Defect::new(format!("more than {MAX_PARTS} parts")))
}

/// A scheme with what follows it up to the first comma.
fn start<'a>(cursor: &mut Cursor<'a>) -> Result<Challenge<'a>, Defect> {
    let mark = cursor.mark();
    let scheme = cursor.token("an authentication scheme")?;
    if parameter_follows(cursor) {
        let says = format!("parameter {} stands before any scheme", quote(scheme));
        return Err(cursor.fail_at(mark, &says));
    }
    let mut challenge = Challenge {
        scheme,
        params: IndexMap::new(),
        quoted: Vec::new(),
        token68: None,
    };
    let end = cursor.mark();
    let spaces = cursor.take_while(|b| b == b' ');
    if spaces.is_empty() || cursor.done() || cursor.peek() == Some(b',') {
        cursor.reset(end);
        return Ok(challenge);
    }
    let mark = cursor.mark();
    if let Some(token68) = token68(cursor) {
        if is_rfc6750(scheme) {
            let says = format!("{scheme} takes name=value pairs but has {}", quote(token68));
            return Err(cursor.fail_at(mark, &says));
        }
        challenge.token68 = Some(token68);
    } else {
        parameter(cursor, &mut challenge)?;
    }
    Ok(challenge)
}

fn parameter<'a>(cursor: &mut Cursor<'a>, challenge: &mut Challenge<'a>) -> Result<(), Defect> {
    let mark = cursor.mark();
    let name = cursor.token("a parameter name")?.to_ascii_lowercase();
    let shown = quote(&name);
    cursor.ows();
    if !cursor.eat(b'=') {
        return Err(cursor.expected(&format!("`=` after parameter {shown}")));
    }
    if challenge.token68.is_some() {
        let says = format!("parameter {shown} follows a token68");
        return Err(cursor.fail_at(mark, &says));
    }
    cursor.ows();
    let (value, quoted) = cursor.value(&format!("a value of parameter {shown}"))?;
    if is_rfc6750(challenge.scheme)
        && let Some(c) = forbidden(&name, &value)
    {
        let says = format!(
            "parameter {shown} holds {}, which RFC 6750 forbids there,",
            quote(&c.to_string())
        );
        return Err(cursor.fail_at(mark, &says));
    }
    if challenge.params.insert(name.clone(), value).is_some() {
        let says = format!("parameter {shown} is given a second time in one challenge");
        return Err(cursor.fail_at(mark, &says));
    }
    if quoted {
        challenge.quoted.push(name);
    }
    Ok(())
}

fn is_rfc6750(scheme: &str) -> bool {
    scheme.eq_ignore_ascii_case("bearer") || scheme.eq_ignore_ascii_case("dpop")
}

/// The first character of `value` that RFC 6750 §3 does not allow in parameter `name`.
fn forbidden(name: &str, value: &str) -> Option<char> {
    let space = match name {
        "error" | "error_description" | "scope" => true,
        "error_uri" => false,
        _ => return None,
    };
    value.chars().find(|c| match c {
        ' ' => !space,
        '"' | '\\' => true,
        _ => !c.is_ascii_graphic(),
    })
}

/// A token68 that is all there is up to a comma or the end.
fn token68<'a>(cursor: &mut Cursor<'a>) -> Option<&'a str> {
    let mark = cursor.mark();
    let whole = cursor.rest();
    let text = cursor.take_while(|b| b.is_ascii_alphanumeric() || b"-._~+/".contains(&b));
    let padding = cursor.take_while(|b| b == b'=');
    let end = cursor.mark();
    cursor.ows();
    let closed = cursor.done() || cursor.peek() == Some(b',');
    if text.is_empty() || !closed {
        cursor.reset(mark);
        return None;
    }
    cursor.reset(end);
    Some(&whole[..text.len() + padding.len()])
}

fn parameter_ahead(cursor: &mut Cursor) -> bool {
    let mark = cursor.mark();
    let named = !cursor.take_while(is_tchar).is_empty();
    let ahead = named && parameter_follows(cursor);
    cursor.reset(mark);
    ahead
}

/// Whether `BWS "="` is next.
fn parameter_follows(cursor: &mut Cursor) -> bool {
    let mark = cursor.mark();
    cursor.ows();
    let follows = cursor.peek() == Some(b'=');
    cursor.reset(mark);
    follows
}

#[cfg(test)]
mod tests {
    use http_auth::ChallengeParser;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn good() {
        let value = parse(&[
            r#"DPoP algs="ES256 PS256" , error="use_dpop_nonce",error_description="a, b \& c", Basic realm = x"#,
            "Negotiate YII/+=, NTLM",
        ])
        .unwrap();
        assert_eq!(
            value["schemes"],
            json!(["dpop", "basic", "negotiate", "ntlm"])
        );
        assert_eq!(
            value["challenges"][0]["params"]["error_description"],
            "a, b & c"
        );
        assert_eq!(value["challenges"][1]["params"], json!({"realm": "x"}));
        assert_eq!(value["challenges"][1]["quoted"], json!([]));
        assert_eq!(value["challenges"][2]["token68"], "YII/+=");

        let value = parse(&[", Bearer , , Basic realm=\"\","]).unwrap();
        assert_eq!(value["schemes"], json!(["bearer", "basic"]));
        assert_eq!(value["empty_elements"], 3);
        // An odd quote inside a value of another scheme is legal when escaped.
        let value = parse(&[r#"Basic realm="say \"hi\"""#]).unwrap();
        assert_eq!(value["challenges"][0]["params"]["realm"], r#"say "hi""#);
    }

    #[test]
    fn bad() {
        for (lines, says) in [
            (&[""][..], "there is no challenge"),
            (&[","], "there is no challenge"),
            (&[r#"Bearer realm="x"#], "opened and not closed at octet 14"),
            (
                &["Bearer realm=\"x\"", "Basic realm=\"y"],
                "not closed at octet 13 of line 2",
            ),
            (
                &["Bearer error=invalid_token, error_description=The token is expired, or revoked"],
                "where a comma or the end (a value with spaces or commas must be quoted) should be, `token is expired, or revoked` stands",
            ),
            (
                &["Bearer realm=a, REALM=b"],
                "`realm` is given a second time in one challenge at octet 17",
            ),
            (
                &[r#"Bearer error="a\"b""#],
                "parameter `error` holds `\"`, which RFC 6750 forbids there, at octet 8",
            ),
            (&[r#"DPoP error_description="a\\b""#], r"holds `\`"),
            (
                &["Bearer error_description=\"caf\u{e9}\""],
                r"holds `\u{e9}`",
            ),
            (&[r#"Bearer error_uri="https://a b""#], "holds ` `"),
            (
                &["Bearer invalid_token"],
                "Bearer takes name=value pairs but has `invalid_token` at octet 8",
            ),
            (
                &["realm=\"x\""],
                "parameter `realm` stands before any scheme",
            ),
            (
                &["Bearer, realm=\"x\""],
                "a comma, not a space, stands between scheme and parameter at octet 9",
            ),
            (
                &["Bearer realm=x", "error=y"],
                "parameter `error` stands before any scheme at octet 1 of line 2",
            ),
            (
                &["Bearer realm=\"x\" error=\"y\""],
                "where a comma or the end",
            ),
            (
                &["Bearer realm=\"x\"; error=\"y\""],
                "where a comma or the end should be",
            ),
            (
                &["Bearer realm=\"x\"error=\"y\""],
                "where a comma or the end should be",
            ),
            (&["\"Bearer\""], "where an authentication scheme should be"),
            (
                &["Negotiate abc=, realm=x"],
                "parameter `realm` follows a token68",
            ),
            (&["Bearer\trealm=x"], "where a comma or the end"),
            (&["Bearer realm=\"a\u{1}b\""], "control character"),
        ] {
            let defect = parse(lines).expect_err(lines[0]);
            assert!(defect.says.contains(says), "{lines:?}: {defect}");
        }
    }

    fn challenge() -> impl Strategy<Value = String> {
        let param = (
            "[a-z]{1,6}",
            prop_oneof!["[A-Za-z0-9._-]{1,8}", r#""([ !#-\[\]-~]|\\[ -~]){0,10}""#],
        )
            .prop_map(|(name, value)| format!("{name}={value}"));
        ("[A-Z][a-z]{2,7}", prop::collection::vec(param, 0..4)).prop_map(|(scheme, params)| {
            match params.is_empty() {
                true => scheme,
                false => format!("{scheme} {}", params.join(", ")),
            }
        })
    }

    proptest! {
        /// What we accept, the http-auth crate reads the same way.
        #[test]
        fn agrees_with_http_auth(
            challenges in prop::collection::vec(challenge(), 1..4),
            cut in any::<prop::sample::Index>(),
            noise in prop_oneof![3 => Just(String::new()), 1 => "[\",=; a\\\\]{1,2}"],
        ) {
            let mut line = challenges.join(", ");
            line.insert_str(cut.index(line.len() + 1), &noise);
            // White space around a field's value is no part of it, and that crate wants it gone.
            let line = super::super::grammar::trim(&line);
            let Ok(ours) = parse(&[line]) else { return Ok(()) };
            let ours = ours["challenges"].as_array().unwrap();
            // That crate knows no token68, and one space only after a scheme where RFC 9110 has 1*SP.
            prop_assume!(ours.iter().all(|c| c["token68"].is_null()) && !line.contains("  "));
            let theirs = ChallengeParser::new(line).collect::<Result<Vec<_>, _>>();
            let theirs = theirs.map_err(|e| TestCaseError::fail(format!("{line:?}: {e}")))?;
            prop_assert_eq!(ours.len(), theirs.len(), "{}", line);
            for (a, b) in ours.iter().zip(theirs) {
                prop_assert_eq!(a["scheme"].as_str(), Some(b.scheme));
                let params = a["params"].as_object().unwrap();
                prop_assert_eq!(params.len(), b.params.len());
                for (name, value) in b.params {
                    let expected = value.to_unescaped();
                    prop_assert_eq!(params[&name.to_ascii_lowercase()].as_str(), Some(&*expected));
                }
            }
        }

        /// And what is well-formed we accept.
        #[test]
        fn accepts_well_formed(challenges in prop::collection::vec(challenge(), 1..4)) {
            let repeats = challenges.iter().any(|c| {
                let challenge = ChallengeParser::new(c).next().unwrap().unwrap();
                let names: Vec<_> = challenge.params.iter().map(|p| p.0).collect();
                !super::super::grammar::repeated(&names).is_empty()
            });
            prop_assert_eq!(parse(&[&challenges.join(", ")]).is_err(), repeats);
        }
    }
}
